package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/suite"
)

func orgCommand() *cobra.Command {
	var f access
	var o governance.Org
	add := &cobra.Command{
		Use:   "add",
		Short: "登记机构 / register an organisation",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			if err := api.AddOrg(c.Context(), o); err != nil {
				return err
			}
			return done(c, "已登记机构 registered organisation", o.ID)
		},
	}
	f.flags(add)
	add.Flags().StringVar(&o.ID, "id", "", "机构标识 id")
	add.Flags().StringVar(&o.Title, "title", "", "机构名称 name for people")
	add.Flags().StringVar((*string)(&o.Kind), "kind", "", "operator | provider | bureau | trustee")
	c := &cobra.Command{Use: "org", Short: "机构 / organisations (大数据部门登记 the bureau registers them)"}
	c.AddCommand(add, enrolCommand(), inviteCommand(), invitedCommand(), acceptCommand(), processCommand(), revokeCommand())
	return c
}

func done(c *cobra.Command, what, id string) error {
	_, err := fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", what, id)
	return err
}

// enrolCommand registers every process of an installation on this machine.
func enrolCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "enrol",
		Short: "登记本机安装的全部进程 / register every process of this machine's installation",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := readInstall(f.at)
			if err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			duties := map[string]governance.Duty{"yuneid": governance.Coordinator, "yunei-site": governance.Site, "yunei-trustee": governance.Committee, "yunei-gate": governance.Gate}
			n := 0
			for _, d := range in.Daemons {
				if d.Binary == custodian {
					continue // the domain's own affair: it speaks on no board
				}
				n++
				p := governance.Process{Name: d.Name, Kind: duties[d.Binary], Key: d.Key}
				if p.Kind == governance.Coordinator {
					p.Box = in.Desk
				}
				if err := api.AddProcess(c.Context(), p); err != nil {
					return err
				}
			}
			return done(c, "已登记进程 registered processes", fmt.Sprint(n))
		},
	}
	f.flags(c)
	return c
}

