package procedures

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/api/rebuild"
	"github.com/yunei/yunei/storage/records"
)

// dump is every row of every table but the one of migrations, in an order that
// does not depend on how it was written.
func dump(t *testing.T, db *sql.DB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, table := range strs(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'") {
		var columns []string
		for _, c := range strs(t, db, "SELECT name FROM pragma_table_info('"+table+"') ORDER BY name") {
			columns = append(columns, "quote("+c+")")
		}
		all[table] = strs(t, db, "SELECT "+strings.Join(columns, " || '|' || ")+" AS x FROM "+table+" ORDER BY x")
	}
	return all
}

func strs(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read only
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// replayed has the records of a play made anew of what was signed and the ledger,
// and tells where they differ: by what the rebuilding says, which also reads the
// two databases, and by a dump of every table there is.
func replayed(t *testing.T, p *play) {
	t.Helper()
	old := dump(t, p.raw)
	file := filepath.Join(t.TempDir(), "again.db")
	to, err := records.Open(t.Context(), file)
	p.must(err)
	defer to.Close() //nolint:errcheck // read only by now
	wrong, err := rebuild.Make(t.Context(), p.source(), to)
	p.must(err)
	for _, f := range wrong {
		t.Errorf("%+v", f)
	}
	db, err := sql.Open("sqlite", file)
	p.must(err)
	defer db.Close() //nolint:errcheck // read only
	again := dump(t, db)
	for table, rows := range old {
		if !slices.Equal(rows, again[table]) {
			t.Errorf("table %s: %d rows, again %d:\n%.600q\n%.600q", table, len(rows), len(again[table]), rows, again[table])
		}
	}
	if n, err := p.api.Reindex(t.Context()); n != 0 || err != nil {
		t.Errorf("the lists were wrong about %d cases, %v", n, err)
	}
}

// source is what the records of the hall are made anew from.
func (h *hall) source() rebuild.Source {
	return rebuild.Source{Records: h.rec, Root: h.Root, Installation: installation, Lines: h.lines}
}
