package whole

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/suite"
)

// The columns that every program gets, in this order.
const (
	rank   = iota // a place in an order that everybody knows
	square        // a cell of 3 by 3; may be missing
	day
	cost  // confidential
	other // confidential
)

var granted = []string{"rank", "square", "day", "cost", "other"}

// A span is the rows whose value of a column is from the first number to before
// the second.
type span struct{ column, from, to int }

// A rule adds a column of some rows to a cell, so many times; one is the number 1
// in the place of a column.
type rule struct {
	cell, column, times int
	measure             int
	when                []span
}

const one = -1

// A question is what a program is to compute: rules for the guest sums-c.
type question struct {
	members  []string
	version  string // of domain a's data
	dims     []int
	margins  [][]string
	measures int // beside the units
	hi       int64
	round    int64
	rules    []rule
	mode     jobs.Mode
	padded   int  // bytes of nothing in the program
	declined bool // the checkers do not like it
}

// costs is a question for one sum: of all costs, or those of some rows.
func costs(when ...span) question { return question{measures: 1}.and(cost, when...) }

// and adds a column of all rows, or of some, to a question for one sum.
func (q question) and(column int, when ...span) question {
	q.rules = append(slices.Clip(q.rules), rule{column: column, times: 1, when: when})
	return q
}

// into asks for so many cells in the place of one: the k-th rule fills the k-th.
func (q question) into() question {
	q.dims = []int{len(q.rules)}
	for k := range q.rules {
		q.rules[k].cell = k
	}
	return q
}

// params are the question as the guest reads it.
func (q question) params() (b []byte) {
	put := func(words ...int) {
		for _, w := range words {
			b = binary.LittleEndian.AppendUint32(b, uint32(int32(w)))
		}
	}
	for _, r := range q.rules {
		put(r.cell, r.measure, r.column, r.times, len(r.when))
		for _, s := range r.when {
			put(s.column, s.from, s.to)
		}
	}
	return b
}

// emits is what the guest says of a person.
func (q question) emits(p person) (all []abi.Emit) {
	for _, r := range q.rules {
		for _, row := range p.rows {
			value, ok := int64(1), true
			for _, s := range r.when {
				x, known := row.at(p, s.column)
				ok = ok && known && x >= int64(s.from) && x < int64(s.to)
			}
			if r.column >= 0 {
				value, _ = row.at(p, r.column)
			}
			if ok {
				all = append(all, abi.Emit{Cell: uint32(r.cell), Measure: uint16(r.measure), Value: value * int64(r.times)})
			}
		}
	}
	return all
}

// shape is the closed form of the answer. Its codes bear the attack's name: the
// trustees take tables of the same codes for one query.
func (q question) shape(attack string) jobs.Shape {
	s := jobs.Shape{
		Namespace: jobs.NaturalPerson, L0: 1, Margins: q.margins,
		Units: jobs.Measure{Name: "persons", Title: "人数", Hi: 1, Round: max(1, q.round)},
	}
	for i, n := range append(q.dims, 2)[:max(1, len(q.dims))] {
		d := jobs.Dim{Name: string(rune('x' + i)), Title: "格"}
		for k := range n {
			d.Codes = append(d.Codes, fmt.Sprint(attack, " ", k))
		}
		d.Labels = d.Codes
		s.Dims = append(s.Dims, d)
	}
	hi := q.hi
	if hi == 0 {
		hi = 1 << 20
	}
	for m := range q.measures {
		s.Measures = append(s.Measures, jobs.Measure{Name: fmt.Sprint("m", m), Title: "费用", Hi: hi, Round: max(1, q.round)})
	}
	if q.mode.Noisy() { // a tenth of rho for each figure
		pairs := int64(len(q.members))
		variance := func(c int64) uint64 { return uint64(pairs * pairs * c * c * 10 / 2) }
		s.Units.Sigma = variance(1)
		for m := range s.Measures {
			s.Measures[m].Sigma = variance(s.Measures[m].Hi)
		}
	}
	return s
}

// spec is what an operator applies for.
func (w *town) spec(id, attack string, q question) jobs.Terms {
	t := jobs.Terms{
		ID: id, Scenario: "attacks", Purpose: "statistics", Program: jobs.Program{Name: "sums-c"}, Params: q.params(), KMin: 2, Mode: q.mode, Uses: 1,
		Shape: q.shape(attack), Limits: jobs.Limits{Fuel: 4_000_000, Memory: 64, Input: 64 << 10, Rows: 64, Emits: 4096},
		Trustees: jobs.Trustees{Quorum: 2}, Recipients: []string{"qs-yy"},
		Due: jobs.Slots{First: 1, Every: 1, Count: 64}, // a site computes one run at a time, and the next one from a slot on
	}
	for _, d := range q.members {
		m := jobs.Member{Dataset: attack + "-" + d, Version: "v1", Columns: granted, Budget: jobs.Budget{Rho: budget}}
		if d == "a" && q.version != "" {
			m.Version = q.version
		}
		t.Members = append(t.Members, m)
	}
	if q.mode == jobs.SDC {
		t.Threshold = threshold
		t.Program.Review = &jobs.Review{Reviewer: "王工", Source: suite.DigestOf([]byte("main.c")), Report: "examples/programs/README.md"}
	}
	return t
}
