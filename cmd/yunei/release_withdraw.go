package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/release"
)

func releaseWithdrawCommand() *cobra.Command {
	var f access
	var w governance.Withdrawal
	c := &cobra.Command{
		Use:   "withdraw RUN",
		Short: "收回已出域的结果 / take a release back",
		Long: `由授权条款所列的主管部门人员，或数据进入该次运行的提供方人员签署。什么也不删除：存证日志追加一条指明原记录的收回记录；
平台不再提供结果包，并要求运营方、接收方和衍生产品的接收方限期确认。
Signed by the bureau's officer of the terms, or the officer of a provider whose data went in. Nothing is removed: the ledger gets an entry
that names the first. The bundle is handed out no more, and the operator, the recipients, and those of products made of it are asked
to confirm within a term.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			now, err := api.Withdrawal(c.Context(), args[0])
			if err != nil {
				return err
			}
			w.Run, w.Permit, w.Bundle, w.Entry, w.At = now.Run, now.Permit, now.Bundle, now.Entry, time.Now().UTC().Truncate(time.Second)
			r, err := w.Sign(key)
			if err != nil {
				return fault.Refuse("withdrawal", governance.House)
			}
			if now, err = api.Withdraw(c.Context(), args[0], r); err != nil {
				return err
			}
			return showWithdrawal(c.OutOrStdout(), now)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&w.Cause, "cause", "", "引起收回的办件 the case that led to it")
	c.Flags().StringVar(&w.Code, "code", "other", strings.Join(governance.WithdrawCodes, " | "))
	c.Flags().StringVar(&w.Text, "reason", "", "理由 why")
	return c
}

func releaseWithdrawalCommand() *cobra.Command {
	var f access
	var out string
	c := &cobra.Command{
		Use:   "withdrawal RUN",
		Short: "查看收回与各方确认情况 / how it stands with a withdrawal, and who has confirmed",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			w, err := api.Withdrawal(c.Context(), args[0])
			if err != nil {
				return err
			}
			if out != "" && w.Notice != nil {
				if err := writeNew(out, w.Notice.Bytes()); err != nil {
					return err
				}
			}
			return showWithdrawal(c.OutOrStdout(), w)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&out, "out", "", "把收回通知写到文件，供 yunei verify --withdrawal 离线核验 write the notice to a file, for yunei verify --withdrawal")
	return c
}

func releaseConfirmCommand() *cobra.Command {
	var f access
	var said governance.Confirmation
	c := &cobra.Command{
		Use:   "confirm RUN",
		Short: "确认已停用并处置被收回的结果 / confirm that a withdrawn release is used no more",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			w, err := api.Withdrawal(c.Context(), args[0])
			if err != nil {
				return err
			}
			said.Run, said.Withdrawal, said.At = w.Run, w.Digest, time.Now().UTC().Truncate(time.Second)
			r, err := said.Sign(key)
			if err != nil {
				return fault.Refuse("withdrawal", governance.House)
			}
			if w, err = api.ConfirmWithdrawal(c.Context(), args[0], r); err != nil {
				return err
			}
			return showWithdrawal(c.OutOrStdout(), w)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&said.For, "org", "", "为哪个单位确认 the organisation that it is for")
	c.Flags().StringVar(&said.Done, "done", "", strings.Join(governance.Disposals, " | "))
	c.Flags().StringVar(&said.Text, "note", "", "说明 a note")
	return c
}

// confirmations are how it stands with a recipient, for people.
var confirmations = map[string]string{
	"": "未收回 out", "awaited": "待确认 awaited", "overdue": "逾期未确认 OVERDUE", "confirmed": "已确认 confirmed",
}

func showWithdrawal(w io.Writer, v verb.Withdrawal) error {
	if v.Notice == nil {
		fmt.Fprintf(w, "运行 run %s: 未收回 not withdrawn\n", v.Run)
	} else {
		said, err := governance.StatedWithdrawal(v.Notice.Statement)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "运行 run %s: 已收回 WITHDRAWN, %s\n", v.Run, because(said))
		fmt.Fprintf(w, "  存证 ledger: 记录 entry %s 由收回通知指明 is named by %s（第 %d 条 place %d）\n", v.Entry, v.Digest, v.Notice.Index, v.Notice.Index)
		fmt.Fprintf(w, "  各方应于 confirmations due by: %s\n", v.Due.Format(time.RFC3339))
	}
	for _, r := range v.Asked {
		fmt.Fprintf(w, "  %s: %s\n", r.Org, confirmations[r.Status])
	}
	for _, p := range v.Lineage {
		fmt.Fprintf(w, "  衍生产品 product %s: %s（%s）\n", p.ID, p.Title, p.Type)
	}
	return nil
}

// because says when and why a release was taken back.
func because(w governance.Withdrawal) string {
	line := fmt.Sprintf("%s, %s: %s", w.At.Format(time.RFC3339), w.Code, w.Text)
	if w.Cause != "" {
		line += "；办件 case " + w.Cause
	}
	return line
}

func productCommand() *cobra.Command {
	c := &cobra.Command{Use: "product", Short: "数据产品 / products made of releases"}
	c.AddCommand(productAddCommand(), productListCommand())
	return c
}

func productAddCommand() *cobra.Command {
	var f access
	var p governance.Product
	c := &cobra.Command{
		Use:     "add ID",
		Short:   "登记由出域结果制成的产品 / register a product made of releases",
		Example: "  yunei product add p-1 --title 就诊指数 --type statistics --run run-1 --recipient bank --key operator.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			p.ID, p.At = args[0], time.Now().UTC().Truncate(time.Second)
			r, err := p.Sign(key)
			if err != nil {
				return fault.Refuse("product", governance.House)
			}
			if err := api.AddProduct(c.Context(), r); err != nil {
				return err
			}
			showProduct(c.OutOrStdout(), p)
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&p.Title, "title", "", "名称 title")
	c.Flags().StringVar(&p.Type, "type", "", strings.Join(governance.ProductTypes, " | "))
	c.Flags().StringArrayVar(&p.Runs, "run", nil, "所用的运行 a run that it is made of")
	c.Flags().StringVar(&p.Listing, "listing", "", "上架编号 its number at an exchange")
	c.Flags().StringArrayVar(&p.Recipients, "recipient", nil, "接收单位 an organisation that has it")
	return c
}

func productListCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "list",
		Short: "列出产品 / list products",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			all, err := api.Products(c.Context())
			if err != nil {
				return err
			}
			for _, p := range all {
				showProduct(c.OutOrStdout(), p)
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func showProduct(w io.Writer, p governance.Product) {
	fmt.Fprintf(w, "产品 product %s: %s（%s）运行 runs %s；接收单位 recipients %s\n", p.ID, p.Title, p.Type, strings.Join(p.Runs, ", "), strings.Join(p.Recipients, ", "))
}

// asked is how verify learns whether a bundle was taken back since.
type asked struct {
	access

	online bool
	file   string
}

// withdrawn says of a bundle that holds whether it was taken back, as far as that
// can be told from where the asker stands.
func (a asked) withdrawn(ctx context.Context, w io.Writer, raw []byte, pins release.Pins, report release.Report) error {
	switch {
	case a.file != "":
		file, err := os.ReadFile(filepath.Clean(a.file))
		if err != nil {
			return err
		}
		n, err := release.ParseNotice(file)
		if err != nil {
			return err
		}
		return taken(w, raw, n, pins)
	case a.online:
		api, err := a.client()
		if err != nil {
			return err
		}
		return ask(ctx, w, api, raw, pins, report)
	}
	fmt.Fprintf(w, "\n截至检查点 %d（%s）；未核实其后是否收回。\nAs of checkpoint %d (%s); whether it was withdrawn after that was not looked into.\n",
		report.Leaves, report.Witnessed.UTC().Format(time.RFC3339), report.Leaves, report.Witnessed.UTC().Format(time.RFC3339))
	return nil
}

func ask(ctx context.Context, w io.Writer, api *client.Client, raw []byte, pins release.Pins, report release.Report) error {
	v, err := api.Withdrawal(ctx, report.Run)
	if err != nil {
		return err
	}
	if v.Notice == nil {
		fmt.Fprintf(w, "\n平台答复：未收回（%s）。此为平台所述。\nThe platform says that it is not withdrawn (%s); that is its word.\n", time.Now().UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339))
		return nil
	}
	return taken(w, raw, *v.Notice, pins)
}

// taken judges a notice, and refuses the bundle if it holds. No city's rules are at
// hand here, and none is cited: the notice says by whom and why.
func taken(w io.Writer, raw []byte, n release.Notice, pins release.Pins) error {
	said, tree, err := release.Withdrawn(raw, n, pins)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n已收回 WITHDRAWN: %s\n  收回通知收录于检查点 the notice stands in checkpoint %d（%s）\n", because(said), tree.Size, tree.Time.UTC().Format(time.RFC3339))
	return fault.Refuse("withdrawn", governance.House)
}
