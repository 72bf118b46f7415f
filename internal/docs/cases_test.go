package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/governance/cases"
)

const procedures = "docs/CASES.md"

// The procedures' diagrams, stages and keys of terms are drawn from their tables.
func TestGeneratedCases(t *testing.T) {
	all, err := cases.Procedures()
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, kind := range all.Kinds() {
		for _, table := range all.All(kind) {
			way := ""
			if table.Channel != "" {
				way = " " + table.Channel + ".route = " + strings.Join(table.Route, " → ")
			}
			want += "\n### " + table.ZH + " `" + kind + "`" + way + "\n\n" + table.EN + ".\n\n```mermaid\n" + table.Diagram() + "```\n\n" + table.Rows()
		}
	}
	doc := read(t, procedures)
	got, from, to := between(t, doc, "procedures")
	if *update {
		doc = doc[:from] + want + doc[to:]
		if err := os.WriteFile(filepath.Join(root, procedures), []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("procedures of %s (go test ./internal/docs -run Generated -update): %s", procedures, diff)
	}
}
