package oversight

import (
	"cmp"
	"slices"
	"time"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/profile"
)

// A Kind is what is owed. The first six are the words of duty.blocking.
type Kind string

// The kinds of duties.
const (
	Feedback   Kind = "feedback"    // 使用情况反馈
	RiskReport Kind = "risk-report" // 风险评估报告
	Drill      Kind = "drill"       // 应急演练
	Disposal   Kind = "disposal"    // 期满处置
	Backup     Kind = "backup"      // 备份恢复演练
	Assessment Kind = "assessment"  // 安全风险评估
	Quality    Kind = "quality"     // 数据质量反馈
	Disclosure Kind = "disclosure"  // 年度信息披露
	Evaluation Kind = "evaluation"  // 年度成效评估，由主管部门办理
	// Attestation is 等级保护等证明: its report is on the time for which it is valid. It
	// is on file or is not, and once it runs out is a finding; nothing asks for it by
	// a day.
	Attestation Kind = "attestation"
)

// kinds names them for people; of Evaluation no report is handed in, the case is it.
var kinds = map[Kind]profile.Name{
	Feedback: {ZH: "使用情况反馈", EN: "feedback on the use"}, RiskReport: {ZH: "风险评估报告", EN: "risk report"},
	Drill: {ZH: "应急演练", EN: "emergency drill"}, Disposal: {ZH: "期满处置", EN: "disposal at the end"},
	Backup: {ZH: "备份恢复演练", EN: "restore drill of backups"}, Assessment: {ZH: "安全风险评估", EN: "security risk assessment"},
	Quality: {ZH: "数据质量反馈", EN: "report on data quality"}, Disclosure: {ZH: "年度信息披露", EN: "yearly disclosure"},
	Evaluation: {ZH: "年度成效评估", EN: "yearly evaluation"}, Attestation: {ZH: "等级保护等证明", EN: "attestation of systems"},
	Update: {ZH: "目录更新", EN: "update of the catalogue"},
}

// Name is the kind for people.
func (k Kind) Name() profile.Name { return kinds[k] }

// Reported reports whether a report of the kind can be handed in.
func (k Kind) Reported() bool { return kinds[k] != profile.Name{} && k != Evaluation && k != Update }

// A Duty is what an organisation owes next of a kind. Due is the end of its last
// day. Extended says that the text binds somebody else (the users of shared
// data, say) and this operator is bound by its agreement: 内部扩展，由协议约定.
type Duty struct {
	Kind        Kind      `json:"kind"`
	Org         string    `json:"org"`                // who owes it
	Operator    string    `json:"operator,omitempty"` // Org, of an operator's
	About       string    `json:"about,omitempty"`    // of an evaluation: the operator; of an update: the dataset
	Scenario    string    `json:"scenario,omitempty"`
	Since       time.Time `json:"since"` // what the term counts from
	Due         time.Time `json:"due"`
	Overdue     bool      `json:"overdue"`
	Provisional bool      `json:"provisional,omitempty"` // 暂定
	Blocks      bool      `json:"blocks"`                // overdue, it stops runs
	Extended    bool      `json:"extended,omitempty"`
	Key         string    `json:"key"`
	Cite        Cite      `json:"cite"`
}

// Gate is the duty as a gate asks for it, for one operator: what the platform
// itself owes is owed to everybody's runs.
func (d Duty) Gate(operator string) gates.Duty {
	return gates.Duty{Kind: string(d.Kind), Operator: operator, Scenario: d.Scenario, Due: d.Due, Overdue: d.Overdue, Key: d.Key}
}

// Owed are the duties that gate G12 asks about before a run of an operator: its
// own, and those of the platform that block everybody.
func Owed(f Facts, operator string) []gates.Duty {
	all := []gates.Duty{}
	for _, d := range Duties(f) {
		if d.Operator == operator || d.Operator == "" && d.Org == f.Bureau && d.Blocks {
			all = append(all, d.Gate(operator))
		}
	}
	return all
}

