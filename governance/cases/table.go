package cases

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/yunei/yunei/governance/plain"
	"github.com/yunei/yunei/suite"
)

// An Edge is why a case leaves a stage.
type Edge string

// The edges.
const (
	OnSubmit       Edge = "submit"
	OnAllow        Edge = "allow"
	OnDeny         Edge = "deny"
	OnInconclusive Edge = "inconclusive"
	OnEscalate     Edge = "escalate"
	OnWithdraw     Edge = "withdraw"
)

// A Work is what the owners of a stage do there.
type Work string

// The kinds of work.
const (
	Hand Work = "submit" // hand something in, or report that it is done
	Rule Work = "decide" // on what others handed in
	Sign Work = "sign"   // each side for itself, so that none decides for another
)

// An Apart says from whom those who decide are kept apart.
type Apart string

// The separations. Under ApartOrg nobody of the opener's organisation decides,
// under ApartPerson nobody who opened the case or handed anything in.
const (
	ApartOrg    Apart = "org"
	ApartPerson Apart = "person"
)

// An Ascent says when a stage may be escalated.
type Ascent string

// The ascents.
const (
	WhenLate Ascent = "late" // once its term has passed
	AnyTime  Ascent = "any"  // by whoever does not want to wait for what it comes to
)

// A Cited is how strong a basis a refusal needs.
type Cited string

// The strengths. The zero Cited is none, and goes with no way to refuse.
const (
	CitesLaw Cited = "law"
	CitesAny Cited = "any" // law, or the house's, said so
)

type (
	// An Owner is one side whose turn it is; with Each, every organisation that
	// has the part is a side of its own.
	Owner struct {
		Seat Seat `yaml:"seat" json:"seat"`
		Each bool `yaml:"each" json:"each,omitempty"`
	}
	// A Correction says who corrects what is returned, and where the case goes
	// on. Items, if there are any, is the closed list of what may be asked for.
	Correction struct {
		By    string   `yaml:"by" json:"by"`
		Again string   `yaml:"again" json:"again"`
		Clock string   `yaml:"clock" json:"clock,omitempty"`
		Items []string `yaml:"items" json:"items,omitempty"`
	}
	// A Guard is another way along an edge for a case that holds a reference.
	Guard struct {
		On  Edge   `yaml:"on" json:"on"`
		Ref string `yaml:"ref" json:"ref"`
		To  string `yaml:"to" json:"to"`
	}
	// A Stage is one step of a procedure.
	Stage struct {
		ID       string          `yaml:"id" json:"id"`
		ZH       string          `yaml:"zh" json:"zh"`
		EN       string          `yaml:"en" json:"en"`
		Work     Work            `yaml:"work" json:"work"`
		Owners   []Owner         `yaml:"owners" json:"owners"`
		Quorum   int             `yaml:"quorum" json:"quorum,omitempty"` // people of each side; 1 if not given
		Blind    bool            `yaml:"blind" json:"blind,omitempty"`
		Formal   bool            `yaml:"formal" json:"formal,omitempty"`     // looks at form only, and stays good when the matter is corrected
		Apart    Apart           `yaml:"apart" json:"apart,omitempty"`       // of Rule
		Barred   []string        `yaml:"barred" json:"barred,omitempty"`     // stages; who acted there does not act here
		Clock    string          `yaml:"clock" json:"clock,omitempty"`       // key of the profile's rule
		Ascent   Ascent          `yaml:"ascent" json:"ascent,omitempty"`     // of an edge to escalate along
		Rule     string          `yaml:"rule" json:"rule,omitempty"`         // key of the rule that the stage is there for
		Basis    Cited           `yaml:"basis" json:"basis,omitempty"`       // of a refusal
		Refs     []string        `yaml:"refs" json:"refs,omitempty"`         // what is handed in, all of it
		May      []string        `yaml:"may" json:"may,omitempty"`           // what may be handed in besides
		Evidence []string        `yaml:"evidence" json:"evidence,omitempty"` // that has to be on file
		Verified []string        `yaml:"verified" json:"verified,omitempty"` // that has to be 已核验
		Reasons  []string        `yaml:"reasons" json:"reasons,omitempty"`   // closed list, in place of free text
		On       map[Edge]string `yaml:"on" json:"on"`
		When     []Guard         `yaml:"when" json:"when,omitempty"`
		Return   *Correction     `yaml:"return" json:"return,omitempty"`
	}
	// An End is where a case stops.
	End struct {
		ID      string  `yaml:"id" json:"id"`
		ZH      string  `yaml:"zh" json:"zh"`
		EN      string  `yaml:"en" json:"en"`
		Outcome Outcome `yaml:"outcome" json:"outcome"`
	}
	// A Span bounds how many organisations have a part.
	Span struct {
		Min int `yaml:"min" json:"min"`
		Max int `yaml:"max" json:"max"`
	}
	// A Table is a procedure. A case begins at the first of its stages.
	Table struct {
		Kind    string        `yaml:"kind" json:"kind"`
		Channel string        `yaml:"channel" json:"channel,omitempty"` // of a table for one way of a kind: the channel that data come by,
		Route   []string      `yaml:"route" json:"route,omitempty"`     // and who answers along it, as the profile's CHANNEL.route has it
		Version int           `yaml:"version" json:"version"`
		ZH      string        `yaml:"zh" json:"zh"`
		EN      string        `yaml:"en" json:"en"`
		Rule    string        `yaml:"rule" json:"rule,omitempty"`
		Opens   []Seat        `yaml:"opens" json:"opens"`
		Parties map[Seat]Span `yaml:"parties" json:"parties"`
		Yearly  bool          `yaml:"yearly" json:"yearly,omitempty"` // a case is about a year
		Stages  []Stage       `yaml:"stages" json:"stages"`
		Ends    []End         `yaml:"ends" json:"ends"`
	}
)

