package wasm

import (
	"errors"
	"fmt"
	"io"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

// A Jail is what this process sits in, and how it shuts what is left open. The
// zero Jail cannot be shut, so nothing is served in it.
type Jail struct {
	Level   jail.Level
	Confine func(jail.Stage) error
}

// Serve is a runner's whole life: it reads one Load from in, then Units until
// in ends, and answers each on out. The module is not looked at before the
// first filter is installed, and no row is read before the second. A nil error
// says that the parent has closed in, or that the guest was refused.
func Serve(in io.Reader, out io.Writer, j Jail) error {
	if j.Confine == nil || j.Confine(jail.Loading) != nil {
		return refuse(out, wire.RefusedJail)
	}
	frames := wire.NewReader(in)
	kind, payload, err := frames.Next(wire.MaxFrame)
	if err != nil || kind != wire.Load {
		return fmt.Errorf("serving: first frame of kind %#x: %w", kind, errors.Join(err, fault.Invalid))
	}
	limits, module, err := wire.ParseLoad(payload)
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	guest, err := Load(module, limits)
	if err != nil {
		return refuse(out, wire.RefusedGuest)
	}
	if j.Confine(jail.Running) != nil {
		return refuse(out, wire.RefusedJail)
	}
	ready, err := wire.AppendReady(nil, uint16(j.Level|jail.Seccomp))
	if err != nil {
		return err
	}
	if _, err := out.Write(ready); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return batches(frames, out, guest, limits.Input)
}

func refuse(out io.Writer, r wire.Reason) error {
	frame, err := wire.AppendRefused(nil, r)
	if err == nil {
		_, err = out.Write(frame)
	}
	return err
}

func batches(frames *wire.Reader, out io.Writer, guest *Guest, input uint32) error {
	var areas [][]byte
	var answer []byte
	for {
		kind, payload, err := frames.Next(wire.MaxFrame)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || kind != wire.Units {
			return fmt.Errorf("serving: frame of kind %#x: %w", kind, errors.Join(err, fault.Invalid))
		}
		if areas, err = wire.ParseUnits(areas[:0], payload, input); err != nil {
			return fmt.Errorf("serving: %w", err)
		}
		if answer, err = batch(answer[:0], guest, areas); err != nil {
			return fmt.Errorf("serving: %w", err)
		}
		if _, err := out.Write(answer); err != nil {
			return fmt.Errorf("serving: %w", err)
		}
	}
}

func batch(dst []byte, guest *Guest, areas [][]byte) ([]byte, error) {
	at, dst := wire.BeginResults(dst)
	for _, area := range areas {
		records, ok, err := guest.Map(area)
		if err != nil {
			return dst, err
		}
		dst = wire.AppendResult(dst, ok, records)
	}
	return wire.SealResults(dst, at)
}
