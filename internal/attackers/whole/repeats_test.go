package whole

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/yunei/yunei/examples/stage"
	"github.com/yunei/yunei/jobs"
)

// A program with bytes in it that say nothing asks the same again. In mode sdc it
// gets the same table, and what rounding took does not come back with the mean;
// a rounding that is drawn anew would give it.
func paddedRepeats(t *testing.T, w *town, number int) {
	t.Helper()
	const base, draws = 50, 2
	a := attack{people: crowds(20)}
	truth := total(a.people["a"], cost, each) + total(a.people["b"], cost, each)
	if truth%base == 0 {
		t.Fatalf("%d is round by itself: nothing is to be found out", truth)
	}
	w.settle(t, "repeats", number, a)
	q := costs()
	q.round = base
	var first []byte
	sum := int64(0)
	for k := range draws {
		q.padded = 10 * k
		r := w.asks(t, fmt.Sprint("repeats-", k), "repeats", a, q)
		x, ok := r.at(0, 1)
		if !ok {
			t.Fatalf("a repeat ended with %q", r.word)
		}
		if first == nil {
			first = r.table.CSV()
		}
		if !bytes.Equal(first, r.table.CSV()) {
			t.Errorf("a padded program gets\n%s\nand not\n%s", r.table.CSV(), first)
		}
		sum += x
	}
	// A third is turned down by people who need no reason, and is told of like those
	// that the gate blocks.
	q.padded, q.declined = 10*draws, true
	if r := w.asks(t, "repeats-declined", "repeats", a, q); r.word != "rejected" {
		t.Errorf("what the checkers decline ended with %q", r.word)
	}
	if sum/draws == truth {
		t.Errorf("the mean gives away %d", truth)
	}
	random, mean := rand.New(rand.NewPCG(1, 1)), 0.0
	const free = 1 << 14
	for range free {
		x := truth - truth%base
		if random.Int64N(base) < truth%base {
			x += base
		}
		mean += float64(x) / free
	}
	if int64(mean+0.5) != truth {
		t.Errorf("the mean of roundings drawn anew is %.1f, want %d: averaging proves nothing", mean, truth)
	}
}

// In mode dp a repeat is the stored answer, and a padded program a draw of its
// own, which is paid for: what the budget is enough for has an error larger than
// all that one person can contribute. Draws that cost nothing give the sum.
func averaging(t *testing.T, w *town, number int) {
	t.Helper()
	const most = 4000
	a := attack{people: crowds(21)}
	truth := total(a.people["a"], cost, each) + total(a.people["b"], cost, each)
	w.settle(t, "averaging", number, a)
	q := costs()
	q.mode, q.hi = jobs.DP, most
	draw := func(run string, padded int) answer {
		q.padded = padded
		return w.asks(t, "averaging-"+run, "averaging", a, q)
	}
	var draws []answer
	for padded := range 3 {
		r := draw(fmt.Sprint(padded), padded)
		if r.table == nil || len(draws) > 0 && bytes.Equal(draws[len(draws)-1].table.CSV(), r.table.CSV()) {
			t.Fatalf("draw %d ended with %q, or is that before it", padded, r.word)
		}
		draws = append(draws, r)
	}
	if r := draw("again", 0); r.table == nil || !bytes.Equal(r.table.CSV(), draws[0].table.CSV()) {
		t.Errorf("the first again ended with %q, or is another draw", r.word)
	}
	if r := draw("fourth", 3); r.word != "budget" {
		t.Errorf("a fourth draw ended with %q, want budget", r.word)
	}
	sd, err := strconv.ParseFloat(draws[0].table.Figures[1].SD, 64)
	if err != nil {
		t.Fatal(err)
	}
	if n := float64(len(draws)); sd*sd/n < most*most {
		t.Errorf("the mean of %.0f draws of sd %.0f tells more than one person's %d", n, sd, most)
	}
	spent, err := w.Quiet(t.Context(), "yunei", "budget", "--key", w.Key(stage.Operator))
	if err != nil || strings.Count(spent+"\n", " "+budget+"\n") != 2 {
		t.Errorf("the books of two domains do not say %s: %v\n%s", budget, err, spent)
	}
	random, mean := rand.New(rand.NewPCG(2, 2)), 0.0
	const free = 1 << 16
	for range free {
		mean += (float64(truth) + sd*random.NormFloat64()) / free
	}
	if off := mean - float64(truth); off > most/10 || off < -most/10 {
		t.Errorf("the mean of free draws is off by %.0f: averaging proves nothing", off)
	}
}
