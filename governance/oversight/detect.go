package oversight

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

// late lists the cases whose clock has run out by the rules that each keeps, one
// hit for every organisation that it waits for in a seat.
func (f Facts) late(keep func(c *cases.Case, t cases.Turn) bool, key func(c *cases.Case) string) []hit {
	var all []hit
	for _, c := range f.Cases {
		if c == nil {
			continue
		}
		kept, known := f.Kept[c.Opening().Profile]
		if !known || kept.Clock == nil {
			continue
		}
		l, late, err := c.Late(kept.Clock, f.Now)
		if err != nil || !late {
			continue
		}
		for _, turn := range l.Turn {
			if !keep(c, turn) {
				continue
			}
			for _, org := range turn.Orgs {
				t := c.Table()
				all = append(all, hit{
					thing: c.ID(), org: org, since: l.Due.At, key: key(c), unlisted: turn.Seat == cases.Operator, rules: kept.Rules,
					zh: fmt.Sprintf("%s %s 环节 %s 已超期", t.ZH, c.ID(), l.Stage), en: fmt.Sprintf("%s %s is overdue at %s", t.EN, c.ID(), l.Stage),
				})
			}
		}
	}
	return all
}

func noKey(*cases.Case) string { return "" }

func lateKind(kind string) func(Facts) []hit {
	return func(f Facts) []hit {
		return f.late(func(c *cases.Case, _ cases.Turn) bool { return c.Opening().Kind == kind }, noKey)
	}
}

// catalogueFaults are reviews of entries that are overdue, and datasets that are
// used without an approved sheet.
func catalogueFaults(f Facts) []hit {
	all := append(lateKind("catalogue.review")(f), outdated(f)...)
	for _, d := range f.Datasets {
		if d.Sheet == nil {
			all = append(all, hit{
				thing: d.ID, org: d.Provider, since: d.Since, key: firstLaw(f.Profile, "catalogue.fields", "catalogue.bound"),
				zh: "数据集 " + d.ID + " 没有经审定的目录条目", en: "dataset " + d.ID + " has no approved entry in the catalogue",
			})
		}
	}
	return all
}

// stale are versions older than the update cycle of their entry.
func stale(f Facts) []hit {
	var all []hit
	for _, v := range f.Versions {
		d, ok := f.dataset(v.Dataset)
		if !ok || d.Sheet == nil || d.Sheet.UpdateDays < 1 || v.At.IsZero() {
			continue
		}
		due := calendar.DateOf(v.At.AddDate(0, 0, d.Sheet.UpdateDays)).End()
		if f.Now.Before(due) {
			continue
		}
		all = append(all, hit{
			thing: v.Dataset, org: v.Provider, since: due,
			zh: fmt.Sprintf("数据集 %s 版本 %s 已超过 %d 天更新周期", v.Dataset, v.ID, d.Sheet.UpdateDays),
			en: fmt.Sprintf("version %[2]s of dataset %[1]s is older than its cycle of %[3]d days", v.Dataset, v.ID, d.Sheet.UpdateDays),
		})
	}
	return all
}

func (f Facts) dataset(id string) (Dataset, bool) {
	i := slices.IndexFunc(f.Datasets, func(d Dataset) bool { return d.ID == id })
	if i < 0 {
		return Dataset{}, false
	}
	return f.Datasets[i], true
}

// waiting are scenario cases that wait for a provider, of some channels. A case
// whose channel is not known is of none of sharing and opening.
func (f Facts) waiting(of func(channel string) bool, key func(channel string) string) []hit {
	return f.late(func(c *cases.Case, t cases.Turn) bool {
		_, scenario := f.Channels[c.ID()]
		return (scenario || c.Opening().Kind == "scenario.apply") && t.Seat == cases.Provider && of(f.Channels[c.ID()])
	}, func(c *cases.Case) string { return key(f.Channels[c.ID()]) })
}

func shared(channel string) bool { return channel == profile.BySharing || channel == profile.ByOpening }

func unanswered(f Facts) []hit {
	return f.waiting(shared, func(channel string) string { return channel + ".reply_wd" })
}

func unreviewed(f Facts) []hit {
	return f.waiting(func(channel string) bool { return !shared(channel) }, func(string) string { return "authop.provider_review_wd" })
}

// repeated are codes of data items that two entries hold. The one that was there
// first is the source; the other is asked.
func repeated(f Facts) []hit {
	first := map[string]Dataset{}
	var all []hit
	byAge := slices.Clone(f.Datasets)
	slices.SortStableFunc(byAge, func(a, b Dataset) int { return a.Since.Compare(b.Since) })
	for _, d := range byAge {
		if d.Sheet == nil {
			continue
		}
		for _, item := range d.Sheet.Items {
			had, ok := first[item.Code]
			if !ok {
				first[item.Code] = d
				continue
			}
			if had.ID == d.ID {
				continue
			}
			all = append(all, hit{
				thing: d.ID, org: d.Provider, since: d.Since,
				zh: fmt.Sprintf("数据项 %s 已由 %s 的 %s 提供", item.Code, had.Provider, had.ID),
				en: fmt.Sprintf("item %s is had from %s's %s already", item.Code, had.Provider, had.ID),
			})
		}
	}
	return all
}

