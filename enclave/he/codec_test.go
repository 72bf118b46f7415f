package he

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
)

func TestDoor(t *testing.T) {
	err := door("x", func() error { ringQ().NTT(poly{}, poly{}); return nil })
	if !errors.Is(err, fault.Internal) {
		t.Errorf("err = %v", err)
	}
	if err := door("x", func() error { return fault.Denied }); !errors.Is(err, fault.Denied) {
		t.Errorf("err = %v", err)
	}
}

// Every coefficient is held below its own prime, at the edge and far past it.
func TestUnreduced(t *testing.T) {
	for k := range 2 * len(primes) {
		for _, j := range []int{0, 1, Slots - 1} {
			q := primes[k%len(primes)]
			for _, w := range []uint64{0, q - 1, q, q + 1, 1 << 53, 1<<63 - 1, 1 << 63, 1<<63 + 5, 1<<64 - 1} {
				b := make([]byte, CiphertextSize)
				binary.LittleEndian.PutUint64(b[(k*Slots+j)*8:], w)
				if err := check(b, 2); (err == nil) != (w < q) {
					t.Errorf("row %d, column %d, word %d: %v", k, j, w, err)
				}
			}
		}
	}
}

// FuzzDecode changes the length and one word of an encoding. What is read is
// exactly what is canonical, and writes the same bytes again.
func FuzzDecode(f *testing.F) {
	f.Add(0, uint32(0), uint64(0), []byte{})
	f.Add(-1, uint32(9), uint64(q0), []byte{1})
	f.Add(8, uint32(24575), uint64(q2-1), bytes.Repeat([]byte{0xff}, 64))
	f.Add(-2*polySize, uint32(3*Slots), uint64(1<<63), []byte("short"))
	f.Fuzz(func(t *testing.T, longer int, at uint32, word uint64, head []byte) {
		b := make([]byte, max(0, min(2*polySize+longer%(2*polySize+16), 3*polySize)))
		copy(b, head)
		if i := int(at) * 8; i+8 <= len(b) {
			binary.LittleEndian.PutUint64(b[i:], word)
		}
		p, q := newPoly(), newPoly()
		err := decode(b, p, q)
		if err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(encode(p, q), b) {
			t.Fatal("read, and written otherwise")
		}
		if canonical := len(b) == 2*polySize && below(b); canonical != (err == nil) {
			t.Fatalf("canonical %v: %v", canonical, err)
		}
	})
}

func below(b []byte) bool {
	for i := 0; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:]) >= primes[i/8/Slots%len(primes)] {
			return false
		}
	}
	return true
}

// FuzzPublicKey reads keys: never a panic, and only a whole one with a seed.
func FuzzPublicKey(f *testing.F) {
	f.Add([]byte{1}, 0, uint64(0))
	f.Add([]byte{}, 0, uint64(0))
	f.Add([]byte{1}, -8, uint64(1))
	f.Add([]byte{1}, 0, uint64(q0))
	f.Fuzz(func(t *testing.T, head []byte, longer int, word uint64) {
		b := make([]byte, max(0, min(PublicKeySize+longer%PublicKeySize, PublicKeySize+64)))
		copy(b, head)
		if len(b) > SeedSize+8 {
			binary.LittleEndian.PutUint64(b[SeedSize:], word)
		}
		k, err := decodePublicKey(b)
		if err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(encode(k.b), b[SeedSize:]) {
			t.Fatal("read, and written otherwise")
		}
		if err == nil && bytes.Equal(b[:SeedSize], make([]byte, SeedSize)) {
			t.Fatal("a key without a seed")
		}
	})
}
