package main

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/office"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/suite"
)

func caseCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "case",
		Short: "办件：立案、提交、审核、补正、提级、撤回、归档核验 / cases: open, hand in, decide, return, escalate, withdraw, export, verify",
		Long: `每一项程序（目录审核、运营方准入、场景申请、协议签订、作业审查、出域审核、同意登记、异议、处置、整改、年度评估）都是办件：环节、承办方、时限和依据见 docs/CASES.md。
每一步都由您本人的密钥签署；平台只记录，不代任何人决定。下一步该谁办、办什么、用哪条命令：yunei case show ID。
Every procedure is a case: its stages, whose turn, terms and their basis are in docs/CASES.md. You sign each step with your own key; the
platform records and decides for nobody. What is next, whose turn it is and the very command to type: yunei case show ID.`,
	}
	c.AddCommand(
		caseOpenCommand(), caseSubmitCommand(), caseFileCommand(), caseAttestCommand(), caseDecideCommand(), caseSealCommand(), caseUnsealCommand(),
		caseReturnCommand(), caseResubmitCommand(), caseFulfilCommand(), caseEscalateCommand(), caseWithdrawCommand(),
		caseShowCommand(), caseReadCommand(), caseListCommand(), caseExportCommand(), caseVerifyCommand(),
	)
	return c
}

// acting is what every act on a case needs.
type acting struct{ access }

// look is the page of a case, and whom it was asked of.
func (a *access) look(ctx context.Context, id string) (*client.Client, verb.Case, error) {
	api, err := a.client()
	if err != nil {
		return nil, verb.Case{}, err
	}
	v, err := api.Case(ctx, id)
	return api, v, err
}

// act signs one event over the case as it stands, brings it, and says what the
// case waits for now.
func (f *acting) act(c *cobra.Command, id string, make func(context.Context, *client.Client, verb.Case) (cases.Event, error)) error {
	api, v, err := f.look(c.Context(), id)
	if err != nil {
		return err
	}
	if err := v.Check(); err != nil {
		return err // what is shown is not what would be signed
	}
	e, err := make(c.Context(), api, v)
	if err != nil {
		return err
	}
	next, err := f.say(c.Context(), api, v, e)
	if err != nil {
		return err
	}
	return standing(c, next)
}

func (f *acting) say(ctx context.Context, api *client.Client, v verb.Case, e cases.Event) (verb.Case, error) {
	key, err := readKey(f.key)
	if err != nil {
		return v, err
	}
	e.Case, e.Prev, e.Stage, e.Round, e.At = v.ID, v.Head, v.Stage, max(v.Round, 1), time.Now().UTC().Truncate(time.Second)
	r, err := cases.Say(key, e)
	if err != nil {
		return v, err
	}
	return api.Act(ctx, v.ID, r)
}

// standing prints in one line where a case stands.
func standing(c *cobra.Command, v verb.Case) error {
	line := fmt.Sprintf("办件 case %s: %s %s", v.ID, v.ZH, v.EN)
	if len(v.Turn) > 0 {
		line += "；轮到 turn: " + turns(v.Turn)
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), line)
	return err
}

// pairs reads NAME=VALUE arguments.
func pairs(args []string) ([][2]string, error) {
	var all [][2]string
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" || value == "" {
			return nil, fmt.Errorf("%q：应为 名称=值 want NAME=VALUE", a)
		}
		all = append(all, [2]string{name, value})
	}
	return all, nil
}

// enclose gives the digest of a document: a digest is taken as it stands; a file's bytes
// are kept by the platform if they are no more than a paper has.
func enclose(ctx context.Context, api *client.Client, from string) (suite.Digest, error) {
	if d := suite.Digest(from); d.Hex() != "" {
		return d, nil
	}
	raw, err := os.ReadFile(filepath.Clean(from))
	if err != nil {
		return "", err
	}
	if len(raw) > papers.MaxSize {
		return suite.DigestOf(raw), nil // known by its digest; its bytes stay with who has them
	}
	return api.PutPaper(ctx, raw)
}

