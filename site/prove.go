package site

import (
	"context"
	"fmt"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// errOverfull says that a version has more units than the permit's ranges hold.
var errOverfull error = fault.Refuse(overfull, "")

// fits refuses a version that has more units than the ranges of the permit hold:
// the permit says how many there are at most.
func (s *Site) fits(ctx context.Context, t jobs.Terms) error {
	if !t.Proved() {
		return nil
	}
	m, err := s.member(t)
	if err != nil {
		return err
	}
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return err
	}
	defer closeData()
	if int64(version.Count()) > t.Prio.Units {
		return errOverfull
	}
	return nil
}

// proved makes the round's reports of the vector that is sealed: the same vector
// in every round, as under a key.
func (s *Site) proved(ctx context.Context, v *msg.View, n int) (sealed, error) {
	tasks, err := enclave.Tasks(ctx, s.Fetch, v, n)
	if err != nil {
		return sealed{}, err
	}
	salt, err := suite.NewSalt()
	if err != nil {
		return sealed{}, err
	}
	values, err := s.partial(ctx, v)
	if err != nil {
		return sealed{}, err
	}
	defer clear(values)
	reports, err := enclave.Prove(tasks, v.Terms().Ranges(), values)
	if err != nil {
		return sealed{}, err
	}
	c := sealed{Salt: salt, Key: enclave.NameTasks(tasks), Parts: make(msg.Parts, len(reports))}
	for m, list := range reports {
		for i, b := range list {
			kept, err := s.putChunk(ctx, v.ID(), n, c.Key, m, i, b)
			if err != nil {
				return sealed{}, err
			}
			c.Parts[m] = append(c.Parts[m], suite.DigestOf(kept))
		}
	}
	return c, nil
}

// sameTasks refuses to sign a set whose tasks are not those that this site's
// reports were made for: they would be taken for nobody's, and this site for a
// liar.
func (s *Site) sameTasks(ctx context.Context, v *msg.View, n int) error {
	if !v.Terms().Proved() {
		return nil
	}
	c, err := s.sealed(ctx, v, n)
	if err != nil {
		return err
	}
	tasks, err := enclave.Tasks(ctx, s.Fetch, v, n)
	if err != nil {
		return err
	}
	if enclave.NameTasks(tasks) != c.Key {
		return fmt.Errorf("the trustees' hellos, or the gate's key, are not those that this site has sealed for: %w", fault.Tampered)
	}
	return nil
}
