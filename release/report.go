package release

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A Text is one sentence in two languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// A Lang chooses between them; the zero Lang is Chinese.
type Lang uint8

// The languages of a report.
const (
	ZH Lang = iota
	EN
)

func (t Text) in(l Lang) string {
	if l == EN {
		return t.EN
	}
	return t.ZH
}

// A Check is the outcome of one check.
type Check struct {
	Name   string `json:"check"`
	Part   Text   `json:"part"`   // what it looks at
	Proves Text   `json:"proves"` // what follows if it holds
	OK     bool   `json:"ok"`
}

// A Report is what a verification found. The zero Report, and one of a bundle
// that did not hold, is not Valid and says nothing of the run.
type Report struct {
	Valid  bool    `json:"valid"`
	Size   int     `json:"size"` // of the bundle, bytes
	Checks []Check `json:"checks"`

	Installation string       `json:"installation,omitempty"`
	Run          string       `json:"run,omitempty"`
	Permit       string       `json:"permit,omitempty"`
	Terms        suite.Digest `json:"terms,omitempty"`
	Scenario     string       `json:"scenario,omitempty"`
	Purpose      string       `json:"purpose,omitempty"`
	Operator     string       `json:"operator,omitempty"`
	Program      suite.Digest `json:"program,omitempty"`
	Mode         jobs.Mode    `json:"mode,omitempty"`
	Protection   Text         `json:"protection,omitzero"` // of the sum, and what it stands on
	// Evidence is the type of what vouched for the gate, to the trustees and to the
	// domains; the words, and whether the gate's host could read what it opened,
	// follow from it.
	Evidence     jobs.Evidence `json:"evidence,omitempty"`
	Confidential bool          `json:"confidential_against_host"`
	Place        Text          `json:"place,omitzero"`
	Profile      string        `json:"profile,omitempty"`
	Verdict      string        `json:"verdict,omitempty"`    // the gate's: pass, review (people decide), or fail (by exception)
	Exceptions   []string      `json:"exceptions,omitempty"` // by code, that the votes name for a candidate that failed
	Domains      []string      `json:"domains,omitempty"`
	Trustees     []string      `json:"trustees,omitempty"` // those that answered
	Checkers     []string      `json:"checkers,omitempty"` // organisations of the two who approved
	Recipients   []string      `json:"recipients,omitempty"`
	Debits       []msg.Debit   `json:"debits,omitempty"` // in the order of Domains; mode dp
	Form         suite.Digest  `json:"form,omitempty"`   // of the program, as it was run
	Engines      []string      `json:"engines,omitempty"`
	Replayed     []string      `json:"replayed,omitempty"` // domains that computed it again and came to the same
	SlotBits     float64       `json:"slot_bits"`          // what the slot of release can tell beside rho, at most
	Started      time.Time     `json:"started,omitzero"`   // as the operator states
	Witnessed    time.Time     `json:"witnessed,omitzero"`
	Leaves       uint64        `json:"leaves,omitempty"`     // of the ledger at the checkpoint
	Statements   int           `json:"statements,omitempty"` // in the bundle
	NotProven    []Text        `json:"not_proven,omitempty"`

	// Candidate is what is released; its zero value if the bundle does not hold.
	Candidate jobs.Candidate `json:"-"`
}

// report says of the run what the checks have proved.
func (v *verification) report(done []Check) Report {
	t := v.terms
	r := Report{
		Valid: true, Size: len(v.raw), Checks: done,
		Installation: v.file.Installation, Run: v.run.ID, Permit: t.ID, Terms: v.permit.Digest(), Scenario: t.Scenario,
		Purpose: t.Purpose, Operator: t.Operator.Org, Program: t.Program.Digest, Mode: t.Mode, Protection: Text(t.ProtectionWords()),
		Evidence: t.Gate.Evidence, Confidential: t.Gate.ConfidentialAgainstHost(), Place: Text(t.Gate.Evidence.Words()),
		Profile: v.candidate.Profile, Verdict: v.candidate.Verdict, Trustees: v.active, Recipients: t.Recipients, Started: v.run.At, Witnessed: v.tree.Time,
		Leaves: v.tree.Size, Statements: len(v.file.Statements), NotProven: notProven(t), Candidate: v.table,
		SlotBits: t.SlotBits(),
	}
	for _, m := range t.Members {
		r.Domains = append(r.Domains, m.Domain)
		body, err := msg.Read[msg.ConfirmBody](v.view, v.round, msg.Confirm, m.Site.Name)
		if err == nil && body.Debit != nil {
			r.Debits = append(r.Debits, *body.Debit)
		}
	}
	for _, m := range t.Members {
		if b, err := msg.Read[msg.ReplayedBody](v.view, 0, msg.Replayed, m.Site.Name); err == nil && b.Agrees {
			r.Replayed = append(r.Replayed, m.Domain)
		}
		if b, err := msg.Read[msg.AdmittedBody](v.view, 0, msg.Admitted, m.Site.Name); err == nil {
			r.Form, r.Engines = b.Form, b.Engines
		}
	}
	for _, c := range v.checkers {
		r.Checkers = append(r.Checkers, c.Org)
	}
	for _, e := range v.exceptions {
		r.Exceptions = append(r.Exceptions, e.Code)
	}
	return r
}

// excepted spells the exceptions out: codes of the closed list, each with its
// sentence; a dash where nothing failed.
func (r Report) excepted(l Lang) []string {
	var list []string
	for _, code := range r.Exceptions {
		for _, e := range governance.Exceptions {
			if e.Code == code {
				list = append(list, e.Code+" "+Text{e.ZH, e.EN}.in(l))
			}
		}
	}
	if len(list) == 0 {
		return []string{"-"}
	}
	return list
}

