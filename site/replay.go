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
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/suite"
)

// A kept is what a site remembers of its cube before noise: a commitment under
// a salt that never leaves it, so that nobody can guess the cube's values, and
// a replay can still be held against them.
type kept struct {
	Salt suite.Salt       `json:"salt"`
	Cube suite.Commitment `json:"cube"`
}

func keptName(run string) (storage.Name, error) { return storage.NewName("runs/"+run+"/cube", "1") }

func (s *Site) remember(ctx context.Context, v *msg.View, cube *jobs.Cube) error {
	name, err := keptName(v.ID())
	if err != nil {
		return err
	}
	_, err = keep(ctx, s, name, kept{}, func() (kept, error) {
		salt, err := suite.NewSalt()
		if err != nil {
			return kept{}, err
		}
		return kept{salt, suite.Commit(salt, cubeBytes(cube))}, nil
	})
	if err != nil {
		return fmt.Errorf("remembering the cube: %w", err)
	}
	return nil
}

func cubeBytes(c *jobs.Cube) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, c.Values) // a buffer takes all integers
	return b.Bytes()
}

// asked reports whether the bureau asks for the run to be computed again, and
// this site has done it and not yet answered.
func (s *Site) asked(v *msg.View) bool {
	return v.Err() == nil && v.Said(0, msg.Replay, v.Terms().Coordinator.Name) &&
		!v.Said(0, msg.Replayed, s.Name) && s.Remembers(v.ID(), 0, used)
}

// replay computes a run again on the second engine, from the same versions,
// and says in one bit whether that came to the same cube. It spends nothing,
// for nothing is released; a permit that has ended ends replays as well.
func (s *Site) replay(ctx context.Context, v *msg.View) error {
	if s.Remembers(v.ID(), 0, msg.Replayed) {
		return s.Again(ctx, v.ID(), 0, msg.Replayed)
	}
	name, err := keptName(v.ID())
	if err != nil {
		return err
	}
	var was kept
	switch err := s.get(ctx, name, &was); {
	case errors.Is(err, fault.NotFound):
		return nil // the run itself is still to be computed
	case err != nil:
		return err
	}
	if err := v.Permit().At(s.Now()); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "not replaying", slog.String("run", v.ID()), slog.Any("err", err))
		return nil //nolint:nilerr // no bit is said about what may not be read any more
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	crew, err := s.start(ctx, v.Terms(), s.Replay)
	if err != nil {
		return err
	}
	defer crew.close()
	s.Log.LogAttrs(ctx, slog.LevelInfo, "replaying", slog.String("run", v.ID()))
	cube, err := s.each(ctx, v.Terms(), crew)
	if err != nil {
		return fmt.Errorf("replaying: %w", err)
	}
	defer cube.Erase()
	return s.Say(ctx, msg.Replayed, msg.ReplayedBody{Of: v.Of(0, s.Name), Agrees: was.Cube.Opens(was.Salt, cubeBytes(cube))})
}
