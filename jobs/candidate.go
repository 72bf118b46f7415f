package jobs

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Candidate is what a gate made of an opened sum: byte for byte what would
// be released. It has one spelling, Bytes, and one table, CSV. Values are
// integers; a hidden cell has the same symbol for every measure and every
// reason. A candidate that ParseCandidate or a gate returned has been checked.
type Candidate struct {
	Format     string       `json:"format"`
	Terms      suite.Digest `json:"terms"`
	Run        string       `json:"run,omitempty"` // "" until ForRun
	Mode       Mode         `json:"mode"`
	Title      string       `json:"title"`
	Namespace  string       `json:"namespace"`
	Dims       []Dim        `json:"dims"`
	Figures    []Figure     `json:"figures"` // units first
	Privacy    *Privacy     `json:"privacy,omitempty"`
	Statements []Statement  `json:"statements"`
	Cells      []Cell       `json:"cells"` // in the order of the code lists, the last dim varying fastest
	Margins    []Margin     `json:"margins,omitempty"`
}

// A Margin is a table of totals: over the dims that it does not keep.
type Margin struct {
	Dims    []string `json:"dims"`              // kept, in the candidate's order; none is the grand total
	Figures []Figure `json:"figures,omitempty"` // noisy modes: the spread is that of a sum of cells
	Cells   []Cell   `json:"cells"`
}

// CandidateFormat names the spelling of a Candidate.
const CandidateFormat = "yunei candidate v1"

// Hidden stands for a cell that is not shown.
const Hidden = "*"

// A Figure is a measure as it is shown: in mode sdc rounded to multiples of
// Round; in mode dp with noise of that variance, whose standard deviation
// (three places, rounded up) and 95 % half-width (rounded up to an integer)
// follow from it.
type Figure struct {
	Name      string `json:"name"`
	Title     string `json:"title"`
	Round     int64  `json:"round,omitempty"`
	Variance  string `json:"variance,omitempty"`
	SD        string `json:"sd,omitempty"`
	HalfWidth int64  `json:"half_width_95,omitempty"`
}

// Privacy states what a run cost in mode dp.
type Privacy struct {
	Rho     string `json:"rho"`     // zCDP, an exact fraction
	Epsilon string `json:"epsilon"` // four places, rounded up
	Delta   string `json:"delta"`
}

// A Statement is a sentence that goes out with the figures.
type Statement struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// A Cell holds one value for each figure; a nil Cell is hidden.
type Cell []int64

// MarshalJSON writes the values, or the symbol of a hidden cell.
func (c Cell) MarshalJSON() ([]byte, error) {
	if c == nil {
		return []byte(`"` + Hidden + `"`), nil
	}
	b := []byte{'['}
	for i, v := range c {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, v, 10)
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Cell) UnmarshalJSON(raw []byte) error {
	if string(raw) == `"`+Hidden+`"` {
		*c = nil
		return nil
	}
	values := []int64{}
	if err := json.Unmarshal(raw, &values); err != nil || values == nil {
		return fmt.Errorf("neither integers nor %q: %w", Hidden, fault.Invalid)
	}
	*c = values
	return nil
}

const (
	maxCandidate  = 32 << 20
	maxText       = 256 // characters of a title, a code or a label
	maxSentence   = 1000
	maxStatements = 16
)

// ParseCandidate reads a candidate in its one spelling. Every error is of kind
// Invalid.
func ParseCandidate(raw []byte) (Candidate, error) {
	var c Candidate
	// A few bytes of JSON can ask for a large value each: no more of them
	// than the largest candidate has.
	if len(raw) > maxCandidate || bytes.Count(raw, []byte{'{'}) > 1<<16 || bytes.Count(raw, []byte{'['}) > 1<<18 || bytes.Count(raw, []byte{'"'}) > 1<<19 {
		return Candidate{}, fmt.Errorf("reading a candidate: too large: %w", fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Candidate{}, fmt.Errorf("reading a candidate: %w: %w", err, fault.Invalid)
	}
	if err := c.Check(); err != nil {
		return Candidate{}, fmt.Errorf("reading a candidate: %w", err)
	}
	if !bytes.Equal(c.Bytes(), raw) {
		return Candidate{}, fmt.Errorf("reading a candidate: not in its one spelling: %w", fault.Invalid)
	}
	return c, nil
}

// Bytes is the one spelling of the candidate.
func (c Candidate) Bytes() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic("jobs: a candidate cannot be marshalled: " + err.Error()) // plain data only
	}
	return b
}

