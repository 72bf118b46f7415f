package site

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// born is the citizen number of nobody who is that many years old in June 2024.
func born(age, n int) string {
	s := fmt.Sprintf("110105%d0601%03d", 2024-age, n%1000)
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * w
	}
	return s + string("10X98765432"[sum%11])
}

// ages are thirty people of forty and thirty of eighty, and one each of sixty to
// sixty-nine, of one to three visits: a band that ends at 61 and not at 60 has
// one person more.
func ages() []person {
	var all []person
	for i := range 70 {
		age := 40 + i%2*40
		if i >= 60 {
			age = i
		}
		p := person{id: born(age, i)}
		for k := range i%3 + 1 {
			p.costs = append(p.costs, int64(100+10*i+k))
		}
		all = append(all, p)
	}
	return all
}

// onAges is a world of those people, all of one district.
func onAges(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, nil)
	w.version("v0", schema, ages())
	return w
}

// exact makes terms of mode sdc for a table of the study by age bands, the
// second of which ends at edge.
func (w *world) exact(edge uint32, edit func(*jobs.Terms)) (jobs.Terms, []byte) {
	w.Helper()
	return w.termsOf(study, func(t *jobs.Terms) {
		t.ID = fmt.Sprint("p-exact-", edge)
		t.Mode, t.KMin = jobs.SDC, 1
		t.Members[0].Version = "v0"
		t.Program.Review = &jobs.Review{Reviewer: "a reader"}
		t.Shape.Measures[1].Lo = 0
		binary.LittleEndian.PutUint32(t.Params[len(t.Params)-4:], edge)
		if edit != nil {
			edit(t)
		}
	})
}

// sealed takes a run to its commitment, and returns what the site seals.
func (w *world) sealed(run string, terms jobs.Terms, module []byte) []int64 {
	w.Helper()
	w.begin(run, terms, module)
	w.key(run)
	w.runTo(run)
	values, err := w.site.partial(w.Context(), w.view(run))
	w.must(err)
	return values
}

// forbidden reports whether the domain's refusal is in what it seals.
func forbidden(values []int64) bool { return values[len(values)-2] != 0 }

func (w *world) withheldRuns() int { return len(w.site.Journal.All(string(withheld))) }

// A table and the same with one person in another band: the site seals its
// refusal among the rest, and says nothing that it would not have said anyway.
func TestTotalMinusOne(t *testing.T) {
	w := onAges(t)
	for run, edge := range []uint32{60, 61} {
		name := fmt.Sprint("r-", run)
		terms, module := w.exact(edge, nil)
		if got := forbidden(w.sealed(name, terms, module)); got != (run == 1) {
			t.Errorf("edge %d: refused %v", edge, got)
		}
	}
	if a, b := w.said("r-0"), w.said("r-1"); a != b {
		t.Errorf("what is said tells them apart:\n%s\n%s", a, b)
	}
	terms, module := w.exact(61, nil)
	if !forbidden(w.sealed("r-2", terms, module)) {
		t.Error("what was refused is let out when it is asked for again")
	}
}

// The same people, and one visit more.
func TestVintages(t *testing.T) {
	w := onAges(t)
	terms, module := w.exact(60, nil)
	if forbidden(w.sealed("r-1", terms, module)) {
		t.Fatal("the first is refused")
	}
	next := ages()
	next[0].costs[0] += 50 // on the 31st
	w.version("v2", schema, next)
	terms, module = w.exact(60, func(t *jobs.Terms) { t.ID, t.Members[0].Version = "p-v2", "v2" })
	if !forbidden(w.sealed("r-2", terms, module)) {
		t.Error("one person's visit of 31 January is let out")
	}
}

// version adds a version of the site's data.
func (w *world) version(name string, of columns.Schema, all []person) {
	w.Helper()
	csv := bytes.NewBufferString("id_number,district,cost\n")
	for _, p := range all {
		for _, c := range p.costs {
			fmt.Fprintf(csv, "%s,%s,%d\n", p.id, of.Columns[1].Codes[0], c)
		}
	}
	var b bytes.Buffer
	_, err := columns.Ingest(w.Context(), csv, of, []byte("a unit key of this domain, 32 by"), &b, columns.Options{Day: w.now})
	w.must(err)
	at, err := columns.Name("hospital-visits", name)
	w.must(err)
	w.must(seal.Put(w.Context(), w.site.Store, w.site.Seal.Public(), at, &b))
}

// Refusals over columns that everybody knows follow from what everybody knows,
// and are not counted.
func TestRefusalsOverTheFrame(t *testing.T) {
	w := onAges(t)
	open := schema
	open.Columns = slices.Clone(schema.Columns)
	open.Columns[2].Role = columns.Frame
	w.version("v2", open, ages())
	for i, edge := range []uint32{60, 61, 62, 63, 64, 65, 66, 67} {
		terms, module := w.exact(edge, func(t *jobs.Terms) { t.Members[0].Version, t.Members[0].Schema = "v2", open.Digest() })
		if got := forbidden(w.sealed(fmt.Sprint("r-", i), terms, module)); got != (i > 0) {
			t.Errorf("run %d: refused %v", i, got)
		}
	}
	if w.withheldRuns() != 0 {
		t.Errorf("%d refusals over the frame are counted", w.withheldRuns())
	}
}

