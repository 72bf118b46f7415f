package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/register"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
)

// maxFinding bounds what is read of a finding, in bytes.
const maxFinding = 16 << 20

func gateFindingCommand() *cobra.Command {
	var site string
	var raw bool
	c := &cobra.Command{
		Use:   "finding RUN",
		Short: "在域内查看：本域登记认为某次运行与哪些既往发布相结合会泄露 / inside the domain: which earlier releases a run would combine with, as the domain's register found",
		Long: `只供数据提供方的负责人在本域内查看：密封保存在域节点的目录里，不经过平台。
For the provider's officer, inside the domain: it is kept sealed in the site's folder, and the platform never has it.

与某次既往发布相减（或作其他线性组合）后只剩少于门槛的个体时，该次运行被整体拦下；运营方只看到与其他拒绝相同的话。
A run is withheld whole when subtracting it from (or otherwise combining it with) earlier releases leaves fewer units than
the threshold; the operator reads the same words as for any other refusal.`,
		Example: "  yunei gate finding run-7 --site install/site-hospital",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := readFinding(c, site, args[0])
			if err != nil {
				return err
			}
			if raw {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(f)
			}
			return printFinding(c.OutOrStdout(), args[0], f)
		},
	}
	c.Flags().StringVar(&site, "site", "", "域节点的目录 the site's folder")
	c.Flags().BoolVar(&raw, "json", false, "输出 JSON as JSON")
	_ = c.MarkFlagRequired("site")
	return c
}

func readFinding(c *cobra.Command, site, run string) (register.Finding, error) {
	var f register.Finding
	if err := jobs.ID(run); err != nil {
		return f, fmt.Errorf("reading a finding: run: %w", err)
	}
	var cfg domain.Config
	if err := folder.ReadConfig(site, &cfg); err != nil {
		return f, err
	}
	store, err := domain.OpenStore(c.Context(), site, cfg)
	if err != nil {
		return f, err
	}
	key, err := domain.SealKey(site)
	if err != nil {
		return f, err
	}
	name, err := storage.NewName(register.Kept(run), "1")
	if err != nil {
		return f, err
	}
	o, err := seal.Get(c.Context(), store, key, name)
	if errors.Is(err, fault.NotFound) {
		return f, fmt.Errorf("本域没有 %s 的登记结论：只有 sdc 模式、且已在本域计算的运行才有 this domain has compared no such run; only runs of mode sdc that were computed here are compared: %w", run, err)
	}
	if err != nil {
		return f, err
	}
	defer o.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(io.NewSectionReader(o, 0, o.Size()), maxFinding))
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

var findingWords = map[register.Verdict]string{
	register.Pass:   "未发现问题 nothing stands against it",
	register.Refuse: "拦下 withheld",
	register.Review: "未能确定，交审核员判断 not decided, left to the output checkers",
}

var combinationWords = map[string]string{
	register.Pair:      "两次发布之差涉及的个体少于门槛 the difference of two releases is of fewer units than the threshold",
	register.Dominance: "两次发布之差由一个个体主导 one unit dominates the difference of two releases",
	register.Span:      "若干发布的线性组合只含少于门槛的个体 a combination of releases is of fewer units than the threshold",
	register.Relation:  "几项测度的数值关系对几乎所有个体成立，剩下的个体少于门槛 the values of several figures are related for all but fewer units than the threshold",
	register.Domains:   "若干发布的成员数据域之差使个别数据域单独暴露 the sets of member domains leave too few of them",
}

func printFinding(w io.Writer, run string, f register.Finding) error {
	fmt.Fprintf(w, "运行 run %s：%s\n", run, findingWords[f.Verdict])
	if f.Same != "" {
		fmt.Fprintf(w, "与既往发布相同 the same as the earlier release %s\n", f.Same)
	}
	for _, reason := range f.Reasons {
		fmt.Fprintf(w, "· %s\n", reason)
	}
	for i, x := range f.Combinations {
		fmt.Fprintf(w, "%d. %s", i+1, combinationWords[x.Check])
		if len(x.Alone) > 0 {
			fmt.Fprintf(w, "（%s）", strings.Join(x.Alone, ", "))
		} else {
			fmt.Fprintf(w, "（%d 个个体 units）", x.Units)
		}
		fmt.Fprintln(w)
		for _, t := range x.Terms {
			fmt.Fprintf(w, "     %s × %s", t.Coefficient.RatString(), t.Release)
			if x.Check != register.Domains {
				fmt.Fprintf(w, " 第 %d 项 item %d，测度 measure %d", t.Item+1, t.Item+1, t.Measure)
			}
			fmt.Fprintln(w)
		}
	}
	_, err := fmt.Fprintf(w, "个体类别 classes of units %d，其中小于门槛的 of fewer than the threshold %d\n", f.Atoms, f.Small)
	return err
}
