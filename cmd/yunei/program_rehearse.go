package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/twin"
)

type testFlags struct {
	access
	spec, runner, jail, csv, logs string
	schemas                       []string
	units, cells                  int
	seed                          uint64
	rows, json, mitigate          bool
}

func programTestCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test MODULE --spec SPEC",
		Short: "在合成孪生数据上试运行，不消耗预算 / rehearse on a synthetic twin; spends nothing",
		Long: `用公开的数据项定义和代码表按种子生成合成孪生数据（含缺失值、长尾、极值、闰日、行数超限的个体），在与正式运行相同的
沙箱里、以说明文件中相同的限额运行程序，完整保留日志。给出：数据立方、燃料与内存占限额的比例、失败的个体及其中行数最少者
的各行取值、闸门可能的判断；dp 模式下给出噪声、ρ、ε 和各单元格预期相对误差。凡取决于真实数据的一律标为“可能 likely”。
Makes a synthetic twin from the public schema and its code lists (with missing values, heavy tails, extremes, leap days and
units beyond the limit of rows), and runs the program on it in the sandbox of a real run, under the spec's own limits, with
full logs. Shows the cube, fuel and memory against their limits, which units failed and the rows of the smallest of them, and
what the gate would likely decide; in mode dp the noise, rho, epsilon and the error to expect of each cell. Whatever depends on
real data is called 可能 likely. Nothing real is read, and no budget is spent.

--spec 与 scenario draft --spec、scenario apply --terms 是同一个文件：试运行过的就是要申请的。
The spec is the very file that scenario draft --spec or scenario apply --terms takes: what was rehearsed is what is applied for.
数据集的结构取自 --schema，或说明文件旁的 schema.json，或（给出 --at 与 --key 时）平台目录。
What the datasets look like comes from --schema, or schema.json beside the spec, or the catalogue (with --at and --key).`,
		Example: `  yunei program test visits.wasm --spec spec.json
  yunei program test visits.wasm --spec spec.json --schema settlement-a=a.json --schema settlement-b=b.json --units 20000 --seed 7
  yunei program test visits.wasm --spec terms.json --at install --key me.pem --public-rows
  yunei program test visits.wasm --spec spec.json --csv twin.csv --log program.log --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), c.OutOrStdout(), args[0]) },
	}
	f.flags(c)
	c.Flags().StringVar(&f.spec, "spec", "", "说明文件或条款 the spec, or the terms")
	c.Flags().StringArrayVar(&f.schemas, "schema", nil, "数据项定义 [数据集=]文件 [dataset=]schema file; may be repeated")
	c.Flags().IntVar(&f.units, "units", 1000, "每个数据集的合成个体数 synthetic units of each dataset")
	c.Flags().BoolVar(&f.rows, "public-rows", false, "行数取目录公布的行数 as many rows as the catalogue says, instead of --units")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "种子：同一种子得到同样的数据 seed: the same seed gives the same data")
	c.Flags().StringVar(&f.runner, "runner", "", "yunei-runner 的路径（默认与本程序同目录）path of yunei-runner (beside this binary by default)")
	c.Flags().StringVar(&f.jail, "jail", "basic", "至少要求的隔离级别 the jail must have at least: basic | full | strict")
	c.Flags().StringVar(&f.csv, "csv", "", "另写出合成数据 CSV also write the twins as CSV, marked as synthetic")
	c.Flags().StringVar(&f.logs, "log", "", "把程序的全部日志写到文件 write all that the program logged to this file")
	c.Flags().IntVar(&f.cells, "cells", 40, "最多列出多少个单元格，0 为全部 how many cells to list, 0 for all")
	c.Flags().BoolVar(&f.mitigate, "mitigate", false, "可能有单元格隐藏时，列出损失最小的三种办法及其表 where cells would likely be hidden, list the three things that can be done at least loss, with their tables")
	c.Flags().BoolVar(&f.json, "json", false, "以 JSON 输出 print JSON")
	_ = c.MarkFlagRequired("spec")
	return c
}

func (f testFlags) run(ctx context.Context, out io.Writer, file string) error {
	t, err := readSpec(f.spec)
	if err != nil {
		return err
	}
	module, err := readModule(file)
	if err != nil {
		return err
	}
	if v := checkModule(module, t.Limits); !v.Admitted && t.Limits.Check() == nil {
		if f.json {
			fmt.Fprintf(out, "%s\n", indent(v))
		} else {
			v.print(out, file, true)
		}
		return fault.Refuse("program-module", "house")
	}
	schemas, err := f.schemaFiles()
	if err != nil {
		return err
	}
	r, err := rehearse(t, module, schemas, func() ([]governance.Entry, error) { return f.catalogue(ctx) })
	if err != nil {
		return err
	}
	if f.csv != "" {
		if err := f.writeTwins(out, r); err != nil {
			return err
		}
	}
	p, done, err := f.player(out, r)
	if err != nil {
		return err
	}
	report, err := p.play(ctx, module, r)
	done()
	if err != nil {
		return err
	}
	if f.logs != "" {
		if err := writeNew(f.logs, report.allLogs()); err != nil {
			return err
		}
	}
	if f.json {
		fmt.Fprintf(out, "%s\n", indent(report))
		return nil
	}
	report.print(out, f.cells)
	nextSteps(out, file, f.spec)
	return nil
}

// schemaFiles reads --schema: by dataset, "" for all that are not named.
func (f testFlags) schemaFiles() (map[string]string, error) {
	files := map[string]string{}
	for _, s := range f.schemas {
		dataset, file, ok := strings.Cut(s, "=")
		if !ok {
			dataset, file = "", s
		}
		if _, twice := files[dataset]; twice {
			return nil, fmt.Errorf("--schema %s 给了两次 is given twice", dataset)
		}
		files[dataset] = file
	}
	beside := filepath.Join(filepath.Dir(f.spec), "schema.json")
	if _, err := os.Stat(beside); err == nil && len(files) == 0 && f.key == "" {
		files[""] = beside
	}
	return files, nil
}

func (f testFlags) catalogue(ctx context.Context) ([]governance.Entry, error) {
	api, err := f.client()
	if err != nil {
		return nil, err
	}
	d, err := api.Directory(ctx)
	return d.Catalogue, err
}

// player is ready to play, with a bar on a terminal.
func (f testFlags) player(out io.Writer, r rehearsed) (player, func(), error) {
	least, err := jail.ParseLevel(f.jail)
	if err != nil {
		return player{}, nil, err
	}
	p := player{runner: f.runner, least: least, units: f.units, rows: f.rows, mitigate: f.mitigate, seed: f.seed}
	if p.runner == "" {
		if p.runner, err = findRunner(); err != nil {
			return player{}, nil, err
		}
	}
	if !isTerminal(out) || f.json || f.units < 2000 && !f.rows {
		return p, func() {}, nil
	}
	total := int64(f.units) * int64(len(r.terms.Members))
	if g := r.terms.Shape.Grouping; g.Blocks > 0 || f.rows || g.Batches > 0 {
		total = 0 // not known beforehand
	}
	bars := mpb.New(mpb.WithOutput(out))
	bar := bars.AddBar(total, mpb.PrependDecorators(decor.Name("试运行 rehearsing ")), mpb.AppendDecorators(decor.CountersNoUnit("%d / %d")), mpb.BarRemoveOnComplete())
	p.progress = func(n int) { bar.IncrBy(n) }
	return p, func() { bar.Abort(true); bars.Wait() }, nil
}

const runnerName = "yunei-runner"

// findRunner looks beside this binary, then in the path.
func findRunner() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), runnerName)
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	if found, err := exec.LookPath(runnerName); err == nil {
		return filepath.Abs(found)
	}
	return "", errors.New("找不到 yunei-runner：它应与 yunei 在同一目录，或用 --runner 指明 yunei-runner is not beside yunei nor in $PATH; name it with --runner")
}

// writeTwins writes each member's twin, with a note beside it that says what
// it is. "synthetic" stands in the name of each file.
func (f testFlags) writeTwins(out io.Writer, r rehearsed) error {
	for i, m := range r.terms.Members {
		o := twin.Options{Seed: f.seed, Dataset: m.Dataset, Units: f.units, MaxRows: int(r.terms.Limits.Rows), Typical: typical(r.terms.Shape)}
		if f.rows {
			o.Units, o.Rows = 0, r.rows[i]
		}
		tw, err := twin.New(r.schemas[i], o)
		if err != nil {
			return err
		}
		name := syntheticName(f.csv, m.Dataset, len(r.terms.Members) > 1)
		file, err := os.Create(filepath.Clean(name))
		if err != nil {
			return err
		}
		if err := errors.Join(tw.CSV(file), file.Close(), writeNew(name+".txt", []byte(tw.Mark()))); err != nil {
			return err
		}
		if !f.json {
			fmt.Fprintf(out, "已写出合成数据 synthetic twin written: %s (%d 行 rows), %s.txt\n", name, tw.Rows(), name)
		}
	}
	return nil
}

func syntheticName(file, dataset string, several bool) string {
	base := strings.TrimSuffix(file, ".csv")
	if several {
		base += "." + dataset
	}
	if !strings.Contains(filepath.Base(base), "synthetic") {
		base += ".synthetic"
	}
	return base + ".csv"
}

func (r *Rehearsal) allLogs() []byte {
	var b strings.Builder
	for _, l := range r.Logs {
		fmt.Fprintf(&b, "== %d 次 times, 首见于 first by %s\n%s\n", l.Times, l.First, strings.TrimRight(l.Text, "\n"))
	}
	return []byte(b.String())
}

func nextSteps(w io.Writer, module, spec string) {
	fmt.Fprintf(w, `
下一步 next steps:
  1. yunei program check %s --spec %s      （正式准入用同样的规则 admission goes by the same rules）
  2. yunei scenario draft --spec %s --program %s --out terms.json --key 您的密钥.pem
  3. yunei scenario apply --terms terms.json --key 您的密钥.pem
     此后由每个数据提供方决定，运营方与大数据部门签约，再用 yunei job submit 运行
     then every provider decides, operator and bureau agree, and yunei job submit runs it
`, module, spec, spec, module)
}

// jobsMode names a mode for people.
func jobsMode(m jobs.Mode) string {
	if m.Noisy() {
		return "dp（差分隐私 differential privacy）"
	}
	return "sdc（统计披露控制 disclosure control）"
}
