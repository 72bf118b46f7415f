package sdk_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/yunei/yunei/jobs/abi"
)

// A visit is an area as it was before it was written down.
type visit struct {
	name   string
	params []byte
	cols   []abi.Column
	starts []int
}

func (v *visit) area(tb testing.TB) []byte {
	tb.Helper()
	a, err := abi.AppendUnits(nil, v.params, v.cols, v.starts)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// units calls f with each unit and row.
func (v *visit) units(f func(unit uint16, row int)) {
	starts := v.starts
	if starts == nil {
		starts = []int{0, v.rows()}
	}
	for u := range len(starts) - 1 {
		for row := starts[u]; row < starts[u+1]; row++ {
			f(uint16(u), row)
		}
	}
}

func (v *visit) rows() int {
	if len(v.cols) == 0 {
		return 0
	}
	return max(len(v.cols[0].I32), len(v.cols[0].I64), len(v.cols[0].Str))
}

func (v *visit) valid(col, row int) bool { return v.cols[col].Valid == nil || v.cols[col].Valid[row] }

func (v *visit) typed(types ...abi.Type) bool {
	if len(v.cols) != len(types) {
		return false
	}
	for i, t := range types {
		if v.cols[i].Type != t {
			return false
		}
	}
	return true
}

// words32 and words64 write parameters.
func words32(words ...int64) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, uint32(w))
	}
	return b
}

func words64(words ...int64) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, uint64(w))
	}
	return b
}

func u32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
func i32(b []byte, i int) int64  { return int64(int32(u32(b, i))) }

// districtAge is the study of examples/programs in native Go, from the columns
// and not from an area.
func districtAge(v visit) (emits []abi.Emit, ok bool) {
	p := v.params
	if len(p) < 12 || !v.typed(abi.Code, abi.Month, abi.Int64) {
		return nil, false
	}
	districts, ages := u32(p, 0), u32(p, 1)
	if ages == 0 || uint64(districts)*uint64(ages) > math.MaxUint32 || uint64(len(p)) != 12+4*(uint64(ages)-1) {
		return nil, false
	}
	v.units(func(unit uint16, row int) {
		d := uint32(v.cols[0].I32[row])
		if !v.valid(0, row) || !v.valid(1, row) || d >= districts {
			return
		}
		band := 0
		for band < int(ages)-1 && i32(p, 2)-int64(v.cols[1].I32[row]) >= 12*i32(p, 3+band) {
			band++
		}
		cell := d*ages + uint32(band)
		emits = append(emits, abi.Emit{Cell: cell, Measure: 0, Unit: unit, Value: 1})
		if v.valid(2, row) {
			emits = append(emits, abi.Emit{Cell: cell, Measure: 1, Unit: unit, Value: v.cols[2].I64[row]})
		}
	})
	return emits, true
}

// lifeTable is the survival table in native Go.
func lifeTable(v visit) (emits []abi.Emit, ok bool) {
	p := v.params
	if len(p) < 16 || !v.typed(abi.Month, abi.Month, abi.Code, abi.Code) {
		return nil, false
	}
	groups, n := u32(p, 0), u32(p, 1)
	if uint64(len(p)) != 16+4*uint64(n) || uint64(groups)*uint64(n) > math.MaxUint32 {
		return nil, false
	}
	bounds := []int64{0}
	for j := range n {
		bounds = append(bounds, i32(p, 4+int(j)))
		if bounds[j+1] <= bounds[j] {
			return nil, false
		}
	}
	v.units(func(unit uint16, row int) {
		g := uint32(v.cols[3].I32[row])
		if !v.valid(0, row) || !v.valid(3, row) || g >= groups {
			return
		}
		exit := min(int64(v.cols[1].I32[row]), i32(p, 3))
		event := v.valid(2, row) && int64(v.cols[2].I32[row]) == i32(p, 2) && int64(v.cols[1].I32[row]) <= i32(p, 3)
		if !v.valid(1, row) {
			exit, event = i32(p, 3), false
		}
		time := exit - int64(v.cols[0].I32[row])
		for j := range n {
			if bounds[j] <= time {
				emits = append(emits, abi.Emit{Cell: g*n + j, Measure: 0, Unit: unit, Value: 1})
			}
			if event && bounds[j] <= time && time < bounds[j+1] {
				emits = append(emits, abi.Emit{Cell: g*n + j, Measure: 1, Unit: unit, Value: 1})
			}
		}
	})
	return emits, true
}

