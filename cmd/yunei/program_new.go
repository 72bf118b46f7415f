package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/examples/sdk"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// templates are what a new program starts from. Those of jobs/abi are its own
// source, which a program in Go takes along; a test holds them to it.
//
//go:embed templates
var templates embed.FS

// A language is one in which a program is scaffolded and built.
type language struct {
	id, title string
	main      string            // the file by which a folder is known
	memory    string            // pages that a spec begins with
	from      map[string]string // files of the scaffold: where each comes from
	build     func(ctx context.Context, dir, name string) []step
}

// A step is one command of a build; it needs a tool.
type step struct {
	tool    string
	args    []string
	env     []string
	missing string // how to get it on Debian
	ready   func() error
}

var scaffolds = []language{
	{
		id: "c", title: "C", main: "main.c", memory: "16",
		from:  map[string]string{"main.c": "c/main.c", "yunei.h": "sdk:c/yunei.h"},
		build: buildC,
	},
	{
		id: "go", title: "Go", main: "main.go", memory: "256",
		from: map[string]string{
			"main.go": "go/main.go.txt", "go.mod": "go/go.mod.txt", "yunei/area.go": "sdk:go/area.go", "yunei/guest.go": "sdk:go/guest.go",
			"yunei/abi/abi.go": "go/abi/abi.go.txt", "yunei/abi/area.go": "go/abi/area.go.txt", "yunei/abi/parse.go": "go/abi/parse.go.txt",
		},
		build: buildGo,
	},
	{
		id: "rust", title: "Rust", main: "main.rs", memory: "32",
		from:  map[string]string{"main.rs": "rust/main.rs", "yunei.rs": "sdk:rust/yunei.rs"},
		build: buildRust,
	},
	{
		id: "as", title: "AssemblyScript", main: "main.ts", memory: "16",
		from:  map[string]string{"main.ts": "as/main.ts", "yunei.ts": "sdk:assemblyscript/yunei.ts", "package.json": "sdk:assemblyscript/package.json"},
		build: buildAS,
	},
}

func languageOf(id string) (language, error) {
	var ids []string
	for _, l := range scaffolds {
		if l.id == id {
			return l, nil
		}
		ids = append(ids, l.id)
	}
	return language{}, fmt.Errorf("--lang 须为 %s 之一 want one of %s: %w", strings.Join(ids, "、"), strings.Join(ids, ", "), fault.Invalid)
}

func programNewCommand() *cobra.Command {
	var lang, dir string
	c := &cobra.Command{
		Use:   "new NAME --lang c|go|rust|as",
		Short: "新建一个可以编译的程序 / scaffold a program that builds",
		Long: `在新文件夹里写出：程序源码（按区县计次数与费用）、该语言的程序库、spec.json（形状、限额、模式、列、参数）、示例 schema.json、
Makefile 和 README。不联网。
Writes a folder with the source of a program (visits and cost by district), the library of that language, a spec.json (shape,
limits, mode, columns, parameters), an example schema.json, a Makefile and a README. Needs no network.`,
		Example: "  yunei program new visits --lang c\n  yunei program new visits --lang go --dir work/visits",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := languageOf(lang)
			if err != nil {
				return err
			}
			if dir == "" {
				dir = args[0]
			}
			return scaffold(c.OutOrStdout(), l, args[0], dir)
		},
	}
	c.Flags().StringVar(&lang, "lang", "c", "语言 language: c | go | rust | as (AssemblyScript)")
	c.Flags().StringVar(&dir, "dir", "", "写到目录（默认与名称相同）folder (default: NAME)")
	return c
}

func scaffold(w io.Writer, l language, name, dir string) error {
	if err := jobs.ID(name); err != nil {
		return fmt.Errorf("程序名须由小写字母、数字和连字符组成 the program's name: %w", err)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("文件夹 %s 已有内容，不作改动 the folder is not empty and was left alone: %w", dir, fault.Conflict)
	}
	files := map[string]string{"spec.json": "all/spec.json", "schema.json": "all/schema.json", "Makefile": "all/Makefile", "README.md": "all/README.md"}
	maps.Copy(files, l.from)
	fill := strings.NewReplacer("PROGRAM", name, "MEMORY", l.memory, "SOURCE", l.main+"（"+l.title+"）")
	for to, from := range files {
		raw, err := source(from)
		if err != nil {
			return err
		}
		text := string(raw)
		switch {
		case l.id == "go" && strings.HasPrefix(to, "yunei/"):
			text = strings.ReplaceAll(text, `"github.com/yunei/yunei/jobs/abi"`, `"`+name+`/yunei/abi"`)
		case !strings.HasPrefix(from, "sdk:"):
			text = fill.Replace(text)
		}
		file := filepath.Join(dir, filepath.FromSlash(to))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), writeNew(file, []byte(text))); err != nil { //nolint:gosec // public
			return err
		}
	}
	fmt.Fprintf(w, `已新建 %s 程序 made: %s → %s（%d 个文件 files）
下一步 next:
  yunei program build %s
  yunei program test %s --spec %s
`, l.title, name, dir, len(files), dir, filepath.Join(dir, name+".wasm"), filepath.Join(dir, "spec.json"))
	return nil
}

func source(from string) ([]byte, error) {
	if name, ok := strings.CutPrefix(from, "sdk:"); ok {
		return fs.ReadFile(sdk.Files, name)
	}
	return fs.ReadFile(templates, path.Join("templates", from))
}
