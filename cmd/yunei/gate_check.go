package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/mitigate"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/sheet/check"
	"github.com/yunei/yunei/suite"
)

// An ended is how a command ends whose exit code is its answer. Err, if there
// is one, is still to be told.
type ended struct {
	code int
	err  error
}

func (e ended) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return "exit code " + strconv.Itoa(e.code)
}

func (e ended) Unwrap() error { return e.err }

// Exit codes of gate check besides 0, as check.Record.ExitCode has them.
const exitUsage = 2

func usage(err error) error {
	if err == nil {
		return nil
	}
	return ended{exitUsage, err}
}

type checkFlags struct {
	table, evidence, micro, spec string
	earlier, dims, unit          []string
	profile, lang, out, count    string
	grade                        int
	rho                          float64
	asJSON, mitigate             bool
}

func gateCheckCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check --table T [--evidence E | --micro M] [--earlier T1]... [--spec S]",
		Short: "对普通文件做输出检查，不需要安装平台 / output check of plain files, without an installation",
		Long: `对一张准备发布的表做全部适用的输出检查（C01 至 C36），离线运行，不联网，不改动输入。
The output check of a table that somebody wants to publish: every one of C01 to C36 that applies. Offline; inputs are not changed.

  --table     表：维度列，然后是指标列；隐藏的格写 * 或留空，合计的代码是 _T。CSV，或对象的 JSON 数组
              the table: columns of dims, then of figures; a hidden value is * or empty, the code of a total is _T. CSV, or a
              JSON array of objects
  --evidence  每格一行的证据：维度列，以及 n（有值的不同单位数）、top1 top2 top3（最大的几个单位的合计）、sum min max、
              missing、zeros、apart（与最常见数值不同的单位数）、abs；多个测度时加一列 measure。只有 n 是必需的，缺什么，
              相应的检查就是“须人工审核”
              evidence, a row a cell: the dims, and n (distinct units with a value), top1 top2 top3 (totals of the largest
              units), sum min max, missing, zeros, apart (units that differ from the commonest value), abs; with several
              measures a column measure. Only n must be there; what is missing leaves its checks to people
  --micro     或者微观数据：标识列（--unit）、维度列、测度列；同一单位的记录先归并再计数和排序
              or microdata: the key (--unit), dims and measures; records of one unit are grouped before anything is counted
  --earlier   同一数据的既往表，用于差分检查 earlier tables of the same data, for differencing
  --spec      说明文件：各列的含义、代码表、层级、参数、背景（见 examples/gatecheck/spec.json）
              what the columns mean: code lists, hierarchies, parameters, context

没有证据的检查一律不算通过。退出码：0 通过，1 不合格或禁止，3 须人工审核，2 用法或文件有错。
A check without its evidence never passes. Exit codes: 0 pass, 1 fail or block, 3 review, 2 usage or a file with a mistake.

--out 写出：safe.csv（隐藏、补充隐藏并取整后的表）、safe-record.json 与 record.json（两张表的完整记录，列出每项检查涉及的
单元格，只供审核员，不得公开）、public.json（可随 safe.csv 公开：结论、规则和对完整记录的承诺）、salt（承诺的盐，须保密）。
--out writes safe.csv (cells hidden, others for their sake, and rounded), safe-record.json and record.json (the whole record of
either table; they name cells by check and are for the checker alone), public.json (may go out with safe.csv: verdict, rules, and
a commitment to the whole record) and salt (opens the commitment; keep it).`,
		Example: `  yunei gate check --table examples/gatecheck/table.csv --micro examples/gatecheck/micro.csv --spec examples/gatecheck/spec.json --mitigate
  yunei gate check --table examples/gatecheck/table.csv --evidence examples/gatecheck/evidence.csv --lang en
  yunei gate check --table t.csv --micro m.csv --unit credit_code --dims district,sector --out checked`,
		Args: func(c *cobra.Command, args []string) error { return usage(cobra.NoArgs(c, args)) },
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.OutOrStdout()) },
	}
	f.flags(c)
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	return c
}

