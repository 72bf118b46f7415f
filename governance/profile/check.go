package profile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// Bounds of a file.
const (
	maxRules   = 500
	maxRows    = 500
	maxBases   = 32
	maxVersion = 1000000
)

// A File is a profile as somebody wrote it. Nothing in it is checked; New does
// that.
type File struct {
	Profile    string      `yaml:"profile"`
	Version    int         `yaml:"version"`
	Base       string      `yaml:"base"` // empty in a base layer
	City       Name        `yaml:"city"`
	Documents  []Document  `yaml:"documents"`
	Rules      []Entry     `yaml:"rules"`
	Gates      []GateBasis `yaml:"gates"`
	Procedures []Procedure `yaml:"procedures"` // of a base layer
	Rows       []Row       `yaml:"rows"`       // of a city
}

// An Entry is a rule as a file has it.
type Entry struct {
	Key      string   `yaml:"key"`
	Value    any      `yaml:"value"`
	Unit     Unit     `yaml:"unit"` // of a number, and the key's
	Modality Modality `yaml:"modality"`
	Source   Source   `yaml:"source"`
	Override Override `yaml:"override"` // empty: none
	Basis    []Basis  `yaml:"basis"`    // of law; the document may be left out where there is one only
	Note     string   `yaml:"note"`
}

// Gates lists the gates of a job and of a release.
func Gates() []string { return slices.Clone(gates) }

