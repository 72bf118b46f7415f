package docs

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var block = regexp.MustCompile("(?s)<!-- run -->\n```sh\n(.*?)```\n")

// commands joins the blocks of a document that are marked to be run.
func commands(t *testing.T, file string) string {
	t.Helper()
	var script strings.Builder
	for _, m := range block.FindAllStringSubmatch(read(t, file), -1) {
		script.WriteString(m[1])
	}
	if script.Len() == 0 {
		t.Fatalf("%s has no commands to run", file)
	}
	return script.String()
}

// Both languages tell the same commands.
func TestSameCommands(t *testing.T) {
	if diff := cmp.Diff(commands(t, readmes[0]), commands(t, readmes[1])); diff != "" {
		t.Errorf("%v tell different commands: %s", readmes, diff)
	}
}

// What the README tells a newcomer works as it stands there: a release holds,
// a forged one does not, and a program of one's own is rehearsed.
func TestReadmeRuns(t *testing.T) {
	home := t.TempDir()
	build(t, filepath.Join(home, "bin"))
	examples, err := filepath.Abs(filepath.Join(root, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(home, "examples")); err != nil {
		t.Fatal(err)
	}
	for _, file := range readmes {
		t.Run(file, func(t *testing.T) {
			out := bash(t, home, commands(t, file))
			lines := strings.Split(strings.TrimSpace(out), "\n")
			for _, want := range []string{"The release holds.", "发布包核验通过。"} {
				if !slices.Contains(lines, want) {
					t.Errorf("no line is %q:\n%s", want, out)
				}
			}
			for _, want := range []string{"site-b: 一致 agrees", "会被准入 would be admitted", "可能 likely"} {
				if !strings.Contains(out, want) {
					t.Errorf("nothing says %q:\n%s", want, out)
				}
			}
			if !strings.Contains(out, "BROKEN") {
				t.Errorf("a forged release is not found out:\n%s", out)
			}
		})
	}
}

// build builds what `make build` puts into bin/ and the README uses.
func build(t *testing.T, bin string) {
	t.Helper()
	if len(sources(t)) == 0 {
		t.Fatal("no sources")
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator), "./cmd/...", "./examples/city/citygen")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
}

// bash runs a script as a newcomer's shell would, but that it ends at the
// first command that fails, and returns what it printed. Nothing that it
// started survives it.
func bash(t *testing.T, dir, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = group
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer group() //nolint:errcheck // that there is none left is what is wanted
	if err := cmd.Wait(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "out", "walk", "up.log")) // there may be none yet
		t.Fatalf("%v\n%s\n--- up.log\n%s", err, &out, log)
	}
	return out.String()
}
