package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// A paperCheck holds one paper against a city's rules and against other papers.
type paperCheck struct {
	city, at, head string
	with           []string

	rules     profile.Profile
	now       time.Time
	known     papers.Known
	published []papers.Sheet
	scenario  *papers.Scenario
	licence   *papers.Admission
}

func paperCheckCommand() *cobra.Command {
	var f paperCheck
	c := &cobra.Command{
		Use:   "check FILE --city CITY [--with FILE...]",
		Short: "自查材料：缺什么、依据哪一条 / what a paper lacks, and by which article",
		Long: `逐项列出缺少的内容，注明条款、原文和文件的效力状态；没有法定依据的注明为内部规则（非法定）。有缺项时退出码为 3。
Lists each thing that is missing with article, words and status of the document; what no law asks for says so. Exits with 3 if anything is.

--with 给出一并核对的材料：场景所列数据集的目录条目、同意书；目录条目与其他条目（一数一源）；协议所据的场景和准入申请。
--with names papers to hold it against: of a scenario, the entries of its datasets and the consents; of an entry, other entries (one source for an
item); of an agreement, its scenario and the admission.`,
		Example: "  yunei paper check sheet.json --city guiyang\n  yunei paper check agreement.json --city shijiazhuang --with scenario.json --with admission.json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return f.run(c.OutOrStdout(), args[0]) },
	}
	c.Flags().StringVar(&f.city, "city", "guiyang", cityFlag)
	c.Flags().StringArrayVar(&f.with, "with", nil, "一并核对的材料，可重复 a paper to hold it against, repeatable")
	c.Flags().StringVar(&f.at, "at", "", "按此日期核对（默认今天）as of this day (YYYY-MM-DD)")
	c.Flags().StringVar(&f.head, "head", "", "场景办件结束时的状态摘要 head of the scenario's case as it ended")
	return c
}

func (f *paperCheck) run(w io.Writer, file string) error {
	if err := f.gather(); err != nil {
		return err
	}
	raw, kind, err := readPaper(file)
	if err != nil {
		return err
	}
	missing, warnings, err := f.check(w, raw, kind)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s %s %s\n", f.rules.City().ZH, f.rules.ID(), badge(f.rules))
	fmt.Fprintf(w, "%s %s\n", kind, suite.DigestOf(raw))
	for _, m := range warnings {
		showMissing(w, "提示 note", m)
	}
	for n, m := range missing {
		showMissing(w, fmt.Sprintf("%d.", n+1), m)
	}
	if len(missing) > 0 {
		return incomplete(len(missing))
	}
	fmt.Fprintln(w, "齐备 nothing is missing")
	return nil
}

func showMissing(w io.Writer, mark string, m papers.Missing) {
	fmt.Fprintf(w, "%s %s：%s / %s\n   依据 basis: %s / %s\n", mark, m.Field, m.ZH, m.EN, m.Cite, m.CiteEN)
	if m.Quote != "" {
		fmt.Fprintf(w, "   “%s”\n", m.Quote)
	}
	if m.Reading != "" {
		fmt.Fprintf(w, "   读作 reads “%s”\n", m.Reading)
	}
	if m.Reasoned {
		fmt.Fprintln(w, "   该规则为原则性规定，可说明理由，由双人审定 the rule holds in principle: give a reason, and people decide on it")
	}
}

// gather reads the rules, the day and the other papers.
func (f *paperCheck) gather() (err error) {
	if f.rules, err = rulesOf(f.city); err != nil {
		return err
	}
	f.now = time.Now()
	if f.at != "" {
		d, err := calendar.ParseDate(f.at)
		if err != nil {
			return fmt.Errorf("--at：应为 2026-02-10 这样的日期 want a date like 2026-02-10: %w", err)
		}
		f.now = d.Start()
	}
	f.known = papers.Known{Now: f.now, Sheets: map[string]papers.Sheet{}, Consents: map[string]papers.Consent{}}
	for _, name := range f.with {
		if err := f.take(name); err != nil {
			return err
		}
	}
	return nil
}

func (f *paperCheck) take(name string) error {
	_, kind, err := readPaper(name)
	if err != nil {
		return err
	}
	switch kind {
	case papers.KindSheet:
		s, err := readPaperAs[papers.Sheet](name, kind)
		f.known.Sheets[s.Dataset], f.published = s, append(f.published, s)
		return err
	case papers.KindConsent:
		n, err := readPaperAs[papers.Consent](name, kind)
		f.known.Consents[n.ID] = n
		return err
	case papers.KindScenario:
		s, err := readPaperAs[papers.Scenario](name, kind)
		f.scenario = &s
		return err
	case papers.KindAdmission:
		a, err := readPaperAs[papers.Admission](name, kind)
		f.licence = &a
		return err
	default:
		return fmt.Errorf("--with %s：%s 不用于核对 nothing is held against a %s", name, kind, kind)
	}
}

// check is what the paper lacks, and what people should look at.
func (f *paperCheck) check(w io.Writer, raw []byte, kind papers.Kind) (missing, warnings []papers.Missing, err error) {
	switch kind {
	case papers.KindSheet:
		s, err := papers.Read[papers.Sheet](raw, kind)
		return append(s.Check(f.rules), papers.Clashes(f.rules, f.published, s)...), papers.Doubts(f.rules, s), err
	case papers.KindAdmission:
		a, err := papers.Read[papers.Admission](raw, kind)
		return a.Check(f.rules, f.now), a.Beyond(f.rules), err
	case papers.KindScenario:
		s, err := papers.Read[papers.Scenario](raw, kind)
		return f.checkScenario(w, s), s.Beyond(f.rules), err
	case papers.KindAgreement:
		a, err := papers.Read[papers.Agreement](raw, kind)
		if err != nil {
			return nil, nil, err
		}
		if f.scenario == nil {
			return nil, nil, fmt.Errorf("核对协议须以 --with 给出其场景 an agreement is held against its scenario: give it by --with")
		}
		head := suite.Digest(f.head)
		if f.head == "" {
			head = a.Head
			fmt.Fprintln(w, "未核对场景办件（--head） the scenario's case is not looked at")
		}
		return a.Check(f.rules, *f.scenario, head, f.licence), nil, nil
	case papers.KindProgram:
		g, err := papers.Read[papers.Program](raw, kind)
		return g.Check(f.rules), nil, err
	case papers.KindReport:
		r, err := papers.Read[papers.Report](raw, kind)
		return r.Check(f.rules, f.now), nil, err
	default:
		n, err := papers.Read[papers.Consent](raw, papers.KindConsent)
		return n.Check(f.rules), nil, err
	}
}

func (f *paperCheck) checkScenario(w io.Writer, s papers.Scenario) []papers.Missing {
	missing := s.Check(f.rules)
	if f.scenario != nil && s.Previous != "" {
		missing = append(missing, s.Amends(f.rules, *f.scenario)...)
	}
	if len(f.known.Sheets) == 0 {
		fmt.Fprintln(w, "未核对数据集的目录条目（--with） the datasets' entries are not looked at")
		return missing
	}
	return append(missing, s.Against(f.rules, f.known)...)
}
