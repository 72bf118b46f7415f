package sheet

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// An Input is the files of one check. Table must be given, everything else
// may be; of Evidence and Micro at most one.
type Input struct {
	Table    File
	Evidence *File
	Micro    *File
	Earlier  []File
	Spec     Spec
	Dims     []string // names of the dims, where neither spec nor evidence tells them
	Unit     []string // key columns of the microdata, where the spec does not tell
	Count    string   // the figure that counts units, where the spec does not tell
}

// A Case is what was given, closed over one set of codes.
type Case struct {
	Spec    Spec
	Table   Table
	Facts   Facts
	Earlier []Table
	Digests []Digest // of each file, in the order of Input
	// Unknown are names that the table uses for a column or a code and that the
	// spec, where it lists any, does not.
	Unknown []string
	all     []string // names of the dims of all tables
}

// A Digest is that of a file.
type Digest struct {
	Name   string       `json:"name"`
	SHA256 suite.Digest `json:"sha256"`
}

const maxEarlier = 100

// Load reads the files of a check. Every error is of kind Invalid and says what
// to do.
func Load(in Input) (Case, error) {
	l := loader{in: in, c: Case{Spec: in.Spec}}
	if len(in.Earlier) > maxEarlier {
		return l.c, fmt.Errorf("超过 %d 个既往表 more than %d earlier tables: %w", maxEarlier, maxEarlier, fault.Invalid)
	}
	if in.Evidence != nil && in.Micro != nil {
		return l.c, fmt.Errorf("证据文件和微观数据只给一个 give evidence or microdata, not both: %w", fault.Invalid)
	}
	for _, step := range []func() error{l.evidenceHeader, l.names, l.tables, l.evidence, l.microdata, l.close} {
		if err := step(); err != nil {
			return l.c, err
		}
	}
	return l.c, nil
}

// A loader carries what is half read.
type loader struct {
	in       Input
	c        Case
	dims     []string // of the table
	open     *rows    // evidence or microdata, its header read
	table    *raw
	figures  []Figure
	measures []Measure
	earlier  []earlier
	file     *evidenceFile
	micro    *micro
	all      []string // dims of all tables
}

type earlier struct {
	raw     *raw
	dims    []string
	figures []Figure
}

func (l *loader) evidenceHeader() (err error) {
	switch {
	case l.in.Evidence != nil:
		l.open, err = open(*l.in.Evidence, maxTable)
	case l.in.Micro != nil:
		l.open, err = open(*l.in.Micro, maxMicro)
	}
	return err
}

// names finds out which columns are dims.
func (l *loader) names() (err error) {
	for _, d := range l.in.Spec.Dims {
		l.dims = append(l.dims, d.Name)
	}
	if len(l.dims) == 0 {
		l.dims = l.in.Dims
	}
	if len(l.dims) == 0 && l.in.Evidence != nil {
		l.dims, err = evidenceDims(l.open)
	}
	if err == nil && len(l.dims) == 0 {
		err = fmt.Errorf("不知道哪些列是维度：用 --dims 或说明文件 --spec 指出 which columns are dims is not known: say so with --dims, or in a spec: %w", fault.Invalid)
	}
	if err == nil && len(l.dims) > MaxDims {
		err = fmt.Errorf("超过 %d 个维度 more than %d dims: %w", MaxDims, MaxDims, fault.Invalid)
	}
	if len(l.in.Spec.Unit) > 0 {
		l.in.Unit = l.in.Spec.Unit
	}
	if err == nil && l.in.Micro != nil && len(l.in.Unit) == 0 {
		err = fmt.Errorf("不知道微观数据中哪一列标识受保护的单位：用 --unit 或说明文件的 unit 指出 which column of the microdata is the key of the protected unit is not known: say so with --unit, or in the spec: %w", fault.Invalid)
	}
	return err
}

func (l *loader) tables() (err error) {
	if l.table, l.figures, err = readTable(l.in.Table, l.in.Spec, l.dims, l.in.Count); err != nil {
		return err
	}
	l.digest(l.table.rows)
	if l.measures, err = measures(l.figures); err != nil {
		return err
	}
	l.all = slices.Clone(l.dims)
	for _, f := range l.in.Earlier {
		if err := l.readEarlier(f); err != nil {
			return err
		}
	}
	return nil
}

// readEarlier reads a table that came out before. Its dims are those of its
// columns that are dims of the table, or else columns of the microdata that are
// not measures.
func (l *loader) readEarlier(f File) error {
	r, err := open(f, maxTable)
	if err != nil {
		return err
	}
	var e earlier
	var at, columns []int
	for i, h := range r.header {
		dim := slices.Contains(l.all, h)
		if !dim && l.in.Micro != nil && slices.Contains(l.open.header, h) {
			dim = !slices.ContainsFunc(l.measures, func(m Measure) bool { return m.Name == h })
		}
		if dim {
			e.dims, at = append(e.dims, h), append(at, i)
			if !slices.Contains(l.all, h) {
				l.all = append(l.all, h)
			}
			continue
		}
		k := slices.IndexFunc(l.figures, func(f Figure) bool { return f.Name == h })
		fig := Figure{Name: h, Kind: Sum, Of: h}
		if k >= 0 {
			fig = l.figures[k]
		} else if slices.Contains(countNames, h) {
			fig = Figure{Name: h, Kind: Count}
		}
		e.figures, columns = append(e.figures, fig), append(columns, i)
	}
	if len(e.dims) == 0 || len(e.figures) == 0 || len(e.figures) > MaxFigures || len(l.all) > MaxDims {
		return fmt.Errorf("%s: 没有与本表相同的维度列，没有指标，或维度太多 no column that is a dim of the table, no figure, or too many dims: %w", f.Name, fault.Invalid)
	}
	if e.raw, err = readRaw(r, at, columns); err != nil {
		return err
	}
	for i := range e.figures {
		e.figures[i].Places = e.raw.places[i]
	}
	l.earlier = append(l.earlier, e)
	return nil
}

