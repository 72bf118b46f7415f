// Package city makes the rows of a city that does not exist: a year (2025) of
// medical insurance settlements in two domains, a for employees (职工医保) and
// b for residents (居民医保), and b's register of employment. Its shape is that
// of Guiyang, with the district codes of GB/T 2260 and two districts made much
// smaller than they are, so that small cells occur. Costs have heavy tails,
// employers dominate their sectors, values are missing and identifiers are
// wrong in the ways that real ones are: what a naive output check overlooks.
//
// One seed gives the same bytes on every machine: all arithmetic is on
// integers, because floating point may be fused differently from one
// processor to the next. The rows are written day by day and only the people
// are held in memory. As the generator knows who is who, it also writes what
// the answers are (truth.json), which no domain could. No row describes a
// person; an identifier that happens to be someone's was drawn by chance.
package city

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/yunei/yunei/fault"
)

// maxPeople bounds the memory that a build takes (about 200 bytes a person).
const maxPeople = 5_000_000

// Options say which city to build.
type Options struct {
	People int    // inhabitants, up to 5,000,000; 0 builds none, for Tiny alone
	Seed   uint64 // same seed, same bytes
	Dir    string // is made; files of the same names are replaced
	Bounds Bounds // those of the bounded truths; zero means DefaultBounds
	Tiny   bool   // also write tiny/settlement.csv, which is malformed
}

// Bounds limit what one unit contributes to the bounded truths: the cells that
// count, in canonical order, and in each of them the visits and the cost.
type Bounds struct {
	Cells   int   `json:"cells"`
	Visits  int64 `json:"visits"`
	CostFen int64 `json:"cost_fen"`
}

// DefaultBounds are those of the study that the stories run.
var DefaultBounds = Bounds{Cells: 2, Visits: 50, CostFen: 5_000_000}

// Build writes the city below o.Dir and returns its truth, the zero Truth if
// there are no people:
//
//	a/settlement.csv b/settlement.csv b/employment.csv
//	codes/{district,hospital,diagnosis_group,sector}.json
//	schema/{settlement,employment}.json
//	truth.json
//
// Options that make no sense are fault.Invalid.
func Build(o Options) (Truth, error) {
	if o.Bounds == (Bounds{}) {
		o.Bounds = DefaultBounds
	}
	if o.People < 0 || o.People > maxPeople || o.People == 0 && !o.Tiny || o.Dir == "" ||
		o.Bounds.Cells < 1 || o.Bounds.Visits < 1 || o.Bounds.CostFen < 1 {
		return Truth{}, fmt.Errorf("reading the options of the city: %w", fault.Invalid)
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return Truth{}, fmt.Errorf("making the folder of the city: %w", err)
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return Truth{}, fmt.Errorf("opening the folder of the city: %w", err)
	}
	defer func() { _ = root.Close() }() // nothing is written through it any more
	if o.Tiny {
		if err := write(root, "tiny/settlement.csv", Malformed); err != nil {
			return Truth{}, err
		}
	}
	if o.People == 0 {
		return Truth{}, nil
	}
	return build(root, o)
}

func build(root *os.Root, o Options) (Truth, error) {
	truth := Truth{People: o.People, Seed: o.Seed, Reference: "2025-12", Bounds: o.Bounds, Bands: bandNames[:]}
	for _, d := range districts {
		truth.Districts = append(truth.Districts, d.Code)
	}
	if err := lists(root); err != nil {
		return Truth{}, err
	}
	people, employers := settle(o.People, o.Seed)
	tally := newTally(len(people))
	err := write(root, "a/settlement.csv", func(a io.Writer) error {
		return write(root, "b/settlement.csv", func(b io.Writer) error {
			return settlements(people, o.Seed, [2]io.Writer{a, b}, tally)
		})
	})
	if err != nil {
		return Truth{}, err
	}
	tally.fill(&truth, people)
	err = write(root, "b/employment.csv", func(w io.Writer) error {
		truth.Employment, err = employment(people, employers, o.Seed, w)
		return err
	})
	if err != nil {
		return Truth{}, err
	}
	return truth, write(root, "truth.json", jsonOf(truth))
}

// write makes the file name, and its folder, and lets fill write it.
func write(root *os.Root, name string, fill func(io.Writer) error) (err error) {
	if err := root.MkdirAll(path.Dir(name), 0o750); err != nil {
		return fmt.Errorf("making the folder of %s: %w", name, err)
	}
	f, err := root.Create(name)
	if err != nil {
		return fmt.Errorf("making %s: %w", name, err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("closing %s: %w", name, cerr)
		}
	}()
	w := bufio.NewWriterSize(f, 1<<18)
	if err := fill(w); err != nil {
		return fmt.Errorf("filling %s: %w", name, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func jsonOf(v any) func(io.Writer) error {
	return func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(v)
	}
}
