package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

// The lies of a child that a guest has taken over, by the limit of rows that
// it was loaded with (there is no other way to tell it).
const (
	lieFew = iota + 1
	lieMany
	lieEmits
	lieText
	lieHuge
	lieSilence
	lieDeath
	lieKind
	lieJail
	lieRefusal
	lieTrace
	lieUnasked
	lies

	lieScript // what its module says, see FuzzLiar
)

// liar is a runner, of this binary, that lies about units.
func liar() {
	in := wire.NewReader(os.Stdin)
	_, payload, err := in.Next(wire.MaxFrame)
	if err != nil {
		return
	}
	p, err := wire.ParseLoad(payload)
	if err != nil {
		return
	}
	if l := p.Limits; l.Rows == lieScript {
		perform(in, p.Module)
		return
	}
	l := p.Limits
	level := jail.Full | jail.Level(math.MaxUint16)
	if l.Rows == lieJail {
		level = 0
	}
	ready, _ := wire.AppendReady(nil, uint16(level))
	if l.Rows == lieRefusal {
		ready = []byte{11, 0, 0, 0, byte(wire.Refused)}
		ready = append(ready, "row 7 is 42"...)
	}
	ready, _ = wire.AppendCompiled(ready, nil)
	if l.Rows == lieUnasked { // what would be believed as an answer
		frame, _ := honest(2)
		ready = append(ready, frame...)
	}
	_, _ = os.Stdout.Write(ready)
	if _, _, err := in.Next(wire.MaxFrame); err != nil {
		return
	}
	at, frame := wire.BeginResults(nil)
	answers := 2
	switch l.Rows {
	case lieFew:
		answers = 1
	case lieMany:
		answers = 3
	case lieText:
		frame = append(frame, "the victim is ill"...)
	case lieHuge:
		_, _ = os.Stdout.Write([]byte{0xff, 0xff, 0xff, 0xff, byte(wire.Results)})
		_, _ = io.Copy(os.Stdout, neverEnding{})
	case lieSilence:
		select {}
	case lieDeath:
		return
	}
	for range answers {
		records := make([]byte, abi.EmitSize)
		if l.Rows == lieEmits {
			records = make([]byte, abi.EmitSize*(int(l.Emits)+1))
		}
		frame = wire.AppendResult(frame, true, records)
		if l.Rows == lieTrace {
			frame = wire.AppendTrace(frame, wire.Trace{Outcome: wire.Returned, Log: []byte("the victim is ill")})
		}
	}
	frame, _ = wire.SealResults(frame, at)
	if l.Rows == lieKind {
		frame[4] = byte(wire.Ready)
	}
	_, _ = os.Stdout.Write(frame)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// honest is the Results frame of so many units without an emit.
func honest(units int) ([]byte, error) {
	at, frame := wire.BeginResults(nil)
	for range units {
		frame = wire.AppendResult(frame, true, nil)
	}
	return wire.SealResults(frame, at)
}

// The steps of a script: each is followed by its operand.
const (
	stepWrite  = iota // n, n bytes: says them
	stepRead          // waits for a frame of the parent's
	stepDrip          // n, n bytes: says them one by one, a millisecond apart
	stepRepeat        // n, b: says b 256*n times
	stepShut          // says nothing more, and lives on
	stepHonest        // n: the Results frame of n units
	steps
)

// perform acts out a script, and then waits for its end.
func perform(in *wire.Reader, script []byte) {
	take := func(n int) []byte {
		n = min(n, len(script))
		b := script[:n]
		script = script[n:]
		return b
	}
	number := func() int {
		n := 0
		for _, b := range take(1) {
			n = int(b)
		}
		return n
	}
	say := func(b []byte) { _, _ = os.Stdout.Write(b) }
	for len(script) > 0 {
		switch number() % steps {
		case stepWrite:
			say(take(number()))
		case stepRead:
			if _, _, err := in.Next(wire.MaxFrame); err != nil {
				return
			}
		case stepDrip:
			for _, b := range take(number()) {
				say([]byte{b})
				time.Sleep(time.Millisecond)
			}
		case stepRepeat:
			n := number()
			say(bytes.Repeat(take(1), 256*n))
		case stepShut:
			_ = os.Stdout.Close()
		case stepHonest:
			frame, _ := honest(number())
			say(frame)
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

type neverEnding struct{}

func (neverEnding) Read(b []byte) (int, error) { return len(b), nil }

func TestLies(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for lie := uint32(1); lie < lies; lie++ {
		l := granted
		l.Rows = lie
		r, err := Start(t.Context(), Config{
			Runner: self, Module: prebuilt(t, "district-age-c"), Limits: l,
			Least: jail.Caps | jail.Basic, Wall: 100 * time.Millisecond,
		})
		if err == nil {
			var got []Result
			got, err = r.Map(t.Context(), [][]byte{unit(t, 1), unit(t, 2)})
			if got != nil {
				t.Errorf("lie %d: believed as %v", lie, got)
			}
			r.Close()
		}
		want := fault.Internal
		if lie == lieJail {
			want = fault.Denied // a jail too weak is the site's to refuse by name
		}
		if fault.Of(err) != want || errors.Is(err, fault.Guest) || errors.Is(err, fault.Tampered) {
			t.Errorf("lie %d: %v", lie, err)
		}
		if err != nil && (strings.Contains(err.Error(), "ill") || strings.Contains(err.Error(), "row 7")) {
			t.Errorf("lie %d: its text crossed: %v", lie, err)
		}
	}
}

// FuzzLiar is the parent against any runner: whatever it says, in whatever
// order and however slowly, is an error that tells nothing, or as many results
// as were asked for, within their bounds and without a trace; and the parent
// has not taken more memory than was said.
func FuzzLiar(f *testing.F) {
	ready, err := wire.AppendReady(nil, math.MaxUint16)
	if err != nil {
		f.Fatal(err)
	}
	none, err := wire.AppendCompiled(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	hello := slices.Concat(ready, none)
	opened := append([]byte{stepWrite, byte(len(hello))}, hello...)
	script := func(more ...byte) []byte { return append(bytes.Clone(opened), more...) }
	f.Add(script(stepRead, stepHonest, 2))
	f.Add(script(stepRead, stepHonest, 1, stepHonest, 1))
	f.Add(script(stepRead, stepHonest, 2, stepHonest, 2))
	f.Add(script(stepHonest, 2))
	f.Add(script(stepRead, stepShut))
	f.Add(script(stepRead, stepWrite, 9, 0xff, 0xff, 0xff, 3, byte(wire.Results), 1, 0, 0, 0))
	f.Add(script(stepRead, stepWrite, 5, 0, 0, 0, 2, byte(wire.Results), stepRepeat, 255, 0))
	f.Add(script(stepRead, stepWrite, 10, 5, 0, 0, 0, byte(wire.Results), 1, 0xff, 0xff, 0xff, 0xff))
	f.Add(script(stepRead, stepDrip, 15, 10, 0, 0, 0, byte(wire.Results), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Add(script(stepRead, stepDrip, 15, 10, 0, 0, 0, byte(wire.Ready), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Add([]byte{stepWrite, 5, 0xff, 0xff, 0xff, 0xff, byte(wire.Ready), stepRepeat, 255, 0xff})
	f.Add(append(append([]byte{stepWrite, byte(len(ready))}, ready...), stepWrite, 5, 0, 0, 0, 4, byte(wire.Compiled), stepRepeat, 200, 7))
	f.Add([]byte{stepShut})
	f.Add([]byte{})
	self, err := os.Executable()
	if err != nil {
		f.Fatal(err)
	}
	areas := [][]byte{make([]byte, 64), make([]byte, 64)}
	f.Fuzz(func(t *testing.T, script []byte) {
		l := granted
		l.Rows = lieScript
		r := &Runner{admitted: script, config: Config{
			Runner: self, Limits: l, Least: jail.Basic, Recycle: 1000, Load: 200 * time.Millisecond, Wall: 100 * time.Millisecond,
		}}
		defer r.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := r.Map(context.Background(), areas)
		runtime.ReadMemStats(&after)
		// The frames said, thrice, and what a start takes.
		if took := after.TotalAlloc - before.TotalAlloc; took > 3*(4<<20)+64*uint64(len(script)) {
			t.Errorf("%d bytes were taken for a script of %d", took, len(script))
		}
		if err != nil {
			if fault.Of(err) != fault.Internal || got != nil {
				t.Errorf("%v with %v", err, got)
			}
			return
		}
		if len(got) != len(areas) {
			t.Errorf("%d results for %d units", len(got), len(areas))
		}
		for _, r := range got {
			if len(r.Emits) > int(l.Emits) || r.Trace != nil {
				t.Errorf("believed: %+v", r)
			}
		}
	})
}
