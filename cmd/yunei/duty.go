package main

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func dutyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "duty",
		Short: "履约事项：查看、报送、核验 / duties: what is owed, hand in a report, check one",
		Long: `按现行城市规则列出本单位的反馈、风险报告、演练、处置、披露等事项，各附依据（法定或内部规则）；逾期且标为“停用”的，运行会被拒绝。
报送的报告在主管部门人员核验前一律标为“未核验”。
What your organisation owes under the city's rules, each with its basis. One that is overdue and marked as blocking stops runs. A report
is "not verified" until an officer of the bureau says how they checked it.`,
	}
	c.AddCommand(dutyListCommand(), dutyFileCommand(), dutyFiledCommand(), dutyAttestCommand())
	return c
}

func dutyListCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "list",
		Short: "列出应办事项及到期日 / what is owed, and by when",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			all, err := api.Duties(c.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "事项 duty\t单位 org\t场景 scenario\t到期 due\t状态 state\t依据 basis")
			for _, d := range all {
				fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\t%s\t%s\n", d.Kind, d.Kind.Name().ZH, d.Org, d.Scenario+d.About, calendar.DateOf(d.Due.Add(-time.Second)), dutyState(d), d.Cite.ZH)
			}
			return w.Flush()
		},
	}
	f.flags(c)
	return c
}

func dutyState(d oversight.Duty) string {
	s := "未到期 pending"
	switch {
	case d.Overdue && d.Blocks:
		s = "逾期，停用 overdue, blocks"
	case d.Overdue:
		s = "逾期 overdue"
	}
	if d.Provisional {
		s += "（暂定 provisional）"
	}
	return s
}

type handing struct {
	access
	org, scenario, from, to, text, file, document string
	failed                                        bool
}

func dutyFileCommand() *cobra.Command {
	var f handing
	c := &cobra.Command{
		Use:   "file DUTY --from DATE --to DATE --text-file FILE",
		Short: "报送报告 / hand a report in",
		Long: `DUTY：feedback 使用情况反馈，risk-report 风险评估报告，drill 应急演练，disposal 期满处置，quality 数据质量反馈，disclosure 年度披露，
assessment 安全风险评估（提供方、主管部门），backup 备份恢复演练（主管部门），attestation 等级保护等证明（各单位，期间为证明有效期）。
演练或恢复未成功的，须加 --failed 如实报送；备份恢复失败的，在规则以备份逾期为停用事项的城市，运行和出域随即停止，直至恢复成功。
报告由您的密钥签署，平台保存其摘要于存证日志。
A drill or a restore that did not come off is reported with --failed. Of backups that stops runs and releases where the city has overdue
backups stop them, until one comes off. An attestation is on the time for which it is valid.
The report is signed with your key, and its digest stands in the ledger before it is kept.`,
		Example: `  yunei duty file feedback --scenario flu --from 2026-02-10 --to 2026-02-20 --text "质量良好，已用于研判" --key operator.pem`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	f.flags(c)
	c.Flags().StringVar(&f.org, "org", "", "应办单位（缺省为本人单位）who owes it; your own if left out")
	c.Flags().StringVar(&f.scenario, "scenario", "", "场景 scenario")
	c.Flags().StringVar(&f.from, "from", "", "期间起 first day (YYYY-MM-DD)")
	c.Flags().StringVar(&f.to, "to", "", "期间止（含）last day (YYYY-MM-DD)")
	c.Flags().StringVar(&f.text, "text", "", "正文 the text")
	c.Flags().StringVar(&f.file, "text-file", "", "正文文件 a file with the text")
	c.Flags().BoolVar(&f.failed, "failed", false, "演练、恢复等未成功 what was tried did not come off")
	c.Flags().StringVar(&f.document, "document", "", "附件，只登记摘要 an attachment, by its digest only")
	_ = c.MarkFlagRequired("from")
	_ = c.MarkFlagRequired("to")
	return c
}

func (f *handing) run(c *cobra.Command, duty string) error {
	api, err := f.client()
	if err != nil {
		return err
	}
	key, err := readKey(f.key)
	if err != nil {
		return err
	}
	p := papers.Report{Duty: duty, Operator: f.org, Scenario: f.scenario, Text: f.text, Failed: f.failed}
	if p.Operator == "" {
		who, err := api.Directory(c.Context())
		if err != nil {
			return err
		}
		for _, u := range who.Users {
			if u.Key == key.Public() {
				p.Operator = u.Org
			}
		}
	}
	if err := f.fill(&p); err != nil {
		return err
	}
	raw, err := papers.Bytes(papers.KindReport, p)
	if err != nil {
		return err
	}
	r, err := oversight.Hand(key, raw, time.Now())
	if err != nil {
		return err
	}
	id, err := api.FileReport(c.Context(), r, raw)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "已报送（未核验）filed, not verified: %s %s\n", duty, id)
	return nil
}

// fill reads the span and the texts. A span ends with its last day, or now.
func (f *handing) fill(p *papers.Report) error {
	from, err := calendar.ParseDate(f.from)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := calendar.ParseDate(f.to)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	p.From, p.To = from.Start().UTC(), to.End().UTC()
	if now := time.Now().UTC().Truncate(time.Second); to == calendar.DateOf(now) {
		p.To = now
	}
	if f.file != "" {
		text, err := readBounded(f.file, papers.MaxSize)
		if err != nil {
			return err
		}
		p.Text = string(text)
	}
	if f.document != "" {
		raw, err := os.ReadFile(filepath.Clean(f.document))
		if err != nil {
			return err
		}
		p.Document = suite.DigestOf(raw)
	}
	return nil
}

func dutyFiledCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "filed",
		Short: "列出已报送的报告及核验情况 / reports on file, and how far each was checked",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			all, err := api.Reports(c.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "报送 filed\t事项 duty\t单位 org\t场景 scenario\t核验 checked\t编号 id")
			for _, r := range all {
				zh, en := r.Status()
				fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s %s\t%s\n", calendar.DateOf(r.At), r.Duty, r.Duty.Name().ZH, r.Org, r.Scenario, zh, en, r.ID)
			}
			return w.Flush()
		},
	}
	f.flags(c)
	return c
}

func dutyAttestCommand() *cobra.Command {
	var f access
	var how string
	var unsound bool
	c := &cobra.Command{
		Use:   "attest REPORT-ID --how 核验方式",
		Short: "主管部门核验一份报告 / the bureau says how it checked a report",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			who, err := api.Directory(c.Context())
			if err != nil {
				return err
			}
			k := oversight.Checked{On: suite.Digest(args[0]), Sound: !unsound, How: how, At: time.Now().UTC().Truncate(time.Second)}
			for _, u := range who.Users {
				if u.Key == key.Public() {
					k.Org = u.Org
				}
			}
			r, err := receipt.Sign(key, oversight.Attesting, k.About(), k)
			if err != nil {
				return err
			}
			if err := api.AttestReport(c.Context(), k.On, r); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "已核验 checked:", k.On)
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&how, "how", "", "如何核验 how it was checked")
	c.Flags().BoolVar(&unsound, "unsound", false, "核验不实，不计为已报送 found unsound: it does not count as handed in")
	_ = c.MarkFlagRequired("how")
	return c
}
