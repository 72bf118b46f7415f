package site

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/seal"
)

// hasDataset refuses terms about a version or a column that is not there.
func (s *Site) hasDataset(ctx context.Context, t jobs.Terms, m jobs.Member) error {
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return err
	}
	defer closeData()
	schema := version.Schema()
	if schema.Digest() != m.Schema || schema.Unit.Namespace != t.Shape.Namespace {
		return fault.Refuse("dataset", "")
	}
	for _, name := range m.Columns {
		if !slices.ContainsFunc(schema.Readable(), func(c columns.Column) bool { return c.Name == name }) {
			return fault.Refuse("column", "")
		}
	}
	return nil
}

func (s *Site) open(ctx context.Context, m jobs.Member) (*columns.Version, func(), error) {
	name, err := columns.Name(m.Dataset, m.Version)
	if err != nil {
		return nil, nil, err
	}
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if errors.Is(err, fault.NotFound) {
		return nil, nil, fault.Refuse("dataset", "")
	}
	if err != nil {
		return nil, nil, err
	}
	version, err := columns.Open(o, o.Size())
	if err != nil {
		_ = o.Close() // read only
		return nil, nil, err
	}
	return version, func() { _ = o.Close() }, nil
}

func partialName(run string) (storage.Name, error) {
	return storage.NewName("runs/"+run+"/partial", "1")
}

// partial reads the vector that compute kept.
func (s *Site) partial(ctx context.Context, v *msg.View) ([]int64, error) {
	name, err := partialName(v.ID())
	if err != nil {
		return nil, err
	}
	return s.vector(ctx, name)
}

// compute makes the site's partial, once: the guest is admitted, the run is
// booked, and only then is a row read. What is kept first stands, so that
// noise is drawn once for whatever may crash.
func (s *Site) compute(ctx context.Context, v *msg.View) error {
	name, err := partialName(v.ID())
	if err != nil {
		return err
	}
	if values, err := s.vector(ctx, name); err == nil {
		clear(values)
		return nil
	} else if !errors.Is(err, fault.NotFound) {
		return err
	}
	select {
	case s.cpu <- struct{}{}:
		defer func() { <-s.cpu }()
	case <-ctx.Done():
		return ctx.Err()
	}
	runner, err := s.admit(ctx, v.Terms())
	if err != nil {
		return err
	}
	defer runner.Close()
	if err := s.book(v); err != nil {
		return err
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "computing", slog.String("run", v.ID()))
	cube, err := s.each(ctx, v.Terms(), runner)
	if err != nil {
		return fmt.Errorf("computing: %w", err)
	}
	defer cube.Erase()
	values, err := s.protect(ctx, v, cube)
	if err != nil {
		return fmt.Errorf("protecting: %w", err)
	}
	defer clear(values)
	s.Hook("partial:before")
	if err := s.putVector(ctx, name, values); err != nil {
		return err
	}
	s.Hook("partial:after")
	return nil
}

// admit starts a runner on the permit's program. A program that is not
// admitted is a refusal, and no row was read.
func (s *Site) admit(ctx context.Context, t jobs.Terms) (*sandbox.Runner, error) {
	module, err := s.Fetch(ctx, t.Program.Digest, t.Program.Size)
	if err != nil {
		return nil, err
	}
	r, err := sandbox.Start(ctx, sandbox.Config{Runner: s.Runner, Module: module, Limits: t.Limits, Least: s.Jail})
	switch {
	case errors.Is(err, fault.Guest):
		return nil, fault.Refuse("guest", "house")
	case errors.Is(err, fault.Denied):
		s.Log.LogAttrs(ctx, slog.LevelError, "refusing to run a guest below the configured jail", slog.Any("err", err))
		return nil, fault.Refuse("jail", "house")
	}
	return r, err
}

