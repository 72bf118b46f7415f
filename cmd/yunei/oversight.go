package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/oversight"
	reports "github.com/yunei/yunei/governance/oversight/report"
)

func oversightCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "oversight",
		Short: "监督检查：线索、申报、立案 / oversight: findings, declarations, opening a case",
		Long: `平台把记录与城市规则逐条比对，列出疑似情形（线索），附条款和事实；平台不作认定、不立案。由主管部门人员用自己的密钥立案（整改办件），
或置之不理。平台看不见的情形（另建渠道、泄露）由人员申报。
The platform compares its records with the city's articles on faults and lists what looks like one. It finds nobody at fault and opens no
case: an officer does, with their own key. What cannot be seen from inside is declared.`,
	}
	c.AddCommand(findingsCommand(), declareCommand(), changeCommand(), openFindingCommand())
	return c
}

func findingsCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "findings",
		Short: "列出线索 / what looks like a fault",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			in, err := api.Inspect(c.Context(), "", 0)
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			if len(in.Findings) == 0 {
				fmt.Fprintln(w, "没有线索 nothing is found")
			}
			for _, x := range in.Findings {
				fmt.Fprintf(w, "%s  %s %s\n  单位 org: %s  对象 thing: %s  自 since: %s\n  事实 fact: %s / %s\n", x.ID(), x.Name.ZH, x.Name.EN, x.Org, x.Thing, calendar.DateOf(x.Since), x.What.ZH, x.What.EN)
				for _, k := range x.Cites {
					fmt.Fprintf(w, "  依据 basis: %s", k.ZH)
					if k.Quote != "" {
						fmt.Fprintf(w, "“%s”", k.Quote)
					}
					fmt.Fprintln(w)
				}
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func declareCommand() *cobra.Command {
	var f access
	var d oversight.Declared
	c := &cobra.Command{
		Use:   "declare FAULT --org ORG --thing NAME --what 说明",
		Short: "主管部门申报平台看不见的情形 / an officer declares what the platform cannot see",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			d.Fault = args[0]
			if err := api.Declare(c.Context(), d); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "已申报；可用 yunei oversight findings 查看并立案 declared; see yunei oversight findings")
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&d.Org, "org", "", "涉及单位 the organisation")
	c.Flags().StringVar(&d.Thing, "thing", "", "对象代号 what it is about, a short name")
	c.Flags().StringVar(&d.What, "what", "", "说明 what it is")
	for _, name := range []string{"org", "thing", "what"} {
		_ = c.MarkFlagRequired(name)
	}
	c.Long = "FAULT：\n"
	for _, x := range oversight.Faults() {
		c.Long += "  " + x.ID + "  " + x.Name.ZH + " " + x.Name.EN + "\n"
	}
	return c
}

func openFindingCommand() *cobra.Command {
	var f acting
	var id string
	c := &cobra.Command{
		Use:   "open FINDING-ID|FAULT/THING --id CASE-ID",
		Short: "以本人密钥将线索立为整改办件 / open the case of a finding, with your own key",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			in, err := api.Inspect(c.Context(), "", 0)
			if err != nil {
				return err
			}
			for _, x := range in.Findings {
				if x.ID() == args[0] || x.Fault+"/"+x.Thing == args[0] {
					return f.openFinding(c, api, id, x)
				}
			}
			return fault.Refuse("not-found", governance.House)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&id, "id", "", "办件编号 id of the case")
	_ = c.MarkFlagRequired("id")
	return c
}

// openFinding signs the opening of a case and its first step, which hands the
// finding in.
func (f *acting) openFinding(c *cobra.Command, api *client.Client, id string, x oversight.Finding) error {
	ctx := c.Context()
	key, err := readKey(f.key)
	if err != nil {
		return err
	}
	who, err := api.Directory(ctx)
	if err != nil {
		return err
	}
	bureau, kind := "", governance.Kind("")
	for _, u := range who.Users {
		if u.Key == key.Public() {
			bureau = u.Org
		}
	}
	for _, o := range who.Orgs {
		if o.ID == x.Org {
			kind = o.Kind
		}
	}
	draft, given := x.Draft(bureau, kind)
	tables, err := cases.Procedures()
	if err != nil {
		return err
	}
	table, err := tables.Newest(draft.Kind)
	if err != nil {
		return err
	}
	r, err := cases.Begin(key, id, table, draft, time.Now())
	if err != nil {
		return err
	}
	v, err := api.Act(ctx, id, r)
	if err != nil {
		return err
	}
	if _, err := api.PutPaper(ctx, x.Bytes()); err != nil {
		return err
	}
	v, err = f.say(ctx, api, v, cases.Event{Act: cases.Submit, Refs: given})
	if err != nil {
		return err
	}
	return standing(c, v)
}

type reporting struct {
	access
	year      int
	form, out string
}

func reportCommand() *cobra.Command {
	var f reporting
	c := &cobra.Command{
		Use:   "report KIND --year YEAR --form md|csv|json --out FILE",
		Short: "出具报表：披露、评估、风险、台账、责任清单 / reports that officials file",
		Long: `KIND：disclosure 年度信息披露（次年三月底前），scorecard 年度评估使用事实，risk 风险概览，responsibility 责任清单（以上供主管部门和审计人员），
uses 数据使用台账（提供方只见本单位数据的每一次使用，含进行中的运行，不含预览）。
中文在前、英文在后；md 可直接打印，csv 可用电子表格打开。
For the bureau and auditors; uses is for providers too, each of its own data.`,
		Example: `  yunei report disclosure --year 2025 --form csv --out 2025披露.csv --key bureau.pem
  yunei report uses --key provider.pem`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: reports.Kinds(),
		RunE:      func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	f.flags(c)
	c.Flags().IntVar(&f.year, "year", 0, "年度（缺省为上一年）year; last year if left out")
	c.Flags().StringVar(&f.form, "form", "md", "md | csv | json")
	c.Flags().StringVar(&f.out, "out", "", "输出文件（缺省打印）a file; printed if left out")
	return c
}

func (f *reporting) run(c *cobra.Command, kind string) error {
	if f.year == 0 {
		f.year = calendar.DateOf(time.Now()).Year - 1
	}
	api, err := f.client()
	if err != nil {
		return err
	}
	d, err := document(c.Context(), api, kind, f.year)
	if err != nil {
		return err
	}
	raw, err := d.Write(reports.Form(f.form))
	if err != nil {
		return err
	}
	if f.out == "" {
		_, err := c.OutOrStdout().Write(raw)
		return err
	}
	if err := os.WriteFile(f.out, raw, 0o600); err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), "已写入 written: "+f.out+" "+strconv.Itoa(len(raw))+" bytes")
	return nil
}

func document(ctx context.Context, api *client.Client, kind string, year int) (reports.Document, error) {
	if kind == "uses" {
		l, err := api.Uses(ctx)
		return l.Document, err
	}
	in, err := api.Inspect(ctx, kind, year)
	if err != nil {
		return reports.Document{}, err
	}
	if in.Document == nil {
		return reports.Document{}, fault.Invalid
	}
	return *in.Document, nil
}
