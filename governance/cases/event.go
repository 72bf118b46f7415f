package cases

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Statement is the kind of receipt that an event is.
const Statement receipt.Kind = "case-event"

// An Act is what an event does.
type Act string

// The acts.
const (
	Start    Act = "open"     // 立案
	Submit   Act = "submit"   // 提交
	Decide   Act = "decide"   // 决定
	Seal     Act = "seal"     // 密封表决
	Unseal   Act = "unseal"   // 开启表决
	Return   Act = "return"   // 退回补正
	Resubmit Act = "resubmit" // 补正后再次提交
	Escalate Act = "escalate" // 提级
	Withdraw Act = "withdraw" // 撤回
	Filed    Act = "file"     // 存入证据
	Attest   Act = "attest"   // 核验证据
	Fulfil   Act = "fulfil"   // 确认前提已满足
)

type (
	// A Profile is the version of a city's rules that a case began under.
	Profile struct {
		ID      string       `json:"id"`
		Version int          `json:"version"`
		Digest  suite.Digest `json:"digest"`
	}
	// An Opening says what a case is. Parties name organisations by seat.
	Opening struct {
		Kind    string            `json:"kind"`
		Table   suite.Digest      `json:"table"`
		Profile Profile           `json:"profile"`
		Title   string            `json:"title"`
		Seat    Seat              `json:"seat"` // of who opens it
		Parties map[Seat][]string `json:"parties"`
		Year    int               `json:"year,omitempty"`
	}
	// A Ref names what is handed in, by its digest.
	Ref struct {
		Name   string       `json:"name"`
		Digest suite.Digest `json:"digest"`
	}
	// A Filing is a document put on file.
	Filing struct {
		Name   string       `json:"name"` // as the table calls it
		Digest suite.Digest `json:"digest"`
		Media  string       `json:"media"`
		Title  string       `json:"title"`
	}
	// A Ruling is what one person decides on a matter.
	Ruling struct {
		On         suite.Digest `json:"on"` // the matter
		Verdict    Verdict      `json:"verdict"`
		Reason     string       `json:"reason,omitempty"`
		Basis      []Basis      `json:"basis,omitempty"`
		Conditions []Condition  `json:"conditions,omitempty"`
	}
	// An Item is one thing that is missing, or the answer to one.
	Item struct {
		ID   string `json:"id"`
		Text string `json:"text,omitempty"`
	}
	// An Event is one act in a case, by whoever signs it. Prev is the head of
	// the case that they saw; Round counts the times that the stage was entered.
	// Beside these it has the fields of its act and no other.
	Event struct {
		Case      string           `json:"case"`
		Prev      suite.Digest     `json:"prev"`
		At        time.Time        `json:"at"` // to the second, UTC
		Act       Act              `json:"act"`
		Stage     string           `json:"stage,omitempty"`
		Round     int              `json:"round,omitempty"`
		Opening   *Opening         `json:"opening,omitempty"`
		Refs      []Ref            `json:"refs,omitempty"`
		Filing    *Filing          `json:"filing,omitempty"` // Attest: which
		Ruling    *Ruling          `json:"ruling,omitempty"`
		Sealed    suite.Commitment `json:"sealed,omitempty"`
		Salt      *suite.Salt      `json:"salt,omitempty"`
		Items     []Item           `json:"items,omitempty"`
		Condition string           `json:"condition,omitempty"`
		Text      string           `json:"text,omitempty"`
	}
)

// about is the subject of an event's receipt: the case as its signer saw it.
func about(id string, prev suite.Digest) receipt.Subject { return receipt.About("case/"+id, prev) }

// Say signs an event.
func Say(key suite.PrivateKey, e Event) (receipt.Receipt, error) {
	return receipt.Sign(key, Statement, about(e.Case, e.Prev), e)
}

// Genesis is the head of a case that has not been opened.
func Genesis(id string) suite.Digest { return suite.DigestOf([]byte("yunei case v1\n" + id)) }

// after is the head once a receipt has been heard.
func after(head suite.Digest, rs ...suite.Digest) suite.Digest {
	b := []byte("yunei case head v1\n" + string(head))
	for _, d := range rs {
		b = append(append(b, '\n'), d...)
	}
	return suite.DigestOf(b)
}

// Ballot is what a blind vote commits to: the ruling, bound to the case, stage
// and round that it is cast in and to the voter's key, so that it stands for
// nothing anywhere else and can be nobody else's.
func Ballot(id, stage string, round int, by suite.PublicKey, r Ruling) []byte {
	raw, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and lists of them always marshal
	}
	return append(fmt.Appendf(nil, "yunei case vote v1 %s %s %d %s\n", id, stage, round, by), raw...)
}

