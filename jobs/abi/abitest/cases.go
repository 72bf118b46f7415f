package abitest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/yunei/yunei/jobs/abi"
)

// A Case is one area, and what an echo makes of it.
type Case struct {
	Name string
	Area []byte
	Want []byte // nil if the echo is to fail
	OK   bool
}

// Cases returns the corner cases, then so many areas from the fixed seed, and
// as many broken ones.
func Cases(random int) []Case {
	cases := append(corners(), broken()...)
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		whole := randomArea(dice)
		cases = append(cases, Case{Name: fmt.Sprintf("random area %d", i), Area: whole})
		cases = append(cases, Case{Name: fmt.Sprintf("random area %d, broken", i), Area: breakArea(dice, whole)})
	}
	for i := range cases {
		cases[i].Want, cases[i].OK = Echo(cases[i].Area)
	}
	return cases
}

func area(params string, starts []int, cols ...abi.Column) []byte {
	a, err := abi.AppendUnits(nil, []byte(params), cols, starts)
	if err != nil {
		panic(err) // these areas are our own
	}
	return a
}

// every returns a column of each type, of so many rows; some says which rows
// are not null, and nil that all are.
func every(rows int, some func(int) bool) []abi.Column {
	cols := make([]abi.Column, 0, int(abi.Utf8))
	for t := abi.Int32; t <= abi.Utf8; t++ {
		c := abi.Column{Type: t}
		for i := range rows {
			switch t {
			case abi.Int64:
				c.I64 = append(c.I64, int64(i)*0x1000193-1<<40)
			case abi.Utf8:
				c.Str = append(c.Str, strings.Repeat("域a", i%3))
			default:
				c.I32 = append(c.I32, int32(i)*int32(t)-7)
			}
			if some != nil {
				c.Valid = append(c.Valid, some(i))
			}
		}
		cols = append(cols, c)
	}
	return cols
}

func corners() []Case {
	none := func(int) bool { return false }
	odd := func(i int) bool { return i%2 == 1 }
	const rows = 1 << 16
	cases := []Case{
		{Name: "nothing at all", Area: area("", nil)},
		{Name: "parameters and no columns", Area: area("parameters", nil)},
		{Name: "no columns, no units", Area: area("", []int{0})},
		{Name: "no columns, three units", Area: area("", []int{0, 0, 0, 0})},
		{Name: "no rows", Area: area("p", nil, every(0, nil)...)},
		{Name: "no rows in two units", Area: area("p", []int{0, 0, 0}, every(0, nil)...)},
		{Name: "all null", Area: area("p", nil, every(9, none)...)},
		{Name: "extremes", Area: area("p", nil,
			abi.Column{Type: abi.Int64, I64: []int64{math.MinInt64, -1, 0, math.MaxInt64}},
			abi.Column{Type: abi.Date, I32: []int32{math.MinInt32, -1, 0, math.MaxInt32}},
			abi.Column{Type: abi.Utf8, Str: []string{"", "\x00", "\xff\xfe", ""}})},
		{Name: "empty strings", Area: area("", nil, abi.Column{Type: abi.Utf8, Str: make([]string, 5)})},
		{Name: "units of no rows between others", Area: area("", []int{0, 0, 2, 2, 2, 5, 5}, every(5, odd)...)},
		{Name: "65,536 rows", Area: area("", nil, every(rows, nil)...)},
		{Name: "65,536 rows, half of them null", Area: area("", nil, every(rows, odd)...)},
		{Name: "4,096 units", Area: area("", steps(rows, 16), every(rows, odd)...)},
		{Name: "more units with rows than emits", Area: area("", steps(rows, 4), every(rows, odd)...)},
		{Name: "65,536 units of no rows", Area: area("", make([]int, abi.MaxUnits+1))},
		{Name: "65,536 units, and a row in the last", Area: area("", append(make([]int, abi.MaxUnits), 1), every(1, nil)...)},
		{Name: "65,537 units", Area: beyondUnits()},
	}
	for _, rows := range []int{1, 7, 8, 9, 16, Spelled, Spelled + 1} {
		cases = append(cases, Case{Name: fmt.Sprintf("%d rows", rows), Area: area("p", nil, every(rows, odd)...)})
	}
	for n := range 26 {
		cases = append(cases, Case{Name: fmt.Sprintf("%d bytes of parameters", n), Area: area(strings.Repeat("\xfe", n), nil)})
	}
	return cases
}

// beyondUnits is an area of more units than there are numbers for; no host
// writes one.
func beyondUnits() []byte {
	a := area("", make([]int, abi.MaxUnits+1))
	binary.LittleEndian.PutUint32(a[word(a, 7):], abi.MaxUnits+1)
	a = append(a, make([]byte, abi.Align)...)
	binary.LittleEndian.PutUint32(a[24:], uint32(len(a)))
	return a
}

func steps(rows, each int) (starts []int) {
	for i := 0; i <= rows; i += each {
		starts = append(starts, i)
	}
	return starts
}

