// Package governance says who may do what: who registers whom, who may put
// data into the catalogue, who may run an operation on it, whether an
// application is in order, whose turn it is to decide, and who may vote on
// what would go out. Each rule is a pure function of the Register (the facts
// at hand), of signed receipts and of an instant that is given; it returns nil
// or a fault.Refusal that cites its basis. The console asks the same function
// that the server enforces.
//
// The package keeps nothing, signs nothing and sends nothing. It trusts the
// root key that a person gave at installation to register people and
// processes, and a registered key for its own role only. Nothing that a
// process holds can take a decision: a process is never a user, and no key is
// registered twice.
//
// A basis names an article only where the rules of the city that the Register
// holds say so; everything else is House, a rule of ours without law behind it.
package governance

import (
	"time"

	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// House is cited where no law says so: 内部规则（非法定）.
const House = "house"

// Keys of the city's rules that are cited here; which article that is, the
// profile says.
const (
	keyOfficers    = "org.officers"           // an organ keeps its own catalogue
	keyLicence     = "authop.licence"         // the bureau authorises operators
	keyApplication = "authop.one_application" // 一场景一申请
	keyReview      = "authop.one_review"      // 一需求一审核: the provider reviews
	KeyAgreement   = "authop.one_agreement"   // 一场景一协议: signed once the provider's review has passed
)

// Bounds of what may be registered.
const (
	maxTitle    = 200  // bytes of a text for people
	maxColumns  = 512  // of an entry
	maxCodes    = 4096 // of a column
	maxVersions = 1000 // of an entry
	maxPurposes = 100  // of a licence
)

// A Kind is what an organisation is.
type Kind string

// The kinds of organisations.
const (
	Operator Kind = "operator" // 授权运营方
	Provider Kind = "provider" // 数据提供方
	Bureau   Kind = "bureau"   // 大数据部门
	Trustee  Kind = "trustee"  // 密钥托管方
)

// An Org is a registered organisation.
type Org struct {
	ID    string `json:"id"`
	Title string `json:"title"` // for people, in Chinese
	Kind  Kind   `json:"kind"`
}

// A Role is what a person may do for their organisation.
type Role string

// The roles.
const (
	RoleOperator Role = "operator"         // applies, agrees, starts runs
	RoleOfficer  Role = "provider-officer" // decides on the provider's data
	RoleAdmin    Role = "provider-admin"   // runs the provider's domain; decides nothing
	RoleBureau   Role = "bureau-officer"   // licenses, agrees
	RoleChecker  Role = "output-checker"   // votes on candidates
	RoleAuditor  Role = "auditor"          // reads
)

// seats says where a role may be held. An operator's people hold no other: who
// uses data neither decides on it nor checks what leaves (house, after the
// separation of administration and operation).
var seats = map[Role][]Kind{
	RoleOperator: {Operator},
	RoleOfficer:  {Provider},
	RoleAdmin:    {Provider},
	RoleBureau:   {Bureau},
	RoleChecker:  {Provider, Bureau, Trustee},
	RoleAuditor:  {Provider, Bureau, Trustee},
}

// A User is a person in one role, and the key that they hold outside the
// platform. A key that has met NotAfter does nothing any more.
type User struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Org      string          `json:"org"`
	Role     Role            `json:"role"`
	Key      suite.PublicKey `json:"key"`
	NotAfter time.Time       `json:"not_after"`
}

// Live reports whether the user's key may still be used.
func (u User) Live(now time.Time) bool { return u.Key != "" && now.Before(u.NotAfter) }

// A Duty is what a process does.
type Duty string

// The duties of processes.
const (
	Site        Duty = "site"
	Committee   Duty = "trustee"
	Gate        Duty = "gate"
	Coordinator Duty = "coordinator"
)

// A Process is a daemon, its key, and, where others send it letters, its box. A
// revoked one's key does nothing any more.
type Process struct {
	Name    string          `json:"name"`
	Kind    Duty            `json:"kind"`
	Key     suite.PublicKey `json:"key"`
	Box     suite.BoxKey    `json:"box,omitempty"` // the coordinator's desk
	Revoked bool            `json:"revoked,omitempty"`
}

// A Part is the role that a column plays in its dataset.
type Part string

// The parts of columns. No permit names a column of the first two.
const (
	UnitIdentifier   Part = "unit"              // the direct identifier that names the privacy unit
	DirectIdentifier Part = "direct_identifier" // any other
	QuasiIdentifier  Part = "quasi_identifier"
	Frame            Part = "frame" // an attribute that an attacker is assumed to know
	Measure          Part = "measure"
)

// granted lists the parts that a permit may name.
var granted = []Part{QuasiIdentifier, Frame, Measure}

// A Column is the public description of a column.
type Column struct {
	Name  string   `json:"name"`
	Title string   `json:"title,omitempty"`
	Type  string   `json:"type"`
	Role  Part     `json:"role"`
	Codes []string `json:"codes,omitempty"` // the closed list, where there is one
	// Labels name the codes for people: none, or one a code.
	Labels []string `json:"labels,omitempty"`
}

// A Share is the sharing attribute of an entry (共享属性).
type Share string

// The sharing attributes.
const (
	Unconditional Share = "unconditional" // 无条件共享
	Conditional   Share = "conditional"   // 有条件共享
	NotShared     Share = "not-shared"    // 不予共享
)

// A Version is one state of a dataset. Its size is public.
type Version struct {
	ID   string    `json:"version"`
	Rows int64     `json:"rows"`
	At   time.Time `json:"at"` // registered
	// Set commits to the numbers of the persons or bodies of the version, so that
	// it can be joined (jobs.Join); without one it cannot.
	Set *set.Commitment `json:"set,omitempty"`
	// Quality is how good it is, where the provider says so and rows are many.
	Quality *Quality `json:"quality,omitempty"`
	// Box is the domain's for queries of verifications (jobs.Verify); without one
	// there is none.
	Box suite.BoxKey `json:"box,omitempty"`
}

// An Entry is a dataset in the catalogue. Everything in it is public.
type Entry struct {
	ID       string       `json:"id"`
	Title    string       `json:"title"`
	Provider string       `json:"provider"` // organisation
	Domain   string       `json:"domain"`   // whose boundary the rows never leave
	Share    Share        `json:"share"`
	Schema   suite.Digest `json:"schema"` // of the schema file that the domain reads with
	Columns  []Column     `json:"columns"`
	Versions []Version    `json:"versions"`
}

// A Licence lets an organisation operate on data of a field, for purposes.
type Licence struct {
	ID        string    `json:"id"`
	Operator  string    `json:"operator"` // organisation
	Field     string    `json:"field"`    // 领域
	Purposes  []string  `json:"purposes"` // codes that applications may name
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Basis     string    `json:"basis"`            // what the bureau relies on
	Reason    string    `json:"reason,omitempty"` // for a longer term than the city's rules have it
	Case      string    `json:"case,omitempty"`   // operator.admit that decided on it
}

// Live reports whether the licence is in force.
func (l Licence) Live(now time.Time) bool {
	return !now.Before(l.NotBefore) && now.Before(l.NotAfter)
}