// Duties lists what everybody owes, the earliest first. What was handed in and
// found unsound does not count as handed in.
func Duties(f Facts) []Duty {
	var all []Duty
	for _, l := range f.Licences {
		all = append(all, f.ofOperator(l)...)
	}
	for _, s := range f.Scenarios {
		all = append(all, f.ofScenario(s)...)
	}
	all = append(all, f.ofOrgs()...)
	all = append(all, f.ofChanges()...)
	slices.SortFunc(all, func(a, b Duty) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Org, b.Org), cmp.Compare(a.Scenario, b.Scenario), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

// ofOperator is what a licence brings: risk reports (authop.risk_report_months),
// drills where the city's drills bind an operator through its agreement, the
// yearly disclosure and the bureau's evaluation of the year.
func (f Facts) ofOperator(l Licence) []Duty {
	var all []Duty
	own := Duty{Org: l.Operator, Operator: l.Operator}
	if f.Profile.Yes("authop.risk_report") {
		all = f.every(all, own.of(RiskReport, "authop.risk_report"), "authop.risk_report_months", l.From, l.To)
	}
	if !f.Profile.Yes("authop.drill") && f.Profile.Yes("security.drill") && f.blocks(Drill) {
		d := own.of(Drill, "security.drill")
		d.Extended = true
		all = f.every(all, d, "security.drill_months", l.From, l.To)
	}
	if n, ok := f.Profile.Int("authop.disclosure_years"); ok && n > 0 {
		all = f.yearly(all, own.of(Disclosure, "authop.disclosure_years"), l, func(y int) (time.Time, bool) {
			return f.workday(calendar.Date{Year: y + 1, Month: time.March, Day: 31})
		}, func(y int) bool { return f.handed(Disclosure, l.Operator, "", yearOf(y)) })
	}
	if n, ok := f.Profile.Int("authop.evaluation_wd"); ok && f.Profile.Yes("authop.evaluation") {
		all = f.yearly(all, Duty{Org: f.Bureau, About: l.Operator, Kind: Evaluation, Key: "authop.evaluation"}, l, func(y int) (time.Time, bool) {
			due, err := f.Calendar.Due(calendar.Date{Year: y, Month: time.December, Day: 31}, n)
			return due.At, err != nil || due.Provisional
		}, func(y int) bool { return f.evaluated(l.Operator, y) })
	}
	return all
}

// ofScenario is what the use of data brings.
func (f Facts) ofScenario(s Scenario) []Duty {
	own := Duty{Org: s.Operator, Operator: s.Operator, Scenario: s.ID}
	all := f.feedback(nil, own, s)
	if f.Profile.Yes("authop.quality_feedback") && !s.First.IsZero() {
		all = f.every(all, own.of(Quality, "authop.quality_feedback"), "authop.evaluation_months", s.First, s.End)
	}
	if f.Profile.Yes("authop.drill") {
		all = f.every(all, own.of(Drill, "authop.drill"), "authop.drill_months", s.From, s.End)
	}
	if n, ok := f.Profile.Int("disposal.confirm_wd"); ok && !s.End.IsZero() && !f.Now.Before(s.End) && !f.since(Disposal, s.Operator, s.ID, s.End) {
		d := own.of(Disposal, firstLaw(f.Profile, "share.disposal", "disposal.confirm_wd"))
		d.Since, d.Extended = s.End, d.Key == "share.disposal" && s.Channel != profile.BySharing
		all = f.owe(all, d, f.working(s.End, n))
	}
	return all
}

// feedback is the report on the first use, within working days of the first run
// that succeeded (where the text leaves the start open, the house's reading), and
// the cadence that goes on.
func (f Facts) feedback(all []Duty, own Duty, s Scenario) []Duty {
	if s.First.IsZero() {
		return all
	}
	if n, ok := f.Profile.Int("share.feedback_wd"); ok && !f.since(Feedback, s.Operator, s.ID, s.First) {
		d := own.of(Feedback, "share.feedback_wd")
		d.Since, d.Extended = s.First, s.Channel != profile.BySharing
		all = f.owe(all, d, f.working(s.First, n))
	}
	if _, ok := f.Profile.Int("share.feedback_months"); ok && f.Profile.Yes("share.feedback") {
		d := own.of(Feedback, "share.feedback")
		d.Extended = s.Channel != profile.BySharing
		all = f.every(all, d, "share.feedback_months", s.First, s.End)
	}
	return all
}

// ofOrgs is what the providers and the bureau owe for their own systems.
func (f Facts) ofOrgs() []Duty {
	var all []Duty
	for _, org := range append(slices.Clone(f.Providers), f.Bureau) {
		if org == "" || f.Began.IsZero() {
			continue
		}
		own := Duty{Org: org}
		if f.Profile.Yes("security.assessment") {
			all = f.every(all, own.of(Assessment, "security.assessment"), "security.assessment_months", f.Began, time.Time{})
		}
		if f.Profile.Yes("security.drill") {
			all = f.every(all, own.of(Drill, "security.drill"), "security.drill_months", f.Began, time.Time{})
		}
		if org == f.Bureau && f.Profile.Yes("backup.required") {
			all = f.backup(all, own.of(Backup, "backup.required"))
		}
	}
	return all
}

// firstBackup is how many working days the platform has to show for the first time
// that a backup can be brought back, where an overdue one stops runs: the house's
// term, for no text has one.
const firstBackup = 10

// backup is the restore drill, by its cadence. A drill that failed leaves the
// backups unhealthy, and the duty overdue from that instant until one comes off; and
// where backups stop runs, health that nobody has ever reported is not taken for
// good a year long.
func (f Facts) backup(all []Duty, d Duty) []Duty {
	last, ok := f.latest(Backup, d.Org)
	switch {
	case ok && last.Failed:
		d.Since = last.At
		return f.owe(all, d, term{last.At, false})
	case !ok && f.blocks(Backup):
		d.Since = f.Began
		return f.owe(all, d, f.working(f.Began, firstBackup))
	}
	return f.every(all, d, "backup.drill_months", f.Began, time.Time{})
}

// latest is the last report of an organisation on a duty that is of no scenario.
func (f Facts) latest(k Kind, org string) (last Filed, ok bool) {
	for _, r := range f.Filed {
		if r.counts(k, org, "") && (!ok || !r.At.Before(last.At)) {
			last, ok = r, true
		}
	}
	return last, ok
}

func (d Duty) of(k Kind, key string) Duty {
	d.Kind, d.Key = k, key
	return d
}

// A term is when something is due, and whether that may still move.
type term struct {
	at          time.Time
	provisional bool
}

func (f Facts) working(from time.Time, n int) term {
	due, err := f.Calendar.Due(calendar.DateOf(from), n)
	if err != nil { // a number that no profile lets through: due at once
		return term{from, true}
	}
	return term{due.At, due.Provisional}
}

// every adds a duty that recurs: never more than the key's months from its start,
// or from the last report. One that falls after the end is not owed any more; a
// key without number is no cadence.
func (f Facts) every(all []Duty, d Duty, key string, from, end time.Time) []Duty {
	months, ok := f.Profile.Int(key)
	if !ok || months < 1 || from.IsZero() || from.After(f.Now) {
		return all
	}
	d.Since = from
	if last := f.last(d.Kind, d.Org, d.Scenario); last.After(from) {
		d.Since = last
	}
	at, provisional := f.day(d.Since, months)
	if !end.IsZero() && at.After(end) {
		return all
	}
	return f.owe(all, d, term{at, provisional})
}

// yearly adds a duty for every calendar year, that of now left out, in which a
// licence was in force and that is not done.
func (f Facts) yearly(all []Duty, d Duty, l Licence, due func(year int) (time.Time, bool), done func(year int) bool) []Duty {
	from, to := calendar.DateOf(l.From).Year, calendar.DateOf(f.Now).Year-1
	for y := max(from, to-maxYears); y <= min(to, calendar.DateOf(l.To).Year); y++ {
		if done(y) {
			continue
		}
		at, provisional := due(y)
		d.Since = calendar.Date{Year: y, Month: time.December, Day: 31}.End()
		all = f.owe(all, d, term{at, provisional})
	}
	return all
}

// maxYears bounds how many years that nobody accounted for are listed.
const maxYears = 10

// owe adds a duty. What an operator owes may stop its own runs; of what the platform
// owes, backups and assessments may stop everybody's; a provider's drill stops none.
func (f Facts) owe(all []Duty, d Duty, t term) []Duty {
	d.Due, d.Provisional, d.Overdue = t.at, t.provisional, !f.Now.Before(t.at)
	d.Blocks, d.Cite = f.blocks(d.Kind) && (d.Operator != "" || d.Org == f.Bureau && (d.Kind == Backup || d.Kind == Assessment)), CiteOf(f.Profile, d.Key)
	if d.Extended {
		d.Cite.ZH, d.Cite.EN = d.Cite.ZH+"；对授权运营方由协议约定（内部扩展）", d.Cite.EN+"; binds an operator through its agreement (house extension)"
	}
	return append(all, d)
}

// blocks reports whether the profile has an overdue duty of the kind stop runs.
func (f Facts) blocks(k Kind) bool {
	r, err := f.Profile.Rule("duty.blocking")
	return err == nil && r.Enforced() && r.Value.Has(string(k)) && f.Profile.Yes("duty.overdue_blocks")
}

// last is when a report was last handed in, zero if never.
func (f Facts) last(k Kind, org, scenario string) time.Time {
	var at time.Time
	for _, r := range f.Filed {
		if r.counts(k, org, scenario) && !r.Failed && r.At.After(at) {
			at = r.At
		}
	}
	return at
}

// since reports whether a report was handed in at or after an instant.
func (f Facts) since(k Kind, org, scenario string, from time.Time) bool {
	at := f.last(k, org, scenario)
	return !at.IsZero() && !at.Before(from)
}

// A span of time, its end left out.
type span struct{ from, to time.Time }

func yearOf(y int) span {
	return span{calendar.Date{Year: y, Month: time.January, Day: 1}.Start(), calendar.Date{Year: y, Month: time.December, Day: 31}.End()}
}

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// handed reports whether a report on exactly the span, or more, is on file.
func (f Facts) handed(k Kind, org, scenario string, s span) bool {
	return slices.ContainsFunc(f.Filed, func(r Filed) bool {
		return r.counts(k, org, scenario) && !r.From.After(s.from) && !r.To.Before(s.to.AddDate(0, 0, -1)) && !r.At.Before(s.to.AddDate(0, 0, -1))
	})
}
