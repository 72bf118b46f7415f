package inner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/sandbox/jail"
)

// launch, as the first argument, makes the test binary start another of
// itself in a jail and pass on what it says: so that a test may be its own
// parent as another user.
const launch = "launch"

// inherited is a descriptor that a careless parent leaves open.
const inherited = 100

func TestMain(m *testing.M) {
	switch {
	case os.Args[0] == jail.Argv0:
		prisoner()
	case len(os.Args) > 1 && os.Args[1] == launch:
		_, _ = os.Stdout.WriteString(probe())
	default:
		os.Exit(m.Run())
	}
}

// prisoner tries to get out at each stage, and says what it got.
func prisoner() {
	say := func(stage string) {
		var b strings.Builder
		fmt.Fprintf(&b, "level %v\n", Level())
		for _, a := range attempts {
			fmt.Fprintf(&b, "%s %s: %s\n", stage, a.name, a.try())
		}
		_, _ = syscall.Write(1, []byte(b.String()))
	}
	say("start")
	if err := jail.Confine(jail.Loading); err != nil {
		fmt.Println(err)
	}
	say("loading")
	if err := jail.Confine(jail.Running); err != nil {
		fmt.Println(err)
	}
	say("running")
	// Not through os: its finalizers and pollers are not what is tested.
	_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
}

func raw(trap uintptr, args ...uintptr) string {
	var a [6]uintptr
	copy(a[:], args)
	r, _, e := syscall.RawSyscall6(trap, a[0], a[1], a[2], a[3], a[4], a[5])
	if e != 0 {
		return unix.ErrnoName(e)
	}
	return fmt.Sprint("got ", r)
}

func text(s string) uintptr {
	p, _ := syscall.BytePtrFromString(s)
	return uintptr(unsafe.Pointer(p))
}

