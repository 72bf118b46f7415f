package twin

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// A Group is the rows of some units, as package columns gives those of a batch
// or a block: unit after unit, Starts the first row of each and then the number
// of rows.
type Group struct {
	Index   int // which one it is, which a real group does not tell
	Columns []abi.Column
	Starts  []int
	Units   int
	LeftOut int // units beyond most
}

// A ranked unit stands in its group by the hash that put it there.
type ranked struct {
	rank [24]byte
	Unit
}

// Groups calls fn for every one of the given number of groups, with at most so
// many units each (0: all), empty ones only if asked for. It holds the twin in
// memory. Errors are those of Each.
func (t *Twin) Groups(names []string, maxRows, groups, most int, empty bool, fn func(Group) error) error {
	if groups < 1 || groups > 1<<20 || most < 0 {
		return fmt.Errorf("reading a twin: there is no such grouping: %w", fault.Invalid)
	}
	all := make([][]ranked, groups)
	err := t.Each(names, maxRows, func(u Unit) error {
		b := binary.BigEndian.AppendUint64([]byte("yunei twin group\x00"+t.options.Dataset+"\x00"), t.options.Seed)
		h := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(u.Index))) //nolint:gosec // not negative
		at := binary.BigEndian.Uint64(h[:]) % uint64(groups)                  //nolint:gosec // positive
		all[at] = append(all[at], ranked{[24]byte(h[8:]), u})
		return nil
	})
	if err != nil {
		return err
	}
	for i, units := range all {
		if len(units) == 0 && !empty {
			continue
		}
		if err := fn(t.join(names, i, units, most)); err != nil {
			return err
		}
	}
	return nil
}

func (t *Twin) join(names []string, index int, units []ranked, most int) Group {
	slices.SortFunc(units, func(a, b ranked) int { return bytes.Compare(a.rank[:], b.rank[:]) })
	g := Group{Index: index, Units: len(units), Starts: []int{0}, Columns: make([]abi.Column, len(names))}
	if most > 0 && g.Units > most {
		g.Units, g.LeftOut = most, g.Units-most
	}
	rows := 0
	for _, u := range units[:g.Units] {
		rows += u.Rows
		g.Starts = append(g.Starts, rows)
	}
	for k, name := range names {
		at := slices.IndexFunc(t.columns, func(c column) bool { return c.Name == name })
		g.Columns[k] = abi.Column{Type: t.columns[at].ABI()}
		for _, u := range units[:g.Units] {
			g.Columns[k] = appendRows(g.Columns[k], u.Columns[k], u.Rows)
		}
	}
	return g
}

// appendRows appends the rows of one unit's column to those of others.
func appendRows(to, from abi.Column, rows int) abi.Column {
	had := len(to.I32) + len(to.I64) + len(to.Str) // of which one is in use
	to.I32, to.I64, to.Str = append(to.I32, from.I32...), append(to.I64, from.I64...), append(to.Str, from.Str...)
	switch {
	case from.Valid == nil && to.Valid == nil:
		return to
	case to.Valid == nil:
		to.Valid = slices.Repeat([]bool{true}, had)
	}
	if from.Valid == nil {
		to.Valid = append(to.Valid, slices.Repeat([]bool{true}, rows)...)
		return to
	}
	to.Valid = append(to.Valid, from.Valid...)
	return to
}
