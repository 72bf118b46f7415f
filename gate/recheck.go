package gate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
)

// What a gate said of a sum can be said again by whoever has what the domains
// went by: Protect and Judge are pure, so that the same evidence under the same
// terms gives the same candidate and the same record, to the byte. What no
// evidence shows is what a domain's register of earlier releases found: that
// stays the domain's word, and Recheck says so.

// testimonyFormat begins the spelling of a testimony.
const testimonyFormat = "yunei testimony v1\n"

// Testify is what a domain goes by in a run of mode sdc, in one spelling: its
// evidence, and what its register found. The domain commits to it, and keeps
// it sealed.
func Testify(table *evidence.Table, found Found) []byte {
	word := byte(0)
	if found.Refuse {
		word |= 1
	}
	if found.Review {
		word |= 2
	}
	raw := append([]byte(testimonyFormat), word)
	raw = binary.AppendUvarint(raw, uint64(len(found.Hide)))
	for _, i := range found.Hide {
		raw = binary.AppendUvarint(raw, uint64(i)) //nolint:gosec // an item
	}
	return append(raw, table.Bytes()...)
}

// ParseTestimony reads what Testify wrote. Every error is of kind Invalid.
func ParseTestimony(raw []byte) (*evidence.Table, Found, error) {
	rest, ok := bytes.CutPrefix(raw, []byte(testimonyFormat))
	if !ok || len(rest) == 0 || rest[0] > 3 {
		return nil, Found{}, fmt.Errorf("reading a testimony: another format: %w", fault.Invalid)
	}
	found := Found{Refuse: rest[0]&1 != 0, Review: rest[0]&2 != 0}
	rest = rest[1:]
	n, width := binary.Uvarint(rest)
	for left := n; width > 0; left-- {
		if rest = rest[width:]; left == 0 {
			break
		}
		var item uint64
		if item, width = binary.Uvarint(rest); width > 0 && item < jobs.MaxItems {
			found.Hide = append(found.Hide, int32(item))
		} else {
			width = 0
		}
	}
	if width <= 0 {
		return nil, Found{}, fmt.Errorf("reading a testimony: items: %w", fault.Invalid)
	}
	table, err := evidence.Parse(rest)
	if err != nil {
		return nil, Found{}, fmt.Errorf("reading a testimony: %w", err)
	}
	return table, found, nil
}

// An Agreement is what making a check again came to. The zero Agreement is
// that it was not made.
type Agreement string

// The agreements.
const (
	Agrees    Agreement = "agrees"
	Differs   Agreement = "differs"
	Underived Agreement = "not-rederivable" // it rests on somebody's word, or evidence is missing
)

// A Remade check is one of the record's, beside what it comes to again.
type Remade struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Recorded Status    `json:"recorded"`
	Derived  Status    `json:"derived,omitempty"`
	Comes    Agreement `json:"comes"`
}

// A Part is what one domain's evidence says by itself.
type Part struct {
	Flagged int   `json:"flagged"` // items that its own units make unsafe
	Shown   []int `json:"shown"`   // those of them that the candidate shows: none, if the gate was honest
	Refused bool  `json:"refused"` // what its register found, on its word
	Doubted bool  `json:"doubted"`
}

// A Recheck is a record held against what the domains went by.
type Recheck struct {
	Parts     []Part    `json:"parts"` // in the order of the testimonies
	Whole     bool      `json:"whole"` // every member's testimony was at hand
	Checks    []Remade  `json:"checks"`
	Items     []int     `json:"items"`     // that are hidden, or shown, otherwise than they come to again
	Candidate Agreement `json:"candidate"` // byte for byte
	Record    Agreement `json:"record"`    // byte for byte
}

// Holds reports whether nothing was found to differ.
func (r Recheck) Holds() bool {
	for _, p := range r.Parts {
		if len(p.Shown) > 0 {
			return false
		}
	}
	for _, c := range r.Checks {
		if c.Comes == Differs {
			return false
		}
	}
	return len(r.Items) == 0 && r.Candidate != Differs && r.Record != Differs
}

// words are the checks of which a domain's register, its identifier columns or
// its way of reading identifiers is the only witness.
var words = map[string]bool{"C04": true, "C06": true, "C25": true, "C26": true, "C27": true}