// undone are orders, cases of disposal and duties to dispose that nobody has
// completed within their term.
func undone(f Facts) []hit {
	all := lateKind("withdraw.dispose")(f)
	for _, o := range f.Orders {
		key := orderTerms[o.Kind]
		n, ok := f.Profile.Int(key)
		if !ok {
			continue // a hold stands as long as it is needed
		}
		due := f.working(o.At, n)
		if f.Now.Before(due.at) {
			continue
		}
		if o.Key != "" {
			key = o.Key
		}
		if o.Done.IsZero() {
			all = append(all, hit{
				thing: o.ID, org: o.Org, since: due.at, key: key, unlisted: f.operates(o.Org),
				zh: fmt.Sprintf("%s 的%s尚未完成", o.Name, orderWords[o.Kind]), en: fmt.Sprintf("the %s of %s is not complete", o.Kind, o.Name),
			})
		}
		all = append(all, f.leftOpen(o, key, due.at)...)
	}
	return append(all, f.overdue(func(d Duty) bool { return d.Kind == Disposal })...)
}

// leftOpen are the datasets of an emergency that is over, of which one was closed
// and these were not.
func (f Facts) leftOpen(o Order, key string, since time.Time) []hit {
	if o.Event == "" {
		return nil
	}
	var all []hit
	for _, d := range f.Datasets {
		closed := slices.ContainsFunc(f.Orders, func(x Order) bool { return x.Event == o.Event && x.Name == d.ID })
		if d.Sheet == nil || d.Sheet.Event != o.Event || closed {
			continue
		}
		all = append(all, hit{
			thing: d.ID, org: d.Provider, since: since, key: key,
			zh: fmt.Sprintf("突发事件 %s 已结束，为其取得的数据集 %s 尚未关停处置", o.Event, d.ID),
			en: fmt.Sprintf("emergency %s is over, and dataset %s, which was had for it, was not closed", o.Event, d.ID),
		})
	}
	return all
}

// orderTerms are the terms within which orders are completed.
var orderTerms = map[string]string{"withdrawal": "withdrawal.confirm_wd", "disposal": "disposal.complete_wd"}

var orderWords = map[string]string{"withdrawal": "收回", "disposal": "处置"}

// operates reports whether an organisation is an operator: the articles on faults
// speak of organs and public bodies (贵阳贵安 第四十四条、崇明 第三十三条), and a finding
// about an operator cites the rule, and its agreement, alone.
func (f Facts) operates(org string) bool {
	return slices.ContainsFunc(f.Licences, func(l Licence) bool { return l.Operator == org })
}

// overdue turns duties into hits.
func (f Facts) overdue(keep func(Duty) bool) []hit {
	var all []hit
	for _, d := range Duties(f) {
		if !d.Overdue || !keep(d) {
			continue
		}
		thing := d.Scenario
		if thing == "" {
			thing = d.Org
		}
		all = append(all, hit{
			thing: thing, org: d.Org, since: d.Due, key: d.Key, unlisted: d.Operator != "",
			zh: d.Kind.Name().ZH + "逾期", en: d.Kind.Name().EN + " is overdue",
		})
	}
	return all
}

// drifted are runs whose start names another purpose than their scenario: a gate
// ought to have refused them. 贵阳贵安 第四十四条第（七）项 and 东莞 第五十条第（四）项 speak
// of data had by sharing only; of other channels the rule on purposes alone is cited there.
func drifted(f Facts) []hit {
	var all []hit
	for _, r := range f.Runs {
		s, ok := f.scenario(r.Scenario)
		if !ok || r.Purpose == s.Purpose {
			continue
		}
		channel := r.Channel
		if channel == "" {
			channel = s.Channel
		}
		all = append(all, hit{
			thing: r.ID, org: r.Operator, since: r.At, unshared: channel != profile.BySharing,
			zh: fmt.Sprintf("运行 %s 的用途 %s 与场景 %s 的用途 %s 不符", r.ID, r.Purpose, s.ID, s.Purpose),
			en: fmt.Sprintf("run %s is for %s, and scenario %s for %s", r.ID, r.Purpose, s.ID, s.Purpose),
		})
	}
	return all
}

