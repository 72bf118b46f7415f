package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/mitigate"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
)

// maxTestimony bounds what is read of a testimony, in bytes: evidence of
// 256 MiB, in base64.
const maxTestimony = 400 << 20

type mitigateFlags struct {
	site, spec string
	ordered    []string
	rho        float64
	base       int64
	rows       int
	json       bool
}

func gateMitigateCommand() *cobra.Command {
	var f mitigateFlags
	c := &cobra.Command{
		Use:   "mitigate RUN --site DIR --spec TERMS",
		Short: "在域内查看：表中有单元格不能展示时可以怎么办，各损失多少 / inside the domain: what can be done where cells may not be shown, and what each costs",
		Long: `只供数据提供方的负责人在本域内查看。依据本域密封保存的证据（精确值），按条款的规则逐一试行：隐藏、更粗的取整、归并代码
（自动寻找）、撤下指标或合计、改用差分隐私；给出每种办法的有用性损失（0 没有损失，1 全部损失）和它会给出的本域的表。
只看本域的个体：正式结果是各域之和，其他域也会隐藏。不与既往发布比较（见 yunei gate finding）。什么都不会写出，也不会发送。
For the provider's officer, inside the domain. On the domain's own sealed evidence, which is exact, and by the rules of the terms,
it tries hiding, coarser rounding, merged codes (which it finds by itself), withdrawing a figure or a total, and differential
privacy; each with what it costs in usefulness (0 nothing lost, 1 everything) and the table it would give of this domain. It looks at
this domain's units only: the release is the sum of all domains, and others hide as well. Earlier releases are apart (see yunei
gate finding). Nothing is written, and nothing is sent.

--spec 是该次运行所依据的条款（yunei scenario draft 写出、各方签署的文件）；域内没有副本。
The spec is the terms that the run went by (what yunei scenario draft wrote and everyone signed); the domain keeps no copy.`,
		Example: `  yunei gate mitigate run-7 --site install/site-hospital --spec terms.json
  yunei gate mitigate run-7 --site install/site-hospital --spec terms.json --ordered month --rows 0`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	c.Flags().StringVar(&f.site, "site", "", "域节点的目录 the site's folder")
	c.Flags().StringVar(&f.spec, "spec", "", "该次运行的条款 the terms of the run (JSON)")
	c.Flags().StringSliceVar(&f.ordered, "ordered", nil, "代码有先后的维度，只归并相邻代码（0-17 一类的区间自动识别） dims of ordered codes: only neighbours are merged (ranges are found)")
	c.Flags().Float64Var(&f.rho, "rho", 0.01, "估算差分隐私方案时的预算（zCDP）budget for which a dp table is costed")
	c.Flags().Int64Var(&f.base, "base", 10, "另试的取整基数 a coarser base of rounding to try")
	c.Flags().IntVar(&f.rows, "rows", 40, "每张表最多列出多少行，0 为全部 how many rows of each table to list, 0 for all")
	c.Flags().BoolVar(&f.json, "json", false, "输出 JSON as JSON")
	_ = c.MarkFlagRequired("site")
	_ = c.MarkFlagRequired("spec")
	return c
}

func (f mitigateFlags) run(c *cobra.Command, run string) error {
	terms, err := readSpec(f.spec)
	if err != nil {
		return err
	}
	if terms.Mode != jobs.SDC {
		return fmt.Errorf("%s：模式 %q 不依据证据，也不因证据隐藏单元格 mode %q goes by no evidence and hides nothing for its sake: %w", f.spec, terms.Mode, terms.Mode, fault.Denied)
	}
	table, found, err := readTestimony(c, f.site, run)
	if err != nil {
		return err
	}
	list, err := f.rank(terms, table)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if f.json {
		fmt.Fprintf(out, "%s\n", indent(struct {
			Run   string         `json:"run"`
			Terms string         `json:"terms"`
			Exact jobs.Statement `json:"notice"`
			List  []Mitigation   `json:"mitigations"`
		}{run, terms.ID, staysHere, mitigations(list)}))
		return nil
	}
	fmt.Fprintf(out, "运行 run %s，条款 terms %s（%s）\n", run, terms.ID, terms.Digest())
	fmt.Fprintf(out, "！%s\n  %s\n", staysHere.ZH, staysHere.EN)
	switch {
	case found.Refuse:
		fmt.Fprint(out, "！本域登记已因既往发布而拦下该次运行，下列办法都解决不了（见 yunei gate finding）\n  the domain's register withheld this run for the sake of earlier releases, which none of this mends (see yunei gate finding)\n")
	case len(found.Hide) > 0:
		fmt.Fprintf(out, "！登记另要求隐藏 %d 项，下列各表未计入\n  the register hides %d items besides, which the tables below leave out of account\n", len(found.Hide), len(found.Hide))
	}
	printMitigations(out, list, terms.Shape, f.rows)
	return nil
}

var staysHere = jobs.Statement{
	ZH: "以下依据本域的精确值算出，只供负责人在域内查看：不得带出本域。各表只含本域，正式结果是各域之和。",
	EN: "What follows was made of this domain's exact values, for its officer's eyes: it must not leave the domain. The tables are of this domain alone; the release is the sum of all.",
}

// rank takes the shape and the rules from the terms.
func (f mitigateFlags) rank(terms jobs.Terms, e *evidence.Table) ([]mitigate.Option, error) {
	t, facts, err := mitigate.Cube(terms.Shape, e, f.ordered)
	if err != nil {
		return nil, fmt.Errorf("无法按 %s 比较（它是该次运行的条款、代码表已填上吗？） cannot rank by it (is it the terms of this run, with its codes filled in?): %w", f.spec, err)
	}
	p, err := gate.Rules(terms)
	if err != nil {
		return nil, err
	}
	p.Base = max(p.Base, terms.Shape.Units.Round)
	return mitigate.Rank(t, facts, p, rankOptions(terms.Shape, f.rho, f.base))
}

func rankOptions(s jobs.Shape, rho float64, base int64) mitigate.Options {
	o := mitigate.Options{Rho: rho, Bases: []int64{base}, Reach: s.L0, Majority: true}
	for _, m := range s.All() {
		o.Bounds = append(o.Bounds, m.Bound())
	}
	return o
}

// readTestimony reads what a site keeps of how it judged a run.
func readTestimony(c *cobra.Command, site, run string) (*evidence.Table, gate.Found, error) {
	if err := jobs.ID(run); err != nil {
		return nil, gate.Found{}, fmt.Errorf("reading a testimony: run: %w", err)
	}
	var cfg domain.Config
	if err := folder.ReadConfig(site, &cfg); err != nil {
		return nil, gate.Found{}, err
	}
	store, err := domain.OpenStore(c.Context(), site, cfg)
	if err != nil {
		return nil, gate.Found{}, err
	}
	key, err := domain.SealKey(site)
	if err != nil {
		return nil, gate.Found{}, err
	}
	name, err := storage.NewName("runs/"+run+"/evidence", "1") // site.testify
	if err != nil {
		return nil, gate.Found{}, err
	}
	o, err := seal.Get(c.Context(), store, key, name)
	if errors.Is(err, fault.NotFound) {
		return nil, gate.Found{}, fmt.Errorf("本域没有 %s 的证据：只有 sdc 模式、且已在本域计算的运行才有 this domain has no evidence of such a run; only runs of mode sdc that were computed here have: %w", run, err)
	}
	if err != nil {
		return nil, gate.Found{}, err
	}
	defer o.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(io.NewSectionReader(o, 0, o.Size()), maxTestimony))
	if err != nil {
		return nil, gate.Found{}, err
	}
	defer clear(text)
	var kept struct {
		Evidence []byte `json:"evidence"`
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		return nil, gate.Found{}, fmt.Errorf("reading a testimony: %w: %w", err, fault.Invalid)
	}
	defer clear(kept.Evidence)
	return gate.ParseTestimony(kept.Evidence)
}

