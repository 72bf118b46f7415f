// Package profile says what the rules of a city are, as data: a Profile is a
// city's rules over a base layer that holds for every city (cn-national). A
// rule is a value of a key; its source is law, where an article of the city's
// own text says it and the words are quoted, or house, where the text is silent
// and the value is ours (内部规则，非法定). A key without value is no rule. The keys
// are a closed list (Keys), each with its type, its unit and which of two
// values is tighter; a city may tighten the base and never loosen it.
//
// New is the one way to a Profile: it takes a File, which is what somebody
// wrote, and refuses an unknown key, a value of law without article and quote,
// a value looser than the base, a row of the text to be enforced that no key
// stands for, and a gate without basis. Lint then holds the quotes against the
// texts themselves, which the repository does not have: the profile has their
// digests. A case keeps the Frozen reference of the profile that it began
// under; publishing another version is for two people (package governance).
//
// The package is pure and reads no YAML (package governance/profiles does). It
// judges form, never whether a reading of the law is right: a bureau's counsel
// signs each profile. Most of the texts are drafts, and every citation says so.
package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Name is what people call something, in both languages.
type Name struct {
	ZH string `json:"zh" yaml:"zh"`
	EN string `json:"en" yaml:"en"`
}

// A Status is what a document is.
type Status string

// The statuses of documents.
const (
	InForce    Status = "in-force"
	Draft      Status = "draft"       // out for comment
	TrialDraft Status = "trial-draft" // a draft of a trial measure, with an end
	Expired    Status = "expired"     // was in force; no file says so, time does
	Unborn     Status = "not-yet"     // its day of effect has not come; no file says so
)

var statuses = map[Status]Name{
	InForce: {"施行中", "in force"}, Draft: {"征求意见稿", "draft for comment"}, TrialDraft: {"草案（试行）", "trial draft"},
	Expired: {"已失效", "expired"}, Unborn: {"尚未施行", "not yet in force"},
}

// Name is the status for people.
func (s Status) Name() Name { return statuses[s] }

// A Script is the writing of a document's source text.
type Script string

// The scripts.
const (
	Simplified  Script = "hans"
	Traditional Script = "hant" // every quote has a reading in simplified characters beside it
)

// A Document is a text that rules are quoted from. The text is not here: its
// digest is.
type Document struct {
	ID            string `json:"id" yaml:"id"`
	Title         Name   `json:"title" yaml:"title"`
	Short         Name   `json:"short" yaml:"short"` // as citations name it
	Heading       string `json:"heading" yaml:"heading"`
	Status        Status `json:"status" yaml:"status"`
	StatusQuote   string `json:"status_quote" yaml:"status_quote"`               // the words of the text that show it
	EffectiveFrom string `json:"effective_from,omitempty" yaml:"effective_from"` // YYYY-MM-DD; empty: on its issue, which is not known
	Expires       string `json:"expires,omitempty" yaml:"expires"`               // the first day on which it is not in force any more
	Script        Script `json:"script" yaml:"script"`
	EndsBefore    string `json:"ends_before,omitempty" yaml:"ends_before"` // the line from which on the text is no law
	Source        string `json:"source" yaml:"source"`                     // digest of the text, sha256:...
	Note          string `json:"note,omitempty" yaml:"note"`
}

// At is the document's status on a day.
func (d Document) At(day time.Time) Status {
	switch at := day.Format(time.DateOnly); {
	case d.Status != InForce:
		return d.Status
	case d.EffectiveFrom == "" || at < d.EffectiveFrom:
		return Unborn
	case d.Expires != "" && at >= d.Expires:
		return Expired
	default:
		return InForce
	}
}

// A Basis is where a text says what a rule says, in its own words.
type Basis struct {
	Document  string `json:"document" yaml:"document"`
	Article   int    `json:"article" yaml:"article"`
	Paragraph int    `json:"paragraph" yaml:"paragraph"`       // from 1; a list of items belongs to the paragraph before it
	Item      int    `json:"item,omitempty" yaml:"item"`       // from 1
	Quote     string `json:"quote" yaml:"quote"`               // exactly as it stands there
	Reading   string `json:"reading,omitempty" yaml:"reading"` // of a quote in Traditional characters
}

// Words are the quoted words in simplified characters.
func (b Basis) Words() string {
	if b.Reading != "" {
		return b.Reading
	}
	return b.Quote
}

// A Modality is how strongly a rule is meant.
type Modality string

// The modalities.
const (
	Must      Modality = "must"      // 应当、不得、实行: enforced
	Principle Modality = "principle" // 原则上: enforced, but for a reasoned override
	May       Modality = "may"       // 可以、鼓励、探索: never enforced
)

var modalities = []Modality{May, Principle, Must} // from the weakest

// A Source is who says so.
type Source string

