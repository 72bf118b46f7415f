package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/suite"
)

// roleNames are roles for people.
var roleNames = map[governance.Role]string{
	governance.RoleOperator: "运营方 operator", governance.RoleOfficer: "数据提供方 provider", governance.RoleBureau: "主管部门 bureau",
	governance.RoleChecker: "审核员 checker", governance.RoleAuditor: "审计 auditor", governance.RoleAdmin: "运维 administrator",
}

func turns(all []cases.Turn) string {
	var out []string
	for _, t := range all {
		who := roleNames[t.Role] + " " + strings.Join(t.Orgs, ", ")
		if t.People > 1 {
			who += fmt.Sprintf("（%d 人 people）", t.People)
		}
		out = append(out, who)
	}
	return strings.Join(out, "；")
}

var phaseNames = map[cases.Phase]string{
	cases.Open: "办理中 open", cases.Returned: "待补正 returned", cases.Conditioned: "待前提条件 conditioned", cases.Ended: "已办结 ended",
}

// dueLine says when a term ends: the countdown, 暂定 and 逾期.
func dueLine(t *verb.Term) string {
	if t == nil {
		return "无时限 no term"
	}
	at := t.At.In(calendar.Shanghai).Format("2006-01-02 15:04")
	switch {
	case t.Overdue:
		at += fmt.Sprintf("，逾期 %d 个工作日 OVERDUE by %d working days", -t.Left, -t.Left)
	case t.Unit == cases.Hours:
		at += "（按小时计 counted in hours）"
	default:
		at += fmt.Sprintf("，剩 %d 个工作日 %d working days left", t.Left, t.Left)
	}
	if t.Provisional {
		at += "【暂定 provisional】"
	}
	return at
}

func caseShowCommand() *cobra.Command {
	var f access
	var head bool
	c := &cobra.Command{
		Use:   "show ID",
		Short: "办件页：是什么、轮到谁、时限与依据、证据、您现在可以做什么、经过 / a case's page: what it is, whose turn, due and on what basis, evidence, what you may do now, the timeline",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, v, err := f.look(c.Context(), args[0])
			if err != nil {
				return err
			}
			if head {
				_, err := fmt.Fprintln(c.OutOrStdout(), v.Head)
				return err
			}
			printCase(c.OutOrStdout(), v)
			return nil
		},
	}
	c.Flags().BoolVar(&head, "head", false, "只输出末端摘要（后续材料以此指称本办件）only the head, by which later papers name the case")
	f.flags(c)
	return c
}

func printCase(w io.Writer, v verb.Case) {
	fmt.Fprintf(w, "# %s  %s\n%s %s（%s）\n", v.ID, v.Opening.Title, v.Table.ZH, v.Table.EN, v.Table.Kind)
	fmt.Fprintf(w, "状态 state: %s — %s %s", phaseNames[v.Phase], v.ZH, v.EN)
	if v.Outcome != "" {
		fmt.Fprintf(w, " [%s]", v.Outcome)
	}
	fmt.Fprintf(w, "\n立案 opened by: %s（%s）；规则 rules: %s 第 %d 版 version %d\n", v.Opener.ID, v.Opener.Org, v.Opening.Profile.ID, v.Opening.Profile.Version, v.Opening.Profile.Version)
	if len(v.Turn) > 0 {
		fmt.Fprintf(w, "轮到 turn: %s\n", turns(v.Turn))
	}
	if v.Phase != cases.Ended {
		fmt.Fprintf(w, "时限 due: %s\n", dueLine(v.Term))
		if v.Term != nil {
			fmt.Fprintf(w, "  时限依据 basis of the term: %s\n", v.Term.Basis)
		}
	}
	for _, k := range v.Cites {
		fmt.Fprintf(w, "  依据 basis（%s %s）: %s\n", k.ZH, k.EN, k.Basis)
	}
	if v.Lock != nil {
		fmt.Fprintf(w, "锁定 locked: %s 目录 sheet %s；账本 ledger %s\n  %s / %s\n", v.Lock.Dataset, v.Lock.Sheet, v.Lock.Digest, v.Lock.ZH, v.Lock.EN)
	}
	if v.Opening.Kind == "consent.record" {
		fmt.Fprintln(w, "数据主体本人的签名未经本平台查验（未核验）：同意以数据提供方所存材料的摘要登记 / no data subject's signature was seen here: the consent is recorded by the digest of what its provider holds")
	}
	printMatter(w, v)
	printOffers(w, v)
	fmt.Fprintln(w, "\n## 经过 timeline")
	for _, l := range v.History {
		fmt.Fprintf(w, "- %s %s（%s）%s\n", l.At.In(calendar.Shanghai).Format("2006-01-02 15:04"), l.By, l.Org, l.ZH)
	}
}

