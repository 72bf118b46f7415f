package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
)

func holdCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "hold",
		Short: "提供方在本域中止与解除 / a provider's holds, at its own site",
		Long: `中止立即在本域生效，与协调方无关：本域拒绝新的运行，停止正在进行的运行，不再确认或公开；其他各方凭本域签名的声明得知，
任何一方没有 24 小时内的“未中止”声明都不再继续。解除是另一项行为，须写明理由。
A hold takes effect in the domain itself, whatever the coordinator does: new runs are refused, and those in progress stop at the next
step. The others learn it from what the site signs, and nobody goes on without such a statement that is at most 24 h old.
To release a hold is an act of its own, with its own reason.

order、lift、orders 是另一回事：由人作出、由平台保存的中止决定，不经域节点；协调方可以隐瞒它，但不能把域内的中止隐瞒超过 24 小时。
因此中止决定也可以写成文件（order --out），绕过平台直接交给任一成员域（take）：在那里它就是域内的中止。
order, lift and orders are something else: decisions of people, kept by the platform, without a site. The coordinator could hide one, as it
cannot hide a hold of a site for more than 24 h. So an order can be handed to any member's site as a file (order --out, then take): there it
is a hold, which nobody hides for longer.`,
	}
	c.AddCommand(holdPlaceCommand(), holdListCommand(), holdReleaseCommand(), holdTakeCommand(), holdOrderCommand(), holdLiftCommand(), holdOrdersCommand())
	return c
}

// holdWait is how long the command waits for the site.
const holdWait = 10 * time.Second

func askHold(ctx context.Context, w io.Writer, site string, q domain.HoldRequest) error {
	ctx, cancel := context.WithTimeout(ctx, holdWait)
	defer cancel()
	all, err := domain.AskHold(ctx, site, q)
	if err != nil {
		if errors.Is(err, domain.ErrNoSite) && (q.Act == domain.PlaceHold || q.Act == domain.TakeOrder) {
			return fmt.Errorf("中止已留在本域，域节点启动后先于一切生效 the hold is left at the domain and placed before anything else when the site starts: %w", err)
		}
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(w, "没有中止的事项 nothing is held")
	}
	for _, h := range all {
		fmt.Fprintf(w, "中止 hold %s: %s %s (%s) %s\n", h.ID, h.Thing.Kind, h.Thing.Name, h.At.Format(time.RFC3339), h.Reason)
	}
	return nil
}

func holdPlaceCommand() *cobra.Command {
	var site, reason string
	var t things
	c := &cobra.Command{
		Use:   "place",
		Short: "中止一个数据集、程序、运营方、场景或全部 / hold a dataset, program, operator, scenario, or everything",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			thing, ok := t.one()
			if !ok || reason == "" {
				return fault.Refuse("hold", "")
			}
			return askHold(c.Context(), c.OutOrStdout(), site, domain.HoldRequest{Act: domain.PlaceHold, Thing: thing, Reason: reason})
		},
	}
	siteFlag(c, &site)
	t.flags(c)
	c.Flags().StringVar(&reason, "reason", "", "理由 why")
	return c
}

func holdListCommand() *cobra.Command {
	var site string
	c := &cobra.Command{
		Use:   "list",
		Short: "列出现有中止 / list what is held",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return askHold(c.Context(), c.OutOrStdout(), site, domain.HoldRequest{Act: domain.ListHolds})
		},
	}
	siteFlag(c, &site)
	return c
}

func holdReleaseCommand() *cobra.Command {
	var site, reason string
	c := &cobra.Command{
		Use:   "release NUMBER",
		Short: "解除一项中止 / release a hold",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return askHold(c.Context(), c.OutOrStdout(), site, domain.HoldRequest{Act: domain.ReleaseHold, ID: args[0], Reason: reason})
		},
	}
	siteFlag(c, &site)
	c.Flags().StringVar(&reason, "reason", "", "理由 why")
	return c
}

func holdTakeCommand() *cobra.Command {
	var site string
	c := &cobra.Command{
		Use:   "take FILE",
		Short: "在本域执行一份中止决定，不经平台 / hold here what a person's order holds, handed over by another way than the platform",
		Long: `文件由 yunei hold order --out 写成。验签后即在本域中止该事项，并由本域的声明告知各方；协调方不能把它隐瞒超过 24 小时。
请以电话等方式与签署人核对所示公钥。解除用 yunei hold release。
The file is what yunei hold order --out wrote. Its signature is checked, what it names is held in this domain, and the domain's statements
tell the others: the coordinator hides that for 24 h at most. Compare the key shown with whoever signed. Release it with yunei hold release.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := os.ReadFile(filepath.Clean(args[0]))
			if err != nil {
				return err
			}
			o, r, err := msg.OpenOrder(raw)
			if err != nil {
				return fault.Refuse("tampered", "")
			}
			fmt.Fprintf(c.OutOrStdout(), "中止决定 order %s: %s %s (%s) %s: %s\n  签署公钥 signed with: %s\n", o.ID, o.Thing.Kind, o.Thing.Name, o.At.Format(time.RFC3339), o.Code, o.Text, r.By())
			return askHold(c.Context(), c.OutOrStdout(), site, domain.HoldRequest{Act: domain.TakeOrder, Order: string(raw)})
		},
	}
	siteFlag(c, &site)
	return c
}

func siteFlag(c *cobra.Command, site *string) {
	c.Flags().StringVar(site, "site", "", "域节点目录 the site's folder")
	_ = c.MarkFlagRequired("site")
}
