package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Mode says how an output is protected. The zero Mode protects nothing and
// is refused.
type Mode string

// The modes. Modes dp and sdc+dp hold for any program (Promise 1); mode sdc for
// a program under a named source review only (Promise 2).
const (
	SDC  Mode = "sdc"    // exact sums, disclosure control
	DP   Mode = "dp"     // discrete Gaussian noise drawn in every domain, zCDP
	Both Mode = "sdc+dp" // as dp; cells whose noisy count is small are not shown
)

// Noisy reports whether every cell has noise before anything is opened, so
// that nothing may be decided on exact data.
func (m Mode) Noisy() bool { return m == DP || m == Both }

// A Signer is an organisation and the key its officer holds outside the
// platform.
type Signer struct {
	Org string          `json:"org"`
	Key suite.PublicKey `json:"key"`
}

// A Process is a daemon and its own key.
type Process struct {
	Name string          `json:"name"`
	Key  suite.PublicKey `json:"key"`
}

// A Program is a WASM module, named by digest.
type Program struct {
	Name   string       `json:"name"`
	Digest suite.Digest `json:"digest"`
	Size   int          `json:"size"`
	Review *Review      `json:"review,omitempty"` // mode sdc demands one
}

// A Review names who has read the source that the digest was rebuilt from.
type Review struct {
	Reviewer string       `json:"reviewer"`
	Source   suite.Digest `json:"source"`
	Report   string       `json:"report"`
}

// A Member is a domain that takes part: its data, who decides on them, and
// which process obeys.
type Member struct {
	Domain   string       `json:"domain"`
	Provider Signer       `json:"provider"`
	Site     Process      `json:"site"`
	Dataset  string       `json:"dataset"`
	Version  string       `json:"version"`
	Schema   suite.Digest `json:"schema"`
	Columns  []string     `json:"columns"` // what the guest gets, in this order
	Budget   Budget       `json:"budget"`
	Grade    int          `json:"grade,omitempty"` // of the dataset, 1 to 4, as its provider says; 0 is none
}

// A Budget is the cap of one domain's journal for the unit namespace, in rho,
// as an exact fraction "a/b". It belongs to all permits of the namespace.
type Budget struct {
	Rho string `json:"rho"`
}

// Rat reads the cap; "" is 0.
func (b Budget) Rat() (*big.Rat, error) {
	if b.Rho == "" {
		return new(big.Rat), nil
	}
	if len(b.Rho) > 64 || !rhoRE.MatchString(b.Rho) {
		return nil, fmt.Errorf("budget: not a fraction: %w", fault.Invalid)
	}
	r, ok := new(big.Rat).SetString(b.Rho)
	if !ok {
		return nil, fmt.Errorf("budget: a fraction of nothing: %w", fault.Invalid)
	}
	return r, nil
}

// rhoRE lets no exponent through, which big.Rat would work on as long as it asks.
var rhoRE = regexp.MustCompile(`^[0-9]+([./][0-9]+)?$`)

// Trustees hold the shares of a run's key; any Quorum of them open.
type Trustees struct {
	Members []Process `json:"members"`
	Quorum  int       `json:"quorum"`
}

// Gate is the process that opens, and what vouches for it.
type Gate struct {
	Process
	Evidence Evidence `json:"evidence"`         // software, tpm2: its administrator could read an exact sum
	Policy   *Policy  `json:"policy,omitempty"` // by which the evidence is judged; none for software
}

// BothEngines has each domain run the program on two unrelated engines, in
// jails of their own, and seal its part only if the cubes agree.
const BothEngines = "both"

