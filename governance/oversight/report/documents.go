package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/profile"
)

// head is what every document begins with; keys are the rules that ask for it.
func head(f oversight.Facts, zh, en string, keys ...string) Document {
	d := Document{Title: profile.Name{ZH: zh, EN: en}, City: f.Profile.City(), At: date(f.Now), Basis: []string{}, Tables: []Table{}}
	v := f.Profile.Frozen()
	d.Rules = fmt.Sprintf("%s 第 %d 版 %s", v.ID, v.Version, v.Digest)
	for _, key := range keys {
		d.Basis = append(d.Basis, cited(oversight.CiteOf(f.Profile, key)))
	}
	return d
}

func cited(c oversight.Cite) string {
	if c.Quote == "" {
		return c.ZH
	}
	return c.ZH + "：“" + c.Quote + "”"
}

func org(f oversight.Facts, id string) string {
	if t := f.Titles[id]; t != "" {
		return t + "（" + id + "）"
	}
	return id
}

// A Product is what went out: a release, to whom, the day on which its run began, and
// that on which it was taken back, if it was.
type Product struct {
	Release    string
	Scenario   string
	Operator   string
	Recipients []string
	Date       string
	Withdrawn  string
}

// Disclosure is the yearly disclosure of a bureau: bodies, authorised resources,
// products and classes of fees of the year. It is due by the end of March of the
// next.
func Disclosure(f oversight.Facts, year int, products []Product) Document {
	d := head(f, fmt.Sprintf("%d 年度公共数据授权运营信息披露", year), fmt.Sprintf("Disclosure of authorised operation in %d", year), "authop.disclosure_years")
	d.Notes = []string{"于次年三月底前披露；收费标准由协议另附，此处只列有偿或无偿 by the end of March; of fees only their class is listed", "成果按其运行启动日期归入年度；已收回的仍列出并注明 a release is of the year in which its run began; one that was taken back is listed as such"}
	bodies := Table{Title: profile.Name{ZH: "实施机构和运营机构", EN: "bodies"}, Columns: names("单位", "body", "角色", "part", "领域", "field", "授权起", "from", "授权止", "to")}
	bodies.Rows = append(bodies.Rows, []string{org(f, f.Bureau), "主管部门 bureau", "", "", ""})
	for _, l := range f.Licences {
		if in(year, l.From, l.To) {
			bodies.Rows = append(bodies.Rows, []string{org(f, l.Operator), "授权运营方 operator", l.Field, date(l.From), last(l.To)})
		}
	}
	resources := Table{Title: profile.Name{ZH: "授权的公共数据资源", EN: "authorised resources"}, Columns: names("场景", "scenario", "运营方", "operator", "数据资源", "dataset", "提供方", "provider", "登记码", "registration", "公益", "public good", "费用类别", "fee", "期限起", "from", "期限止", "to")}
	for _, s := range f.Scenarios {
		if !in(year, s.From, s.End) {
			continue
		}
		for _, id := range s.Datasets {
			provider, code, title := "", "", id
			for _, x := range f.Datasets {
				if x.ID == id {
					provider, title = org(f, x.Provider), x.Title+"（"+id+"）"
					if x.Sheet != nil {
						code = x.Sheet.Registration
					}
				}
			}
			resources.Rows = append(resources.Rows, []string{s.Title + "（" + s.ID + "）", org(f, s.Operator), title, provider, code, yes(s.PublicGood), fee(s.Fee), date(s.From), last(s.End)})
		}
	}
	out := Table{Title: profile.Name{ZH: "数据产品（已放行成果）", EN: "products (what was released)"}, Columns: names("成果", "release", "场景", "scenario", "运营方", "operator", "接收方", "recipients", "运行启动日期", "run began", "状态", "state")}
	for _, p := range products {
		if strings.HasPrefix(p.Date, strconv.Itoa(year)+"-") {
			out.Rows = append(out.Rows, []string{p.Release, p.Scenario, org(f, p.Operator), strings.Join(p.Recipients, "、"), p.Date, released(p.Withdrawn)})
		}
	}
	d.Tables = append(d.Tables, bodies, resources, out)
	return d
}

// in reports whether a span, its end left out and open if it is zero, touches a year.
func in(year int, from, to time.Time) bool {
	first, last := calendar.Date{Year: year, Month: time.January, Day: 1}, calendar.Date{Year: year, Month: time.December, Day: 31}
	return from.Before(last.End()) && (to.IsZero() || to.After(first.Start()))
}

func released(withdrawn string) string {
	if withdrawn != "" {
		return withdrawn + " 已收回 withdrawn"
	}
	return "已放行 released"
}

func fee(class string) string {
	switch class {
	case "free":
		return "无偿 free"
	case "paid":
		return "有偿 paid"
	default:
		return "协议未载明 not stated"
	}
}

