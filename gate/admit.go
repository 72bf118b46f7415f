package gate

import (
	"fmt"
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/identifier"
	"github.com/yunei/yunei/jobs"
)

// maxTable bounds the table of a candidate in bytes.
const maxTable = 64 << 20

// Admit refuses the terms under which no sum could pass, whatever its values:
// so it says the same of them when they are applied for and when they have
// run. It looks at the terms only.
func Admit(terms jobs.Terms) error {
	if err := terms.Check(); err != nil {
		return fmt.Errorf("admitting terms: %w", err)
	}
	if terms.Verify != nil { // there is no output to judge
		return nil
	}
	for _, s := range texts(terms.Shape) {
		if jobs.CheckText(s) != nil || !norm.NFC.IsNormalString(s) {
			return fault.Refuse("shape-text", "house C02")
		}
	}
	if names(terms) {
		return fault.Refuse("output-identifier", "house C04")
	}
	if err := terms.Joinable(); err != nil {
		return err
	}
	p, err := Rules(terms)
	if err != nil {
		return err
	}
	if int64(terms.Shape.Cells()) > p.Cells || int64(tableSize(terms.Shape)) > min(maxTable, p.TableBytes) {
		return fault.Refuse("shape-size", "house C03")
	}
	return nil
}

// texts are those of a shape that a candidate shows.
func texts(s jobs.Shape) []string {
	var all []string
	for _, d := range s.Dims {
		d = shown(d)
		all = append(all, d.Title)
		all = append(all, d.Codes...)
		all = append(all, d.Labels...)
	}
	for _, m := range s.All() {
		all = append(all, titleOf(m))
	}
	return all
}

// shown is a dim with its name or code where a title or label is missing.
func shown(d jobs.Dim) jobs.Dim {
	if d.Title == "" {
		d.Title = d.Name
	}
	d.Labels = slices.Clone(d.Labels)
	for i, l := range d.Labels {
		if l == "" {
			d.Labels[i] = d.Codes[i]
		}
	}
	return d
}

func titleOf(m jobs.Measure) string {
	if m.Title == "" {
		return m.Name
	}
	return m.Title
}

// tableSize bounds the bytes of a shape's CSV: each code and label stands in
// every row of its own, quoted at worst, and a value has at most 20 digits.
func tableSize(s jobs.Shape) int {
	cells := s.Cells()
	size := (cells + 1) * 21 * (1 + len(s.Measures))
	for _, d := range s.Dims {
		text := 0
		for i, code := range d.Codes {
			text += 2*(len(code)+max(len(d.Labels[i]), len(code))) + 6
		}
		size += cells / len(d.Codes) * text
	}
	return size
}

// names reports whether anything that an operator typed, and that leaves or
// could, names one person or body: what a candidate shows, the names of permit,
// scenario, purpose and program, the recipients, and the parameters.
func names(t jobs.Terms) bool {
	for _, s := range Typed(t) {
		if _, found := identifier.Find(s); found {
			return true
		}
	}
	_, found := identifier.FindBytes(t.Params)
	return found
}

// Typed are all texts of the terms that an operator typed: what a domain holds
// against its own identifier columns.
func Typed(t jobs.Terms) []string {
	typed := append(texts(t.Shape), t.ID, t.Scenario, t.Purpose, t.Program.Name)
	return append(append(typed, t.Recipients...), string(t.Params))
}
