package hostile

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the README of examples/programs/hostile anew")

const head = `# Hostile guests 恶意程序

Programs and runners that try to break the sandbox, each with the promise that it
attacks and what becomes of it. The victim is the unit whose first row costs 666;
other is anyone else. *refused* is what its author is told before a row is read,
*failed* what the domain alone knows: the unit contributes nothing. What a guest
emits is written {cell measure unit value}. All run in the real jail, on both
engines, in many orders, by ` + "`go test ./internal/hostile`" + `.

试图突破沙箱的程序与运行进程：各自攻击哪一条承诺，结果如何。“目标”是首行费用为 666
的单元，“他人”是其余任何单元。*refused* 为读取第一行之前告知作者的唯一一种失败；
*failed* 只有域内知道：该单元不作任何贡献。输出写作 {单元格 度量 单元 值}。

Those with a file are in C here (` + "`./build.sh ../prebuilt`" + `, digests in digests.txt); the
others are put together operator by operator in internal/hostile.

`

// readme is the table.
func readme() string {
	var b strings.Builder
	b.WriteString(head)
	for _, c := range corpus() {
		fmt.Fprintf(&b, "## %s %s\n\n| guest | n | claim | 攻击的承诺 | victim 目标 | other 他人 |\n|---|---|---|---|---|---|\n", c.en, c.zh)
		for _, a := range c.attacks {
			victim := quoted(a.victim)
			if a.bounded != "" {
				victim += "; adds " + quoted(strings.Trim(a.bounded, "-"))
			}
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s |\n", a.name, len(a.modules()), a.en, a.zh, victim, quoted(a.other))
		}
		b.WriteString("\n")
	}
	b.WriteString("## Runners that were taken over 被攻陷的运行进程\n\n| runner | claim | 攻击的承诺 | outcome 结果 |\n|---|---|---|---|\n")
	for _, a := range takeovers {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", a.name, a.en, a.zh, a.want)
	}
	return b.String()
}

// quoted is what an attack comes to, as code; what is a word stays one.
func quoted(s string) string {
	switch s {
	case refused, failed:
		return s
	case "":
		return "nothing"
	}
	return "`" + s + "`"
}

func (o outcome) String() string {
	return [...]string{"no result; a machine's failure", "an error number, or its end", "believed by itself; a second engine disagrees"}[o]
}

func TestReadme(t *testing.T) {
	file := filepath.Join(programs, "hostile", "README.md")
	want := readme()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says; run with -update", file)
	}
}

// The committed guests are what their sources compile to: by their digests
// where the compiler is not at hand.
func TestDigests(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(programs, "hostile", "digests.txt"))
	if err != nil {
		t.Fatal(err)
	}
	folders := []string{filepath.Join(programs, "prebuilt")}
	if _, err := exec.LookPath("clang-14"); err == nil {
		built := t.TempDir()
		script := exec.CommandContext(t.Context(), "./build.sh", built)
		script.Dir = filepath.Join(programs, "hostile")
		if text, err := script.CombinedOutput(); err != nil {
			t.Fatalf("building the guests: %v\n%s", err, text)
		}
		folders = append(folders, built)
	}
	var listed []string
	for line := range strings.Lines(string(list)) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed = append(listed, strings.TrimSuffix(strings.TrimPrefix(name, "hostile-"), ".wasm"))
		for _, dir := range folders {
			module, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(module); hex.EncodeToString(sum[:]) != digest {
				t.Errorf("%s: %x, listed as %s", filepath.Join(dir, name), sum, digest)
			}
		}
	}
	if found := prebuilt(t); !slices.Equal(found, listed) {
		t.Errorf("guests %v\ndigests %v", found, listed)
	}
}