const (
	features = 10
	terms    = features + 2
)

// regression is the sums of a linear regression in native Go.
func regression(v visit) (emits []abi.Emit, ok bool) {
	p := make([]int64, 1+2*(features+1))
	if len(v.params) != 8*len(p) || len(v.cols) != features+1 {
		return nil, false
	}
	for i := range p {
		p[i] = int64(binary.LittleEndian.Uint64(v.params[8*i:]))
		if p[i] < -1<<31 || p[i] > 1<<31 || i == 0 && p[i] < 1 || i > 0 && i%2 == 0 && p[i] < p[i-1] {
			return nil, false
		}
	}
	for _, c := range v.cols {
		if c.Type != abi.Int64 {
			return nil, false
		}
	}
	sums := map[uint16]*[terms][terms]int64{}
	v.units(func(unit uint16, row int) {
		z := []int64{p[0]}
		for k := range v.cols {
			if !v.valid(k, row) {
				return
			}
			z = append(z, min(max(v.cols[k].I64[row], p[1+2*k]), p[2+2*k]))
		}
		if sums[unit] == nil {
			sums[unit] = new([terms][terms]int64)
		}
		for i := range z {
			for j := range z {
				s := &sums[unit][i][j]
				*s = saturate(*s, z[i]*z[j])
			}
		}
	})
	for unit := range 1 << 16 {
		if s := sums[uint16(unit)]; s != nil {
			cell := uint32(0)
			for i := range terms {
				for j := i; j < terms; j++ {
					emits = append(emits, abi.Emit{Cell: cell, Unit: uint16(unit), Value: s[i][j]})
					cell++
				}
			}
		}
	}
	return emits, true
}