func printMatter(w io.Writer, v verb.Case) {
	if len(v.Refs) > 0 {
		fmt.Fprintf(w, "\n## 材料 handed in（通读并自查 read and check them: yunei case read %s）\n", v.ID)
	}
	for _, r := range v.Refs {
		fmt.Fprintf(w, "- %s %s\n", r.Name, r.Digest)
	}
	if len(v.Evidence) > 0 {
		fmt.Fprintln(w, "\n## 证据 evidence")
	}
	for _, e := range v.Evidence {
		status := "未核验 not verified"
		if e.By != "" {
			status = "已核验 verified：" + e.By + "，" + e.How
		}
		fmt.Fprintf(w, "- %s《%s》【%s】%s\n", e.Name, e.Title, status, e.Digest)
	}
	for _, item := range v.Missing {
		fmt.Fprintf(w, "- 须补正 to correct: %s %s\n", item.ID, item.Text)
	}
	for _, k := range v.Conditions {
		state := ""
		if k.Kind == cases.Precondition {
			if state = "【未满足 not met】"; k.Met != "" {
				state = "【已满足 met：" + k.Met + "】"
			}
		}
		fmt.Fprintf(w, "- 条件 condition %s（%s）%s%s\n", k.ID, k.Kind, k.Text, state)
	}
	for _, s := range v.Sides {
		for _, k := range s.Casts {
			fmt.Fprintf(w, "- 决定 decision: %s %s %s\n", k.By, k.Verdict, k.Reason)
		}
		if len(s.Voted) > 0 {
			fmt.Fprintf(w, "- 已密封表决 sealed votes of: %s\n", strings.Join(s.Voted, ", "))
		}
	}
}

// printOffers lists what the caller may do now, with the very command.
func printOffers(w io.Writer, v verb.Case) {
	if len(v.Able) == 0 {
		fmt.Fprintln(w, "\n您现在无须办理 nothing is yours to do now")
		return
	}
	fmt.Fprintln(w, "\n## 您现在可以 what you may do now")
	for _, o := range v.Able {
		fmt.Fprintf(w, "- yunei case %s\n", command(v, o))
		if len(o.Absent) > 0 {
			fmt.Fprintf(w, "    尚缺证据 evidence still to be filed: %s\n", strings.Join(o.Absent, ", "))
		}
		if len(o.Unverified) > 0 {
			fmt.Fprintf(w, "    待核验 to be verified: %s\n", strings.Join(o.Unverified, ", "))
		}
		if len(o.Reasons) > 0 {
			fmt.Fprintf(w, "    理由限于 reasons of a closed list: %s\n", strings.Join(o.Reasons, ", "))
		}
		if o.Basis != "" && o.Act != cases.Unseal {
			fmt.Fprintf(w, "    不同意须加 a refusal adds: --basis law:文件:条款%s\n", map[bool]string{true: " 或 or house:内部规则"}[o.Basis == cases.CitesAny])
		}
	}
}

func command(v verb.Case, o cases.Offer) string {
	out := string(o.Act) + " " + v.ID
	each := func(flag, value string, names []string) {
		for _, n := range names {
			out += " " + flag + " " + n + value
		}
	}
	switch o.Act {
	case cases.Submit:
		each("--ref", "=FILE", o.Refs)
	case cases.Decide, cases.Seal:
		out += " --verdict allow|conditional|deny|inconclusive"
	case cases.Return:
		if out += " --item 编号=内容"; len(o.Items) > 0 {
			out = string(o.Act) + " " + v.ID
			each("--item", "", o.Items)
		}
	case cases.Resubmit:
		each("--item", "=答复", o.Items)
	case cases.Filed:
		if name := slices.Concat(o.Absent, []string{"NAME"})[0]; true {
			out += " " + name + "=FILE"
		}
	case cases.Attest:
		out += " " + slices.Concat(o.Unverified, []string{"NAME"})[0] + " --how 核验方式"
	case cases.Fulfil:
		out += " " + slices.Concat(o.Conditions, []string{"CONDITION"})[0] + " FILE"
	case cases.Escalate:
		out += " --text 理由"
	case cases.Start, cases.Unseal, cases.Withdraw:
	}
	return out
}

func caseListCommand() *cobra.Command {
	var f access
	var filter verb.CaseFilter
	c := &cobra.Command{
		Use:   "list",
		Short: "列出您可查看的办件 / list the cases that you may see",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			page, err := api.Cases(c.Context(), filter)
			if err != nil {
				return err
			}
			for _, k := range page.Cases {
				printLine(c.OutOrStdout(), k)
			}
			if page.Next != "" {
				fmt.Fprintf(c.OutOrStdout(), "下一页 next page: --after %s\n", page.Next)
			}
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&filter.Kind, "kind", "", "类别 kind")
	c.Flags().StringVar(&filter.Stage, "stage", "", "环节 stage")
	c.Flags().StringVar((*string)(&filter.Phase), "phase", "", "open | returned | conditioned | ended")
	c.Flags().StringVar(&filter.After, "after", "", "上一页最后一个编号 the last id of the page before")
	c.Flags().IntVar(&filter.Limit, "limit", 0, "每页件数 cases a page, at most 200")
	return c
}

