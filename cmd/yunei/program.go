package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/limits"
)

// programCommand is for whoever writes a program: all of it happens on the
// author's own machine, before anybody is asked for anything.
func programCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "program",
		Short: "编写程序：新建、编译、检查、在合成数据上试运行 / write a program: scaffold, build, check, rehearse",
		Long: `程序是一个 WASM 模块：每次看到一个人（一个隐私单位）的若干行，只说出这个人落在哪些单元格、各项数值是多少；
计数、求和、截断都由平台完成。以下各步都在您自己的电脑上进行，不接触任何真实数据，不消耗预算：
A program is a WASM module. It sees the rows of one person (one privacy unit) at a time and says which cells the person
falls in, with a value for each measure; the platform counts, adds and clips. All of this happens on your own machine,
touches no real data and spends nothing:

  new    生成可以编译的骨架（C、Go、Rust、AssemblyScript）   a skeleton that builds
  build  编译；缺少编译器时说明如何安装                      build it; says what is missing and how to get it
  check  会不会被准入，为什么                                would it be admitted, and if not, why
  test   在合成孪生数据上、用同一个沙箱和同样的限额试运行     run it on a synthetic twin, in the very same sandbox`,
		Example: `  yunei program new --lang c visits
  yunei program build visits
  yunei program check visits/visits.wasm --spec visits/spec.json
  yunei program test visits/visits.wasm --spec visits/spec.json`,
	}
	c.AddCommand(programNewCommand(), programBuildCommand(), programCheckCommand(), programTestCommand())
	return c
}

// mostLimits is what a permit may grant at most: what a module is checked
// against when nobody said what it will have.
var mostLimits = jobs.Limits{Fuel: limits.MaxFuel, Memory: limits.MaxMemory, Input: limits.MaxInput, Rows: limits.MaxRows, Emits: limits.MaxEmits}

// maxModule is how much of a file is read as a module: a little more than can
// be admitted, so that what is too large is told so.
const maxModule = 17 << 20

func readModule(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return readUpTo(f, maxModule)
}
