package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// keyed: every trustee vouches for the round's key, the gate has one too, and
// the ledger holds which program this site has let in.
func (s *Site) keyed(v *msg.View, n int) bool {
	_, ok := v.Key(n)
	return ok && v.Said(0, msg.Admitted, s.Name) && v.Said(n, msg.Receiver, v.Terms().Gate.Name)
}

// A sealed is a site's partial under one round's key, kept so that whatever
// crashes, a round has one commitment only.
type sealed struct {
	Salt  suite.Salt `json:"salt"`
	Parts [][][]byte `json:"parts"`
}

func (s *Site) commit(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	c, err := s.sealed(ctx, v, n)
	if err != nil {
		return nil, nil, err
	}
	return msg.CommitBody{Of: v.Of(n, s.Name), Parts: suite.Commit(c.Salt, v.Of(n, s.Name).Bind(enclave.Digests(c.Parts).Bytes()))}, nil, nil
}

// sealed encrypts the partial under the round's key, or returns what an
// earlier call made of it.
func (s *Site) sealed(ctx context.Context, v *msg.View, n int) (sealed, error) {
	name, err := storage.NewName("runs/"+v.ID()+"/sealed", fmt.Sprint(n))
	if err != nil {
		return sealed{}, err
	}
	var c sealed
	return keep(ctx, s, name, c, func() (sealed, error) {
		values, err := s.partial(ctx, v)
		if err != nil {
			return sealed{}, err
		}
		defer clear(values)
		d, _ := v.Key(n)
		key, err := s.Fetch(ctx, d, he.PublicKeySize)
		if err != nil {
			return sealed{}, err
		}
		salt, err := suite.NewSalt()
		if err != nil {
			return sealed{}, err
		}
		parts, err := enclave.Seal(key, values)
		return sealed{salt, parts}, err
	})
}

// keep returns the sealed object of that name, which make makes if there is
// none: whatever is kept first stands.
func keep[T any](ctx context.Context, s *Site, name storage.Name, v T, make func() (T, error)) (T, error) {
	err := s.get(ctx, name, &v)
	if !errors.Is(err, fault.NotFound) {
		return v, err
	}
	made, err := make()
	if err != nil {
		return v, err
	}
	raw, err := json.Marshal(made)
	if err != nil {
		return v, err
	}
	if err := seal.Put(ctx, s.Store, s.Seal.Public(), name, bytes.NewReader(raw)); !errors.Is(err, fault.Conflict) {
		return made, err
	}
	return v, s.get(ctx, name, &v)
}

func (s *Site) get(ctx context.Context, name storage.Name, v any) error {
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if err != nil {
		return err
	}
	defer o.Close() //nolint:errcheck // read only
	raw, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// committed: there is a set to sign, this site is in it, and every member has
// let the program in; that all did in one form, Advance has seen to.
func (s *Site) committed(v *msg.View, n int) bool {
	set, ok := v.Set(n)
	_, admitted := msg.All[msg.AdmittedBody](v, 0, msg.Admitted, v.Sites())
	return ok && admitted && slices.Contains(set.Members, s.Name)
}

// confirm signs the set, and with it the gate's key, which must be vouched for as
// the permit demands. The members of a run are signed once, ever: another round
// may only have the same ones.
func (s *Site) confirm(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	if err := enclave.Vouched(ctx, s.Fetch, v, n, s.Makers, s.Now()); err != nil {
		return nil, nil, err
	}
	set, _ := v.Set(n)
	s.Hook("set:before")
	if _, err := s.Journal.Once(string(signed), v.ID(), set.Members); err != nil {
		return nil, nil, fmt.Errorf("signing the set: %w", err)
	}
	s.Hook("set:after")
	body := msg.ConfirmBody{Of: v.Of(n, s.Name), Set: set}
	if v.Terms().Mode.Noisy() {
		var d msg.Debit
		if err := s.Journal.Get(string(debited), v.ID(), &d); err != nil {
			return nil, nil, fmt.Errorf("confirming: no debit: %w", err)
		}
		body.Debit = &d
	}
	if v.Terms().Mode == jobs.SDC {
		evidence, err := s.testified(ctx, v)
		if err != nil {
			return nil, nil, fmt.Errorf("confirming: no evidence: %w", err)
		}
		body.Evidence = evidence
	}
	return body, nil, nil
}

// confirmed: every member has signed the same set.
func confirmed(v *msg.View, n int) bool {
	_, ok := v.Confirmed(n)
	return ok
}

func (s *Site) reveal(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	c, err := s.sealed(ctx, v, n)
	if err != nil {
		return nil, nil, err
	}
	return msg.RevealBody{Of: v.Of(n, s.Name), Salt: c.Salt, Parts: enclave.Digests(c.Parts)}, slices.Concat(c.Parts...), nil
}
