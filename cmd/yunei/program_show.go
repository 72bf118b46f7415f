package main

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/jobs"
)

// print shows a rehearsal to people at a terminal.
func (r *Rehearsal) print(w io.Writer, cells int) {
	fmt.Fprintf(w, "试运行 rehearsal：合成孪生数据，不含任何真实数据，不消耗预算\n                  on synthetic twins: nothing real is in it, and it spends nothing\n\n")
	r.printHead(w)
	r.printUsage(w)
	r.printFailures(w)
	r.printBounded(w)
	r.printLogs(w)
	r.printCube(w, cells)
	r.printLikely(w)
	r.printMitigations(w, cells)
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  ！%s\n    %s\n", n.ZH, n.EN)
	}
}

func (r *Rehearsal) printHead(w io.Writer) {
	t := &aligned{}
	t.add("程序 program", string(r.Program))
	t.add("说明 spec", fmt.Sprintf("%s，模式 mode %s", r.Spec, jobsMode(r.Mode)))
	for _, s := range r.Twins {
		text := fmt.Sprintf("%s 个体 units，%s 行 rows，种子 seed %d", grouped(int64(s.Units)), grouped(s.Rows), r.Seed)
		if s.LeftOut > 0 {
			text += fmt.Sprintf("；超出 limits.rows 略去 left out %s 行 rows", grouped(s.LeftOut))
		}
		t.add("孪生 twin "+s.Dataset, text)
	}
	t.add("隔离 jail", r.Jail)
	t.print(w)
}

func (r *Rehearsal) printUsage(w io.Writer) {
	fmt.Fprintf(w, "\n每次调用的用量（占限额）use of each limit by one visit:\n")
	t := &aligned{right: map[int]bool{2: true, 3: true}}
	row := func(name string, part uint64, l Usage, unit string) {
		t.add("  "+name, bar(part, l.Limit), grouped(int64(part)), percent(part, l.Limit), fmt.Sprintf("/ %s %s", grouped(int64(l.Limit)), unit)) //nolint:gosec // at most 2^40
	}
	row("燃料 fuel p50", r.Fuel.P50, r.Fuel, "")
	row("燃料 fuel p99", r.Fuel.P99, r.Fuel, "")
	row("燃料 fuel max", r.Fuel.Max, r.Fuel, "limits.fuel")
	row("内存 memory max", r.Memory.Max, r.Memory, "页 pages, limits.memory")
	row("输入 input max", r.Input.Max, r.Input, "字节 bytes, limits.input")
	row("输出 emits max", r.Emits.Max, r.Emits, "条 records, limits.emits")
	t.print(w)
	for _, s := range r.Twins {
		if s.TooLarge > 0 {
			fmt.Fprintf(w, "  ！%s：%d 次调用的输入超过 limits.input，被当作失败；提高 limits.input，或降低 limits.rows\n    %s: the rows of %d visits are beyond limits.input, which counts as failing; raise it, or lower limits.rows\n",
				s.Dataset, s.TooLarge, s.Dataset, s.TooLarge)
		}
	}
}

// reasons says what each outcome means to the author.
var reasons = map[string][2]string{
	"trapped":                       {"程序自己的陷阱（越界、除零、断言、panic）", "a trap of its own: out of bounds, division by zero, an assertion, a panic"},
	"out of fuel":                   {"燃料用完：减少运算，或提高 limits.fuel", "out of fuel: do less, or raise limits.fuel"},
	"too deep":                      {"调用层数过深（递归）", "calls within calls: recursion"},
	"too many emits":                {"输出条数超过 limits.emits：先在程序内合并同一单元格", "more records than limits.emits: add up within the program first"},
	"an emit outside of its memory": {"emit 的指针越出内存", "emit was given records that are not in its memory"},
	"too many calls of WASI":        {"WASI 调用过多（日志太多？）", "too many calls of WASI: does it log too much?"},
	"exited":                        {"程序退出（exit、panic 或未捕获的异常）", "it exited: exit, a panic, or an exception"},
	"no room for the area":          {"程序的输入缓冲区放不下 limits.input 那么大的输入：加大缓冲区，或降低 limits.input", "its buffer has no room for an area of limits.input: make it larger, or lower limits.input"},
}

