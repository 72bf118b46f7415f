package cases

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
)

func TestElevenProcedures(t *testing.T) {
	ts, err := Procedures()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"agreement.sign", "catalogue.review", "consent.record", "evaluate.yearly", "incident.rectify", "objection.resolve",
		"operator.admit", "output.vet", "program.review", "scenario.apply", "withdraw.dispose",
	}
	if diff := cmp.Diff(want, ts.Kinds()); diff != "" {
		t.Error(diff)
	}
	if _, err := ts.Newest("tea"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a procedure that there is not: %v", err)
	}
}

// What has to be allowed before an end is reached is what the law's ways say,
// read off the tables and held against this list.
func TestDemands(t *testing.T) {
	ts, err := Procedures()
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"catalogue.review published":   "review",
		"consent.record recorded":      "review",
		"operator.admit licensed":      "intake decision",
		"scenario.apply passed":        "intake providers decision",
		"agreement.sign in-force":      "signing",
		"program.review usable":        "", // review, or the second one
		"output.vet cleared":           "", // the vote, or deliberation
		"withdraw.dispose disposed":    "confirmation",
		"incident.rectify closed":      "acceptance",
		"incident.rectify censured":    "censure",
		"evaluate.yearly passed":       "score",
		"evaluate.yearly eliminated":   "elimination",
		"objection.resolve corrected":  "", // verification, or a rung of the ladder
		"scenario.apply refused":       "",
		"catalogue.review withdrawn":   "",
		"objection.resolve rejected":   "",
		"program.review no-such-place": "review second-review",
	} {
		kind, end, _ := strings.Cut(at, " ")
		table, err := ts.Newest(kind)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(table.Demands(end), " "); got != want {
			t.Errorf("%s demands %q, want %q", at, got, want)
		}
	}
}

