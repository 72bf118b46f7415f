package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage/ledger/proof"
)

const origin = "ledger.test/run"

// childDir, set, makes the test binary a writer of that ledger, to be killed.
const childDir = "YUNEI_LEDGER_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := write(dir); err != nil {
			fmt.Println("!", err)
		}
		os.Exit(1) // a writer is killed; it does not end
	}
	os.Exit(m.Run())
}

// write appends from several goroutines and prints each leaf once acknowledged.
func write(dir string) error {
	l, err := Open(context.Background(), config(dir))
	if err != nil {
		return err
	}
	var out sync.Mutex
	errs := make(chan error)
	for g := range 4 {
		go func() {
			for n := 0; ; n++ {
				leaf := fmt.Appendf(nil, "%d of %d by %d", n, g, os.Getpid())
				i, err := l.Append(context.Background(), leaf)
				if err != nil {
					errs <- err
					return
				}
				out.Lock()
				fmt.Printf("%d %x\n", i, leaf)
				out.Unlock()
			}
		}()
	}
	return <-errs
}

func key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
}

func public() ed25519.PublicKey { return publicOf(key()) }

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey {
	p, _ := k.Public().(ed25519.PublicKey) // always is one
	return p
}

func config(dir string) Config { return Config{Dir: dir, Origin: origin, Key: key()} }

