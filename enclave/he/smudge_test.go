package he

import (
	"crypto/rand"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/big"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/utils/sampling"
)

// centred returns the coefficients of p, in the coefficient domain, in
// (-Q/2, Q/2].
func centred(p poly) []*big.Int {
	out := make([]*big.Int, Slots)
	for i := range out {
		out[i] = new(big.Int)
	}
	ringQ().PolyToBigintCentered(p, 1, out)
	return out
}

func log2(x *big.Int) float64 {
	f, _ := new(big.Float).SetInt(x).Float64()
	return math.Log2(math.Abs(f))
}

// widest returns log2 of the largest size in xs.
func widest(xs []*big.Int) float64 {
	w := math.Inf(-1)
	for _, x := range xs {
		w = max(w, log2(x))
	}
	return w
}

// phase returns T*(b + a*secret) in the coefficient domain: m + T*e.
func phase(b, a, secret poly, t uint64) []*big.Int {
	p := newPoly()
	ringQ().MulCoeffsMontgomery(a, secret, p)
	addTo(p, b)
	ringQ().MulScalar(p, t, p)
	ringQ().INTT(p, p)
	return centred(p)
}

// The margin at the widest that is allowed: 7 of 7 members, 50 sites.
// 2^102 opens with bits to spare, 2^105 must always open, 2^107 cannot.
func TestMargin(t *testing.T) {
	all := []int{1, 2, 3, 4, 5, 6, 7}
	for _, c := range []struct {
		bits int
		ok   bool
	}{{smudgeBits, true}, {105, true}, {107, false}} {
		r := newRound(t, 7, 7)
		vectors := make([][]int64, 50)
		for i := range vectors {
			vectors[i] = draw(Slots, 1<<50)
		}
		sum := r.sum(t, vectors...)
		shares := map[int][][][]byte{}
		for _, p := range all {
			l, to := keep()
			if err := r.members[p].answer(all, r.gate.PublicKey(), 1, from(sum), to, c.bits); err != nil {
				t.Fatal(err)
			}
			shares[p] = l
		}
		b, a := newPoly(), newPoly()
		if err := decode(must(switched(sum, shares)(0, 0))(t), b, a); err != nil {
			t.Fatal(err)
		}
		t.Logf("smudge 2^%d: the phase reaches 2^%.1f of 2^%.1f", c.bits, widest(phase(b, a, r.gate.secret, t1)),
			log2(ringQ().ModulusAtLevel[len(primes)-1])-1)
		got, err := r.open(sum, shares, Slots, math.MaxInt64)
		if c.ok != (err == nil) {
			t.Errorf("smudge 2^%d: %v", c.bits, err)
		}
		for i, want := range total(vectors...) {
			if c.ok && err == nil && got[i] != want {
				t.Fatalf("smudge 2^%d: slot %d is %d, want %d", c.bits, i, got[i], want)
			}
		}
	}
}

// The distance that the package comment states: e below 2^16 for 7 members and
// 50 sites, so |e|/2^103 * 2^21 coefficients is below 2^-40 by far.
func TestDistance(t *testing.T) {
	secret := newPoly()
	points := []int{1, 2, 3, 4, 5, 6, 7}
	var ckg [][]byte
	for _, p := range points {
		m := must(NewMember(p, points, 7))(t)
		ckg = append(ckg, must(m.CKGShare(crs))(t))
		addTo(secret, m.secret)
	}
	r := round{key: must(PublicKey(crs, ckg))(t)}
	zeros := make([][]int64, 50)
	for i := range zeros {
		zeros[i] = make([]int64, 1)
	}
	widestE := 0.0
	for m, tm := range []uint64{t1, t2} {
		b, a := newPoly(), newPoly()
		if err := decode(r.sum(t, zeros...)[m][0], b, a); err != nil {
			t.Fatal(err)
		}
		for _, x := range phase(b, a, secret, tm) {
			x.Quo(x, new(big.Int).SetUint64(tm))
			widestE = max(widestE, log2(x))
		}
	}
	coefficients := math.Log2(MaxChunks * Slots * Moduli)
	t.Logf("error of a sum: 2^%.1f; distance for a whole key: 2^%.1f", widestE, widestE-(smudgeBits+1)+coefficients)
	if widestE > 16 || 16-(smudgeBits+1)+coefficients > -40 {
		t.Errorf("error 2^%.1f, distance 2^%.1f", widestE, widestE-(smudgeBits+1)+coefficients)
	}
}

// Smudging is reduced, in its range, and flat from the first bit to the last.
func TestSmudgeIsUniform(t *testing.T) {
	var top, low [16]int
	limit := new(big.Int).Lsh(big.NewInt(1), smudgeBits)
	const rounds = 8
	for range rounds {
		p, err := smudge(rand.Reader, smudgeBits)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(encode(p), 1); err != nil {
			t.Fatal(err)
		}
		for _, x := range centred(p) {
			x.Add(x, limit)
			if x.Sign() < 0 || x.BitLen() > smudgeBits+1 {
				t.Fatalf("%v is out of range", x)
			}
			low[x.Uint64()&15]++
			top[new(big.Int).Rsh(x, smudgeBits-3).Uint64()]++
		}
	}
	for name, counts := range map[string][16]int{"top": top, "low": low} {
		chi, mean := 0.0, rounds*Slots/16.0
		for _, n := range counts {
			chi += (float64(n) - mean) * (float64(n) - mean) / mean
		}
		if chi > 70 { // 15 degrees of freedom: 2^-31
			t.Errorf("%s bits: chi square %.0f: %v", name, chi, counts)
		}
	}
}

