// Command yunei is the command line of everyone: operators, providers, the
// bureau, output checkers, auditors, and whoever runs an installation.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		os.Exit(report(err))
	}
}

// report prints an error and returns the exit code: 3 for a refusal, 1 for
// anything else. A refusal is shown in both languages with who can fix it.
func report(err error) int {
	if e, ok := errors.AsType[ended](err); ok {
		if e.err != nil {
			fmt.Fprintln(os.Stderr, "错误 error:", e.err)
		}
		return e.code
	}
	r, ok := errors.AsType[fault.Refusal](err)
	if !ok {
		fmt.Fprintln(os.Stderr, "错误 error:", err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "拒绝 refused [%s/%s]\n  %s\n  %s\n  可处理方 who can fix it: %s\n", r.Kind, r.Code, r.ZH, r.EN, party(r.Who))
	if r.Basis != "" {
		fmt.Fprintf(os.Stderr, "  依据 basis: %s\n", r.Basis)
	}
	return 3
}

var parties = map[fault.Party]string{
	fault.Operator: "授权运营方 operator", fault.Provider: "数据提供方 provider", fault.Bureau: "大数据部门 bureau",
	fault.Checker: "出域审核员 output checker", fault.Platform: "平台运维方 platform", fault.Nobody: "无 nobody",
}

func party(p fault.Party) string { return parties[p] }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "yunei",
		Short: "域内：公共数据授权运营的隐私计算沙箱 / privacy-computing sandbox for public data",
		Long: `原始数据不出域、数据可用不可见。
Raw data never leaves its domain; only a vetted output does.

一次作业的路径 the way of a job:
  dataset add → program test → scenario apply → decide (每个数据提供方 every provider) → decide agree (双方 both sides)
  → job submit → vote ×2 → release get → verify`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(
		keyCommand(), initCommand(), upCommand(),
		orgCommand(), userCommand(), licenceCommand(),
		programCommand(), doctorCommand(),
		datasetCommand(), scenarioCommand(), decideCommand(),
		jobCommand(), holdCommand(), budgetCommand(), candidateCommand(), gateCommand(), voteCommand(), releaseCommand(), verifyCommand(), chartCommand(),
	)
	return c
}
