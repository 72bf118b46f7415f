package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

var granted = limits.Limits{Fuel: 1 << 20, Memory: 64, Input: 64, Rows: 64, Emits: 2}

// An echo is a guest that emits the first byte of each area; that of 0 traps,
// that of 0xff finds the machine wanting.
type echo struct {
	compiled []byte
	last     byte
}

func (e *echo) Map(area []byte) ([]byte, bool, error) {
	switch e.last = area[0]; e.last {
	case 0:
		return nil, false, nil
	case 0xff:
		return nil, false, fault.Internal
	}
	return abi.AppendEmit(nil, abi.Emit{Cell: uint32(area[0])}), true, nil
}

func (e *echo) Trace() wire.Trace {
	if e.last == 0 {
		return wire.Trace{Outcome: wire.Trapped}
	}
	return wire.Trace{Outcome: wire.Returned, Fuel: uint64(e.last)}
}

func (e *echo) Compiled() []byte { return e.compiled }

// A log records what is done to a runner, in order.
type log []string

func (l *log) confine(s jail.Stage) error {
	*l = append(*l, fmt.Sprint("stage ", int(s)))
	return nil
}

func (l *log) load(p wire.Program) (Guest, error) {
	*l = append(*l, "load "+string(p.Module))
	switch string(p.Module) {
	case "guest":
		return nil, fault.Guest
	case "tampered":
		return nil, fault.Tampered
	case "internal":
		return nil, fault.Internal
	}
	return &echo{compiled: []byte("artefact")}, nil
}