// Refusals that depend on values are answers, and there are five a year of them;
// beside runs over other columns those of a run over the frame are too.
func TestRefusalsAsAnOracle(t *testing.T) {
	w := onAges(t)
	open := schema
	open.Columns = slices.Clone(schema.Columns)
	open.Columns[2].Role = columns.Frame
	w.version("v2", open, ages())
	frame := func(t *jobs.Terms) {
		t.ID, t.Members[0].Version, t.Members[0].Schema = t.ID+"-frame", "v2", open.Digest()
	}
	ask := func(run string, edge uint32, edit func(*jobs.Terms)) bool {
		terms, module := w.exact(edge, edit)
		return forbidden(w.sealed(run, terms, module))
	}
	if ask("r-0", 60, nil) || !ask("r-frame", 69, frame) || w.withheldRuns() != 1 {
		t.Fatalf("%d refusals beside another run are counted", w.withheldRuns())
	}
	for i := range 4 {
		if run := fmt.Sprint("r-", i+1); !ask(run, uint32(61+i), nil) || w.withheldRuns() != i+2 {
			t.Fatalf("%s: %d refusals are counted", run, w.withheldRuns())
		}
	}
	// Runs that were on their way when the fifth was withheld are told the same,
	// whatever they ask.
	if !ask("r-on-its-way", 60, nil) {
		t.Error("a run is compared although the year's refusals are used up")
	}
	for _, run := range []string{"r-frame", "r-1", "r-2", "r-3", "r-4"} { // all are over
		w.must(w.site.once(w.view(run), retired, true))
	}
	terms, module := w.exact(67, nil)
	w.begin("r-6", terms, module)
	w.site.Crash = func(point string) {
		if strings.HasPrefix(point, "used") || strings.HasPrefix(point, "cube") {
			t.Errorf("%s: a row may be read", point)
		}
	}
	w.must(w.advance("r-6"))
	if got := w.view("r-6").Refused(); got != "withheld-spent" {
		t.Errorf("the sixth: refused %q", got)
	}
	terms, module = w.exact(68, frame)
	w.begin("r-7", terms, module)
	w.must(w.advance("r-7"))
	if got := w.view("r-7").Refused(); got != "withheld-spent" {
		t.Errorf("over the frame, beside others: refused %q", got)
	}
}

// A program that was padded asks the same, and gets the very same numbers.
func TestPaddedRepeat(t *testing.T) {
	w := onAges(t)
	terms, module := w.exact(60, nil)
	first := w.sealed("r-1", terms, module)
	if forbidden(first) || slices.Max(first) > 1<<20 {
		t.Fatalf("something is hidden already: %v", first)
	}
	padded := append(slices.Clone(module), 0, 2, 1, 'x') // a custom section
	terms, _ = w.exact(60, func(t *jobs.Terms) {
		t.ID = "p-padded"
		t.Program.Digest, t.Program.Size = suite.DigestOf(padded), len(padded)
	})
	if again := w.sealed("r-2", terms, padded); !slices.Equal(first, again) || forbidden(again) {
		t.Errorf("another table:\n%v\n%v", first, again)
	}
}

// A site that dies between the register, what it found and what it seals finds
// the same again, and enters a run once.
func TestCrashBesideTheRegister(t *testing.T) {
	moments := []string{":after"}
	if prove {
		moments = append(moments, ":before")
	}
	for point := range strings.FieldsSeq("segment entered withheld evidence partial") {
		for _, moment := range moments {
			t.Run(point+moment, func(t *testing.T) {
				w := onAges(t)
				terms, module := w.exact(60, nil)
				w.sealed("r-1", terms, module)
				terms, module = w.exact(61, nil)
				w.begin("r-2", terms, module)
				w.key("r-2")
				died := false
				w.site.Crash = func(at string) {
					if at == point+moment {
						died, w.site.Crash = true, nil
						panic(at)
					}
				}
				w.onward("r-2")
				values, err := w.site.partial(t.Context(), w.view("r-2"))
				w.must(err)
				if !died || !forbidden(values) || !w.view("r-2").Said(1, msg.Commit, w.site.Name) {
					t.Errorf("died %v, refused %v, said %s", died, forbidden(values), w.said("r-2"))
				}
				h, err := w.site.history(t.Context(), jobs.NaturalPerson)
				w.must(err)
				if h.Len() != 2 || len(w.site.Journal.All(string(entered))) != 2 || w.withheldRuns() != 1 {
					t.Errorf("%d releases, %d entries, %d withheld", h.Len(), len(w.site.Journal.All(string(entered))), w.withheldRuns())
				}
			})
		}
	}
}

// The sum of two domains, and then of one: what is left is the other's.
func TestMembership(t *testing.T) {
	w := onAges(t)
	terms, module := w.exact(60, nil)
	if forbidden(w.sealed("r-1", terms, module)) {
		t.Fatal("the first is refused")
	}
	terms, module = w.exact(60, func(t *jobs.Terms) { t.ID, t.Members = "p-alone", t.Members[:1] })
	if !forbidden(w.sealed("r-2", terms, module)) {
		t.Error("one of the two is let out by itself, and so the other")
	}
}
