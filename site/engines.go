package site

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/seal"
)

// engines are the runners that a visit is shown to: one, or two of different
// makers that must come to the same.
type engines []*sandbox.Runner

// A crew is as many engines as work side by side, each on visits of its own.
// What they come to together does not depend on how many they are.
type crew []engines

func (c crew) close() {
	for _, e := range c {
		for _, r := range e {
			r.Close()
		}
	}
}

// form is the admitted form of the program.
func (c crew) form() []byte { return c[0][0].Admitted() }

// errDisagree says that two engines came to different cubes. An attacker who
// has broken out of one of them would have to break the other alike.
var errDisagree = errors.New("the engines do not agree")

// admit starts the runners that a permit asks for on its program. A program
// that is not admitted is a refusal, and no row was read.
func (s *Site) admit(ctx context.Context, t jobs.Terms) (crew, error) {
	binaries := []string{s.Runner}
	if t.Engines == jobs.BothEngines {
		binaries = append(binaries, s.Replay)
	}
	return s.start(ctx, t, binaries...)
}

func (s *Site) start(ctx context.Context, t jobs.Terms, binaries ...string) (crew, error) {
	module, err := s.module(ctx, t.Program)
	if err != nil {
		return nil, err
	}
	c := make(crew, max(1, s.Runners))
	for i := range c {
		for _, binary := range binaries {
			r, err := sandbox.Start(ctx, sandbox.Config{Runner: binary, Module: module, Limits: t.Limits, Least: s.Jail, Cache: s.Cache})
			if err != nil {
				c.close()
				return nil, s.refused(ctx, err)
			}
			c[i] = append(c[i], r)
		}
	}
	return c, nil
}

// module is the program. It is on the board once; from then on the domain has
// its own.
func (s *Site) module(ctx context.Context, p jobs.Program) ([]byte, error) {
	name, err := storage.NewName("programs/"+p.Digest.Hex(), "1")
	if err != nil {
		return nil, err
	}
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if errors.Is(err, fault.NotFound) {
		module, err := s.Fetch(ctx, p.Digest, p.Size)
		if err != nil {
			return nil, err
		}
		if err := seal.Put(ctx, s.Store, s.Seal.Public(), name, bytes.NewReader(module)); err != nil && !errors.Is(err, fault.Conflict) {
			return nil, err
		}
		return module, nil
	}
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

func (s *Site) refused(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, fault.Guest):
		return fault.Refuse("guest", "house")
	case errors.Is(err, fault.Denied):
		s.Log.LogAttrs(ctx, slog.LevelError, "refusing to run a guest below the configured jail", slog.Any("err", err))
		return fault.Refuse("jail", "house")
	}
	return err
}

// A visit is what a guest sees at a time: an area and how many units are in
// it. A visit without an area does not fit the permit's input, and fails.
type visit struct {
	area  []byte
	units int
	names [][16]byte // mode sdc: of the units, for the domain's own register
}

// batchVisits is how many visits go to the runners at a time.
const batchVisits = 512

