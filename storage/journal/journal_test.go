package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
)

const owner = "site-a"

func open(tb testing.TB, path string) *Journal {
	tb.Helper()
	j, err := Open(path, owner)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.Close() })
	return j
}

func add(tb testing.TB, j *Journal, kind, key string, value any) {
	tb.Helper()
	if err := j.Append(kind, key, value); err != nil {
		tb.Fatal(err)
	}
}

func wants(t *testing.T, what string, err error, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

type debit struct {
	Run  string `json:"run"`
	Rho  int64  `json:"rho"`
	Note string `json:"note,omitempty"`
}

// What was added is there after the journal is opened again.
func TestComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := open(t, path)
	wants(t, "missing", j.Get("debit", "a", new(debit)), fault.NotFound)
	add(t, j, "debit", "a", debit{"r1", 1, "<&>\u2028 数据\n"})
	add(t, j, "debit", "b", debit{Run: "r2", Rho: 2})
	add(t, j, "note", "a", nil)
	add(t, j, "debit", "a", debit{Run: "r3", Rho: 3})
	head := j.Head()
	for round := range 2 {
		var d debit
		if err := j.Get("debit", "a", &d); err != nil || d.Run != "r3" {
			t.Errorf("round %d: Get: %+v, %v", round, d, err)
		}
		var runs []string
		for _, e := range j.All("debit") {
			if err := e.Decode(&d); err != nil {
				t.Error(err)
			}
			runs = append(runs, fmt.Sprintf("%d %s %s", e.Seq, e.Key, d.Run))
		}
		if want := []string{"1 a r1", "2 b r2", "4 a r3"}; !slices.Equal(runs, want) {
			t.Errorf("round %d: All: %q", round, runs)
		}
		if j.Seq() != 4 || j.Head() != head || len(j.All("nothing")) != 0 {
			t.Errorf("round %d: head %v, was %v", round, j.Head(), head)
		}
		if err := errors.Join(j.Close(), j.Close()); err != nil {
			t.Fatal(err)
		}
		wants(t, "after Close", j.Append("note", "z", 1), errClosed)
		j = open(t, path)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := open(t, path)
	for round, want := range []bool{false, true, true} {
		if already, err := j.Once("confirm", "run-1", debit{Run: "r1"}); already != want || err != nil {
			t.Errorf("round %d: %v, %v", round, already, err)
		}
		_, err := j.Once("confirm", "run-1", debit{Run: "r2"})
		wants(t, "another value", err, fault.Conflict)
		wants(t, "an Append after Once", j.Append("confirm", "run-1", debit{Run: "r1"}), fault.Conflict)
		if j.Seq() != 1 {
			t.Errorf("round %d: %d entries", round, j.Seq())
		}
		if round == 1 {
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			j = open(t, path)
		}
	}
	add(t, j, "log", "x", 1)
	_, err := j.Once("log", "x", 1)
	wants(t, "Once after an Append", err, fault.Conflict)
	_, err = j.Once("confirm", "run-1", make(chan int))
	wants(t, "no JSON", err, fault.Invalid)
}

// Of many that want to write another value, one does.
func TestOnceRace(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal"))
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = j.Once("confirm", "run", i) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wants(t, "a loser", err, fault.Conflict)
		}
	}
	if won != 1 || j.Seq() != 1 {
		t.Errorf("%d won, %d entries", won, j.Seq())
	}
}

func TestRefused(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal"))
	long := strings.Repeat("x", MaxName+1)
	for _, c := range []struct {
		name, kind, key string
		value           any
		want            fault.Kind
	}{
		{"no kind", "", "a", 1, fault.Invalid},
		{"no key", "a", "", 1, fault.Invalid},
		{"a long kind", long, "a", 1, fault.Invalid},
		{"a long key", "a", long, 1, fault.Invalid},
		{"a key that is no text", "a", "\xff", 1, fault.Invalid},
		{"a value that is no JSON", "a", "a", func() {}, fault.Invalid},
		{"raw bytes that are no JSON", "a", "a", json.RawMessage("{"), fault.Invalid},
		{"a value too long", "a", "a", strings.Repeat("x", MaxLine), fault.Exhausted},
	} {
		wants(t, c.name, j.Append(c.kind, c.key, c.value), c.want)
	}
	add(t, j, "a", "a", strings.Repeat("x", MaxLine-200)) // a refusal breaks nothing
	if j.Seq() != 1 {
		t.Errorf("%d entries", j.Seq())
	}
}

// written makes a journal of n entries and returns its path, bytes and heads.
func written(tb testing.TB, n int) (string, []byte, []Head) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "journal")
	j := open(tb, path)
	heads := []Head{j.Head()}
	for i := range n {
		if i%2 == 0 {
			add(tb, j, "debit", fmt.Sprint(i), debit{Run: "r", Rho: int64(i)})
		} else if _, err := j.Once("confirm", fmt.Sprint(i), i); err != nil {
			tb.Fatal(err)
		}
		heads = append(heads, j.Head())
	}
	if err := j.Close(); err != nil {
		tb.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return path, b, heads
}

