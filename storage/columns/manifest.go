package columns

import (
	"fmt"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Manifest is what an ingest has to say about a version.
type Manifest struct {
	Public  Public  `json:"public"`
	Profile Profile `json:"profile"`
}

// Public is the part that the catalogue shows. The size of a version is public
// by definition of the guarantee; the number of shards follows from it.
type Public struct {
	Schema suite.Digest `json:"schema"`
	Rows   int          `json:"rows"` // kept
	Shards int          `json:"shards"`
}

// A Profile is for the provider alone: one person's extreme would show in it.
type Profile struct {
	Units    int             `json:"units"`
	SetAside map[string]int  `json:"set_aside"` // rows without a valid unit, by reason
	Columns  []ColumnProfile `json:"columns"`
}

// A ColumnProfile counts the missing cells of a column, and gives the range of
// the others for numbers, dates and months.
type ColumnProfile struct {
	Name    string `json:"name"`
	Missing int    `json:"missing"`
	Min     string `json:"min,omitempty"`
	Max     string `json:"max,omitempty"`
}

// The reasons to set a row aside that are not an identifier's broken rule
// (package ident words those).
const (
	AsideMissing = "missing"
	AsideUnborn  = "born after the day of delivery"
)

// MaxMistakes is how many mistakes are gathered before an ingest gives up.
const MaxMistakes = 20

// A Mistake is one rule that the CSV breaks. Line counts from 1, the header's.
type Mistake struct {
	Line   int    `json:"line"`
	Column string `json:"column,omitempty"`
	Rule   string `json:"rule"`
}

// Mistakes are why a file was refused: the first MaxMistakes of them. It is an
// error of kind Invalid.
type Mistakes []Mistake

// Error lists the mistakes in one sentence.
func (m Mistakes) Error() string {
	var b strings.Builder
	for i, x := range m {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "line %d", x.Line)
		if x.Column != "" {
			b.WriteString(", column " + x.Column)
		}
		b.WriteString(": " + x.Rule)
	}
	if len(m) == MaxMistakes {
		b.WriteString("; and no further line was read")
	}
	return b.String()
}

// Unwrap says that the kind is Invalid.
func (m Mistakes) Unwrap() error { return fault.Invalid }
