// Command wasmtime is a contender in a process of its own: for each line that
// it reads it runs all units, and answers with how many emits came of them.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"

	"github.com/bytecodealliance/wasmtime-go/v37"

	"github.com/yunei/yunei/bench/units"
	"github.com/yunei/yunei/jobs/abi"
)

func main() {
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "wasmtime:", err)
		os.Exit(1)
	}
}

var emitted int

func serve(file, many string) error {
	module, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(many)
	if err != nil {
		return err
	}
	areas, err := units.Single(n)
	if err != nil {
		return err
	}
	run, err := load(module)
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		emitted = 0
		for _, area := range areas {
			if err := run(area); err != nil {
				return err
			}
		}
		fmt.Println(emitted)
	}
	return nil
}

func load(module []byte) (func([]byte) error, error) {
	engine := wasmtime.NewEngine()
	compiled, err := wasmtime.NewModule(engine, module)
	if err != nil {
		return nil, err
	}
	linker := wasmtime.NewLinker(engine)
	if err := linker.DefineWasi(); err != nil {
		return nil, err
	}
	if err := linker.FuncWrap(abi.ImportModule, abi.ImportEmit, func(_, n int32) { emitted += int(n) }); err != nil {
		return nil, err
	}
	return func(area []byte) error {
		store := wasmtime.NewStore(engine)
		defer store.Close()
		store.SetWasi(wasmtime.NewWasiConfig())
		m, err := linker.Instantiate(store, compiled)
		if err != nil {
			return err
		}
		if begin := m.GetFunc(store, abi.ExportInit); begin != nil {
			if _, err := begin.Call(store); err != nil {
				return err
			}
		}
		at, err := m.GetFunc(store, abi.ExportInput).Call(store)
		if err != nil {
			return err
		}
		copy(m.GetExport(store, abi.ExportMemory).Memory().UnsafeData(store)[at.(int32):], area)
		_, err = m.GetFunc(store, abi.ExportMap).Call(store)
		return err
	}, nil
}
