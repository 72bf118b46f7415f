// Package oversight says what operators, providers and the bureau owe at an
// instant (履约事项), what looks like a fault that the city's text names (督查线索),
// how evaluations add up over the years, and what the yearly and monthly reports
// say. All of it is a pure function of Facts that are handed in: signed cases,
// reports on file, runs, the catalogue, a profile and a calendar. Every answer
// cites the rule of the city's profile that it rests on, with the status of its
// document, or says that the rule is the house's.
//
// The package decides nothing. A duty that is overdue is a fact that a gate may
// ask for; a Finding is a draft that an officer of the bureau signs, or leaves:
// no process opens a case. What cannot be seen from inside (a side channel, a
// leak) is declared by a person and says so. It trusts the register for who
// holds which key, and believes of a report that it was handed in, when and by
// whom; that what is written there is so is 未核验 until a named person attests
// it (Checked).
package oversight

import (
	"slices"
	"time"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

type (
	// A Licence is the span in which an operator may operate.
	Licence struct {
		Operator string    `json:"operator"`
		Field    string    `json:"field,omitempty"`
		From     time.Time `json:"from"`
		To       time.Time `json:"to"`
	}
	// A Scenario is an application scenario (应用场景) as its agreement has it. First
	// is when its first run came to a release or an end without fault, zero before
	// that; End is when its use ended: the agreement's last day, or earlier if it
	// was ended.
	Scenario struct {
		ID         string    `json:"id"`
		Title      string    `json:"title"`
		Operator   string    `json:"operator"`
		Channel    string    `json:"channel"`
		Purpose    string    `json:"purpose"`
		PublicGood bool      `json:"public_good"`
		Fee        string    `json:"fee,omitempty"` // free or paid
		Datasets   []string  `json:"datasets"`
		From       time.Time `json:"from"`
		End        time.Time `json:"end"`
		First      time.Time `json:"first,omitzero"`
	}
	// A Run is one run of a permit, as the records and the ledger have it.
	Run struct {
		ID       string       `json:"id"`
		Start    suite.Digest `json:"start"` // the receipt that started it
		Scenario string       `json:"scenario"`
		Operator string       `json:"operator"`
		Purpose  string       `json:"purpose"` // as its start names it
		State    string       `json:"state"`
		Channel  string       `json:"channel,omitempty"`
		At       time.Time    `json:"at"`
	}
	// A Version is a dataset's latest version, and what is known of its health.
	Version struct {
		Dataset  string    `json:"dataset"`
		Provider string    `json:"provider"`
		ID       string    `json:"id"`
		At       time.Time `json:"at"`
		Altered  time.Time `json:"altered,omitzero"` // when its bytes were first seen not to be its digest's
		Gone     time.Time `json:"gone,omitzero"`    // when its domain first said that it has no such version
		Rated    bool      `json:"rated,omitempty"`  // its provider says how good it is
		Flaws    []Flaw    `json:"flaws,omitempty"`
	}
	// A Flaw is a quality rule that a version does not meet, and since when that
	// is known.
	Flaw struct {
		What  string    `json:"what"`
		Since time.Time `json:"since"`
	}
	// An Order is a hold, a withdrawal or a disposal that somebody ordered and
	// that is complete at Done, or not yet.
	Order struct {
		ID    string    `json:"id"`
		Kind  string    `json:"kind"`            // hold, withdrawal, disposal
		Org   string    `json:"org"`             // who has to complete it
		Name  string    `json:"name"`            // of the thing
		Key   string    `json:"key,omitempty"`   // of the rule that asks for it, besides the term's
		Event string    `json:"event,omitempty"` // the emergency that it ends
		At    time.Time `json:"at"`
		Done  time.Time `json:"done,omitzero"`
	}
	// A Dataset is an entry of the catalogue: registered, and with the sheet that
	// the bureau has approved for it, if it has.
	Dataset struct {
		ID       string        `json:"id"`
		Title    string        `json:"title"`
		Provider string        `json:"provider"`
		Since    time.Time     `json:"since"` // of its first version
		Asked    time.Time     `json:"asked"` // when the last review of its entry was opened that was not refused
		Sheet    *papers.Sheet `json:"sheet,omitempty"`
	}
	// Kept is a version of the rules that cases were begun under and keep: a change of
	// the rules moves no clock that runs.
	Kept struct {
		Rules profile.Profile
		Clock cases.Clock
	}
	// Facts are what there is to look at. What is not there was not seen: a
	// detector without its fact finds nothing, and a duty without its span is not
	// counted.
	Facts struct {
		Now       time.Time
		Began     time.Time // when the profile came into use here: what cadences of organisations count from
		Profile   profile.Profile
		Calendar  calendar.Calendar
		Kept      map[cases.Profile]Kept // by what a case keeps of it; a case of none of them is not judged late
		Bureau    string
		Providers []string
		Titles    map[string]string // of organisations
		Licences  []Licence
		Scenarios []Scenario
		Filed     []Filed
		Cases     []*cases.Case
		Channels  map[string]string // of scenario cases, by id
		Datasets  []Dataset
		Versions  []Version
		Runs      []Run
		Orders    []Order
		Expired   map[string]time.Time // attestations of organisations (等级保护), by organisation
		Broken    time.Time            // when the chain of records was first seen not to hold
		Declared  []Declared
	}
)

// A Cite is where a rule stands and its words; of a house rule ZH says
// 内部规则（非法定） and Quote is empty.
type Cite struct {
	ZH    string `json:"zh"`
	EN    string `json:"en"`
	Quote string `json:"quote,omitempty"`
	Key   string `json:"key,omitempty"` // of the profile
	Law   bool   `json:"law"`
}

// CiteOf is what the profile says of a key. A profile without the rule, and the
// zero profile, cite the house.
func CiteOf(p profile.Profile, key string) Cite {
	k, _ := profile.KeyOf(key)
	r, err := p.Rule(key)
	if err != nil || r.Source != profile.Law || len(r.Basis) == 0 {
		return Cite{ZH: "内部规则（非法定）：" + k.Name.ZH, EN: "house rule, not law: " + k.Name.EN, Key: key}
	}
	return lawful(p, r.Basis[0], key)
}

func lawful(p profile.Profile, b profile.Basis, key string) Cite {
	zh, en := p.Cite(b)
	return Cite{ZH: zh, EN: en, Quote: b.Words(), Key: key, Law: true}
}

// firstLaw is the key, of those given, that the city's own text rules on; if it
// rules on none, the first that has a value at all, and "" if none has.
func firstLaw(p profile.Profile, keys ...string) string {
	house := ""
	for _, key := range keys {
		switch r, err := p.Rule(key); {
		case err != nil || r.Value.None():
		case r.Source == profile.Law:
			return key
		case house == "":
			house = key
		}
	}
	return house
}

// Agreed adds what an agreement says of a scenario, and returns its place. One that
// follows on another of the same scenario without a day between carries that on: the
// scenario is one, its use did not end, and nothing is to be disposed of yet.
func (f *Facts) Agreed(s Scenario) int {
	i := slices.IndexFunc(f.Scenarios, func(had Scenario) bool {
		return had.ID == s.ID && had.Operator == s.Operator && !s.From.After(had.End) && !had.From.After(s.End)
	})
	if i < 0 {
		f.Scenarios = append(f.Scenarios, s)
		return len(f.Scenarios) - 1
	}
	had := f.Scenarios[i]
	if had.From.Before(s.From) {
		s.From = had.From
	}
	if had.End.After(s.End) {
		s.End, s.Fee = had.End, had.Fee
	}
	f.Scenarios[i] = s
	return i
}

// scenario is the scenario of an id.
func (f Facts) scenario(id string) (Scenario, bool) {
	i := slices.IndexFunc(f.Scenarios, func(s Scenario) bool { return s.ID == id })
	if i < 0 {
		return Scenario{}, false
	}
	return f.Scenarios[i], true
}

// day is the last instant of a date that is months after the date of from, put
// off to a working day if the date rests; a month without such a date has its
// last one. Provisional: a notice that is not known may move it.
func (f Facts) day(from time.Time, months int) (due time.Time, provisional bool) {
	d := calendar.DateOf(from)
	first := time.Date(d.Year, d.Month, 1, 0, 0, 0, 0, calendar.Shanghai).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1).Day()
	return f.workday(calendar.DateOf(first.AddDate(0, 0, min(d.Day, last)-1)))
}

// workday is the end of a date, or of the next that is worked (民法典 第二百零三条).
func (f Facts) workday(d calendar.Date) (due time.Time, provisional bool) {
	for range 60 { // no holiday is longer
		works, open := f.Calendar.Works(d)
		provisional = provisional || open
		if works {
			break
		}
		d = calendar.DateOf(d.End())
	}
	return d.End(), provisional
}
