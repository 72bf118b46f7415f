package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/seal"
)

// A Keeper releases the data key of a version of a dataset for one run: the
// provider's custodian (package custody), which sees the permit, the operator's
// start and the header of the sealed version. What it refuses is a fault.Refusal;
// with any other error it is asked again.
type Keeper interface {
	Key(ctx context.Context, run string, permit jobs.Permit, start, header []byte) (seal.DataKey, error)
}

// A keyring has the data keys that runs are using, in memory and nowhere else.
type keyring struct {
	mu   sync.Mutex
	keys map[storage.Name]*lent
}

// lent is a key and how many runs use it.
type lent struct {
	seal.DataKey

	runs int
}

func (k *keyring) get(name storage.Name) (seal.DataKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.keys[name]; l != nil {
		return l.DataKey, nil
	}
	return seal.DataKey{}, fmt.Errorf("no run has the key of %s: %w", name, fault.Denied)
}

// lend keeps a key until the run gives it back.
func (k *keyring) lend(name storage.Name, key seal.DataKey) (back func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[storage.Name]*lent{}
	}
	if k.keys[name] == nil {
		k.keys[name] = &lent{DataKey: key}
	} else {
		key.Erase() // the same again
	}
	k.keys[name].runs++
	return sync.OnceFunc(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		l := k.keys[name]
		if l.runs--; l.runs == 0 {
			l.Erase()
			delete(k.keys, name)
		}
	})
}

// openVersion opens a version of a dataset: by the site's own key, or by the one
// that a run was lent.
func (s *Site) openVersion(ctx context.Context, name storage.Name) (storage.Object, error) {
	if s.Keeper == nil {
		return seal.Get(ctx, s.Store, s.Seal, name)
	}
	key, err := s.opened.get(name)
	if err != nil {
		return nil, err
	}
	return seal.GetWith(ctx, s.Store, key, name)
}

// schema is that of the version that a permit names. A version that is opened by
// a keeper's key has its schema beside it, so that a run is accepted or refused
// before the key is asked for; a schema is held to its digest in the permit, and
// the version's own is, once it is open.
func (s *Site) schema(ctx context.Context, m jobs.Member) (columns.Schema, error) {
	if s.Keeper == nil {
		version, closeData, err := s.open(ctx, m)
		if err != nil {
			return columns.Schema{}, err
		}
		defer closeData()
		return version.Schema(), nil
	}
	version, err := columns.Name(m.Dataset, m.Version)
	if err != nil {
		return columns.Schema{}, err
	}
	name, err := columns.SchemaName(m.Dataset, m.Version)
	if err != nil {
		return columns.Schema{}, err
	}
	_, err = seal.GetHeader(ctx, s.Store, version)
	var o storage.Object
	if err == nil {
		o, err = seal.Get(ctx, s.Store, s.Seal, name)
	}
	if errors.Is(err, fault.NotFound) {
		return columns.Schema{}, fault.Refuse("dataset", "")
	}
	if err != nil {
		return columns.Schema{}, err
	}
	defer o.Close() //nolint:errcheck // read only
	raw, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return columns.Schema{}, err
	}
	return columns.ParseSchema(raw)
}

// unlock has the key of the run's version released, until lock. The run is booked
// by then, and has no place to compute yet: however long the keeper is away, no
// slot passes meanwhile.
func (s *Site) unlock(ctx context.Context, v *msg.View) (lock func(), err error) {
	if s.Keeper == nil || s.isStored(v) {
		return func() {}, nil
	}
	m, err := s.member(v.Terms())
	if err != nil {
		return nil, err
	}
	name, err := columns.Name(m.Dataset, m.Version)
	if err != nil {
		return nil, err
	}
	start, err := s.Board.Get(ctx, msg.Subject(v.ID(), 0, jobs.Start, msg.Operator))
	if err != nil {
		return nil, err
	}
	header, err := seal.GetHeader(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	key, err := s.Keeper.Key(ctx, v.ID(), v.Permit(), start, header)
	if err != nil {
		return nil, err
	}
	return s.opened.lend(name, key), nil
}

// locked is the code with which a run ends that has no data key.
const locked = "custody"

// isStored reports whether the run is given what another was: no row is read.
func (s *Site) isStored(v *msg.View) bool {
	var d msg.Debit
	return s.Journal.Get(string(debited), v.ID(), &d) == nil && d.Stored != ""
}

// isLocked reports whether the keeper refuses a run its key, as far as err says,
// and tells the provider. A keeper that does not answer refuses nothing.
func (s *Site) isLocked(ctx context.Context, v *msg.View, err error) bool {
	no, ok := errors.AsType[fault.Refusal](err)
	if ok {
		s.Log.LogAttrs(ctx, slog.LevelError, "the custodian releases no data key", slog.String("run", v.ID()), slog.String("code", string(no.Code)), slog.String("zh", no.ZH))
	}
	return ok
}