// putRefs puts what is handed in and names it, in the order of events.
func putRefs(ctx context.Context, api *client.Client, args []string) ([]cases.Ref, error) {
	named, err := pairs(args)
	if err != nil {
		return nil, err
	}
	all := map[string]suite.Digest{}
	for _, p := range named {
		if all[p[0]], err = enclose(ctx, api, p[1]); err != nil {
			return nil, err
		}
	}
	return cases.Refs(all), nil
}

func putFiling(ctx context.Context, api *client.Client, name, from, title string) (*cases.Filing, error) {
	d, err := enclose(ctx, api, from)
	if err != nil {
		return nil, err
	}
	media, _, _ := strings.Cut(mime.TypeByExtension(filepath.Ext(from)), ";")
	if media == "" {
		media = "application/octet-stream"
	}
	if title == "" {
		title = filepath.Base(from)
	}
	return &cases.Filing{Name: name, Digest: d, Media: media, Title: title}, nil
}

type opening struct {
	acting
	id, title, channel string
	parties            []string
	year               int
	refs, files        []string
}

func caseOpenCommand() *cobra.Command {
	var f opening
	c := &cobra.Command{
		Use:   "open KIND --id ID --title 标题 --party seat=ORG",
		Short: "立案（可同时存入证据并提交）/ open a case, and file and hand in at once if you like",
		Long: `KIND：catalogue.review 目录审核，operator.admit 运营方准入，scenario.apply 场景申请，agreement.sign 协议签订，program.review 作业审查，
output.vet 出域审核，consent.record 数据主体同意登记，objection.resolve 异议，withdraw.dispose 收回处置，incident.rectify 事件整改，evaluate.yearly 年度评估。
按现行城市规则立案；场景申请的环节按 --channel 所指渠道的法定路径（share 共享、open 开放、authop 授权运营）。
本单位的席位自动填入；只有一个大数据部门时亦自动填入。
A case is opened under the rules in force; a scenario goes the way that the city sets for its --channel. Your own seat is filled in, and
the bureau's where there is one.`,
		Example: `  yunei case open catalogue.review --id cat-1 --title 结算数据目录 --ref entry=sheet.json --key officer.pem
  yunei case open scenario.apply --id s-1 --title 就诊统计 --party provider=ybj-zg --party provider=ybj-jm \
      --file commitment=承诺书.pdf --ref application=s.json --ref dataset-list=s.json --key operator.pem`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	f.flags(c)
	c.Flags().StringVar(&f.id, "id", "", "办件编号 id")
	c.Flags().StringVar(&f.title, "title", "", "标题 title")
	c.Flags().StringVar(&f.channel, "channel", "", "用数渠道 share | open | authop（场景申请 of a scenario）")
	c.Flags().StringArrayVar(&f.parties, "party", nil, "参与单位 seat=ORG：provider, bureau, operator, checker；可重复 repeatable")
	c.Flags().IntVar(&f.year, "year", 0, "年度（年度评估）year, of a yearly evaluation")
	c.Flags().StringArrayVar(&f.refs, "ref", nil, "随即提交的材料 name=FILE|DIGEST, handed in at once；可重复 repeatable")
	c.Flags().StringArrayVar(&f.files, "file", nil, "随即存入的证据 name=FILE|DIGEST, filed at once；可重复 repeatable")
	return c
}

func (f *opening) run(c *cobra.Command, kind string) error {
	ctx := c.Context()
	api, err := f.client()
	if err != nil {
		return err
	}
	key, err := readKey(f.key)
	if err != nil {
		return err
	}
	tables, err := cases.Procedures()
	if err != nil {
		return err
	}
	if len(tables.All(kind)) == 0 {
		c.PrintErrf("没有“%s”这类办件，可立案的有 there is no such kind; those there are:\n%s\n", kind, kinds(tables))
		return fault.Refuse("case-table", governance.House)
	}
	t, o, err := f.opening(ctx, api, tables, key.Public(), kind)
	if err != nil {
		return err
	}
	r, err := cases.Begin(key, f.id, t, o, time.Now())
	if err != nil {
		return err
	}
	v, err := api.Act(ctx, f.id, r)
	if err != nil {
		return err
	}
	if v, err = f.more(ctx, api, v); err != nil {
		return fmt.Errorf("已立案，后续步骤未完成 opened, but not all done: %w", err)
	}
	return standing(c, v)
}

// more files and hands in what the command names.
func (f *opening) more(ctx context.Context, api *client.Client, v verb.Case) (verb.Case, error) {
	files, err := pairs(f.files)
	if err != nil {
		return v, err
	}
	for _, p := range files {
		filing, err := putFiling(ctx, api, p[0], p[1], "")
		if err != nil {
			return v, err
		}
		if v, err = f.say(ctx, api, v, cases.Event{Act: cases.Filed, Filing: filing}); err != nil {
			return v, err
		}
	}
	if len(f.refs) == 0 {
		return v, nil
	}
	refs, err := putRefs(ctx, api, f.refs)
	if err != nil {
		return v, err
	}
	return f.say(ctx, api, v, cases.Event{Act: cases.Submit, Refs: refs})
}

// kinds are the procedures, a line each.
func kinds(ts cases.Tables) string {
	var lines []string
	for _, t := range ts {
		if t.Channel == "" {
			lines = append(lines, fmt.Sprintf("  %-18s %s %s", t.Kind, t.ZH, t.EN))
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

// seatRoles say from which seat a role opens a case.
var seatRoles = map[governance.Role]cases.Seat{
	governance.RoleOperator: cases.Operator, governance.RoleOfficer: cases.Provider, governance.RoleBureau: cases.Bureau,
}

// opening gets the table of the rules in force and fills in who takes part.
func (f *opening) opening(ctx context.Context, api *client.Client, tables cases.Tables, key suite.PublicKey, kind string) (cases.Table, cases.Opening, error) {
	rules, err := api.Rules(ctx, nil)
	if err != nil {
		return cases.Table{}, cases.Opening{}, err
	}
	t, err := office.Office{Rules: rules, Days: calendar.Announced()}.Table(tables, kind, f.channel)
	if err != nil {
		return t, cases.Opening{}, err
	}
	dir, err := api.Directory(ctx)
	if err != nil {
		return t, cases.Opening{}, err
	}
	o := cases.Opening{Profile: cases.Profile(rules.Frozen()), Title: f.title, Parties: map[cases.Seat][]string{}, Year: f.year}
	named, err := pairs(f.parties)
	if err != nil {
		return t, o, err
	}
	for _, p := range named {
		o.Parties[cases.Seat(p[0])] = append(o.Parties[cases.Seat(p[0])], p[1])
	}
	i := slices.IndexFunc(dir.Users, func(u governance.User) bool { return u.Key == key })
	if i < 0 {
		return t, o, fault.Refuse("unknown-key", governance.House)
	}
	o.Seat = seatRoles[dir.Users[i].Role]
	fill := func(s cases.Seat, org string) {
		if _, part := t.Parties[s]; part && len(o.Parties[s]) == 0 {
			o.Parties[s] = []string{org}
		}
	}
	fill(o.Seat, dir.Users[i].Org)
	for _, org := range dir.Orgs {
		if org.Kind == governance.Bureau {
			fill(cases.Bureau, org.ID)
		}
	}
	for s := range o.Parties {
		slices.Sort(o.Parties[s])
	}
	if o.Title == "" {
		return t, o, errors.New("请用 --title 写明标题 give the case a --title")
	}
	return t, o, nil
}
