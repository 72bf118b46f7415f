package dir

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/storagetest"
)

func open(tb testing.TB, folder string) *Store {
	tb.Helper()
	s, err := Open(folder)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		t.Helper()
		return open(t, t.TempDir())
	})
}

func BenchmarkStore(b *testing.B) { storagetest.Benchmark(b, open(b, b.TempDir())) }

// files lists every file below folder, those of no name too.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(folder, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(p, folder+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestModes(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	folder := filepath.Join(t.TempDir(), "store")
	if err := open(t, folder).Put(t.Context(), "a/b@1", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]fs.FileMode{"": 0o700, writing: 0o700, "a": 0o700, "a/b@1": 0o600} {
		info, err := os.Stat(filepath.Join(folder, p))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v; want %v", p, info.Mode().Perm(), err, want)
		}
	}
}

// A failed Put leaves no file at all, not only none with a name.
func TestFailedPutLeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	broken := errors.New("the source broke")
	if err := s.Put(t.Context(), "a@1", io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("Put: %v", err)
	}
	if left := files(t, folder); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// What someone else put among the objects is no object, and no way out.
func TestForeignFiles(t *testing.T) {
	folder, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret@1")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, folder)
	for _, err := range []error{
		os.Symlink(outside, filepath.Join(folder, "link@1")),
		os.Symlink(filepath.Dir(outside), filepath.Join(folder, "up")),
		os.Mkdir(filepath.Join(folder, "folder@1"), 0o700),
		os.WriteFile(filepath.Join(folder, "README"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []storage.Name{"link@1", "up/secret@1", "folder@1"} {
		if o, err := s.Open(t.Context(), name); err == nil {
			t.Errorf("%s was opened: %d bytes", name, o.Size())
		}
		if err := s.Put(t.Context(), name, strings.NewReader("x")); err == nil {
			t.Errorf("%s was put", name)
		}
	}
	for name, err := range s.List(t.Context(), "") {
		t.Errorf("listed: %q, %v", name, err)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "secret" {
		t.Errorf("outside: %q, %v", b, err)
	}
}

// Sweeping while others write takes nothing from them.
func TestSweepSparesTheLiving(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				name := storage.Name(fmt.Sprintf("a/b%d@%d", i, j))
				if err := s.Put(t.Context(), name, bytes.NewReader(storagetest.Bytes(5000, 1))); err != nil {
					t.Errorf("putting %s: %v", name, err)
				}
			}
		})
	}
	for range 50 {
		open(t, folder)
	}
	wg.Wait()
	if n := len(files(t, folder)); n != 160 {
		t.Errorf("%d files, want 160", n)
	}
}

// childEnv makes this test binary one of the writers below, in that folder.
const (
	childEnv  = "DIR_TEST_CHILD"
	folderEnv = "DIR_TEST_FOLDER"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "stuck":
		stuckWriter()
	case "full":
		fullDisk()
	default:
		os.Exit(m.Run())
	}
}

func child(t *testing.T, what, folder string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), childEnv+"="+what, folderEnv+"="+folder)
	c.Stderr = os.Stderr
	return c
}

// stuckWriter writes half of an object, says so, and waits to be killed.
func stuckWriter() {
	s, err := Open(os.Getenv(folderEnv))
	if err != nil {
		panic(err)
	}
	r := io.MultiReader(bytes.NewReader(storagetest.Bytes(1<<20, 1)), waiter{})
	panic(s.Put(context.Background(), "a/b@1", r))
}

type waiter struct{}

func (waiter) Read([]byte) (int, error) {
	fmt.Println("half")
	time.Sleep(time.Hour) // a bare select would be a deadlock, which the runtime ends
	return 0, io.EOF
}

// A writer that is killed leaves nothing that can be seen, and what it left
// is swept at the next Open, but not while it lives.
func TestKilledWriter(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	c := child(t, "stuck", folder)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "half\n" {
		t.Fatalf("the writer says %q, %v", line, err)
	}
	open(t, folder)
	if left := files(t, folder); len(left) != 1 {
		t.Fatalf("of a living writer: %q", left)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	if _, err := s.Open(t.Context(), "a/b@1"); !errors.Is(err, fault.NotFound) {
		t.Errorf("half an object: %v", err)
	}
	open(t, folder)
	if left := files(t, folder); len(left) != 0 {
		t.Errorf("of a dead writer: %q", left)
	}
	if err := s.Put(t.Context(), "a/b@1", strings.NewReader("x")); err != nil {
		t.Error(err)
	}
}

// fullDisk puts more than there is room for. A limit on the size of files
// stands for a full disk: it stops write(2) in the midst, and needs no root.
func fullDisk() {
	s, err := Open(os.Getenv(folderEnv))
	if err != nil {
		panic(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		panic(err)
	}
	err = s.Put(context.Background(), "a/b@1", bytes.NewReader(storagetest.Bytes(3<<20, 1)))
	fmt.Println(fault.Of(err))
	err = s.Put(context.Background(), "a/b@1", strings.NewReader("small"))
	fmt.Println(err)
}

func TestFullDisk(t *testing.T) {
	folder := t.TempDir()
	out, err := child(t, "full", folder).Output()
	if err != nil || string(out) != "exhausted\n<nil>\n" {
		t.Fatalf("the writer says %q, %v", out, err)
	}
	if left := files(t, folder); len(left) != 1 || left[0] != "a/b@1" {
		t.Errorf("left: %q", left)
	}
	for _, e := range []error{unix.ENOSPC, unix.EDQUOT} {
		if got := fault.Of(kind(&fs.PathError{Op: "write", Err: e})); got != fault.Exhausted {
			t.Errorf("%v is %v", e, got)
		}
	}
}
