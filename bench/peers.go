package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/wasmerio/wasmer-go/wasmer"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/admit"
)

// bareWasmer is what anybody would write with wasmer-go: no fuel, no limit, no
// jail, no rewriting.
func bareWasmer(_ string, g guest) (contender, error) {
	store := wasmer.NewStore(wasmer.NewEngine())
	module, err := wasmer.NewModule(store, g.module)
	if err != nil {
		return contender{}, err
	}
	wasi, err := wasmer.NewWasiStateBuilder("guest").Finalize()
	if err != nil {
		return contender{}, err
	}
	emitted := 0
	emit := wasmer.NewFunction(store, wasmer.NewFunctionType(wasmer.NewValueTypes(wasmer.I32, wasmer.I32), wasmer.NewValueTypes()),
		func(args []wasmer.Value) ([]wasmer.Value, error) {
			emitted += int(args[1].I32())
			return nil, nil
		})
	imports := wasmer.NewImportObject()
	if g.name == "Go" {
		if imports, err = wasi.GenerateImportObject(store, module); err != nil {
			return contender{}, err
		}
	}
	imports.Register(abi.ImportModule, map[string]wasmer.IntoExtern{abi.ImportEmit: emit})
	unit := func(area []byte) error {
		instance, err := wasmer.NewInstance(module, imports)
		if err != nil {
			return err
		}
		defer instance.Close()
		if begin, err := instance.Exports.GetFunction(abi.ExportInit); err == nil {
			if _, err := begin(); err != nil {
				return err
			}
		}
		input, err := instance.Exports.GetFunction(abi.ExportInput)
		if err != nil {
			return err
		}
		at, err := input()
		if err != nil {
			return err
		}
		memory, err := instance.Exports.GetMemory(abi.ExportMemory)
		if err != nil {
			return err
		}
		copy(memory.Data()[at.(int32):], area)
		work, err := instance.Exports.GetFunction(abi.ExportMap)
		if err != nil {
			return err
		}
		_, err = work()
		return err
	}
	return contender{"bare wasmer", g.units, each(&emitted, unit), func() {}}, nil
}

func each(emitted *int, unit func([]byte) error) func([][]byte) (int, error) {
	return func(areas [][]byte) (int, error) {
		*emitted = 0
		for _, a := range areas {
			if err := unit(a); err != nil {
				return 0, err
			}
		}
		return *emitted, nil
	}
}

func bareWazero(_ string, g guest) (contender, error) {
	return onWazero("bare wazero", g.module, g.units)
}

// onWazero runs a module as written or as rewritten; the difference is what
// rewriting costs.
func onWazero(name string, module []byte, units int) (contender, error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	emitted := 0
	_, err := r.NewHostModuleBuilder(abi.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { emitted += int(uint32(stack[1])) }),
			[]api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, nil).Export(abi.ImportEmit).Instantiate(ctx)
	if err != nil {
		return contender{}, err
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return contender{}, err
	}
	compiled, err := r.CompileModule(ctx, module)
	if err != nil {
		return contender{}, err
	}
	unit := func(area []byte) error {
		m, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return err
		}
		defer m.Close(ctx) //nolint:errcheck // nothing is open in it
		if begin := m.ExportedFunction(abi.ExportInit); begin != nil {
			if _, err := begin.Call(ctx); err != nil {
				return err
			}
		}
		if fuel, ok := m.ExportedGlobal(admit.ExportFuel).(api.MutableGlobal); ok {
			fuel.Set(batch.Fuel)
		}
		at, err := m.ExportedFunction(abi.ExportInput).Call(ctx)
		if err != nil {
			return err
		}
		m.Memory().Write(uint32(at[0]), area)
		_, err = m.ExportedFunction(abi.ExportMap).Call(ctx)
		return err
	}
	return contender{name, units, each(&emitted, unit), func() { _ = r.Close(ctx) }}, nil
}

// bareWasmtime is a process of its own: wasmtime and wasmer give their
// functions the same names.
func bareWasmtime(dir string, g guest) (contender, error) {
	file := filepath.Join(dir, g.name+".wasm")
	if err := os.WriteFile(file, g.module, 0o600); err != nil {
		return contender{}, err
	}
	cmd := exec.Command(filepath.Join(dir, "wasmtime"), file, strconv.Itoa(g.units))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return contender{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return contender{}, err
	}
	if err := cmd.Start(); err != nil {
		return contender{}, err
	}
	turn := func([][]byte) (n int, err error) {
		if _, err := fmt.Fprintln(in); err != nil {
			return 0, err
		}
		_, err = fmt.Fscanln(out, &n)
		return n, err
	}
	return contender{"bare wasmtime", g.units, turn, func() { _ = in.Close(); _ = cmd.Wait() }}, nil
}