var attempts = []struct {
	name string
	try  func() string
}{
	{"open /etc/passwd", func() string { return raw(syscall.SYS_OPEN, text("/etc/passwd"), syscall.O_RDONLY) }},
	{"openat /proc", func() string { return raw(syscall.SYS_OPENAT, ^uintptr(99), text("/proc/self/maps"), 0) }},
	{"create", func() string { return raw(syscall.SYS_OPEN, text("/f"), syscall.O_CREAT|syscall.O_RDWR, 0o600) }},
	{"files of the root", func() string {
		list, err := os.ReadDir("/")
		if err != nil {
			return errors.Unwrap(err).Error()
		}
		return fmt.Sprint(len(list))
	}},
	{"socket", func() string {
		got := raw(syscall.SYS_SOCKET, syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if !strings.HasPrefix(got, "got") {
			return got
		}
		c := syscall.Connect(int(got[len(got)-1]-'0'), &syscall.SockaddrInet4{Port: 80, Addr: [4]byte{127, 0, 0, 1}})
		return "connect: " + fmt.Sprint(c)
	}},
	{"fork", func() string { return fork(syscall.SYS_FORK) }},
	{"clone", func() string { return fork(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD)) }},
	{"clone3", func() string { return fork(unix.SYS_CLONE3) }},
	// With arguments out of reach, so that it ends this test in no case.
	{"execve", func() string { return raw(syscall.SYS_EXECVE, text("/bin/true"), 1, 0) }},
	{"ptrace", func() string { return raw(syscall.SYS_PTRACE, syscall.PTRACE_PEEKDATA, uintptr(os.Getppid())) }},
	{"kill the parent", func() string { return raw(syscall.SYS_KILL, uintptr(os.Getppid()), 0) }},
	{"mount", func() string { return raw(syscall.SYS_MOUNT, text("none"), text("/"), text("tmpfs"), 0, 0) }},
	{"become root", func() string { return raw(syscall.SYS_SETRESUID, 0, 0, 0) }},
	{"unshare", func() string { return raw(syscall.SYS_UNSHARE, syscall.CLONE_NEWUSER) }},
	{"map code", func() string {
		got := raw(syscall.SYS_MMAP, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
		return got[:3]
	}},
	{"capabilities", func() string {
		head, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
		if err := unix.Capget(&head, &data[0]); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%x", data)
	}},
	{"bounding set", func() string { return raw(syscall.SYS_PRCTL, syscall.PR_CAPBSET_READ, unix.CAP_SYS_ADMIN) }},
	{"no_new_privs", func() string { return raw(syscall.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS) }},
	{"environment", func() string { return fmt.Sprint(len(os.Environ())) }},
	{"inherited descriptor", func() string { return raw(syscall.SYS_FCNTL, inherited, syscall.F_GETFD) }},
	{"thread", func() string { // the one thing that must go on working
		done := make(chan string)
		go func() { time.Sleep(time.Millisecond); done <- "works" }()
		return <-done
	}},
}

// fork must not let a child of Go's runtime live.
func fork(trap uintptr, args ...uintptr) string {
	var a [3]uintptr
	copy(a[:], args)
	pid, _, e := syscall.RawSyscall(trap, a[0], a[1], a[2])
	if e != 0 {
		return unix.ErrnoName(e)
	}
	if pid == 0 {
		_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return "got a child"
}

// probe starts this binary in a jail and returns what it said.
func probe() string {
	in, stop, err := os.Pipe()
	if err != nil {
		return err.Error()
	}
	from, out, err := os.Pipe()
	if err != nil {
		return err.Error()
	}
	self, err := os.Executable()
	if err != nil {
		return err.Error()
	}
	// One that the parent forgot to mark close-on-exec.
	if err := syscall.Dup2(int(in.Fd()), inherited); err != nil {
		return err.Error()
	}
	p, err := jail.Start(self, 1<<30, in, out)
	if err != nil {
		return err.Error()
	}
	_, _ = in.Close(), out.Close()
	said, err := io.ReadAll(from)
	if err != nil {
		return err.Error()
	}
	<-p.Ended()
	_ = stop.Close()
	return string(said)
}

func lines(said string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(said) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
		m[k] = v
	}
	return m
}

// What a prisoner gets depends on what the machine lets its parent have: the
// namespaces. The filters, the privileges and the limits do not.
func check(t *testing.T, said string) {
	t.Helper()
	t.Log("\n" + said)
	got := lines(said)
	for _, name := range []string{
		"open /etc/passwd", "openat /proc", "create", "socket", "fork", "clone", "execve", "ptrace", "kill the parent",
		"mount", "become root", "unshare", "inherited descriptor",
	} {
		for _, stage := range []string{"loading", "running"} {
			if k := stage + " " + name; got[k] != "EPERM" {
				t.Errorf("%s: %q, want EPERM", k, got[k])
			}
		}
	}
	for k, want := range map[string]string{
		"loading clone3": "ENOSYS", "running clone3": "ENOSYS",
		"loading map code": "got", "running map code": "EPE",
		"start capabilities":         "[{0 0 0} {0 0 0}]",
		"start bounding set":         "got 0",
		"start no_new_privs":         "got 1",
		"start environment":          "0",
		"start inherited descriptor": "EBADF",
		"start mount":                "EPERM",
		"running thread":             "works",
		"running environment":        "0",
	} {
		if got[k] != want {
			t.Errorf("%s: %q, want %q", k, got[k], want)
		}
	}
	first, _, _ := strings.Cut(said, "\n")
	if strings.Contains(first, "root") {
		for k, want := range map[string]string{
			"start open /etc/passwd": "ENOENT", "start openat /proc": "ENOENT", "start execve": "ENOENT",
			"start create": "EROFS", "start files of the root": "0", "start socket": "connect: network is unreachable",
		} {
			if got[k] != want {
				t.Errorf("%s: %q, want %q", k, got[k], want)
			}
		}
	}
}

func TestPrisoner(t *testing.T) { check(t, probe()) }

// The same with a parent that is not root, if we are.
func TestPrisonerOfAUser(t *testing.T) {
	if os.Getuid() != 0 {
		check(t, probe())
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
	check(t, said.String())
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
	bare := exec.Cmd{Path: self, Args: []string{jail.Argv0, "1073741824", become, "0"}, Env: []string{}}
	said, err := bare.Output()
	if err != nil {
		t.Fatal(err)
	}
	check(t, string(said))
	if first, _, _ := strings.Cut(string(said), "\n"); first != "level caps no-new-privs rlimits" {
		t.Errorf("it says of itself: %s", first)
	}
}

// Both sides must mean the same by a bit; a binary not started by jail.Start
// is let be.
func TestConstants(t *testing.T) {
	if Level() != 0 {
		t.Errorf("this process has level %v", Level())
	}
	if jail.User != 1 || jail.Mount != 1<<1 || jail.Root != 1<<6 || jail.Caps != 1<<7 ||
		jail.NoNewPrivs != 1<<8 || jail.Rlimits != 1<<9 || jail.Argv0 != "yunei-jailed" {
		t.Error("inner.h and package jail differ")
	}
}