// broken returns areas that are wrong in a known way, where words are the u32
// of one area of two units, each with 3 rows of every type.
func broken() []Case {
	whole := area("12345678", []int{0, 3, 6}, every(6, func(i int) bool { return i%2 == 1 })...)
	const descriptor = abi.HeaderSize / 4
	utf8 := descriptor + (int(abi.Utf8)-1)*abi.DescriptorSize/4
	starts := word(whole, 7) / 4
	var cases []Case
	for _, b := range []struct {
		name string
		at   int
		word int
	}{
		{"another magic", 0, abi.Magic + 1},
		{"version 0", 1, 0},
		{"version 2", 1, 2},
		{"more rows than values", 2, 7},
		{"2^32-1 rows", 2, math.MaxUint32},
		{"no columns, and rows", 3, 0},
		{"more columns than there is room for", 3, 1 << 16},
		{"2^32-1 columns", 3, math.MaxUint32},
		{"parameters in the header", 4, 8},
		{"parameters off the grid", 4, word(whole, 4) + 4},
		{"parameters beyond the end", 4, len(whole) + 8},
		{"parameters longer than the area", 5, len(whole)},
		{"2^32-1 bytes of parameters", 5, math.MaxUint32},
		{"an area shorter than its header", 6, abi.HeaderSize - 8},
		{"an area cut within its descriptors", 6, abi.HeaderSize + 8},
		{"an area longer than the room", 6, Input + 8},
		{"an area of 2^32-1 bytes", 6, math.MaxUint32},
		{"units in the header", 7, 8},
		{"units at the very end", 7, len(whole)},
		{"more units than numbers", starts, 1 << 12},
		{"2^32-1 units", starts, math.MaxUint32},
		{"a unit fewer", starts, 1},
		{"a reserved word", starts + 1, 1},
		{"a first unit that begins late", starts + 2, 1},
		{"units that do not rise", starts + 3, 7},
		{"a last unit that ends early", starts + 4, 5},
		{"type 0", descriptor, 0},
		{"type 7", descriptor, 7},
		{"type 2^32-1", descriptor, math.MaxUint32},
		{"more nulls than rows", descriptor + 1, 7},
		{"nulls without a bitmap", descriptor + 2, 0},
		{"a bitmap of no bytes", descriptor + 3, 0},
		{"a bitmap off the grid", descriptor + 2, word(whole, descriptor+2) + 1},
		{"no values", descriptor + 4, 0},
		{"values of another length", descriptor + 5, 23},
		{"2^32-1 bytes of values", descriptor + 5, math.MaxUint32},
		{"text beyond the end", utf8 + 6, len(whole) + 8},
		{"text too short", utf8 + 7, 3},
		{"text offsets that do not rise", word(whole, utf8+4)/4 + 1, 100},
		{"text offsets below zero", word(whole, utf8+4) / 4, math.MaxUint32},
	} {
		bad := slices.Clone(whole)
		binary.LittleEndian.PutUint32(bad[4*b.at:], uint32(b.word))
		cases = append(cases, Case{Name: b.name, Area: bad})
	}
	for _, n := range []int{0, 4, abi.HeaderSize - 4, abi.HeaderSize, abi.HeaderSize + 40, len(whole) - 8} {
		cases = append(cases, Case{Name: fmt.Sprintf("cut after %d bytes", n), Area: whole[:n]})
	}
	return cases
}

func word(b []byte, i int) int { return int(binary.LittleEndian.Uint32(b[4*i:])) }

func randomArea(dice *rand.Rand) []byte {
	rows, cols := dice.IntN(40), make([]abi.Column, 1+dice.IntN(5))
	for i := range cols {
		cols[i] = randomColumn(dice, rows)
	}
	var starts []int
	if dice.IntN(2) == 0 {
		starts = []int{0, rows}
		for range dice.IntN(6) {
			starts = append(starts, dice.IntN(rows+1))
		}
		slices.Sort(starts)
	}
	return area(randomText(dice, 40), starts, cols...)
}

func randomColumn(dice *rand.Rand, rows int) abi.Column {
	c := abi.Column{Type: abi.Type(1 + dice.IntN(int(abi.Utf8)))}
	nulls := dice.IntN(3) // of 4
	for range rows {
		switch c.Type {
		case abi.Int64:
			c.I64 = append(c.I64, int64(dice.Uint64())>>dice.IntN(64))
		case abi.Utf8:
			c.Str = append(c.Str, randomText(dice, 6))
		default:
			c.I32 = append(c.I32, int32(dice.Uint32())>>dice.IntN(32))
		}
		c.Valid = append(c.Valid, dice.IntN(4) >= nulls)
	}
	return c
}

func randomText(dice *rand.Rand, most int) string {
	b := make([]byte, dice.IntN(most))
	for i := range b {
		b[i] = byte(dice.Uint32())
	}
	return string(b)
}

// breakArea changes one word of an area or two, most often of those that are
// offsets and lengths.
func breakArea(dice *rand.Rand, whole []byte) []byte {
	b := slices.Clone(whole)
	fixed := (abi.HeaderSize + abi.DescriptorSize*word(whole, 3)) / 4
	for range 1 + dice.IntN(2) {
		at := dice.IntN(fixed)
		switch dice.IntN(4) {
		case 0:
			at = dice.IntN(len(b) / 4)
		case 1:
			if off := word(whole, 7) / 4; off != 0 {
				at = off + dice.IntN(min(8, len(b)/4-off))
			}
		}
		old := word(b, at)
		values := []int{0, 1, 2, 6, 7, 8, math.MaxInt32, math.MaxUint32, old + 1, old - 1, old + 8, old - 8, old ^ 1<<31, 8 * dice.IntN(len(b)/8+2)}
		binary.LittleEndian.PutUint32(b[4*at:], uint32(values[dice.IntN(len(values))]))
	}
	return b
}