// ForRun names the run that the candidate comes of, once.
func (c Candidate) ForRun(run string) (Candidate, error) {
	if err := ID(run); err != nil {
		return Candidate{}, fmt.Errorf("naming a candidate's run: %w", err)
	}
	if c.Run != "" && c.Run != run {
		return Candidate{}, fmt.Errorf("naming a candidate's run: it has one: %w", fault.Conflict)
	}
	c.Run = run
	return c, nil
}

// Codes returns the code of each dim for a cell, as Shape.Codes does.
func (c Candidate) Codes(cell int) []int { return Shape{Dims: c.Dims}.Codes(cell) }

// Check reports what is wrong with a candidate, as an error of kind Invalid.
func (c Candidate) Check() error {
	for _, check := range []func() error{c.checkHead, c.checkDims, c.checkFigures, c.checkStatements, c.checkMargins} {
		if err := check(); err != nil {
			return fmt.Errorf("candidate: %w: %w", err, fault.Invalid)
		}
	}
	return nil
}

func (c Candidate) checkHead() error {
	switch {
	case c.Format != CandidateFormat:
		return errors.New("another format")
	case c.Terms.Hex() == "":
		return errors.New("no digest of terms")
	case c.Run != "" && ID(c.Run) != nil:
		return errors.New("the run has no proper name")
	case c.Mode != SDC && !c.Mode.Noisy():
		return errors.New("no mode")
	case c.Namespace != NaturalPerson && c.Namespace != LegalPerson && c.Namespace != Row:
		return errors.New("no unit namespace")
	}
	return checkText(c.Title, maxSentence)
}

func (c Candidate) checkDims() error {
	if len(c.Dims) == 0 || len(c.Dims) > MaxDims {
		return fmt.Errorf("%d dims, want 1 to %d", len(c.Dims), MaxDims)
	}
	seen := map[string]bool{}
	cells := 1
	for _, d := range c.Dims {
		if err := d.check(seen); err != nil {
			return err
		}
		for _, s := range slices.Concat([]string{d.Title}, d.Codes, d.Labels) {
			if err := CheckText(s); err != nil {
				return fmt.Errorf("dim %s: %w", d.Name, err)
			}
		}
		if cells *= len(d.Codes); cells > MaxCells {
			return fmt.Errorf("more than %d cells", MaxCells)
		}
	}
	if len(c.Cells) != cells {
		return fmt.Errorf("%d cells, want %d", len(c.Cells), cells)
	}
	return nil
}

func (c Candidate) checkFigures() error {
	if len(c.Figures) == 0 || len(c.Figures) > 1+MaxMeasures {
		return fmt.Errorf("%d figures, want 1 to %d", len(c.Figures), 1+MaxMeasures)
	}
	seen := map[string]bool{}
	for _, d := range c.Dims {
		seen[d.Name] = true
	}
	for _, f := range c.Figures {
		if !nameRE.MatchString(f.Name) || seen[f.Name] {
			return fmt.Errorf("figure %q: not a name of its own", f.Name)
		}
		seen[f.Name] = true
		if err := CheckText(f.Title); err != nil {
			return fmt.Errorf("figure %s: %w", f.Name, err)
		}
		if err := f.check(c.Mode); err != nil {
			return fmt.Errorf("figure %s: %w", f.Name, err)
		}
	}
	return c.Privacy.check(c.Mode)
}