// The sources.
const (
	Law   Source = "law"
	House Source = "house" // 内部规则（非法定）
)

// An Override says how a rule may be set aside in one case.
type Override string

// The overrides.
const (
	NoOverride Override = "none"
	Reasoned   Override = "reasoned" // by two people, with a reason that is kept; never beyond the base layer's value
)

// A Rule is the value of a key in a city.
type Rule struct {
	Key      string   `json:"key"`
	Value    Value    `json:"value"`
	Unit     Unit     `json:"unit,omitempty"`
	Modality Modality `json:"modality"`
	Basis    []Basis  `json:"basis,omitempty"`
	Source   Source   `json:"source"`
	Override Override `json:"override"`
	Note     string   `json:"note,omitempty"`
	Layer    string   `json:"layer"` // the profile that says it: the city's, or the base
	Limit    Value    `json:"limit"` // the base layer's value, which no override passes
}

// Enforced reports whether the rule binds: there is a value, and it is not
// merely allowed or encouraged.
func (r Rule) Enforced() bool { return !r.Value.None() && r.Modality != May && r.Modality != "" }

// A Tier is how far the software goes for a row of a text.
type Tier string

// The tiers of rows.
const (
	Construction Tier = "C"  // enforced by construction, in the way of a job
	Refusing     Tier = "C*" // the platform refuses the form or the change of state
	Recorded     Tier = "R"  // recorded, clocked, reminded, reported
	Outside      Tier = "X"  // outside the product
)

// Binds reports whether rows of the tier need a rule that refuses.
func (t Tier) Binds() bool { return t == Construction || t == Refusing }

// A Row is a demand of the text and the keys that stand for it. Of each row
// that binds, one key at least is law by an article of the row.
type Row struct {
	ID       string   `json:"id" yaml:"id"`
	Articles []int    `json:"articles" yaml:"articles"`
	Tier     Tier     `json:"tier" yaml:"tier"`
	Demand   string   `json:"demand" yaml:"demand"`
	Keys     []string `json:"keys,omitempty" yaml:"keys"`
}

// A GateBasis lists the keys that a gate may cite, the city's own first.
type GateBasis struct {
	Gate string   `json:"gate" yaml:"gate"`
	Keys []string `json:"keys" yaml:"keys"`
}

// A Procedure is a way of a case (办件) and its stages.
type Procedure struct {
	ID     string  `json:"id" yaml:"id"`
	Name   Name    `json:"name" yaml:"name"`
	Stages []Stage `json:"stages" yaml:"stages"`
}

// A Stage of a procedure: who has it, and the key of its clock.
type Stage struct {
	ID    string `json:"id" yaml:"id"`
	Name  Name   `json:"name" yaml:"name"`
	Role  string `json:"role" yaml:"role"`
	Clock string `json:"clock" yaml:"clock"`
}

// Frozen names a version of a profile for good. A case keeps it.
type Frozen struct {
	ID      string       `json:"id"`
	Version int          `json:"version"`
	Digest  suite.Digest `json:"digest"`
}

// A Profile is the rules of a city, checked. Its zero value has no rule, and
// cites nothing.
type Profile struct {
	said  body
	bytes []byte
}

// body is what the digest of a profile is of, base layer included.
type body struct {
	ID         string      `json:"profile"`
	Version    int         `json:"version"`
	Base       *Frozen     `json:"base,omitempty"`
	City       Name        `json:"city"`
	Documents  []Document  `json:"documents,omitempty"`
	Rules      []Rule      `json:"rules"` // of every key, in the registry's order
	Gates      []GateBasis `json:"gates"`
	Procedures []Procedure `json:"procedures"`
	Rows       []Row       `json:"rows,omitempty"`
}

// ID is the profile's name.
func (p Profile) ID() string { return p.said.ID }

// City is what the profile is of.
func (p Profile) City() Name { return p.said.City }

// IsBase reports whether the profile is a base layer, under which nobody works.
func (p Profile) IsBase() bool { return p.said.Base == nil }

// Documents are the texts that the profile quotes.
func (p Profile) Documents() []Document { return slices.Clone(p.said.Documents) }

// Rules lists a rule for every key, those without value included.
func (p Profile) Rules() []Rule { return slices.Clone(p.said.Rules) }

// Rows are the demands of the text.
func (p Profile) Rows() []Row { return slices.Clone(p.said.Rows) }

// Procedures are the ways of cases, with the key of each stage's clock.
func (p Profile) Procedures() []Procedure { return slices.Clone(p.said.Procedures) }

// Bytes is the canonical form: JSON, one spelling for one profile.
func (p Profile) Bytes() []byte { return slices.Clone(p.bytes) }

// Frozen is the reference that a case keeps.
func (p Profile) Frozen() Frozen {
	return Frozen{p.said.ID, p.said.Version, suite.DigestOf(p.bytes)}
}

