package gate

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Status is what a check came to. The zero Status is none.
type Status string

// The statuses. A check that was not performed is never passed: it leaves the
// verdict at Review.
const (
	Pass          Status = "pass"
	Fail          Status = "fail"  // a release needs an exception, of both who vote
	Block         Status = "block" // no release: what people could vote on shows nothing
	Review        Status = "review"
	NotApplicable Status = "not-applicable"
	NotPerformed  Status = "not-performed"
)

// A Check is one entry of the record: its status, why, and apart from both the
// parameters it went by and the evidence. Evidence is what a reader of the
// candidate could count as well: a record tells people who vote no more about
// the data than the candidate does.
type Check struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Status     Status           `json:"status"`
	Reason     jobs.Statement   `json:"reason"`
	Parameters map[string]int64 `json:"parameters,omitempty"`
	Evidence   map[string]int64 `json:"evidence,omitempty"`
}

// A Record says which checks were made of a candidate. Results is in the
// form of ACRO's results.json (with one table), Checks holds all of C01 to C36.
type Record struct {
	Format     string            `json:"format"`
	Profile    string            `json:"profile"`
	Parameters params.Parameters `json:"parameters"`
	Terms      suite.Digest      `json:"terms"`
	Mode       jobs.Mode         `json:"mode"`
	Verdict    Status            `json:"verdict"`
	Results    map[string]Result `json:"results"`
	Checks     []Check           `json:"checks"`
}

// RecordFormat names the spelling of a Record.
const RecordFormat = "yunei gate record v1"

// A Result is one output in ACRO's words.
type Result struct {
	Status     Status     `json:"status"`
	Type       string     `json:"type"`
	Properties Properties `json:"properties"`
	Files      []File     `json:"files"`
	Outcome    string     `json:"outcome"`
	Comments   []string   `json:"comments"`
	Exception  string     `json:"exception"`
	Fair       Fair       `json:"fair"`
}

// Properties are those of a table.
type Properties struct {
	Method  string   `json:"method"`
	Dims    []string `json:"dims"`
	Figures []string `json:"figures"`
}

// A File is the table's, with the digest of its CSV.
type File struct {
	Name   string       `json:"name"`
	SHA256 suite.Digest `json:"sha256"`
	SDC    Summary      `json:"sdc"`
}

// A Summary counts. ACRO's cells by check are left out: which check hid a cell
// is not told.
type Summary struct {
	Summary map[string]int64 `json:"summary"`
}

// Fair names the family of statistics (statbarn), its risks and its checks.
type Fair struct {
	Statbarn     string            `json:"statbarn"`
	Risks        []string          `json:"risks"`
	ChecksNeeded []string          `json:"checks_needed"`
	CheckStatus  map[string]Status `json:"check_status"`
}

// Public is the part of a record that goes into a bundle.
type Public struct {
	Verdict Status           `json:"verdict"`
	Profile string           `json:"profile"`
	Record  suite.Commitment `json:"record"`
}

// Public commits to the record under a salt that stays with the gate and the
// desk.
func (r Record) Public(salt suite.Salt) Public {
	return Public{r.Verdict, r.Profile, suite.Commit(salt, r.Bytes())}
}

// Bytes is the one spelling of the record.
func (r Record) Bytes() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("gate: a record cannot be marshalled: " + err.Error()) // plain data only
	}
	return b
}

const maxRecord = 1 << 20

// ParseRecord reads a record in its one spelling: every check once and in its
// order, and the verdict that follows from them. Every error is of kind
// Invalid.
func ParseRecord(raw []byte) (Record, error) {
	var r Record
	if len(raw) > maxRecord {
		return Record{}, fmt.Errorf("reading a record: %d bytes: %w", len(raw), fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("reading a record: %w: %w", err, fault.Invalid)
	}
	if r.Format != RecordFormat || len(r.Checks) != len(rules) {
		return Record{}, fmt.Errorf("reading a record: another format: %w", fault.Invalid)
	}
	for i, c := range r.Checks {
		if c.ID != rules[i].id || c.Name != rules[i].name || !c.Status.known() || c.Reason.ZH == "" || c.Reason.EN == "" {
			return Record{}, fmt.Errorf("reading a record: check %d is not %s: %w", i+1, rules[i].id, fault.Invalid)
		}
	}
	if r.Verdict != verdict(r.Checks) || !bytes.Equal(r.Bytes(), raw) {
		return Record{}, fmt.Errorf("reading a record: not in its one spelling: %w", fault.Invalid)
	}
	return r, nil
}

func (s Status) known() bool {
	switch s {
	case Pass, Fail, Block, Review, NotApplicable, NotPerformed:
		return true
	}
	return false
}

// verdict is the worst of the checks: Block, Fail, Review if one is for people
// or was not performed, and Pass if every check passed or does not apply.
func verdict(checks []Check) Status {
	rank := map[Status]int{Pass: 0, NotApplicable: 0, Review: 1, NotPerformed: 1, Fail: 2, Block: 3}
	worst := 0
	for _, c := range checks {
		r, ok := rank[c.Status]
		if !ok {
			r = rank[Block] // an unknown word
		}
		worst = max(worst, r)
	}
	return [...]Status{Pass, Review, Fail, Block}[worst]
}

// record runs the table of rules.
func record(f facts) Record {
	r := Record{Format: RecordFormat, Profile: f.p.Profile, Parameters: f.p, Terms: f.c.Terms, Mode: f.c.Mode}
	for _, rule := range rules {
		got := joinRule(rule, f)(f)
		r.Checks = append(r.Checks, Check{rule.id, rule.name, got.status, jobs.Statement{ZH: got.zh, EN: got.en}, got.parameters, got.evidence})
	}
	r.Verdict = verdict(r.Checks)
	r.Results = map[string]Result{"table": result(f, r)}
	return r
}

func result(f facts, r Record) Result {
	c, hidden := f.c, f.hidden()
	out := Result{
		Status: r.Verdict, Type: "table", Comments: []string{StatisticsLaw.Source + "：" + StatisticsLaw.Text.ZH, StatisticsLaw.Text.EN},
		Properties: Properties{Method: string(c.Mode)},
		Files: []File{{"candidate.csv", suite.DigestOf(c.CSV()), Summary{map[string]int64{
			"cells": int64(c.Items()), "shown": int64(c.Items() - hidden), "hidden": int64(hidden),
		}}}},
		Fair: Fair{
			Statbarn: "Frequencies", Risks: []string{"low counts", "differencing", "class disclosure"},
			CheckStatus: map[string]Status{},
		},
	}
	if len(c.Figures) > 1 {
		out.Fair.Statbarn = "LinearAggregations"
		out.Fair.Risks = append(out.Fair.Risks, "dominance")
	}
	for _, d := range c.Dims {
		out.Properties.Dims = append(out.Properties.Dims, d.Name)
	}
	for _, fig := range c.Figures {
		out.Properties.Figures = append(out.Properties.Figures, fig.Name)
	}
	for _, check := range r.Checks {
		if check.Status != NotApplicable {
			out.Fair.ChecksNeeded = append(out.Fair.ChecksNeeded, check.ID)
		}
		out.Fair.CheckStatus[check.ID] = check.Status
	}
	return out
}