func TestSmudgeNeedsRandomness(t *testing.T) {
	if _, err := smudge(strings.NewReader("short"), smudgeBits); err == nil {
		t.Error("noise from nothing")
	}
}

// gaussian draws from the library's flooding sampler.
func gaussian(t *testing.T, sigma float64) poly {
	t.Helper()
	prng, err := sampling.NewPRNG()
	if err != nil {
		t.Fatal(err)
	}
	p := newPoly()
	ring.NewGaussianSampler(prng, ringQ(), ring.DiscreteGaussian{Sigma: sigma, Bound: 6 * sigma}, false).Read(p)
	return p
}

// layers returns the widths of the 128 layers of the ziggurat that the library
// draws from (Marsaglia and Tsang, 2000, section 4).
func layers() (w [128]float64) {
	const m, v = 1 << 31, 9.91256303526217e-3
	x := 3.442619855899
	w[0] = float64(float32(v / math.Exp(-x*x/2) / m))
	w[127] = float64(float32(x / m))
	for i := 126; i > 0; i-- {
		x = math.Sqrt(-2 * math.Log(v/x+math.Exp(-x*x/2)))
		w[i] = float64(float32(x / m))
	}
	return w
}

// read lists the errors within size that z can hide if its flood is of the
// library's kind, which takes 2^31 sizes only: 24 bits choose within a layer.
func read(z, sigma, size float64, w *[128]float64) (found []float64) {
	sign := 1.0
	if z < 0 {
		z, sign = -z, -1
	}
	for i := range w {
		step := w[i] * sigma
		from := math.Ceil(((z-size)/step - float64(i)) / 128)
		for j := from*128 + float64(i); j >= 0 && j < 1<<31 && j*step <= z+size+1; j += 128 {
			if e := z - math.Floor(j*step+0.5); math.Abs(e) <= size {
				found = append(found, sign*e)
			}
		}
	}
	return found
}

// legible returns the share of coefficients whose error the reader tells.
func legible(flood poly, sigma float64) float64 {
	const size = 1 << 12 // 4 standard deviations of the error
	w, right := layers(), 0
	for _, f := range centred(flood) {
		var b [2]byte
		rand.Read(b[:]) // never fails
		e := float64(int(b[0])|int(b[1])<<8)/16 - 2048
		e = math.Floor(e)
		z, _ := new(big.Float).SetInt(f).Float64()
		if got := read(z+e, sigma, size, &w); len(got) == 1 && got[0] == e {
			right++
		}
	}
	return float64(right) / Slots
}

// Defect 1 of the library: at a nominal 40 bits of flooding the error is read
// off its noise. The same reader learns nothing from ours at the same width
// (the sampler takes 64 bits and up, so its low end is drawn here by masking).
func TestLibraryFloodingIsLegible(t *testing.T) {
	sigma := math.Exp2(50)
	library := legible(gaussian(t, sigma), sigma)
	ours := legible(narrow(t, 50), sigma)
	t.Logf("errors read: %.1f %% through the library's flooding, %.2f %% through ours", 100*library, 100*ours)
	if library < 0.9 {
		t.Errorf("the library's flooding is legible for %.3f only: is it mended?", library)
	}
	if ours > 0.01 {
		t.Errorf("our smudging is legible for %.3f", ours)
	}
}

// narrow returns the lowest k+1 bits of our smudging, as noise in [-2^k, 2^k).
func narrow(t *testing.T, k uint) poly {
	t.Helper()
	p, err := smudge(rand.Reader, smudgeBits)
	if err != nil {
		t.Fatal(err)
	}
	out, mask := newPoly(), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), k+1), big.NewInt(1))
	for j, x := range centred(p) {
		x.And(x, mask).Sub(x, new(big.Int).Lsh(big.NewInt(1), k))
		for i, q := range primes {
			out.Coeffs[i][j] = new(big.Int).Mod(x, new(big.Int).SetUint64(q)).Uint64()
		}
	}
	return out
}

// Defect 2 of the library: wide flooding is not reduced. Our codec would refuse
// it, and TestSmudgeIsUniform shows that ours is.
func TestLibraryFloodingIsUnreduced(t *testing.T) {
	if err := check(encode(gaussian(t, math.Exp2(57))), 1); err == nil {
		t.Error("the library's flooding at 2^57 is reduced: is it mended?")
	}
}

// Defect 4 of the library: a truncated ciphertext kills the process, which no
// recover can catch; shown in a process of its own, with a small stack.
func TestLibraryDecodingKills(t *testing.T) {
	if os.Getenv("HE_DECODE") != "" {
		debug.SetMaxStack(1 << 20)
		b, err := rlwe.NewCiphertext(sets()[0], 1, 2).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		err = new(rlwe.Ciphertext).UnmarshalBinary(b[:len(b)-100])
		t.Fatalf("survived: %v", err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestLibraryDecodingKills$")
	cmd.Env = append(os.Environ(), "HE_DECODE=1", "GOTRACEBACK=none")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "stack overflow") {
		t.Errorf("the library survived a truncated ciphertext: is it mended? %v\n%.300s", err, out)
	}
}

// So no code of ours calls the library's encodings, and one file the library.
func TestOwnCodecOnly(t *testing.T) {
	banned := map[string]bool{"UnmarshalBinary": true, "MarshalBinary": true, "ReadFrom": true, "WriteTo": true, "UnmarshalJSON": true}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range tree.Imports {
			if strings.Contains(i.Path.Value, "lattigo") && f.Name() != "lattigo.go" {
				t.Errorf("%s imports %s", f.Name(), i.Path.Value)
			}
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && banned[s.Sel.Name] {
				t.Errorf("%s calls %s", f.Name(), s.Sel.Name)
			}
			return true
		})
	}
}