func open(tb testing.TB, dir string) *Log {
	tb.Helper()
	l, err := Open(tb.Context(), config(dir))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

func add(tb testing.TB, l *Log, leaf string) uint64 {
	tb.Helper()
	i, err := l.Append(tb.Context(), []byte(leaf))
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

// verified returns the tree of the checkpoint that covers index.
func verified(tb testing.TB, l *Log, index uint64) ([]byte, proof.Tree) {
	tb.Helper()
	cp, err := l.CheckpointFor(tb.Context(), index)
	if err != nil {
		tb.Fatal(err)
	}
	tree, err := proof.Verify(cp, public(), origin, nil, 0)
	if err != nil || tree.Size <= index {
		tb.Fatalf("the checkpoint for %d is of %d leaves, %v", index, tree.Size, err)
	}
	return cp, tree
}

// What the ledger proves holds offline, with witnesses, and across a restart.
func TestLedger(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if _, empty := mustVerify(t, l); empty != proof.Empty() {
		t.Errorf("a new ledger is %+v", empty)
	}
	first, again := add(t, l, "receipt"), add(t, l, "receipt")
	if first != 0 || again != 1 {
		t.Errorf("the same leaf twice stands at %d and %d", first, again)
	}
	w := proof.Witness{Name: "trustee", Key: ed25519.NewKeyFromSeed(make([]byte, 32)), LogKey: public(), Origin: origin}
	known := map[string]ed25519.PublicKey{"trustee": publicOf(w.Key)}
	seen, size := proof.Empty(), uint64(0)
	for i := range 3 {
		index := add(t, l, fmt.Sprint("receipt ", i))
		cp, tree := verified(t, l, index)
		path, err := l.Consistency(t.Context(), seen.Size, tree.Size)
		if err != nil {
			t.Fatal(err)
		}
		line, next, err := w.Cosign(seen, cp, path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		all, err := proof.Join(cp, line)
		if err != nil {
			t.Fatal(err)
		}
		at, err := proof.Verify(all, public(), origin, known, 1)
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := l.Inclusion(t.Context(), index, at.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Included(at, fmt.Appendf(nil, "receipt %d", i), index, hashes); err != nil {
			t.Error(err)
		}
		seen, size = next, at.Size
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, dir)
	}
	if got, err := l.Size(t.Context()); err != nil || got != size {
		t.Errorf("reopened with %d leaves of %d, %v", got, size, err)
	}
}

func mustVerify(t *testing.T, l *Log) ([]byte, proof.Tree) {
	t.Helper()
	cp, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := proof.Verify(cp, public(), origin, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return cp, tree
}

// Leaves of many at once fill more than one tile; the tree and all its earlier
// sizes, whether a batch ended there or not, are those of RFC 6962.
func TestAgainstReference(t *testing.T) {
	l := open(t, t.TempDir())
	const writers, each = 20, 30 // 600 leaves, tiles of 256
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for n := range each {
				leaf := fmt.Sprintf("%d of %d", n, g)
				i, err := l.Append(t.Context(), []byte(leaf))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := l.Leaf(t.Context(), i); err != nil || string(got) != leaf {
					t.Errorf("leaf %d is %q, want %q, %v", i, got, leaf, err)
				}
			}
		})
	}
	wg.Wait()
	ref := testonly.New(rfc6962.DefaultHasher)
	for i := range uint64(writers * each) {
		leaf, err := l.Leaf(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		ref.AppendData(leaf)
	}
	_, tree := verified(t, l, writers*each-1)
	if tree.Size != ref.Size() || tree.Root != [32]byte(ref.Hash()) {
		t.Fatalf("%d leaves under %x, want %d under %x", tree.Size, tree.Root, ref.Size(), ref.Hash())
	}
	for _, size := range []uint64{1, 2, 3, 100, 255, 256, 257, 511, 513, 599, 600} {
		for _, i := range []uint64{0, size / 3, size - 1} {
			got, err := l.Inclusion(t.Context(), i, size)
			want, ours := ref.InclusionProof(i, size)
			if err != nil || ours != nil || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("inclusion of %d in %d: %x, %v", i, size, got, errors.Join(err, ours))
			}
			got, err = l.Consistency(t.Context(), i, size)
			want, ours = ref.ConsistencyProof(i, size)
			if err != nil || ours != nil || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("consistency of %d with %d: %x, %v", i, size, got, errors.Join(err, ours))
			}
		}
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	add(t, l, "x")
	ctx := t.Context()
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, notKey := Open(ctx, Config{Dir: t.TempDir(), Origin: origin})
	_, notName := Open(ctx, Config{Dir: t.TempDir(), Origin: "two words", Key: key()})
	_, notDir := Open(ctx, Config{Origin: origin, Key: key()})
	_, second := Open(ctx, config(dir))
	_, none := l.Append(ctx, nil)
	_, long := l.Append(ctx, make([]byte, MaxLeaf+1))
	_, late := l.Append(over, []byte("x"))
	_, wait := l.CheckpointFor(over, 1<<40)
	_, size := l.Inclusion(ctx, 0, 2)
	_, index := l.Inclusion(ctx, 1, 1)
	_, grown := l.Consistency(ctx, 1, 2)
	_, order := l.Consistency(ctx, 1, 0)
	_, leaf := l.Leaf(ctx, 1)
	if i, err := l.Append(ctx, make([]byte, MaxLeaf)); err != nil || i != 1 {
		t.Errorf("the largest leaf: %d, %v", i, err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	_, closed := l.Append(ctx, []byte("x"))
	for _, c := range []struct {
		name      string
		err, want error
	}{
		{"no key", notKey, fault.Invalid},
		{"a name of two words", notName, fault.Invalid},
		{"no directory", notDir, fault.Invalid},
		{"a second writer", second, fault.Conflict},
		{"no leaf", none, fault.Invalid},
		{"a leaf too long", long, fault.Exhausted},
		{"appending after the context", late, context.Canceled},
		{"waiting after the context", wait, context.Canceled},
		{"a tree beyond", size, fault.NotFound},
		{"a leaf beyond", index, fault.NotFound},
		{"growth beyond", grown, fault.NotFound},
		{"shrinking", order, fault.Invalid},
		{"reading beyond", leaf, fault.NotFound},
		{"appending to a closed one", closed, fault.Conflict},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
}

// A directory that contradicts its last checkpoint is not gone on with.
func TestTamperedFiles(t *testing.T) {
	flip := func(name string, at int) func(string) error {
		return func(dir string) error {
			name := filepath.Join(dir, name)
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			raw[at] ^= 1
			return os.WriteFile(name, raw, 0o600)
		}
	}
	for name, damage := range map[string]func(dir string) error{
		"no state":          func(dir string) error { return os.Remove(filepath.Join(dir, stateFile)) },
		"an emptied state":  func(dir string) error { return os.WriteFile(filepath.Join(dir, stateFile), nil, 0o600) },
		"a smaller state":   func(dir string) error { return rewrite(filepath.Join(dir, stateFile), `"size":3`, `"size":2`) },
		"a larger state":    func(dir string) error { return rewrite(filepath.Join(dir, stateFile), `"size":3`, `"size":9`) },
		"another hash":      flip("tile/0/000.p/3", 5),
		"a shorter tile":    func(dir string) error { return os.Truncate(filepath.Join(dir, "tile/0/000.p/3"), 64) },
		"another root":      func(dir string) error { return rewrite(filepath.Join(dir, "checkpoint"), "\n3\n", "\n2\n") },
		"another signature": flip("checkpoint", 120),
		"no checkpoint":     func(dir string) error { return os.Remove(filepath.Join(dir, "checkpoint")) },
		"no signature":      func(dir string) error { return os.Truncate(filepath.Join(dir, "checkpoint"), 20) },
	} {
		dir := t.TempDir()
		l := open(t, dir)
		for i := range 3 {
			add(t, l, fmt.Sprint(i))
		}
		verified(t, l, 2)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), config(dir)); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	other := config(dir)
	other.Key = ed25519.NewKeyFromSeed(make([]byte, 32))
	if _, err := Open(t.Context(), other); !errors.Is(err, fault.Tampered) {
		t.Errorf("another key's ledger: %v", err)
	}
}

func rewrite(name, before, after string) error {
	raw, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(raw, []byte(before)) {
		return fmt.Errorf("%s: %q is not in %q: %w", name, before, raw, err)
	}
	return os.WriteFile(name, bytes.Replace(raw, []byte(before), []byte(after), 1), 0o600)
}

// A writer that is killed loses no leaf that it acknowledged, and its successor
// goes on with the same tree.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]uint64{}
	var last proof.Tree
	for round := range 3 {
		kill(t, dir, acked)
		l := open(t, dir)
		for leaf, i := range acked {
			if got, err := l.Leaf(t.Context(), i); err != nil || string(got) != leaf {
				t.Fatalf("round %d: leaf %d is %q, want %q, %v", round, i, got, leaf, err)
			}
		}
		_, tree := verified(t, l, add(t, l, fmt.Sprint("after round ", round)))
		if round > 0 {
			path, err := l.Consistency(t.Context(), last.Size, tree.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.Extends(last, tree, path); err != nil {
				t.Error(err)
			}
		}
		if last = tree; len(acked) < 30*(round+1) || tree.Size <= uint64(len(acked)) {
			t.Errorf("round %d: %d acknowledged in a tree of %d", round, len(acked), tree.Size)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// kill runs a writer on dir, kills it after 30 acknowledgements, and notes all
// that it gave.
func kill(t *testing.T, dir string, acked map[string]uint64) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Wait() }() // "signal: killed" is what we asked for
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == 30 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		var i uint64
		var leaf string
		if _, err := fmt.Sscanf(lines.Text(), "%d %s", &i, &leaf); err != nil {
			if n < 30 || strings.HasPrefix(lines.Text(), "!") {
				t.Fatalf("the writer says %q", lines.Text())
			}
			continue // the line that the kill cut
		}
		if raw, err := hex.DecodeString(leaf); err == nil {
			acked[string(raw)] = i
		}
	}
}

// Close ends all that Open started, with leaves still under way.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	for range 3 {
		l := open(t, dir)
		for i := range 20 {
			go func() { // some are acknowledged, some refused; none hangs
				if _, err := l.Append(t.Context(), []byte{byte(i + 1)}); err != nil && !errors.Is(err, fault.Conflict) {
					t.Error(err)
				}
			}()
		}
		add(t, l, "one that is in")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, tree := mustVerify(t, l); tree.Size == 0 {
			t.Error("closed without a checkpoint")
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before { // the loop of checkpoints looks up every 100 ms
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, were %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

func BenchmarkAppend(b *testing.B) {
	l := open(b, b.TempDir())
	for b.Loop() {
		add(b, l, "a leaf as good as any")
	}
}

func BenchmarkAppendParallel(b *testing.B) {
	l := open(b, b.TempDir())
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			add(b, l, "a leaf as good as any")
		}
	})
}

func BenchmarkAppendToCheckpoint(b *testing.B) {
	l := open(b, b.TempDir())
	for b.Loop() {
		verified(b, l, add(b, l, "a leaf as good as any"))
	}
}