func (l *loader) evidence() (err error) {
	if l.in.Evidence == nil {
		return nil
	}
	if l.file, err = readEvidence(l.open, l.dims); err != nil {
		return err
	}
	l.digest(l.open)
	for k := range l.file.raw.places {
		if whole(fields[l.file.has[k]+1]) {
			continue
		}
		for i := range l.measures[1:] { // the finest decimals that any of them needs
			l.measures[i+1].Places = max(l.measures[i+1].Places, l.file.raw.places[k])
		}
	}
	return nil
}

func (l *loader) microdata() (err error) {
	if l.in.Micro == nil {
		return nil
	}
	var names []string
	for _, m := range l.measures[1:] {
		names = append(names, m.Name)
	}
	if l.micro, err = readMicro(l.open, l.in.Unit, l.all, names); err != nil {
		return err
	}
	l.digest(l.open)
	for i := range names {
		m := &l.measures[i+1]
		if m.Places > l.micro.places[i] && !l.micro.finer(i, m.Places) {
			return fmt.Errorf("%s: 列 %q 的数太大 numbers of column %q are too large: %w", l.in.Micro.Name, m.Name, m.Name, fault.Invalid)
		}
		m.Places = max(m.Places, l.micro.places[i])
	}
	return nil
}

func (l *loader) digest(r *rows) {
	l.c.Digests = append(l.c.Digests, Digest{r.file, suite.Digest("sha256:" + fmt.Sprintf("%x", r.hash.Sum(nil)))})
}

// close gives all files the same codes.
func (l *loader) close() error {
	met := make([][]string, len(l.all))
	for i, name := range l.all {
		met[i] = l.metOf(i, name)
	}
	dims, err := l.in.Spec.dims(l.all, met)
	if err != nil {
		return err
	}
	if l.micro != nil {
		for i, d := range dims {
			for _, code := range l.micro.met[i] {
				if d.Index(code) >= len(d.Codes) {
					return at(l.in.Micro.Name, 0, d.Name, fmt.Sprintf("%q 是合计或组的代码，记录中只能有基本代码", code), fmt.Sprintf("%q is the code of a total or a group: a record has base codes only", code))
				}
			}
		}
	}
	grid := Grid{dims[:len(l.dims)]}
	if err := grid.check(); err != nil {
		return err
	}
	if l.c.Table, err = l.table.table(l.in.Table.Name, grid, l.figures); err != nil {
		return err
	}
	l.c.Table.Title, l.c.Table.Measures = l.in.Spec.Title, l.measures
	l.c.Unknown, l.c.all = l.unknown(), l.all
	switch {
	case l.micro != nil:
		l.c.Facts = l.micro.facts(grid, l.measures)
	case l.file != nil:
		l.c.Facts, err = l.file.facts(grid, l.measures, l.in.Spec.Holdings, l.blank())
	default:
		l.c.Facts = Facts{Grid: grid, Measures: l.measures, Cells: make([][]Cell, len(l.measures))}
		for i := range l.measures {
			l.c.Facts.Cells[i] = make([]Cell, grid.Items())
		}
	}
	if err != nil {
		return err
	}
	return l.closeEarlier(dims)
}

func (l *loader) closeEarlier(dims []Dim) error {
	for i, e := range l.earlier {
		var g Grid
		for _, name := range e.dims {
			g.Dims = append(g.Dims, dims[slices.Index(l.all, name)])
		}
		t, err := e.raw.table(l.in.Earlier[i].Name, g, e.figures)
		if err != nil {
			return err
		}
		l.digest(e.raw.rows)
		l.c.Earlier = append(l.c.Earlier, t)
	}
	return nil
}

// metOf lists the codes of a dim that any file has, those of the table first.
func (l *loader) metOf(i int, name string) []string {
	var met []string
	if i < len(l.dims) {
		met = append(met, l.table.met[i]...)
		if l.file != nil {
			met = append(met, l.file.raw.met[i]...)
		}
	}
	if l.micro != nil {
		met = append(met, l.micro.met[i]...)
	}
	for _, e := range l.earlier {
		if k := slices.Index(e.dims, name); k >= 0 {
			met = append(met, e.raw.met[k]...)
		}
	}
	return met
}

// unknown lists the codes of the table that a spec, which lists codes, does not.
func (l *loader) unknown() []string {
	var out []string
	for i, name := range l.dims {
		d := l.in.Spec.dim(name)
		if len(d.Codes) == 0 {
			continue
		}
		for _, c := range l.table.met[i] {
			if _, group := d.Groups[c]; !group && c != d.total() && !slices.Contains(d.Codes, c) {
				out = append(out, name+"="+c)
			}
		}
	}
	return out
}

// blank says of each item that the table shows no value there but zeros: no
// row, or zeros only.
func (l *loader) blank() []bool {
	blank := make([]bool, l.c.Table.Grid.Items())
	for i := range blank {
		blank[i] = true
	}
	for _, r := range l.c.Table.Rows {
		for _, v := range r.Values {
			blank[r.Item] = blank[r.Item] && v.Shown && v.N == 0
		}
	}
	return blank
}
