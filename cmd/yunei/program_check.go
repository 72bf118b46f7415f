package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/suite"
)

func programCheckCommand() *cobra.Command {
	var spec string
	var asJSON bool
	c := &cobra.Command{
		Use:   "check MODULE",
		Short: "会不会被准入，为什么 / would the module be admitted, and if not, why",
		Long: `用沙箱自己的准入规则检查模块，不运行它。被拒时逐条指出位置（段、偏移、函数）和改法，并以退出码 3 结束。
Checks a module by the sandbox's own rules of admission, without running it. If it would be refused, says where (section,
offset, function) and what to do, and exits with 3. With --spec, the limits are those of the spec.`,
		Example: "  yunei program check visits.wasm\n  yunei program check visits.wasm --spec spec.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			l := mostLimits
			if spec != "" {
				t, err := readSpec(spec)
				if err != nil {
					return err
				}
				l = t.Limits
			}
			module, err := readModule(args[0])
			if err != nil {
				return err
			}
			v := checkModule(module, l)
			if asJSON {
				fmt.Fprintf(c.OutOrStdout(), "%s\n", indent(v))
			} else {
				v.print(c.OutOrStdout(), args[0], spec != "")
			}
			if !v.Admitted {
				return fault.Refuse("program-module", "house")
			}
			return nil
		},
	}
	c.Flags().StringVar(&spec, "spec", "", "说明文件，取其中的限额 take the limits of this spec")
	c.Flags().BoolVar(&asJSON, "json", false, "以 JSON 输出 print JSON")
	return c
}

// A Verdict is what admission says of a module, and what an author can do.
type Verdict struct {
	Admitted bool         `json:"admitted"`
	Digest   suite.Digest `json:"digest"`
	Size     int          `json:"size"`
	Rewrite  string       `json:"rewrite"` // version
	Form     suite.Digest `json:"admitted_digest,omitempty"`
	FormSize int          `json:"admitted_size,omitempty"`
	Pages    uint32       `json:"memory_pages"` // that it asks for to begin with
	Granted  uint32       `json:"memory_granted"`
	Imports  []string     `json:"imports,omitempty"`
	Exports  []string     `json:"exports,omitempty"`
	Reason   string       `json:"reason,omitempty"` // in admission's own words
	Findings []Finding    `json:"findings,omitempty"`
}

// A Finding is one thing that is wrong.
type Finding struct {
	Where string `json:"where"`
	ZH    string `json:"zh"`
	EN    string `json:"en"`
}

func checkModule(module []byte, l jobs.Limits) Verdict {
	v := Verdict{Digest: suite.DigestOf(module), Size: len(module), Rewrite: admit.Version, Granted: l.Memory}
	a := dissect(module)
	for _, i := range a.imports {
		v.Imports = append(v.Imports, i.module+"."+i.name)
	}
	for name := range a.exports {
		v.Exports = append(v.Exports, name)
	}
	slices.Sort(v.Exports)
	if len(a.memories) > 0 {
		v.Pages = a.memories[0].min
	}
	form, err := admit.Admit(module, l)
	if err == nil {
		v.Admitted, v.Form, v.FormSize = true, suite.DigestOf(form), len(form)
		return v
	}
	v.Reason = strings.TrimSuffix(strings.TrimPrefix(err.Error(), "admitting module: "), ": "+string(fault.Guest))
	v.Findings = a.findings(l)
	if len(v.Findings) > 0 || a.cut != nil || len(module) >= maxModule {
		return v
	}
	if i := a.culprit(module, func(b []byte) error { _, err := admit.Admit(b, l); return err }); i >= 0 {
		v.Findings = append(v.Findings, Finding{
			fmt.Sprintf("code section, function %s, offset %#x", a.function(i), a.bodies[i].at),
			"此函数中有不被准入的指令（见上面的原因）：不支持 SIMD、线程、引用类型和异常；请关闭编译器的这些特性",
			"its code holds what is not admitted (see the reason above): there is no SIMD, no threads, no reference types, no exceptions; switch those features of the compiler off",
		})
	}
	return v
}