// Read takes an event out of its receipt and checks everything that does not
// depend on the case, for whoever has more to ask of it than a table: whether
// the parties are all, or an article says what it is cited for. Errors are of
// kind Invalid or Tampered.
func Read(r receipt.Receipt) (Event, error) {
	var e Event
	if err := r.Read(Statement, &e); err != nil {
		return Event{}, fmt.Errorf("reading an event: %w", err)
	}
	s, want := r.Subject(), about(e.Case, e.Prev)
	if jobs.ID(e.Case) != nil || !digest(e.Prev) || s.Name != want.Name || len(s.Digest) != 1 || s.Digest["sha256"] != want.Digest["sha256"] {
		return Event{}, fmt.Errorf("reading an event: about another case than it says: %w", fault.Tampered)
	}
	if e.At.IsZero() || e.At.Location() != time.UTC || !e.At.Equal(e.At.Truncate(time.Second)) || e.At.Year() < 2000 || e.At.Year() > 9000 {
		return Event{}, fmt.Errorf("reading an event: its time: %w", fault.Invalid)
	}
	if !e.hasItsFields() || !e.wellFormed() {
		return Event{}, fmt.Errorf("reading an event: not what an event of %q holds: %w", e.Act, fault.Invalid)
	}
	return e, nil
}

// fields says which fields an act has, and which of them it must have.
var fields = map[Act]struct{ must, may string }{
	Start:    {"opening", ""},
	Submit:   {"refs", ""},
	Decide:   {"ruling", ""},
	Seal:     {"sealed", ""},
	Unseal:   {"ruling salt", ""},
	Return:   {"items", ""},
	Resubmit: {"items", "refs"},
	Escalate: {"text", ""},
	Withdraw: {"", "text"},
	Filed:    {"filing", ""},
	Attest:   {"filing text", ""},
	Fulfil:   {"condition filing", ""},
}

func (e Event) hasItsFields() bool {
	f, known := fields[e.Act]
	if !known {
		return false
	}
	must, may := strings.Fields(f.must), strings.Fields(f.may)
	for name, has := range map[string]bool{
		"opening": e.Opening != nil, "refs": len(e.Refs) > 0, "filing": e.Filing != nil, "ruling": e.Ruling != nil, "sealed": e.Sealed != "",
		"salt": e.Salt != nil, "items": len(e.Items) > 0, "condition": e.Condition != "", "text": e.Text != "",
	} {
		if slices.Contains(must, name) && !has || has && !slices.Contains(must, name) && !slices.Contains(may, name) {
			return false
		}
	}
	atStage := word(e.Stage) && e.Round > 0
	return atStage != (e.Act == Start) && (e.Act != Start || e.Stage == "" && e.Round == 0)
}

func (e Event) wellFormed() bool {
	if len(e.Refs) > maxRefs || len(e.Items) > maxItems || e.Text != "" && !text(e.Text) || e.Condition != "" && !word(e.Condition) {
		return false
	}
	for i, r := range e.Refs {
		if !word(r.Name) || !digest(r.Digest) || i > 0 && e.Refs[i-1].Name >= r.Name {
			return false
		}
	}
	for i, item := range e.Items {
		if !word(item.ID) || item.Text != "" && !text(item.Text) || i > 0 && e.Items[i-1].ID >= item.ID {
			return false
		}
	}
	if e.Sealed != "" && !commitment(e.Sealed) {
		return false
	}
	return (e.Opening == nil || e.Opening.check()) && (e.Filing == nil || e.Filing.check()) && (e.Ruling == nil || e.Ruling.check())
}

func (o Opening) check() bool {
	if !word(o.Kind) || !digest(o.Table) || !word(o.Profile.ID) || o.Profile.Version < 1 || !digest(o.Profile.Digest) || !title(o.Title) || len(o.Parties) > len(seats) {
		return false
	}
	for _, orgs := range o.Parties {
		if len(orgs) == 0 || len(orgs) > maxOrgs {
			return false
		}
		for i, org := range orgs {
			if jobs.ID(org) != nil || i > 0 && orgs[i-1] >= org {
				return false
			}
		}
	}
	return o.Year == 0 || o.Year >= 2000 && o.Year <= 9000
}

func (f Filing) check() bool {
	kind, sub, ok := strings.Cut(f.Media, "/")
	return word(f.Name) && digest(f.Digest) && title(f.Title) && len(f.Media) <= 100 && ok && word(kind) && sub != "" &&
		!strings.ContainsFunc(sub, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (r Ruling) check() bool {
	if !digest(r.On) || !r.Verdict.known() || r.Reason != "" && !text(r.Reason) || len(r.Basis) > maxBases || len(r.Conditions) > maxConditions {
		return false
	}
	for _, b := range r.Basis {
		if !b.check() {
			return false
		}
	}
	for i, c := range r.Conditions {
		if !word(c.ID) || !text(c.Text) || !slices.Contains([]ConditionKind{Limit, Precondition, Duty}, c.Kind) || i > 0 && r.Conditions[i-1].ID >= c.ID {
			return false
		}
	}
	return (r.Verdict == Conditional) == (len(r.Conditions) > 0)
}

// digest reports whether d is spelled as suite spells one.
func digest(d suite.Digest) bool { return d.Hex() != "" }

func commitment(c suite.Commitment) bool {
	h, ok := strings.CutPrefix(string(c), "hmac-")
	return ok && digest(suite.Digest(h))
}