// Terms are everything that the parties decide on. Every decision signs their
// digest; nothing outside them is obeyed.
type Terms struct {
	ID        string   `json:"id"`
	Scenario  string   `json:"scenario"`
	Purpose   string   `json:"purpose"` // code
	Operator  Signer   `json:"operator"`
	Bureau    Signer   `json:"bureau"`
	Program   Program  `json:"program"`
	Params    []byte   `json:"params"`
	Members   []Member `json:"members"`
	KMin      int      `json:"k_min"` // fewest domains in an opened sum
	Shape     Shape    `json:"shape"`
	Mode      Mode     `json:"mode"`
	Threshold int64    `json:"threshold"`         // modes sdc, sdc+dp: fewest units of a domain in a shown cell
	Profile   string   `json:"profile,omitempty"` // whose rules the gate goes by; "" is its own
	Corrupt   int      `json:"corrupt,omitempty"` // noisy modes: member domains whose noise is not counted on; 0 is all but one
	Limits    Limits   `json:"limits"`
	Engines   string   `json:"engines,omitempty"` // "": one; BothEngines: two must agree
	Due       Slots    `json:"slots"`             // when a domain's part may appear
	Trustees  Trustees `json:"trustees"`
	// Protection says how the members' parts are added; Prio3 needs Prio.
	Protection Protection `json:"protection,omitempty"`
	Prio       *Prio      `json:"prio,omitempty"`
	Gate       Gate       `json:"gate"`
	// Coordinator relays; its key decides nothing. Desk is where the gate
	// sends a candidate for the people who vote.
	Coordinator Process      `json:"coordinator"`
	Desk        suite.BoxKey `json:"desk"`
	Uses        int          `json:"uses"`     // runs, at most
	Checkers    []Signer     `json:"checkers"` // who may vote; two must
	Recipients  []string     `json:"recipients"`
	NotBefore   time.Time    `json:"not_before"`
	NotAfter    time.Time    `json:"not_after"`
	Join        *Join        `json:"join,omitempty"`   // instead of a program
	Verify      *Verify      `json:"verify,omitempty"` // instead of either
	// Under is whose rules and which cases the terms rest on.
	Under *Under `json:"under,omitempty"`
}

// Votes is how many different output checkers must approve.
const Votes = 2

const (
	maxTerms   = 512 << 10
	maxMembers = 50
	maxColumns = 64
	maxParams  = 4 << 10
	maxProgram = 16 << 20
	minCell    = 3
	maxSlots   = 1 << 20 // what a trustee's one answer is reckoned for (enclave/he)
)

var idRE = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// ID checks a name that stands in subjects and object names: lower-case
// letters, digits and hyphens.
func ID(s string) error {
	if !idRE.MatchString(s) {
		return fmt.Errorf("not a name of lower-case letters, digits and hyphens: %w", fault.Invalid)
	}
	return nil
}