func saturate(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// A job is one of the three: its columns, its parameters (good ones first), its
// reference, and for random rows what is plausible.
type job struct {
	name   string
	types  []abi.Type
	likely []func(*rand.Rand) int64
	good   [][]byte
	bad    [][]byte
	native func(visit) ([]abi.Emit, bool)
}

func upTo(from, n int64) func(*rand.Rand) int64 {
	return func(dice *rand.Rand) int64 { return from + dice.Int64N(n) }
}

func clips(one, low, high int64) []byte {
	p := []int64{one}
	for k := range int64(features + 1) {
		p = append(p, low+k, high-k)
	}
	return words64(p...)
}

func jobs() []job {
	values := make([]func(*rand.Rand) int64, features+1)
	for k := range values {
		values[k] = upTo(-1<<20, 1<<21)
	}
	int64s := make([]abi.Type, features+1)
	for k := range int64s {
		int64s[k] = abi.Int64
	}
	return []job{
		{
			name: "district-age", native: districtAge,
			types:  []abi.Type{abi.Code, abi.Month, abi.Int64},
			likely: []func(*rand.Rand) int64{upTo(-1, 6), upTo(-600, 1400), upTo(-5, 1e6)},
			good: [][]byte{
				words32(4, 4, 653, 18, 40, 65), words32(4, 1, 0), words32(0, 3, 653, 18, 60),
				words32(4, 3, math.MinInt32, math.MinInt32, math.MaxInt32), words32(5, 2, math.MaxInt32, math.MaxInt32),
				words32(math.MaxUint32, 1, 653),
			},
			bad: [][]byte{nil, words32(4, 4, 653, 18, 40), words32(4, 0, 653), words32(1<<31, 3, 653, 1, 2), words32(4, math.MaxUint32, 653), append(words32(4, 1, 0), 0)},
		},
		{
			name: "life-table", native: lifeTable,
			types:  []abi.Type{abi.Month, abi.Month, abi.Code, abi.Code},
			likely: []func(*rand.Rand) int64{upTo(500, 60), upTo(530, 120), upTo(-1, 4), upTo(-1, 5)},
			good: [][]byte{
				words32(3, 5, 1, 640, 1, 6, 12, 24, 60), words32(3, 1, 0, 600, 30), words32(3, 0, 1, 600), words32(0, 2, 1, 600, 1, 2),
				words32(4, 3, math.MinInt32, math.MaxInt32, 1, 100, math.MaxInt32), words32(2, 2, 1, math.MinInt32, 5, 6),
			},
			bad: [][]byte{
				nil, words32(3, 2, 1, 600, 5), words32(3, 2, 1, 600, 5, 5), words32(3, 2, 1, 600, 6, 5), words32(3, 1, 1, 600, 0), words32(3, 1, 1, 600, -1),
				words32(1<<31, 2, 1, 600, 1, 2), words32(3, math.MaxUint32, 1, 600), words32(3, 1<<30, 1, 600), append(words32(3, 1, 1, 600, 1), 9),
			},
		},
		{
			name: "regression", native: regression, types: int64s, likely: values,
			good: [][]byte{clips(1<<10, -1<<20, 1<<20), clips(1, -9, 11), clips(1<<31, -1<<31, 1<<31), clips(1<<31, 1<<30, 1<<31)},
			bad: [][]byte{
				nil, clips(0, -9, 11), clips(1<<31+1, -9, 11), clips(1, -1<<31-1, 11), clips(1, -9, 1<<31+1), clips(1, 9, -9), append(clips(1, -9, 11), 0),
				words64(1, 0, 1), clips(math.MinInt64, -9, 11), clips(1, math.MinInt64, math.MaxInt64),
			},
		},
	}
}

// visits returns n visits from a fixed seed and the corner cases.
func (j job) visits(n int) []visit {
	dice := newDice()
	var list []visit
	for i := range n {
		rows := dice.IntN(30)
		list = append(list, visit{"random", j.good[i%len(j.good)], j.columns(dice, rows, i%4), starts(dice, rows, i%3)})
	}
	for _, p := range j.bad {
		list = append(list, visit{"wrong parameters", p, j.columns(dice, 3, 1), nil})
	}
	p, cols := j.good[0], j.columns(dice, 9, 0)
	other := append([]abi.Column(nil), cols...)
	other[1] = abi.Column{Type: abi.Utf8, Str: make([]string, 9)}
	many := j.columns(dice, 1000, 1)
	last := []int{0}
	for i := range 200 {
		last = append(last, 5*(i+1))
	}
	return append(list,
		visit{"no rows", p, j.columns(dice, 0, 0), nil},
		visit{"no rows in three units", p, j.columns(dice, 0, 0), []int{0, 0, 0, 0}},
		visit{"no units", p, j.columns(dice, 0, 0), []int{0}},
		visit{"no columns", p, nil, nil},
		visit{"a column too few", p, cols[1:], nil},
		visit{"a column too many", p, append(cols, cols[0]), nil},
		visit{"a column of another type", p, other, nil},
		visit{"all null", p, j.columns(dice, 9, 4), []int{0, 4, 9}},
		visit{"a batch of 200", p, many, last},
		visit{"1000 rows of one unit", p, many, nil},
	)
}

func starts(dice *rand.Rand, rows, kind int) []int {
	switch kind {
	case 0:
		return nil
	case 1:
		return []int{0, 0, rows, rows}
	}
	a, b := dice.IntN(rows+1), dice.IntN(rows+1)
	return []int{0, min(a, b), max(a, b), rows}
}

var extremes = []int64{math.MinInt64, math.MaxInt64, math.MinInt32, math.MaxInt32, math.MinInt64 + 1, 1 << 31, -1 << 31, 0, -1, 1}

// columns draws rows in which one value of eight is an extreme; nulls of 4
// values are null.
func (j job) columns(dice *rand.Rand, rows, nulls int) []abi.Column {
	var cols []abi.Column
	for k, t := range j.types {
		c := abi.Column{Type: t}
		for range rows {
			v := j.likely[k](dice)
			if dice.IntN(8) == 0 {
				v = extremes[dice.IntN(len(extremes))]
			}
			if t == abi.Int64 {
				c.I64 = append(c.I64, v)
			} else {
				c.I32 = append(c.I32, int32(v))
			}
			if nulls > 0 {
				c.Valid = append(c.Valid, dice.IntN(8) >= 2*nulls)
			}
		}
		cols = append(cols, c)
	}
	return cols
}

func newDice() *rand.Rand { return rand.New(rand.NewPCG(7, 8)) }
