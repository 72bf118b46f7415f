// Package fault names the kinds of failure that a caller may act on, and that
// may cross a process or a trust boundary, and the refusals that a user reads.
// A Kind is an error, so that
//
//	errors.Is(err, fault.Denied)
//
// asks what kind err is. The text around a Kind stays on the side of the
// boundary that wrote it. A Refusal is the exception that is meant to travel:
// it carries a code of a closed table, and the two sentences that the table
// holds for that code; nothing a guest, a client or the data caused is in it.
package fault

import (
	"errors"
	"fmt"
)

// A Kind is a class of failure.
type Kind string

// The kinds of failure.
const (
	Denied    Kind = "denied"    // the rules say no
	Invalid   Kind = "invalid"   // the request makes no sense
	NotFound  Kind = "not found" // or not yours to see
	Conflict  Kind = "conflict"  // not in this state
	Exhausted Kind = "exhausted" // a limit was met
	Tampered  Kind = "tampered"  // a digest or a signature does not hold
	Guest     Kind = "guest"     // a guest failed before any row was read; no more is told
	Internal  Kind = "internal"  // ours; the user is told no more
)

// Error returns the kind as a word.
func (k Kind) Error() string { return string(k) }

// Of returns the kind of err, Internal if it has none.
func Of(err error) Kind {
	if k, ok := errors.AsType[Kind](err); ok {
		return k
	}
	return Internal
}

// A Party is who can put a refusal right.
type Party string

// The parties that a refusal may name.
const (
	Operator Party = "operator" // 授权运营方
	Provider Party = "provider" // 数据提供方
	Bureau   Party = "bureau"   // 大数据部门
	Checker  Party = "checker"  // 出域审核员
	Platform Party = "platform" // 平台运维方
	Nobody   Party = "nobody"   // final: nothing puts it right but a new start
)

// A Code names one refusal of the closed table in texts.go.
type Code string

// A Refusal is a no that a user reads. Its zero value is a refusal of our own
// making (Internal). Build one with Refuse, so that its texts come from the
// table.
type Refusal struct {
	Kind  Kind   `json:"kind"`
	Code  Code   `json:"code"`
	Who   Party  `json:"who"`             // who can fix it
	Basis string `json:"basis,omitempty"` // article or house rule; never data
	ZH    string `json:"zh"`
	EN    string `json:"en"`
}

// Refuse returns the refusal of code, with the basis that the rule cites
// ("" if none). A code that is not in the table is an internal fault.
func Refuse(code Code, basis string) error {
	t, ok := texts[code]
	if !ok {
		return Refusal{Kind: Internal, Code: "internal", Who: Platform, ZH: texts["internal"].zh, EN: texts["internal"].en}
	}
	return Refusal{Kind: t.kind, Code: code, Who: t.who, Basis: basis, ZH: t.zh, EN: t.en}
}

// Specify is Refuse with more exact sentences after the table's, and who can fix
// just that. Whoever calls it takes them from a closed table of its own: nothing
// a guest, a client or the data caused may be in them but a name of the form that
// all names have.
func Specify(code Code, basis string, who Party, zh, en string) error {
	r, ok := errors.AsType[Refusal](Refuse(code, basis))
	if !ok || r.Code != code || who == "" {
		return r
	}
	r.Who, r.ZH, r.EN = who, r.ZH+"："+zh, r.EN+": "+en
	return r
}

// Error returns the English sentence, who can fix it, and the code.
func (r Refusal) Error() string {
	if r.Code == "" {
		return string(Internal)
	}
	return fmt.Sprintf("%s (%s; %s)", r.EN, r.Code, r.Who)
}

// Is lets errors.Is(err, fault.Denied) ask a Refusal for its kind.
func (r Refusal) Is(target error) bool {
	k, ok := target.(Kind) // Is compares one link of the chain
	return ok && k == r.Kind
}

// As lets Of find the kind of a Refusal.
func (r Refusal) As(target any) bool {
	if k, ok := target.(*Kind); ok {
		*k = r.Kind
		return true
	}
	return false
}

// Show returns the refusal that may be shown to a user for err: the Refusal
// in its chain, or the table's sentence for its bare kind. The rest of the
// text of err stays here.
func Show(err error) Refusal {
	if r, ok := errors.AsType[Refusal](err); ok {
		return r
	}
	code, ok := byKind[Of(err)]
	if !ok {
		code = "internal"
	}
	r, _ := errors.AsType[Refusal](Refuse(code, ""))
	return r
}
