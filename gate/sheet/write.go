package sheet

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
)

// Format writes an integer of 10^-places as a decimal, in its one spelling.
func Format(n int64, places int) string {
	if places == 0 {
		return strconv.FormatInt(n, 10)
	}
	s, minus := strconv.FormatInt(n, 10), ""
	if n < 0 {
		minus, s = "-", s[1:]
	}
	if len(s) <= places {
		s = strings.Repeat("0", places+1-len(s)) + s
	}
	return minus + s[:len(s)-places] + "." + s[len(s)-places:]
}

// CSV writes a table in its one form: rows in the order of the codes, numbers
// in one spelling, one mark for every value that is not shown.
func (t Table) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	var header []string
	for _, d := range t.Grid.Dims {
		header = append(header, d.Name)
	}
	for _, f := range t.Figures {
		header = append(header, f.Name)
	}
	_ = w.Write(header) // to memory
	for item, k := range t.RowOf() {
		if k < 0 {
			continue
		}
		line := t.Grid.Label(item)
		for i, v := range t.Rows[k].Values {
			if v.Shown {
				line = append(line, Format(v.N, t.Figures[i].Places))
			} else {
				line = append(line, HiddenMark)
			}
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.Bytes()
}
