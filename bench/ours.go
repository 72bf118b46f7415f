package main

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
)

var errFailed = errors.New("a unit failed")

func start(runner string, g guest, l limits.Limits, fresh bool) (*sandbox.Runner, error) {
	return sandbox.Start(context.Background(), sandbox.Config{Runner: runner, Module: g.module, Limits: l, Least: jail.Basic, Fresh: fresh})
}

func path(name, runner string, g guest, fresh bool, units int) (contender, error) {
	r, err := start(runner, g, one, fresh)
	if err != nil {
		return contender{}, err
	}
	return contender{name, units, func(areas [][]byte) (int, error) {
		results, err := r.Map(context.Background(), areas)
		n := 0
		for _, res := range results {
			if !res.OK {
				return 0, errFailed
			}
			n += len(res.Emits)
		}
		return n, err
	}, r.Close}, err
}

func fresh(dir string, g guest) (contender, error) {
	return path("ours, fresh instances", filepath.Join(dir, "yunei-runner"), g, true, g.units)
}

func reset(dir string, g guest) (contender, error) {
	return path("ours, reset", filepath.Join(dir, "yunei-runner"), g, false, g.units*20)
}

func replay(dir string, g guest) (contender, error) {
	return path("ours, on the second engine", filepath.Join(dir, "yunei-replay"), g, false, g.units)
}

// shape is the cube that the batches go to.
var shape = jobs.Shape{
	Namespace: jobs.NaturalPerson, L0: 3,
	Dims:     []jobs.Dim{{Name: "district", Codes: make([]string, 3)}, {Name: "age", Codes: make([]string, 3)}},
	Units:    jobs.Measure{Name: "people", Hi: 1},
	Measures: []jobs.Measure{{Name: "visits", Hi: 100}, {Name: "cost", Lo: -1 << 20, Hi: 1 << 20}},
	Grouping: jobs.Grouping{Batch: batchSize, Batches: 40},
}

// oursBatch shows the guest a batch at a time, and bounds what each of its
// units contributes.
func oursBatch(dir string, g guest) (contender, error) {
	r, err := start(filepath.Join(dir, "yunei-runner"), g, batch, false)
	if err != nil {
		return contender{}, err
	}
	return contender{"ours, batch(1000)", 40, func(areas [][]byte) (int, error) {
		cube, n := jobs.NewCube(shape, 1), 0
		err := r.Each(context.Background(), areas, func(res sandbox.Result) error {
			if !res.OK {
				return errFailed
			}
			n += len(res.Emits)
			return cube.Add(batchSize, true, res.Emits)
		})
		return n, err
	}, r.Close}, nil
}

// nativeBatch is the same study, written in Go and run by nobody's leave, on
// the same columns into the same bounded cube.
func nativeBatch() contender {
	return contender{"native Go, batch(1000)", 40, func(areas [][]byte) (int, error) {
		cube, n := jobs.NewCube(shape, 1), 0
		var emits []abi.Emit
		for _, area := range areas {
			var err error
			if emits, err = study(emits[:0], area); err != nil {
				return 0, err
			}
			n += len(emits)
			if err := cube.Add(batchSize, true, emits); err != nil {
				return 0, err
			}
		}
		return n, nil
	}, func() {}}
}

func native(_ string, g guest) (contender, error) {
	var emits []abi.Emit
	return contender{"native Go", g.units * 20, func(areas [][]byte) (int, error) {
		n := 0
		for _, area := range areas {
			var err error
			if emits, err = study(emits[:0], area); err != nil {
				return 0, err
			}
			n += len(emits)
		}
		return n, nil
	}, func() {}}, nil
}

// study is examples/programs/district-age, natively.
func study(out []abi.Emit, bytes []byte) ([]abi.Emit, error) {
	area, err := abi.ParseArea(bytes)
	if err != nil {
		return nil, err
	}
	word := func(i int) int32 { return int32(binary.LittleEndian.Uint32(area.Params[4*i:])) }
	districts, ages, month := uint32(word(0)), uint32(word(1)), word(2)
	for u := range area.Units {
		from, to := area.Unit(u)
		for i := from; i < to; i++ {
			if !area.Cols[0].Valid(i) || !area.Cols[1].Valid(i) || uint32(area.Cols[0].Int32(i)) >= districts {
				continue
			}
			age := uint32(0)
			for age+1 < ages && month-area.Cols[1].Int32(i) >= 12*word(3+int(age)) {
				age++
			}
			cell := uint32(area.Cols[0].Int32(i))*ages + age
			out = append(out, abi.Emit{Cell: cell, Unit: uint16(u), Value: 1})
			if area.Cols[2].Valid(i) {
				out = append(out, abi.Emit{Cell: cell, Measure: 1, Unit: uint16(u), Value: area.Cols[2].Int64(i)})
			}
		}
	}
	return out, nil
}
