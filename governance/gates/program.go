package gates

import (
	"slices"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// program is G10: somebody else than its author has reviewed the very program,
// and a third party's papers are on file and checked.
func (a *asking) program() {
	switch {
	case a.Terms.Join != nil:
		a.moot("no-program", "program.review")
		return
	case !a.Terms.HasProgram():
		a.moot("verify-no-program", "program.review")
		return
	}
	a.held("program", string(a.Terms.Program.Digest))
	keys := []string{"product.standard", "program.review"}
	if !stands(a, a.made, programKind, keys...) {
		return
	}
	p, id := a.made.body, a.made.ref.ID
	if p.Digest != a.Terms.Program.Digest {
		a.no("program-other", id, keys...)
	}
	source, _ := a.made.c.Ref("source")
	if r := a.Terms.Program.Review; p.Source != source || r != nil && r.Source != p.Source {
		a.no("program-source", id, keys...)
	}
	if !a.reviewed(p.Author) {
		a.no("program-own", id, "program.review")
	}
	for _, m := range p.Check(a.Profile) {
		a.lack(Refused, "program-lacks", id, m)
	}
	a.vendor(p, id)
}

func (a *asking) reviewed(author string) bool {
	by := slices.Concat(a.made.c.Rulings("review"), a.made.c.Rulings("second-review"))
	apart := func(c cases.Cast) bool { org := a.orgOf(c.By); return org != "" && org != author && author != "" }
	return slices.ContainsFunc(by, apart) && !slices.ContainsFunc(by, func(c cases.Cast) bool { return !apart(c) })
}

// vendor: of whoever is not the user itself, the city's papers are on file, each the
// one that the program's paper names, and checked by a named person. A paper that
// does not say that a third party made the program makes it none.
func (a *asking) vendor(p papers.Program, id string) {
	asked := a.words("security.vendor")
	switch {
	case len(asked) == 0:
		return
	case !p.Vendor && p.Author != a.Terms.Operator.Org:
		a.no("vendor-unsaid", id, "security.vendor")
	}
	if !p.Vendor {
		return
	}
	checked := map[string]suite.Digest{}
	for _, e := range a.made.c.Evidence() {
		if delete(checked, e.Name); e.By != "" { // the last one filed counts
			checked[e.Name] = e.Digest
		}
	}
	for _, word := range asked {
		if d := checked[word]; d.Hex() == "" || d != p.Papers[word] {
			a.no("vendor", word, "security.vendor", "vendor.no_onward")
		}
	}
}

// budget is G11: there are runs left, and what protects the output is there.
func (a *asking) budget() {
	key := "budget.required"
	switch {
	case !a.Known.Used:
		a.unsure("uses-unread", "", key)
	case a.Used >= a.Terms.Uses:
		a.no("uses-spent", "", key)
	}
	if a.Terms.Verify != nil { // nothing is summed: what bounds it counts claims
		a.daily()
		return
	}
	if !a.Terms.Mode.Noisy() {
		if a.Terms.Threshold < 1 || a.Terms.KMin < 1 {
			a.no("no-threshold", "", key)
		}
		return
	}
	for _, m := range a.Terms.Members {
		if rho, err := m.Budget.Rat(); err != nil || rho.Sign() <= 0 {
			a.no("no-budget", m.Dataset, key)
		}
	}
}

// duties is G12: the operator is late with nothing that stops it.
func (a *asking) duties() {
	if !a.Known.Duties {
		a.unsure("duties-unread", a.Terms.Operator.Org, "duty.blocking", "duty.overdue_blocks")
		return
	}
	blocking := a.words("duty.blocking")
	for _, d := range a.Duties {
		if d.Operator != a.Terms.Operator.Org || !d.Overdue {
			continue
		}
		if slices.Contains(blocking, d.Kind) && a.asks("duty.overdue_blocks") {
			a.no("overdue-"+d.Kind, d.Scenario, d.Key, "duty.blocking")
		} else {
			a.warn("overdue", d.Kind, d.Key)
		}
	}
	if len(blocking) == 0 && len(a.said) == 0 {
		a.moot("no-duties", "duty.blocking")
	}
}

// health is what G12 asks of an output: nothing goes out while the platform owes
// proof that its backups can be brought back, where the city has that stop it.
func (a *asking) health() {
	switch {
	case !slices.Contains(a.words("duty.blocking"), backup) || !a.asks("duty.overdue_blocks"):
		a.moot("no-duties", "duty.blocking")
	case !a.Known.Duties:
		a.unsure("duties-unread", a.Terms.Operator.Org, "backup.required", "duty.blocking")
	}
	for _, d := range a.Duties {
		if d.Kind == backup && d.Overdue && len(a.said) == 0 {
			a.no("overdue-"+backup, d.Scenario, d.Key, "duty.blocking")
		}
	}
}

// backup is the kind of duty to keep backups that can be brought back.
const backup = "backup"

// isolation is G13. A run is isolated by construction: rows are decrypted in the
// memory of a jailed run without network, parts are sealed to trustees of whom no
// one opens alone. What can be looked at beforehand is that the terms ask for
// that, by processes that this one platform registered.
func (a *asking) isolation() {
	for _, m := range a.Terms.Members {
		if p := a.Register.Processes[m.Site.Name]; p.Revoked || p.Key != m.Site.Key || p.Key == "" {
			a.no("side-channel", m.Domain, "platform.sole", "compute.isolated")
		}
	}
	t := a.Terms
	if t.Trustees.Quorum < 2 || len(t.Trustees.Members) < t.Trustees.Quorum || t.Gate.Key == "" {
		a.no("opens-alone", "", "security.measures", "compute.in_domain", "compute.isolated")
	}
	if t.Desk.Check() != nil {
		a.no("unsealed", "", "security.mask_or_encrypt", "security.measures", "compute.isolated")
	}
	for _, word := range a.words("security.measures") {
		if _, ok := Measures[word]; !ok {
			a.no("measure", word, "security.measures")
		}
	}
}

// Measures says what stands behind each security measure that a city names.
var Measures = map[string]profile.Name{
	"identity":          {ZH: "每一请求、决定和表决均由平台外持有的密钥签名", EN: "every request, decision and vote is signed with a key held outside the platform"},
	"access":            {ZH: "登记簿按单位和角色限定可办事项", EN: "the register says by organisation and role who may do what"},
	"encryption":        {ZH: "各域数据加密存放，部分和只加密给受托方", EN: "rows are encrypted at rest, parts are sealed to the trustees"},
	"masking":           {ZH: "作业只见按场景加密的假名，不见标识", EN: "a job sees pseudonyms of its scenario and no identifier"},
	"tracing":           {ZH: "先入账本后执行，回执可逐项核对", EN: "everything is in the ledger before it happens, and its receipts can be checked"},
	"backup":            {ZH: "账本可备份，恢复旧备份即被发现", EN: "journals are backed up, and an old one brought back is noticed"},
	"privacy-computing": {ZH: "只开启跨域之和，原始数据不出域", EN: "nothing but sums over domains is opened, and no row leaves its domain"},
}

// kind is R1: what goes out is of a closed list of types, on which rows are not.
func (a *asking) kind() {
	keys := []string{"output.raw_forbidden", "output.closed_types"}
	switch {
	case a.Terms.Verify != nil: // its answer goes out sealed, and by no release
		a.no("verify-output", "", keys...)
	case a.Output == nil || a.Output.Type == "":
		a.unsure("output-unread", "", keys...)
	case a.Output.Type != TypeCube && a.Output.Type != TypeJoin, (a.Output.Type == TypeJoin) != (a.Terms.Join != nil):
		a.no("output-type", a.Output.Type, keys...)
	}
}

// The types of outputs; there is no other.
const (
	TypeCube = "cube" // sums over groups of units of several domains
	TypeJoin = "join" // counts over two sets
)

// checks is R2: the automatic checks passed, or two checkers named an exception
// each.
func (a *asking) checks() {
	keys := []string{"output.no_harm", "output.checks"}
	switch {
	case a.Output == nil || a.Output.Verdict == "":
		a.unsure("output-unread", "", keys...)
	case a.Output.Verdict == "pass", a.Output.Verdict == "review": // what is for people, their votes have decided
	case a.Output.Verdict == "block" || !a.Output.Exceptions:
		a.no("output-unchecked", "", keys...)
	}
}

// votes is R3: as many as the city asks for, each apart from who operates. The
// votes of a run are statements of their own (jobs/msg), and no case.
func (a *asking) votes() {
	for _, c := range a.Terms.Checkers {
		org, ok := a.Register.Orgs[c.Org]
		apart := false
		for _, u := range a.Register.Users {
			apart = apart || u.Key == c.Key && u.Org == c.Org && u.Role == "output-checker"
		}
		if !ok || !apart || org.Kind == "operator" || c.Org == a.Terms.Operator.Org {
			a.no("checker-operates", c.Org, "ops.separation")
		}
	}
	n, _ := a.Profile.Int("output.checkers")
	switch {
	case a.Output == nil:
		a.unsure("output-unread", "", "output.checkers")
	case a.Output.Votes < max(n, jobs.Votes):
		a.no("votes-few", "", "output.checkers", "output.blind")
	}
}

// taint is R4: what came of data is held as long as the data are, in whatever
// form.
func (a *asking) taint() {
	if !a.Known.Holds {
		a.unsure("holds-unread", "", "objection.suspend", "objection.open")
		return
	}
	for _, m := range a.Terms.Members {
		for _, h := range a.Holds {
			if h.Kind == "dataset" && h.Name == m.Dataset || h.Kind == "all" {
				a.no("tainted", h.ID, append(h.rests(), "share.derived_bound")...)
			}
		}
	}
}

// bound is R5: the bytes that go out are those that were voted on, and go to
// whom the terms, the scenario and the agreement name.
func (a *asking) bound() {
	switch {
	case a.Output == nil:
		a.unsure("output-unread", "", recipient...)
		return
	case !a.Output.Bound:
		a.no("unbound", "", "output.bound")
	}
	if !slices.Equal(a.Output.Recipients, a.Terms.Recipients) {
		a.no("released-elsewhere", "", recipient...)
	}
	if s, ok := a.scenario(recipient...); ok {
		a.going(s, a.Output.Recipients, "released-elsewhere")
	}
}

// recorded is R6: it is in the log before it happens.
func (a *asking) recorded() {
	if a.Output == nil || !a.Output.Recorded {
		a.no("unrecorded", "", "evidence.use_ledger", "catalogue.onchain", "quality.traceable", "evidence.before_action")
	}
}
