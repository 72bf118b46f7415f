package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/finish"
	"github.com/yunei/yunei/gate/sheet/check"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/release"
)

type finishFlags struct {
	pins, csv, lang string
	unverified      bool
}

func releaseFinishCommand() *cobra.Command {
	var f finishFlags
	c := &cobra.Command{
		Use:   "finish BUNDLE|TABLE.json FINISHER...",
		Short: "由出域结果算均值、率、方差、分位数、回归，连同区间 / means, rates, variances, quantiles and regressions of a release, with their intervals",
		Long: `只用已出域的表，离线计算；每个数值连同取整或噪声留下的区间一起给出，不泄露表以外的任何东西。
From the released table alone, offline. Each value comes with the interval that rounding or noise leaves around it, and tells
nothing that the table does not.

结果包先用 --pins 核验，核验不通过就不算；--unverified 明示跳过核验。单独的 table.json 没有签名可核，照算并注明“未核验”。
A bundle is verified first, with --pins, and refused if that fails; --unverified leaves it out, and says so. A table.json by
itself has no signatures: it is taken as it is, and marked as not verified.

算法（名称用表中指标和维度的名称，over=维度,… 先对这些维度求和，over=all 为全部）：
Finishers (by the names of the table's figures and dims; over=DIM,... sums dims out first, over=all every one):
  ` + strings.Join(finish.Usages(), "\n  "),
		Example: `  yunei release finish release/bundle.json 'mean(cost_fen)' --pins pins.json
  yunei release finish release/table.json 'mean(cost_fen;over=district)' 'rate(visits/persons;per=1000)' --csv finished.csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return fmt.Errorf("写出结果包（或 table.json）和至少一个算法，例如 name a bundle (or table.json) and a finisher at least, such as: yunei release finish release/table.json 'mean(cost_fen)': %w", fault.Invalid)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.OutOrStdout(), args[0], args[1:]) },
	}
	c.Flags().StringVar(&f.pins, "pins", "", "公钥清单 page of keys (JSON)")
	c.Flags().BoolVar(&f.unverified, "unverified", false, "不核验结果包 do not verify the bundle")
	c.Flags().StringVar(&f.csv, "csv", "", "另写成 CSV；多个算法各写一个文件，加序号 also write CSV; with several finishers a numbered file each")
	c.Flags().StringVar(&f.lang, "lang", check.ZH, "zh | en")
	c.MarkFlagsMutuallyExclusive("pins", "unverified")
	return c
}

func (f finishFlags) run(w io.Writer, file string, specs []string) error {
	if f.lang != check.ZH && f.lang != check.EN {
		return fmt.Errorf("--lang %q：应为 zh 或 en want zh or en: %w", f.lang, fault.Invalid)
	}
	var todo []finish.Spec
	for _, text := range specs {
		s, err := finish.Parse(text)
		if err != nil {
			return fmt.Errorf("%q: %w\n  有哪些、怎么写，见 how they are spelled: yunei release finish --help", text, err)
		}
		todo = append(todo, s)
	}
	table, notice, err := f.table(file)
	if err != nil {
		return err
	}
	word := worded(f.lang)
	fmt.Fprintf(w, "%s\n%s\n", table.Title, word(notice.ZH, notice.EN))
	for i, s := range todo {
		r, err := s.Apply(table)
		if err != nil {
			return fmt.Errorf("%w\n  表中的指标 figures of the table: %s；维度 dims: %s", err, figureNames(table), dimNames(table))
		}
		printFinished(w, r, table, f.lang)
		if f.csv == "" {
			continue
		}
		name := numbered(f.csv, i+1, len(todo))
		if err := writeNew(name, r.CSV()); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s %s\n", word("已写出", "written"), name)
	}
	return nil
}

// numbered is the i-th of n files of one name.
func numbered(file string, i, n int) string {
	if n == 1 {
		return file
	}
	ext := filepath.Ext(file)
	return fmt.Sprintf("%s.%d%s", strings.TrimSuffix(file, ext), i, ext)
}

var (
	notVerified = jobs.Statement{
		ZH: "！未核验：没有核对任何签名，表可能被改过。",
		EN: "! not verified: no signature was checked, and the table may have been changed",
	}
	verified = jobs.Statement{
		ZH: "✔ 结果包已核验，表是其中的原样。",
		EN: "✔ the bundle was verified, and the table is the one in it",
	}
)

// table reads a bundle or a table, and says how far it is to be believed.
func (f finishFlags) table(file string) (jobs.Candidate, jobs.Statement, error) {
	var none jobs.Candidate
	raw, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return none, notVerified, err
	}
	if f.pins != "" {
		return f.verify(file, raw)
	}
	if isBundle(raw) {
		if !f.unverified {
			return none, notVerified, fmt.Errorf("%s 是结果包：用 --pins 给出公钥清单以核验它，或用 --unverified 明示不核验 is a bundle: verify it with --pins, or say --unverified: %w", file, fault.Denied)
		}
		b, err := release.Parse(raw)
		if err != nil {
			return none, notVerified, err
		}
		c, err := b.Table()
		return c, notVerified, err
	}
	c, err := jobs.ParseCandidate(raw)
	if err != nil {
		return none, notVerified, fmt.Errorf("%s 既不是结果包，也不是 table.json is neither a bundle nor a table.json: %w", file, err)
	}
	return c, notVerified, nil
}

// isBundle tells a bundle from a table: a table has dims, and a bundle holds
// the table as one of its fields.
func isBundle(raw []byte) bool {
	var head struct {
		Candidate json.RawMessage `json:"candidate"`
	}
	return json.Unmarshal(raw, &head) == nil && len(head.Candidate) > 0
}

func (f finishFlags) verify(file string, raw []byte) (jobs.Candidate, jobs.Statement, error) {
	var none jobs.Candidate
	if !isBundle(raw) {
		return none, notVerified, fmt.Errorf("%s 不是结果包，没有签名可核；请给出 bundle.json，或去掉 --pins is no bundle and has no signatures: name bundle.json, or leave --pins out: %w", file, fault.Invalid)
	}
	pinsRaw, err := os.ReadFile(filepath.Clean(f.pins))
	if err != nil {
		return none, notVerified, err
	}
	pins, err := release.ParsePins(pinsRaw)
	if err != nil {
		return none, notVerified, err
	}
	if _, err := release.Verify(raw, pins); err != nil {
		return none, notVerified, fmt.Errorf("结果包核验不通过，未作计算（逐项见 yunei verify） the bundle does not verify, and nothing was computed (see yunei verify): %w", err)
	}
	b, err := release.Parse(raw)
	if err != nil {
		return none, notVerified, err
	}
	c, err := b.Table()
	return c, verified, err
}

func figureNames(t jobs.Candidate) string {
	var names []string
	for _, f := range t.Figures {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

func dimNames(t jobs.Candidate) string {
	var names []string
	for _, d := range t.Dims {
		names = append(names, d.Name)
	}
	return strings.Join(names, ", ")
}

// printFinished prints a result with its intervals.
func printFinished(w io.Writer, r finish.Result, t jobs.Candidate, lang string) {
	word := worded(lang)
	fmt.Fprintf(w, "\n%s\n", r.Spec)
	a := aligned{}
	head := []string{" "}
	var dims []jobs.Dim
	for _, name := range r.Dims {
		d := t.Dims[slices.IndexFunc(t.Dims, func(d jobs.Dim) bool { return d.Name == name })]
		dims, head = append(dims, d), append(head, word(titleOr(d.Title, d.Name), d.Name))
	}
	errs := slices.ContainsFunc(r.Lines, func(l finish.Line) bool { return l.SE.Shown() })
	head = append(head, word("项", "term"), word("数值 [区间]", "value [interval]"))
	if errs {
		head = append(head, word("抽样误差", "sampling error"))
	}
	a.add(head...)
	for _, l := range r.Lines {
		line := []string{" "}
		for i, code := range l.Codes {
			line = append(line, labelOf(dims[i], code))
		}
		value := l.Estimate.String()
		if l.Why != nil {
			value = word(l.Why.ZH, l.Why.EN)
		}
		line = append(line, l.Name, value)
		if errs && l.SE.Shown() {
			line = append(line, l.SE.String())
		}
		a.add(line...)
	}
	a.print(w)
	fmt.Fprintf(w, "  · %s\n", word(r.Statement.ZH, r.Statement.EN))
}

func labelOf(d jobs.Dim, code string) string {
	if i := slices.Index(d.Codes, code); i >= 0 && i < len(d.Labels) {
		return titleOr(d.Labels[i], code)
	}
	return code
}

// worded chooses between two languages.
func worded(lang string) func(zh, en string) string {
	return func(zh, en string) string {
		if lang == check.EN {
			return en
		}
		return zh
	}
}
