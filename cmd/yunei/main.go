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

	"github.com/yunei/yunei/cmd/internal/start"
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
	start.Refused(os.Stderr, r)
	return 3
}

func party(p fault.Party) string { return start.Parties[p] }

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
		programCommand(), doctorCommand(), tpmCommand(),
		datasetCommand(), scenarioCommand(), decideCommand(),
		jobCommand(), checkCommand(), holdCommand(), budgetCommand(), candidateCommand(), gateCommand(), voteCommand(), releaseCommand(), productCommand(), verifyCommand(), chartCommand(),
		dutyCommand(), oversightCommand(), reportCommand(), profileCommand(), calendarCommand(), caseCommand(), todoCommand(), paperCommand(),
	)
	return c
}
