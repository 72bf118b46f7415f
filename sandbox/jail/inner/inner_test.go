package inner

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/yunei/yunei/sandbox/jail"
)

// launch, as the first argument, makes the test binary start another of
// itself in a jail and pass on what it says: so that a test may be its own
// parent as another user.
const launch = "launch"

// hold makes it start one, and wait to be killed.
const hold = "hold"

// inherited is a descriptor that a careless parent leaves open.
const inherited = 100

func TestMain(m *testing.M) {
	switch {
	case os.Args[0] == jail.Argv0:
		prisoner()
	case len(os.Args) > 1 && os.Args[1] == launch:
		_, _ = os.Stdout.WriteString(probe())
	case len(os.Args) > 1 && os.Args[1] == hold:
		holdOne()
	default:
		os.Exit(m.Run())
	}
}

// probe has prisoners make every attempt, and returns what came of them.
func probe() string {
	name, done := listen()
	defer done()
	said, _ := imprison("", "", name)
	for _, a := range attempts {
		for _, stage := range []string{"loading", "running"} {
			if (stage == "loading" && a.loading == killed) || (stage == "running" && a.running == killed) {
				answer, alarm := imprison(a.name, stage, name)
				if _, survived := lines(answer)[stage+" "+a.name]; !survived && alarm {
					answer = stage + " " + a.name + ": " + killed + "\n"
				}
				said += answer
			}
		}
	}
	return said
}

// listen listens on an abstract socket, and returns its name.
func listen() (name string, done func()) {
	name = fmt.Sprintf("@yunei-jail-%d", os.Getpid())
	l, err := net.Listen("unix", name)
	if err != nil {
		panic(err)
	}
	return name, func() { _ = l.Close() }
}

// imprison starts this binary in a jail, gives it an order, and returns what
// it said and whether it ended by an alarm.
func imprison(order ...string) (string, bool) {
	p, stop, from, err := start()
	if err != nil {
		return err.Error(), false
	}
	defer func() { _, _ = stop.Close(), from.Close() }()
	if _, err := stop.WriteString(strings.Join(order, "\t")); err != nil {
		return err.Error(), false
	}
	said, err := io.ReadAll(from)
	if err != nil {
		return err.Error(), false
	}
	return string(said), p.Alarm()
}

// start starts this binary in a jail.
func start() (p *jail.Process, to, from *os.File, err error) {
	in, to, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { _ = in.Close() }()
	from, out, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { _ = out.Close() }()
	self, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	// One that the parent forgot to mark close-on-exec.
	if err := syscall.Dup2(int(in.Fd()), inherited); err != nil {
		return nil, nil, nil, err
	}
	p, err = jail.Start(self, 1<<30, in, out)
	return p, to, from, err
}

func lines(said string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(said) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
		m[k] = v
	}
	return m
}

// check compares what came of every attempt with what must.
func check(t *testing.T, said string, whole bool) {
	t.Helper()
	got := lines(said)
	if got["level"] == "" {
		t.Fatal(said)
	}
	t.Log("level", got["level"])
	for _, a := range attempts {
		begin := a.bare
		if whole {
			begin = a.start
		}
		for _, c := range []struct{ stage, want string }{{"start", begin}, {"loading", a.loading}, {"running", a.running}} {
			answer := got[c.stage+" "+a.name]
			ok := c.want == "" || c.want == killed && !whole // which a bare one is not asked
			for want := range strings.SplitSeq(c.want, "|") {
				ok = ok || answer == want || want == "got" && strings.HasPrefix(answer, "got")
			}
			if !ok {
				t.Errorf("%s %s: %q, want %q", c.stage, a.name, answer, c.want)
			}
		}
	}
}

// What a prisoner gets at first depends on what the machine lets its parent
// have, the namespaces. What it gets behind the filters does not.
func TestPrisoner(t *testing.T) {
	said := probe()
	check(t, said, strings.Contains(said, "root"))
}

// The same with a parent that is not root, if we are.
func TestPrisonerOfAUser(t *testing.T) {
	if os.Getuid() != 0 {
		TestPrisoner(t)
		return
	}
	dir, err := os.MkdirTemp("", "jail") //nolint:usetesting // another user cannot go through the parent of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "prober")
	if err := os.WriteFile(path, self, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{dir, path} {
		if err := os.Chmod(f, 0o755); err != nil { // another user must run it
			t.Fatal(err)
		}
	}
	const user = 12345
	var said bytes.Buffer
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	child, err := os.StartProcess(path, []string{path, launch}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: []*os.File{nil, w, w},
		Sys: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if _, err := said.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	check(t, said.String(), strings.Contains(said.String(), "root"))
}

// Where no namespace is to be had the rest still holds, and the level says so.
func TestPrisonerWithoutNamespaces(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	become := "-1"
	if os.Getuid() == 0 {
		become = "65534"
	}
	name, done := listen()
	defer done()
	bare := exec.Cmd{
		Path: self, Args: []string{jail.Argv0, "1073741824", become, "0"}, Env: []string{},
		Stdin: strings.NewReader("\t\t" + name),
	}
	said, err := bare.Output()
	if err != nil {
		t.Fatal(err)
	}
	check(t, string(said), false)
	if got := lines(string(said))["level"]; !strings.HasPrefix(got, "caps no-new-privs rlimits") {
		t.Errorf("it says of itself: %s", got)
	}
}

// Both sides must mean the same by a bit; a binary not started by jail.Start
// is let be.
func TestConstants(t *testing.T) {
	if Level() != 0 {
		t.Errorf("this process has level %v", Level())
	}
	if jail.User != 1 || jail.Mount != 1<<1 || jail.Root != 1<<6 || jail.Caps != 1<<7 ||
		jail.NoNewPrivs != 1<<8 || jail.Rlimits != 1<<9 || jail.Landlock != 1<<12 || jail.Argv0 != "yunei-jailed" {
		t.Error("inner.h and package jail differ")
	}
}