func printLine(w io.Writer, k verb.CaseLine) {
	state := phaseNames[k.Phase]
	if k.Outcome != "" {
		state = string(k.Outcome)
	}
	due := ""
	if k.Phase != cases.Ended {
		due = "  " + dueLine(k.Term)
	}
	fmt.Fprintf(w, "%-16s %-18s %s  %s %s [%s]%s\n", k.ID, k.Kind, k.Title, k.ZH, k.EN, state, due)
}

func todoCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "todo",
		Short: "待办：等您的角色办理的办件，逾期在前 / what waits for your role, the overdue first",
		Long: `按到期时间排列；以工作日倒计时。暂定：涉及尚未公布放假安排的年份，加载后重新计算。逾期只作标示，从不视为同意。
In the order of their terms, counted in working days. What touches a year without a notice is provisional (暂定). Being overdue is shown,
and is never an approval.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			todo, err := api.Todo(c.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "待办 %d 件，其中逾期 %d 件 %d to do, %d of them overdue\n", todo.All, todo.Overdue, todo.All, todo.Overdue)
			for _, k := range todo.Cases {
				printLine(c.OutOrStdout(), k)
			}
			for _, w := range todo.Confirm {
				late := ""
				if w.Overdue {
					late = "【逾期 overdue】"
				}
				fmt.Fprintf(c.OutOrStdout(), "%-16s 收回待确认 a withdrawn release to confirm  至 by %s%s  yunei release confirm %s\n", w.Run, w.Due.In(calendar.Shanghai).Format("2006-01-02 15:04"), late, w.Run)
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func caseExportCommand() *cobra.Command {
	var f access
	var out string
	c := &cobra.Command{
		Use:   "export ID --out FILE",
		Short: "导出一个办件为一个文件，可离线核验 / export a case as one file, to be verified offline",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			raw, err := api.ExportCase(c.Context(), args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = args[0] + ".case.json"
			}
			if err := writeSecret(out, raw); err != nil {
				return err
			}
			return done(c, "已导出 exported", out)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&out, "out", "", "文件 file (ID.case.json)")
	return c
}

func caseVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "离线核验导出的办件：逐个验签并重新推演 / verify an exported case offline: every signature, and the case folded anew",
		Long: `文件写明谁持有哪个公钥；请与大数据部门公布的名录核对列出的公钥。
The file says who held which key: compare the keys listed with the directory that the bureau publishes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := os.ReadFile(filepath.Clean(args[0]))
			if err != nil {
				return err
			}
			f, err := cases.ParseFile(raw)
			if err != nil {
				return err
			}
			tables, err := cases.Procedures()
			if err != nil {
				return err
			}
			k, err := cases.NewRules(f.Register(), tables).Verify(raw)
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			outcome, end := k.Outcome()
			fmt.Fprintf(w, "签名与经过相符 signatures and history hold: %s（%s），%d 个事件 events\n", k.ID(), k.Table().ZH, len(k.Receipts()))
			fmt.Fprintf(w, "结果 outcome: %s %s\n末端摘要 head: %s\n", map[bool]string{true: "未办结 not ended", false: string(outcome)}[outcome == cases.Pending], end, k.Head())
			for _, p := range f.People {
				fmt.Fprintf(w, "- %s %s（%s，%s）%s\n", p.ID, p.Name, p.Org, roleNames[p.Role], p.Key)
			}
			return nil
		},
	}
}

func paperPutCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "put FILE",
		Short: "存入材料（至多 256 KiB），输出其摘要 / put a paper of at most 256 KiB and print its digest",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(filepath.Clean(args[0]))
			if err != nil {
				return err
			}
			d, err := api.PutPaper(c.Context(), raw)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), d)
			return err
		},
	}
	f.flags(c)
	return c
}

func paperGetCommand() *cobra.Command {
	var f access
	var out string
	c := &cobra.Command{
		Use:   "get DIGEST --out FILE",
		Short: "取回您存入的材料，或您可查看的办件所指的材料 / get a paper that you put, or that a case names which you may see",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			d := suite.Digest(args[0])
			raw, err := paperHeld(c.Context(), api, d)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = c.OutOrStdout().Write(raw)
				return err
			}
			return writeSecret(out, raw)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&out, "out", "", "文件 file (默认输出到屏幕 to the screen by default)")
	return c
}
