package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/papers"
)

func changeCommand() *cobra.Command {
	var f access
	var d oversight.Declared
	var from string
	var ch papers.Change
	c := &cobra.Command{
		Use:   "change law|duty|element --from DATE --dataset ID... --thing NAME --what 说明",
		Short: "登记法律、职能或目录要素的变更，所涉条目自此起算更新时限 / file a change of law, duty or element: the clock of each entry that it touches starts",
		Long: `变更之日不计。每一所涉条目的时限见 yunei duty list，逾期的见 yunei oversight findings；提供方在变更后提交目录审核即为办理。
The day of the change is not counted. yunei duty list shows when each entry is due, yunei oversight findings those that are late; a review of the
entry that its provider opens after the change is how it is done.`,
		Example: "  yunei oversight change law --from 2026-02-10 --dataset settlement-a --thing 2026-amendment --what 条例修订",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			day, err := calendar.ParseDate(from)
			if err != nil {
				return fmt.Errorf("--from：应为 2026-02-10 这样的日期 want a date like 2026-02-10: %w", err)
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			ch.Kind, ch.At, ch.What = args[0], day.Start().UTC(), d.What
			d.Fault, d.Change = "catalogue", &ch
			if err := api.Declare(c.Context(), d); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "已登记；各条目时限见 yunei duty list filed; yunei duty list shows when each entry is due")
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&from, "from", "", "变更生效之日 the day on which it took effect (YYYY-MM-DD)")
	c.Flags().StringArrayVar(&ch.Datasets, "dataset", nil, "所涉数据集，可重复 a dataset that it touches, repeatable")
	c.Flags().StringVar(&d.Org, "org", "", "登记单位 your organisation")
	c.Flags().StringVar(&d.Thing, "thing", "", "变更代号 a short name of the change")
	c.Flags().StringVar(&d.What, "what", "", "变更内容 what has changed")
	for _, name := range []string{"from", "dataset", "org", "thing", "what"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}