// Again makes the gate's candidate and record of a run of mode sdc again from
// the testimonies of the members, which the caller has held against what each
// committed to, and holds them against what the gate made. Without every
// member's it says of each domain at hand whether what it flagged is hidden,
// and of the rest that it cannot be derived. An error is of kind Invalid:
// something is not what it should be the spelling of, or of kind Denied: there
// is no evidence in a mode with noise.
func Again(terms jobs.Terms, run string, candidate, record []byte, testimonies [][]byte) (Recheck, error) {
	if terms.Mode != jobs.SDC {
		return Recheck{}, fmt.Errorf("checking again: mode %q goes by no evidence: %w", terms.Mode, fault.Denied)
	}
	c, err := jobs.ParseCandidate(candidate)
	if err != nil {
		return Recheck{}, fmt.Errorf("checking again: %w", err)
	}
	said, err := ParseRecord(record)
	if err != nil {
		return Recheck{}, fmt.Errorf("checking again: %w", err)
	}
	if said.Terms != terms.Digest() || c.Terms != said.Terms || c.Items() != terms.Shape.Items() || len(testimonies) > len(terms.Members) {
		return Recheck{}, fmt.Errorf("checking again: not of these terms: %w", fault.Invalid)
	}
	p, err := Rules(terms)
	if err != nil {
		return Recheck{}, err
	}
	r := Recheck{Whole: len(testimonies) == len(terms.Members), Candidate: Underived, Record: Underived}
	opened := make([]int64, terms.Slots())
	for _, raw := range testimonies {
		part, err := testify(terms, p, raw, opened)
		if err != nil {
			return Recheck{}, fmt.Errorf("checking again: %w", err)
		}
		r.Parts = append(r.Parts, part.against(c))
	}
	if !r.Whole {
		r.compare(said, nil)
		return r, nil
	}
	return r, r.derive(terms, run, c, said, candidate, record, opened)
}

// derive judges the sum and compares.
func (r *Recheck) derive(terms jobs.Terms, run string, c jobs.Candidate, said Record, candidate, record []byte, opened []int64) error {
	again, made, err := Judge(terms, opened)
	if err != nil {
		return fmt.Errorf("checking again: %w", err)
	}
	if again, err = again.ForRun(run); err != nil {
		return fmt.Errorf("checking again: %w", err)
	}
	for i := range c.Items() {
		if shows(c, i) != shows(again, i) {
			r.Items = append(r.Items, i)
		}
	}
	r.compare(said, &made)
	r.Candidate, r.Record = alike(candidate, again.Bytes()), alike(record, made.Bytes())
	return nil
}

func shows(c jobs.Candidate, item int) bool {
	cell, _ := c.Item(item)
	return cell != nil
}

func alike(a, b []byte) Agreement {
	if bytes.Equal(a, b) {
		return Agrees
	}
	return Differs
}

// compare puts each check beside what it came to again. A check whose word is
// not the evidence's still differs if the gate did not pass the word on.
func (r *Recheck) compare(said Record, made *Record) {
	for i, c := range said.Checks {
		remade := Remade{ID: c.ID, Name: c.Name, Recorded: c.Status, Comes: Underived}
		if made != nil {
			remade.Derived = made.Checks[i].Status
			switch {
			case c.Status != remade.Derived:
				remade.Comes = Differs
			case !words[c.ID] && c.Status != NotPerformed:
				remade.Comes = Agrees
			}
		}
		r.Checks = append(r.Checks, remade)
	}
}

// A flagging is one domain's judgement of its own units.
type flagging struct {
	flags []int64
	found Found
}

// testify adds to opened what a domain of that testimony seals.
func testify(terms jobs.Terms, p params.Parameters, raw []byte, opened []int64) (flagging, error) {
	table, found, err := ParseTestimony(raw)
	if err != nil {
		return flagging{}, err
	}
	own, err := evidence.New(terms.Shape.Lists(), terms.Shape.Cells(), len(terms.Shape.Measures))
	if err != nil {
		return flagging{}, err
	}
	if err := own.Merge(table); err != nil {
		return flagging{}, err // of another shape
	}
	cube := jobs.NewCube(terms.Shape, terms.Pairs())
	cells := terms.Shape.Cells()
	for i := range cells {
		item := own.Item(i)
		cube.Values[i] = item.Units
		for m, d := range item.Measures {
			cube.Values[(m+1)*cells+i] = d.Sum
		}
	}
	// Which numbers flags are blinded with decides nothing.
	part, err := protect(terms, p, cube, own, found, rand.NewChaCha8([32]byte{}))
	if err != nil {
		return flagging{}, err
	}
	for i, v := range part {
		opened[i] += v
	}
	flags := evidence.Flags(evidence.Judge(own, p), own.Items())
	for _, i := range found.Hide {
		if int(i) < len(flags) {
			flags[i] = 1
		}
	}
	return flagging{flags, found}, nil
}

func (f flagging) against(c jobs.Candidate) Part {
	part := Part{Refused: f.found.Refuse, Doubted: f.found.Review}
	for i, flag := range f.flags {
		if flag == 0 {
			continue
		}
		part.Flagged++
		if shows(c, i) {
			part.Shown = append(part.Shown, i)
		}
	}
	return part
}