func (f *checkFlags) flags(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.table, "table", "", "表 the table (CSV, JSON)")
	s.StringVar(&f.evidence, "evidence", "", "每格的证据 evidence by cell (CSV, JSON)")
	s.StringVar(&f.micro, "micro", "", "微观数据 microdata (CSV, JSON)")
	s.StringArrayVar(&f.earlier, "earlier", nil, "既往表，可重复 an earlier table, repeatable")
	s.StringVar(&f.spec, "spec", "", "说明文件 spec (JSON)")
	s.StringSliceVar(&f.dims, "dims", nil, "维度列，没有说明文件和证据时必需 columns of dims, where neither spec nor evidence tells")
	s.StringSliceVar(&f.unit, "unit", nil, "微观数据的标识列 key columns of the microdata")
	s.StringVar(&f.count, "count", "", "表中哪个指标是不同单位数，没有说明文件时用 the figure of the table that counts units, where no spec tells")
	s.StringVar(&f.profile, "profile", params.HouseProfile, "规则 rules: "+strings.Join(params.Profiles(), ", "))
	s.IntVar(&f.grade, "grade", 0, "数据级别 1 至 4，0 为说明文件所写 grade of the data, 0: the spec's")
	s.StringVar(&f.lang, "lang", check.ZH, "报告的语言 language of the report: zh, en")
	s.StringVar(&f.out, "out", "", "把可发布的表和记录写入此新目录 write the safe table and the records into this new folder")
	s.BoolVar(&f.asJSON, "json", false, "输出完整记录而不是报告 print the whole record instead of the report")
	s.BoolVar(&f.mitigate, "mitigate", false, "按有用性损失列出处理办法 list what can be done, by what it costs in usefulness")
	s.Float64Var(&f.rho, "rho", 0.01, "估算差分隐私方案时的预算（zCDP）budget for which a dp table is costed")
}

func (f checkFlags) run(out io.Writer) error {
	c, p, err := f.load()
	if err != nil {
		return usage(err)
	}
	r, err := check.Run(c, p)
	if err != nil {
		return err
	}
	if f.asJSON {
		_, err = out.Write(r.Bytes())
	} else {
		_, err = io.WriteString(out, r.Report(f.lang))
	}
	if err != nil {
		return err
	}
	if f.mitigate {
		if err := f.list(out, c, p); err != nil {
			return usage(err)
		}
	}
	if f.out != "" {
		if err := f.write(out, c, p, r); err != nil {
			return usage(err)
		}
	}
	if code := r.ExitCode(); code != 0 {
		return ended{code: code}
	}
	return nil
}

// load opens the files, and closes them when they are read.
func (f checkFlags) load() (sheet.Case, params.Parameters, error) {
	var none sheet.Case
	if f.table == "" {
		return none, params.Parameters{}, fmt.Errorf("用 --table 指出要检查的表 say with --table which table to check: %w", fault.Invalid)
	}
	if f.lang != check.ZH && f.lang != check.EN {
		return none, params.Parameters{}, fmt.Errorf("--lang %q：应为 zh 或 en want zh or en: %w", f.lang, fault.Invalid)
	}
	in := sheet.Input{Dims: f.dims, Unit: f.unit, Count: f.count}
	if f.spec != "" {
		raw, err := os.ReadFile(filepath.Clean(f.spec))
		if err != nil {
			return none, params.Parameters{}, err
		}
		if in.Spec, err = sheet.ParseSpec(f.spec, raw); err != nil {
			return none, params.Parameters{}, err
		}
	}
	if f.grade != 0 {
		in.Spec.Grade = f.grade
	}
	p, err := check.Parameters(f.profile, in.Spec)
	if err != nil {
		return none, p, err
	}
	var files []*os.File
	defer func() {
		for _, file := range files {
			_ = file.Close() // read only
		}
	}()
	open := func(name string) (*sheet.File, error) {
		file, err := os.Open(filepath.Clean(name))
		if err != nil {
			return nil, err
		}
		files = append(files, file)
		return &sheet.File{Name: name, Body: file}, nil
	}
	table, err := open(f.table)
	if err != nil {
		return none, p, err
	}
	in.Table = *table
	if f.evidence != "" {
		if in.Evidence, err = open(f.evidence); err != nil {
			return none, p, err
		}
	}
	if f.micro != "" {
		if in.Micro, err = open(f.micro); err != nil {
			return none, p, err
		}
	}
	for _, name := range f.earlier {
		file, err := open(name)
		if err != nil {
			return none, p, err
		}
		in.Earlier = append(in.Earlier, *file)
	}
	c, err := sheet.Load(in)
	return c, p, err
}