// A Mitigation is an option with the table it would give, as CSV.
type Mitigation struct {
	mitigate.Option
	Table string `json:"table,omitempty"`
}

func mitigations(list []mitigate.Option) []Mitigation {
	out := []Mitigation{}
	for _, o := range list {
		m := Mitigation{Option: o}
		if o.Table != nil {
			m.Table = string(o.Table.CSV())
		}
		out = append(out, m)
	}
	return out
}

// printMitigations prints each option, what it costs and the table it would
// give, at most so many rows of each.
func printMitigations(w io.Writer, list []mitigate.Option, s jobs.Shape, most int) {
	fmt.Fprintf(w, "\n处理办法，损失小的在前（0 没有损失，1 全部损失；不含与既往发布的比较）\nwhat can be done, least loss first (0 nothing lost, 1 everything; earlier releases apart)\n")
	if s.L0 > 1 {
		fmt.Fprintf(w, "  一个个体可在多个单元格中（l0 > 1）：证据不能说明归并后的单元格，故不列归并\n  a unit may stand in several cells (l0 > 1): evidence does not tell of merged ones, so no codes are merged\n")
	}
	for i, o := range list {
		fmt.Fprintf(w, "\n%d. [%s] %s\n   %s\n", i+1, o.Kind, o.Text.ZH, o.Text.EN)
		fmt.Fprintf(w, "   损失 loss %.3f（误差 error %.3f，归并 merging %.3f）；检查 checks %s", o.Loss, o.Error, o.Entropy, o.Verdict)
		if o.Table != nil {
			fmt.Fprintf(w, "；隐藏 hidden %d / %d", o.Hidden, o.Values)
		}
		fmt.Fprintln(w)
		for k, half := range o.HalfWidth {
			m := s.All()[k]
			fmt.Fprintf(w, "   %s 95%% ±%s（典型值 typical value %s）\n", titleOr(m.Title, m.Name), grouped(int64(half+0.5)), grouped(int64(o.Typical[k]+0.5)))
		}
		if o.Table != nil {
			printSheet(w, *o.Table, s, most)
		}
	}
}