// Scorecard is what the records say of operators' years, for those who evaluate.
func Scorecard(f oversight.Facts, year int, scores []oversight.Score) Document {
	d := head(f, fmt.Sprintf("%d 年度运营成效评估表（使用事实）", year), fmt.Sprintf("Scorecard of %d: what the records say", year), "authop.evaluation", "authop.elimination_years")
	d.Notes = []string{"本表只列平台记录的事实，不是评分；评分和结论由主管部门人员签署 facts of record and no mark: people score and sign", "场景、运行、报送、整改按本年度计；逾期事项和线索为制表时的状况 scenarios, runs, reports and rectifications are those of the year; what is overdue and the findings are as of the date above"}
	t := Table{Title: profile.Name{ZH: "运营方", EN: "operators"}, Columns: names(
		"运营方", "operator", "场景", "scenarios", "其中公益", "public good", "运行", "runs", "放行", "released", "拒绝", "refused",
		"报送", "reports", "其中不实", "unsound", "逾期事项", "overdue", "线索", "findings", "整改", "rectifications", "其中通报", "censured", "此前连续不达标年数", "failed years before", "上限", "limit", "本年度结论", "outcome")}
	for _, s := range scores {
		limit := "无 none"
		if s.Streak.Limit > 0 {
			limit = strconv.Itoa(s.Streak.Limit)
		}
		t.Rows = append(t.Rows, []string{
			org(f, s.Operator), strconv.Itoa(s.Scenarios), strconv.Itoa(s.PublicGood), strconv.Itoa(s.Runs), strconv.Itoa(s.Released), strconv.Itoa(s.Refused),
			strconv.Itoa(s.Reports), strconv.Itoa(s.Unsound), strconv.Itoa(s.Overdue), strconv.Itoa(s.Findings), strconv.Itoa(s.Cases), strconv.Itoa(s.Censured),
			strconv.Itoa(s.Streak.Years), limit, outcome(s.Outcome),
		})
	}
	d.Tables = append(d.Tables, t)
	return d
}

func outcome(end string) string {
	switch end {
	case "passed":
		return "达标 passed"
	case "failed":
		return "不达标 failed"
	case "eliminated":
		return "取消资格 eliminated"
	default:
		return "未结论 none yet"
	}
}

// Risk is the overview of risks as of now: what is overdue or soon due, orders in
// force, cases about incidents, and what looks like a fault.
func Risk(f oversight.Facts) Document {
	d := head(f, "风险概览 "+date(f.Now), "Risk overview", "supervision.inspect", "rectify.notice")
	d.Notes = []string{"线索由平台比对事实得出，是否立案由主管部门人员签署决定 findings are drafts: an officer signs whether a case is opened"}
	owed := Table{Title: profile.Name{ZH: "履约事项", EN: "duties"}, Columns: names("单位", "organisation", "事项", "duty", "场景", "scenario", "到期", "due", "状态", "state", "逾期停用", "blocks", "依据", "basis")}
	for _, x := range oversight.Duties(f) {
		state := "未到期 not yet due"
		if x.Overdue {
			state = "逾期 overdue"
		}
		if x.Provisional {
			state += "（暂定 provisional）"
		}
		owed.Rows = append(owed.Rows, []string{org(f, x.Org), x.Kind.Name().ZH + " " + x.Kind.Name().EN, cmp.Or(x.Scenario, x.About), last(x.Due), state, yes(x.Blocks), x.Cite.ZH})
	}
	held := Table{Title: profile.Name{ZH: "中止、收回与处置", EN: "holds, withdrawals, disposals"}, Columns: names("编号", "id", "种类", "kind", "对象", "thing", "责任单位", "who completes it", "作出", "ordered", "完成", "done")}
	for _, o := range f.Orders {
		held.Rows = append(held.Rows, []string{o.ID, orderKind(o.Kind), o.Name, org(f, o.Org), date(o.At), cmp.Or(date(o.Done), "未完成 not yet")})
	}
	cases := Table{Title: profile.Name{ZH: "事件与整改", EN: "incidents"}, Columns: names("办件", "case", "标题", "title", "环节", "stage", "立案", "opened")}
	for _, c := range oversight.Incidents(f) {
		cases.Rows = append(cases.Rows, []string{c.ID, c.Title, c.ZH + " " + c.EN, date(c.At)})
	}
	found := Table{Title: profile.Name{ZH: "督查线索", EN: "findings"}, Columns: names("编号", "id", "情形", "fault", "单位", "organisation", "对象", "thing", "自", "since", "事实", "what", "依据", "basis", "来源", "from")}
	for _, x := range oversight.Findings(f) {
		var cites []string
		for _, c := range x.Cites {
			cites = append(cites, c.ZH)
		}
		from := "自动 automatic"
		if x.Declared != "" {
			from = "申报 declared"
		}
		found.Rows = append(found.Rows, []string{x.ID(), x.Name.ZH + " " + x.Name.EN, org(f, x.Org), x.Thing, date(x.Since), x.What.ZH, strings.Join(cites, "；"), from})
	}
	d.Tables = append(d.Tables, owed, held, cases, found, unknown(f))
	return d
}

