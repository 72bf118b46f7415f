package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	cosig "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"

	"github.com/yunei/yunei/fault"
)

const origin = "ledger.test/run"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// key returns the key pair of seed n: a test signs the same every time.
func key(n byte) (ed25519.PrivateKey, ed25519.PublicKey) {
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	public, _ := k.Public().(ed25519.PublicKey) // always is one
	return k, public
}

func signed(tb testing.TB, seed byte, text string) []byte {
	tb.Helper()
	k, _ := key(seed)
	s, err := Signer(origin, k)
	if err != nil {
		tb.Fatal(err)
	}
	cp, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		tb.Fatal(err)
	}
	return cp
}

// grown is a log of the published leaves of RFC 6962's first implementation.
func grown(tb testing.TB) *testonly.Tree {
	tb.Helper()
	tree := testonly.New(rfc6962.DefaultHasher)
	tree.AppendData(testonly.LeafInputs()...)
	return tree
}

func text(tree *testonly.Tree, size uint64) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(tree.HashAt(size)))
}

func witness(seed byte) Witness {
	k, _ := key(seed)
	_, log := key(1)
	return Witness{Name: fmt.Sprintf("trustee-%d", seed), Key: k, LogKey: log, Origin: origin}
}

// cosigned returns a checkpoint of size leaves with two witnesses.
func cosigned(tb testing.TB, size uint64) (cp []byte, log ed25519.PublicKey, witnesses map[string]ed25519.PublicKey) {
	tb.Helper()
	tree := grown(tb)
	cp = signed(tb, 1, text(tree, size))
	_, log = key(1)
	witnesses = map[string]ed25519.PublicKey{}
	var lines [][]byte
	for i, seed := range []byte{2, 3} {
		w := witness(seed)
		line, _, err := w.Cosign(Empty(), cp, nil, noon.Add(time.Duration(i)*time.Hour))
		if err != nil {
			tb.Fatal(err)
		}
		lines = append(lines, line)
		_, witnesses[w.Name] = key(seed)
	}
	cp, err := Join(cp, lines...)
	if err != nil {
		tb.Fatal(err)
	}
	return cp, log, witnesses
}

