// Command citygen writes the synthetic city of package city into a folder, and
// prints what it wrote.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/yunei/yunei/examples/city"
	"github.com/yunei/yunei/fault"
)

const help = `citygen：生成一座虚构城市的合成数据（不含任何真实个人信息）。
citygen writes synthetic data of a city that does not exist.

  citygen --people 200000 --seed 7 --out DIR

写出 / it writes:
  a/settlement.csv   职工医保结算 settlements of employees' insurance (domain a)
  b/settlement.csv   居民医保结算 settlements of residents' insurance (domain b)
  b/employment.csv   参保就业登记 employment register (domain b)
  codes/*.json       代码表 code lists
  schema/*.json      数据集结构 dataset schemas
  truth.json         正确答案 the right answers, exact and with bounded contributions

相同的种子在任何机器上生成完全相同的文件。
The same seed gives the same bytes on every machine.
证件号码由随机数生成，与真实号码相同纯属巧合。
Identifiers are drawn at random; one that exists is a coincidence.

选项 / options:
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	o := city.Options{Bounds: city.DefaultBounds}
	flags := flag.NewFlagSet("citygen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.People, "people", 200_000, "人数 inhabitants, at most 5000000; 0 with --tiny alone")
	flags.Uint64Var(&o.Seed, "seed", 7, "随机种子 seed")
	flags.StringVar(&o.Dir, "out", "", "输出目录 `DIR` to write to (required)")
	flags.IntVar(&o.Bounds.Cells, "cells", o.Bounds.Cells, "每人计入的单元格数 cells that one person may count in (L0)")
	flags.Int64Var(&o.Bounds.Visits, "max-visits", o.Bounds.Visits, "每人每格就诊次数上限 clip of visits per person and cell")
	flags.Int64Var(&o.Bounds.CostFen, "max-cost", o.Bounds.CostFen, "每人每格费用上限（分） clip of cost in fen per person and cell")
	flags.BoolVar(&o.Tiny, "tiny", false, "另写一个格式错误的小文件 also write tiny/settlement.csv, which is malformed")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(flags, stdout)
		return 0
	case err != nil, flags.NArg() > 0, o.Dir == "":
		fmt.Fprintln(stderr, "参数有误 / wrong arguments:")
		usage(flags, stderr)
		return 2
	}
	truth, err := city.Build(o)
	if err != nil {
		fmt.Fprintf(stderr, "citygen: %v\n", err)
		if errors.Is(err, fault.Invalid) {
			return 2
		}
		return 1
	}
	summary(stdout, o, &truth)
	return 0
}

func usage(flags *flag.FlagSet, w io.Writer) {
	fmt.Fprint(w, help)
	flags.SetOutput(w)
	flags.PrintDefaults()
}

func summary(w io.Writer, o city.Options, t *city.Truth) {
	if o.Tiny {
		fmt.Fprintln(w, "tiny/settlement.csv  格式错误样例 malformed on purpose")
	}
	if o.People == 0 {
		return
	}
	for _, f := range []struct {
		name string
		d    city.Domain
	}{{"a", t.A}, {"b", t.B}} {
		fmt.Fprintf(w, "%s/settlement.csv  行 rows %d  可用 usable %d  人 persons %d\n", f.name, f.d.Rows, f.d.Used, f.d.Persons)
	}
	fmt.Fprintf(w, "b/employment.csv  行 rows %d  单位 employers %d\n", t.Employment.Rows, t.Employment.Employers)
	fmt.Fprintf(w, "两域人数之和 sum of persons %d  去重 distinct %d  重叠 in both %d\n", t.Union.Persons, t.Union.Distinct, t.Union.Persons-t.Union.Distinct)
}