// processCommand registers one process, of another machine or with another key.
func processCommand() *cobra.Command {
	var f access
	var p governance.Process
	var public string
	c := &cobra.Command{
		Use:   "process",
		Short: "登记一个进程及其公钥（其他机器上的，或换用新密钥的）/ register one process: another machine's, or one with a new key",
		Long: `公钥由人与该进程的运行方当面核对（在其机器上：yunei key show key.pem）。换密钥：先 yunei org revoke，再以原名登记新公钥。
A person compares the public key with whoever runs the process (yunei key show key.pem, on its machine). To change a key,
revoke the process and register the new key under the same name; permits that name the old key end with it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if p.Key, err = suite.ParsePublicKey(public); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			if err := api.AddProcess(c.Context(), p); err != nil {
				return err
			}
			return done(c, "已登记进程 registered process", p.Name)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&p.Name, "name", "", "进程名称 its name: site-DOMAIN, trustee-1, gate")
	c.Flags().StringVar((*string)(&p.Kind), "kind", "", "site | trustee | gate")
	c.Flags().StringVar(&public, "public", "", "公钥 public key (yunei key show FILE)")
	return c
}

func revokeCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "revoke NAME",
		Short: "吊销一个进程：立即断开，其密钥不再有效 / revoke a process: it is cut off at once, and its key is worth nothing any more",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			if err := api.RevokeProcess(c.Context(), args[0]); err != nil {
				return err
			}
			return done(c, "已吊销进程 revoked process", args[0])
		},
	}
	f.flags(c)
	return c
}

func userCommand() *cobra.Command {
	var f access
	var u governance.User
	var public, until string
	add := &cobra.Command{
		Use:   "add",
		Short: "登记人员及其公钥 / register a person and their public key",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			key, err := suite.ParsePublicKey(public)
			if err != nil {
				return err
			}
			u.Key = key
			if u.NotAfter, err = day(until, time.Now().AddDate(1, 0, 0)); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			if err := api.AddUser(c.Context(), u); err != nil {
				return err
			}
			return done(c, "已登记人员 registered", u.ID)
		},
	}
	f.flags(add)
	add.Flags().StringVar(&u.ID, "id", "", "人员标识 id")
	add.Flags().StringVar(&u.Name, "name", "", "姓名 name")
	add.Flags().StringVar(&u.Org, "org", "", "所属机构 organisation")
	add.Flags().StringVar((*string)(&u.Role), "role", "", "operator | provider-officer | provider-admin | bureau-officer | output-checker | auditor")
	add.Flags().StringVar(&public, "public", "", "公钥 public key (yunei key show FILE)")
	add.Flags().StringVar(&until, "until", "", "有效期至 YYYY-MM-DD (默认一年 one year by default)")
	c := &cobra.Command{Use: "user", Short: "人员 / people"}
	c.AddCommand(add)
	return c
}

func day(s string, otherwise time.Time) (time.Time, error) {
	if s == "" {
		return otherwise.UTC().Truncate(time.Second), nil
	}
	return time.Parse(time.DateOnly, s)
}

func licenceCommand() *cobra.Command {
	var f access
	var l governance.Licence
	var purposes, from, to string
	grant := &cobra.Command{
		Use:   "grant",
		Short: "授权一家机构运营某领域数据 / license an organisation to operate on data of a field",
		Long: `期限不超过所在城市规则 authop.term_max_years 的年数（yunei profile show 可查依据）；该规则可例外的，更长须附理由 --reason。
The term is at most the years of the city's rule authop.term_max_years (yunei profile show cites it); where that rule has exceptions, a
longer one needs --reason.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			if l.Case != "" {
				if err := licensed(c.Context(), api, &l); err != nil {
					return err
				}
			} else {
				l.Purposes = strings.Split(purposes, ",")
			}
			if l.NotBefore, err = day(from, cmp.Or(l.NotBefore, time.Now().Add(-time.Minute))); err != nil {
				return err
			}
			if l.NotAfter, err = day(to, cmp.Or(l.NotAfter, l.NotBefore.AddDate(2, 0, 0))); err != nil {
				return err
			}
			if err := api.GrantLicence(c.Context(), l); err != nil {
				return err
			}
			return done(c, "已授权 licensed", l.ID)
		},
	}
	f.flags(grant)
	grant.Flags().StringVar(&l.ID, "id", "", "授权标识 id")
	grant.Flags().StringVar(&l.Operator, "operator", "", "授权运营方 operator's organisation")
	grant.Flags().StringVar(&l.Field, "field", "", "领域 field")
	grant.Flags().StringVar(&purposes, "purposes", "", "目的代码，逗号分隔 purposes, comma-separated")
	grant.Flags().StringVar(&from, "from", "", "起 YYYY-MM-DD")
	grant.Flags().StringVar(&to, "to", "", "止 YYYY-MM-DD")
	grant.Flags().StringVar(&l.Basis, "basis", "主管部门授权决定", "依据 basis")
	grant.Flags().StringVar(&l.Reason, "reason", "", "超过上限的理由 reason for a longer term than the rules have it")
	grant.Flags().StringVar(&l.Case, "case", "", "准入办件：运营方、领域、目的、期限由其申请材料填入 the case of admission, whose application fills in the rest")
	c := &cobra.Command{Use: "licence", Short: "授权运营资格 / operators' licences"}
	c.AddCommand(grant)
	return c
}

// licensed fills a licence in from the application that its case has approved.
func licensed(ctx context.Context, api *client.Client, l *governance.Licence) error {
	v, err := api.Case(ctx, l.Case)
	if err != nil {
		return err
	}
	if v.Opening.Kind != "operator.admit" || v.Outcome != cases.Approved {
		return fmt.Errorf("办件 %s 未准入任何运营方 the case has admitted nobody: %w", l.Case, fault.Refuse("licence", ""))
	}
	i := slices.IndexFunc(v.Refs, func(r cases.Ref) bool { return r.Name == "application" })
	if i < 0 {
		return fmt.Errorf("办件没有申请材料 the case has no application: %w", fault.NotFound)
	}
	raw, err := api.Paper(ctx, v.Refs[i].Digest)
	if err != nil {
		return err
	}
	a, err := papers.Read[papers.Admission](raw, papers.KindAdmission)
	if err != nil {
		return err
	}
	l.Operator, l.Field, l.Purposes, l.NotBefore, l.NotAfter, l.Reason = a.Operator, a.Field, a.Purposes, a.From, a.To, a.Reason
	return nil
}