// Bounds of a table's file.
const (
	maxTable = 64 << 10 // bytes
	maxNodes = 5000
	maxDepth = 12
)

// ParseTable reads a table and checks it with Lint. A file with a word that is
// not a table's, with an anchor, a tag or a second document is of kind Invalid.
func ParseTable(raw []byte) (Table, error) {
	var t Table
	if err := plain.Decode(raw, plain.Limits{Bytes: maxTable, Nodes: maxNodes, Depth: maxDepth}, &t); err != nil {
		return Table{}, fmt.Errorf("reading a table: %w", err)
	}
	if err := t.Lint(); err != nil {
		return Table{}, fmt.Errorf("reading a table: %w", err)
	}
	return t, nil
}

// Bytes is the one spelling of the table, in JSON.
func (t Table) Bytes() []byte {
	raw, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings, numbers and maps of them always marshal
	}
	return raw
}

// Digest names the table.
func (t Table) Digest() suite.Digest { return suite.DigestOf(t.Bytes()) }

// Stage finds a stage.
func (t Table) Stage(id string) (Stage, bool) {
	i := slices.IndexFunc(t.Stages, func(s Stage) bool { return s.ID == id })
	if i < 0 {
		return Stage{}, false
	}
	return t.Stages[i], true
}

// End finds an end.
func (t Table) End(id string) (End, bool) {
	i := slices.IndexFunc(t.Ends, func(e End) bool { return e.ID == id })
	if i < 0 {
		return End{}, false
	}
	return t.Ends[i], true
}

// Clocks lists the keys of the clocks that the table names.
func (t Table) Clocks() []string {
	keys := map[string]bool{}
	for _, s := range t.Stages {
		keys[s.Clock] = true
		if s.Return != nil {
			keys[s.Return.Clock] = true
		}
	}
	delete(keys, "")
	return slices.Sorted(maps.Keys(keys))
}

// Rules lists the keys of the rules that the table rests on, clocks aside.
func (t Table) Rules() []string {
	keys := map[string]bool{t.Rule: true, SeparationKey: true, t.refusal(): true, OnceKey: true}
	for _, s := range t.Stages {
		keys[s.Rule] = true
	}
	delete(keys, "")
	return slices.Sorted(maps.Keys(keys))
}

// refusal is the key of the rule that has a refusal cite its basis.
func (t Table) refusal() string {
	if t.Channel != "" {
		return t.Channel + ".refusal"
	}
	return BasisKey
}

// people is how many of each side the stage asks for.
func (s Stage) people() int { return max(1, s.Quorum) }

// decides reports whether people give verdicts at the stage.
func (s Stage) decides() bool { return s.Work == Rule || s.Work == Sign }

// An exit is a way out of a stage.
type exit struct {
	edge Edge // "" for a correction
	ref  string
	to   string
}

// exits lists the ways out of the stage, in an order that is always the same.
func (s Stage) exits() []exit {
	var all []exit
	for _, e := range slices.Sorted(maps.Keys(s.On)) {
		all = append(all, exit{e, "", s.On[e]})
	}
	for _, g := range s.When {
		all = append(all, exit{g.On, g.Ref, g.To})
	}
	if s.Return != nil {
		all = append(all, exit{"", "", s.Return.Again})
	}
	return all
}