// list prints the mitigations. With --json it prints them as JSON.
func (f checkFlags) list(out io.Writer, c sheet.Case, p params.Parameters) error {
	list, err := mitigate.Rank(c.Table, c.Facts, p, mitigate.Options{Rho: f.rho, Bases: []int64{10}})
	if err != nil {
		return err
	}
	if f.asJSON {
		return json.NewEncoder(out).Encode(list)
	}
	word := func(zh, en string) string {
		if f.lang == check.EN {
			return en
		}
		return zh
	}
	fmt.Fprintf(out, "\n%s\n", word("处理办法，损失小的在前（0 没有损失，1 全部损失；不含与既往发布的比较）", "What can be done, least loss first (0 nothing lost, 1 everything; earlier releases apart)"))
	a := aligned{right: map[int]bool{1: true, 2: true, 3: true}}
	a.add(word("办法", "option"), word("损失", "loss"), word("其中误差", "error"), word("其中归并", "merging"), word("隐藏", "hidden"), word("检查", "checks"), "")
	for _, o := range list {
		texts := []string{word(o.Text.ZH, o.Text.EN)}
		hidden := fmt.Sprintf("%d/%d", o.Hidden, o.Values)
		for i, w := range o.HalfWidth {
			texts = append(texts, word(fmt.Sprintf("95%% 半宽 %.4g（典型值 %.4g）", w, o.Typical[i]), fmt.Sprintf("95%% half-width %.4g (typical value %.4g)", w, o.Typical[i])))
		}
		a.add(string(o.Kind), fmt.Sprintf("%.3f", o.Loss), fmt.Sprintf("%.3f", o.Error), fmt.Sprintf("%.3f", o.Entropy), hidden, string(o.Verdict), strings.Join(texts, "; "))
	}
	a.print(out)
	return nil
}

// write makes the safe table and writes it with both records.
func (f checkFlags) write(out io.Writer, c sheet.Case, p params.Parameters, r check.Record) error {
	made, err := check.Safe(c.Table, c.Facts, p, check.Options{})
	if err != nil {
		return err
	}
	safe, err := check.Run(made.Of(c), p)
	if err != nil {
		return err
	}
	salt, err := suite.NewSalt()
	if err != nil {
		return err
	}
	csv := made.Table.CSV()
	public, err := json.MarshalIndent(safe.Public(suite.DigestOf(csv), salt), "", " ")
	if err != nil {
		return err
	}
	if err := os.Mkdir(f.out, 0o700); err != nil {
		return fmt.Errorf("--out 应是一个还不存在的目录 must be a folder that is not there yet: %w: %w", err, fault.Invalid)
	}
	err = errors.Join(
		put(f.out, "safe.csv", csv, 0o644), put(f.out, "public.json", append(public, '\n'), 0o644),
		put(f.out, "record.json", r.Bytes(), 0o600), put(f.out, "safe-record.json", safe.Bytes(), 0o600),
		put(f.out, "salt", fmt.Appendf(nil, "%x\n", salt[:]), 0o600),
	)
	if err != nil || f.asJSON {
		return err
	}
	fmt.Fprintf(out, "\n%s: %s\n  safe.csv  %d 行 rows，主隐藏 primary %d，补充隐藏 secondary %d，检查 checks: %s\n", "已写出 written", f.out, made.Rows, made.Primary, made.Secondary, safe.Verdict)
	for _, n := range made.Notes {
		fmt.Fprintf(out, "  %s / %s\n", n.ZH, n.EN)
	}
	fmt.Fprintln(out, "  可公开 may go out: safe.csv, public.json；只供审核员 for the checker alone: record.json, safe-record.json, salt")
	return nil
}

func put(dir, name string, b []byte, mode os.FileMode) error {
	return os.WriteFile(filepath.Join(dir, name), b, mode)
}
