package whole

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/yunei/yunei/jobs"
)

// prove runs every attack, and not some.
var prove = os.Getenv("YUNEI_PROVE") == "1"

// An attack is after one number.
type attack struct {
	name   string
	short  bool // it is run by default
	people data
	next   data // version v2 of domain a's people
	truth  int64
	// off is the gate without the check that is in the way.
	off func(jobs.Terms, question, data) (jobs.Candidate, error)
	// uncapped is a register that compares for ever: a table that is not the
	// first again is turned down, of however many it is the last.
	uncapped bool
	// do asks, and says what it found out, if it could.
	do func(ask) (int64, bool)
	// want is what the product makes of the questions: a table with all of its
	// cells, one with some hidden, or the word that the run ends in.
	want []string
}

type ask func(question) answer

const (
	shown  = "shown"
	hidden = "hidden"
)

// at is the value of a measure in an item, the number of units first; ok is
// whether it is shown.
func (a answer) at(item, measure int) (int64, bool) {
	if a.table == nil {
		return 0, false
	}
	cell, _ := a.table.Item(item)
	if cell == nil {
		return 0, false
	}
	return cell[measure], true
}

// fate is what became of a question.
func (a answer) fate() string {
	if a.table == nil {
		return string(a.word)
	}
	for i := range a.table.Items() {
		if cell, _ := a.table.Item(i); cell == nil {
			return hidden
		}
	}
	return shown
}

// combine adds up sums with coefficients; ok is whether all are shown.
func combine(x []int64, all ...answer) (sum int64, ok bool) {
	for i, a := range all {
		v, shown := a.at(0, 1)
		if !shown {
			return 0, false
		}
		sum += x[i] * v
	}
	return sum, true
}

// The attacks go on side by side, as they would, on people of their own.
func TestWhole(t *testing.T) {
	w, list := found(t), attacks()
	for i, a := range list {
		if prove || a.short {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				w.withstands(t, i, a)
			})
		}
	}
	if !prove {
		return
	}
	t.Run("padded repeats", func(t *testing.T) {
		t.Parallel()
		paddedRepeats(t, w, len(list))
	})
	t.Run("averaging", func(t *testing.T) {
		t.Parallel()
		averaging(t, w, len(list)+1)
	})
}

// withstands runs an attack against the product, and then against the gate
// without a check.
func (w *town) withstands(t *testing.T, number int, a attack) {
	t.Helper()
	id := fmt.Sprint("attack-", number)
	w.settle(t, id, number, a)
	var fates []string
	got, ok := a.do(func(q question) answer {
		r := w.asks(t, fmt.Sprint(id, "-", len(fates)), id, a, q)
		fates = append(fates, r.fate())
		return r
	})
	t.Logf("%v", fates)
	if !slices.Equal(fates, a.want) {
		t.Errorf("the product says %v, want %v", fates, a.want)
	}
	if ok && got == a.truth {
		t.Errorf("the product gives away %d", got)
	}
	if got, ok = a.do(w.control(t, id, a)); !ok || got != a.truth {
		t.Errorf("without the check the attack comes to %d, %v, want %d: it proves nothing", got, ok, a.truth)
	}
}

// control answers as the gate does without the check that an attack is about.
func (w *town) control(t *testing.T, id string, a attack) ask {
	t.Helper()
	base, err := w.terms(id + "-0")
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	return func(q question) answer {
		q = q.whole()
		c, err := a.off(w.like(base, id, q), q, a.of(q))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = c.CSV()
		}
		if a.uncapped && !bytes.Equal(first, c.CSV()) {
			return answer{word: "rejected"}
		}
		return answer{table: &c}
	}
}

// settle brings the people of an attack into the town.
func (w *town) settle(t *testing.T, id string, number int, a attack) {
	t.Helper()
	ingest := func(version, domain string, people []person) {
		if err := w.ingest(t.Context(), id, domain, version, people); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []data{a.people, a.next} {
		if err := d.number(number); err != nil {
			t.Fatal(err)
		}
	}
	for domain, people := range a.people {
		ingest("v1", domain, people)
	}
	if a.next != nil {
		ingest("v2", "a", a.next["a"])
	}
}

// of is whose rows a question is about.
func (a attack) of(q question) data {
	if q.version == "v2" {
		return a.next
	}
	return a.people
}

// whole is a question in all of its parts: of two domains, if none are named, in
// mode sdc and of one cell.
func (q question) whole() question {
	if q.members == nil {
		q.members = []string{"a", "b"}
	}
	if q.dims == nil {
		q.dims = []int{1}
	}
	if q.mode == "" {
		q.mode = jobs.SDC
	}
	return q
}

// asks is a run of the product. What it releases is, byte for byte, what the
// gate here makes of the same people under the same terms.
func (w *town) asks(t *testing.T, run, id string, a attack, q question) answer {
	t.Helper()
	q = q.whole()
	r, err := w.run(t.Context(), run, id, q)
	if err != nil {
		t.Fatal(err)
	}
	if r.table == nil || q.mode.Noisy() {
		return r
	}
	terms, err := w.terms(run)
	if err != nil {
		t.Fatal(err)
	}
	c, err := unregistered(terms, q, a.of(q))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.CSV(), r.table.CSV()) {
		t.Fatalf("%s: the product released\n%s\nand the gate here makes\n%s", run, r.table.CSV(), c.CSV())
	}
	return r
}

// like are the terms of another question under the same decisions.
func (w *town) like(base jobs.Terms, id string, q question) jobs.Terms {
	t, spec := base, w.spec(base.ID, id, q)
	t.Shape, t.Params, t.Members = spec.Shape, spec.Params, nil
	for _, m := range base.Members {
		if slices.Contains(q.members, m.Domain) {
			t.Members = append(t.Members, m)
		}
	}
	return t
}
