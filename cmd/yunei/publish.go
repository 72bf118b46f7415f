package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs/receipt"
)

func profilePublishCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "publish CITY",
		Short: "发布本安装所适用的城市规则（须大数据部门两名人员各签一次）/ publish the city's rules that the installation goes by; two officers of the bureau sign",
		Long: `第二名人员签署后生效。已立案的办件仍按其立案时的版本办理；新版本须为现行版本加一，且不得宽于全国基础层。
It is in force once the second officer has signed. A case that is under way keeps its version. A further version is the next number, and is
never looser than the national layer.` + rulesUsage,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.publish(c, args[0]) },
	}
	f.flags(c)
	return c
}

func (a *access) publish(c *cobra.Command, city string) error {
	source, err := sourceOf(city)
	if err != nil {
		return err
	}
	next, err := profiles.Load(source)
	if err != nil {
		return err
	}
	key, err := readKey(a.key)
	if err != nil {
		return err
	}
	api, err := a.client()
	if err != nil {
		return err
	}
	change := governance.Change{Next: next.Frozen()}
	now, err := api.Rules(c.Context(), nil)
	if err == nil {
		change.Prior = now.Frozen()
	} else if r, ok := errors.AsType[fault.Refusal](err); !ok || r.Code != "no-rules" {
		return err
	}
	dir, err := api.Directory(c.Context())
	if err != nil {
		return err
	}
	org := ""
	for _, u := range dir.Users {
		if u.Key == key.Public() {
			org = u.Org
		}
	}
	stated := governance.Publication{Change: change, Org: org, At: time.Now().UTC().Truncate(time.Second)}
	r, err := receipt.Sign(key, governance.Publish, change.About(), stated)
	if err != nil {
		return err
	}
	p, err := api.Publish(c.Context(), r, source)
	if err != nil {
		return err
	}
	state := "待第二名人员签署 another officer is still to sign"
	if p.InForce {
		state = "已生效 in force"
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "规则 rules %s 第 %d 版 version %d %s %s\n已签署 signed by: %s；%s\n", p.Frozen.ID, p.Frozen.Version, p.Frozen.Version, badge(next), p.Frozen.Digest, strings.Join(p.By, ", "), state)
	return err
}

// sourceOf is the file of a city of this version, or the file itself.
func sourceOf(name string) ([]byte, error) {
	if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
		return profiles.Source(name)
	}
	return readBounded(name, profiles.MaxFile)
}

func profileInForceCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "in-force",
		Short: "本安装现行的城市规则 / the city's rules that the installation goes by now",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			var p profile.Profile
			if p, err = api.Rules(c.Context(), nil); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s %s 第 %d 版 version %d %s %s\n", p.ID(), p.City().ZH, p.Frozen().Version, p.Frozen().Version, badge(p), p.Frozen().Digest)
			return err
		},
	}
	f.flags(c)
	return c
}

func calendarLoadCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "load FILE",
		Short: "大数据部门加载年度放假安排，两人加载同一文件后生效并重算到期日 / the bureau loads a year's notice: it counts once two officers have loaded the same file, and terms are computed anew",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := readBounded(args[0], calendar.MaxTable)
			if err != nil {
				return err
			}
			if _, err := calendar.Announced().With(raw); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			l, err := api.LoadCalendar(c.Context(), raw)
			if err != nil {
				return err
			}
			if l.Waits {
				_, err = fmt.Fprintln(c.OutOrStdout(), "已收到，待大数据部门另一名人员加载同一文件后生效 taken; it counts once another officer of the bureau has loaded the same file")
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "已加载 loaded；已知年份 years known: %s；到期日变动 %d 件 terms moved: %d\n", strings.Trim(fmt.Sprint(l.Years), "[]"), l.Moved, l.Moved)
			return err
		},
	}
	f.flags(c)
	return c
}