// protect makes the vector that is sealed. Mode sdc adds the domain's own
// flags, blinded so that no other domain can cancel them; mode dp adds noise to every slot, drawn once and kept before it is
// used.
func (s *Site) protect(ctx context.Context, v *msg.View, cube *jobs.Cube) ([]int64, error) {
	t := v.Terms()
	values := slices.Clone(cube.Values)
	switch t.Mode {
	case jobs.SDC:
		flags := cube.Small(t.Threshold)
		if err := gate.Blind(flags, rand.Reader); err != nil {
			return nil, err
		}
		return append(values, flags...), nil
	case jobs.DP:
		drawn, err := s.noise(ctx, v)
		if err != nil {
			return nil, err
		}
		for i := range values {
			values[i] += drawn[i]
		}
		return values, nil
	default:
		return nil, fmt.Errorf("mode %q: %w", t.Mode, fault.Denied)
	}
}

func (s *Site) noise(ctx context.Context, v *msg.View) ([]int64, error) {
	name, err := storage.NewName("runs/"+v.ID()+"/noise", "1")
	if err != nil {
		return nil, err
	}
	if drawn, err := s.vector(ctx, name); !errors.Is(err, fault.NotFound) {
		return drawn, err
	}
	shape := v.Terms().Shape
	var drawn []int64
	source := noise.NewSource(rand.Reader)
	defer source.Erase()
	for _, m := range shape.All() {
		g, err := noise.NewGaussian(m.Sigma)
		if err != nil {
			return nil, err
		}
		for range shape.Cells() {
			x, err := g.Draw(source)
			if err != nil {
				return nil, err
			}
			drawn = append(drawn, x)
		}
	}
	s.Hook("noise:before")
	if err := s.putVector(ctx, name, drawn); err != nil {
		return nil, err
	}
	s.Hook("noise:after")
	return s.vector(ctx, name)
}

func (s *Site) putVector(ctx context.Context, name storage.Name, values []int64) error {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
		return err
	}
	err := seal.Put(ctx, s.Store, s.Seal.Public(), name, &b)
	if errors.Is(err, fault.Conflict) {
		return nil // what was kept first stands
	}
	return err
}

func (s *Site) vector(ctx context.Context, name storage.Name) ([]int64, error) {
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	values := make([]int64, o.Size()/8)
	return values, binary.Read(io.NewSectionReader(o, 0, o.Size()), binary.LittleEndian, values)
}

// batchUnits is how many units go to the runner at a time.
const batchUnits = 512

// each shows the runner one unit at a time, in a secret order on which nothing
// may depend, and adds what the host makes of each contribution.
func (s *Site) each(ctx context.Context, t jobs.Terms, runner *sandbox.Runner) (*jobs.Cube, error) {
	m, err := s.member(t)
	if err != nil {
		return nil, err
	}
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return nil, err
	}
	defer closeData()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan [][]byte, 2)
	read := make(chan error, 1)
	go func() {
		defer close(batches)
		read <- areas(ctx, version, t, m.Columns, batches)
	}()
	cube := jobs.NewCube(t.Shape)
	for batch := range batches {
		results, err := runner.Map(ctx, batch)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			if err := cube.Add(t.Shape.Bound(r.Emits)); err != nil {
				return nil, err
			}
		}
	}
	return cube, <-read
}

// areas encodes the units of a version, batch by batch. A unit whose rows do
// not fit the permit's input area contributes nothing.
func areas(ctx context.Context, version *columns.Version, t jobs.Terms, names []string, out chan<- [][]byte) error {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	q := columns.Query{Columns: names, MaxRows: int(t.Limits.Rows), Secret: secret}
	var batch [][]byte
	send := func() error {
		if len(batch) == 0 {
			return nil
		}
		select {
		case out <- batch:
			batch = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for shard := range version.Shards() {
		err := version.Units(ctx, shard, q, func(u columns.Unit) error {
			area, err := abi.AppendArea(nil, t.Params, u.Columns)
			if err != nil {
				return err
			}
			if len(area) > int(t.Limits.Input) {
				return nil
			}
			if batch = append(batch, area); len(batch) == batchUnits {
				return send()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return send()
}
