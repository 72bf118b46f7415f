package sheet

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// raw is a table whose texts are read and whose codes are not yet known.
type raw struct {
	rows    *rows
	dims    []int // columns
	figures []int
	lines   []rawRow
	met     [][]string // codes of each dim, in the order in which they were met
	places  []int      // most decimals of each figure
}

type rawRow struct {
	line   int
	codes  []int // into met
	values []number
	shown  []bool
}

// readRaw reads a table of which some columns are dims and some are figures.
func readRaw(r *rows, dims, figures []int) (*raw, error) {
	t := &raw{rows: r, dims: dims, figures: figures, met: make([][]string, len(dims)), places: make([]int, len(figures))}
	index := make([]map[string]int, len(dims))
	for i := range index {
		index[i] = map[string]int{}
	}
	for {
		fields, line, err := r.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(t.lines) == MaxRows {
			return nil, at(r.file, line, "", fmt.Sprintf("超过 %d 行", MaxRows), fmt.Sprintf("more than %d rows", MaxRows))
		}
		row := rawRow{line: line, codes: make([]int, len(dims)), values: make([]number, len(figures)), shown: make([]bool, len(figures))}
		for i, c := range dims {
			if row.codes[i], err = t.code(fields[c], line, r.header[c], index[i], i); err != nil {
				return nil, err
			}
		}
		for i, c := range figures {
			if hidden(fields[c]) {
				continue
			}
			if row.values[i], err = r.number(fields[c], line, r.header[c]); err != nil {
				return nil, err
			}
			row.shown[i], t.places[i] = true, max(t.places[i], row.values[i].places)
		}
		t.lines = append(t.lines, row)
	}
	if len(t.lines) == 0 {
		return nil, at(r.file, 0, "", "除表头外没有一行", "there are no rows below the header")
	}
	return t, nil
}

func (t *raw) code(s string, line int, column string, index map[string]int, dim int) (int, error) {
	k, ok := index[s]
	if ok {
		return k, nil
	}
	if s == "" {
		return 0, at(t.rows.file, line, column, "没有代码；合计请写 "+Total, "no code; write "+Total+" for a total")
	}
	if err := t.rows.text(s, line); err != nil {
		return 0, err
	}
	if len(t.met[dim]) == MaxCodes {
		return 0, at(t.rows.file, line, column, fmt.Sprintf("代码超过 %d 个", MaxCodes), fmt.Sprintf("more than %d codes", MaxCodes))
	}
	t.rows.note(s, line, column)
	k = len(t.met[dim])
	index[s] = k
	t.met[dim] = append(t.met[dim], s)
	return k, nil
}

// number reads a number, and notes an odd spelling.
func (r *rows) number(s string, line int, column string) (number, error) {
	v, odd, why := parse(s)
	if why[0] != "" {
		return v, at(r.file, line, column, why[0], why[1])
	}
	if odd[0] != "" && len(r.odd) < 50 {
		r.odd = append(r.odd, Oddity{line, column, short(s) + "：" + odd[0], short(s) + " " + odd[1], false})
	}
	return v, nil
}

// columnsOf finds the columns of names.
func (r *rows) columnsOf(names []string, what string) ([]int, error) {
	var at []int
	for _, n := range names {
		i := slices.Index(r.header, n)
		if i < 0 {
			return nil, r.noColumn(n, what)
		}
		at = append(at, i)
	}
	return at, nil
}

func (r *rows) noColumn(name, what string) error {
	have := strings.Trim(fmt.Sprintf("%q", r.header), "[]")
	return at(r.file, 1, "", fmt.Sprintf("没有列 %q（%s）；有 %s", name, what, have), fmt.Sprintf("there is no column %q (%s); there are %s", name, what, have))
}

// countNames are names of a column that counts units, where no spec says.
var countNames = []string{"n", "N", "count", "units", "persons", "firms", "enterprises", "households", "个体数", "人数", "户数", "单位数", "企业数"}

// readTable reads the table whose dims are known by name.
func readTable(f File, s Spec, dims []string, count string) (*raw, []Figure, error) {
	r, err := open(f, maxTable)
	if err != nil {
		return nil, nil, err
	}
	at, err := r.columnsOf(dims, "维度 dim")
	if err != nil {
		return nil, nil, err
	}
	var figures []Figure
	var columns []int
	for i, h := range r.header {
		if slices.Contains(at, i) {
			continue
		}
		r.note(h, 1, h)
		k := slices.IndexFunc(s.Figures, func(f Figure) bool { return f.Name == h })
		switch {
		case k >= 0:
			figures = append(figures, s.Figures[k])
		case len(s.Figures) > 0:
			return nil, nil, fmt.Errorf("%s: 列 %q 既不是说明文件的维度也不是其指标 column %q is neither a dim nor a figure of the spec: %w", f.Name, h, h, fault.Invalid)
		case h == count || count == "" && slices.Contains(countNames, h):
			figures = append(figures, Figure{Name: h, Kind: Count})
		default:
			figures = append(figures, Figure{Name: h, Kind: Sum, Of: h})
		}
		columns = append(columns, i)
	}
	if len(figures) == 0 || len(figures) > MaxFigures {
		return nil, nil, fmt.Errorf("%s: %d 个指标，应为 1 至 %d 个 %d figures, want 1 to %d: %w", f.Name, len(figures), MaxFigures, len(figures), MaxFigures, fault.Invalid)
	}
	t, err := readRaw(r, at, columns)
	if err != nil {
		return nil, nil, err
	}
	for i := range figures {
		figures[i].Places = t.places[i]
	}
	return t, figures, nil
}

// table closes a raw table over a grid.
func (t *raw) table(name string, g Grid, figures []Figure) (Table, error) {
	out := Table{File: name, Grid: g, Figures: figures, Bytes: t.rows.count.n, Oddities: t.rows.odd}
	at := t.into(g)
	seen := map[int]int{}
	places := slices.Repeat([]int{-1}, len(figures))
	for _, l := range t.lines {
		row := Row{Line: l.line, Item: at(l), Values: make([]Value, len(figures))}
		if first, twice := seen[row.Item]; twice {
			return out, fmt.Errorf("%s 第 %d 行 line %d: 与第 %d 行代码相同；一格只能有一行 the codes of line %d; a cell has one row: %w", name, l.line, l.line, first, first, fault.Invalid)
		}
		seen[row.Item] = l.line
		for i, v := range l.values {
			if !l.shown[i] {
				continue
			}
			n, ok := v.to(figures[i].Places)
			if !ok {
				return out, fmt.Errorf("%s 第 %d 行 line %d，列 column %q: 数太大 too large: %w", name, l.line, l.line, figures[i].Name, fault.Invalid)
			}
			if v.places != places[i] && places[i] >= 0 && len(out.Oddities) < 50 {
				out.Oddities = append(out.Oddities, Oddity{l.line, figures[i].Name, "小数位数与上面的行不同", "has another number of decimals than the rows above", false})
			}
			places[i] = v.places
			row.Values[i] = Value{true, n}
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

// into maps the codes of a row to an item of a grid.
func (t *raw) into(g Grid) func(rawRow) int {
	maps := make([][]int, len(g.Dims))
	for i, d := range g.Dims {
		index := map[string]int{}
		for k := range d.Size() {
			index[d.Code(k)] = k
		}
		for _, c := range t.met[i] {
			maps[i] = append(maps[i], index[c])
		}
	}
	return func(l rawRow) int {
		codes := make([]int, len(l.codes))
		for i, c := range l.codes {
			codes[i] = maps[i][c]
		}
		return g.At(codes)
	}
}
