// Command bench measures the sandbox against its peers, all in one run and in
// turns, so that what else the machine does falls on everyone alike: the same
// guest on the same units by our path (admitted, jailed, through the pipes), by
// bare wasmer, wazero and wasmtime (instantiate, write, call, one host call,
// drop), and natively in Go. It prints ratios, and beside them the bars that
// the project has set itself.
//
// It is a module of its own, so that the product links no third engine. Run it
// on one core: taskset -c 0.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/yunei/yunei/bench/units"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit"
)

func main() {
	root := flag.String("root", "..", "the product's folder")
	rounds := flag.Int("rounds", 7, "turns of each contender; the median counts")
	flag.Parse()
	if err := run(*root, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A contender runs all units, and returns how many emits came of them.
type contender struct {
	name  string
	units int // how many it is given: the slow ones get fewer
	run   func(areas [][]byte) (int, error)
	close func()
}

// A rate is units a second, the median of some turns.
type rate float64

func measure(all []contender, areas [][]byte, rounds int) (map[string]rate, error) {
	took := map[string][]float64{}
	for round := range rounds + 1 {
		for _, c := range all {
			start := time.Now()
			n, err := c.run(areas[:c.units])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if n < c.units {
				return nil, fmt.Errorf("%s: %d emits of %d units", c.name, n, c.units)
			}
			if round > 0 { // the first warms up
				took[c.name] = append(took[c.name], float64(c.units)/time.Since(start).Seconds())
			}
		}
	}
	rates := map[string]rate{}
	for name, t := range took {
		slices.Sort(t)
		rates[name] = rate(t[len(t)/2])
	}
	return rates, nil
}

// one is what a unit is granted; batch what a batch of 1000 is.
var (
	one   = limits.Limits{Fuel: 1 << 24, Memory: 1024, Input: 1 << 14, Rows: 64, Emits: 256}
	batch = limits.Limits{Fuel: 1 << 30, Memory: 1024, Input: 200 << 10, Rows: 64, Emits: 1 << 17}
)

const batchSize = 1000

func run(root string, rounds int) error {
	dir, err := os.MkdirTemp("", "yunei-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // our own
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := build(root, dir); err != nil {
		return err
	}
	guests, err := read(root, dir)
	if err != nil {
		return err
	}
	for _, g := range guests {
		if err := g.compare(dir, rounds); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	for _, language := range []string{"c", "rust", "assemblyscript"} {
		module, err := os.ReadFile(filepath.Join(root, "examples", "sdk", "prebuilt", language+"-district-age.wasm"))
		if err != nil {
			return err
		}
		if err := compareBatches(dir, guest{name: language, module: module}, rounds); err != nil {
			return fmt.Errorf("%s, in batches: %w", language, err)
		}
	}
	return nil
}

func build(root, dir string) error {
	wasmtime := exec.Command("go", "build", "-o", dir+"/", "./wasmtime")
	wasmtime.Dir, wasmtime.Stderr = filepath.Join(root, "bench"), os.Stderr
	if err := wasmtime.Run(); err != nil {
		return fmt.Errorf("building the peer on wasmtime: %w", err)
	}
	for _, args := range [][]string{
		{"build", "-o", dir + "/", "./cmd/yunei-runner", "./cmd/yunei-replay"},
		{"build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", filepath.Join(dir, "go.wasm"), "./examples/programs/district-age-go"},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Stderr = root, os.Stderr
		if filepath.Ext(args[len(args)-2]) == ".wasm" {
			cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		}
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("go %v: %w", args, err)
		}
	}
	return nil
}

// A guest is the study of examples/programs in one language.
type guest struct {
	name   string
	module []byte
	units  int // a turn
}

func read(root, dir string) ([]guest, error) {
	c, err := os.ReadFile(filepath.Join(root, "examples", "programs", "prebuilt", "district-age-c.wasm"))
	if err != nil {
		return nil, err
	}
	goes, err := os.ReadFile(filepath.Join(dir, "go.wasm"))
	return []guest{{"C", c, 20_000}, {"Go", goes, 500}}, err
}

// A bar is what the project demands of a ratio or a rate.
type bar struct {
	what  string
	got   float64
	least float64
}

func (b bar) print() {
	verdict := "ok"
	if b.got < b.least {
		verdict = "BELOW"
	}
	fmt.Printf("  %-58s %12.2f   bar %10.2f   %s\n", b.what, b.got, b.least, verdict)
}

func (g guest) compare(dir string, rounds int) error {
	areas, err := units.Single(g.units * 20)
	if err != nil {
		return err
	}
	var all []contender
	defer func() {
		for _, c := range all {
			c.close()
		}
	}()
	for _, make := range []func(string, guest) (contender, error){fresh, reset, replay, bareWasmer, bareWazero, bareWasmtime, native} {
		c, err := make(dir, g)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	rates, err := measure(all, areas, rounds)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s guest, %d rows a unit, units a second (median of %d turns)\n", g.name, units.Rows, rounds)
	for _, c := range all {
		fmt.Printf("  %-58s %12.0f   %6.2f x bare wasmer\n", c.name, float64(rates[c.name]), float64(rates[c.name]/rates["bare wasmer"]))
	}
	g.bars(rates)
	return nil
}

func (g guest) bars(r map[string]rate) {
	least := map[string]float64{"C": 100_000, "Go": 30_000}[g.name]
	bar{"fresh instances, of bare wasmer", float64(r["ours, fresh instances"] / r["bare wasmer"]), 0.7}.print()
	if g.name == "C" {
		bar{"fresh instances, units/s", float64(r["ours, fresh instances"]), 20_000}.print()
	}
	bar{"reset, units/s", float64(r["ours, reset"]), least}.print()
}

func compareBatches(dir string, g guest, rounds int) error {
	areas, err := units.Batches(40, batchSize)
	if err != nil {
		return err
	}
	ours, err := oursBatch(dir, g)
	if err != nil {
		return err
	}
	defer ours.close()
	written, err := onWazero("wazero, as written", g.module, 40)
	if err != nil {
		return err
	}
	defer written.close()
	module, err := admit.Admit(g.module, batch)
	if err != nil {
		return err
	}
	rewritten, err := onWazero("wazero, as rewritten", module, 40)
	if err != nil {
		return err
	}
	defer rewritten.close()
	all := []contender{ours, nativeBatch(), written, rewritten}
	rates, err := measure(all, areas, rounds)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s guest, batches of %d units, batches a second\n", g.name, batchSize)
	for _, c := range all {
		fmt.Printf("  %-58s %12.1f\n", c.name, float64(rates[c.name]))
	}
	bar{"as rewritten, of as written (1/1.3)", float64(rates["wazero, as rewritten"] / rates["wazero, as written"]), 1 / 1.3}.print()
	bar{"batch(1000), of native Go", float64(rates["ours, batch(1000)"] / rates["native Go, batch(1000)"]), 0.5}.print()
	return nil
}
