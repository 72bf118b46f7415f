package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

const (
	fileFormat = "yunei case v1"
	// maxFile bounds a case's file in bytes.
	maxFile = 16 << 20
)

type (
	// A File is one case as one file, for whoever asks for evidence. It holds
	// the events themselves; everything else in it follows from them and from
	// who held which key.
	File struct {
		Format  string                    `json:"format"`
		Case    string                    `json:"case"`
		Table   Table                     `json:"table"`
		Profile Profile                   `json:"profile"`
		People  []Named                   `json:"people"`
		Orgs    map[string]governance.Org `json:"orgs"`
		Events  []json.RawMessage         `json:"events"` // envelopes
		Digests []suite.Digest            `json:"digests"`
		Head    suite.Digest              `json:"head"`
		Stage   string                    `json:"stage"`
		Outcome Outcome                   `json:"outcome"`
		Docs    []Ref                     `json:"docs"` // everything that was handed in or filed
	}
	// Named is who held a key, as the register had it.
	Named struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Org      string          `json:"org"`
		Role     governance.Role `json:"role"`
		Key      suite.PublicKey `json:"key"`
		NotAfter time.Time       `json:"not_after"`
	}
)

// Export makes the file of a case, with those of the register's people and
// organisations that acted or have a part in it.
func Export(c *Case, g governance.Register) ([]byte, error) {
	f := File{
		Format: fileFormat, Case: c.id, Table: c.table, Profile: c.opening.Profile, Orgs: map[string]governance.Org{},
		Head: c.head, Stage: c.stage, Docs: c.docs(),
	}
	f.Outcome, _ = c.Outcome()
	acted := map[string]bool{}
	for i, h := range c.history {
		acted[h.who.ID] = true
		f.Orgs[h.who.Org] = g.Orgs[h.who.Org]
		f.Events = append(f.Events, c.events[i].Bytes())
		f.Digests = append(f.Digests, c.events[i].Digest())
	}
	for _, orgs := range c.opening.Parties {
		for _, org := range orgs {
			f.Orgs[org] = g.Orgs[org]
		}
	}
	for _, id := range slices.Sorted(maps.Keys(acted)) {
		u := g.Users[id]
		f.People = append(f.People, Named{u.ID, u.Name, u.Org, u.Role, u.Key, u.NotAfter.UTC()})
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("exporting case %s: %w", c.id, err)
	}
	return raw, nil
}

// docs are the digests of everything that the case names.
func (c *Case) docs() []Ref {
	all := []Ref{}
	for _, h := range c.history {
		all = append(all, h.Refs...)
		if h.Act == Filed {
			all = append(all, Ref{h.Filing.Name, h.Filing.Digest})
		}
	}
	return all
}

// ParseFile reads a case's file, in its one spelling, and believes nothing of it.
func ParseFile(raw []byte) (File, error) {
	var f File
	if len(raw) > maxFile {
		return f, fmt.Errorf("reading a case's file: %d bytes: %w", len(raw), fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return File{}, fmt.Errorf("reading a case's file: not our JSON: %w", fault.Invalid)
	}
	again, err := json.Marshal(f)
	if err != nil || !bytes.Equal(again, raw) || f.Format != fileFormat || len(f.Events) > maxEvents {
		return File{}, fmt.Errorf("reading a case's file: not in its one spelling: %w", fault.Invalid)
	}
	return f, nil
}

// Register is who the file says held which keys. Whoever takes it for the truth
// learns that the case follows from those keys' signatures; whether they were
// these people's is for the directory that the bureau publishes.
func (f File) Register() governance.Register {
	g := governance.Register{Orgs: f.Orgs, Users: map[string]governance.User{}}
	for _, n := range f.People {
		g.Users[n.ID] = governance.User{ID: n.ID, Name: n.Name, Org: n.Org, Role: n.Role, Key: n.Key, NotAfter: n.NotAfter}
	}
	return g
}

// Verify reads a case's file, checks every signature, folds the events anew by
// the rules given and compares what comes out with what the file says. It needs
// nothing but the file and the rules. A procedure that the rules do not hold is
// not taken from the file.
func (r Rules) Verify(raw []byte) (*Case, error) {
	f, err := ParseFile(raw)
	if err != nil {
		return nil, err
	}
	var events []receipt.Receipt
	var digests []suite.Digest
	for i, e := range f.Events {
		rec, err := receipt.Parse(e)
		if err != nil {
			return nil, fmt.Errorf("verifying case %s: event %d: %w", f.Case, i+1, err)
		}
		events, digests = append(events, rec), append(digests, rec.Digest())
	}
	c, err := r.Fold(f.Case, events)
	if err != nil {
		return nil, fmt.Errorf("verifying case %s: %w", f.Case, err)
	}
	outcome, _ := c.Outcome()
	if c.head != f.Head || c.stage != f.Stage || outcome != f.Outcome || f.Profile != c.opening.Profile || f.Table.Digest() != c.table.Digest() ||
		!slices.Equal(digests, f.Digests) || !slices.Equal(c.docs(), f.Docs) {
		return nil, fmt.Errorf("verifying case %s: the file says other than its events: %w", f.Case, fault.Tampered)
	}
	return c, nil
}

// Failures counts for how many years in a row, up to the year given, an
// operator's yearly evaluations failed, and names the head of the last one that
// did: what the next evaluation has to name as its previous failure. Cases that
// are not ended, or of somebody else, do not count.
func Failures(cases []*Case, operator string, year int) (years int, last suite.Digest) {
	for ; ; year-- {
		i := slices.IndexFunc(cases, func(c *Case) bool {
			o, _ := c.Outcome()
			return c != nil && c.opening.Kind == "evaluate.yearly" && c.opening.Year == year && slices.Contains(c.opening.Parties[Operator], operator) &&
				(o == Refused || o == Adverse)
		})
		if i < 0 {
			return years, last
		}
		if years++; years == 1 {
			last = cases[i].head
		}
	}
}