func TestVerify(t *testing.T) {
	cp, log, witnesses := cosigned(t, 7)
	root := [32]byte(testonly.RootHashes()[7])
	for _, c := range []struct {
		min  int
		want time.Time
	}{{0, time.Time{}}, {1, noon.Add(time.Hour)}, {2, noon}} {
		got, err := Verify(cp, log, origin, witnesses, c.min)
		if diff := cmp.Diff(Tree{Size: 7, Root: root, Time: c.want}, got); err != nil || diff != "" {
			t.Errorf("of %d witnesses: %v\n%s", c.min, err, diff)
		}
	}
	_, other := key(9)
	twice := map[string]ed25519.PublicKey{"a": witnesses["trustee-2"], "b": witnesses["trustee-2"]}
	swapped := map[string]ed25519.PublicKey{"trustee-2": witnesses["trustee-3"], "trustee-3": witnesses["trustee-2"]}
	for _, c := range []struct {
		name      string
		cp        []byte
		log       ed25519.PublicKey
		origin    string
		witnesses map[string]ed25519.PublicKey
		min       int
		want      fault.Kind
	}{
		{"another log's key", cp, other, origin, witnesses, 0, fault.Tampered},
		{"another log", cp, log, "ledger.test/other", witnesses, 0, fault.Tampered},
		{"too few witnesses", cp, log, origin, witnesses, 3, fault.Denied},
		{"unknown witnesses", cp, log, origin, nil, 1, fault.Denied},
		{"keys exchanged", cp, log, origin, swapped, 1, fault.Denied},
		{"one key for two witnesses", cp, log, origin, twice, 0, fault.Invalid},
		{"the log as its witness", cp, log, origin, map[string]ed25519.PublicKey{"w": log}, 0, fault.Invalid},
		{"no key", cp, nil, origin, witnesses, 0, fault.Invalid},
		{"a witness without a key", cp, log, origin, map[string]ed25519.PublicKey{"w": nil}, 0, fault.Invalid},
		{"a name that is none", cp, log, origin, map[string]ed25519.PublicKey{"a b": other}, 0, fault.Invalid},
		{"no origin", cp, log, "", nil, 0, fault.Invalid},
		{"nothing", nil, log, origin, nil, 0, fault.Invalid},
		{"a line twice", append(bytes.Clone(cp), cp[bytes.LastIndexByte(cp[:len(cp)-1], '\n')+1:]...), log, origin, witnesses, 0, fault.Invalid},
		{"too long", append(bytes.Clone(cp), bytes.Repeat([]byte("x"), MaxCheckpoint)...), log, origin, witnesses, 0, fault.Invalid},
		{"extension lines", signed(t, 1, text(grown(t), 7)+"more\n"), log, origin, nil, 0, fault.Invalid},
		{"a size with a zero before", signed(t, 1, strings.Replace(text(grown(t), 7), "\n7\n", "\n07\n", 1)), log, origin, nil, 0, fault.Invalid},
		{"a short root", signed(t, 1, origin+"\n7\nAAAA\n"), log, origin, nil, 0, fault.Invalid},
		{"no leaves with a root", signed(t, 1, strings.Replace(text(grown(t), 7), "\n7\n", "\n0\n", 1)), log, origin, nil, 0, fault.Invalid},
	} {
		if _, err := Verify(c.cp, c.log, c.origin, c.witnesses, c.min); fault.Of(err) != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// No byte of a checkpoint, a proof or a leaf can be another.
func TestTampering(t *testing.T) {
	tree, leaf := grown(t), testonly.LeafInputs()[3]
	cp, log, witnesses := cosigned(t, 7)
	for i := range cp {
		for bit := range 8 {
			bad := bytes.Clone(cp)
			bad[i] ^= 1 << bit
			if _, err := Verify(bad, log, origin, witnesses, 2); err == nil {
				t.Errorf("bit %d of byte %d of the checkpoint (%q) is not held", bit, i, cp[i])
			}
		}
	}
	for i := range cp {
		if _, err := Verify(cp[:i], log, origin, witnesses, 2); err == nil {
			t.Errorf("%d bytes of a checkpoint of %d are enough", i, len(cp))
		}
	}
	at, err := Verify(cp, log, origin, witnesses, 2)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := tree.InclusionProof(3, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := Included(at, leaf, 3, hashes); err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, tree Tree, leaf []byte, index uint64, hashes [][]byte) {
		t.Helper()
		if Included(tree, leaf, index, hashes) == nil {
			t.Errorf("%s is not held", what)
		}
	}
	for i := range leaf {
		bad := bytes.Clone(leaf)
		bad[i] ^= 1
		refuse("the leaf", at, bad, 3, hashes)
	}
	for i := range hashes {
		for j := range hashes[i] {
			hashes[i][j] ^= 1
			refuse("the proof", at, leaf, 3, hashes)
			hashes[i][j] ^= 1
		}
	}
	for _, index := range []uint64{0, 1, 2, 4, 5, 6, 7, 1 << 63} {
		refuse("the index", at, leaf, index, hashes)
	}
	refuse("the length", at, leaf, 3, hashes[1:])
	refuse("the length", at, leaf, 3, append(hashes, hashes[0]))
	refuse("the length of a hash", at, leaf, 3, append(hashes[:2:2], hashes[2][:31]))
	refuse("the leaf", at, append(bytes.Clone(leaf), 0), 3, hashes)
	refuse("the size", Tree{Size: 4, Root: at.Root}, leaf, 3, hashes)
	refuse("the number of hashes", at, leaf, 3, make([][]byte, MaxProof+1))
	refuse("the empty tree", Empty(), leaf, 0, nil)
}

// The published vectors of RFC 6962, all places and all pairs of sizes.
func TestVectors(t *testing.T) {
	tree, leaves, roots := grown(t), testonly.LeafInputs(), testonly.RootHashes()
	at := func(size uint64) Tree { return Tree{Size: size, Root: [32]byte(roots[size])} }
	if at(0) != Empty() {
		t.Error("Empty is not the tree of no leaves")
	}
	for size := range uint64(len(roots)) {
		for i := range size {
			p, err := tree.InclusionProof(i, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := Included(at(size), leaves[i], i, p); err != nil {
				t.Error(err)
			}
		}
		for from := range size + 1 {
			p, err := tree.ConsistencyProof(from, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := Extends(at(from), at(size), p); err != nil {
				t.Error(err)
			}
			if from < size && Extends(at(size), at(from), p) == nil {
				t.Errorf("%d leaves extend %d", from, size)
			}
			if from > 0 && from < size {
				p[0] = bytes.Repeat([]byte{1}, 32)
				if err := Extends(at(from), at(size), p); !errors.Is(err, fault.Tampered) {
					t.Errorf("a wrong proof of %d to %d: %v", from, size, err)
				}
			}
		}
	}
}

// A witness follows a log as it grows, and nothing else.
func TestCosign(t *testing.T) {
	tree, w := grown(t), witness(2)
	cp := func(size uint64) []byte { return signed(t, 1, text(tree, size)) }
	path := func(from, to uint64) [][]byte {
		p, err := tree.ConsistencyProof(from, to)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	fork := testonly.New(rfc6962.DefaultHasher)
	fork.AppendData([]byte("another"), []byte("history"), []byte("of"), []byte("four"), []byte("and"), []byte("five"))

	state := Empty()
	for i, size := range []uint64{3, 3, 5, 8} {
		now := noon.Add(time.Duration(i) * time.Minute)
		line, next, err := w.Cosign(state, cp(size), path(state.Size, size), now)
		if err != nil || next.Size != size || !next.Time.Equal(now) || !bytes.HasPrefix(line, []byte("— trustee-2 ")) {
			t.Fatalf("Cosign(%d) = %q, %+v, %v", size, line, next, err)
		}
		state = next
	}
	five := Tree{Size: 5, Root: [32]byte(tree.HashAt(5)), Time: noon}
	stolen := w
	stolen.Name, stolen.Key = "log", func() ed25519.PrivateKey { k, _ := key(1); return k }()
	for _, c := range []struct {
		name string
		w    Witness
		prev Tree
		cp   []byte
		path [][]byte
		now  time.Time
		want fault.Kind
	}{
		{"smaller", w, five, cp(3), path(3, 5), noon, fault.Tampered},
		{"smaller, no proof", w, five, cp(3), nil, noon, fault.Tampered},
		{"no leaves again", w, five, cp(0), nil, noon, fault.Tampered},
		{"no proof", w, five, cp(8), nil, noon, fault.Tampered},
		{"another proof", w, five, cp(8), path(3, 8), noon, fault.Tampered},
		{"a fork of the same size", w, five, signed(t, 1, text(fork, 5)), nil, noon, fault.Tampered},
		{"a fork that is larger", w, five, signed(t, 1, text(fork, 6)), path(5, 6), noon, fault.Tampered},
		{"another key's log", w, five, signed(t, 9, text(tree, 8)), path(5, 8), noon, fault.Tampered},
		{"another log", w, five, signed(t, 1, strings.Replace(text(tree, 8), "run", "sun", 1)), path(5, 8), noon, fault.Tampered},
		{"a state that is none", w, Tree{}, cp(3), nil, noon, fault.Tampered},
		{"a clock set back", w, five, cp(8), path(5, 8), noon.Add(-time.Second), fault.Conflict},
		{"no clock", w, Empty(), cp(8), nil, time.Time{}, fault.Invalid},
		{"no key", Witness{Name: "w", LogKey: w.LogKey, Origin: origin}, five, cp(8), path(5, 8), noon, fault.Invalid},
		{"the log's own key", stolen, five, cp(8), path(5, 8), noon, fault.Invalid},
		{"the zero witness", Witness{}, five, cp(8), path(5, 8), noon, fault.Invalid},
	} {
		if line, _, err := c.w.Cosign(c.prev, c.cp, c.path, c.now); line != nil || fault.Of(err) != c.want {
			t.Errorf("%s: %q, %v, want %v", c.name, line, err, c.want)
		}
	}
}

// Our cosignatures are those of the public library, byte for byte but for its
// clock.
func TestCosignatureIsStandard(t *testing.T) {
	cp, _, witnesses := cosigned(t, 5)
	vkey, err := note.NewEd25519VerifierKey("trustee-2", witnesses["trustee-2"])
	if err != nil {
		t.Fatal(err)
	}
	v, err := cosig.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(cp, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	if at, err := cosig.CoSigV1Timestamp(n.Sigs[0]); err != nil || !at.Equal(noon) {
		t.Errorf("the library reads %v, %v", at, err)
	}
}

func TestJoin(t *testing.T) {
	cp := signed(t, 1, text(grown(t), 5))
	line, _, err := witness(2).Cosign(Empty(), cp, nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, lines := range map[string][][]byte{
		"twice":      {line, line},
		"no line":    {[]byte("hello\n")},
		"unfinished": {line[:len(line)-1]},
		"more text":  {line, []byte("\n\nx\n")},
	} {
		if _, err := Join(cp, lines...); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stranger's verifier does not carry the log with it: whatever this package
// imports is listed here, and tessera is not.
func TestImports(t *testing.T) {
	allowed := []string{
		"github.com/transparency-dev/formats/", "github.com/transparency-dev/merkle/",
		"golang.org/x/mod/sumdb/note", "github.com/yunei/yunei/fault",
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			known := slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(path, a) })
			if strings.Contains(path, ".") && !known && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	cp, log, witnesses := cosigned(f, 7)
	f.Add(cp)
	f.Add([]byte(""))
	f.Add([]byte(origin + "\n0\n\n\n— a b\n"))
	f.Add(signed(f, 1, text(grown(f), 3)))
	f.Add(signed(f, 9, text(grown(f), 3)))
	texts := map[string]bool{}
	for size := range uint64(9) {
		texts[text(grown(f), size)] = true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := Verify(data, log, origin, witnesses, 2)
		if err == nil && !bytes.Equal(data, cp) {
			body, _, _ := strings.Cut(string(data), "\n\n")
			if !texts[body+"\n"] || tree.Time.IsZero() {
				t.Errorf("believed: %q", data)
			}
		}
		// As a witness would read it, and as the log's answer to it.
		if line, _, err := witness(4).Cosign(Empty(), data, nil, noon); err == nil && len(line) == 0 {
			t.Error("cosigned without a line")
		}
	})
}

func FuzzIncluded(f *testing.F) {
	tree, leaves := grown(f), testonly.LeafInputs()
	at := Tree{Size: 7, Root: [32]byte(tree.HashAt(7))}
	p, err := tree.InclusionProof(3, 7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(leaves[3], uint64(3), bytes.Join(p, nil))
	f.Add([]byte{}, uint64(0), []byte{})
	f.Fuzz(func(t *testing.T, leaf []byte, index uint64, raw []byte) {
		var hashes [][]byte
		for len(raw) > 0 {
			n := min(32, len(raw))
			hashes, raw = append(hashes, raw[:n]), raw[n:]
		}
		if Included(at, leaf, index, hashes) == nil && (index >= 7 || !bytes.Equal(leaf, leaves[index])) {
			t.Errorf("leaf %x is said to be at %d", leaf, index)
		}
		_ = Extends(Tree{Size: index, Root: at.Root}, at, hashes) // must not panic
	})
}
