package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance"
)

func budgetCommand() *cobra.Command {
	var f access
	var asJSON bool
	c := &cobra.Command{
		Use:   "budget",
		Short: "查看已用隐私预算 / what was spent of the privacy budgets",
		Long: `按数据域、单位命名空间、授权运营方、场景和年份列出您可见的运行已用的 rho（零集中差分隐私）。
以各域自己的账本为准，此处是账本在存证日志中的镜像；“他处”是该域已用而此表未列的部分。
By domain, unit namespace, operator, scenario and year (UTC+8): the rho that the runs which you may see have cost. Each domain's
own journal decides, and this mirrors what it has confirmed in the ledger; "elsewhere" is what it has spent on other runs.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			b, err := api.Budget(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(b)
			}
			return printBudget(c.OutOrStdout(), b)
		},
	}
	f.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "以 JSON 输出 print JSON")
	return c
}

func printBudget(w io.Writer, b governance.Budget) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "域 domain\t单位 namespace\t运营方 operator\t场景 scenario\t年 year\t运行 runs\t已存答案 stored\trho")
	for _, s := range b.Spent {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", s.Domain, s.Namespace, s.Operator, s.Scenario, s.Year, s.Runs, s.Stored, s.Rho)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "域 domain\t单位 namespace\t已用 spent\t其中他处 elsewhere")
	for _, a := range b.Accounts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", a.Domain, a.Namespace, a.Rho, a.Elsewhere)
	}
	return t.Flush()
}
