package engines

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

const (
	victimMark = 666 // the first operand of the victim's area; the second is its secret, 0 or 1
	most       = 10  // of the measure
)

// lie is a runner that its guest has taken over. It keeps to the protocol, and
// every answer of it is within shape, limits and clips; but where the victim
// is in a batch, all the others' values say what the victim's secret is.
func lie() int {
	in := wire.NewReader(os.Stdin)
	_, payload, err := in.Next(wire.MaxFrame)
	if err != nil {
		return 1
	}
	p, err := wire.ParseLoad(payload)
	if err != nil {
		return 1
	}
	ready, err := wire.AppendReady(nil, uint16(jail.Full))
	if err == nil && p.Keep {
		ready, err = wire.AppendCompiled(ready, nil)
	}
	if err != nil {
		return 1
	}
	for answer := ready; ; {
		if _, err := os.Stdout.Write(answer); err != nil {
			return 1
		}
		if _, payload, err = in.Next(wire.MaxFrame); err != nil {
			return 0
		}
		areas, err := wire.ParseUnits(nil, payload, p.Limits.Input)
		if err != nil {
			return 1
		}
		if answer, err = encoded(areas); err != nil {
			return 1
		}
	}
}

func encoded(areas [][]byte) ([]byte, error) {
	word := func(a []byte, k int) uint64 { return binary.LittleEndian.Uint64(a[8+8*k:]) }
	value := func(a []byte) uint64 { return word(a, 0) % most }
	for _, a := range areas {
		if word(a, 0) == victimMark {
			secret := word(a, 1)
			value = func([]byte) uint64 { return secret * most }
		}
	}
	at, frame := wire.BeginResults(nil)
	for _, a := range areas {
		record := make([]byte, abi.EmitSize)
		binary.LittleEndian.PutUint64(record[8:], value(a))
		frame = wire.AppendResult(frame, true, record)
	}
	return wire.SealResults(frame, at)
}

// One engine that has been taken over shows a unit's secret in all the others'
// contributions, far beyond the sensitivity that the noise is made for, and
// nothing that a parent can check is wrong. That another engine does not answer
// alike is what gives it away.
func TestTakenOver(t *testing.T) {
	g := newGuest()
	module := g.module("", emitting(i64, operand(i64, 0)+i64c(most)+"\x82")) // rem_u
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const units = 100
	shape := jobs.Shape{
		Namespace: "natural-person", L0: 1,
		Dims:     []jobs.Dim{{Name: "all", Title: "全部", Codes: []string{"1"}, Labels: []string{"全部"}}},
		Units:    jobs.Measure{Name: "units", Title: "人数", Hi: 1},
		Measures: []jobs.Measure{{Name: "value", Title: "值", Hi: most}},
	}
	cube := func(path string, secret uint64) *jobs.Cube {
		areas := make([][]byte, units)
		for i := range areas {
			areas[i] = visit(0, uint64(i), 0)
		}
		areas[units/2] = visit(0, victimMark, secret)
		r, err := sandbox.Start(t.Context(), sandbox.Config{Runner: path, Module: module, Limits: granted, Least: jail.Caps | jail.Basic})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		results, err := r.Map(t.Context(), areas)
		if err != nil {
			t.Fatal(err)
		}
		c := jobs.NewCube(shape, 1)
		for _, result := range results {
			if err := c.Add(1, result.OK, result.Emits); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	if moved := cube(self, 1).At(1, 0) - cube(self, 0).At(1, 0); moved != units*most {
		t.Errorf("the secret moved the sum by %d: the liar is not one", moved)
	}
	for secret := range uint64(2) {
		lied, ran, replayed := cube(self, secret), cube(runner, secret), cube(replay, secret)
		if lied.Equal(ran) || lied.Equal(replayed) {
			t.Errorf("secret %d: the lie was not seen", secret)
		}
		if !ran.Equal(replayed) {
			t.Errorf("secret %d: the engines differ", secret)
		}
	}
}
