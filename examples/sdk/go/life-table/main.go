//go:build wasip1

// Command life-table is a survival table: how many of each group were at risk
// at the start of each interval since entry, and how many had the event in it.
// See ../../README.md for its columns and parameters.
package main

import (
	yunei "github.com/yunei/yunei/examples/sdk/go"
	"github.com/yunei/yunei/jobs/abi"
)

const (
	atRisk = iota
	happened
)

var area [32 << 10]uint64

func init() { yunei.Serve(area[:], visit) }

type table struct {
	groups, intervals        uint32
	event, end               int32
	edges                    []int32 // upper ones, in months since entry, rising from above 0
	entry, exit, code, group yunei.Column
}

func read(p *yunei.Params) *table {
	t := &table{groups: p.Uint32(), intervals: p.Uint32(), event: p.Int32(), end: p.Int32()}
	t.edges = p.Int32s(t.intervals)
	p.Done()
	for j := range t.edges {
		if t.edges[j] <= t.lower(j) {
			panic("edges do not rise")
		}
	}
	if uint64(t.groups)*uint64(t.intervals) > 1<<32-1 {
		panic("too many cells")
	}
	return t
}

// lower returns where interval j begins.
func (t *table) lower(j int) int32 {
	if j == 0 {
		return 0
	}
	return t.edges[j-1]
}

func visit(a *yunei.Area) {
	t := read(a.Params())
	if a.Columns() != 4 {
		panic("not the columns that were agreed")
	}
	t.entry, t.exit = a.Column(0, abi.Month), a.Column(1, abi.Month)
	t.code, t.group = a.Column(2, abi.Code), a.Column(3, abi.Code)
	for u := range a.Units() {
		from, to := a.Unit(u)
		for row := from; row < to; row++ {
			t.person(u, row)
		}
	}
}

func (t *table) person(u, row int) {
	if !t.entry.Valid(row) || !t.group.Valid(row) {
		return
	}
	g := uint32(t.group.Int32(row))
	if g >= t.groups {
		return
	}
	last := t.exit.Int32(row)
	ended := t.code.Valid(row) && t.code.Int32(row) == t.event
	if !t.exit.Valid(row) || last > t.end {
		last, ended = t.end, false // censored at the study's end
	}
	time := int64(last) - int64(t.entry.Int32(row))
	for j := range t.edges {
		if time < int64(t.lower(j)) {
			break
		}
		cell := g*t.intervals + uint32(j)
		yunei.Emit(u, cell, atRisk, 1)
		if ended && time < int64(t.edges[j]) {
			yunei.Emit(u, cell, happened, 1)
		}
	}
}

func main() {}
