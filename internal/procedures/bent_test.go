package procedures

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/api/rebuild"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// blind is the server's own gates, of which some let everything pass. What one gate
// asks others often need, too: a thing that is not asked for is asked for by none.
func blind(some ...string) func(*play) {
	return func(p *play) {
		ask := p.api.Gates
		p.api.Gates = func(ctx context.Context, g governance.Register, t jobs.Terms, at gates.Step, used int, out *gates.Output, now time.Time) ([]gates.Verdict, error) {
			all, err := ask(ctx, g, t, at, used, out, now)
			for i := range all {
				if slices.Contains(some, all[i].Gate) {
					all[i].State = gates.Passed
				}
			}
			return all, err
		}
	}
}

// bends are ways in which the product could be wrong, and in which play shows it.
var bends = []struct {
	name string
	bend func(*play)
	each func(*play) // after each step; nil: nothing
}{
	{"one officer adopts the rules", func(*play) {}, func(p *play) {
		_, err := p.raw.ExecContext(p.t.Context(), "INSERT INTO enactments SELECT 1, digest, 0 FROM publications WHERE NOT EXISTS (SELECT 1 FROM enactments) LIMIT 1")
		p.must(err)
		if now, err := p.rec.InForce(p.t.Context()); err == nil {
			p.inUse = now.Frozen()
		}
	}},
	{"the operator's admission is not asked for", blind("G1", "G4", "G5"), nil},
	{"a provider's answer is not asked for", blind("G3"), nil},
	{"one checker is enough", func(p *play) {
		blind("R3")(p) // which counts them, too
		p.enough = func(v *msg.View) bool {
			return slices.ContainsFunc(v.Receipts(), func(r receipt.Receipt) bool { return r.Kind() == msg.VoteOpen })
		}
	}, nil},
	{"the scenario is not asked for", blind("G2", "G3", "G4", "G5", "G7", "G8", "G9"), nil},
	{"the agreement is not asked for", blind("G4"), nil},
	{"the catalogue's review is not asked for", blind("G6", "G7", "G8", "G9"), nil},
	{"consents are not asked for", blind("G9"), nil},
	{"the program's review is not asked for", blind("G10"), nil},
}

// The property sees: each bend is found by some play.
func TestBent(t *testing.T) {
	all := bends[:2]
	if os.Getenv("YUNEI_PROVE") == "1" {
		all = bends
	}
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			for seed := range uint64(12) {
				p := newPlay(t, 2*seed+1, "guiyang", "authop", nil)
				b.bend(p)
				for range 300 {
					p.step()
					if b.each != nil {
						b.each(p)
					}
					if len(p.wrong) > 0 {
						t.Logf("seed %d, after %d deeds: %v", seed, len(p.list.deeds), p.wrong[0])
						return
					}
				}
			}
			t.Error("nobody has noticed")
		})
	}
}

// said are the tables whose rows are signed and do not stand in the ledger before
// they are kept. What nothing else names can be taken out of them unseen, and
// nothing but that.
var said = []string{"orgs", "users", "processes", "invitations", "catalogue", "licences", "applications", "decisions", "permits", "programs", "runs", "commits", "opens"}

// An alteration is a row that is changed or gone, or a line that the ledger lost.
type alteration struct{ table, sql string }

// alterations are, of each table that has rows: one row gone, and each column of one
// row changed.
func alterations(t *testing.T, db *sql.DB, random *rand.Rand) (all []alteration) {
	t.Helper()
	for table, rows := range dump(t, db) {
		if len(rows) == 0 {
			continue
		}
		at := fmt.Sprintf("rowid = (SELECT rowid FROM %s ORDER BY rowid LIMIT 1 OFFSET %d)", table, random.IntN(len(rows)))
		if !slices.Contains(said, table) {
			all = append(all, alteration{table, fmt.Sprintf("DELETE FROM %s WHERE %s", table, at)})
		}
		for _, c := range strs(t, db, "SELECT name || ' ' || type FROM pragma_table_info('"+table+"')") {
			name, kind, _ := strings.Cut(c, " ")
			change := name + " || 'x'"
			if kind == "BIGINT" {
				change = name + " + 1000"
			}
			all = append(all, alteration{table, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table, name, change, at)})
		}
	}
	slices.SortFunc(all, func(a, b alteration) int { return strings.Compare(a.sql, b.sql) })
	return all
}

// The rebuilding sees: whoever changes one value of the records, takes a row out of
// what follows from other rows or from the ledger, or a line out of the ledger, is
// found out.
func TestAltered(t *testing.T) {
	p := newPlay(t, 1, "guiyang", "authop", nil)
	p.play(t, 300)
	random := rand.New(rand.NewPCG(1, 1))
	all := alterations(t, p.raw, random)
	t.Logf("%d alterations of %d tables", len(all), len(slices.Compact(tables(all))))
	if os.Getenv("YUNEI_PROVE") != "1" {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:10]
	}
	for _, a := range all {
		if found := p.altered(t, a.sql, p.lines); len(found) == 0 {
			t.Errorf("nobody has noticed: %s", a.sql)
		}
	}
	for range 3 { // of what the ledger has, one line is gone, or comes before another
		i := random.IntN(len(p.lines) - 1)
		without := slices.Delete(slices.Clone(p.lines), i, i+1)
		if p.lines[i] != p.lines[i+1] && !slices.Contains(without, p.lines[i]) && len(p.altered(t, "", without)) == 0 {
			t.Errorf("nobody has noticed that line %d is gone", i)
		}
	}
	more := append(slices.Clone(p.lines), suite.DigestOf([]byte("taken out")))
	if found := p.altered(t, "", more); len(found) != 1 || found[0].Fault != rebuild.Unkept {
		t.Errorf("a line of which nothing is kept: %+v", found)
	}
}

func tables(all []alteration) (names []string) {
	for _, a := range all {
		names = append(names, a.table)
	}
	slices.Sort(names)
	return names
}

// altered is what the rebuilding finds in a copy of the records that was changed.
func (h *hall) altered(t *testing.T, change string, lines []suite.Digest) []rebuild.Finding {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "copy.db")
	_, err := h.raw.ExecContext(t.Context(), "VACUUM INTO '"+file+"'")
	raw, openErr := sql.Open("sqlite", file)
	if err := errors.Join(err, openErr); err != nil {
		t.Fatal(err)
	}
	_, err = raw.ExecContext(t.Context(), change)
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatalf("%s: %v", change, err)
	}
	from, err := records.Open(t.Context(), file)
	to, err2 := records.Open(t.Context(), filepath.Join(dir, "again.db"))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	defer from.Close() //nolint:errcheck // of a test
	defer to.Close()   //nolint:errcheck // of a test
	src := h.source()
	src.Records, src.Lines = from, lines
	found, err := rebuild.Make(t.Context(), src, to)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