// altered are versions that are not their digest's any more, and a chain of
// records that does not hold.
func altered(f Facts) []hit {
	var all []hit
	for _, v := range f.Versions {
		if !v.Altered.IsZero() {
			all = append(all, hit{
				thing: v.Dataset, org: v.Provider, since: v.Altered,
				zh: fmt.Sprintf("数据集 %s 版本 %s 的内容与登记摘要不符", v.Dataset, v.ID), en: fmt.Sprintf("version %[2]s of dataset %[1]s is not the one of its digest", v.Dataset, v.ID),
			})
		}
	}
	for _, v := range f.Versions {
		if !v.Gone.IsZero() {
			all = append(all, hit{
				thing: v.Dataset, org: v.Provider, since: v.Gone,
				zh: fmt.Sprintf("数据集 %s 登记的版本 %s 已不在其域内", v.Dataset, v.ID), en: fmt.Sprintf("version %[2]s of dataset %[1]s, which is registered, is not in its domain any more", v.Dataset, v.ID),
			})
		}
	}
	if !f.Broken.IsZero() {
		all = append(all, hit{thing: "ledger", org: f.Bureau, since: f.Broken, key: "evidence.use_ledger", zh: "存证日志不连续", en: "the chain of records does not hold"})
	}
	return all
}

// insecure are duties of security that are overdue, and attestations that have
// run out.
func insecure(f Facts) []hit {
	all := f.overdue(func(d Duty) bool {
		return slices.Contains([]Kind{Drill, Assessment, Backup, RiskReport}, d.Kind)
	})
	for _, org := range slices.Sorted(maps.Keys(f.Expired)) {
		if at := f.Expired[org]; !f.Now.Before(at) {
			all = append(all, hit{thing: org, org: org, since: at, key: "security.attestation", zh: "等级保护等证明已到期", en: "the attestation of its systems has run out"})
		}
	}
	return all
}

// unbased are items about persons for which a sheet names no basis.
func unbased(f Facts) []hit {
	var all []hit
	for _, d := range f.Datasets {
		if d.Sheet == nil {
			continue
		}
		for _, item := range d.Sheet.Items {
			if item.Subject != "person" || based(item) {
				continue
			}
			all = append(all, hit{
				thing: d.ID, org: d.Provider, since: d.Since, key: "personal.basis",
				zh: "数据项 " + item.Code + " 涉及个人信息，未载明合法性基础", en: "item " + item.Code + " is about persons and names no legal basis",
			})
		}
	}
	return all
}

func based(i papers.Item) bool {
	switch i.Basis {
	case "law":
		return i.Law != nil && i.Law.Doc != "" && i.Law.Article != ""
	case "consent":
		return i.Consent != ""
	default:
		return false
	}
}

// flawed are flaws of quality that have stood for longer than the term to correct.
func flawed(f Facts) []hit {
	n, ok := f.Profile.Int("correction.wd")
	if !ok {
		n = correctionDays
	}
	var all []hit
	for _, v := range f.Versions {
		for _, flaw := range v.Flaws {
			if due := f.working(flaw.Since, n); !f.Now.Before(due.at) {
				all = append(all, hit{
					thing: v.Dataset, org: v.Provider, since: due.at,
					zh: "质量问题未在时限内纠正：" + flaw.What, en: "a flaw was not corrected in time: " + flaw.What,
				})
			}
		}
	}
	return all
}

// LeastQuality is the rate, in whole percent, under which a version has a flaw: the
// house's, for no text has a number.
const LeastQuality = 90

// Rated are the flaws that a version's published rates show, known since it was
// registered. A version that nobody has rated shows none.
func Rated(q *governance.Quality, since time.Time) []Flaw {
	if q == nil {
		return nil
	}
	var all []Flaw
	for _, r := range []struct {
		name string
		rate int
	}{{"完整率", q.Completeness}, {"有效率", q.Validity}} {
		if r.rate < LeastQuality {
			all = append(all, Flaw{fmt.Sprintf("%s %d%%，低于 %d%%（内部阈值，非法定）", r.name, r.rate, LeastQuality), since})
		}
	}
	return all
}

// Lapses are the days on which the attestations on file run out, the last of each
// organisation; in is what is known from elsewhere.
func Lapses(filed []Filed, in map[string]time.Time) map[string]time.Time {
	all := map[string]time.Time{}
	maps.Copy(all, in)
	for _, r := range filed {
		if r.counts(Attestation, r.Org, r.Scenario) && !r.Failed && r.To.After(all[r.Org]) {
			all[r.Org] = r.To
		}
	}
	return all
}

// correctionDays is the house's term where a profile has none, in working days.
const correctionDays = 10

// channelless are runs by a channel that the city does not know. The gates let no
// such run be.
func channelless(f Facts) []hit {
	r, err := f.Profile.Rule("channel.kinds")
	if err != nil || r.Value.None() {
		return nil
	}
	var all []hit
	for _, run := range f.Runs {
		if run.Channel != "" && !r.Value.Has(run.Channel) {
			all = append(all, hit{thing: run.ID, org: run.Operator, since: run.At, zh: "运行 " + run.ID + " 不属于法定用数渠道", en: "run " + run.ID + " is of no lawful channel"})
		}
	}
	return all
}

// month is the span of the calendar month of an instant.
func month(t time.Time) span {
	d := calendar.DateOf(t)
	from := calendar.Date{Year: d.Year, Month: d.Month, Day: 1}.Start()
	return span{from, from.AddDate(0, 1, 0)}
}
