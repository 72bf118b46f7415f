// Package report writes what officials file: the yearly disclosure (年度信息披露),
// the scorecard of an evaluation (成效评估表), the month's risk overview (风险概览),
// the ledger of the uses of a provider's data (数据使用台账) and the list of
// responsibilities (责任清单). A Document is tables with Chinese headings first and
// English beside them; it is written as Markdown to read and print, as CSV that
// spreadsheets open, and as JSON.
//
// The writers are pure: the same facts give the same bytes. They put down what they
// are handed and choose nothing out of it: what a reader may see is decided
// before (oversight.UsesFor, and the API's verbs). Texts come from many
// organisations and are hostile: a cell can neither end its table nor be run as a
// formula by a spreadsheet.
package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/profile"
)

type (
	// A Document is a report. Basis cites what asks for it.
	Document struct {
		Title  profile.Name `json:"title"`
		City   profile.Name `json:"city"`
		Rules  string       `json:"rules"` // the profile's version
		Basis  []string     `json:"basis"`
		At     string       `json:"at"` // YYYY-MM-DD, UTC+8
		Notes  []string     `json:"notes,omitempty"`
		Tables []Table      `json:"tables"`
	}
	// A Table has a name for each column and rows of as many cells.
	Table struct {
		Title   profile.Name   `json:"title"`
		Columns []profile.Name `json:"columns"`
		Rows    [][]string     `json:"rows"`
	}
)

// A Form is how a document is written.
type Form string

// The forms.
const (
	Markdown Form = "md"
	CSV      Form = "csv"
	JSON     Form = "json"
)

// Write writes the document in a form; another form is of kind Invalid.
func (d Document) Write(f Form) ([]byte, error) {
	switch f {
	case Markdown:
		return d.markdown(), nil
	case CSV:
		return d.csv()
	case JSON:
		raw, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("writing a report: %w", err)
		}
		return append(raw, '\n'), nil
	default:
		return nil, fmt.Errorf("writing a report as %.20q: want md, csv or json: %w", f, fault.Invalid)
	}
}

func (d Document) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", cell(d.Title.ZH), cell(d.Title.EN))
	fmt.Fprintf(&b, "- 城市 city: %s / %s\n- 规则版本 rules: %s\n- 制表日期 date: %s\n", cell(d.City.ZH), cell(d.City.EN), cell(d.Rules), cell(d.At))
	for _, s := range d.Basis {
		fmt.Fprintf(&b, "- 依据 basis: %s\n", cell(s))
	}
	for _, s := range d.Notes {
		fmt.Fprintf(&b, "- 说明 note: %s\n", cell(s))
	}
	for _, t := range d.Tables {
		fmt.Fprintf(&b, "\n## %s %s\n\n", cell(t.Title.ZH), cell(t.Title.EN))
		if len(t.Rows) == 0 {
			b.WriteString("无 none\n")
			continue
		}
		var names, rule []string
		for _, c := range t.Columns {
			names, rule = append(names, cell(c.ZH+" "+c.EN)), append(rule, "---")
		}
		b.WriteString("| " + strings.Join(names, " | ") + " |\n| " + strings.Join(rule, " | ") + " |\n")
		for _, r := range t.Rows {
			var cells []string
			for _, s := range r {
				cells = append(cells, cell(s))
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
	}
	return b.Bytes()
}

// cell is a text that stays within its cell: one line, and no markup of its own.
func cell(s string) string {
	s = markup.Replace(flat(s))
	for _, c := range []string{`\`, "|", "`", "*", "_", "[", "]", "#"} {
		s = strings.ReplaceAll(s, c, `\`+c)
	}
	return s
}

// markup is what would start a tag or an entity. Quotes are left as they are: a cell
// is no attribute, and people read these files as text, too.
var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// flat is a text on one line, without what would rearrange it.
func flat(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(s, "?")))
}

// csv writes the tables one after another, each with its title on a line of its
// own, after the mark by which spreadsheets know UTF-8. A cell that would be taken
// for a formula has an apostrophe before it (OWASP, CSV injection).
func (d Document) csv() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	lines := [][]string{{d.Title.ZH, d.Title.EN}, {"城市 city", d.City.ZH, d.City.EN}, {"规则版本 rules", d.Rules}, {"制表日期 date", d.At}}
	for _, s := range d.Basis {
		lines = append(lines, []string{"依据 basis", s})
	}
	for _, s := range d.Notes {
		lines = append(lines, []string{"说明 note", s})
	}
	for _, t := range d.Tables {
		lines = append(lines, []string{""}, []string{t.Title.ZH, t.Title.EN})
		var names []string
		for _, c := range t.Columns {
			names = append(names, c.ZH+" "+c.EN)
		}
		lines = append(append(lines, names), t.Rows...)
	}
	for _, line := range lines {
		safe := make([]string, len(line))
		for i, s := range line {
			safe[i] = inert(s)
		}
		if err := w.Write(safe); err != nil {
			return nil, fmt.Errorf("writing a report: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func inert(s string) string {
	s = flat(s)
	if s != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

// date is a day as it stands in reports, empty of the zero instant.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return calendar.DateOf(t).String()
}

// last is the last day of a term whose end is 24:00.
func last(end time.Time) string {
	if end.IsZero() {
		return ""
	}
	return date(end.Add(-time.Second))
}

func yes(b bool) string {
	if b {
		return "是 yes"
	}
	return "否 no"
}

func names(pairs ...string) []profile.Name {
	var all []profile.Name
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, profile.Name{ZH: pairs[i], EN: pairs[i+1]})
	}
	return all
}