// findings lists what a look at the module's parts can explain.
func (a *anatomy) findings(l jobs.Limits) (list []Finding) {
	add := func(where, zh, en string) { list = append(list, Finding{where, zh, en}) }
	if a.cut != nil {
		add(a.cut.Error(), "这不是一个完整的 WASM 1.0 二进制模块", "this is not a whole binary module of WebAssembly 1.0")
		return list
	}
	const most = 20
	for n, i := range a.imports {
		if len(list) == most || a.allowed(i) {
			continue
		}
		zh, en := remedy(i)
		add(fmt.Sprintf("import section, import %d, offset %#x", n, i.at),
			fmt.Sprintf("导入 %q.%q 不在允许之列，或类型不符：%s", i.module, i.name, zh), fmt.Sprintf("import %q.%q is not on the list, or is of another type: %s", i.module, i.name, en))
	}
	if a.start > 0 {
		add(fmt.Sprintf("start section, offset %#x", a.start), "不允许 start 段；初始化请导出 "+abi.ExportInit, "a start section is not allowed; to initialise, export "+abi.ExportInit)
	}
	for _, name := range []string{abi.ExportMemory, abi.ExportInput, abi.ExportMap} {
		want := byte(0)
		if name == abi.ExportMemory {
			want = 2
		}
		switch e, ok := a.exports[name]; {
		case !ok:
			add("export section", fmt.Sprintf("没有导出 %s；Go 须用 -buildmode=c-shared，C 须用 EXPORT 宏", name), fmt.Sprintf("%s is not exported; Go needs -buildmode=c-shared, C the export attribute", name))
		case e.kind != want:
			add(fmt.Sprintf("export section, offset %#x", e.at), fmt.Sprintf("导出 %s 的种类不对", name), fmt.Sprintf("export %s is of another kind", name))
		}
	}
	return append(list, a.memoryFindings(l)...)
}

func (a *anatomy) memoryFindings(l jobs.Limits) []Finding {
	if len(a.memories) != 1 {
		return []Finding{{"memory section", fmt.Sprintf("有 %d 个内存，须恰为一个", len(a.memories)), fmt.Sprintf("%d memories, want one", len(a.memories))}}
	}
	m := a.memories[0]
	where := fmt.Sprintf("memory section, offset %#x", m.at)
	switch {
	case m.flags > 1:
		return []Finding{{where, "共享内存或 64 位内存不被支持", "shared and 64-bit memories are not supported"}}
	case m.min > l.Memory:
		return []Finding{{
			where, fmt.Sprintf("一开始就要 %d 页（%.1f MiB），限额只有 %d 页：减小静态数组，或把 limits.memory 提到 %d", m.min, mib(m.min), l.Memory, m.min),
			fmt.Sprintf("asks for %d pages (%.1f MiB) to begin with, and is granted %d: make static arrays smaller, or raise limits.memory to %d", m.min, mib(m.min), l.Memory, m.min),
		}}
	}
	return nil
}

func mib(pages uint32) float64 { return float64(pages) / 16 }

func (v Verdict) print(w io.Writer, file string, fromSpec bool) {
	name := filepath.Base(file)
	if v.Admitted {
		fmt.Fprintf(w, "✔ 会被准入 would be admitted: %s\n", name)
	} else {
		fmt.Fprintf(w, "✘ 不会被准入 would not be admitted: %s\n", name)
	}
	granted := fmt.Sprintf("限额 granted %d 页 pages", v.Granted)
	if !fromSpec {
		granted = "未给 --spec，未与限额相比 no --spec to compare it with"
	}
	p := &aligned{}
	p.add("  大小 size", fmt.Sprintf("%d 字节 bytes", v.Size))
	p.add("  摘要 digest", string(v.Digest))
	if v.Admitted {
		p.add("  准入形式 admitted form", fmt.Sprintf("%s  %d 字节 bytes (×%.2f)", v.Form, v.FormSize, float64(v.FormSize)/float64(v.Size)))
	}
	p.add("  改写版本 rewrite", v.Rewrite)
	p.add("  起始内存 memory to begin with", fmt.Sprintf("%d 页 pages = %.1f MiB；%s", v.Pages, mib(v.Pages), granted))
	p.add("  导入 imports", strings.Join(orNone(v.Imports), " "))
	p.add("  导出 exports", strings.Join(orNone(v.Exports), " "))
	p.print(w)
	if v.Admitted {
		return
	}
	fmt.Fprintf(w, "\n原因 reason: %s\n", v.Reason)
	for _, f := range v.Findings {
		fmt.Fprintf(w, "  ✘ %s\n    %s\n    %s\n", f.Where, f.ZH, f.EN)
	}
	fmt.Fprintln(w)
}

func orNone(list []string) []string {
	if len(list) == 0 {
		return []string{"无 none"}
	}
	const most = 24
	if len(list) > most {
		return append(slices.Clone(list[:most]), fmt.Sprintf("… (%d)", len(list)))
	}
	return list
}

// isTerminal reports whether people watch.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && terminal(f)
}