// Rule is the rule of a key. A key that is not registered has none, and the
// error is of kind NotFound.
func (p Profile) Rule(key string) (Rule, error) {
	i := slices.IndexFunc(p.said.Rules, func(r Rule) bool { return r.Key == key })
	if i < 0 {
		return Rule{}, fault.NotFound
	}
	return p.said.Rules[i], nil
}

// Int is the number of a key, and whether there is one.
func (p Profile) Int(key string) (int, bool) {
	r, err := p.Rule(key)
	if err != nil {
		return 0, false
	}
	return r.Value.Int()
}

// Yes reports whether a flag is set and binds.
func (p Profile) Yes(key string) bool {
	r, err := p.Rule(key)
	return err == nil && r.Value.Yes() && r.Enforced()
}

// Gate lists the rules that a gate may cite where data come by a channel: the
// city's own first, law before house. Rules of another channel are left out.
func (p Profile) Gate(gate, channel string) []Rule {
	var law, house []Rule
	for _, g := range p.said.Gates {
		if g.Gate != gate {
			continue
		}
		for _, key := range g.Keys {
			if c, _, ok := strings.Cut(key, "."); ok && c != channel && slices.Contains(channels, c) {
				continue
			}
			r, err := p.Rule(key)
			switch {
			case err != nil || r.Value.None():
			case r.Source == Law:
				law = append(law, r)
			default:
				house = append(house, r)
			}
		}
	}
	return append(law, house...)
}

// Basis is what a refusal under a key cites, in the form of package
// governance: the city's document, article and status, or "house".
func (p Profile) Basis(key string) string {
	r, err := p.Rule(key)
	if err != nil || r.Source != Law || len(r.Basis) == 0 {
		return string(House)
	}
	zh, _ := p.Cite(r.Basis[0])
	return zh
}

// Quoted is Basis with the words of the text; not law where the rule is the house's.
func (p Profile) Quoted(key string) (basis string, law bool) {
	r, err := p.Rule(key)
	if err != nil || r.Source != Law || len(r.Basis) == 0 {
		return string(House), false
	}
	zh, _ := p.Cite(r.Basis[0])
	return zh + "：“" + r.Basis[0].Words() + "”", zh != ""
}

// A Clock is a term of a stage, and who says so.
type Clock struct {
	N      int
	Unit   Unit
	Source Source
	Basis  string // as Basis has it
}

// Clock is the term of a key. A key without a number is of kind NotFound.
func (p Profile) Clock(key string) (Clock, error) {
	r, err := p.Rule(key)
	n, ok := r.Value.Int()
	if err != nil || !ok {
		return Clock{}, fmt.Errorf("reading the clock %.60q: %w", key, fault.NotFound)
	}
	return Clock{n, r.Unit, r.Source, p.Basis(key)}, nil
}

// Cite names where a basis stands, with the status of its document.
func (p Profile) Cite(b Basis) (zh, en string) {
	i := slices.IndexFunc(p.said.Documents, func(d Document) bool { return d.ID == b.Document })
	if i < 0 {
		return "", ""
	}
	d := p.said.Documents[i]
	placeZH, placeEN := place(b)
	return d.Short.ZH + " " + placeZH + "（" + d.Status.Name().ZH + "）", d.Short.EN + ", " + placeEN + " (" + d.Status.Name().EN + ")"
}

// Count says how many rules are law, how many house, and how many keys have
// no value.
func (p Profile) Count() (law, house, none int) {
	for _, r := range p.said.Rules {
		switch {
		case r.Value.None():
			none++
		case r.Source == Law:
			law++
		default:
			house++
		}
	}
	return law, house, none
}

// Open reads the canonical form of the version that a case keeps. Whether that
// version was ever published is for package governance; Open holds the bytes
// against the reference. Errors are of kind Tampered (other bytes) or Invalid.
func Open(raw []byte, want Frozen) (Profile, error) {
	if len(raw) > MaxSource || suite.DigestOf(raw) != want.Digest {
		return Profile{}, fmt.Errorf("opening profile %.40q: not the bytes of its digest: %w", want.ID, fault.Tampered)
	}
	var p Profile
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p.said); err != nil {
		return Profile{}, fmt.Errorf("opening profile %.40q: not our JSON: %w", want.ID, fault.Invalid)
	}
	if err := p.encode(); err != nil || !bytes.Equal(p.bytes, raw) {
		return Profile{}, fmt.Errorf("opening profile %.40q: not in its one spelling: %w", want.ID, fault.Invalid)
	}
	if p.Frozen() != want {
		return Profile{}, fmt.Errorf("opening profile %.40q: another profile: %w", want.ID, fault.Tampered)
	}
	return p, nil
}

// encode fills in the canonical form.
func (p *Profile) encode() error {
	raw, err := json.Marshal(p.said)
	p.bytes = raw
	return err
}
