package records

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
)

// Comparing looks at every table that there is, by the key that it has.
func TestLayouts(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "records.db"))
	var have, want []string
	for _, l := range layouts {
		want = append(want, l.name+" "+strings.Join(l.key, " "))
	}
	d.must(d.rec.db.NewRaw(`SELECT name || ' ' || (SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk))
		FROM sqlite_master AS m WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`).Scan(t.Context(), &have))
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("there are\n%q, and looked at are\n%q", have, want)
	}
}

func TestDiffer(t *testing.T) {
	ctx := t.Context()
	a, b := newDesk(t, filepath.Join(t.TempDir(), "a.db")), newDesk(t, filepath.Join(t.TempDir(), "b.db"))
	put := func(d *desk, id, title string, envelope string) {
		t.Helper()
		d.must(d.rec.Orgs.Put(ctx, Record[governance.Org]{ID: id, Revision: 1, Value: governance.Org{ID: id, Title: title}, Envelope: []byte(envelope)}))
	}
	put(a, "both", "x", "e")
	put(b, "both", "x", "e")
	put(a, "here", "x", "e")
	put(b, "there", "x", "e")
	put(a, "unlike", "x", "e")
	put(b, "unlike", "y", "e")
	var all []Difference
	a.must(a.rec.Differ(ctx, b.rec, func(d Difference) error {
		all = append(all, d)
		return nil
	}))
	if len(all) != 3 || all[0].Row != "here 1" || !all[0].Here || all[0].There || all[1].Row != "there 1" || all[1].Here || !all[1].There ||
		all[2].Row != "unlike 1" || !slices.Equal(all[2].Columns, []string{"body"}) || all[2].Table != "orgs" {
		t.Errorf("%+v", all)
	}
	var rows []string
	a.must(a.rec.Each(ctx, "orgs", "envelope", func(row, value string) error {
		rows = append(rows, row+"="+value)
		return nil
	}))
	if !slices.Equal(rows, []string{"both 1=e", "here 1=e", "unlike 1=e"}) {
		t.Errorf("%q", rows)
	}
	if err := a.rec.Each(ctx, "nothing", "envelope", nil); fault.Of(err) != fault.Invalid {
		t.Errorf("a table that is none: %v", err)
	}
	if err := a.rec.Each(ctx, "orgs", "envelope", func(string, string) error { return fault.Denied }); fault.Of(err) != fault.Denied {
		t.Errorf("the caller's error: %v", err)
	}
}
