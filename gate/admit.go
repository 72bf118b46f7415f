package gate

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
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
	for _, s := range texts(terms.Shape) {
		if jobs.CheckText(s) != nil || !norm.NFC.IsNormalString(s) {
			return fault.Refuse("shape-text", "house C02")
		}
		if identifies(s) {
			return fault.Refuse("output-identifier", "house C04")
		}
	}
	if tableSize(terms.Shape) > maxTable {
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

// identifies reports whether a text holds what points at one person or body:
// a citizen number (GB 11643), a unified social credit code (GB 32100), a
// mobile number or a bank card number, full-width digits included.
func identifies(s string) bool {
	for _, word := range strings.FieldsFunc(narrow(s), func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		for i := 0; i+18 <= len(word); i++ {
			if person(word[i:i+18]) || body(word[i:i+18]) {
				return true
			}
		}
		if len(word) == 15 && person(word) || mobile(word) || card(word) {
			return true
		}
	}
	return false
}

// narrow turns the full-width forms of ASCII (U+FF01 to U+FF5E) into ASCII.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			return r - 0xfee0
		}
		return r
	}, s)
}

func person(s string) bool {
	_, err := ident.Person(s)
	return err == nil
}

func body(s string) bool {
	_, err := ident.Body(s)
	return err == nil
}

func mobile(s string) bool {
	return len(s) == 11 && s[0] == '1' && s[1] >= '3' && digits(s)
}

// card reports whether s is a bank card number (ISO/IEC 7812-1: Luhn).
func card(s string) bool {
	if len(s) < 16 || len(s) > 19 || !digits(s) {
		return false
	}
	sum := 0
	for i := range s {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
