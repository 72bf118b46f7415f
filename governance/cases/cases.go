// Package cases is the one mechanism behind every procedure: the Case (办件). A
// case is what a fold over signed events comes to, and a table of stages says
// what may happen at each point. The eleven procedures are tables (tables/*.yaml);
// there is no code for any one of them.
//
// An event is a receipt, signed with a key that a person holds outside the
// platform and that governance.Register names; it binds the digest of all that
// came before it in its case, so that nobody can leave out, add or reorder what
// a later signer has seen. What is not signed by a person did not happen: a
// process's key decides nothing, and a clock that has run out only shows that it
// has. The same events come to the same case, and an event that its table does
// not allow at that point is refused, with nothing changed.
//
// A blind vote is first a salted commitment and is opened when as many as the
// table asks for are in. It is bound to its case, stage, round and voter and to
// the digest of what is decided on. A decision says ALLOW, ALLOW_WITH_CONDITIONS,
// DENY or INCONCLUSIVE; the last blocks, and so does the zero value. A refusal
// cites what it rests on: law, by document and article, or a rule of the house,
// and says which.
//
// The package keeps nothing, signs nothing but what it is handed a key for, and
// knows no calendar: the rules of a city give a term for a key (Clock), and a
// table names the key. It does not look into what is decided on, nor whether the
// parties that an opening names are all that there ought to be: who acts on an
// ended case compares both. It never judges a seal, a licence or a signature on
// paper: evidence is 未核验 until a named person says that, and how, they checked
// it. It trusts the register for who holds which key, and its own tables.
package cases

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
)

// Bounds of what an event may hold.
const (
	maxText       = 2000 // bytes of a reason or of how something was checked
	maxTitle      = 200
	maxRefs       = 32
	maxItems      = 50
	maxBases      = 10
	maxConditions = 20
	maxEvidence   = 200 // files of a case
	maxOwn        = 50  // of them, of one organisation: nobody fills a case that others decide
	maxOrgs       = 64  // of one part
	maxEvents     = 2000
)

// A Verdict is what one person decides. The zero Verdict is none, and decides
// nothing.
type Verdict string

// The verdicts.
const (
	Allow        Verdict = "ALLOW"
	Conditional  Verdict = "ALLOW_WITH_CONDITIONS"
	Deny         Verdict = "DENY"
	Inconclusive Verdict = "INCONCLUSIVE" // cannot be told; blocks
)

func (v Verdict) known() bool {
	return v == Allow || v == Conditional || v == Deny || v == Inconclusive
}

// passes reports whether the verdict lets a case go on.
func (v Verdict) passes() bool { return v == Allow || v == Conditional }

// An Outcome is how a case has ended. The zero Outcome is Pending, and opens
// nothing.
type Outcome string

// The outcomes.
const (
	Pending   Outcome = ""
	Approved  Outcome = "approved"
	Refused   Outcome = "refused"
	Adverse   Outcome = "adverse" // decided against the party that the case is about
	Settled   Outcome = "settled" // done, where nothing was asked for
	Withdrawn Outcome = "withdrawn"
)

// A Phase says what the case waits for at its stage.
type Phase string

// The phases.
const (
	Open        Phase = "open"        // for the stage's owners
	Returned    Phase = "returned"    // for corrections; the stage's clock stands still
	Conditioned Phase = "conditioned" // for preconditions; everybody has decided
	Ended       Phase = "ended"
)

// A Seat is who acts at a stage: a role of a person, for an organisation that
// has the part of the same name in the case.
type Seat string

// The seats. Opener is the seat and the organisation that the case was opened
// from; of a data subject's request that is the desk that took it.
const (
	Operator Seat = "operator"
	Provider Seat = "provider"
	Bureau   Seat = "bureau"
	Checker  Seat = "checker"
	Opener   Seat = "opener"
)

// seats says which role a seat asks for, and of which kinds an organisation may
// be that has the part.
var seats = map[Seat]struct {
	role  governance.Role
	kinds []governance.Kind
}{
	Operator: {governance.RoleOperator, []governance.Kind{governance.Operator}},
	Provider: {governance.RoleOfficer, []governance.Kind{governance.Provider}},
	Bureau:   {governance.RoleBureau, []governance.Kind{governance.Bureau}},
	Checker:  {governance.RoleChecker, []governance.Kind{governance.Bureau, governance.Provider, governance.Trustee}},
}

// A Source says what a cited basis is.
type Source string

// The sources.
const (
	Law   Source = "law"
	House Source = "house" // 内部规则（非法定）
)

// A Basis is what a decision cites. Of law it names document and article.
type Basis struct {
	Source  Source `json:"source"`
	Doc     string `json:"doc,omitempty"`
	Article string `json:"article,omitempty"`
	Text    string `json:"text,omitempty"`
}

func (b Basis) check() bool {
	if len(b.Text) > maxTitle || b.Text != "" && !text(b.Text) {
		return false
	}
	switch b.Source {
	case Law:
		return title(b.Doc) && title(b.Article)
	case House:
		return b.Doc == "" && b.Article == "" && b.Text != ""
	default:
		return false
	}
}

// String is the citation, in Chinese.
func (b Basis) String() string {
	if b.Source == Law {
		return "《" + b.Doc + "》" + b.Article
	}
	return "内部规则（非法定）：" + b.Text
}

// A ConditionKind is what a condition asks for.
type ConditionKind string

// The kinds of conditions.
const (
	Limit        ConditionKind = "limit"        // 限制: on what is allowed
	Precondition ConditionKind = "precondition" // 前提: the case waits for it
	Duty         ConditionKind = "duty"         // 持续义务: after the case has ended
)

// A Condition is one that somebody allowed under.
type Condition struct {
	ID   string        `json:"id"`
	Kind ConditionKind `json:"kind"`
	Text string        `json:"text"`
}

func refuse(code fault.Code) error { return fault.Refuse(code, governance.House) }

// text reports whether s may stand in a record: not too long, and nothing that
// would rearrange it.
func text(s string) bool {
	return s != "" && len(s) <= maxText && utf8.ValidString(s) && strings.TrimSpace(s) != "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) })
}

func title(s string) bool { return text(s) && len(s) <= maxTitle && !strings.Contains(s, "\n") }

// word reports whether s is a name as tables spell them.
func word(s string) bool {
	if s == "" || len(s) > 48 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}
