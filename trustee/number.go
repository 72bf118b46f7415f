package trustee

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A trustee numbers what opens a round and what answers in it, over its whole
// life, and the others write down under which number they heard what. A trustee
// that was brought back from a backup gives out a number anew: whoever heard it
// the first time ends the run, whatever ledger the coordinator shows. Runs go
// side by side, so that numbers of different runs may be heard out of order;
// within a run they rise.

// Kinds of the journal.
const (
	numbered = "numbered" // the number of a statement of its own, by the statement's place
	counted  = "counted"  // the place of another's, by the trustee's key and the number
)

// number is the number of a statement of this trustee's: the next one, or the
// same again.
func (t *Trustee) number(v *msg.View, n int, kind string) (uint64, error) {
	t.books.Lock()
	defer t.books.Unlock()
	place := fmt.Sprintf("%s %d %s", v.ID(), n, kind)
	var seq uint64
	err := t.Journal.Get(numbered, place, &seq)
	if !errors.Is(err, fault.NotFound) {
		return seq, err
	}
	seq = uint64(len(t.Journal.All(numbered))) + 1
	t.Hook("numbered:before")
	if _, err := t.Journal.Once(numbered, place, seq); err != nil {
		return 0, fmt.Errorf("numbering a statement: %w", err)
	}
	t.Hook("numbered:after")
	return seq, nil
}

// A tally is what another trustee said under a number.
type tally struct {
	Trustee suite.PublicKey `json:"trustee"`
	Seq     uint64          `json:"seq"`
	Run     string          `json:"run"`
	Round   int             `json:"round"`
	Kind    string          `json:"kind"`
}

func (h tally) key() string { return string(h.Trustee) + " " + strconv.FormatUint(h.Seq, 10) }

// count writes down the numbers that the others have given out in a run, before
// this trustee goes on in it. A Refusal of code journal-behind says that one has
// given out a number twice, or gone back.
func (t *Trustee) count(v *msg.View) error {
	for _, m := range v.Terms().Trustees.Members {
		if m.Name == t.Name {
			continue
		}
		last := uint64(0)
		for _, h := range numbers(v, m.Name) {
			h.Trustee = m.Key
			if h.Seq <= last {
				return fmt.Errorf("number %d of %s comes after %d: %w", h.Seq, m.Name, last, fault.Refuse("journal-behind", "house"))
			}
			last = h.Seq
			t.Hook("counted:before")
			_, err := t.Journal.Once(counted, h.key(), h)
			t.Hook("counted:after")
			if errors.Is(err, fault.Conflict) {
				return fmt.Errorf("number %d of %s was heard before, of something else: %w", h.Seq, m.Name, fault.Refuse("journal-behind", "house"))
			}
			if err != nil {
				return fmt.Errorf("noting a trustee's number: %w", err)
			}
		}
	}
	return nil
}

// numbers are those that a trustee gives out in a run, in the order in which it
// did.
func numbers(v *msg.View, trustee string) []tally {
	var all []tally
	for n := 1; n <= v.Round(); n++ {
		if b, err := msg.Read[msg.HelloBody](v, n, msg.Hello, trustee); err == nil {
			all = append(all, tally{Seq: b.Seq, Run: v.ID(), Round: n, Kind: string(msg.Hello)})
		}
		if b, err := msg.Read[msg.AnswerBody](v, n, msg.Answer, trustee); err == nil {
			all = append(all, tally{Seq: b.Seq, Run: v.ID(), Round: n, Kind: string(msg.Answer)})
		}
	}
	return all
}

// countPast writes down what was said in a run that is over; there is nothing to
// end any more.
func (t *Trustee) countPast(ctx context.Context, v *msg.View) {
	if err := t.count(v); err != nil {
		t.Log.LogAttrs(ctx, slog.LevelError, "in a run that is over", slog.String("run", v.ID()), slog.Any("err", err))
	}
}
