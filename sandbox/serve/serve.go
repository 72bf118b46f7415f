// Package serve is a runner's whole life, whatever its engine: it shuts the
// jail, reads one program and hands it to the engine, shuts the jail again,
// and then answers units until its parent has no more of them.
//
// It trusts its parent, and nothing of the guest. It does not run a guest (a
// Loader's Guest does), start a process, or make the jail (package jail does).
package serve

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

// A Guest is one program, ready to run, in an engine.
type Guest interface {
	// Map runs one visit. ok is false if the guest trapped or met a limit. The
	// records are 16 bytes each, as the guest wrote them, and good until the
	// next call. An error is a fault.Internal of the machine: the visit is to
	// be computed again.
	Map(area []byte) (records []byte, ok bool, err error)
	// Trace says what the last Map used and wrote. It means something only if
	// the Program asked for it.
	Trace() wire.Trace
	// Compiled returns, once, what another process of this build may load
	// instead of compiling; nil if the engine has no such form, or was given it.
	Compiled() []byte
}

// A Loader makes a program ready to run, and initialises it for trial. A
// compiled form that is not one of this engine's is a fault.Tampered, what the
// machine denies a fault.Internal; whatever else goes wrong is the guest's, a
// fault.Guest.
type Loader func(p wire.Program) (Guest, error)

// A Jail is what this process sits in, and how it shuts what is left open. The
// zero Jail cannot be shut, so nothing is served in it.
type Jail struct {
	Level   jail.Level
	Confine func(jail.Stage) error
}

// Serve reads one Load from in, then Units until in ends, and answers each on
// out. The program is not looked at before the first filter is installed, and
// no row is read before the second. A nil error says that the parent has
// closed in, or that the guest was refused.
func Serve(in io.Reader, out io.Writer, j Jail, load Loader) error {
	if j.Confine == nil || j.Confine(jail.Loading) != nil {
		return refuse(out, wire.RefusedJail)
	}
	p, err := program(in)
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	guest, err := load(p)
	if err != nil {
		return unloaded(out, err)
	}
	p.Module, p.Compiled = nil, nil
	if j.Confine(jail.Running) != nil {
		return refuse(out, wire.RefusedJail)
	}
	if err := ready(out, j.Level|jail.Seccomp, p.Keep, guest.Compiled()); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	// What it was loaded from is not needed again, and a runner that waits
	// should be small.
	debug.FreeOSMemory()
	return batches(wire.NewReader(in), out, guest, p)
}

func program(in io.Reader) (wire.Program, error) {
	// A Reader of its own, whose memory goes with it.
	kind, payload, err := wire.NewReader(in).Next(wire.MaxFrame)
	if err != nil || kind != wire.Load {
		return wire.Program{}, fmt.Errorf("first frame of kind %#x: %w", kind, errors.Join(err, fault.Invalid))
	}
	return wire.ParseLoad(payload)
}

// unloaded tells the parent what it may know of a program that did not load.
// The machine's failures are told by going.
func unloaded(out io.Writer, err error) error {
	switch {
	case errors.Is(err, fault.Tampered):
		return refuse(out, wire.RefusedCompiled)
	case errors.Is(err, fault.Internal):
		return fmt.Errorf("serving: %w", err)
	default:
		return refuse(out, wire.RefusedGuest)
	}
}

func refuse(out io.Writer, r wire.Reason) error {
	frame, err := wire.AppendRefused(nil, r)
	if err == nil {
		_, err = out.Write(frame)
	}
	return err
}

// ready says that the guest is, and hands over its compiled form if that was
// asked for: here, before the first row, and never later.
func ready(out io.Writer, level jail.Level, keep bool, compiled []byte) error {
	frame, err := wire.AppendReady(nil, uint16(level))
	if err == nil && keep {
		// One too long to be kept is as good as none.
		if len(compiled) > wire.MaxCompiled {
			compiled = nil
		}
		frame, err = wire.AppendCompiled(frame, compiled)
	}
	if err == nil {
		_, err = out.Write(frame)
	}
	return err
}

func batches(frames *wire.Reader, out io.Writer, guest Guest, p wire.Program) error {
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
		if areas, err = wire.ParseUnits(areas[:0], payload, p.Limits.Input); err != nil {
			return fmt.Errorf("serving: %w", err)
		}
		if answer, err = batch(answer[:0], guest, areas, p.Trace); err != nil {
			return fmt.Errorf("serving: %w", err)
		}
		if _, err := out.Write(answer); err != nil {
			return fmt.Errorf("serving: %w", err)
		}
	}
}

func batch(dst []byte, guest Guest, areas [][]byte, trace bool) ([]byte, error) {
	at, dst := wire.BeginResults(dst)
	for _, area := range areas {
		records, ok, err := guest.Map(area)
		if err != nil {
			return dst, err
		}
		dst = wire.AppendResult(dst, ok, records)
		if trace {
			dst = wire.AppendTrace(dst, guest.Trace())
		}
	}
	return wire.SealResults(dst, at)
}