func tableFile(tb testing.TB, kind string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("tables", strings.ReplaceAll(kind, ".", "-")+".yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// A table that the fold could not rely on is not read.
func TestLint(t *testing.T) {
	for _, c := range []struct{ name, kind, old, new string }{
		{"an unknown word", "scenario.apply", "work: decide", "werk: decide"},
		{"an unknown kind of work", "scenario.apply", "work: decide", "work: nod"},
		{"an unknown seat", "scenario.apply", "owners: [{seat: bureau}]", "owners: [{seat: mayor}]"},
		{"a seat without a part", "scenario.apply", "owners: [{seat: bureau}]", "owners: [{seat: checker}]"},
		{"an edge to nowhere", "scenario.apply", "{allow: passed,", "{allow: heaven,"},
		{"an unknown edge", "scenario.apply", "{allow: passed, deny", "{allow: passed, applaud: passed, deny"},
		{"no way to refuse", "scenario.apply", "{allow: passed, deny: refused,", "{allow: passed,"},
		{"a refusal that approves", "scenario.apply", "{allow: passed, deny: refused,", "{allow: passed, deny: passed,"},
		{"an approval by escalation", "scenario.apply", "escalate: coordination", "escalate: passed"},
		{"an approval by handing in", "scenario.apply", "{submit: intake,", "{submit: passed,"},
		{"an approval by withdrawing", "scenario.apply", "{submit: intake, withdraw: withdrawn}", "{submit: intake, withdraw: passed}"},
		{"withdrawing that goes on", "scenario.apply", "{submit: intake, withdraw: withdrawn}", "{submit: intake, withdraw: decision}"},
		{"a stage that is never reached", "scenario.apply", "    ascent: late\n    on: {allow: decision, deny: refused, escalate: coordination,", "    on: {allow: decision, deny: refused,"},
		{"an end that is never reached", "evaluate.yearly", "{allow: passed,", "{allow: elimination,"},
		{"a refusal without a basis", "scenario.apply", "    basis: any\n", ""},
		{"escalated whenever anybody likes", "scenario.apply", "    ascent: late\n", ""},
		{"escalated for being late without a term", "scenario.apply", "    clock: authop.provider_review_wd\n", ""},
		{"a blind vote that anybody has cast anew", "output.vet", "ascent: late", "ascent: any"},
		{"nothing to escalate to", "scenario.apply", "escalate: coordination, withdraw: withdrawn}\n    return: {by: draft, again: providers", "withdraw: withdrawn}\n    return: {by: draft, again: providers"},
		{"a basis of no kind", "scenario.apply", "basis: any", "basis: whim"},
		{"no separation", "scenario.apply", "    apart: org\n", ""},
		{"the operator decides", "scenario.apply", "owners: [{seat: provider, each: true}]", "owners: [{seat: operator}]"},
		{"the opener decides", "scenario.apply", "owners: [{seat: provider, each: true}]", "owners: [{seat: opener}]"},
		{"an organisation decides on its own case", "objection.resolve", "apart: person", "apart: org"},
		{"corrections that a provider never sees", "scenario.apply", "{by: draft, again: providers, clock: case.correction_wd}\nends", "{by: draft, again: decision, clock: case.correction_wd}\nends"},
		{"a form that is more than form", "scenario.apply", "    formal: true\n", ""},
		{"corrected by nobody", "scenario.apply", "{by: draft, again: intake", "{by: decision, again: intake"},
		{"a blind vote of one", "output.vet", "quorum: 2\n    blind", "quorum: 1\n    blind"},
		{"a blind vote in free words", "output.vet", "    reasons: [too-detailed, not-the-purpose, needs-context, other]\n", ""},
		{"a blind vote that cannot tell and stays", "output.vet", "inconclusive: deliberation, ", ""},
		{"a signature of one side", "agreement.sign", "[{seat: operator}, {seat: bureau}]", "[{seat: operator}]"},
		{"one side twice", "agreement.sign", "[{seat: operator}, {seat: bureau}]", "[{seat: operator}, {seat: operator}]"},
		{"barred by itself", "operator.admit", "barred: [intake]", "barred: [decision]"},
		{"barred by nothing", "operator.admit", "barred: [intake]", "barred: [tea]"},
		{"verified and not asked for", "operator.admit", "    verified: [organisation-attestation, credit-check]", "    verified: [tea]"},
		{"a guard on what nobody hands in", "operator.admit", "ref: longer-term", "ref: tea"},
		{"nobody opens it", "operator.admit", "opens: [operator]", "opens: []"},
		{"a checker opens it", "operator.admit", "opens: [operator]", "opens: [checker]"},
		{"a number of parties that nobody has", "operator.admit", "{min: 1, max: 1}", "{min: 2, max: 1}"},
		{"no version", "operator.admit", "version: 1", "version: 0"},
		{"the same name twice", "operator.admit", "id: override", "id: decision"},
		{"a key twice", "operator.admit", "version: 1", "version: 1\nversion: 1"},
		{"an alias", "operator.admit", "opens: [operator]", "opens: &a [operator]\nx: *a"},
		{"a tag", "operator.admit", "version: 1", "version: !!int 1"},
		{"a second document", "operator.admit", "kind: operator.admit", "kind: x\n---\nkind: operator.admit"},
		{"a second document at the end", "operator.admit", "outcome: withdrawn}\n", "outcome: withdrawn}\n---\nkind: x\n"},
		{"an outcome of no kind", "operator.admit", "outcome: approved", "outcome: fine"},
		{"a key that is none", "operator.admit", "clock: authop.accept_wd", "clock: 10 working days"},
	} {
		raw := tableFile(t, c.kind)
		if _, err := ParseTable(raw); err != nil {
			t.Fatal(err)
		}
		bad := bytes.Replace(raw, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(raw, bad) {
			t.Fatalf("%s: %s has no %q", c.name, c.kind, c.old)
		}
		if _, err := ParseTable(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := ParseTable(make([]byte, maxTable+1)); !errors.Is(err, fault.Exhausted) {
		t.Errorf("a huge one: %v", err)
	}
	if _, err := ParseTable([]byte(strings.Repeat("[", 2000))); !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) {
		t.Errorf("a deep one: %v", err)
	}
}

// Every number of a term is the profile's: a table has keys.
func TestTablesNameKeys(t *testing.T) {
	ts, err := Procedures()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range ts {
		for _, key := range slices.Concat(table.Clocks(), table.Rules()) {
			if !word(key) {
				t.Errorf("%s: the key %q", table.Kind, key)
			}
		}
	}
}

func FuzzParseTable(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("tables", "*.yaml"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, err := ParseTable(raw)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("refused as %v", err)
			}
			return
		}
		if table.Lint() != nil || len(table.Diagram()) == 0 || table.Digest() == "" {
			t.Error("a table that was read does not hold")
		}
	})
}
