package whole

import (
	"crypto/rand"
	"os"

	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/jobs"
)

// terms are those of a run, as the operator drafted them and everyone signed.
func (w *town) terms(id string) (jobs.Terms, error) {
	raw, err := os.ReadFile(w.Path("work", id+".terms.json"))
	if err != nil {
		return jobs.Terms{}, err
	}
	return jobs.ParseTerms(raw)
}

// sealed is what domains without a register of earlier releases seal together:
// the cube, a flag for each item, and the rest (gate.Protect).
func sealed(t jobs.Terms, q question, d data) ([]int64, error) {
	sum := make([]int64, t.Slots())
	for _, m := range t.Members {
		cube := jobs.NewCube(t.Shape, t.Pairs())
		table, err := evidence.New(t.Shape.Lists(), t.Shape.Cells(), len(t.Shape.Measures))
		if err != nil {
			return nil, err
		}
		cube.Watch(func(x jobs.Contribution) {
			if e := table.Add(x.Cell, x.Values, x.Given); e != nil {
				err = e
			}
		})
		for _, p := range d[m.Domain] {
			if e := cube.Add(1, true, q.emits(p)); e != nil {
				err = e
			}
		}
		if err != nil {
			return nil, err
		}
		part, err := gate.Protect(t, cube, table, gate.Found{}, rand.Reader)
		if err != nil {
			return nil, err
		}
		for i, x := range part {
			sum[i] += x
		}
	}
	return sum, nil
}

// unregistered is the candidate of domains without a register.
func unregistered(t jobs.Terms, q question, d data) (jobs.Candidate, error) {
	sum, err := sealed(t, q, d)
	if err != nil {
		return jobs.Candidate{}, err
	}
	c, _, err := gate.Judge(t, sum)
	return c, err
}

// unflagged is the candidate with every cell and total in it.
func unflagged(t jobs.Terms, q question, d data) (jobs.Candidate, error) {
	return exact(t, q, d, false)
}

// unsuppressed is the candidate without what a domain flags by itself, and with
// all that would be hidden for its sake.
func unsuppressed(t jobs.Terms, q question, d data) (jobs.Candidate, error) {
	return exact(t, q, d, true)
}

func exact(t jobs.Terms, q question, d data, flags bool) (jobs.Candidate, error) {
	sum, err := sealed(t, q, d)
	if err != nil {
		return jobs.Candidate{}, err
	}
	c, _, err := gate.Judge(t, sum)
	if err != nil {
		return c, err
	}
	figures, cells := len(t.Shape.All()), t.Shape.Cells()
	items := make([]jobs.Cell, t.Shape.Items())
	for i, list := range t.Shape.Lists() {
		if flags && sum[figures*cells+i] != 0 {
			continue
		}
		items[i] = make(jobs.Cell, figures)
		for k := range items[i] {
			for _, cell := range list {
				items[i][k] += sum[k*cells+int(cell)]
			}
		}
	}
	c.Cells, items = items[:cells], items[cells:]
	for k := range c.Margins {
		n := len(c.Margins[k].Cells)
		c.Margins[k].Cells, items = items[:n], items[n:]
	}
	return c, nil
}
