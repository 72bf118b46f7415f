package trustee

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// A Log is the ledger that a trustee witnesses: its origin and its key, given
// by a person at enrolment. Wall is the trustee's own clock, by which alone it
// vouches for the time: others go by what it says, so that it must not say it
// after them. Nil is the party's Now.
type Log struct {
	Origin string
	Key    suite.PublicKey
	Wall   func() time.Time
}

func (l Log) now(t *Trustee) time.Time {
	if l.Wall == nil {
		return t.Now()
	}
	return l.Wall()
}

// witnessed is the journal's word for the trees that a trustee has cosigned.
const witnessed = "witnessed"

// Witness cosigns every checkpoint that extends the last one it has cosigned,
// until ctx ends. What it has cosigned is in its journal before the
// cosignature is out, so that no rollback of the ledger finds it again.
func (t *Trustee) Witness(ctx context.Context, log Log) error {
	items, err := t.Board.Watch(ctx, "ledger.*.checkpoint")
	if err != nil {
		return fmt.Errorf("witnessing: %w", err)
	}
	for item := range items {
		if err := t.cosign(ctx, log, item.Subject, item.Data); err != nil && ctx.Err() == nil {
			t.Log.LogAttrs(ctx, slog.LevelError, "witnessing a checkpoint", slog.String("subject", item.Subject), slog.Any("err", err))
		}
	}
	return ctx.Err()
}

// A tree that was cosigned, with the line, so that it can be said again.
type cosigned struct {
	Size uint64    `json:"size"`
	Root []byte    `json:"root"`
	Time time.Time `json:"time"`
	Line []byte    `json:"line"`
}

func (t *Trustee) cosign(ctx context.Context, log Log, subject string, raw []byte) error {
	size, err := msg.ParseCheckpointSubject(subject)
	if err != nil {
		return err
	}
	var done cosigned
	if err := t.Journal.Get(witnessed, strconv.FormatUint(size, 10), &done); err == nil {
		return t.Board.Post(ctx, msg.CosignatureSubject(size, t.Name), done.Line)
	} else if !errors.Is(err, fault.NotFound) {
		return err
	}
	var cp msg.Checkpoint
	if err := json.Unmarshal(raw, &cp); err != nil {
		return fmt.Errorf("reading a checkpoint: %w", fault.Invalid)
	}
	prev, err := t.lastTree()
	if err != nil {
		return err
	}
	if prev.Size != cp.Before {
		return fmt.Errorf("checkpoint %d goes on from %d, and the last cosigned here is %d: %w", size, cp.Before, prev.Size, fault.Tampered)
	}
	key, err := log.Key.Ed25519()
	if err != nil {
		return err
	}
	w := proof.Witness{Name: t.Name, Key: t.Key.Ed25519(), Origin: log.Origin, LogKey: key}
	line, next, err := w.Cosign(prev, cp.Note, cp.Consistency, log.now(t))
	if err != nil {
		return err
	}
	if next.Size != size {
		return fmt.Errorf("checkpoint %d is of another size: %w", size, fault.Tampered)
	}
	t.Hook("witnessed:before")
	if _, err := t.Journal.Once(witnessed, strconv.FormatUint(size, 10), cosigned{next.Size, next.Root[:], next.Time, line}); err != nil {
		return err
	}
	t.Hook("witnessed:after")
	return t.Board.Post(ctx, msg.CosignatureSubject(size, t.Name), line)
}

// lastTree is the largest tree cosigned so far.
func (t *Trustee) lastTree() (proof.Tree, error) {
	last := proof.Empty()
	for _, e := range t.Journal.All(witnessed) {
		var c cosigned
		if err := e.Decode(&c); err != nil || len(c.Root) != len(last.Root) {
			return last, errors.Join(err, fault.Tampered)
		}
		if c.Size >= last.Size {
			last = proof.Tree{Size: c.Size, Root: [32]byte(c.Root), Time: c.Time}
		}
	}
	return last, nil
}
