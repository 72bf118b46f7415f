package columns

import (
	"slices"
	"strings"

	"github.com/yunei/yunei/jobs/abi"
)

// length is the number of rows of a column.
func length(c *abi.Column) int { return len(c.I32) + len(c.I64) + len(c.Str) }

// size is how many bytes a column takes.
func size(c *abi.Column) int {
	const header = 16 // of a string
	n := 4*len(c.I32) + 8*len(c.I64) + header*len(c.Str) + len(c.Valid)
	for _, s := range c.Str {
		n += len(s)
	}
	return n
}

// appendRows appends the values of m's rows.
func appendRows(to, from *abi.Column, m member) {
	switch from.Type {
	case abi.Int64:
		to.I64 = append(to.I64, from.I64[m.from:m.to]...)
	case abi.Utf8:
		to.Str = append(to.Str, from.Str[m.from:m.to]...)
	default:
		to.I32 = append(to.I32, from.I32[m.from:m.to]...)
	}
}

// appendValid appends which of m's rows are there.
func appendValid(to []bool, from *abi.Column, m member) []bool {
	if from.Valid != nil {
		return append(to, from.Valid[m.from:m.to]...)
	}
	for range m.rows() {
		to = append(to, true)
	}
	return to
}

// gathered is a column of the rows of members, in their order, and of room for
// no more.
func gathered(from *abi.Column, members []member, rows int) abi.Column {
	to := abi.Column{Type: from.Type}
	switch from.Type {
	case abi.Int64:
		to.I64 = make([]int64, 0, rows)
	case abi.Utf8:
		to.Str = make([]string, 0, rows)
	default:
		to.I32 = make([]int32, 0, rows)
	}
	if from.Valid != nil {
		to.Valid = make([]bool, 0, rows)
	}
	for _, m := range members {
		appendRows(&to, from, m)
		if from.Valid != nil {
			to.Valid = appendValid(to.Valid, from, m)
		}
	}
	together(to.Str)
	if !slices.Contains(to.Valid, false) {
		to.Valid = nil
	}
	return to
}

// together gives strings one allocation of their own, so that they hold no
// other bytes of the column that they come from.
func together(s []string) {
	n := 0
	for _, x := range s {
		n += len(x)
	}
	var b strings.Builder
	b.Grow(n)
	for _, x := range s {
		b.WriteString(x)
	}
	all, at := b.String(), 0
	for i := range s {
		n := len(s[i])
		s[i], at = all[at:at+n], at+n
	}
}