// unknown lists what nobody has told the platform: that nothing is found there says
// nothing.
func unknown(f oversight.Facts) Table {
	t := Table{Title: profile.Name{ZH: "平台未掌握的事实", EN: "what is not known here"}, Columns: names("对象", "thing", "事实", "what", "如何补全", "how it becomes known")}
	if f.Profile.Yes("security.attestation") {
		for _, id := range append(slices.Clone(f.Providers), f.Bureau) {
			if f.Expired[id].IsZero() && id != "" {
				t.Rows = append(t.Rows, []string{org(f, id), "等级保护等证明未登记 no attestation on file", "yunei duty file attestation"})
			}
		}
	}
	for _, v := range f.Versions {
		if !v.Rated {
			t.Rows = append(t.Rows, []string{v.Dataset + " " + v.ID, "提供方未公布质量 its provider publishes no quality", "提供方登记版本时公布 by its provider, with the version"})
		}
	}
	for _, x := range oversight.Faults() {
		if x.Declared {
			t.Rows = append(t.Rows, []string{x.Name.ZH + " " + x.Name.EN, "平台无从发现 cannot be seen from inside", "yunei oversight declare"})
		}
	}
	return t
}

func orderKind(k string) string {
	switch k {
	case "hold":
		return "中止 hold"
	case "withdrawal":
		return "收回 withdrawal"
	default:
		return "处置 disposal"
	}
}

// Uses is the ledger of the uses of data, as the reader was let see it.
func Uses(f oversight.Facts, reader string, uses []oversight.Use) Document {
	d := head(f, "数据使用台账："+org(f, reader), "Ledger of the uses of data", "evidence.use_ledger")
	d.Notes = []string{"每行是一次运行对一个数据集的使用，以启动回执为凭，含进行中的运行，不含预览 a line is one run's use of one dataset, by the receipt that started it"}
	t := Table{Title: profile.Name{ZH: "使用", EN: "uses"}, Columns: names(
		"日期", "date", "运行", "run", "启动回执", "start receipt", "授权凭据", "permit", "运营方", "operator", "场景", "scenario", "用途", "purpose", "提供方", "provider", "数据集", "dataset",
		"版本", "version", "字段", "columns", "程序", "program", "接收方", "recipients", "状态", "state", "预算 rho", "budget rho", "放行成果", "release")}
	for _, u := range uses {
		t.Rows = append(t.Rows, []string{
			date(u.At), u.Run, string(u.Start), string(u.Permit), org(f, u.Operator), u.Scenario, u.Purpose, org(f, u.Provider), u.Dataset,
			u.Version, strings.Join(u.Columns, "、"), u.Program, strings.Join(u.Recipients, "、"), u.State, u.Rho, string(u.Release),
		})
	}
	d.Tables = append(d.Tables, t)
	return d
}

// Responsibility is the list of who answers for what (责任清单), out of the approved
// entries of the catalogue: for each item its lawful source, and for each entry who
// keeps it and how it is shared and opened.
func Responsibility(f oversight.Facts) Document {
	d := head(f, "公共数据责任清单", "List of responsibilities", "source.unique", "catalogue.update_wd")
	entries := Table{Title: profile.Name{ZH: "目录条目", EN: "entries"}, Columns: names("数据集", "dataset", "提供方", "provider", "分类", "class", "级别", "grade", "共享属性", "sharing", "开放属性", "opening", "更新周期（天）", "cycle in days", "登记码", "registration", "状态", "state")}
	items := Table{Title: profile.Name{ZH: "数据项与法定数源部门", EN: "items and their lawful sources"}, Columns: names("数据项", "item", "名称", "name", "数据集", "dataset", "数源部门", "source", "合法性基础", "basis")}
	for _, x := range f.Datasets {
		s := x.Sheet
		if s == nil {
			entries.Rows = append(entries.Rows, []string{x.Title + "（" + x.ID + "）", org(f, x.Provider), "", "", "", "", "", "", "无经审定的条目 no approved entry"})
			continue
		}
		entries.Rows = append(entries.Rows, []string{x.Title + "（" + x.ID + "）", org(f, x.Provider), s.Class, strconv.Itoa(s.Grade), s.Share, s.Open, strconv.Itoa(s.UpdateDays), s.Registration, "已审定 approved"})
		for _, i := range s.Items {
			basis := "未载明 not stated"
			switch {
			case i.Basis == "law" && i.Law != nil:
				basis = "《" + i.Law.Doc + "》" + i.Law.Article
			case i.Basis == "consent" && i.Consent != "":
				basis = "同意 consent " + i.Consent
			}
			items.Rows = append(items.Rows, []string{i.Code, i.Name, x.ID, org(f, i.Source), basis})
		}
	}
	d.Tables = append(d.Tables, entries, items)
	return d
}

// Kinds names the documents, for a command line.
func Kinds() []string {
	return []string{"disclosure", "responsibility", "risk", "scorecard", "uses"}
}
