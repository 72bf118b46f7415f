package he

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectorFile = "testdata/vectors.json"

// vectors are what another implementation of the codec can be held to;
// enclave/PROTOCOL.md says how. The encodings are large and are given by how to
// build them and by digest.
type vectors struct {
	Slots   int               `json:"slots"`
	Primes  [3]uint64         `json:"primes"`
	Plain   [Moduli]uint64    `json:"plain"`
	Sizes   map[string]int    `json:"sizes"`
	Recipes []recipe          `json:"recipes"`
	Common  map[string]string `json:"common"` // SHA-256 of the polynomial, by the seed in hex
	Values  []valueVector     `json:"values"`
	Refused []spoilt          `json:"refused"`
}

// A recipe builds an encoding of so many polynomials: word i is
// start + i*step modulo 2^64, modulo its prime.
type recipe struct {
	Polys  int    `json:"polys"`
	Start  uint64 `json:"start"`
	Step   uint64 `json:"step"`
	SHA256 string `json:"sha256"`
	Sum    string `json:"sum"` // SHA-256 of the sum with the recipe before it, of as many polynomials; "" for none
}

func (r recipe) bytes() []byte {
	b := make([]byte, 0, r.Polys*polySize)
	for i := range r.Polys * len(primes) * Slots {
		b = binary.LittleEndian.AppendUint64(b, (r.Start+uint64(i)*r.Step)%primes[i/Slots%len(primes)])
	}
	return b
}

// A valueVector is a value, and what it is modulo the plaintext primes.
type valueVector struct {
	Value    int64          `json:"value"`
	Residues [Moduli]uint64 `json:"residues"`
}

// spoilt is a way to spoil the encoding of a recipe such that it is refused:
// the first Length bytes of it and of zeros behind it, and then word At set.
type spoilt struct {
	Why    string `json:"why"`
	Recipe int    `json:"recipe"`
	Length int    `json:"length"`
	At     int    `json:"at"` // -1 for none
	Word   uint64 `json:"word"`
}

func (x spoilt) bytes(v vectors) []byte {
	b := make([]byte, x.Length)
	copy(b, v.Recipes[x.Recipe].bytes())
	if x.At >= 0 {
		binary.LittleEndian.PutUint64(b[8*x.At:], x.Word)
	}
	return b
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func write(t *testing.T) vectors {
	t.Helper()
	v := vectors{
		Slots: Slots, Primes: primes, Plain: [Moduli]uint64{t1, t2}, Common: map[string]string{},
		Sizes: map[string]int{
			"key share": CKGShareSize, "public key": PublicKeySize, "ciphertext": CiphertextSize, "answer": ShareSize, "shamir share": ShamirShareSize,
		},
		Recipes: []recipe{{Polys: 2}, {Polys: 2, Start: 1, Step: 1}, {Polys: 2, Start: q0 - 5, Step: q1 + 7}, {Polys: 1, Start: 3, Step: 1 << 40}},
	}
	for i, r := range v.Recipes {
		v.Recipes[i].SHA256 = hash(r.bytes())
		if i > 0 && v.Recipes[i-1].Polys == r.Polys {
			sum, err := Add(v.Recipes[i-1].bytes(), r.bytes())
			if err != nil {
				t.Fatal(err)
			}
			v.Recipes[i].Sum = hash(sum)
		}
	}
	for _, seed := range [][SeedSize]byte{{1}, {31: 255}} {
		a, err := commonPoly(seed)
		if err != nil {
			t.Fatal(err)
		}
		v.Common[hex.EncodeToString(seed[:])] = hash(encode(a))
	}
	for _, x := range []int64{0, 1, -1, t1, -t1, t2 - 1, 1<<63 - 1, -1 << 63} {
		v.Values = append(v.Values, valueVector{x, residues(x)})
	}
	v.Refused = []spoilt{
		{"nothing", 1, 0, -1, 0},
		{"truncated by a byte", 1, CiphertextSize - 1, -1, 0},
		{"truncated by a word", 1, CiphertextSize - 8, -1, 0},
		{"one polynomial of two", 1, polySize, -1, 0},
		{"a byte more", 1, CiphertextSize + 1, -1, 0},
		{"a polynomial more", 1, CiphertextSize + polySize, -1, 0},
		{"the first coefficient is its prime", 0, CiphertextSize, 0, q0},
		{"a coefficient of the second prime is that prime", 0, CiphertextSize, Slots, q1},
		{"a coefficient of the third prime is the second", 0, CiphertextSize, 2 * Slots, q1},
		{"the last coefficient is its prime", 0, CiphertextSize, 6*Slots - 1, q2},
		{"a coefficient beyond 53 bits", 0, CiphertextSize, 4*Slots + 7, 1 << 53},
		{"the highest bit", 0, CiphertextSize, 12, 1 << 63},
		{"all bits", 0, CiphertextSize, 3*Slots + 1, 1<<64 - 1},
	}
	return v
}

// The code makes exactly these vectors.
func TestVectorsAreMade(t *testing.T) {
	if *update {
		raw, err := json.MarshalIndent(write(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readVectors(t), write(t)); diff != "" {
		t.Errorf("%s (go test ./enclave/he -run Vectors -update): %s", vectorFile, diff)
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var v vectors
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What the file says is an encoding is taken, and no other spelling of it.
func TestVectorsAreTaken(t *testing.T) {
	v := readVectors(t)
	for _, r := range v.Recipes {
		b := r.bytes()
		ps := make([]poly, r.Polys)
		for i := range ps {
			ps[i] = newPoly()
		}
		if err := decode(b, ps...); err != nil || !bytes.Equal(encode(ps...), b) || hash(b) != r.SHA256 {
			t.Errorf("recipe %d + %d i: %v", r.Start, r.Step, err)
		}
	}
	for _, x := range v.Values {
		if got, ok := join(x.Residues[0], x.Residues[1], 1<<63-1); x.Value != -1<<63 && (!ok || got != x.Value) {
			t.Errorf("%v is joined to %d, %v", x.Residues, got, ok)
		}
	}
}

// What the file says is to be refused is, by every reader of that size.
func TestVectorsAreRefused(t *testing.T) {
	v := readVectors(t)
	good := v.Recipes[1].bytes()
	key := append([]byte{SeedSize - 1: 9}, good[:polySize]...)
	for _, x := range v.Refused {
		b := x.bytes(v)
		var sum Adder
		if err := sum.Add(good); err != nil {
			t.Fatal(err)
		}
		if err := sum.Add(b); !errors.Is(err, fault.Invalid) || sum.N() != 1 {
			t.Errorf("%s is added: %v", x.Why, err)
		}
		if err := decode(b, newPoly(), newPoly()); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is read: %v", x.Why, err)
		}
		if _, err := Switch(b, good, good); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is switched: %v", x.Why, err)
		}
		if _, err := Switch(good, good, b); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is an answer: %v", x.Why, err)
		}
		if len(b) == CiphertextSize && x.At < 3*Slots { // as the polynomial of a key
			if _, err := decodePublicKey(append(bytes.Clone(key[:SeedSize]), b[:polySize]...)); !errors.Is(err, fault.Invalid) {
				t.Errorf("%s is a key: %v", x.Why, err)
			}
		}
	}
	if _, err := decodePublicKey(key); err != nil {
		t.Errorf("a good key is refused: %v", err)
	}
	clear(key[:SeedSize])
	if _, err := decodePublicKey(key); !errors.Is(err, fault.Invalid) {
		t.Errorf("a key without a seed is taken: %v", err)
	}
}