// ParseTerms reads and checks terms. Every error is of kind Invalid.
func ParseTerms(raw []byte) (Terms, error) {
	var t Terms
	if len(raw) > maxTerms {
		return Terms{}, fmt.Errorf("reading terms: %d bytes: %w", len(raw), fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return Terms{}, fmt.Errorf("reading terms: %w: %w", err, fault.Invalid)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Terms{}, fmt.Errorf("reading terms: more after the end: %w", fault.Invalid)
	}
	if err := t.Check(); err != nil {
		return Terms{}, fmt.Errorf("reading terms: %w", err)
	}
	return t, nil
}

// Digest names the terms. Their one spelling is json.Marshal's.
func (t Terms) Digest() suite.Digest { return suite.DigestOf(t.Bytes()) }

// Bytes is the one spelling of the terms.
func (t Terms) Bytes() []byte {
	b, err := json.Marshal(t)
	if err != nil {
		panic("jobs: terms cannot be marshalled: " + err.Error()) // plain data only
	}
	return b
}

// Pairs is D: how many (domain, dataset) pairs one unit may stand in. None is
// taken to be disjoint of another.
func (t Terms) Pairs() int { return len(t.Members) }

// Honest is m: how many members' noise the accountant counts on, of all that
// each of them adds.
func (t Terms) Honest() int {
	if t.Corrupt == 0 {
		return 1
	}
	return len(t.Members) - t.Corrupt
}

// Rho is what one run costs in every member's journal.
func (t Terms) Rho() (*big.Rat, error) { return t.Shape.Rho(t.Pairs(), t.Honest()) }

// Peaks reports whether a site seals the largest contribution to each cell and
// measure: without totals no sum of hidden cells can be had that would need
// it.
func (t Terms) Peaks() bool { return t.Mode == SDC && len(t.Shape.Margins) > 0 && t.Join == nil }

// Slots is the length of the vector that a site seals: the cube, and in mode
// sdc a flag for each item, the peaks if there are any, and what the domain's
// register of earlier releases says: one slot to refuse, one to ask people.
func (t Terms) Slots() int {
	if len(t.Shape.Dims) > MaxDims || len(t.Shape.Margins) > MaxMargins {
		return maxSlots + 1 // Check refuses them; nothing is worth counting
	}
	cube := t.Shape.Cells() * (1 + len(t.Shape.Measures))
	if t.Mode != SDC || t.Join != nil { // of a join there is nothing but the cube
		return cube
	}
	n := cube + t.Shape.Items() + 2
	if t.Peaks() {
		n += t.Shape.Cells() * len(t.Shape.Measures)
	}
	return n
}

// Member returns the member of the domain.
func (t Terms) Member(domain string) (Member, bool) {
	for _, m := range t.Members {
		if m.Domain == domain {
			return m, true
		}
	}
	return Member{}, false
}

// Check reports what is wrong with the terms, all of it, as errors of kind
// Invalid.
func (t Terms) Check() error {
	errs := []error{t.checkNames(), t.checkMembers(), t.checkCommittee(), t.Gate.check(), t.Under.check()}
	switch {
	case t.Verify != nil:
		errs = append(errs, t.checkVerify())
	case t.Join != nil:
		errs = append(errs, t.checkMode(), t.Shape.Check(), t.checkProtection(), t.checkJoin())
	default:
		errs = append(errs, t.checkMode(), t.Shape.Check(), t.checkProtection(), t.Limits.Check())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", err, fault.Invalid)
	}
	return nil
}

func (t Terms) checkNames() error {
	var errs []error
	for name, id := range map[string]string{"id": t.ID, "scenario": t.Scenario, "purpose": t.Purpose, "gate": t.Gate.Name, "operator": t.Operator.Org, "bureau": t.Bureau.Org} {
		if !idRE.MatchString(id) {
			errs = append(errs, fmt.Errorf("%s: want lower-case letters, digits and hyphens", name))
		}
	}
	for _, at := range []time.Time{t.NotBefore, t.NotAfter} {
		// An offset that JSON lets in and does not let out again would have no
		// one spelling, and no digest.
		if _, offset := at.Zone(); offset != 0 || at.Year() < 0 || at.Year() > 9999 {
			errs = append(errs, errors.New("not_before, not_after: want times in UTC, such as 2027-03-01T00:00:00Z"))
		}
	}
	if !t.NotBefore.Before(t.NotAfter) {
		errs = append(errs, errors.New("not_before must be before not_after"))
	}
	if t.Uses < 1 || t.Uses > 1000 {
		errs = append(errs, errors.New("uses: want 1 to 1000"))
	}
	if t.HasProgram() && (t.Program.Digest.Hex() == "" || t.Program.Size < 8 || t.Program.Size > maxProgram) {
		errs = append(errs, errors.New("program: want a sha256 digest and a size of at most 16 MiB"))
	}
	if len(t.Params) > maxParams {
		errs = append(errs, fmt.Errorf("params: more than %d bytes", maxParams))
	}
	if t.Profile != "" && !idRE.MatchString(t.Profile) {
		errs = append(errs, errors.New("profile: want lower-case letters, digits and hyphens"))
	}
	if t.Slots() > maxSlots {
		errs = append(errs, fmt.Errorf("shape: %d slots are sealed, more than %d", t.Slots(), maxSlots))
	}
	return errors.Join(errs...)
}

func (t Terms) checkMembers() error {
	if len(t.Members) < 1 || len(t.Members) > maxMembers || t.KMin < 1 || t.KMin > len(t.Members) {
		return fmt.Errorf("members: want 1 to %d, and k_min among them", maxMembers)
	}
	seen := map[string]bool{}
	var errs []error
	for _, m := range t.Members {
		if !idRE.MatchString(m.Domain) || !idRE.MatchString(m.Dataset) || !idRE.MatchString(m.Version) || m.Site.Name != "site-"+m.Domain {
			errs = append(errs, errors.New("members: a domain, dataset, version or site is not named as it should be"))
		}
		for _, once := range []string{"domain " + m.Domain, "key " + string(m.Site.Key), "provider " + string(m.Provider.Key)} {
			if seen[once] {
				errs = append(errs, fmt.Errorf("members: %s stands twice", once))
			}
			seen[once] = true
		}
		if len(m.Columns) == 0 && t.HasProgram() || len(m.Columns) > maxColumns {
			errs = append(errs, fmt.Errorf("members: %s: want 1 to %d columns", m.Domain, maxColumns))
		}
		if _, err := m.Budget.Rat(); err != nil {
			errs = append(errs, err)
		}
		if m.Grade < 0 || m.Grade > 4 {
			errs = append(errs, fmt.Errorf("members: %s: the grade is 1 to 4, or 0 for none", m.Domain))
		}
	}
	return errors.Join(errs...)
}

func (t Terms) checkCommittee() error {
	k := len(t.Trustees.Members)
	if k < 2 || k > 7 || t.Trustees.Quorum < 2 || t.Trustees.Quorum > k {
		return errors.New("trustees: want 2 to 7, and a quorum of at least 2")
	}
	if len(t.Checkers) < Votes {
		return fmt.Errorf("checkers: want at least %d", Votes)
	}
	// A party's name is its place on the board: two of one name would be one
	// party that counts as two.
	names := map[string]bool{}
	keys := map[suite.PublicKey]bool{"": true}
	all := []suite.PublicKey{t.Operator.Key, t.Bureau.Key}
	for _, p := range t.processes() {
		if !idRE.MatchString(p.Name) || names[p.Name] {
			return errors.New("processes: want names of their own, of lower-case letters, digits and hyphens")
		}
		names[p.Name] = true
		all = append(all, p.Key)
	}
	for _, m := range t.Members {
		all = append(all, m.Provider.Key)
	}
	for _, k := range all {
		if _, err := suite.ParsePublicKey(string(k)); err != nil || keys[k] {
			return errors.New("keys: one is missing or not a key, or two parties share one")
		}
		keys[k] = true
	}
	if err := t.Desk.Check(); err != nil {
		return fmt.Errorf("desk: %w", err)
	}
	return t.checkCheckers()
}

// processes lists the daemons that take part.
func (t Terms) processes() []Process {
	all := append([]Process{t.Gate.Process, t.Coordinator}, t.Trustees.Members...)
	for _, m := range t.Members {
		all = append(all, m.Site)
	}
	return all
}

// checkCheckers keeps those who vote apart from one another, from the operator
// and from every process: what a machine holds never votes.
func (t Terms) checkCheckers() error {
	taken := map[suite.PublicKey]bool{t.Operator.Key: true}
	for _, p := range t.processes() {
		taken[p.Key] = true
	}
	for _, c := range t.Checkers {
		if _, err := suite.ParsePublicKey(string(c.Key)); err != nil || taken[c.Key] {
			return errors.New("checkers: one has no key, stands twice, or is the operator or a process")
		}
		taken[c.Key] = true
	}
	return nil
}

// maxSlotBits bounds what the slots of all runs of a permit can tell together,
// outside any budget: a house value.
const maxSlotBits = 64

// SlotBits is how much the slots of one run can tell at most: every domain's
// part appears at a slot of its own.
func (t Terms) SlotBits() float64 { return float64(len(t.Members)) * t.Due.Bits() }

func (t Terms) checkSlots() error {
	if err := t.Due.check(); err != nil {
		return err
	}
	if t.Due.Last(t.NotBefore).After(t.NotAfter) {
		return errors.New("slots: the last is beyond the permit's dates")
	}
	// No guest chooses the slot of a verification.
	if bits := float64(t.Uses) * t.SlotBits(); bits > maxSlotBits && t.Verify == nil {
		return fmt.Errorf("slots: all runs of the permit could tell %.0f bits by them, more than %d; want fewer slots or uses", bits, maxSlotBits)
	}
	return nil
}

func (t Terms) checkMode() error {
	if t.Engines != "" && t.Engines != BothEngines {
		return fmt.Errorf("engines: want %q or nothing", BothEngines)
	}
	if err := t.checkSlots(); err != nil {
		return err
	}
	if t.Mode == SDC || t.Mode == Both {
		if t.Shape.Grouping.Blocks != 0 {
			return fmt.Errorf("mode %s: nobody can tell how many units stand behind a block's answer; blocks are for mode dp", t.Mode)
		}
		if t.Threshold < minCell {
			return fmt.Errorf("mode %s: the threshold must be at least %d", t.Mode, minCell)
		}
	}
	switch t.Mode {
	case SDC:
		if t.Corrupt != 0 {
			return errors.New("mode sdc: there is no noise, so corrupt says nothing")
		}
		if t.Join == nil && (t.Program.Review == nil || t.Program.Review.Reviewer == "") {
			return errors.New("mode sdc: the program needs a named source review")
		}
		return nil
	case DP, Both:
		if t.Corrupt < 0 || t.Corrupt >= max(1, len(t.Members)) && t.Corrupt != 0 {
			return errors.New("corrupt: want fewer than the members")
		}
		_, err := t.Rho()
		return err
	default:
		return errors.New("mode: want sdc, dp or sdc+dp")
	}
}