// Print writes the report as text.
func (r Report) Print(w io.Writer, l Lang) error {
	var b strings.Builder
	r.verdict(&b, l)
	if r.Valid {
		r.facts(&b, l)
	}
	section(&b, Text{"核验过程", "Checked"}.in(l))
	for _, c := range r.Checks {
		mark, says := Text{"通过", "ok"}, c.Proves
		if !c.OK {
			mark, says = Text{"未通过", "BROKEN"}, Text{"此部分不成立，其后各部分未再核验。", "This part does not hold; what follows it was not looked at."}
		}
		fmt.Fprintf(&b, "  [%s] %s (%s)\n      %s\n", mark.in(l), c.Part.in(l), c.Name, says.in(l))
	}
	if r.Valid {
		section(&b, Text{"未核验（本发布包不能证明）", "Not proven by this bundle"}.in(l))
		for _, t := range r.NotProven {
			fmt.Fprintf(&b, "  - %s\n", t.in(l))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("printing a report: %w", err)
	}
	return nil
}

func section(b *strings.Builder, title string) { fmt.Fprintf(b, "\n%s\n", title) }

func (r Report) verdict(b *strings.Builder, l Lang) {
	if r.Valid {
		fmt.Fprintln(b, Text{"发布包核验通过。", "The release holds."}.in(l))
		return
	}
	part, name := Text{"（未核验）", "(not verified)"}, "-"
	if n := len(r.Checks); n > 0 {
		part, name = r.Checks[n-1].Part, r.Checks[n-1].Name
	}
	fmt.Fprintf(b, Text{"发布包核验未通过：%s（%s）。请勿采信其中任何内容。\n", "The release does NOT hold: %s (%s). Believe nothing in it.\n"}.in(l), part.in(l), name)
}

func (r Report) facts(b *strings.Builder, l Lang) {
	zone := time.FixedZone("UTC+8", 8*3600)
	stamp := func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04:05 -07:00") }
	for _, f := range []struct {
		name  Text
		value string
	}{
		{Text{"平台", "installation"}, r.Installation},
		{Text{"运行", "run"}, r.Run},
		{Text{"授权凭据", "permit"}, r.Permit + "  " + string(r.Terms)},
		{Text{"场景与目的", "scenario, purpose"}, r.Scenario + ", " + r.Purpose},
		{Text{"授权运营方", "operator"}, r.Operator},
		{Text{"程序", "program"}, string(r.Program)},
		{Text{"执行形式", "as run"}, string(r.Form)},
		{Text{"执行引擎", "engines"}, strings.Join(r.Engines, ", ")},
		{Text{"域内复算一致", "replayed alike in"}, strings.Join(r.Replayed, ", ")},
		{Text{"模式", "mode"}, string(r.Mode)},
		{Text{"求和保护", "protection of the sum"}, r.Protection.in(l)},
		{Text{"检查规则", "profile"}, r.Profile},
		{Text{"闸门结论", "gate's verdict"}, r.Verdict},
		{Text{"例外理由", "exceptions"}, strings.Join(r.excepted(l), ", ")},
		{Text{"关口证据", "gate evidence"}, string(r.Evidence)},
		{Text{"关口对宿主机保密", "gate confidential against its host"}, map[bool]Text{true: {"是", "yes"}, false: {"否", "no"}}[r.Confidential].in(l) + Text{"。", ". "}.in(l) + r.Place.in(l)},
		{Text{"参与域", "domains"}, strings.Join(r.Domains, ", ")},
		{Text{"应答托管方", "trustees"}, strings.Join(r.Trustees, ", ")},
		{Text{"审核员单位", "checkers of"}, strings.Join(r.Checkers, ", ")},
		{Text{"接收方", "recipients"}, strings.Join(r.Recipients, ", ")},
		{Text{"启动时间（运营方自述）", "started (as stated)"}, stamp(r.Started)},
		{Text{"见证时间", "witnessed"}, stamp(r.Witnessed)},
		{Text{"日志长度", "leaves of the log"}, strconv.FormatUint(r.Leaves, 10)},
		{Text{"签名陈述", "statements"}, strconv.Itoa(r.Statements)},
		{Text{"文件大小（字节）", "size (bytes)"}, strconv.Itoa(r.Size)},
	} {
		fmt.Fprintf(b, "  %s: %s\n", f.name.in(l), plain(f.value))
	}
	if r.Mode.Noisy() {
		fmt.Fprintf(b, Text{"  epsilon 之外：各域作答的时段合计至多透露 %.1f 比特，每次复算同此，另有意外事件\n", "  outside epsilon: at most %.1f bits by the slots at which the domains answer, as many again for a replay, and incidents\n"}.in(l), r.SlotBits)
	}
	for i, d := range r.Debits {
		form := Text{"  预算（%s，%s）：本次 rho %s，此前 %s，此后 %s\n", "  budget (%s, %s): rho %s, before %s, after %s\n"}.in(l)
		fmt.Fprintf(b, form, r.Domains[i], plain(d.Namespace), d.Cost, d.Before, d.After)
		if d.Stored != "" {
			fmt.Fprintf(b, Text{"    运行 %s 已存答案的再次给出，不另计费\n", "    stored answer of run %s, at no further cost\n"}.in(l), plain(d.Stored))
		}
	}
}

// plain makes a string of the bundle fit for a terminal.
func plain(s string) string {
	q := strconv.Quote(s)
	return strings.ReplaceAll(strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`), `\\`, `\`)
}
