package city

import (
	"math"
	"testing"
)

func TestScaleIsAPowerOfTwo(t *testing.T) {
	for x := int64(-6 << 16); x <= 10<<16; x += 997 {
		want := 10_000_000 * math.Exp2(float64(x)/65536)
		if got := float64(scale(10_000_000, x, 1<<50)); math.Abs(got-want) > 2+want*2e-6 {
			t.Fatalf("scale by 2^(%d/65536) is %.0f, want %.0f", x, got, want)
		}
	}
	for _, c := range []struct{ median, x, limit, want int64 }{{5, 3 << 16, 30, 30}, {5, -80 << 16, 30, 1}, {5, 90 << 16, 30, 30}, {5, 0, 30, 5}} {
		if got := scale(c.median, c.x, c.limit); got != c.want {
			t.Errorf("scale%+v = %d", c, got)
		}
	}
}

// Means and variances of a million draws lie within six standard errors.
func TestDraws(t *testing.T) {
	const n = 1_000_000
	d := newDice(1, 1)
	for _, c := range []struct {
		name       string
		draw       func() int64
		mean, sd   float64
		fourSigmas float64
	}{
		{"normal", d.normal, 0, 1, 3.2e-5},
		{"exponential", d.exponential, 1 / math.Ln2, 1 / math.Ln2, 0},
	} {
		var sum, squares float64
		beyond := 0
		for range n {
			x := float64(c.draw()) / 65536
			sum += x
			squares += x * x
			if math.Abs(x) > 4 && c.fourSigmas > 0 {
				beyond++
			}
		}
		mean := sum / n
		sd := math.Sqrt(squares/n - mean*mean)
		if math.Abs(mean-c.mean) > 6*c.sd/1000+1e-4 || math.Abs(sd-c.sd) > 0.012 {
			t.Errorf("%s: mean %f, standard deviation %f", c.name, mean, sd)
		}
		if beyond > int(2*n*c.fourSigmas) {
			t.Errorf("%s: %d beyond four", c.name, beyond)
		}
	}
}

func TestAlias(t *testing.T) {
	const n = 400_000
	weights := []int{0, 1, 10, 100, 0, 1000, 7, 3000}
	sum := 0
	for _, w := range weights {
		sum += w
	}
	a, d := newAlias(weights), newDice(2, 2)
	got := make([]int, len(weights))
	for range n {
		got[a.draw(d)]++
	}
	for i, w := range weights {
		want := n * float64(w) / float64(sum)
		if math.Abs(float64(got[i])-want) > 6*math.Sqrt(want) {
			t.Errorf("weight %d: drawn %d times, want about %.0f", w, got[i], want)
		}
	}
}

func TestShuffledYieldsEachOnce(t *testing.T) {
	for n := 1; n < 40; n++ {
		seen := make([]bool, n)
		count := 0
		for i := range shuffled(newDice(uint64(n), 3), n) {
			if seen[i] {
				t.Fatalf("%d of %d comes twice", i, n)
			}
			seen[i] = true
			count++
		}
		if count != n {
			t.Errorf("%d of %d", count, n)
		}
	}
}
