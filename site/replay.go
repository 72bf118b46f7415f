package site

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/suite"
)

// A keptCube is what a site remembers of its cube before noise: a commitment under
// a salt that never leaves it, so that nobody can guess the cube's values, and
// a replay can still be held against them.
type keptCube struct {
	Salt suite.Salt       `json:"salt"`
	Cube suite.Commitment `json:"cube"`
}

func keptName(run string) (storage.Name, error) { return storage.NewName("runs/"+run+"/cube", "1") }

// remember keeps the commitment to a run's cube. It is errDisagree if another
// cube was kept before: an attempt of the same run, cut short, came to
// something else.
func (s *Site) remember(ctx context.Context, v *msg.View, cube *jobs.Cube) error {
	name, err := keptName(v.ID())
	if err != nil {
		return err
	}
	s.Hook("cube:before")
	was, err := keep(ctx, s, name, keptCube{}, func() (keptCube, error) {
		salt, err := suite.NewSalt()
		if err != nil {
			return keptCube{}, err
		}
		return keptCube{salt, suite.Commit(salt, cubeBytes(cube))}, nil
	})
	s.Hook("cube:after")
	if err != nil {
		return fmt.Errorf("remembering the cube: %w", err)
	}
	if !was.Cube.Opens(was.Salt, cubeBytes(cube)) {
		return errDisagree
	}
	return nil
}

func cubeBytes(c *jobs.Cube) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, c.Values) // a buffer takes all integers
	return b.Bytes()
}

// replay computes a run again on the second engine, from the same versions, if
// the bureau asks for it, and says in one bit whether that came to the same
// cube. It is done after the run has come to a candidate, once, and its bit is
// said at a slot like what came of the run itself. It spends nothing, for no
// value is released; a permit that has ended ends replays as well.
func (s *Site) replay(ctx context.Context, v *msg.View) error {
	if v.Err() != nil || !v.Said(0, msg.Replay, msg.Bureau) || !v.Said(0, msg.Candidate, v.Terms().Gate.Name) || v.Said(0, msg.Replayed, s.Name) {
		return nil //nolint:nilerr // in a run that does not hold nothing is replayed
	}
	var permit string
	if err := s.kept(v, used, &permit); err != nil || permit != string(v.Permit().Digest()) {
		return nil //nolint:nilerr // not this site's run, or not the permit that it was booked under
	}
	if s.Remembers(v.ID(), 0, msg.Replayed) {
		return s.Again(ctx, v.ID(), 0, msg.Replayed)
	}
	var agrees bool
	switch err := s.kept(v, replayed, &agrees); {
	case errors.Is(err, fault.NotFound):
		return s.again(ctx, v)
	case err != nil:
		return err
	}
	if err := s.hold(v, replaying); err != nil {
		return err
	}
	return s.Say(ctx, msg.Replayed, msg.ReplayedBody{Of: v.Of(0, s.Name), Agrees: agrees})
}

// tries is how often a replay is tried; what does not come to an end then is
// not answered.
const tries = 3

// again reads the rows and journals the bit. Every try is in the journal before
// the first row.
func (s *Site) again(ctx context.Context, v *msg.View) error {
	done := 0
	_ = s.kept(v, replayTry, &done) // none: 0
	if done >= tries {
		return nil
	}
	if err := v.Permit().At(s.Now()); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "not replaying", slog.String("run", v.ID()), slog.Any("err", err))
		return nil // no bit is said about what may not be read any more
	}
	if s.isHeld(v.Terms()) {
		return party.Waits{Code: party.Held, Who: []string{s.Name}} // no row is read again, either
	}
	lock, err := s.unlock(ctx, v)
	switch {
	case err != nil && s.isLocked(ctx, v, err):
		return nil // no bit is said about what may not be read
	case err != nil:
		return err
	}
	defer lock()
	s.Hook("replay-try:before")
	if err := s.Journal.Append(string(replayTry), s.journalKey(v, replayTry), done+1); err != nil {
		return err
	}
	s.Hook("replay-try:after")
	agrees, err := s.compare(ctx, v)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.Log.LogAttrs(ctx, slog.LevelError, "replaying", slog.String("run", v.ID()), slog.Any("err", err))
		return s.again(ctx, v)
	}
	if !agrees {
		s.Log.LogAttrs(ctx, slog.LevelError, "a replay came to another cube", slog.String("run", v.ID()))
	}
	if err := s.once(v, replayed, agrees); err != nil {
		return err
	}
	return s.replay(ctx, v)
}

func (s *Site) compare(ctx context.Context, v *msg.View) (bool, error) {
	name, err := keptName(v.ID())
	if err != nil {
		return false, err
	}
	var was keptCube
	if err := s.get(ctx, name, &was); err != nil {
		return false, err
	}
	var crew crew
	leave, err := s.enter(ctx, v, replaying, &crew)
	if err != nil {
		return false, err
	}
	defer leave()
	ctx, cancel, err := s.untilLast(ctx, v, replaying)
	if err != nil {
		return false, err
	}
	defer cancel()
	if crew, err = s.start(ctx, v.Terms(), s.Replay); err != nil {
		return false, err
	}
	defer crew.close()
	s.Log.LogAttrs(ctx, slog.LevelInfo, "replaying", slog.String("run", v.ID()))
	cube, said, err := s.each(ctx, v.Terms(), crew)
	if err != nil {
		return false, err
	}
	defer cube.Erase()
	said.erase()
	return was.Cube.Opens(was.Salt, cubeBytes(cube)), nil
}
