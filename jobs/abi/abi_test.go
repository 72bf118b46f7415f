package abi

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"
)

func sample() []Column {
	return []Column{
		{Type: Code, I32: []int32{7, 8, 9}},
		{Type: Int64, I64: []int64{1, 99, math.MinInt64}, Valid: []bool{true, false, true}},
		{Type: Utf8, Str: []string{"域", "hidden", "内"}, Valid: []bool{true, false, true}},
	}
}

func TestRoundTrip(t *testing.T) {
	const lead = 5 // an area need not start at a multiple of 8 of the host's buffer
	buf, err := AppendArea(make([]byte, lead), []byte("params"), sample())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(buf, []byte("hidden")) || bytes.IndexByte(buf[lead:], 99) >= 0 {
		t.Error("a value behind a null reached the area")
	}
	a, err := ParseArea(append(buf[lead:], "what follows"...))
	if err != nil {
		t.Fatal(err)
	}
	if a.Rows != 3 || string(a.Params) != "params" || len(a.Cols) != 3 {
		t.Fatalf("header read as %d rows, %q, %d columns", a.Rows, a.Params, len(a.Cols))
	}
	code, cost, name := &a.Cols[0], &a.Cols[1], &a.Cols[2]
	for i, want := range []struct {
		code  int32
		cost  int64
		name  string
		valid bool
	}{{7, 1, "域", true}, {8, 0, "", false}, {9, math.MinInt64, "内", true}} {
		if code.Int32(i) != want.code || !code.Valid(i) ||
			cost.Int64(i) != want.cost || cost.Valid(i) != want.valid ||
			string(name.Bytes(i)) != want.name || name.Valid(i) != want.valid {
			t.Errorf("row %d: %d, %d, %q", i, code.Int32(i), cost.Int64(i), name.Bytes(i))
		}
	}
}

// The bytes are the agreement: a guest compiled years ago must read them.
func TestBytesAreFixed(t *testing.T) {
	got, err := AppendArea(nil, []byte{0xaa}, []Column{{Type: Month, I32: []int32{-1, 600}, Valid: []bool{false, true}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "59554e3101000000020000000100000040000000010000005800000000000000" + // header
		"0500000001000000480000000100000050000000080000000000000000000000" + // descriptor
		"aa00000000000000" + // params
		"0200000000000000" + // validity
		"0000000058020000" // values
	if hex.EncodeToString(got) != want {
		t.Errorf("area\n%x, want\n%s", got, want)
	}
	const emit = "0100000002000000fdffffffffffffff"
	if got := hex.EncodeToString(AppendEmit(nil, Emit{Cell: 1, Measure: 2, Value: -3})); got != emit {
		t.Errorf("emit %s, want %s", got, emit)
	}
}

// Several units in one area: their rows stand one after the other.
func TestUnits(t *testing.T) {
	cols := []Column{{Type: Int32, I32: []int32{10, 20, 21, 40}}}
	got, err := AppendUnits(nil, nil, cols, []int{0, 1, 3, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	const want = "59554e310100000004000000010000004000000000000000" + "7000000040000000" + // header
		"0100000000000000000000000000000060000000100000000000000000000000" + // descriptor
		"0400000000000000" + "0000000001000000030000000300000004000000" + "00000000" + // units
		"0a000000140000001500000028000000" // values
	if hex.EncodeToString(got) != want {
		t.Errorf("area\n%x, want\n%s", got, want)
	}
	a, err := ParseArea(got)
	if err != nil || a.Units != 4 {
		t.Fatalf("%d units, %v", a.Units, err)
	}
	for i, want := range [][2]int{{0, 1}, {1, 3}, {3, 3}, {3, 4}} {
		if from, to := a.Unit(i); from != want[0] || to != want[1] {
			t.Errorf("unit %d has rows %d to %d, want %v", i, from, to, want)
		}
	}
	for _, bad := range [][]int{{}, {0}, {1, 4}, {0, 3}, {0, 3, 2, 4}, {0, 5}} {
		if _, err := AppendUnits(nil, nil, cols, bad); err == nil {
			t.Errorf("units at %v were written", bad)
		}
	}
}

func TestAppendAreaRefuses(t *testing.T) {
	for name, cols := range map[string][]Column{
		"ragged columns":    {{Type: Int32, I32: []int32{1}}, {Type: Int64}},
		"a short validity":  {{Type: Int32, I32: []int32{1, 2}, Valid: []bool{true}}},
		"the zero type":     {{}},
		"values elsewhere":  {{Type: Int32, I32: []int32{1}}, {Type: Int64, I32: []int32{1}}},
		"an unknown type 7": {{Type: 7, I32: []int32{1}}},
	} {
		if dst, err := AppendArea([]byte{1}, nil, cols); err == nil || len(dst) != 1 {
			t.Errorf("%s: area of %d bytes, %v", name, len(dst), err)
		}
	}
}

func TestAppendAreaDoesNotAllocate(t *testing.T) {
	cols, buf := sample(), make([]byte, 0, 1<<12)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := AppendArea(buf, nil, cols); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an area, want none", n)
	}
}

func FuzzParseArea(f *testing.F) {
	whole, err := AppendArea(nil, []byte("p"), sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:HeaderSize])
	batch, err := AppendUnits(nil, nil, sample(), []int{0, 0, 2, 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(batch)
	f.Fuzz(func(_ *testing.T, b []byte) {
		a, err := ParseArea(b)
		if err != nil {
			return
		}
		for i := range a.Units {
			a.Unit(i)
		}
		for c := range a.Cols {
			v := &a.Cols[c]
			for i := range a.Rows {
				v.Valid(i)
				switch v.Type {
				case Int64:
					v.Int64(i)
				case Utf8:
					v.Bytes(i)
				default:
					v.Int32(i)
				}
			}
		}
	})
}

func FuzzDecodeEmits(f *testing.F) {
	f.Add(AppendEmit(nil, Emit{Cell: 1, Measure: 2, Value: -3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		emits, err := DecodeEmits(nil, b)
		if err != nil {
			return
		}
		var back []byte
		for _, e := range emits {
			back = AppendEmit(back, e)
		}
		if !bytes.Equal(back, b) {
			t.Errorf("%x came back as %x", b, back)
		}
	})
}
