package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
)

var granted = limits.Limits{Fuel: 1e6, Memory: 16, Input: 64, Rows: 8, Emits: 2}

func read(t *testing.T, frame []byte, want Kind) []byte {
	t.Helper()
	k, payload, err := NewReader(bytes.NewReader(frame)).Next(MaxFrame)
	if err != nil || k != want {
		t.Fatalf("frame of kind %#x, %v; want %#x", k, err, want)
	}
	return payload
}

func TestLoad(t *testing.T) {
	for _, want := range []Program{
		{Limits: granted, Module: []byte("module"), Compiled: []byte{}},
		{Limits: granted, Trace: true, Module: []byte{}, Compiled: []byte("compiled")},
		{Limits: granted, Fresh: true, Keep: true, Module: []byte("one"), Compiled: []byte("other")},
	} {
		frame, err := AppendLoad(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		payload := read(t, frame, Load)
		got, err := ParseLoad(payload)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("load: %v\n%s", err, diff)
		}
		bad := bytes.Clone(payload)
		bad[24] |= flagsEnd
		if _, err := ParseLoad(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("a flag that nobody knows: %v", err)
		}
		bad = bytes.Clone(payload)
		bad[28] = 0xff
		if _, err := ParseLoad(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("a module longer than its frame: %v", err)
		}
	}
	none, err := AppendLoad(nil, Program{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseLoad(read(t, none, Load)); !errors.Is(err, fault.Invalid) {
		t.Errorf("a load that grants nothing: %v", err)
	}
}

func TestUnits(t *testing.T) {
	areas := [][]byte{[]byte("one"), {}, bytes.Repeat([]byte{3}, 64)}
	frame, err := AppendUnits([]byte("before"), areas)
	if err != nil {
		t.Fatal(err)
	}
	payload := read(t, frame[len("before"):], Units)
	got, err := ParseUnits(nil, payload, granted.Input)
	if err != nil || !cmp.Equal(got, areas) {
		t.Errorf("units read as %q, %v", got, err)
	}
	if _, err := ParseUnits(nil, payload, granted.Input-1); !errors.Is(err, fault.Invalid) {
		t.Errorf("an area beyond its limit: %v", err)
	}
}

func TestResults(t *testing.T) {
	want := []Result{
		{OK: true, Emits: []abi.Emit{{Cell: 1, Measure: 2, Value: -3}, {Cell: 4}}},
		{Emits: []abi.Emit{}},
		{OK: true, Emits: []abi.Emit{}},
	}
	frame, err := results(want...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseResults(nil, read(t, frame, Results), Asked{Units: len(want), Emits: granted.Emits})
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("results read as %+v, %v", got, err)
	}
}

func TestTraces(t *testing.T) {
	asked := Asked{Units: 2, Emits: granted.Emits, Trace: true}
	want := []Result{
		{OK: true, Emits: []abi.Emit{{Cell: 1}}, Trace: &Trace{Outcome: Returned, Fuel: 12, Pages: 3, Log: []byte("hello")}},
		{Emits: []abi.Emit{}, Trace: &Trace{Outcome: TooDeep, Log: bytes.Repeat([]byte("x"), MaxLog)}},
	}
	frame, err := results(want...)
	if err != nil {
		t.Fatal(err)
	}
	payload := read(t, frame, Results)
	got, err := ParseResults(nil, payload, asked)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if len(payload) > asked.Size() {
		t.Errorf("%d bytes, of at most %d", len(payload), asked.Size())
	}
	unasked := asked
	unasked.Trace = false
	if _, err := ParseResults(nil, payload, unasked); !errors.Is(err, fault.Tampered) {
		t.Errorf("traces that nobody asked for: %v", err)
	}
	for name, lie := range map[string]Trace{
		"no outcome":            {},
		"an unknown outcome":    {Outcome: outcomesEnd},
		"trapped, and yet fine": {Outcome: Trapped},
		"endless fuel":          {Outcome: Returned, Fuel: 1 << 63},
		"endless memory":        {Outcome: Returned, Pages: 1 << 16},
	} {
		frame, err := results(Result{OK: true, Trace: &lie})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseResults(nil, frame[headSize:], Asked{Units: 1, Emits: 1, Trace: true}); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := AppendTrace(nil, Trace{Outcome: Returned})
	binary.LittleEndian.PutUint32(long[len(long)-4:], MaxLog+1)
	if _, _, err := parseTrace(append(long, make([]byte, MaxLog+1)...), true); !errors.Is(err, fault.Tampered) {
		t.Errorf("a log beyond its limit: %v", err)
	}
}

func TestOutcomes(t *testing.T) {
	seen := map[string]bool{}
	for o := range outcomesEnd {
		if seen[o.String()] || o.String() == "" {
			t.Errorf("outcome %d is called %q", o, o)
		}
		seen[o.String()] = true
	}
	if Outcome(0xff).String() != Outcome(0).String() {
		t.Error("an unknown outcome has a name")
	}
}

func results(rs ...Result) ([]byte, error) {
	at, frame := BeginResults(nil)
	for _, r := range rs {
		var records []byte
		for _, e := range r.Emits {
			records = abi.AppendEmit(records, e)
		}
		frame = AppendResult(frame, r.OK, records)
		if r.Trace != nil {
			frame = AppendTrace(frame, *r.Trace)
		}
	}
	return SealResults(frame, at)
}

// Every lie of a runner ends as tampered.
func TestLies(t *testing.T) {
	ok, failed := []byte{1, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0}
	one := append([]byte{1, 1, 0, 0, 0}, make([]byte, abi.EmitSize)...)
	for name, payload := range map[string][]byte{
		"no result":                {},
		"one for two":              ok,
		"three for two":            bytes.Join([][]byte{ok, ok, failed}, nil),
		"a third outcome":          append([]byte{2, 0, 0, 0, 0}, ok...),
		"failed, and yet an emit":  append(append([]byte{0}, one[1:]...), ok...),
		"more emits than the cap":  append(append([]byte{1, 3, 0, 0, 0}, make([]byte, 3*abi.EmitSize)...), ok...),
		"more emits than it sends": append(bytes.Clone(ok), 1, 2, 0, 0, 0),
		"a huge number":            append(bytes.Clone(ok), 1, 0xff, 0xff, 0xff, 0xff),
		"a trailing byte":          append(bytes.Join([][]byte{ok, one}, nil), 0),
	} {
		if _, err := ParseResults(nil, payload, Asked{Units: 2, Emits: granted.Emits}); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{"empty": {}, "text": []byte("no memory")} {
		if _, err := ParseReady(b); !errors.Is(err, fault.Tampered) {
			t.Errorf("ready, %s: %v", name, err)
		}
		if _, err := ParseRefused(b); !errors.Is(err, fault.Tampered) {
			t.Errorf("refused, %s: %v", name, err)
		}
	}
}

// A number alone takes no memory: only bytes that arrive do.
func TestReaderGrowsWithWhatArrives(t *testing.T) {
	head := append(binary.LittleEndian.AppendUint32(nil, MaxFrame), byte(Results))
	r := NewReader(bytes.NewReader(append(head, "little"...)))
	if _, _, err := r.Next(MaxFrame); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a frame cut short: %v", err)
	}
	if cap(r.buf) > step {
		t.Errorf("%d bytes held for six", cap(r.buf))
	}
	if _, _, err := NewReader(bytes.NewReader(head)).Next(8); !errors.Is(err, fault.Tampered) {
		t.Errorf("a frame beyond the limit: %v", err)
	}
	long := bytes.Repeat([]byte("0123456"), 1<<18)
	frame, err := AppendUnits(nil, [][]byte{long})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, frame, Units); !bytes.Equal(got[4:], long) {
		t.Error("a long frame came out changed")
	}
}

// FuzzRunner is the parent's side: whatever a runner sends is an error, or
// results within their bounds.
func FuzzRunner(f *testing.F) {
	good, err := results(Result{OK: true, Emits: []abi.Emit{{Cell: 1}}}, Result{})
	if err != nil {
		f.Fatal(err)
	}
	ready, err := AppendReady(nil, 7)
	if err != nil {
		f.Fatal(err)
	}
	traced, err := results(Result{OK: true, Trace: &Trace{Outcome: Returned, Fuel: 1, Log: []byte("hello")}}, Result{Trace: &Trace{Outcome: Trapped}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(ready, good...), false)
	f.Add(traced, true)
	f.Add([]byte{1, 0, 0, 0, byte(Refused), byte(RefusedGuest)}, false)
	f.Fuzz(func(t *testing.T, b []byte, trace bool) {
		asked := Asked{Units: 2, Emits: granted.Emits, Trace: trace}
		for r := NewReader(bytes.NewReader(b)); ; {
			k, payload, err := r.Next(asked.Size())
			if err != nil {
				return
			}
			switch k {
			case Load, Units, Compiled: // the parent's own; bytes
			case Ready:
				_, _ = ParseReady(payload)
			case Refused:
				_, _ = ParseRefused(payload)
			case Results:
				rs, err := ParseResults(nil, payload, asked)
				if err != nil {
					continue
				}
				back, err := results(rs...)
				if err != nil || len(rs) != asked.Units || !bytes.Equal(back[headSize:], payload) {
					t.Errorf("%x came back as %x", payload, back)
				}
			}
		}
	})
}

// FuzzParent is the runner's side.
func FuzzParent(f *testing.F) {
	load, err := AppendLoad(nil, Program{Limits: granted, Module: []byte("module"), Compiled: []byte("compiled")})
	if err != nil {
		f.Fatal(err)
	}
	units, err := AppendUnits(load, [][]byte{[]byte("one"), []byte("two")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(units)
	f.Fuzz(func(t *testing.T, b []byte) {
		for r := NewReader(bytes.NewReader(b)); ; {
			k, payload, err := r.Next(MaxFrame)
			if err != nil {
				return
			}
			if k == Load {
				p, err := ParseLoad(payload)
				if err != nil {
					continue
				}
				if p.Limits.Check() != nil {
					t.Errorf("limits %+v were let through", p.Limits)
				}
				if back, err := AppendLoad(nil, p); err != nil || !bytes.Equal(back[headSize:], payload) {
					t.Errorf("%x came back as %x", payload, back)
				}
				continue
			}
			areas, err := ParseUnits(nil, payload, granted.Input)
			for _, a := range areas {
				if len(a) > int(granted.Input) {
					t.Errorf("an area of %d bytes was let through (%v)", len(a), err)
				}
			}
		}
	})
}