// rewritten opens path after b was written to it.
func rewritten(t *testing.T, path string, b []byte) (*Journal, error) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := Open(path, owner)
	if err == nil {
		t.Cleanup(func() { _ = j.Close() })
	}
	return j, err
}

// Wherever a crash cuts the file, the whole lines before the cut are there
// and the journal goes on; a witness notices what is gone.
func TestTorn(t *testing.T) {
	path, b, heads := written(t, 4)
	for cut := range len(b) + 1 {
		j, err := rewritten(t, path, b[:cut])
		if err != nil {
			t.Fatalf("cut to %d: %v", cut, err)
		}
		n := bytes.Count(b[:cut], []byte("\n"))
		if j.Head() != heads[n] {
			t.Errorf("cut to %d: head %v, want %v", cut, j.Head(), heads[n])
		}
		for i, h := range heads {
			if err := j.Extends(h); (err == nil) != (i <= n) || err != nil && !errors.Is(err, fault.Tampered) {
				t.Errorf("cut to %d: extends head %d: %v", cut, i, err)
			}
		}
		add(t, j, "more", "x", cut)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if j = open(t, path); j.Seq() != uint64(n)+1 {
			t.Errorf("cut to %d: then %d entries, want %d", cut, j.Seq(), n+1)
		}
		_ = j.Close()
	}
}

// A bit that flips is found, but for the last newline's: that looks torn, and
// takes a witness.
func TestEveryBit(t *testing.T) {
	path, b, heads := written(t, 3)
	for i := range (len(b) - 1) * 8 {
		bad := bytes.Clone(b)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := rewritten(t, path, bad); !errors.Is(err, fault.Tampered) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	bad := bytes.Clone(b)
	bad[len(bad)-1] ^= 1
	j, err := rewritten(t, path, bad)
	if err != nil || j.Seq() != 2 {
		t.Fatalf("the last newline: %v", err)
	}
	wants(t, "the last newline", j.Extends(heads[3]), fault.Tampered)
}

func TestEdited(t *testing.T) {
	path, b, heads := written(t, 4)
	l := bytes.SplitAfter(b, []byte("\n"))
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	// What someone writes who knows the format, but leaves the rest.
	e := Entry{Seq: 2, Kind: "debit", Key: "1", Value: json.RawMessage("0")}
	forged, err := encode(e, hash(mustHex(t, heads[1].Hash)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"a line left out", join(l[0], l[2], l[3])},
		{"the first left out", join(l[1], l[2], l[3])},
		{"two lines swapped", join(l[0], l[2], l[1], l[3])},
		{"a line twice", join(l[0], l[1], l[1], l[2], l[3])},
		{"a line replaced", join(l[0], forged, l[2], l[3])},
		{"an empty line", join(l[0], []byte("\n"), l[1])},
		{"a line of nothing", join(l[0], make([]byte, 100), []byte("\n"), l[1])},
		{"a line without end", bytes.Repeat([]byte("x"), MaxLine+1)},
	} {
		_, err := rewritten(t, path, c.b)
		wants(t, c.name, err, fault.Tampered)
	}
	// The whole tail written anew holds by itself; a witness notices.
	j, err := rewritten(t, path, join(l[0], forged))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "the tail written anew", j.Extends(heads[2]), fault.Tampered)
	wants(t, "the beginning", j.Extends(heads[1]), nil)
	wants(t, "the zero head", j.Extends(Head{}), fault.Tampered)
}

