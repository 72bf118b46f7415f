package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// things are the flags that name what is held.
type things struct {
	dataset, program, operator, scenario string
	all                                  bool
}

func (t *things) flags(c *cobra.Command) {
	c.Flags().StringVar(&t.dataset, "dataset", "", "数据集 a dataset")
	c.Flags().StringVar(&t.program, "program", "", "程序摘要 a program's digest, sha256:...")
	c.Flags().StringVar(&t.operator, "operator", "", "运营方单位 an operator's organisation")
	c.Flags().StringVar(&t.scenario, "scenario", "", "场景 a scenario")
	c.Flags().BoolVar(&t.all, "all", false, "全部 everything")
}

// one returns the one thing that is named.
func (t *things) one() (msg.Held, bool) {
	named := slices.DeleteFunc([]msg.Held{
		{Kind: msg.HoldDataset, Name: t.dataset},
		{Kind: msg.HoldProgram, Name: t.program},
		{Kind: msg.HoldOperator, Name: t.operator},
		{Kind: msg.HoldScenario, Name: t.scenario},
	}, func(h msg.Held) bool { return h.Name == "" })
	if t.all {
		named = append(named, msg.Everything())
	}
	if len(named) != 1 || named[0].Check() != nil {
		return msg.Held{}, false
	}
	return named[0], true
}

func holdOrderCommand() *cobra.Command {
	var f access
	var t things
	var out string
	var unsent bool
	o := msg.OrderBody{}
	c := &cobra.Command{
		Use:   "order ID",
		Short: "决定中止（主管部门，或提供方对本单位数据集）/ hold by decision: the bureau, or a provider its own dataset",
		Long: `由本人密钥签署，先记入存证日志，再通知各方：新的运行不受理，正在进行的运行在下一步停下，未出域的结果不出域。
中止决定同时列明谁可以解除：主管部门的其他在任人员，不含作出决定的人。--cause 是引起中止的异议或事件的办件编号：该办件办结之前不能解除。
突发事件应对结束的，用 --code emergency 关停为其取得的数据集，--cause 是收回与处置办件的编号；已处置的不再恢复。
Signed with your own key, entered in the ledger, then announced: new runs are not taken, those in progress stop at their next step, and
what is not out stays in. The order names who may lift it: the bureau's other officers, not who placed it. --cause is the case that
it waits for, an objection, an incident or a disposal; before that has ended nobody lifts it. --code emergency closes a
dataset that was had for an emergency which is over, and --cause names the case of its disposal; what is disposed of stays closed.`,
		Example: "  yunei hold order h-1 --dataset settlement-b --cause obj-7 --code objection --reason '当事人对结算数据提出异议' --key officer.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if unsent && out == "" {
				return errors.New("--unsent 须与 --out 同用 say with --out where it goes")
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			dir, err := api.Directory(c.Context())
			if err != nil {
				return err
			}
			thing, ok := t.one()
			o.ID, o.Thing, o.At = args[0], thing, time.Now().UTC().Truncate(time.Second)
			o.Lifters = governance.Lifters(dir.Users, key.Public(), o.At)
			r, err := msg.SignOrder(key, o)
			if !ok || err != nil {
				return fault.Refuse("order", governance.House)
			}
			if out != "" {
				if err := writeSecret(out, r.Bytes()); err != nil {
					return err
				}
			}
			if unsent {
				return done(c, "已签署，未交平台；请直接交给成员域（yunei hold take）signed, not given to the platform; hand it to a member's site", out)
			}
			placed, err := api.PlaceOrder(c.Context(), r)
			if err != nil {
				return err
			}
			showOrder(c.OutOrStdout(), placed)
			return nil
		},
	}
	f.flags(c)
	t.flags(c)
	c.Flags().StringVar(&o.Cause, "cause", "", "引起中止的办件 the case that it waits for")
	c.Flags().StringVar(&o.Code, "code", "other", strings.Join(msg.OrderCodes, " | "))
	c.Flags().StringVar(&o.Text, "reason", "", "理由 why")
	c.Flags().StringVar(&out, "out", "", "另存为文件，可不经平台直接交给任一成员域（yunei hold take）also write it to a file, to be handed to any member's site past the platform")
	c.Flags().BoolVar(&unsent, "unsent", false, "只写文件，不交平台；与 --out 同用 write the file only, for when the platform does not take it; with --out")
	return c
}

func holdLiftCommand() *cobra.Command {
	var f access
	var l msg.LiftBody
	var head string
	c := &cobra.Command{
		Use:   "lift ID",
		Short: "解除一项中止决定（另一名主管部门人员）/ lift an order: another officer of the bureau",
		Long: `作出决定的人不得自行解除。因办件而起的，须在该办件办结之后，以 --case 和 --head（办结时的状态摘要）写明所依据的办结。
Never by who placed it. Of an order that waits for a case, once that has ended, with --case and --head, which name it as it ended.`,
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
			orders, err := api.Orders(c.Context())
			if err != nil {
				return err
			}
			i := slices.IndexFunc(orders, func(o verb.Order) bool { return o.ID == args[0] })
			if i < 0 {
				return fault.Refuse("order-unknown", governance.House)
			}
			l.ID, l.On, l.Head, l.At = "lift-"+orders[i].Digest.Hex()[:16], orders[i].Digest, suite.Digest(head), time.Now().UTC().Truncate(time.Second)
			r, err := msg.SignLift(key, l)
			if err != nil {
				return fault.Refuse("order", governance.House)
			}
			lifted, err := api.LiftOrder(c.Context(), args[0], r)
			if err != nil {
				return err
			}
			showOrder(c.OutOrStdout(), lifted)
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&l.Case, "case", "", "已办结的办件 the case that has ended")
	c.Flags().StringVar(&head, "head", "", "办结时的状态摘要 its head as it ended")
	c.Flags().StringVar(&l.Text, "reason", "", "理由 why")
	return c
}

func holdOrdersCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "orders",
		Short: "列出中止决定 / list the orders",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			orders, err := api.Orders(c.Context())
			if err != nil {
				return err
			}
			if len(orders) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "没有中止决定 there are no orders")
			}
			for _, o := range orders {
				showOrder(c.OutOrStdout(), o)
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func showOrder(w io.Writer, o verb.Order) {
	state := "已解除 lifted"
	if o.InForce {
		state = "有效 in force"
	}
	fmt.Fprintf(w, "中止决定 order %s [%s] %s\n", o.ID, state, told(o.Order))
}

// told says what an order holds, and why.
func told(o governance.Order) string {
	line := fmt.Sprintf("%s %s (%s) %s: %s", o.Thing.Kind, o.Thing.Name, o.At.Format(time.RFC3339), o.Code, o.Text)
	if o.Cause != "" {
		line += "；办件 case " + o.Cause
	}
	return line
}
