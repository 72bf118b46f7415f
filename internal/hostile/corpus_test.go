package hostile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/yunei/yunei/jobs/limits"
)

// granted is what a guest may use if its attack asks for nothing else.
var granted = limits.Limits{Fuel: 1 << 20, Memory: 64, Input: 1 << 14, Rows: 64, Emits: 256}

// What an attack comes to, beside its emits.
const (
	refused = "refused"     // by admission, or because it does not start
	failed  = "failed"      // a unit without emits
	fine    = "[{1 0 0 2}]" // what an honest guest emits of a unit of two rows: cell, measure, unit, value
	nought  = "[{1 0 0 0}]"
)

// An attack is one guest, or several of a kind, and what must come of each.
type attack struct {
	name    string
	zh, en  string // the promise that it tries to break, and how
	modules func() map[string][]byte
	grant   func(*limits.Limits)

	victim, other string // what both units come to; refused stands for no unit at all
	bounded       string // of the victim in the tests' shape: cell:values, if it says more than the emits
}

// A class of attacks.
type class struct {
	zh, en  string
	attacks []attack
}

// corpus is every guest there is.
func corpus() []class {
	return []class{
		{"不停机", "Programs that do not end", loops},
		{"调用过深", "Calls that go too deep", recursion},
		{"内存与表", "Memory and tables", memory},
		{"过大的模块", "Modules that are too large", huge},
		{"畸形模块", "Malformed modules", malformed},
		{"导入与导出", "Imports and exports", interfaces},
		{"接口欺骗", "Lies about the ABI", lies},
		{"输出泛滥", "Floods", floods},
		{"单元格与极值", "Cells and extreme values", cells},
		{"跨单元携带状态", "State carried from unit to unit", smugglers},
		{"只针对一人", "On the victim only", targeted},
		{"结果里的暗语", "What cells can say", coded},
	}
}

func attacks() (all []attack) {
	for _, c := range corpus() {
		all = append(all, c.attacks...)
	}
	return all
}

// one is a module by itself.
func one(g *guest) func() map[string][]byte { return many(map[string]*guest{"": g}) }

func many(guests map[string]*guest) func() map[string][]byte {
	return func() map[string][]byte {
		all := map[string][]byte{}
		for name, g := range guests {
			all[name] = g.bytes()
		}
		return all
	}
}

func bytesOf(modules map[string][]byte) func() map[string][]byte {
	return func() map[string][]byte { return modules }
}

const programs = "../../examples/programs"

// inC is a guest of examples/programs/hostile.
func inC(name string) func() map[string][]byte {
	return func() map[string][]byte {
		module, err := os.ReadFile(filepath.Join(programs, "prebuilt", "hostile-"+name+".wasm"))
		if err != nil {
			panic(err)
		}
		return map[string][]byte{"": module}
	}
}

// The corpus is a corpus: every attack has a name of its own, says what it
// attacks in both languages, and is expected to come to something.
func TestCorpus(t *testing.T) {
	seen, guests := map[string]bool{}, 0
	for _, c := range corpus() {
		modules := 0
		for _, a := range c.attacks {
			if seen[a.name] || a.name == "" || a.zh == "" || a.en == "" || a.modules == nil || a.victim == "" || a.other == "" ||
				(a.victim == refused) != (a.other == refused) {
				t.Errorf("%q is not a whole attack, or there twice", a.name)
			}
			seen[a.name] = true
			modules += len(a.modules())
		}
		t.Logf("%-40s %3d attacks, %3d modules", c.en, len(c.attacks), modules)
		guests += modules
	}
	if len(seen) < 60 {
		t.Errorf("%d attacks with %d modules, want 60", len(seen), guests)
	}
	for file := range slices.Values(prebuilt(t)) {
		if !seen[file] {
			t.Errorf("no attack is made with hostile-%s.wasm", file)
		}
	}
}