// printSheet prints a table under the titles of a shape.
func printSheet(w io.Writer, t sheet.Table, s jobs.Shape, most int) {
	titles := map[string]string{}
	for _, d := range s.Dims {
		titles[d.Name] = titleOr(d.Title, d.Name)
	}
	for _, m := range s.All() {
		titles[m.Name] = titleOr(m.Title, m.Name)
	}
	a := aligned{right: map[int]bool{}}
	head := []string{"  "}
	for _, d := range t.Grid.Dims {
		head = append(head, titles[d.Name])
	}
	for _, f := range t.Figures {
		a.right[len(head)] = true
		head = append(head, titles[f.Name])
	}
	a.add(head...)
	rows := slices.Clone(t.Rows)
	slices.SortStableFunc(rows, func(x, y sheet.Row) int { return x.Item - y.Item })
	n := len(rows)
	if most > 0 {
		n = min(n, most)
	}
	for _, r := range rows[:n] {
		line := append([]string{"  "}, t.Grid.Label(r.Item)...)
		for k, v := range r.Values {
			text := sheet.HiddenMark
			if v.Shown {
				text = sheet.Format(v.N, t.Figures[k].Places)
			}
			line = append(line, text)
		}
		a.add(line...)
	}
	a.print(w)
	if n < len(rows) {
		fmt.Fprintf(w, "   … 另有 %d 行 more rows\n", len(rows)-n)
	}
}

// mitigate ranks what could be done about the cells that the gate would likely
// hide, on the twins' evidence: each member's own, for each judges its own.
func (r *Rehearsal) mitigate() error {
	if r.Mode != jobs.SDC || r.hidden() == 0 {
		return nil
	}
	var table sheet.Table
	var domains []sheet.Facts
	for _, e := range r.tables {
		t, f, err := mitigate.Cube(r.terms.Shape, e, nil)
		if errors.Is(err, fault.Invalid) { // too large: the rehearsal stands
			r.why = err.Error()
			return nil
		}
		if err != nil {
			return err
		}
		table, domains = t, append(domains, f)
	}
	p, err := gate.Rules(r.terms)
	if err != nil {
		return err
	}
	p.Base = max(p.Base, r.terms.Shape.Units.Round)
	list, err := mitigate.Across(table, domains, p, rankOptions(r.terms.Shape, 0, 2*p.Base))
	if err != nil {
		return err
	}
	const best = 3
	r.ranked = list[:min(len(list), best)]
	r.Likelier = mitigations(r.ranked)
	return nil
}

// hidden counts the cells and totals that the likely candidate hides.
func (r *Rehearsal) hidden() int {
	n := 0
	for i := range r.Likely.Items() {
		if c, _ := r.Likely.Item(i); c == nil {
			n++
		}
	}
	return n
}

func (r *Rehearsal) printMitigations(w io.Writer, most int) {
	switch {
	case len(r.ranked) > 0:
		fmt.Fprintf(w, "\n可能的处理办法（合成数据，并非结论）likely, synthetic: each domain judges its own twin; no verdict")
		printMitigations(w, r.ranked, r.terms.Shape, most)
	case r.why != "":
		fmt.Fprintf(w, "\n--mitigate：%s\n", r.why)
	case r.asked && r.Mode.Noisy():
		fmt.Fprintf(w, "\n--mitigate：此模式不依据证据隐藏单元格，没有可比较的办法 this mode hides nothing for the sake of evidence, so there is nothing to rank\n")
	case r.asked:
		fmt.Fprintf(w, "\n--mitigate：可能没有单元格隐藏，无须处理 likely nothing is hidden, and nothing need be done\n")
	}
}
