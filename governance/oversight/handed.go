package oversight

import (
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// The kinds of statements about reports.
const (
	Handing   receipt.Kind = "duty-report" // a person of who owes it hands a report in
	Attesting receipt.Kind = "duty-attest" // an officer of the bureau says how it was checked
)

// skew is how far a statement's time may be from ours.
const skew = 10 * time.Minute

type (
	// Handed states that a report is handed in: the digest of the paper, and of
	// what it says the rest, so that who reads the statement need not have the
	// paper. Org owes it.
	Handed struct {
		Report   suite.Digest `json:"report"`
		Duty     Kind         `json:"duty"`
		Org      string       `json:"org"`
		Scenario string       `json:"scenario,omitempty"`
		From     time.Time    `json:"from"`
		To       time.Time    `json:"to"`
		Failed   bool         `json:"failed,omitempty"` // what was tried did not come off
		At       time.Time    `json:"at"`
	}
	// Checked states how somebody checked a report, by the digest of the statement
	// that handed it in, and whether it was found sound.
	Checked struct {
		On    suite.Digest `json:"on"`
		Sound bool         `json:"sound"`
		How   string       `json:"how"`
		Org   string       `json:"org"`
		At    time.Time    `json:"at"`
	}
	// Filed is a report on file. As long as Checker is nobody it is 未核验, and
	// counts as handed in; one that was found unsound does not.
	Filed struct {
		Handed
		ID      suite.Digest `json:"id"` // of the statement
		By      string       `json:"by"` // user
		Checker string       `json:"checker,omitempty"`
		Sound   bool         `json:"sound,omitempty"`
		How     string       `json:"how,omitempty"`
	}
)

// Status is how far the report was checked, for people.
func (f Filed) Status() (zh, en string) {
	switch {
	case f.Checker == "":
		return "未核验", "not verified"
	case f.Sound:
		return "已核验", "verified"
	default:
		return "核验不实", "found unsound"
	}
}

func (f Filed) counts(k Kind, org, scenario string) bool {
	return f.Duty == k && f.Org == org && f.Scenario == scenario && (f.Checker == "" || f.Sound)
}

// About is what the statement is about.
func (h Handed) About() receipt.Subject {
	return receipt.About("duty/"+string(h.Duty)+"/"+h.Org, h.Report)
}

// About is what the statement is about.
func (c Checked) About() receipt.Subject { return receipt.About("duty-report", c.On) }

// Hand signs that a report is handed in: raw is the paper.
func Hand(key suite.PrivateKey, raw []byte, at time.Time) (receipt.Receipt, error) {
	p, err := papers.Read[papers.Report](raw, papers.KindReport)
	if err != nil {
		return receipt.Receipt{}, err
	}
	h := stated(raw, p, at)
	return receipt.Sign(key, Handing, h.About(), h)
}

func stated(raw []byte, p papers.Report, at time.Time) Handed {
	return Handed{
		Report: suite.DigestOf(raw), Duty: Kind(p.Duty), Org: p.Operator, Scenario: p.Scenario, From: p.From, To: p.To, Failed: p.Failed,
		At: at.UTC().Truncate(time.Second),
	}
}

// MayReport reports whether r hands in the paper raw as it may be: signed at
// about this time by a live person whose role and organisation owe the duty, and
// saying what the paper says. It does not ask whether the duty was due: who
// reports early is not refused.
func MayReport(g governance.Register, r receipt.Receipt, raw []byte, now time.Time) (Handed, error) {
	u, err := g.User(r.By(), now)
	if err != nil {
		return Handed{}, err
	}
	p, err := papers.Read[papers.Report](raw, papers.KindReport)
	if err != nil {
		return Handed{}, err
	}
	var h Handed
	if err := r.Read(Handing, &h); err != nil {
		return Handed{}, err
	}
	want := stated(raw, p, h.At)
	if h != want || !about(r, h.About()) {
		return Handed{}, fault.Refuse("tampered", governance.House)
	}
	if u.Org != h.Org || !owes(u.Role, h.Duty) {
		return Handed{}, fault.Refuse("role", governance.House)
	}
	if !h.Duty.Reported() || h.Scenario != "" && jobs.ID(h.Scenario) != nil || !words(p.Text) || !h.From.Before(h.To) || h.To.After(now.Add(skew)) && h.Duty != Attestation {
		return Handed{}, fault.Refuse("duty-report", governance.House)
	}
	return h, near(h.At, now)
}

// owes says whose people hand in which reports. Backups are the bureau's.
func owes(role governance.Role, k Kind) bool {
	switch role {
	case governance.RoleOperator:
		return k != Backup && k != Assessment
	case governance.RoleOfficer:
		return k == Assessment || k == Drill || k == Disposal || k == Attestation
	case governance.RoleBureau:
		return k == Assessment || k == Drill || k == Backup || k == Disclosure || k == Attestation
	default:
		return false
	}
}

// MayAttest reports whether r may say how the report was checked: an officer of
// the bureau, who did not hand it in, and for the first time.
func MayAttest(g governance.Register, f Filed, r receipt.Receipt, now time.Time) (Checked, error) {
	var c Checked
	u, err := g.User(r.By(), now)
	if err != nil {
		return c, err
	}
	if err := r.Read(Attesting, &c); err != nil {
		return c, err
	}
	switch {
	case u.Role != governance.RoleBureau:
		return c, fault.Refuse("role", governance.House)
	case c.On != f.ID || c.Org != u.Org || !about(r, c.About()):
		return c, fault.Refuse("tampered", governance.House)
	case f.By == u.ID:
		return c, fault.Refuse("case-own", governance.House)
	case f.Checker != "":
		return c, fault.Refuse("decision-twice", governance.House)
	case !words(c.How):
		return c, fault.Refuse("duty-report", governance.House)
	}
	return c, near(c.At, now)
}

func near(at, now time.Time) error {
	if d := now.Sub(at); d > skew || d < -skew {
		return fault.Refuse("request-time", governance.House)
	}
	return nil
}

// about reports whether a receipt is about exactly one digest, the one wanted.
func about(r receipt.Receipt, want receipt.Subject) bool {
	s := r.Subject()
	return s.Name == want.Name && len(s.Digest) == 1 && s.Digest["sha256"] == want.Digest["sha256"]
}

// words reports whether s says something that may stand in a record.
func words(s string) bool {
	return len(s) <= papers.MaxSize && utf8.ValidString(s) && slices.ContainsFunc([]rune(s), unicode.IsLetter) &&
		!slices.ContainsFunc([]rune(s), func(r rune) bool { return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) })
}