var (
	gates  = strings.Fields("G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12 G13 R1 R2 R3 R4 R5 R6")
	roles  = strings.Fields("bureau provider operator checker author platform subject")
	isID   = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,39}$`)
	isRow  = regexp.MustCompile(`^[A-Z]{2,4}-[0-9a-z.-]{1,20}$`)
	isDate = func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }
)

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, fault.Invalid)...)
}

// NewBase checks a base layer. It names every key there is and every gate, and
// quotes nothing: what holds in every city is house until a text is at hand.
func NewBase(f File) (Profile, error) {
	p, err := build(f, Profile{})
	if err != nil {
		return Profile{}, fmt.Errorf("checking profile %.40q: %w", f.Profile, err)
	}
	return p, nil
}

// New checks a city's profile over its base layer.
func New(f File, base Profile) (Profile, error) {
	if base.ID() == "" || !base.IsBase() || f.Base != base.ID() {
		return Profile{}, fmt.Errorf("checking profile %.40q: base: %w", f.Profile, fault.Invalid)
	}
	p, err := build(f, base)
	if err != nil {
		return Profile{}, fmt.Errorf("checking profile %.40q: %w", f.Profile, err)
	}
	return p, nil
}

func build(f File, base Profile) (Profile, error) {
	isBase := base.ID() == ""
	switch {
	case !isID.MatchString(f.Profile) || f.Version < 1 || f.Version > maxVersion || !f.City.whole():
		return Profile{}, invalid("its name, version or city")
	case isBase != (f.Base == "") || isBase != (len(f.Documents) == 0) || isBase != (len(f.Rows) == 0) || isBase != (len(f.Procedures) > 0):
		return Profile{}, invalid("a base layer has procedures, a city documents and rows")
	case len(f.Rules) > maxRules || len(f.Rows) > maxRows || len(f.Documents) > 8 || len(f.Gates) > len(gates) || len(f.Procedures) > 40:
		return Profile{}, invalid("too much of something")
	}
	p := Profile{said: body{ID: f.Profile, Version: f.Version, City: f.City, Documents: f.Documents, Procedures: f.Procedures, Rows: f.Rows}}
	if !isBase {
		frozen := base.Frozen()
		p.said.Base, p.said.Procedures = &frozen, base.Procedures()
	}
	for i, d := range f.Documents {
		if err := d.check(f.Documents[:i]); err != nil {
			return Profile{}, fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	if err := p.rules(f, base); err != nil {
		return Profile{}, err
	}
	if err := p.gates(f.Gates, base); err != nil {
		return Profile{}, err
	}
	if err := p.rows(); err != nil {
		return Profile{}, err
	}
	if err := p.procedures(); err != nil {
		return Profile{}, err
	}
	return p, p.encode()
}

func (n Name) whole() bool { return plain(n.ZH) && plain(n.EN) }

func (d Document) check(before []Document) error {
	known := slices.Contains([]Status{InForce, Draft, TrialDraft}, d.Status) && slices.Contains([]Script{Simplified, Traditional}, d.Script)
	switch {
	case !isID.MatchString(d.ID) || slices.ContainsFunc(before, func(o Document) bool { return o.ID == d.ID }):
		return invalid("its id")
	case !d.Title.whole() || !d.Short.whole() || !plain(d.Heading) || !plain(d.StatusQuote) || len(d.Note) > maxText || len(d.EndsBefore) > maxText:
		return invalid("%s: its title, heading or quote", d.ID)
	case !known || suite.Digest(d.Source).Hex() == "":
		return invalid("%s: its status, script or the digest of its text", d.ID)
	case d.EffectiveFrom != "" && !isDate(d.EffectiveFrom), d.Expires != "" && !isDate(d.Expires), d.Status == InForce && d.EffectiveFrom == "":
		return invalid("%s: its dates", d.ID)
	}
	return nil
}

// rules fills in a rule for every key: the file's, or the base layer's.
func (p *Profile) rules(f File, base Profile) error {
	own := map[string]Rule{}
	for _, e := range f.Rules {
		k, ok := KeyOf(e.Key)
		if !ok {
			return invalid("rule %.60q: no such key", e.Key)
		}
		if _, twice := own[e.Key]; twice {
			return invalid("rule %s stands there twice", e.Key)
		}
		r, err := p.rule(k, e)
		if err != nil {
			return fmt.Errorf("rule %s: %w", e.Key, err)
		}
		if base.ID() == "" {
			own[e.Key] = r
			continue
		}
		under, err := base.Rule(e.Key)
		if err != nil {
			return fmt.Errorf("rule %s: base: %w", e.Key, err)
		}
		if r.Limit = under.Value; !k.tightens(r, under) {
			return invalid("rule %s: looser than the base layer", e.Key)
		}
		own[e.Key] = r
	}
	for _, k := range keys {
		r, ok := own[k.Key]
		if !ok && base.ID() == "" {
			return invalid("rule %s: a base layer has every key", k.Key)
		}
		if !ok {
			r, _ = base.Rule(k.Key) // a base has every key
			r.Limit = r.Value
		}
		p.said.Rules = append(p.said.Rules, r)
	}
	return nil
}

// tightens reports whether a city's rule is as tight as the base's or tighter.
// One that binds less than the base's must at least ask for more, so that what
// an override can fall back to is still the base's.
func (k Key) tightens(r, under Rule) bool {
	if !k.within(r.Value, under.Value) {
		return false
	}
	weaker := slices.Index(modalities, r.Modality) < slices.Index(modalities, under.Modality)
	switch {
	case under.Value.None() || !weaker:
		return true
	case r.Modality == May:
		return false
	}
	return !r.Value.equal(under.Value)
}

func (p *Profile) rule(k Key, e Entry) (Rule, error) {
	v, err := k.read(e.Value)
	if err != nil {
		return Rule{}, err
	}
	if e.Override == "" {
		e.Override = NoOverride
	}
	r := Rule{Key: k.Key, Value: v, Unit: k.Unit, Modality: e.Modality, Basis: slices.Clone(e.Basis), Source: e.Source, Override: e.Override, Note: e.Note, Layer: p.said.ID, Limit: v}
	isBase := len(p.said.Documents) == 0
	switch {
	case e.Unit != k.Unit:
		return r, invalid("its unit is %q", k.Unit)
	case !slices.Contains(modalities, e.Modality) || (e.Modality == Principle) != (e.Override == Reasoned) || e.Override != NoOverride && e.Override != Reasoned:
		return r, invalid("modality must, principle (with override reasoned) or may")
	case len(e.Note) > maxText || v.None() && !isBase:
		return r, invalid("a note too long, or no value: leave a key out where the text is silent")
	case e.Source == House && len(e.Basis) == 0:
		return r, nil
	case e.Source != Law || isBase:
		return r, invalid("source law with its basis, or house without one; a base layer has no law")
	case len(e.Basis) == 0 || len(e.Basis) > maxBases:
		return r, invalid("law without article and quote")
	}
	for i := range r.Basis {
		if err := p.basis(&r.Basis[i]); err != nil {
			return r, fmt.Errorf("basis %d: %w", i+1, err)
		}
	}
	if n, ok := v.Int(); ok && !slices.ContainsFunc(r.Basis, func(b Basis) bool { return says(b.Quote, n) }) {
		return r, invalid("no quote says %d", n)
	}
	return r, nil
}

var arabic = regexp.MustCompile(`[0-9]+`)

// says reports whether a quote has the number, in figures or in words: 5, 五,
// 两 for two, 年度 for every year.
func says(quote string, n int) bool {
	if slices.Contains(arabic.FindAllString(quote, -1), strconv.Itoa(n)) {
		return true
	}
	switch {
	case n == 1 && strings.Contains(quote, "年度"), n == 2 && (strings.Contains(quote, "两") || strings.Contains(quote, "兩")):
		return true
	default:
		return n > 0 && n < 1000 && strings.Contains(quote, chinese(n))
	}
}

func (p *Profile) basis(b *Basis) error {
	docs := p.said.Documents
	if b.Document == "" && len(docs) == 1 {
		b.Document = docs[0].ID
	}
	i := slices.IndexFunc(docs, func(d Document) bool { return d.ID == b.Document })
	switch {
	case i < 0:
		return invalid("no such document")
	case b.Article < 1 || b.Article > 999 || b.Paragraph < 1 || b.Paragraph > 99 || b.Item < 0 || b.Item > 99:
		return invalid("its article, paragraph or item")
	case !plain(b.Quote) || utf8.RuneCountInString(b.Quote) < 4:
		return invalid("its quote")
	case docs[i].Script == Simplified && b.Reading != "":
		return invalid("a reading goes with Traditional characters only")
	case docs[i].Script == Traditional && (!plain(b.Reading) || utf8.RuneCountInString(b.Reading) != utf8.RuneCountInString(b.Quote)):
		return invalid("a reading, character by character, goes with Traditional characters")
	}
	return nil
}

func (p *Profile) gates(list []GateBasis, base Profile) error {
	own := map[string][]string{}
	for _, g := range list {
		if !slices.Contains(gates, g.Gate) || own[g.Gate] != nil || len(g.Keys) == 0 {
			return invalid("gate %.20q: unknown, twice or without keys", g.Gate)
		}
		own[g.Gate] = slices.Clone(g.Keys)
	}
	for _, g := range gates {
		all := own[g]
		for _, b := range base.said.Gates {
			if b.Gate == g {
				all = append(all, b.Keys...)
			}
		}
		seen := map[string]bool{}
		all = slices.DeleteFunc(all, func(k string) bool { twice := seen[k]; seen[k] = true; return twice })
		for _, key := range all {
			if r, err := p.Rule(key); err != nil || r.Value.None() {
				return invalid("gate %s: %.60q is no key with a value", g, key)
			}
		}
		if len(all) == 0 {
			return invalid("gate %s: no key", g)
		}
		p.said.Gates = append(p.said.Gates, GateBasis{g, all})
	}
	return nil
}

// rows refuses a row that binds and for which no key binds by an article of
// the row, and a rule of law that no row is about.
func (p *Profile) rows() error {
	seen, about := map[string]bool{}, map[string]bool{}
	for _, row := range p.said.Rows {
		known := slices.Contains([]Tier{Construction, Refusing, Recorded, Outside}, row.Tier)
		if !isRow.MatchString(row.ID) || seen[row.ID] || !known || !plain(row.Demand) || len(row.Articles) == 0 || len(row.Articles) > 20 || len(row.Keys) > 20 {
			return invalid("row %.30q", row.ID)
		}
		seen[row.ID] = true
		lawful := false
		for _, key := range row.Keys {
			r, err := p.Rule(key)
			if err != nil || r.Value.None() {
				return invalid("row %s: %.60q is no key with a value", row.ID, key)
			}
			cited := slices.ContainsFunc(r.Basis, func(b Basis) bool { return slices.Contains(row.Articles, b.Article) })
			lawful, about[key] = lawful || cited && r.Enforced(), about[key] || cited
		}
		if row.Tier.Binds() && !lawful {
			return invalid("row %s: no key binds by law of its articles", row.ID)
		}
	}
	for _, r := range p.said.Rules {
		if r.Source == Law && !about[r.Key] {
			return invalid("rule %s: no row of its article names it", r.Key)
		}
	}
	return nil
}

func (p *Profile) procedures() error {
	seen := map[string]bool{}
	for _, c := range p.said.Procedures {
		if !isID.MatchString(c.ID) || seen[c.ID] || !c.Name.whole() || len(c.Stages) == 0 || len(c.Stages) > 20 {
			return invalid("procedure %.40q", c.ID)
		}
		seen[c.ID] = true
		for _, s := range c.Stages {
			r, err := p.Rule(s.Clock)
			_, isNumber := r.Value.Int()
			if err != nil || !isNumber || !isID.MatchString(s.ID) || seen[c.ID+" "+s.ID] || !s.Name.whole() || !slices.Contains(roles, s.Role) {
				return invalid("procedure %s: stage %.40q", c.ID, s.ID)
			}
			seen[c.ID+" "+s.ID] = true
		}
	}
	return nil
}
