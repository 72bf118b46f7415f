package seal_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/storage/storagetest"
)

const (
	name  storage.Name = "datasets/visits@3"
	tag                = 16
	piece              = seal.Chunk + tag
)

func newKey(tb testing.TB) seal.PrivateKey {
	tb.Helper()
	k, err := seal.NewKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func sealed(tb testing.TB, k seal.PrivateKey, plain []byte) []byte {
	tb.Helper()
	b, err := seal.Bytes(k.Public(), name, plain)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestComesBack(t *testing.T) {
	k := newKey(t)
	for _, size := range []int{0, 1, seal.Chunk - 1, seal.Chunk, seal.Chunk + 1, 3 * seal.Chunk, 20*seal.Chunk + 5} {
		plain := storagetest.Bytes(size, 1)
		b := sealed(t, k, plain)
		chunks := max(1, (size+seal.Chunk-1)/seal.Chunk)
		if len(b) != seal.Header+size+chunks*tag {
			t.Errorf("%d bytes: sealed to %d", size, len(b))
		}
		if got, err := seal.Open(k, name, b); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: came back as %d, %v", size, len(got), err)
		}
	}
	if bytes.Equal(sealed(t, k, []byte("x")), sealed(t, k, []byte("x"))) {
		t.Error("two seals are alike")
	}
}

// What is written by any pieces is one object.
func TestPieces(t *testing.T) {
	k, plain := newKey(t), storagetest.Bytes(2*seal.Chunk+100, 1)
	for _, n := range []int{1000, seal.Chunk, seal.Chunk + 1, len(plain)} {
		var b bytes.Buffer
		w, err := seal.NewWriter(&b, k.Public(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{bytes.NewReader(plain)}, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("more")); err == nil {
			t.Error("a closed writer writes")
		}
		if got, err := seal.Open(k, name, b.Bytes()); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("by %d: %v", n, err)
		}
	}
}

func TestReadAt(t *testing.T) {
	k, plain := newKey(t), storagetest.Bytes(40*seal.Chunk+7, 2)
	b := sealed(t, k, plain)
	r, err := seal.NewReaderAt(bytes.NewReader(b), int64(len(b)), k, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plain); err != nil {
		t.Error(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(g)))
			for range 200 {
				off := rnd.Int64N(r.Size() + 10)
				p := make([]byte, rnd.IntN([]int{10, seal.Chunk, 30 * seal.Chunk}[rnd.IntN(3)]))
				n, err := r.ReadAt(p, off)
				rest := plain[min(off, r.Size()):]
				want := rest[:min(len(p), len(rest))]
				if !bytes.Equal(p[:n], want) || (n < len(p)) != errors.Is(err, io.EOF) {
					t.Errorf("reading %d at %d: %d bytes, %v", len(p), off, n, err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := r.ReadAt(make([]byte, 1), -1); !errors.Is(err, fault.Invalid) {
		t.Errorf("before the beginning: %v", err)
	}
}

// refused says that nothing in b is returned as if it were true: where an
// object opens at all, the chunks that were touched do not.
func refused(t *testing.T, what string, k seal.PrivateKey, n storage.Name, b []byte) {
	t.Helper()
	got, err := seal.Open(k, n, b)
	if err == nil || got != nil {
		t.Errorf("%s: opened to %d bytes", what, len(got))
	} else if !errors.Is(err, fault.Tampered) && !errors.Is(err, fault.Invalid) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestEveryBit(t *testing.T) {
	k := newKey(t)
	good := sealed(t, k, []byte("a row of a person"))
	for i := range len(good) * 8 {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		refused(t, fmt.Sprintf("bit %d", i), k, name, b)
	}
	for i := range len(good) {
		refused(t, fmt.Sprintf("cut to %d", i), k, name, good[:i])
	}
}

func TestChunksStayInPlace(t *testing.T) {
	k, other := newKey(t), newKey(t)
	plain := storagetest.Bytes(4*seal.Chunk, 3)
	good := sealed(t, k, plain)
	twin := sealed(t, k, plain)
	chunk := func(b []byte, i int) []byte { return b[seal.Header+i*piece : seal.Header+(i+1)*piece] }
	build := func(header []byte, chunks ...[]byte) []byte {
		return append(bytes.Clone(header[:seal.Header]), bytes.Join(chunks, nil)...)
	}
	c0, c1, c2, c3 := chunk(good, 0), chunk(good, 1), chunk(good, 2), chunk(good, 3)
	flipped := bytes.Clone(good)
	flipped[seal.Header+piece+5] ^= 1
	for _, x := range []struct {
		name string
		b    []byte
	}{
		{"two chunks swapped", build(good, c1, c0, c2, c3)},
		{"the last swapped", build(good, c0, c1, c3, c2)},
		{"a chunk left out", build(good, c0, c2, c3)},
		{"a chunk twice", build(good, c0, c1, c1, c2, c3)},
		{"cut between chunks", build(good, c0, c1, c2)},
		{"cut to the last", build(good, c3)},
		{"no chunk", build(good)},
		{"more after the last", build(good, c0, c1, c2, c3, c0)},
		{"an empty chunk after the last", build(good, c0, c1, c2, c3, make([]byte, tag))},
		{"half a tag after the last", build(good, c0, c1, c2, c3, make([]byte, tag/2))},
		{"a chunk of a twin", build(good, c0, chunk(twin, 1), c2, c3)},
		{"the header of a twin", build(twin, c0, c1, c2, c3)},
		{"a byte flipped", flipped},
	} {
		refused(t, x.name, k, name, x.b)
	}
	refused(t, "another version", k, "datasets/visits@2", good)
	refused(t, "another name", k, "datasets/visit@3", good)
	refused(t, "another key", other, name, good)

	// One bad chunk spoils itself, and not the others.
	r, err := seal.NewReaderAt(bytes.NewReader(flipped), int64(len(flipped)), k, name)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 10)
	if n, err := r.ReadAt(p, seal.Chunk+100); n != 0 || !errors.Is(err, fault.Tampered) {
		t.Errorf("the bad chunk: %d bytes, %v", n, err)
	}
	if _, err := r.ReadAt(p, 2*seal.Chunk); err != nil || !bytes.Equal(p, plain[2*seal.Chunk:][:10]) {
		t.Errorf("a good chunk: %v", err)
	}
	if n, err := r.ReadAt(p, seal.Chunk-5); n != 5 || !errors.Is(err, fault.Tampered) {
		t.Errorf("into the bad chunk: %d bytes, %v", n, err)
	}
}

func TestNeverClosed(t *testing.T) {
	k := newKey(t)
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, k.Public(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 3*seal.Chunk)); err != nil {
		t.Fatal(err)
	}
	refused(t, "never closed", k, name, b.Bytes())
}

// A source that shrinks, or fails, while it is read.
func TestBadSource(t *testing.T) {
	k := newKey(t)
	b := sealed(t, k, make([]byte, 100))
	if _, err := seal.NewReaderAt(bytes.NewReader(b[:len(b)-1]), int64(len(b)), k, name); !errors.Is(err, fault.Tampered) {
		t.Errorf("shorter than it said: %v", err)
	}
	if _, err := seal.NewReaderAt(bytes.NewReader(b), 1<<62, k, name); !errors.Is(err, fault.Tampered) {
		t.Errorf("a size beyond all bounds: %v", err)
	}
	if _, err := seal.NewReaderAt(notFound{}, int64(len(b)), k, name); !errors.Is(err, fault.NotFound) {
		t.Errorf("a source that fails: %v", err)
	}
}

type notFound struct{}

func (notFound) ReadAt([]byte, int64) (int, error) { return 0, fault.NotFound }

type full struct{ room int }

func (w *full) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, fault.Exhausted
	}
	return len(p), nil
}

// After a failed write nothing is written, and Close says why.
func TestFailedWrite(t *testing.T) {
	for _, room := range []int{0, seal.Header, seal.Header + piece} {
		w, err := seal.NewWriter(&full{room}, newKey(t).Public(), name)
		if err == nil {
			_, err = w.Write(make([]byte, 3*seal.Chunk))
			if again := w.Close(); !errors.Is(again, fault.Exhausted) {
				t.Errorf("room for %d: Close: %v", room, again)
			}
		}
		if !errors.Is(err, fault.Exhausted) {
			t.Errorf("room for %d: %v", room, err)
		}
	}
}

func TestKeys(t *testing.T) {
	k := newKey(t)
	secret := k.Bytes()
	if back, err := seal.ParsePrivateKey(secret); err != nil || !bytes.Equal(back.Bytes(), secret) || back.Public() != k.Public() {
		t.Errorf("a private key: %v", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("k", k), slog.Any("p", &k))
	said := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%c", "%U", "%p"} {
		said += fmt.Sprintf(verb, k) + fmt.Sprintf(verb, &k) + fmt.Sprintf(verb, []seal.PrivateKey{k}) + fmt.Sprintf(verb, struct{ key seal.PrivateKey }{k})
	}
	for _, trace := range []string{string(secret[:4]), hex.EncodeToString(secret[:4]), strings.Trim(fmt.Sprintf("%d", secret[:4]), "[]")} {
		if strings.Contains(strings.ToLower(said), trace) {
			t.Errorf("the key shows as %q in %q", trace, said)
		}
	}
	if b, err := json.Marshal(k); err == nil {
		t.Errorf("a private key became %s", b)
	}
	pub := k.Public()
	text, err := json.Marshal(pub)
	var back seal.PublicKey
	if err = errors.Join(err, json.Unmarshal(text, &back)); err != nil || back != pub {
		t.Errorf("a public key: %s, %v", text, err)
	}
	for _, bad := range []string{"", "x25519:", "x25519:AAAA", "x25519:" + strings.Repeat("A", 43), strings.TrimPrefix(pub.String(), "x25519:")} {
		if err := back.UnmarshalText([]byte(bad)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// The zero keys, and points of small order, do nothing.
func TestZeroKeys(t *testing.T) {
	k := newKey(t)
	if _, err := seal.Bytes(seal.PublicKey{}, name, nil); !errors.Is(err, fault.Denied) {
		t.Errorf("sealing to nobody: %v", err)
	}
	if b, err := seal.Bytes(seal.PublicKey{1}, name, nil); err == nil {
		t.Errorf("sealing to a point of small order: %x", b)
	}
	if _, err := seal.Bytes(seal.PrivateKey{}.Public(), name, nil); !errors.Is(err, fault.Denied) {
		t.Errorf("sealing to the zero key's: %v", err)
	}
	if _, err := seal.Open(seal.PrivateKey{}, name, sealed(t, k, nil)); !errors.Is(err, fault.Denied) {
		t.Errorf("opening as nobody: %v", err)
	}
	for _, bad := range [][]byte{nil, make([]byte, 32), make([]byte, 31), bytes.Repeat([]byte{1}, 33)} {
		if _, err := seal.ParsePrivateKey(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("private key %x: %v", bad, err)
		}
		if _, err := seal.ParsePublicKey(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("public key %x: %v", bad, err)
		}
	}
	for _, bad := range storagetest.HostileNames {
		if _, err := seal.Bytes(k.Public(), bad, nil); !errors.Is(err, fault.Invalid) {
			t.Errorf("sealing as %q: %v", bad, err)
		}
	}
}

// An object that was sealed when the format was fixed still opens.
func TestGolden(t *testing.T) {
	k := goldenKey(t)
	text, err := os.ReadFile("testdata/golden.hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.Open(k, "golden/object@1", b); err != nil || string(got) != "域内 sealed once" {
		t.Errorf("%q, %v", got, err)
	}
}

func goldenKey(tb testing.TB) seal.PrivateKey {
	tb.Helper()
	raw := make([]byte, seal.KeySize)
	for i := range raw {
		raw[i] = byte(i + 1)
	}
	k, err := seal.ParsePrivateKey(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func store(tb testing.TB) storage.Store {
	tb.Helper()
	s, err := dir.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func TestInStore(t *testing.T) {
	k, s := newKey(t), store(t)
	plain := storagetest.Bytes(3*seal.Chunk+9, 4)
	if err := seal.Put(t.Context(), s, k.Public(), name, bytes.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	raw, err := storagetest.Get(t.Context(), s, name)
	if err != nil || bytes.Contains(raw, plain[:32]) {
		t.Fatalf("in the store: %v, or plain", err)
	}
	o, err := seal.Get(t.Context(), s, k, name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err := errors.Join(err, o.Close()); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("came back as %d bytes, %v", len(got), err)
	}
	if err := seal.Put(t.Context(), s, k.Public(), name, bytes.NewReader(plain)); !errors.Is(err, fault.Conflict) {
		t.Errorf("put again: %v", err)
	}
	if _, err := seal.Get(t.Context(), s, newKey(t), name); !errors.Is(err, fault.Tampered) {
		t.Errorf("another key: %v", err)
	}
	if _, err := seal.Get(t.Context(), s, k, "a@1"); !errors.Is(err, fault.NotFound) {
		t.Errorf("missing: %v", err)
	}
	broken := errors.New("the source broke")
	src := io.MultiReader(bytes.NewReader(plain), iotest.ErrReader(broken))
	if err := seal.Put(t.Context(), s, k.Public(), "a@1", src); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
	if _, err := s.Open(t.Context(), "a@1"); !errors.Is(err, fault.NotFound) {
		t.Errorf("a source that fails left something: %v", err)
	}
}

// Whatever a store returns, it opens to what was sealed or not at all.
func FuzzOpen(f *testing.F) {
	k := goldenKey(f)
	short, long := []byte("a row"), storagetest.Bytes(seal.Chunk+50, 5)
	a, b := sealed(f, k, short), sealed(f, k, long)
	f.Add(a)
	f.Add(b)
	f.Add([]byte(nil))
	f.Add(a[:seal.Header])
	f.Add(b[:seal.Header+piece])
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := seal.Open(k, name, in)
		if err == nil && !bytes.Equal(got, short) && !bytes.Equal(got, long) {
			t.Errorf("opened to %d bytes that nobody sealed", len(got))
		}
		if err != nil && !errors.Is(err, fault.Tampered) && !errors.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	k, plain := newKey(b), storagetest.Bytes(16<<20, 1)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		w, err := seal.NewWriter(io.Discard, k.Public(), name)
		if err == nil {
			_, err = w.Write(plain)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAt(b *testing.B) {
	k := newKey(b)
	object := sealed(b, k, storagetest.Bytes(16<<20, 1))
	r, err := seal.NewReaderAt(bytes.NewReader(object), int64(len(object)), k, name)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			p, off := make([]byte, size), int64(0)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := r.ReadAt(p, off); err != nil {
					b.Fatal(err)
				}
				off = (off + int64(size)) % r.Size()
			}
		})
	}
}

// A small object: what a key that is drawn and wrapped for each costs.
func BenchmarkSmall(b *testing.B) {
	k, plain := newKey(b), make([]byte, 4096)
	object := sealed(b, k, plain)
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			sealed(b, k, plain)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := seal.Open(k, name, object); err != nil {
				b.Fatal(err)
			}
		}
	})
}