// A second value of Once is refused even when its line is well made.
func TestForgedOnce(t *testing.T) {
	path, b, heads := written(t, 2)
	e := Entry{Seq: 3, Kind: "confirm", Key: "1", Value: json.RawMessage("7"), once: true}
	line, err := encode(e, hash(mustHex(t, heads[2].Hash)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = rewritten(t, path, append(b, line...))
	wants(t, "a second Once", err, fault.Tampered)
}

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	var b []byte
	if _, err := fmt.Sscanf(s, "%x", &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNotMine(t *testing.T) {
	path, b, _ := written(t, 1)
	_, err := Open(path, "site-b")
	wants(t, "another daemon's", err, fault.Tampered)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err = Open(path, owner)
	wants(t, "others may read it", err, fault.Denied)
	link := path + ".link"
	if err := errors.Join(os.Chmod(path, 0o600), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, owner); err == nil {
		t.Error("a link was followed")
	}
	if _, err := Open(filepath.Join(path, "journal"), owner); err == nil {
		t.Error("opened below a file")
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, b) {
		t.Errorf("a refused Open changed the file: %v", err)
	}
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := open(t, path)
	_, err := Open(path, owner)
	wants(t, "twice", err, fault.Conflict)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// A bad file fails on demand.
type bad struct {
	file
	write, sync error
}

func (b *bad) Write(p []byte) (int, error) {
	if b.write != nil {
		n, err := b.file.Write(p[:len(p)/2])
		return n, errors.Join(b.write, err)
	}
	return b.file.Write(p)
}

func (b *bad) Sync() error { return b.sync }

// After a write or a sync that failed, nothing is added, though the disk be
// well again: what was written before may or may not be there.
func TestBroken(t *testing.T) {
	for _, c := range []struct {
		name     string
		bad      bad
		want     error
		reopened uint64
	}{
		{"half a write", bad{write: unix.ENOSPC}, fault.Exhausted, 1},
		{"a write error", bad{write: unix.EIO}, unix.EIO, 1},
		{"a sync error", bad{sync: unix.EIO}, unix.EIO, 2},
	} {
		path := filepath.Join(t.TempDir(), "journal")
		j := open(t, path)
		add(t, j, "a", "a", 1)
		good := j.f
		c.bad.file = good
		j.f = &c.bad
		wants(t, c.name, j.Append("a", "b", 2), c.want)
		j.f = good
		wants(t, c.name+", then", j.Append("a", "c", 3), c.want)
		_, err := j.Once("a", "d", 4)
		wants(t, c.name+", then once", err, c.want)
		if j.Seq() != 1 || j.Get("a", "a", new(int)) != nil || !errors.Is(j.Get("a", "b", new(int)), fault.NotFound) {
			t.Errorf("%s: %d entries", c.name, j.Seq())
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, path)
		if j.Seq() != c.reopened {
			t.Errorf("%s: reopened with %d entries, want %d", c.name, j.Seq(), c.reopened)
		}
		add(t, j, "a", "c", 3)
	}
}

const childEnv = "JOURNAL_TEST_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		appendForever(path)
	}
	os.Exit(m.Run())
}

// appendForever adds entries and says of each that it is there.
func appendForever(path string) {
	j, err := Open(path, owner)
	for err == nil {
		n := j.Seq() + 1
		if err = j.Append("n", fmt.Sprint(n), strings.Repeat("x", int(n%5000))); err == nil {
			_, err = fmt.Println(n)
		}
	}
	panic(err)
}

// A daemon that is killed has lost nothing that was acknowledged.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var last uint64
	for round := range 6 {
		c := exec.CommandContext(t.Context(), self)
		c.Env = append(os.Environ(), childEnv+"="+path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines, before := bufio.NewScanner(out), last
		for lines.Scan() {
			if last == before { // the first of this round: it lives a little longer
				_, err := Open(path, owner)
				wants(t, "while the daemon lives", err, fault.Conflict)
				time.AfterFunc(time.Duration(round*7)*time.Millisecond, func() { _ = c.Process.Kill() })
			}
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.Wait() // it was killed
		if last == before {
			t.Fatal("the child did nothing")
		}
		check(t, path, last)
	}
}

// check finds every entry up to last.
func check(t *testing.T, path string, last uint64) {
	t.Helper()
	j := open(t, path)
	all := j.All("n")
	if j.Seq() < last || uint64(len(all)) != j.Seq() {
		t.Fatalf("%d acknowledged, %d there", last, len(all))
	}
	for i, e := range all {
		var v string
		if err := e.Decode(&v); err != nil || e.Key != fmt.Sprint(i+1) || len(v) != (i+1)%5000 {
			t.Fatalf("entry %d: %s, %d bytes, %v", i+1, e.Key, len(v), err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// Whatever lies in the file, reading ends, and what it takes for whole is
// what writing the entries makes.
func FuzzRead(f *testing.F) {
	_, b, _ := written(f, 3)
	f.Add(b)
	f.Add(b[:len(b)-5])
	f.Add([]byte("\n"))
	f.Add([]byte("00000000 {}\n"))
	f.Add([]byte(`{"seq":1,"prev":"","kind":"a","key":"b","value":{}}`))
	for l := range bytes.SplitSeq(b, []byte("\n")) {
		f.Add(l[min(len(l), crcSize+1):])
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		readsBack(t, in)
		// With its checksum, so that more than the checksum is tried.
		readsBack(t, fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(in, castagnoli), in))
	})
}

func readsBack(t *testing.T, in []byte) {
	t.Helper()
	j := &Journal{hashes: []hash{genesis(owner)}, last: map[id]int{}, kinds: map[string][]int{}}
	whole, err := j.read(bytes.NewReader(in))
	if err != nil && !errors.Is(err, fault.Tampered) {
		t.Errorf("%v", err)
	}
	var again []byte
	for i, e := range j.all {
		line, err := encode(e, j.hashes[i])
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, line...)
	}
	if !bytes.Equal(again, in[:whole]) {
		t.Errorf("%d bytes were read as %d entries that are other bytes", whole, len(j.all))
	}
}

func BenchmarkAppend(b *testing.B) {
	j := open(b, filepath.Join(b.TempDir(), "journal"))
	v := debit{"run-1234", 17, strings.Repeat("x", 200)}
	for b.Loop() {
		add(b, j, "debit", "key", v)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

func BenchmarkOpen(b *testing.B) {
	path, _, _ := written(b, 5000)
	for b.Loop() {
		j, err := Open(path, owner)
		if err == nil {
			err = j.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
