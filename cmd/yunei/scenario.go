package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func scenarioCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "scenario",
		Short: "场景申请：起草、提交、查看 / scenario applications: draft, apply, show",
	}
	c.AddCommand(draftCommand(), applyCommand(), scenarioShowCommand())
	return c
}

func draftCommand() *cobra.Command {
	var f access
	var spec, program, out string
	c := &cobra.Command{
		Use:   "draft",
		Short: "由简短说明起草完整条款 / draft whole terms from a short description",
		Long: `说明文件与条款同形，缺少的公钥、目录摘要、代码表和程序摘要由平台登记簿补全，并当场检查会被拒绝之处。
The description has the form of the terms; keys, digests and code lists that it leaves out are filled in from the register,
and what would be refused is said at once. Read the result before you apply: it is what everyone will sign.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var t jobs.Terms
			if err := readJSON(spec, &t); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			d, err := api.Directory(c.Context())
			if err != nil {
				return err
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			if err := fill(&t, d, key.Public(), program); err != nil {
				return err
			}
			missing, err := underlie(c.Context(), api, &t)
			if err != nil {
				return err
			}
			if err := t.Check(); err != nil {
				return err
			}
			if err := writeNew(out, append(indent(t), '\n')); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "已起草 drafted: %s\n条款摘要 digest of the terms: %s\n%s", out, t.Digest(), missing)
			joinWords(c.OutOrStdout(), t)
			verifyWords(c.OutOrStdout(), t)
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&spec, "spec", "", "说明文件 description (JSON)")
	c.Flags().StringVar(&program, "program", "", "程序 WASM module")
	c.Flags().StringVar(&out, "out", "terms.json", "写出条款 write the terms here")
	_ = c.MarkFlagRequired("spec")
	return c
}

// underlie names the city's rules and the cases that the terms rest on. Without a
// case of the scenario the draft stands, and says what is still to be done.
func underlie(ctx context.Context, api *client.Client, t *jobs.Terms) (string, error) {
	p, err := api.Propose(ctx, t.Scenario, t.Program.Digest)
	if errors.Is(err, fault.NotFound) {
		return fmt.Sprintf("尚无场景办件 no case of the scenario yet: %s；先办理 open it first: yunei case open scenario.apply --id %s\n", t.Scenario, t.Scenario), nil
	}
	if err != nil {
		return "", err
	}
	u := p.Under
	t.Under = &u
	for i, m := range t.Members {
		if m.Grade == 0 {
			t.Members[i].Grade = p.Grades[m.Dataset]
		}
	}
	return fmt.Sprintf("依据 under: %s 第 %d 版规则 rules version %d，%d 个办件 cases\n自查 what would be refused: yunei job preview --terms FILE\n", u.City, u.Version, u.Version, len(u.Cases)), nil
}

func indent(v any) []byte {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("yunei: " + err.Error()) // plain data only
	}
	return raw
}

func writeNew(file string, raw []byte) error { return os.WriteFile(file, raw, 0o644) } //nolint:gosec // public

// errProgram is of everything but a join, which has none.
var errProgram = errors.New("须以 --program 指定程序 name the program with --program")

// fill completes a description from the register. It overwrites nothing that
// the description says.
func fill(t *jobs.Terms, d verb.Directory, me suite.PublicKey, program string) error {
	if t.HasProgram() || program != "" { // terms with both are refused
		if program == "" {
			return errProgram
		}
		module, err := os.ReadFile(program)
		if err != nil {
			return err
		}
		t.Program.Digest, t.Program.Size = suite.DigestOf(module), len(module)
	}
	user, ok := userOf(d, func(u governance.User) bool { return u.Key == me })
	if !ok {
		return fmt.Errorf("您的公钥未登记 your key is not registered: %w", fault.Refuse("not-found", ""))
	}
	t.Operator = jobs.Signer{Org: user.Org, Key: me}
	if bureau, ok := userOf(d, func(u governance.User) bool { return u.Role == governance.RoleBureau }); ok {
		t.Bureau = jobs.Signer{Org: bureau.Org, Key: bureau.Key}
	}
	fillProcesses(t, d)
	if len(t.Checkers) == 0 {
		for _, u := range d.Users {
			if u.Role == governance.RoleChecker {
				t.Checkers = append(t.Checkers, jobs.Signer{Org: u.Org, Key: u.Key})
			}
		}
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = time.Now().UTC().Truncate(time.Second)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = t.NotBefore.AddDate(1, 0, 0)
	}
	for i := range t.Members {
		if err := fillMember(&t.Members[i], d); err != nil {
			return err
		}
	}
	if t.Verify != nil {
		if err := fillVerify(t, d); err != nil {
			return err
		}
	}
	if t.Join != nil {
		if err := fillJoin(t, d); err != nil {
			return err
		}
	}
	fillCodes(t, d)
	fillSlots(t, d)
	fillProtection(t, d)
	return nil
}

// fillProtection completes protection prio3: the first two trustees aggregate, and
// a domain has at most as many units as the catalogue has rows of it.
func fillProtection(t *jobs.Terms, d verb.Directory) {
	if !t.Proved() {
		return
	}
	if t.Prio == nil {
		t.Prio = &jobs.Prio{}
	}
	if two := t.Trustees.Members; len(two) > 1 && t.Prio.Leader == "" && t.Prio.Helper == "" {
		t.Prio.Leader, t.Prio.Helper = two[0].Name, two[1].Name
	}
	if t.Prio.Units == 0 {
		t.Prio.Units = rowsAtMost(*t, d)
	}
}

// fillSlots gives an application that names no slots those that follow from the
// public size of the largest version.
func fillSlots(t *jobs.Terms, d verb.Directory) {
	if t.Due.Count != 0 {
		return
	}
	t.Due = jobs.DefaultSlots(rowsAtMost(*t, d))
	for t.Due.Count > 1 && t.Due.Last(t.NotBefore).After(t.NotAfter) {
		t.Due.Count--
	}
}

// rowsAtMost is the largest of the members' versions, by the catalogue.
func rowsAtMost(t jobs.Terms, d verb.Directory) (rows int64) {
	for _, m := range t.Members {
		for _, e := range d.Catalogue {
			for _, v := range e.Versions {
				if e.ID == m.Dataset && v.ID == m.Version {
					rows = max(rows, v.Rows)
				}
			}
		}
	}
	return rows
}

func userOf(d verb.Directory, is func(governance.User) bool) (governance.User, bool) {
	i := slices.IndexFunc(d.Users, is)
	if i < 0 {
		return governance.User{}, false
	}
	return d.Users[i], true
}

func fillProcesses(t *jobs.Terms, d verb.Directory) {
	named := len(t.Trustees.Members) > 0
	for _, p := range d.Processes {
		if p.Revoked {
			continue
		}
		of := jobs.Process{Name: p.Name, Key: p.Key}
		switch p.Kind {
		case governance.Committee:
			if !named {
				t.Trustees.Members = append(t.Trustees.Members, of)
			}
		case governance.Gate:
			t.Gate.Process, t.Gate.Evidence = of, cmp.Or(t.Gate.Evidence, jobs.Software)
		case governance.Coordinator:
			t.Coordinator, t.Desk = of, p.Box
		case governance.Site: // a member's
		}
	}
	slices.SortFunc(t.Trustees.Members, func(a, b jobs.Process) int { return compare(a.Name, b.Name) })
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func fillMember(m *jobs.Member, d verb.Directory) error {
	i := slices.IndexFunc(d.Catalogue, func(e governance.Entry) bool { return e.ID == m.Dataset })
	if i < 0 {
		return fault.Refuse("uncatalogued", "")
	}
	e := d.Catalogue[i]
	m.Domain, m.Schema = e.Domain, e.Schema
	officer, ok := userOf(d, func(u governance.User) bool { return u.Org == e.Provider && u.Role == governance.RoleOfficer })
	if !ok {
		return fmt.Errorf("%s 没有登记负责人 has no registered officer: %w", e.Provider, fault.Refuse("not-found", ""))
	}
	m.Provider = jobs.Signer{Org: e.Provider, Key: officer.Key}
	for _, p := range d.Processes {
		if p.Name == "site-"+e.Domain && !p.Revoked {
			m.Site = jobs.Process{Name: p.Name, Key: p.Key}
		}
	}
	return nil
}

// fillCodes gives a dim that has no codes the code list of the column of its
// name.
func fillCodes(t *jobs.Terms, d verb.Directory) {
	for i := range t.Shape.Dims {
		dim := &t.Shape.Dims[i]
		for _, e := range d.Catalogue {
			for _, c := range e.Columns {
				if len(dim.Codes) == 0 && c.Name == dim.Name && len(t.Members) > 0 && e.ID == t.Members[0].Dataset {
					dim.Codes = slices.Clone(c.Codes)
					if len(dim.Labels) == 0 {
						dim.Labels = slices.Clone(c.Labels)
					}
				}
			}
		}
		if len(dim.Labels) == 0 {
			dim.Labels = slices.Clone(dim.Codes)
		}
	}
}

func applyCommand() *cobra.Command {
	var f access
	var terms string
	c := &cobra.Command{
		Use:   "apply",
		Short: "提交场景申请并签名 / apply: submit the terms and sign the application",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var t jobs.Terms
			if err := readJSON(terms, &t); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			if _, err := api.SubmitApplication(c.Context(), t); err != nil {
				return err
			}
			if err := f.decide(c, api, verb.Application{Terms: t}, jobs.Apply, ""); err != nil {
				return err
			}
			return showApplication(c, api, t.ID)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&terms, "terms", "terms.json", "条款文件 the terms")
	return c
}

func scenarioShowCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "show ID",
		Short: "查看申请与下一步责任方 / show an application and whose turn it is",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			if err := showApplication(c, api, args[0]); err != nil {
				return err
			}
			a, err := api.Application(c.Context(), args[0])
			if err != nil {
				return err
			}
			if !a.Terms.HasProgram() { // its own words stand above
				return nil
			}
			words := a.Terms.ProtectionWords()
			fmt.Fprintf(c.OutOrStdout(), "  求和保护 protection of the sum:\n    %s\n    %s\n", words.ZH, words.EN)
			return nil
		},
	}
	f.flags(c)
	return c
}

func showApplication(c *cobra.Command, api *client.Client, id string) error {
	a, err := api.Application(c.Context(), id)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "申请 application %s: %s\n", id, a.Stage)
	joinWords(c.OutOrStdout(), a.Terms)
	verifyWords(c.OutOrStdout(), a.Terms)
	for _, who := range a.Turn {
		fmt.Fprintf(c.OutOrStdout(), "  等待 waits for: %s\n", who)
	}
	return nil
}

func decideCommand() *cobra.Command {
	var f access
	var note string
	kinds := map[string]receipt.Kind{"apply": jobs.Apply, "grant": jobs.Grant, "agree": jobs.Agree}
	c := &cobra.Command{
		Use:   "decide grant|agree|apply APPLICATION",
		Short: "以自己的密钥签署决定 / sign a decision with your own key",
		Long: `grant：数据提供方对其数据的审核决定（一需求一审核）；agree：运营方与大数据部门签署协议（一场景一协议）。
决定覆盖全部条款的摘要；签名密钥在平台之外，平台不能代签。签署之前，本机逐个验签、重新推演条款所依据的办件，并按公布的规则核对闸门；
不符的不签署。凭平台所称、本机不能核对的事项逐项列出。
A decision covers the digest of all terms. The key is yours and outside the platform, which can sign none. Before it signs, this machine
checks every signature of the cases that the terms rest on, folds them anew and asks the gates by the published rules; what does not hold is
not signed. What it cannot check, and takes from the platform's word, is listed.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			kind, ok := kinds[args[0]]
			if !ok {
				return errors.New("决定须为 grant、agree 或 apply decide grant, agree or apply")
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			a, err := api.Application(c.Context(), args[1])
			if err != nil {
				return err
			}
			if err := f.decide(c, api, a, kind, note); err != nil {
				return err
			}
			return showApplication(c, api, args[1])
		},
	}
	f.flags(c)
	c.Flags().StringVar(&note, "note", "", "说明 a note, signed with the decision")
	return c
}

// decide signs a decision here, where the key is, and hands it in. Before that it
// checks here what the terms rest on, and that the decision is due by what the
// others have signed.
func (a *access) decide(c *cobra.Command, api *client.Client, on verb.Application, kind receipt.Kind, note string) error {
	key, err := readKey(a.key)
	if err != nil {
		return err
	}
	t := on.Terms
	d, err := a.opened(c.Context(), api, t)
	if err != nil {
		return err
	}
	now := time.Now()
	user, err := d.Register.User(key.Public(), now)
	if err != nil {
		return err
	}
	r, err := receipt.Sign(key, kind, receipt.About("terms/"+t.ID, t.Digest()), jobs.Decision{Terms: t.Digest(), Org: user.Org, At: now.UTC().Truncate(time.Second), Note: note})
	if err != nil {
		return err
	}
	if err := d.Due(on.Decisions, r, now); err != nil {
		return err
	}
	if err := weighed(c.Context(), c.OutOrStdout(), d, false); err != nil {
		return err
	}
	if _, err := api.Decide(c.Context(), t.ID, r); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "已签署 signed: %s %s\n", kind, t.ID)
	return nil
}