func (r *Rehearsal) printFailures(w io.Writer) {
	failed := 0
	for _, n := range r.Failed {
		failed += n
	}
	if failed == 0 {
		fmt.Fprintf(w, "\n✔ %s 次调用全部成功 all visits returned\n", grouped(int64(r.Visits)))
		return
	}
	fmt.Fprintf(w, "\n✘ %s 次调用中 %s 次失败；正式运行中失败者不计入，也不会告诉您 of %s visits %s failed; in a real run they count for nothing, and nobody tells you:\n",
		grouped(int64(r.Visits)), grouped(int64(failed)), grouped(int64(r.Visits)), grouped(int64(failed)))
	for outcome, n := range sorted(r.Failed) {
		fmt.Fprintf(w, "  %s × %s: %s\n    %s\n", grouped(int64(n)), outcome, reasons[outcome][0], reasons[outcome][1])
	}
	r.Smallest.print(w)
}

func (f *Failure) print(w io.Writer) {
	const most = 12
	fmt.Fprintf(w, "  行数最少的失败调用 the failing visit of fewest rows: %s #%d, %s, 燃料 fuel %s\n", f.Dataset, f.Visit, f.Outcome, grouped(int64(f.Fuel))) //nolint:gosec // at most 2^40
	t := &aligned{}
	t.add(append([]string{"    "}, f.Columns...)...)
	for _, row := range f.Rows[:min(len(f.Rows), most)] {
		t.add(append([]string{"    "}, row...)...)
	}
	t.print(w)
	if len(f.Rows) > most {
		fmt.Fprintf(w, "      … 共 %d 行 rows in all\n", len(f.Rows))
	}
	if f.Log != "" {
		fmt.Fprintf(w, "    日志 log:\n%s", indented(f.Log, "      | ", 12))
	}
}

func (r *Rehearsal) printBounded(w io.Writer) {
	for _, n := range []struct {
		n      int
		zh, en string
	}{
		{r.Bounded.Stray, "条记录指向不存在的单元格、测度或个体（blocks 中个体须为 0），被略去", "records named a cell, measure or unit that is not there (of a block the unit is 0), and were left out"},
		{r.Bounded.Clipped, "个合计被截到测度的 lo/hi；若太多，放宽界限（噪声随之增大）", "totals were clipped to their measure's lo and hi; if that is many, widen the bounds (and the noise)"},
		{r.Bounded.Beyond, "个单元格超出 l0 被略去；若太多，提高 l0（噪声随之增大）", "cells were beyond a unit's l0 and left out; if that is many, raise l0 (and the noise)"},
		{r.Bounded.Silent, "次调用没有输出任何记录", "visits emitted nothing"},
	} {
		if n.n > 0 {
			fmt.Fprintf(w, "  · %s %s %s\n", grouped(int64(n.n)), n.zh, n.en)
		}
	}
}

func (r *Rehearsal) printLogs(w io.Writer) {
	const most = 8
	if len(r.Logs) == 0 {
		return
	}
	fmt.Fprintf(w, "\n日志（正式运行时一字不出）log (nothing of it leaves in a real run):\n")
	for _, l := range r.Logs[:min(len(r.Logs), most)] {
		fmt.Fprintf(w, "  × %s，首见于 first by %s\n%s", grouped(int64(l.Times)), l.First, indented(l.Text, "    | ", 6))
	}
	if len(r.Logs) > most {
		fmt.Fprintf(w, "  … 另有 %d 种，用 --log 写到文件 more, written to a file with --log\n", len(r.Logs)-most)
	}
}

// indented puts a prefix before the first lines of what a guest wrote, quoted
// where a terminal would obey it.
func indented(text, prefix string, most int) string {
	const widest = 160 // characters of a line
	var b strings.Builder
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if i == most {
			fmt.Fprintf(&b, "%s… (%d)\n", prefix, len(lines)-most)
			break
		}
		if q := strconv.Quote(line); strings.ContainsRune(q, '\\') {
			line = q
		}
		if r := []rune(line); len(r) > widest {
			line = string(r[:widest]) + "…"
		}
		b.WriteString(prefix + line + "\n")
	}
	return b.String()
}

func (r *Rehearsal) printCube(w io.Writer, most int) {
	s := r.terms.Shape
	fmt.Fprintf(w, "\n合成数据的结果 what it comes to on the twins（%d 个单元格 cells）:\n", s.Cells())
	t := &aligned{right: map[int]bool{}}
	head := []string{" "}
	for _, d := range s.Dims {
		head = append(head, titleOr(d.Title, d.Name))
	}
	for _, m := range s.All() {
		t.right[len(head)] = true
		head = append(head, titleOr(m.Title, m.Name))
		if r.Mode.Noisy() {
			t.right[len(head)] = true
			head = append(head, "误差 error")
		}
	}
	if r.Mode == jobs.SDC {
		head = append(head, "可能 likely")
	}
	t.add(head...)
	n := s.Cells()
	if most > 0 {
		n = min(n, most)
	}
	for cell := range n {
		t.add(r.row(cell)...)
	}
	t.print(w)
	if n < s.Cells() {
		fmt.Fprintf(w, "  … 另有 %d 个，用 --cells 0 全部列出 more; --cells 0 lists all\n", s.Cells()-n)
	}
}