// OnFile is what statements come to, in the order in which they were handed in.
// A key is asked for at the time of its statement: it may have ended since. What
// nobody registered has signed is left out, and so is an attestation by other
// than an officer of the bureau.
func OnFile(g governance.Register, handed, attested []receipt.Receipt) []Filed {
	var all []Filed
	for _, r := range handed {
		var h Handed
		if r.Read(Handing, &h) != nil || !about(r, h.About()) {
			continue
		}
		u, err := g.User(r.By(), h.At)
		if err != nil || u.Org != h.Org || !owes(u.Role, h.Duty) {
			continue
		}
		all = append(all, Filed{Handed: h, ID: r.Digest(), By: u.ID})
	}
	for _, r := range attested {
		var c Checked
		if r.Read(Attesting, &c) != nil {
			continue
		}
		i := slices.IndexFunc(all, func(f Filed) bool { return f.ID == c.On })
		if i < 0 {
			continue
		}
		if _, err := MayAttest(g, all[i], r, c.At); err == nil {
			u, _ := g.User(r.By(), c.At)
			all[i].Checker, all[i].Sound, all[i].How = u.ID, c.Sound, c.How
		}
	}
	slices.SortStableFunc(all, func(a, b Filed) int { return a.At.Compare(b.At) })
	return all
}

// Sees reports whether a person reads of a report: the bureau's, auditors, and
// the people of who handed it in. Not checkers.
func Sees(u governance.User, org string) bool {
	return u.Role == governance.RoleBureau || u.Role == governance.RoleAuditor || u.Org == org && u.Role != governance.RoleChecker && u.Role != ""
}
