package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/enrol"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

// inviteCommand makes a token on this computer; the platform gets its digest.
func inviteCommand() *cobra.Command {
	var f access
	var i governance.Invitation
	var life time.Duration
	c := &cobra.Command{
		Use:   "invite",
		Short: "邀请另一台机器上的新进程：签发一次性登记口令 / invite a new process on another machine: a token that is good once",
		Long: `在本机生成口令，只显示一次；平台只存其摘要。口令限定名称、职责与机构，一经使用或过期即失效。
把口令当面或加密交给对方；对方运行 yunei-site（yunei-trustee、yunei-gate）enrol 后，双方核对指纹，再用 yunei org accept 确认。
Makes a token here and shows it once; the platform keeps its digest. It is for one name, duty and organisation, and good once and
until it expires. Hand it over in person or encrypted. They run ` + "`yunei-site enrol`" + `, you compare the fingerprint, then ` + "`yunei org accept`" + `.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			token, err := enrol.NewToken(rand.Reader)
			if err != nil {
				return err
			}
			i.Token, i.Until = token.Digest(i.Name), time.Now().UTC().Add(life).Truncate(time.Second)
			api, err := f.client()
			if err != nil {
				return err
			}
			if err := api.Invite(c.Context(), i); err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "登记口令（仅显示这一次，有效至 %s）the token, shown this once and good until then:\n", i.Until.Local().Format(time.DateTime))
			_, err = fmt.Fprintln(c.OutOrStdout(), token.Text())
			return err
		},
	}
	f.flags(c)
	c.Flags().StringVar(&i.Name, "name", "", "进程名称 its name: site-DOMAIN, trustee-1, gate")
	c.Flags().StringVar((*string)(&i.Kind), "kind", "", "site | trustee | gate")
	c.Flags().StringVar(&i.Org, "org", "", "运行该进程的机构 the organisation that runs it")
	c.Flags().DurationVar(&life, "life", 24*time.Hour, "口令有效期，至多 168h how long the token is good, at most 168h")
	return c
}

// invitedCommand shows who came, by the fingerprint of what they stated.
func invitedCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "invited",
		Short: "列出邀请及待核对的指纹 / list invitations, and the fingerprints to compare",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := f.invited(c)
			if err != nil {
				return err
			}
			for _, i := range all {
				state := "等待 waiting"
				switch {
				case i.Accepted:
					state = "已确认 accepted"
				case i.Newcomer != nil:
					state = "指纹 fingerprint: " + i.Newcomer.Fingerprint()
				case !time.Now().Before(i.Until):
					state = "已过期 expired"
				}
				fmt.Fprintf(c.OutOrStdout(), "%s  %s  %s  %s\n", i.Name, i.Kind, i.Org, state)
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

// invited lists invitations. What a newcomer is said to be is what their own key
// signed, for the coordinator that is pinned here.
func (a *access) invited(c *cobra.Command) ([]verb.Invited, error) {
	api, err := a.client()
	if err != nil {
		return nil, err
	}
	all, err := api.Invited(c.Context())
	if err != nil {
		return nil, err
	}
	p, err := a.place()
	if err != nil {
		return nil, err
	}
	for n, i := range all {
		if i.Newcomer == nil || i.Accepted {
			continue
		}
		who, err := enrol.Parse(i.Statement)
		if err != nil {
			return nil, err
		}
		if who.Coordinator != p.Key || who.Name != i.Name || who.Kind != string(i.Kind) {
			return nil, fmt.Errorf("%s: 该声明不是对本平台作出的 its statement is not to this platform: %w", i.Name, fault.Tampered)
		}
		all[n].Newcomer = &who
	}
	return all, nil
}

// acceptCommand registers who came, if a person has compared the fingerprint.
func acceptCommand() *cobra.Command {
	var f access
	var fingerprint string
	c := &cobra.Command{
		Use:   "accept NAME",
		Short: "核对指纹后登记受邀进程 / register an invited process, by the fingerprint that was compared",
		Long: `通电话请对方读出其机器上显示的指纹，原样填入 --fingerprint；不要从 yunei org invited 抄写。
Have them read the fingerprint on their machine by telephone and type that, not what ` + "`yunei org invited`" + ` shows.`,
		Example: `  yunei org accept site-a --fingerprint "01234 56789 01234 56789 01234 56789"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			all, err := f.invited(c)
			if err != nil {
				return err
			}
			for _, i := range all {
				if i.Name != args[0] || i.Newcomer == nil {
					continue
				}
				if i.Accepted {
					return fault.Refuse("invite-used", governance.House)
				}
				if !enrol.SameFingerprint(i.Newcomer.Fingerprint(), fingerprint) {
					return fault.Refuse("fingerprint", governance.House)
				}
				return f.accept(c, governance.Process{Name: i.Name, Kind: i.Kind, Key: i.Newcomer.Key}, fingerprint)
			}
			return fault.Refuse("not-found", governance.House)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&fingerprint, "fingerprint", "", "对方读出的指纹 the fingerprint that they read out")
	_ = c.MarkFlagRequired("fingerprint")
	return c
}

func (a *access) accept(c *cobra.Command, p governance.Process, fingerprint string) error {
	if _, err := suite.ParsePublicKey(string(p.Key)); err != nil {
		return err
	}
	api, err := a.client()
	if err != nil {
		return err
	}
	if err := api.Accept(c.Context(), p, fingerprint); err != nil {
		return err
	}
	return done(c, "已登记进程 registered process", p.Name+" "+string(p.Key))
}