func titleOr(title, name string) string {
	if title == "" {
		return name
	}
	return title
}

func (r *Rehearsal) row(cell int) []string {
	s := r.terms.Shape
	row := []string{" "}
	for d, at := range s.Codes(cell) {
		row = append(row, titleOr(s.Dims[d].Labels[at], s.Dims[d].Codes[at]))
	}
	for m := range s.All() {
		at := m*s.Cells() + cell
		row = append(row, grouped(r.Exact[at]))
		if r.Mode.Noisy() {
			row = append(row, relative(r.Spends.Error[at]))
		}
	}
	if r.Mode.Noisy() {
		return row
	}
	switch shown := r.Likely.Cells[cell]; {
	case shown == nil:
		row = append(row, "隐藏 hidden "+jobs.Hidden)
	case r.Exact[cell] == 0:
		row = append(row, "展示（空）shown, empty")
	default:
		var values []string
		for _, v := range shown {
			values = append(values, grouped(v))
		}
		row = append(row, "展示 shown "+strings.Join(values, " / "))
	}
	return row
}

func relative(e *float64) string {
	switch {
	case e == nil:
		return "-"
	case *e >= 10:
		return ">1000 %"
	default:
		return "±" + strconv.FormatFloat(100**e, 'f', 1, 64) + " %"
	}
}

func (r *Rehearsal) printLikely(w io.Writer) {
	fmt.Fprintf(w, "\n闸门可能的判断（取决于真实数据，并非结论）what the gate would likely decide; it depends on the real data and is no verdict:\n")
	if r.Mode == jobs.SDC {
		hidden := r.hidden()
		fmt.Fprintf(w, "  可能 likely：%d 个单元格和合计中 %d 个隐藏（某个数据域内个体过少、由少数个体主导或取值雷同，或为了保护其他单元格）\n  of %d cells and totals %d hidden (in some domain too few units, a few that dominate or all alike, or for another cell's sake)\n",
			r.Likely.Items(), hidden, r.Likely.Items(), hidden)
	} else {
		r.printSpending(w)
	}
	var parts []string
	for _, s := range []gate.Status{gate.Pass, gate.Review, gate.Fail, gate.NotPerformed, gate.NotApplicable} {
		if n := r.Checks[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", statuses[s], n))
		}
	}
	fmt.Fprintf(w, "  可能 likely：闸门 %d 项检查 checks：%s\n", sum(r.Checks), strings.Join(parts, "，"))
	fmt.Fprintf(w, "  此外还须两名出域审核员通过 two output checkers must approve as well\n")
}

var statuses = map[gate.Status]string{
	gate.Pass: "通过 pass", gate.Review: "交人工 review", gate.Fail: "不通过 fail", gate.NotPerformed: "未执行 not performed", gate.NotApplicable: "不适用 n/a",
}

func sum(m map[gate.Status]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

func (r *Rehearsal) printSpending(w io.Writer) {
	rho, _ := new(big.Rat).SetString(r.Spends.Rho)
	fmt.Fprintf(w, "  每次正式运行 each real run：ρ = %s（≈ %s），ε = %s，δ = %s；试运行不消耗 the rehearsal spends none of it\n", r.Spends.Rho, rho.FloatString(4), r.Spends.Epsilon, r.Spends.Delta)
	t := &aligned{right: map[int]bool{2: true}}
	for i, f := range r.Likely.Figures {
		t.add("   ", "噪声 noise "+titleOr(f.Title, f.Name), "标准差 sd "+r.Spends.SD[i], fmt.Sprintf("95 %% ±%s", grouped(f.HalfWidth)))
	}
	t.print(w)
	for i, m := range r.terms.Members {
		if m.Budget.Rho == "" {
			continue
		}
		fmt.Fprintf(w, "  %s 的预算上限 ρ ≤ %s 至多够 %d 次（其他作业也用同一预算）its cap would do for at most %d runs, and is shared with other jobs\n", m.Dataset, m.Budget.Rho, r.Spends.Runs[i], r.Spends.Runs[i])
	}
	fmt.Fprintf(w, "  可能 likely：误差列为噪声标准差与合成数据之比；真实数据的量级不同，误差也不同\n               the error is the noise against the twins' figures; the real figures are of another size\n")
}

// sorted yields a map's entries, the largest first.
func sorted(m map[string]int) func(func(string, int) bool) {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	return func(yield func(string, int) bool) {
		for _, name := range names {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}
