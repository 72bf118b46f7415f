package abitest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs/abi"
)

func TestEcho(t *testing.T) { Run(t, Echo) }

// What an echo says, written out by hand.
func TestEchoSpelled(t *testing.T) {
	a := area("\xff\xff\xff\xff\x02\x00\x00\x00\x03", []int{0, 1, 2},
		abi.Column{Type: abi.Month, I32: []int32{-1, 5}, Valid: []bool{true, false}},
		abi.Column{Type: abi.Utf8, Str: []string{"", "域"}})
	records, ok := Echo(a)
	got, err := abi.DecodeEmits(nil, records)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	const minus1 = 1<<64 - 1
	words := func(words ...uint64) int64 {
		h := uint64(0)
		for _, w := range words {
			h = mix(h, w)
		}
		return int64(h)
	}
	want := []abi.Emit{
		{Cell: 0, Measure: 0, Value: 2},
		{Cell: 1, Measure: 0, Value: 2},
		{Cell: 2, Measure: 0, Value: 2},
		{Cell: 3, Measure: 0, Value: 9},
		{Cell: 4, Measure: 0, Value: words(minus1, 2, 3)},
		{Cell: 0, Measure: 1, Value: 5 | 1<<8},
		{Cell: 1, Measure: 1, Value: 6},
		{Cell: 0, Measure: 4, Value: -1},
		{Cell: 1, Measure: 4, Value: 0},
		{Cell: 0, Measure: 2, Value: words(1, minus1, 1, 0)},
		{Unit: 1, Cell: 0, Measure: 3, Value: 0},
		{Unit: 1, Cell: 1, Measure: 4, Value: 3},
		{Unit: 1, Cell: 1, Measure: 2, Value: words(0, 1, 3, 0xe5, 0x9f, 0x9f)},
		{Cell: 5, Measure: 0, Value: words(1, 2)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := mix(mix(0, 1), 2); got != 0x9c388adbb85671f6 {
		t.Errorf("mix %#x", got)
	}
}

// Both kinds of outcome are there, and of the broken ones enough of each.
func TestCases(t *testing.T) {
	cases, ok, failed := Cases(Random), 0, 0
	for _, c := range cases {
		if len(c.Area) > Input {
			t.Errorf("%s: %d bytes", c.Name, len(c.Area))
		}
		if c.OK {
			ok++
		} else {
			failed++
		}
	}
	if failed < 80 || ok < 200 {
		t.Errorf("%d areas are to fail, %d are not", failed, ok)
	}
	if !slices.EqualFunc(cases, Cases(Random), func(a, b Case) bool { return bytes.Equal(a.Area, b.Area) }) {
		t.Error("the seed is not fixed")
	}
}

// A library that is wrong in one respect does not pass.
func TestWrongEchoes(t *testing.T) {
	patched := func(at int, f func(b []byte)) func([]byte) ([]byte, bool) {
		return func(area []byte) ([]byte, bool) {
			b := slices.Clone(area)
			if len(b) >= at {
				f(b)
			}
			return Echo(b)
		}
	}
	cases := Cases(Random)
	for name, guest := range map[string]func([]byte) ([]byte, bool){
		"one that never fails":         func(area []byte) ([]byte, bool) { b, _ := Echo(area); return b, true },
		"one that always fails":        func([]byte) ([]byte, bool) { return nil, false },
		"one that ignores the version": patched(8, func(b []byte) { b[4] = 1 }),
		"one that ignores units":       patched(32, func(b []byte) { binary.LittleEndian.PutUint32(b[28:], 0) }),
		"one that ignores parameters":  patched(32, func(b []byte) { binary.LittleEndian.PutUint32(b[20:], 0) }),
		"one that ignores nulls":       patched(40, func(b []byte) { binary.LittleEndian.PutUint32(b[36:], 0) }),
		"one that drops an emit": func(area []byte) ([]byte, bool) {
			b, ok := Echo(area)
			return b[:max(len(b)-abi.EmitSize, 0)], ok
		},
		"one that loses the unit": func(area []byte) ([]byte, bool) {
			b, ok := Echo(area)
			for i := 6; i < len(b); i += abi.EmitSize {
				b[i] = 0
			}
			return b, ok
		},
	} {
		caught := 0
		for _, c := range cases {
			if c.check(guest(c.Area)) != "" {
				caught++
			}
		}
		if caught == 0 {
			t.Errorf("%s passes", name)
		}
	}
}
