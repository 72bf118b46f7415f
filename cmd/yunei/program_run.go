package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/mitigate"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/twin"
)

// A Rehearsal is what a program came to on synthetic twins. Everything in it
// follows from the program, the spec, public descriptions of the datasets and
// a seed: nothing of any real data is in it, and nothing of it is a verdict.
type Rehearsal struct {
	Synthetic bool                `json:"synthetic"` // always
	Program   suite.Digest        `json:"program"`
	Spec      string              `json:"spec"` // its id
	Mode      jobs.Mode           `json:"mode"`
	Seed      uint64              `json:"seed"`
	Jail      string              `json:"jail"`
	Twins     []TwinSize          `json:"twins"`
	Visits    int                 `json:"visits"`
	Failed    map[string]int      `json:"failed"` // visits, by outcome
	Smallest  *Failure            `json:"smallest_failure,omitempty"`
	Fuel      Usage               `json:"fuel"`
	Memory    Usage               `json:"memory_pages"`
	Emits     Usage               `json:"emits"`
	Input     Usage               `json:"input_bytes"`
	Bounded   Bounded             `json:"bounded"`
	Logs      []Log               `json:"logs,omitempty"`
	Measures  []string            `json:"measures"`
	Exact     []int64             `json:"exact"`                // the cube of the twins, measure by measure
	Likely    *jobs.Candidate     `json:"likely_candidate"`     // what the gate would make of it
	Checks    map[gate.Status]int `json:"likely_gate_statuses"` // how many checks, by status
	Spends    *Spending           `json:"would_spend,omitempty"`
	Notes     []jobs.Statement    `json:"before_you_apply,omitempty"`
	Likelier  []Mitigation        `json:"likely_mitigations,omitempty"` // best first, if asked for

	asked  bool   // for mitigations
	why    string // there are none
	ranked []mitigate.Option
	tables []*evidence.Table // of each member, if mitigations are asked for

	terms jobs.Terms     // for their labels
	fuel  []uint64       // of each visit
	logs  map[string]int // place in Logs
}

// TwinSize says how large one member's twin was.
type TwinSize struct {
	Dataset  string `json:"dataset"`
	Units    int    `json:"units"`
	Rows     int64  `json:"rows"`
	LeftOut  int64  `json:"rows_left_out"`  // beyond limits.rows
	TooLarge int    `json:"visits_too_big"` // beyond limits.input
}

// Usage is how much of a limit was used, of visits that ran.
type Usage struct {
	P50   uint64 `json:"p50,omitempty"`
	P99   uint64 `json:"p99,omitempty"`
	Max   uint64 `json:"max"`
	Limit uint64 `json:"limit"`
}

// Bounded is what the host had to leave out or clip of what was emitted.
type Bounded struct {
	Stray   int `json:"records_of_no_cell"`  // name a cell, measure or unit that is not there
	Clipped int `json:"totals_clipped"`      // to the bounds of their measure
	Beyond  int `json:"cells_beyond_l0"`     // of a unit
	Silent  int `json:"units_without_emits"` // ran, and said nothing
}