func (f Figure) check(mode Mode) error {
	if mode == SDC {
		if f.Round < 1 || f.Round > MaxBound || f.Variance != "" || f.SD != "" || f.HalfWidth != 0 {
			return errors.New("mode sdc has a rounding base and no noise")
		}
		return nil
	}
	v, ok := new(big.Int).SetString(f.Variance, 10)
	if !ok || len(f.Variance) > 24 || v.Sign() <= 0 || f.Round != 0 {
		return errors.New("mode dp has noise of a stated variance and no rounding")
	}
	if want := f.WithVariance(v); f != want {
		return errors.New("its spread is not that of its variance")
	}
	return nil
}

// WithVariance states the spread of a figure's noise, 0 < v < 10^24.
func (f Figure) WithVariance(v *big.Int) Figure {
	f.Variance = v.String()
	thousandths := rootUp(new(big.Int).Mul(v, big.NewInt(1_000_000)))
	whole, rest := new(big.Int).QuoRem(thousandths, big.NewInt(1000), new(big.Int))
	f.SD = fmt.Sprintf("%s.%03d", whole, rest)
	f.HalfWidth = Within(v, 19600)
	return f
}

// Within is the least integer that is at least z standard deviations of noise
// of variance v, z given in ten-thousandths.
func Within(v *big.Int, z int64) int64 {
	square := new(big.Int).Mul(v, big.NewInt(z*z))
	square.Add(square, big.NewInt(99_999_999)).Quo(square, big.NewInt(100_000_000))
	return rootUp(square).Int64()
}

// rootUp is the least integer whose square is at least x >= 0.
func rootUp(x *big.Int) *big.Int {
	r := new(big.Int).Sqrt(x)
	if new(big.Int).Mul(r, r).Cmp(x) < 0 {
		r.Add(r, big.NewInt(1))
	}
	return r
}

