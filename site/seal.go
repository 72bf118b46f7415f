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
// crashes, a round has one commitment only. The ciphertexts are objects of their
// own; what is written last, and first stands, is which they are.
type sealed struct {
	Salt  suite.Salt   `json:"salt"`
	Key   suite.Digest `json:"key"` // that they are under; protection prio3: the tasks that they are reports for
	Parts msg.Parts    `json:"parts"`
}

// chunkName is where one ciphertext of a round lies. The key is in it, so that
// no crash mixes two.
func chunkName(run string, n int, key suite.Digest, modulus, chunk int) (storage.Name, error) {
	return storage.NewName(fmt.Sprintf("runs/%s/sealed/%d/%s", run, n, key.Hex()), fmt.Sprintf("%d-%d", modulus, chunk))
}

func (s *Site) commit(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	c, err := s.sealed(ctx, v, n)
	if err != nil {
		return nil, nil, err
	}
	return msg.CommitBody{Of: v.Of(n, s.Name), Parts: suite.Commit(c.Salt, v.Of(n, s.Name).Bind(c.Parts.Bytes()))}, nil, nil
}

// sealed encrypts the partial under the round's key, or returns what an
// earlier call made of it.
func (s *Site) sealed(ctx context.Context, v *msg.View, n int) (sealed, error) {
	name, err := storage.NewName(fmt.Sprintf("runs/%s/sealed/%d/index", v.ID(), n), "1")
	if err != nil {
		return sealed{}, err
	}
	return keep(ctx, s, name, sealed{}, func() (sealed, error) {
		if v.Terms().Proved() {
			return s.proved(ctx, v, n)
		}
		d, _ := v.Key(n)
		key, err := s.Fetch(ctx, d, he.PublicKeySize)
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
		parts := make(msg.Parts, he.Moduli)
		err = enclave.Seal(key, values, func(m, c int, b []byte) error {
			kept, err := s.putChunk(ctx, v.ID(), n, d, m, c, b)
			parts[m] = append(parts[m], suite.DigestOf(kept))
			return err
		})
		return sealed{salt, d, parts}, err
	})
}

// putChunk keeps a ciphertext, and returns the one that is kept: another if an
// earlier call came as far as here, of the same values under the same key.
func (s *Site) putChunk(ctx context.Context, run string, n int, key suite.Digest, modulus, chunk int, b []byte) ([]byte, error) {
	name, err := chunkName(run, n, key, modulus, chunk)
	if err != nil {
		return nil, err
	}
	s.Hook("chunk:before")
	err = seal.Put(ctx, s.Store, s.Seal.Public(), name, bytes.NewReader(b))
	s.Hook("chunk:after")
	if errors.Is(err, fault.Conflict) {
		return s.read(ctx, name)
	}
	return b, err
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
	raw, err := s.read(ctx, name)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// read opens a small object of the site's store.
func (s *Site) read(ctx context.Context, name storage.Name) ([]byte, error) {
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	b := make([]byte, o.Size())
	_, err = io.ReadFull(io.NewSectionReader(o, 0, o.Size()), b)
	return b, err
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
	if err := s.sameTasks(ctx, v, n); err != nil {
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
	if v.Terms().Mode == jobs.SDC && v.Terms().Join == nil {
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
	return msg.RevealBody{Of: v.Of(n, s.Name), Salt: c.Salt, Parts: c.Parts}, nil, nil
}

// show puts what the site committed to on the board, one ciphertext at a time.
func (s *Site) show(ctx context.Context, v *msg.View, n int) error {
	c, err := s.sealed(ctx, v, n)
	if err != nil {
		return err
	}
	for m, chunks := range c.Parts {
		for i, d := range chunks {
			name, err := chunkName(v.ID(), n, c.Key, m, i)
			if err != nil {
				return err
			}
			b, err := s.read(ctx, name)
			if err != nil {
				return err
			}
			if suite.DigestOf(b) != d {
				return fmt.Errorf("a ciphertext that is kept is not what was committed to: %w", fault.Tampered)
			}
			if err := s.Put(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}