// A Failure is one visit that failed, with its rows.
type Failure struct {
	Dataset string     `json:"dataset"`
	Visit   int        `json:"visit"` // of the twin
	Units   int        `json:"units"`
	Outcome string     `json:"outcome"`
	Fuel    uint64     `json:"fuel"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	Log     string     `json:"log,omitempty"`
	size    int
}

// A Log is what visits wrote, those that wrote the same together.
type Log struct {
	Text  string `json:"text"`
	Times int    `json:"times"`
	First string `json:"first"` // who wrote it first
}

// Spending is what a real run would cost in mode dp.
type Spending struct {
	Rho     string     `json:"rho"`
	Epsilon string     `json:"epsilon"`
	Delta   string     `json:"delta"`
	SD      []string   `json:"sd"`       // of the noise, for each measure
	Error   []*float64 `json:"relative"` // expected relative error of each value of Exact, null where that is 0
	Runs    []int64    `json:"runs"`     // that each member's budget allows
}

// A player rehearses.
type player struct {
	runner   string
	least    jail.Level
	units    int
	rows     bool // as many as the catalogue says
	mitigate bool // rank what can be done where cells are hidden
	seed     uint64
	progress func(visits int)
}

func (p player) play(ctx context.Context, module []byte, r rehearsed) (*Rehearsal, error) {
	out := &Rehearsal{
		Synthetic: true, Program: r.terms.Program.Digest, Spec: r.terms.ID, Mode: r.terms.Mode, Seed: p.seed,
		Failed: map[string]int{}, logs: map[string]int{}, Notes: r.notes, terms: r.terms,
	}
	l := r.terms.Limits
	out.Fuel.Limit, out.Memory.Limit, out.Emits.Limit, out.Input.Limit = l.Fuel, uint64(l.Memory), uint64(l.Emits), uint64(l.Input)
	runner, err := sandbox.Start(ctx, sandbox.Config{Runner: p.runner, Module: module, Limits: l, Least: p.least, Rehearse: true})
	if err != nil {
		return nil, startError(err)
	}
	defer runner.Close()
	out.Jail = runner.Level().String()
	opened := make([]int64, r.terms.Slots())
	for i, m := range r.terms.Members {
		values, err := p.member(ctx, runner, out, r, i)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Dataset, err)
		}
		for k, v := range values {
			opened[k] += v
		}
	}
	out.asked = p.mitigate
	if err := out.conclude(opened); err != nil || !p.mitigate {
		return out, err
	}
	return out, out.mitigate()
}

// startError explains why a program does not start on the author's machine.
func startError(err error) error {
	switch {
	case errors.Is(err, fault.Guest):
		return fmt.Errorf("程序未能初始化（准入已通过）：%s 里有陷阱，或用完了初始化的燃料 the program was admitted, but did not initialise: it trapped there, or ran out of fuel: %w",
			abi.ExportInit, fault.Refuse("program-module", "house"))
	case errors.Is(err, fault.Denied):
		return fmt.Errorf("这台机器达不到 --jail 要求的隔离级别；试运行自己的程序可用 --jail basic this machine cannot give the jail asked for; to rehearse your own program, --jail basic will do: %w", err)
	}
	return err
}

// member plays the twin of member i, and returns what its domain would seal.
func (p player) member(ctx context.Context, runner *sandbox.Runner, out *Rehearsal, r rehearsed, i int) ([]int64, error) {
	m, l := r.terms.Members[i], r.terms.Limits
	o := twin.Options{Seed: p.seed, Dataset: m.Dataset, Units: p.units, MaxRows: int(l.Rows), Typical: typical(r.terms.Shape)}
	if p.rows {
		o.Units, o.Rows = 0, r.rows[i]
	}
	tw, err := twin.New(r.schemas[i], o)
	if err != nil {
		return nil, err
	}
	size := TwinSize{Dataset: m.Dataset, Units: tw.Units(), Rows: tw.Rows()}
	shape := r.terms.Shape
	table, err := evidence.New(shape.Lists(), shape.Cells(), len(shape.Measures))
	if err != nil {
		return nil, err
	}
	s := &stagehand{ctx: ctx, player: p, runner: runner, out: out, cube: jobs.NewCube(r.terms.Shape, r.terms.Pairs()), terms: r.terms, member: m, schema: r.schemas[i], size: &size}
	if r.terms.Mode == jobs.SDC {
		s.cube.Watch(func(c jobs.Contribution) { _ = table.Add(c.Cell, c.Values, c.Given) }) // a cell and values of the cube's own
	}
	if g := r.terms.Shape.Grouping; g.Blocks > 0 || g.Batches > 0 {
		groups := max(g.Batches, g.Blocks)
		err = tw.Groups(m.Columns, int(l.Rows), groups, g.Batch, g.Blocks > 0, func(u twin.Group) error {
			return s.visit(u.Index, u.Columns, u.Starts, u.Units)
		})
	} else {
		err = tw.Each(m.Columns, int(l.Rows), func(u twin.Unit) error {
			size.LeftOut += int64(u.LeftOut)
			return s.visit(u.Index, u.Columns, nil, 1)
		})
	}
	if err == nil {
		err = s.flush()
	}
	out.Twins = append(out.Twins, size)
	if err != nil || r.terms.Mode != jobs.SDC {
		return s.cube.Values, err
	}
	if p.mitigate {
		out.tables = append(out.tables, table)
	}
	return gate.Protect(r.terms, s.cube, table, gate.Found{}, rand.Reader)
}

// typical takes a twentieth of a measure's bound for the median of the column
// of that name: the bound is the author's own, and public.
func typical(s jobs.Shape) map[string]int64 {
	medians := map[string]int64{}
	for _, m := range s.Measures {
		medians[m.Name] = max(1, m.Bound()/20)
	}
	return medians
}

// A stagehand shows visits to the runner, and takes down what they come to.
type stagehand struct {
	ctx    context.Context
	player player
	runner *sandbox.Runner
	out    *Rehearsal
	cube   *jobs.Cube
	terms  jobs.Terms
	member jobs.Member
	schema columns.Schema
	size   *TwinSize

	waiting []shown
	bytes   int
}

type shown struct {
	index, units int
	columns      []abi.Column
	area         []byte
}

const (
	visitsAtOnce = 256
	bytesAtOnce  = 4 << 20
)

func (s *stagehand) visit(index int, cols []abi.Column, starts []int, units int) error {
	area, err := abi.AppendUnits(nil, s.terms.Params, cols, starts)
	if err != nil {
		return err
	}
	s.out.Visits++
	s.out.Input.Max = max(s.out.Input.Max, uint64(len(area)))
	if len(area) > int(s.terms.Limits.Input) {
		s.size.TooLarge++
		return s.cube.Add(units, false, nil)
	}
	s.waiting = append(s.waiting, shown{index, units, cols, area})
	if s.bytes += len(area); len(s.waiting) < visitsAtOnce && s.bytes < bytesAtOnce {
		return nil
	}
	return s.flush()
}

func (s *stagehand) flush() error {
	areas := make([][]byte, len(s.waiting))
	for i, w := range s.waiting {
		areas[i] = w.area
	}
	results, err := s.runner.Map(s.ctx, areas)
	if err != nil {
		return err
	}
	for i, r := range results {
		if err := s.note(s.waiting[i], r); err != nil {
			return err
		}
	}
	if s.player.progress != nil {
		s.player.progress(len(s.waiting))
	}
	s.waiting, s.bytes = s.waiting[:0], 0
	return nil
}

// note takes down one visit.
func (s *stagehand) note(w shown, r sandbox.Result) error {
	t := r.Trace
	if t == nil {
		t = &wire.Trace{Outcome: wire.Returned} // a runner that does not trace
	}
	out := s.out
	out.fuel = append(out.fuel, t.Fuel)
	out.Memory.Max = max(out.Memory.Max, uint64(t.Pages))
	out.Emits.Max = max(out.Emits.Max, uint64(len(r.Emits)))
	out.log(string(t.Log), fmt.Sprintf("%s #%d", s.member.Dataset, w.index))
	if !r.OK {
		out.Failed[t.Outcome.String()]++
		s.failed(w, t)
	} else if len(r.Emits) == 0 {
		out.Bounded.Silent++
	}
	out.Bounded.look(s.terms.Shape, w.units, r.Emits)
	return s.cube.Add(w.units, r.OK, r.Emits)
}

// failed keeps the failing visit of the fewest rows.
func (s *stagehand) failed(w shown, t *wire.Trace) {
	size := rowCount(w.columns)
	if old := s.out.Smallest; old != nil && old.size <= size {
		return
	}
	f := &Failure{Dataset: s.member.Dataset, Visit: w.index, Units: w.units, Outcome: t.Outcome.String(), Fuel: t.Fuel, Columns: s.member.Columns, Log: string(t.Log), size: size}
	for i := range size {
		row := make([]string, len(w.columns))
		for k, c := range w.columns {
			row[k] = spell(c, i, s.columnNamed(s.member.Columns[k]))
		}
		f.Rows = append(f.Rows, row)
	}
	s.out.Smallest = f
}

func (s *stagehand) columnNamed(name string) columns.Column {
	all := s.schema.Readable()
	i := slices.IndexFunc(all, func(c columns.Column) bool { return c.Name == name })
	return all[max(i, 0)] // checkColumns has seen it
}

func rowCount(cols []abi.Column) int {
	if len(cols) == 0 {
		return 0
	}
	return len(cols[0].I32) + len(cols[0].I64) + len(cols[0].Str) // of which one is in use
}

// spell writes a value of a twin as people read it, and as the guest does.
func spell(c abi.Column, row int, s columns.Column) string {
	if c.Valid != nil && !c.Valid[row] {
		return "（空 null）"
	}
	switch c.Type {
	case abi.Int64:
		return strconv.FormatInt(c.I64[row], 10)
	case abi.Utf8:
		return strconv.Quote(c.Str[row])
	case abi.Int32, abi.Date, abi.Code, abi.Month: // in I32
	}
	v := c.I32[row]
	switch {
	case c.Type == abi.Date:
		return fmt.Sprintf("%s (%d)", time.Unix(int64(v)*24*60*60, 0).UTC().Format(time.DateOnly), v)
	case c.Type == abi.Month:
		return fmt.Sprintf("%s (%d)", time.Date(1970, time.January+time.Month(v), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"), v)
	case c.Type == abi.Code && int(v) < len(s.Labels):
		return fmt.Sprintf("%s %s (%d)", s.Codes[v], s.Labels[v], v)
	case c.Type == abi.Code && int(v) < len(s.Codes):
		return fmt.Sprintf("%s (%d)", s.Codes[v], v)
	}
	return strconv.Itoa(int(v))
}

// log keeps what visits wrote; what many wrote, once.
func (r *Rehearsal) log(text, who string) {
	const most = 10_000
	if text == "" {
		return
	}
	if i, ok := r.logs[text]; ok {
		r.Logs[i].Times++
	} else if len(r.Logs) < most {
		r.logs[text] = len(r.Logs)
		r.Logs = append(r.Logs, Log{text, 1, who})
	}
}

// look counts what the host will leave out or clip, for the author to see; the
// host's own bounding is jobs.Cube's.
func (b *Bounded) look(s jobs.Shape, units int, emits []abi.Emit) {
	type place struct {
		unit, cell uint32
		measure    uint16
	}
	if s.Grouping.Blocks > 0 {
		units = 1
	}
	totals, cells := map[place]float64{}, map[uint32]map[uint32]bool{}
	for _, e := range emits {
		if int64(e.Cell) >= int64(s.Cells()) || int(e.Measure) >= max(1, len(s.Measures)) || int(e.Unit) >= units {
			b.Stray++
			continue
		}
		totals[place{uint32(e.Unit), e.Cell, e.Measure}] += float64(e.Value)
		if cells[uint32(e.Unit)] == nil {
			cells[uint32(e.Unit)] = map[uint32]bool{}
		}
		cells[uint32(e.Unit)][e.Cell] = true
	}
	for p, v := range totals {
		if len(s.Measures) > 0 && (v < float64(s.Measures[p.measure].Lo) || v > float64(s.Measures[p.measure].Hi)) {
			b.Clipped++
		}
	}
	for _, c := range cells {
		b.Beyond += max(0, len(c)-s.L0)
	}
}

// conclude makes what follows from all visits together.
func (r *Rehearsal) conclude(opened []int64) error {
	slices.Sort(r.fuel)
	if n := len(r.fuel); n > 0 {
		r.Fuel.P50, r.Fuel.P99, r.Fuel.Max = r.fuel[n/2], r.fuel[min(n-1, n*99/100)], r.fuel[n-1]
	}
	slices.SortStableFunc(r.Logs, func(a, b Log) int { return cmp.Compare(b.Times, a.Times) })
	cells := r.terms.Shape.Cells()
	r.Exact = opened[:cells*(1+len(r.terms.Shape.Measures))]
	for _, m := range r.terms.Shape.All() {
		r.Measures = append(r.Measures, m.Name)
	}
	c, record, err := gate.Judge(r.terms, opened)
	if err != nil {
		return err
	}
	c.Terms = "" // stand-ins are in them, which nobody will sign
	r.Likely, r.Checks = &c, map[gate.Status]int{}
	for _, check := range record.Checks {
		r.Checks[check.Status]++
	}
	if r.Mode.Noisy() {
		return r.reckon(c)
	}
	return nil
}

// reckon says what a run in mode dp costs, and how far off its figures are.
func (r *Rehearsal) reckon(c jobs.Candidate) error {
	r.Spends = &Spending{Rho: c.Privacy.Rho, Epsilon: c.Privacy.Epsilon, Delta: c.Privacy.Delta}
	// A real candidate's cells have noise in them; these do not, and are left
	// out: Exact has them.
	r.Likely.Cells, r.Likely.Margins = nil, nil
	cells := r.terms.Shape.Cells()
	for m, f := range c.Figures {
		sd, err := strconv.ParseFloat(f.SD, 64)
		if err != nil {
			return fmt.Errorf("reading a standard deviation: %w", err)
		}
		r.Spends.SD = append(r.Spends.SD, f.SD)
		for _, v := range r.Exact[m*cells : (m+1)*cells] {
			if v == 0 {
				r.Spends.Error = append(r.Spends.Error, nil)
				continue
			}
			e := sd / math.Abs(float64(v))
			r.Spends.Error = append(r.Spends.Error, &e)
		}
	}
	rho, ok := new(big.Rat).SetString(c.Privacy.Rho)
	for _, m := range r.terms.Members {
		capacity, err := m.Budget.Rat()
		if err != nil || !ok || rho.Sign() == 0 {
			return fmt.Errorf("reckoning a budget: %w", cmp.Or(err, error(fault.Invalid)))
		}
		q := new(big.Rat).Quo(capacity, rho)
		r.Spends.Runs = append(r.Spends.Runs, new(big.Int).Quo(q.Num(), q.Denom()).Int64())
	}
	return nil
}