func frames(tb testing.TB, p wire.Program, batches ...[][]byte) []byte {
	tb.Helper()
	b, err := wire.AppendLoad(nil, p)
	for _, areas := range batches {
		if err == nil {
			b, err = wire.AppendUnits(b, areas)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func next(tb testing.TB, r *wire.Reader, want wire.Kind) []byte {
	tb.Helper()
	kind, payload, err := r.Next(wire.MaxFrame)
	if err != nil || kind != want {
		tb.Fatalf("a frame of kind %#x, %v; want %#x", kind, err, want)
	}
	return payload
}

func TestServe(t *testing.T) {
	for _, c := range []struct {
		name        string
		trace, keep bool
	}{{"a run", false, false}, {"a rehearsal", true, false}, {"to be kept", false, true}} {
		t.Run(c.name, func(t *testing.T) {
			var did log
			var out bytes.Buffer
			in := frames(t, wire.Program{Limits: granted, Trace: c.trace, Keep: c.keep, Module: []byte("m")}, [][]byte{{7}, {0}}, nil, [][]byte{{9}})
			if err := Serve(bytes.NewReader(in), &out, Jail{Level: jail.Caps, Confine: did.confine}, did.load); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(log{"stage 1", "load m", "stage 2"}, did); diff != "" {
				t.Error(diff)
			}
			r := wire.NewReader(&out)
			if level, err := wire.ParseReady(next(t, r, wire.Ready)); err != nil || jail.Level(level) != jail.Caps|jail.Seccomp {
				t.Errorf("ready at level %v, %v", jail.Level(level), err)
			}
			if c.keep && string(next(t, r, wire.Compiled)) != "artefact" {
				t.Error("another artefact")
			}
			var got []wire.Result
			for _, units := range []int{2, 0, 1} {
				var err error
				got, err = wire.ParseResults(got, next(t, r, wire.Results), wire.Asked{Units: units, Emits: granted.Emits, Trace: c.trace})
				if err != nil {
					t.Fatal(err)
				}
			}
			want := []wire.Result{
				{OK: true, Emits: []abi.Emit{{Cell: 7}}}, {Emits: []abi.Emit{}}, {OK: true, Emits: []abi.Emit{{Cell: 9}}},
			}
			if c.trace {
				want[0].Trace = &wire.Trace{Outcome: wire.Returned, Fuel: 7, Log: []byte{}}
				want[1].Trace = &wire.Trace{Outcome: wire.Trapped, Log: []byte{}}
				want[2].Trace = &wire.Trace{Outcome: wire.Returned, Fuel: 9, Log: []byte{}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if _, _, err := r.Next(0); !errors.Is(err, io.EOF) {
				t.Errorf("more than was asked for: %v", err)
			}
		})
	}
}

// A jail that does not shut means that nothing is read; a program that does
// not load, that no row is.
func TestServeRefuses(t *testing.T) {
	var did log
	broken := func(s jail.Stage) error {
		if s == jail.Running {
			return fault.Internal
		}
		return nil
	}
	for name, c := range map[string]struct {
		module string
		jail   Jail
		want   wire.Reason
	}{
		"no jail":                    {"m", Jail{}, wire.RefusedJail},
		"a broken jail":              {"m", Jail{Confine: func(jail.Stage) error { return fault.Internal }}, wire.RefusedJail},
		"a jail that breaks later":   {"m", Jail{Confine: broken}, wire.RefusedJail},
		"a bad guest":                {"guest", Jail{Confine: did.confine}, wire.RefusedGuest},
		"another's compiled form":    {"tampered", Jail{Confine: did.confine}, wire.RefusedCompiled},
		"a guest that nobody admits": {"guest", Jail{Confine: did.confine}, wire.RefusedGuest},
	} {
		var out bytes.Buffer
		load := frames(t, wire.Program{Limits: granted, Module: []byte(c.module)})
		in := bytes.NewReader(load)
		if err := Serve(in, &out, c.jail, did.load); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		shut := c.jail.Confine != nil && c.jail.Confine(jail.Loading) == nil
		if !shut && in.Len() != len(load) {
			t.Errorf("%s: %d of %d bytes were left unread", name, in.Len(), len(load))
		}
		if got := next(t, wire.NewReader(&out), wire.Refused); got[0] != byte(c.want) {
			t.Errorf("%s: refused for %v, want %v", name, got, c.want)
		}
	}
}

// What is the machine's or the parent's failure is no answer at all.
func TestServeEnds(t *testing.T) {
	var did log
	shut := Jail{Confine: did.confine}
	good := wire.Program{Limits: granted, Module: []byte("m")}
	long := frames(t, good, [][]byte{make([]byte, granted.Input+1)})
	for name, c := range map[string]struct {
		in      []byte
		answers int
		want    fault.Kind
	}{
		"nothing":                    {nil, 0, fault.Invalid},
		"units first":                {frames(t, good, [][]byte{{1}})[len(frames(t, good)):], 0, fault.Invalid},
		"no limits":                  {frames(t, wire.Program{Module: []byte("m")}), 0, fault.Invalid},
		"a machine that cannot load": {frames(t, wire.Program{Limits: granted, Module: []byte("internal")}), 0, fault.Internal},
		"a machine that cannot run":  {frames(t, good, [][]byte{{1}, {0xff}}), 1, fault.Internal},
		"an area too long":           {long, 1, fault.Invalid},
		"two loads":                  {append(frames(t, good), frames(t, good)...), 1, fault.Invalid},
		"cut short":                  {long[:len(long)-1], 1, fault.Invalid},
	} {
		var out bytes.Buffer
		if err := Serve(bytes.NewReader(c.in), &out, shut, did.load); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		r := wire.NewReader(&out)
		for range c.answers {
			next(t, r, wire.Ready)
		}
		if _, _, err := r.Next(0); !errors.Is(err, io.EOF) {
			t.Errorf("%s: answered: %v", name, err)
		}
	}
}

// FuzzServe is a runner whose parent says anything: it ends, and what it
// answered are whole frames.
func FuzzServe(f *testing.F) {
	f.Add(frames(f, wire.Program{Limits: granted, Trace: true, Keep: true, Module: []byte("m")}, [][]byte{{7}, {0}}, [][]byte{{0xff}}))
	f.Add(frames(f, wire.Program{Limits: granted, Module: []byte("guest")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var did log
		var out bytes.Buffer
		_ = Serve(bytes.NewReader(b), &out, Jail{Confine: did.confine}, func(p wire.Program) (Guest, error) {
			g, err := did.load(p)
			return careful{g}, err
		})
		r := wire.NewReader(&out)
		for {
			if _, _, err := r.Next(wire.MaxFrame); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// careful is an echo that bears with empty areas.
type careful struct{ Guest }

func (c careful) Map(area []byte) ([]byte, bool, error) {
	if len(area) == 0 {
		return nil, false, nil
	}
	return c.Guest.Map(area)
}
