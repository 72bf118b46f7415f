package check

import (
	"encoding/json"

	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Status is what a check came to. The zero Status is none.
type Status string

// The statuses, from bad to good. What is not known is Review, never Pass.
const (
	Block         Status = "block" // not to be lifted by one exception
	Fail          Status = "fail"
	Review        Status = "review"
	Pass          Status = "pass"
	NotApplicable Status = "not-applicable"
)

// Version names the form of a Record.
const Version = "yunei output check v1"

// A Place is a value that a check stumbled on. Row and Column count from 0, as
// ACRO's do: rows of the table's file without its header, and columns of
// figures. A row that the file does not have is -1.
type Place struct {
	Row    int            `json:"row"`
	Column int            `json:"column"`
	Codes  []string       `json:"codes"`
	Figure string         `json:"figure"`
	Why    jobs.Statement `json:"why"`
	item   int
}

// A Check is one of C01 to C36.
type Check struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Status     Status           `json:"status"`
	Reason     jobs.Statement   `json:"reason"`
	Next       *jobs.Statement  `json:"next,omitempty"` // what to do
	Parameters map[string]int64 `json:"parameters,omitempty"`
	Evidence   map[string]int64 `json:"evidence,omitempty"`
	Places     []Place          `json:"places,omitempty"`
	More       int              `json:"more_places,omitempty"` // that are not listed
}

// A Record is everything that a check of a table came to, for the checker and
// nobody else: it names cells by check, and with the parameters that tells of
// what is hidden. What may be published is Public.
type Record struct {
	Version    string            `json:"version"`
	Profile    string            `json:"profile"`
	Parameters params.Parameters `json:"parameters"`
	Changed    map[string]int64  `json:"changed,omitempty"` // of the profile's, by the spec
	Verdict    Status            `json:"verdict"`
	Inputs     []sheet.Digest    `json:"inputs"`
	Results    map[string]Result `json:"results"`
	Checks     []Check           `json:"checks"`
}

// A Result is one output in the words of ACRO's results.json.
type Result struct {
	UID        string     `json:"uid"`
	Status     Status     `json:"status"`
	Type       string     `json:"type"`
	Properties Properties `json:"properties"`
	Files      []File     `json:"files"`
	Outcome    Outcome    `json:"outcome"`
	Comments   []string   `json:"comments"`
	Exception  string     `json:"exception"`
	Fair       Fair       `json:"fair"`
}

// Properties are those of a table.
type Properties struct {
	Method  string   `json:"method"`
	Title   string   `json:"title,omitempty"`
	Dims    []string `json:"dims"`
	Figures []string `json:"figures"`
}

// A File is the table's.
type File struct {
	Name   string       `json:"name"`
	SHA256 suite.Digest `json:"sha256"`
	SDC    SDC          `json:"sdc"`
}

// SDC is ACRO's summary and cells, by ACRO's names where it has one.
type SDC struct {
	Summary map[string]int64    `json:"summary"`
	Cells   map[string][][2]int `json:"cells"`
}

// Outcome is one row of words for each row of the table, as ACRO prints it:
// for each figure "ok" or the names of the checks, with "; " between them.
type Outcome struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// Fair names the family of statistics (statbarn), its risks and its checks.
type Fair struct {
	Statbarn     string            `json:"statbarn"`
	Risks        []string          `json:"risks"`
	ChecksNeeded []string          `json:"checks_needed"`
	CheckStatus  map[string]Status `json:"check_status"`
}

// Public is what may be published beside a table: its digest, the verdict, the
// profile, and a hiding commitment to the whole record.
type Public struct {
	Version string           `json:"version"`
	Table   suite.Digest     `json:"table"`
	Verdict Status           `json:"verdict"`
	Profile string           `json:"profile"`
	Record  suite.Commitment `json:"record"`
}

// Bytes is the one spelling of the record.
func (r Record) Bytes() []byte {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		panic("check: a record cannot be marshalled: " + err.Error()) // plain data only
	}
	return append(b, '\n')
}

// Public commits to the record under a salt that stays with the checker.
func (r Record) Public(table suite.Digest, salt suite.Salt) Public {
	return Public{Version, table, r.Verdict, r.Profile, suite.Commit(salt, r.Bytes())}
}

// ExitCode is what a command ends with: 0 pass, 1 fail or block, 3 review.
func (r Record) ExitCode() int {
	switch r.Verdict {
	case Pass:
		return 0
	case Review:
		return 3
	default:
		return 1
	}
}

// verdict is the worst of all.
func verdict(checks []Check) Status {
	v := Pass
	for _, c := range checks {
		switch {
		case c.Status == Block || v == Block:
			v = Block
		case c.Status == Fail || v == Fail:
			v = Fail
		case c.Status == Review:
			v = Review
		case c.Status != Pass && c.Status != NotApplicable:
			v = Block // no status that we know
		}
	}
	return v
}

// acro are the names of checks that ACRO has.
var acro = map[string]string{"C05": "threshold", "C07": "p-ratio", "C08": "nk-rule", "C09": "negative", "C10": "all-values-are-same"}

func nameOf(id string) string {
	if n, ok := acro[id]; ok {
		return n
	}
	return id
}

func result(s *state, checks []Check, v Status) Result {
	t := s.c.Table
	r := Result{
		UID: "output_0", Status: v, Type: "table", Comments: []string{},
		Properties: Properties{Method: "output check", Title: t.Title},
		Fair:       Fair{Statbarn: "Frequencies", Risks: []string{"low counts", "differencing", "class disclosure"}, CheckStatus: map[string]Status{}},
	}
	for _, d := range t.Grid.Dims {
		r.Properties.Dims = append(r.Properties.Dims, d.Name)
	}
	for _, f := range t.Figures {
		r.Properties.Figures = append(r.Properties.Figures, f.Name)
		if f.Kind != sheet.Count && r.Fair.Statbarn == "Frequencies" {
			r.Fair.Statbarn, r.Fair.Risks = "LinearAggregations", append(r.Fair.Risks, "dominance")
		}
	}
	words := make([][][]string, len(t.Rows))
	for i := range words {
		words[i] = make([][]string, len(t.Figures))
	}
	sdc := SDC{Summary: map[string]int64{"suppressed": s.hidden()}, Cells: map[string][][2]int{}}
	for _, c := range checks {
		r.Fair.CheckStatus[c.ID] = c.Status
		if c.Status != NotApplicable {
			r.Fair.ChecksNeeded = append(r.Fair.ChecksNeeded, c.ID)
		}
		if c.Status != Fail && c.Status != Block && c.Status != Review {
			continue
		}
		name := nameOf(c.ID)
		sdc.Summary[name] += int64(len(c.Places) + c.More)
		for _, p := range c.Places {
			if p.Row >= 0 {
				sdc.Cells[name] = append(sdc.Cells[name], [2]int{p.Row, p.Column})
				words[p.Row][p.Column] = append(words[p.Row][p.Column], name)
			}
		}
	}
	r.Files = []File{{t.File, s.c.Digests[0].SHA256, sdc}}
	r.Outcome = outcome(t, words)
	return r
}

func outcome(t sheet.Table, words [][][]string) Outcome {
	var o Outcome
	for _, f := range t.Figures {
		o.Columns = append(o.Columns, f.Name)
	}
	for _, row := range words {
		var line []string
		for _, w := range row {
			text := "ok"
			for i, x := range w {
				if i == 0 {
					text = x
				} else {
					text += "; " + x
				}
			}
			line = append(line, text)
		}
		o.Rows = append(o.Rows, line)
	}
	return o
}
