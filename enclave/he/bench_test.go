package he

import (
	"fmt"
	"math"
	"testing"
)

// A step is one of a round of 3 of 5; bytes a step makes are reported with it.
func Benchmark(b *testing.B) {
	b.Run("key/3of5", func(b *testing.B) {
		for b.Loop() {
			newRound(b, 5, 3)
		}
	})
	for _, slots := range []int{320, 64 << 10} {
		b.Run(fmt.Sprintf("slots=%d", slots), func(b *testing.B) { steps(b, slots) })
	}
}

func steps(b *testing.B, slots int) { //nolint:thelper // benchmarks, whose own lines are to be named
	active := []int{1, 2, 3}
	r := newRound(b, 5, 3)
	v := draw(slots, 1<<40)
	one := must(encrypt(r.key, v))(b)
	b.Run("encrypt", func(b *testing.B) {
		for b.Loop() {
			if err := Encrypt(r.key, v, discard); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(Moduli*Chunks(slots)*CiphertextSize), "B/site")
	})
	b.Run("add", func(b *testing.B) {
		adders := make([]Adder, Moduli*Chunks(slots))
		for b.Loop() {
			for m := range one {
				for c, ct := range one[m] {
					if err := adders[m*Chunks(slots)+c].Add(ct); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
	b.Run("answer", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			r := newRound(b, 3, 3)
			b.StartTimer()
			if err := r.members[1].Answer(active, r.gate.PublicKey(), Chunks(slots), from(one), discard); err != nil {
				b.Fatal(err)
			}
		}
	})
	shares := r.answers(b, active, one)
	b.Run("open", func(b *testing.B) {
		secret := r.gate.secret.CopyNew()
		for b.Loop() {
			r.gate.ready, r.gate.secret = true, *secret.CopyNew()
			must(r.open(one, shares, slots, math.MaxInt64))(b)
		}
	})
}

func discard(int, int, []byte) error { return nil }