// each shows every engine the same visits, in a secret order on which nothing
// may depend, and adds what the host makes of each contribution. It is
// errDisagree if two engines come to different cubes. In mode sdc it gathers
// each unit's contributions as well, once whatever the engines.
func (s *Site) each(ctx context.Context, t jobs.Terms, c crew) (*jobs.Cube, contributions, error) {
	m, err := s.member(t)
	if err != nil {
		return nil, contributions{}, err
	}
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return nil, contributions{}, err
	}
	defer closeData()
	batches := make(chan []visit, len(c)+1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(batches)
		return s.visits(ctx, version, t, m, batches)
	})
	cubes, gathered := make([][]*jobs.Cube, len(c)), make([]contributions, len(c))
	for i, e := range c {
		for range e {
			cubes[i] = append(cubes[i], jobs.NewCube(t.Shape, t.Pairs()))
		}
		if t.Mode == jobs.SDC {
			cubes[i][0].Watch(gathered[i].take)
		}
		g.Go(func() error {
			for batch := range batches {
				if err := show(ctx, e, cubes[i], batch, &gathered[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, contributions{}, err
	}
	cube, err := agreed(cubes)
	return cube, joined(gathered), err
}

// agreed merges what the members of a crew came to, engine by engine, and
// demands that the engines agree.
func agreed(cubes [][]*jobs.Cube) (*jobs.Cube, error) {
	all := cubes[0]
	for _, others := range cubes[1:] {
		for i, c := range others {
			if err := all[i].Merge(c); err != nil {
				return nil, err
			}
			c.Erase()
		}
	}
	for _, c := range all[1:] {
		if !c.Equal(all[0]) {
			return nil, errDisagree
		}
		c.Erase()
	}
	return all[0], nil
}

// show shows a batch to every engine at once, and adds each one's answers to
// its own cube.
func show(ctx context.Context, e engines, cubes []*jobs.Cube, batch []visit, first *contributions) error {
	var areas [][]byte
	for _, v := range batch {
		if v.area != nil {
			areas = append(areas, v.area)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for i, r := range e {
		g.Go(func() error {
			names := first
			if i > 0 {
				names = nil
			}
			rest := batch
			err := r.Each(ctx, areas, func(done sandbox.Result) (err error) {
				rest, err = add(cubes[i], rest, &done, names)
				return err
			})
			if err != nil {
				return err
			}
			_, err = add(cubes[i], rest, nil, names)
			return err
		})
	}
	return g.Wait()
}

// add adds what the next visit with an area came to, and before it those that
// have none and so have failed; without a result it adds such alone.
func add(cube *jobs.Cube, batch []visit, done *sandbox.Result, names *contributions) ([]visit, error) {
	for len(batch) > 0 && (done != nil || batch[0].area == nil) {
		v := batch[0]
		batch = batch[1:]
		if names != nil {
			names.of = v.names
		}
		if v.area != nil {
			return batch, cube.Add(v.units, done.OK, done.Emits)
		}
		if err := cube.Add(v.units, false, nil); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

// A sender hands visits on in batches.
type sender struct {
	out   chan<- []visit
	input uint32 // bytes that an area may have
	named []byte // secret under which the register names units; nil: it does not
	batch []visit
	size  int
}

// maxBatch is about how many bytes of areas wait together.
const maxBatch = 8 << 20

func (q *sender) add(ctx context.Context, area []byte, units int, names [][16]byte) error {
	if len(area) > int(q.input) {
		area = nil
	}
	q.batch, q.size = append(q.batch, visit{area, units, names}), q.size+len(area)
	if len(q.batch) < batchVisits && q.size < maxBatch {
		return nil
	}
	return q.flush(ctx)
}

// names are those of the units of a visit.
func (q *sender) names(units int, seed func(int, []byte) [32]byte) [][16]byte {
	if q.named == nil {
		return nil
	}
	names := make([][16]byte, units)
	for i := range names {
		full := seed(i, q.named)
		names[i] = [16]byte(full[:16])
	}
	return names
}

func (q *sender) flush(ctx context.Context) error {
	if len(q.batch) == 0 {
		return nil
	}
	select {
	case q.out <- q.batch:
		q.batch, q.size = nil, 0
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// visits encodes what a version's units are shown as.
func (s *Site) visits(ctx context.Context, version *columns.Version, t jobs.Terms, m jobs.Member, out chan<- []visit) error {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	q := columns.Query{Columns: m.Columns, MaxRows: int(t.Limits.Rows), Secret: secret}
	to := &sender{out: out, input: t.Limits.Input}
	if t.Mode == jobs.SDC {
		to.named = s.derive("register of " + t.Shape.Namespace)
	}
	var err error
	if g := t.Shape.Grouping; g.Batch == 0 && g.Blocks == 0 {
		err = units(ctx, version, q, t.Params, to)
	} else {
		err = s.groups(ctx, version, q, t, m, to)
	}
	if err != nil {
		return err
	}
	return to.flush(ctx)
}

// units shows one unit at a time.
func units(ctx context.Context, version *columns.Version, q columns.Query, params []byte, to *sender) error {
	for shard := range version.Shards() {
		err := version.Units(ctx, shard, q, func(u columns.Unit) error {
			area, err := abi.AppendArea(nil, params, u.Columns)
			if err != nil { // more than an area can hold, whatever the permit says
				area = nil
			}
			return to.add(ctx, area, 1, to.names(1, func(int, []byte) [32]byte { return u.Seed(to.named) }))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// groups shows batches or blocks. Which one a unit falls in follows from its
// key and from the domain's secret for this version, and from nothing else.
func (s *Site) groups(ctx context.Context, version *columns.Version, q columns.Query, t jobs.Terms, m jobs.Member, to *sender) error {
	g := t.Shape.Grouping
	by := columns.By{Groups: g.Batches, Most: g.Batch, Secret: s.derive("groups of " + m.Dataset + "@" + m.Version)}
	if g.Blocks > 0 {
		by.Groups, by.Empty = g.Blocks, true
	}
	return version.Groups(ctx, q, by, func(u columns.Group) error {
		area, err := abi.AppendUnits(nil, t.Params, u.Columns, u.Starts)
		if err != nil { // more than an area can hold, whatever the permit says
			area = nil
		}
		return to.add(ctx, area, u.Units, to.names(u.Units, u.Seed))
	})
}

// derive makes a secret for one purpose out of the domain's own.
func (s *Site) derive(purpose string) []byte {
	mac := hmac.New(sha256.New, s.Secret)
	mac.Write([]byte("yunei site v1 " + purpose))
	return mac.Sum(nil)
}