var (
	epsilonRE = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})\.[0-9]{4}$`)
	deltaRE   = regexp.MustCompile(`^1e-[1-9][0-9]?$`)
)

func (p *Privacy) check(mode Mode) error {
	if mode == SDC {
		if p != nil {
			return errors.New("mode sdc states no epsilon")
		}
		return nil
	}
	if p == nil || len(p.Rho) > 4096 || !epsilonRE.MatchString(p.Epsilon) || !deltaRE.MatchString(p.Delta) {
		return errors.New("mode dp states rho, epsilon and delta")
	}
	if strings.Trim(p.Rho, "0123456789/") != "" { // no exponent: 1e999999999 is a big number
		return errors.New("rho is not a fraction")
	}
	if r, ok := new(big.Rat).SetString(p.Rho); !ok || r.Sign() <= 0 || r.RatString() != p.Rho {
		return errors.New("rho is not a fraction in lowest terms")
	}
	return nil
}

func (c Candidate) checkStatements() error {
	if len(c.Statements) == 0 || len(c.Statements) > maxStatements {
		return fmt.Errorf("%d statements, want 1 to %d", len(c.Statements), maxStatements)
	}
	for _, s := range c.Statements {
		if err := errors.Join(checkText(s.ZH, maxSentence), checkText(s.EN, maxSentence)); err != nil {
			return fmt.Errorf("a statement: %w", err)
		}
	}
	return nil
}

// checkMargins checks the cells, those of the table and those of its margins.
func (c Candidate) checkMargins() error {
	shape := Shape{Dims: c.Dims, L0: 1}
	for _, m := range c.Margins {
		shape.Margins = append(shape.Margins, m.Dims)
	}
	if err := shape.checkMargins(); err != nil {
		return err
	}
	if err := c.checkCells(c.Cells, c.Figures); err != nil {
		return err
	}
	for k, m := range c.Margins {
		figures, err := c.figures(m)
		if err != nil {
			return err
		}
		if m.Dims == nil || len(m.Cells) != shape.Margin(k).Cells() {
			return fmt.Errorf("margin %d has %d cells, want %d", k+1, len(m.Cells), shape.Margin(k).Cells())
		}
		if err := c.checkCells(m.Cells, figures); err != nil {
			return fmt.Errorf("margin %d: %w", k+1, err)
		}
	}
	return nil
}

// figures are those of a margin: in mode sdc the candidate's own, and in noisy
// modes the same names with a spread of their own.
func (c Candidate) figures(m Margin) ([]Figure, error) {
	if !c.Mode.Noisy() {
		if m.Figures != nil {
			return nil, errors.New("a margin of mode sdc has the figures of its table")
		}
		return c.Figures, nil
	}
	if len(m.Figures) != len(c.Figures) {
		return nil, errors.New("a margin has other figures than its table")
	}
	for i, f := range m.Figures {
		if f.Name != c.Figures[i].Name || f.Title != c.Figures[i].Title {
			return nil, errors.New("a margin has other figures than its table")
		}
		if err := f.check(c.Mode); err != nil {
			return nil, fmt.Errorf("figure %s of a margin: %w", f.Name, err)
		}
	}
	return m.Figures, nil
}

func (c Candidate) checkCells(cells []Cell, figures []Figure) error {
	for i, cell := range cells {
		if cell == nil {
			if c.Mode == DP {
				return fmt.Errorf("cell %d is hidden in mode dp", i)
			}
			continue
		}
		if len(cell) != len(figures) {
			return fmt.Errorf("cell %d has %d values, want %d", i, len(cell), len(figures))
		}
		if c.Mode != SDC {
			continue
		}
		if cell[0] < 0 {
			return fmt.Errorf("cell %d has fewer than no units", i)
		}
		for m, v := range cell {
			if v%figures[m].Round != 0 {
				return fmt.Errorf("cell %d: %s is not rounded", i, figures[m].Name)
			}
		}
	}
	return nil
}

// CheckText checks a title, code or label that is to be released: some
// characters, none of them a control, a format character or a look-alike
// space, and none at the start that a spreadsheet would take for a formula
// (OWASP, CSV injection). An error is of kind Invalid.
func CheckText(s string) error {
	if err := checkText(s, maxText); err != nil {
		return err
	}
	if strings.ContainsAny(s[:1], "=+-@") {
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			return fmt.Errorf("a text begins like a formula: %w", fault.Invalid)
		}
	}
	return nil
}

func checkText(s string, most int) error {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return fmt.Errorf("want a text of 1 to %d characters: %w", most, fault.Invalid)
	}
	for _, r := range s {
		if r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) && r != ' ' && r != '\u3000' {
			return fmt.Errorf("a text holds a character that does not show: %w", fault.Invalid)
		}
	}
	if strings.TrimSpace(s) != s {
		return fmt.Errorf("a text begins or ends with a space: %w", fault.Invalid)
	}
	return nil
}

// CSV is the table of the candidate (RFC 4180, UTF-8, lines end in LF): for
// each dim its code and its label, then the figures, a row for each cell, and
// then one for each cell of the margins, whose dims that are summed over have
// the code Total.
func (c Candidate) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(c.header()) // a bytes.Buffer takes all
	var row []string
	for i := range c.Items() {
		row = c.record(i, row[:0])
		_ = w.Write(row)
	}
	w.Flush()
	return b.Bytes()
}

// Items is how many cells there are, those of margins included.
func (c Candidate) Items() int {
	n := len(c.Cells)
	for _, m := range c.Margins {
		n += len(m.Cells)
	}
	return n
}

// Item is the i-th cell, those of the table before those of its margins, and
// the code of each dim that it has; -1 stands for a total.
func (c Candidate) Item(i int) (Cell, []int) {
	if i < len(c.Cells) {
		return c.Cells[i], c.Codes(i)
	}
	i -= len(c.Cells)
	for k, m := range c.Margins {
		if i >= len(m.Cells) {
			i -= len(m.Cells)
			continue
		}
		return m.Cells[i], c.marginCodes(k, i)
	}
	return nil, nil
}

func (c Candidate) marginCodes(k, cell int) []int {
	shape := Shape{Dims: c.Dims, Margins: [][]string{c.Margins[k].Dims}}.Margin(0)
	kept, codes := shape.Codes(cell), []int(nil)
	for _, d := range c.Dims {
		if slices.Contains(c.Margins[k].Dims, d.Name) {
			codes, kept = append(codes, kept[0]), kept[1:]
		} else {
			codes = append(codes, -1)
		}
	}
	return codes
}

func (c Candidate) header() []string {
	var h []string
	for _, d := range c.Dims {
		h = append(h, d.Name, d.Name+".label")
	}
	for _, f := range c.Figures {
		h = append(h, f.Name)
	}
	return h
}

// TotalLabel is how a dim that a row is summed over reads.
const TotalLabel = "合计"

func (c Candidate) record(i int, r []string) []string {
	cell, codes := c.Item(i)
	for d, at := range codes {
		if at < 0 {
			r = append(r, Total, TotalLabel)
		} else {
			r = append(r, c.Dims[d].Codes[at], c.Dims[d].Labels[at])
		}
	}
	for m := range c.Figures {
		if cell == nil {
			r = append(r, Hidden)
		} else {
			r = append(r, strconv.FormatInt(cell[m], 10))
		}
	}
	return r
}

// ParseCSV reads the table of a candidate of the same form (c's cells do not
// matter) and returns that candidate. Every error is of kind Invalid.
func (c Candidate) ParseCSV(raw []byte) (Candidate, error) {
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord = 2*len(c.Dims) + len(c.Figures)
	r.ReuseRecord = true
	out := c
	out.Cells = nil
	var cells []Cell
	if _, err := r.Read(); err != nil {
		return Candidate{}, fmt.Errorf("reading a table: %w: %w", err, fault.Invalid)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(cells) == MaxItems {
			return Candidate{}, fmt.Errorf("reading a table: not the rows of its form: %w", fault.Invalid)
		}
		cell, err := parseCell(row[2*len(c.Dims):])
		if err != nil {
			return Candidate{}, fmt.Errorf("reading a table: %w: %w", err, fault.Invalid)
		}
		cells = append(cells, cell)
	}
	if err := out.fill(cells); err != nil {
		return Candidate{}, fmt.Errorf("reading a table: %w", err)
	}
	if err := out.Check(); err != nil {
		return Candidate{}, fmt.Errorf("reading a table: %w", err)
	}
	if !bytes.Equal(out.CSV(), raw) { // header, codes, labels and spelling at once
		return Candidate{}, fmt.Errorf("reading a table: not in its one spelling: %w", fault.Invalid)
	}
	return out, nil
}

// fill gives the candidate its cells, the table's and then the margins'.
func (c *Candidate) fill(cells []Cell) error {
	at := Shape{Dims: c.Dims}.Cells()
	if at > len(cells) {
		return fmt.Errorf("%d rows: %w", len(cells), fault.Invalid)
	}
	c.Cells = cells[:at:at]
	c.Margins = slices.Clone(c.Margins)
	for k := range c.Margins {
		m := &c.Margins[k]
		n := Shape{Dims: c.Dims, Margins: [][]string{m.Dims}}.Margin(0).Cells()
		if at+n > len(cells) {
			return fmt.Errorf("%d rows: %w", len(cells), fault.Invalid)
		}
		m.Cells = cells[at : at+n : at+n]
		at += n
	}
	if at != len(cells) {
		return fmt.Errorf("%d rows: %w", len(cells), fault.Invalid)
	}
	return nil
}

func parseCell(fields []string) (Cell, error) {
	if len(fields) > 0 && fields[0] == Hidden {
		return nil, nil
	}
	cell := make(Cell, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return nil, err
		}
		cell[i] = v
	}
	return cell, nil
}
