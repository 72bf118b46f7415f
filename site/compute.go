package site

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/suite"
)

// hasDataset refuses terms about a version or a column that is not there.
func (s *Site) hasDataset(ctx context.Context, t jobs.Terms, m jobs.Member) error {
	schema, err := s.schema(ctx, m)
	if err != nil {
		return err
	}
	if schema.Digest() != m.Schema || schema.Unit.Namespace != t.Shape.Namespace {
		return fault.Refuse("dataset", "")
	}
	for _, name := range m.Columns {
		if !slices.ContainsFunc(schema.Readable(), func(c columns.Column) bool { return c.Name == name }) {
			return fault.Refuse("column", "")
		}
	}
	if s.Keeper != nil { // how many units there are is seen when the version opens
		return nil
	}
	return s.fits(ctx, t)
}

func (s *Site) open(ctx context.Context, m jobs.Member) (*columns.Version, func(), error) {
	name, err := columns.Name(m.Dataset, m.Version)
	if err != nil {
		return nil, nil, err
	}
	o, err := s.openVersion(ctx, name)
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
	if s.Keeper != nil && version.Schema().Digest() != m.Schema { // another stood beside it
		_ = o.Close() // read only
		return nil, nil, fmt.Errorf("opening %s: its schema is not that of the permit: %w", name, fault.Tampered)
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

// compute makes the site's partial, once. The guest is admitted and the run is
// booked first, at once and whatever else is being computed, for both can be
// seen; then a row is read. What is kept first stands, so that noise is drawn
// once for whatever may crash. Once rows are read nothing is asked of the board
// and nothing said on it before the run's slot: a run that cannot be computed
// is doomed, which is told there.
func (s *Site) compute(ctx context.Context, v *msg.View) error {
	if s.isDoomed(v) {
		return nil
	}
	if values, err := s.partial(ctx, v); err == nil {
		clear(values)
		return nil
	} else if !errors.Is(err, fault.NotFound) {
		return err
	}
	if err := s.Stands(v); err != nil {
		return err
	}
	crew, err := s.enrol(ctx, v)
	if err != nil {
		return err
	}
	defer func() { crew.close() }()
	if err := v.Permit().At(s.Now()); err != nil { // booked in time, and then down, or without a key, for long
		return s.doom(v, expired)
	}
	lock, err := s.unlock(ctx, v)
	switch {
	case err != nil && s.isLocked(ctx, v, err):
		return s.doom(v, locked)
	case err != nil:
		return err
	}
	defer lock()
	leave, err := s.enter(ctx, v, computing, &crew)
	if err != nil {
		return err
	}
	defer leave()
	if over, err := s.isOver(ctx, v); over || err != nil { // it ended while it waited: no row is read for it
		return err
	}
	if err := s.Stands(v); err != nil { // it may have waited for long
		return err
	}
	if err := v.Permit().At(s.Now()); err != nil { // booked in time, and then down, or in the queue, for long
		return s.doom(v, expired)
	}
	working, cancel, err := s.untilLast(ctx, v, computing)
	if err != nil {
		return s.doom(v, noSlot)
	}
	defer cancel()
	standing, stop := s.whileStanding(working, v)
	err = s.work(standing, v, &crew)
	stop()
	switch {
	case err != nil && errors.Is(context.Cause(standing), errHeld): // it is computed anew, if ever, and told no sooner
		return party.Waits{Code: party.Held, Who: []string{s.Name}}
	case errors.Is(err, errDisagree):
		return s.doom(v, noAccord)
	case errors.Is(err, errUpgraded):
		return s.doom(v, dead)
	case errors.Is(err, errOverfull):
		return s.doom(v, overfull)
	case err != nil && working.Err() != nil && ctx.Err() == nil:
		return s.doom(v, noSlot)
	}
	return err
}

// isOver looks at the board again, for a run that may have waited for long.
func (s *Site) isOver(ctx context.Context, v *msg.View) (bool, error) {
	items, err := s.Board.List(ctx, "run."+v.ID()+".>")
	if err != nil {
		return false, err
	}
	board := make(map[string][]byte, len(items))
	for _, it := range items {
		board[it.Subject] = it.Data
	}
	now, err := msg.NewView(v.ID(), board, s.Pins)
	return err == nil && now.Over(), nil // a board that shows less than it did ends nothing
}

// enrol lets the program in and books the run. Afterwards it does nothing, so
// that a second attempt is seen by nobody.
func (s *Site) enrol(ctx context.Context, v *msg.View) (crew, error) {
	if s.Remembers(v.ID(), 0, used) {
		return nil, nil
	}
	c, err := s.admit(ctx, v.Terms())
	if err != nil {
		return nil, err
	}
	if err = s.sayAdmitted(ctx, v, c); err == nil {
		err = s.book(v)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// work reads the rows and keeps what is to be sealed.
func (s *Site) work(ctx context.Context, v *msg.View, c *crew) error {
	if *c == nil {
		var err error
		if *c, err = s.admit(ctx, v.Terms()); err != nil {
			return err
		}
	}
	if err := s.sameForm(v, *c); err != nil {
		return err
	}
	if given, err := s.reuse(ctx, v); given || err != nil {
		return err
	}
	if err := s.fits(ctx, v.Terms()); err != nil {
		return err
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "computing", slog.String("run", v.ID()))
	cube, said, err := s.each(ctx, v.Terms(), *c)
	if err != nil {
		return fmt.Errorf("computing: %w", err)
	}
	defer cube.Erase()
	defer said.erase()
	if err := s.remember(ctx, v, cube); err != nil {
		return err
	}
	values, err := s.protect(ctx, v, cube, &said)
	if err != nil {
		return fmt.Errorf("protecting: %w", err)
	}
	defer clear(values)
	name, err := partialName(v.ID())
	if err != nil {
		return err
	}
	s.Hook("partial:before")
	if err := s.putVector(ctx, name, values); err != nil {
		return err
	}
	s.Hook("partial:after")
	return nil
}

// enter waits for the one place where a run computes, and begins the phase:
// slots are counted from there. A run gives the place back at a slot, so that
// the next one, which begins then, does not tell how long this one's guest took.
// Whoever has to wait holds no runner meanwhile.
func (s *Site) enter(ctx context.Context, v *msg.View, p phase, c *crew) (leave func(), err error) {
	leave = func() {
		if at, ok := s.nextSlot(v, p); ok && at.After(s.Now()) {
			time.AfterFunc(at.Sub(s.Now()), func() { <-s.cpu })
			return
		}
		<-s.cpu
	}
	select {
	case s.cpu <- struct{}{}:
	default:
		c.close()
		*c = nil
		select {
		case s.cpu <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := s.begin(v, p); err != nil {
		<-s.cpu
		return nil, err
	}
	return leave, nil
}

// sayAdmitted records which program is let in, and in which form.
func (s *Site) sayAdmitted(ctx context.Context, v *msg.View, c crew) error {
	return s.Say(ctx, msg.Admitted, msg.AdmittedBody{
		Of: v.Of(0, s.Name), Program: v.Terms().Program.Digest, Form: suite.DigestOf(c.form()), Rewrite: admit.Version,
		Engines: msg.Engines(v.Terms()),
	})
}

// errUpgraded says that the program would run in another form than the one
// that was recorded: the software has changed since.
var errUpgraded = errors.New("the program has another form than at its admission")

func (s *Site) sameForm(v *msg.View, c crew) error {
	r, err := s.Recall(v.ID(), 0, msg.Admitted)
	if err != nil {
		return err
	}
	var said msg.AdmittedBody
	if err := r.Read(msg.Admitted, &said); err != nil {
		return err
	}
	if said.Form != suite.DigestOf(c.form()) {
		return errUpgraded
	}
	return nil
}

// protect makes the vector that is sealed. Mode sdc adds what the domain judges
// of its own units; the noisy modes add noise to every slot, drawn once and
// kept before it is used.
func (s *Site) protect(ctx context.Context, v *msg.View, cube *jobs.Cube, said *contributions) ([]int64, error) {
	t := v.Terms()
	switch t.Mode {
	case jobs.SDC:
		return s.guard(ctx, v, cube, said)
	case jobs.DP, jobs.Both:
		values := slices.Clone(cube.Values)
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
