package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

func programBuildCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "build [DIR]",
		Short: "编译程序 / build a program",
		Long: `按 DIR 中的 main.c、main.go、main.rs 或 main.ts 选择编译器和参数，编译为 NAME.wasm（NAME 取 spec.json 的 program.name）。
缺少编译器时说明在 Debian 上如何安装。同一编译器版本得到同样的字节，以便他人重建核对摘要。
Chooses compiler and flags by main.c, main.go, main.rs or main.ts in DIR, and builds NAME.wasm (program.name of spec.json).
Says what is missing and how to get it on Debian. The same version of a compiler gives the same bytes, so that others can
rebuild the module and compare its digest.`,
		Example: "  yunei program build\n  yunei program build visits",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return build(c.Context(), c.OutOrStdout(), dir)
		},
	}
	return c
}

func build(ctx context.Context, w io.Writer, dir string) error {
	l, err := languageIn(dir)
	if err != nil {
		return err
	}
	name, err := programName(dir)
	if err != nil {
		return err
	}
	for _, s := range l.build(ctx, dir, name) {
		if err := s.run(ctx, w, dir); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, name+".wasm")
	module, err := readModule(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "已编译 built: %s  %d 字节 bytes\n  %s\n", file, len(module), suite.DigestOf(module))
	return nil
}

func languageIn(dir string) (language, error) {
	var mains []string
	for _, l := range scaffolds {
		if _, err := os.Stat(filepath.Join(dir, l.main)); err == nil {
			return l, nil
		}
		mains = append(mains, l.main)
	}
	return language{}, fmt.Errorf("%s 中没有 %s；用 yunei program new 新建 there is no source of a program here; make one with yunei program new: %w", dir, strings.Join(mains, "、"), fault.NotFound)
}

// programName is the spec's, or else the folder's.
func programName(dir string) (string, error) {
	if raw, err := os.ReadFile(filepath.Join(dir, "spec.json")); err == nil {
		var s struct{ Program struct{ Name string } }
		if json.Unmarshal(raw, &s) == nil && s.Program.Name != "" && filepath.Base(s.Program.Name) == s.Program.Name {
			return s.Program.Name, nil
		}
	}
	whole, err := filepath.Abs(dir)
	return filepath.Base(whole), err
}

func (s step) run(ctx context.Context, w io.Writer, dir string) error {
	if _, err := exec.LookPath(s.tool); err != nil {
		return fmt.Errorf("缺少编译器 %s 。在 Debian 上 a tool is missing; on Debian:\n  %s\n%w", s.tool, s.missing, fault.NotFound)
	}
	if s.ready != nil {
		if err := s.ready(); err != nil {
			return fmt.Errorf("%w。在 Debian 上 on Debian:\n  %s", err, s.missing)
		}
	}
	fmt.Fprintf(w, "$ %s\n", strings.Join(append(append([]string{}, s.env...), append([]string{s.tool}, s.args...)...), " "))
	cmd := exec.CommandContext(ctx, s.tool, s.args...) //nolint:gosec // the author's own compiler
	cmd.Dir, cmd.Env = dir, append(os.Environ(), s.env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("编译未通过 it does not build:\n%s%w: %w", said.String(), err, fault.Invalid)
	}
	_, err := w.Write(said.Bytes())
	return err
}

const aptC = "apt install clang lld    （须含 wasm32 目标与 wasm-ld with the wasm32 target and wasm-ld）"

func buildC(_ context.Context, _, name string) []step {
	return []step{{tool: "clang", missing: aptC, args: []string{
		"--target=wasm32", "-mbulk-memory", "-O2", "-nostdlib", "-ffreestanding", "-std=c11", "-Wall",
		"-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=8192", "-o", name + ".wasm", "main.c",
	}}}
}

const getGo = "从 https://go.dev/dl/ 或 https://golang.google.cn/dl/ 安装 Go 1.24 或更新（apt 的版本可能太旧）install Go 1.24 or newer (apt's may be too old)"

func buildGo(_ context.Context, _, name string) []step {
	return []step{{
		tool: "go", missing: getGo, env: []string{"GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=-mod=mod", "GOWORK=off"},
		args: []string{"build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", name + ".wasm", "."},
	}}
}

const (
	aptRust  = "apt install rustc libstd-rust-dev-wasm32 lld    （或 or: rustup target add wasm32-unknown-unknown）"
	rustWASM = "wasm32-unknown-unknown"
)

func buildRust(ctx context.Context, _, name string) []step {
	flags := []string{"--edition=2021", "--target=" + rustWASM, "-Copt-level=3", "-Cpanic=abort", "-Ctarget-cpu=mvp", "-Cstrip=symbols"}
	rustc := "rustc"
	for _, other := range []string{"rustc", "/usr/bin/rustc"} { // Debian's may stand behind rustup's, which has no such target until it is added
		if hasWASM(ctx, other) {
			rustc = other
			break
		}
	}
	ready := func() error {
		if !hasWASM(ctx, rustc) {
			return errors.New("rustc 没有 " + rustWASM + " 目标 has no such target")
		}
		return nil
	}
	return []step{
		{tool: rustc, missing: aptRust, ready: ready, args: append(slices.Clone(flags), "--crate-type=rlib", "--crate-name=yunei", "--out-dir=.", "yunei.rs")},
		{tool: rustc, missing: aptRust, args: append(flags, "--crate-type=cdylib", "--crate-name=program", "--extern=yunei=libyunei.rlib", "-o", name+".wasm", "main.rs")},
	}
}

// hasWASM reports whether a rustc has the library of the target.
func hasWASM(ctx context.Context, rustc string) bool {
	where, err := exec.CommandContext(ctx, rustc, "--print", "target-libdir", "--target", rustWASM).Output()
	if err != nil {
		return false
	}
	_, err = os.Stat(strings.TrimSpace(string(where)))
	return err == nil
}

const aptNode = "apt install nodejs npm，然后在此文件夹 then, in this folder: npm install"

func buildAS(_ context.Context, dir, name string) []step {
	ready := func() error {
		if _, err := os.Stat(filepath.Join(dir, "node_modules", "assemblyscript")); err != nil {
			return errors.New("此文件夹还没有安装 assemblyscript is not installed in this folder")
		}
		return nil
	}
	return []step{{tool: "npx", missing: aptNode, ready: ready, args: []string{
		"--no-install", "asc", "main.ts", "--outFile", name + ".wasm", "-O3", "--runtime", "stub", "--use", "abort=", "--disable", "nontrapping-f2i", "--noAssert",
	}}}
}
