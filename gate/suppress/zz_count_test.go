package suppress

import (
	"fmt"
	"math/bits"
	"sort"
	"testing"
	"time"
)

func TestZZCount(t *testing.T) {
	c := newCensus(t, []int{3, 3}, 3, 12, true)
	start := time.Now()
	table, o := c.t, smallOptions(3)
	type grp struct {
		hidden []bool
		kinds  [][]int64
		told   map[string]int
	}
	groups := map[string]*grp{}
	base := make([]int64, 9)
	nk, nh := 0, 0
	toldAll := map[string]bool{}
	for more := true; more; more = next(base, 0, 3) {
		nk++
		v := totals(table, base)
		rounds, s, err := hide(table, few(v, 3), units(v), o)
		if err != nil {
			t.Fatal(err)
		}
		h := rounds[len(rounds)-1]
		any := false
		key := make([]byte, len(h))
		for i, x := range h {
			if x {
				key[i] = 2
				any = true
			} else if i < 9 && base[i] == 0 {
				key[i] = 1
			}
		}
		if !any {
			continue
		}
		nh++
		g := groups[string(key)]
		if g == nil {
			g = &grp{hidden: h, told: map[string]int{}}
			groups[string(key)] = g
		}
		g.kinds = append(g.kinds, append([]int64(nil), base...))
		tk := told(s, rounds, v)
		g.told[tk]++
		toldAll[tk] = true
	}
	fmt.Println("kinds", nk, "hidden", nh, "groups", len(groups), "told", len(toldAll), time.Since(start))
	bySize := map[string][4]int{}
	var views, pairs int
	byKey := map[string][2]int{}
	for _, g := range groups {
		hc, hm := 0, 0
		for i, x := range g.hidden {
			if x {
				if i < 9 {
					hc++
				} else {
					hm++
				}
			}
		}
		tot := 0
		if g.hidden[15] {
			tot = 1
		}
		k := fmt.Sprintf("cells %d margins %d total %d", hc, hm, tot)
		a := bySize[k]
		a[0]++
		a[1] += len(g.kinds)
		a[2] += len(g.told)
		bySize[k] = a
		n := countViews(c, g.hidden, g.kinds)
		views += n
		b := byKey[k]
		b[0] += n
		byKey[k] = b
	}
	var ks []string
	for k := range bySize {
		ks = append(ks, k)
	}
	sort.Strings(ks)
	for _, k := range ks {
		fmt.Println(k, "groups", bySize[k][0], "kinds", bySize[k][1], "told", bySize[k][2], "views", byKey[k][0])
	}
	fmt.Println("views", views, pairs, time.Since(start))
}

func countViews(c census, hidden []bool, kinds [][]int64) int {
	// independent coordinates: shown margins with hidden cells; greedily drop dependent by rank
	var cells []int
	for i := range 9 {
		if hidden[i] {
			cells = append(cells, i)
		}
	}
	var lines [][]int
	var rows [][]float64
	for i := 9; i < 16; i++ {
		if hidden[i] {
			continue
		}
		row := make([]float64, len(cells))
		var on []int
		for j, x := range cells {
			for _, y := range c.t.Items[i] {
				if int(y) == x {
					row[j] = 1
					on = append(on, j)
				}
			}
		}
		if len(on) == 0 {
			continue
		}
		r := append([]float64(nil), row...)
		for _, q := range rows {
			p := 0
			for q[p] == 0 {
				p++
			}
			f := r[p] / q[p]
			for k := range r {
				r[k] -= f * q[k]
			}
		}
		nz := false
		for _, x := range r {
			if x > 1e-9 || x < -1e-9 {
				nz = true
			}
		}
		for k := range r {
			if r[k] < 1e-9 && r[k] > -1e-9 {
				r[k] = 0
			}
		}
		if nz {
			rows = append(rows, r)
			lines = append(lines, on)
		}
	}
	w := make([]int, len(cells))
	size := 1
	for _, on := range lines {
		for _, j := range on {
			w[j] += size
		}
		size *= 12*len(on) + 1
	}
	words := size/64 + 1
	byL := map[int]map[int]bool{}
	for _, k := range kinds {
		l, off := 0, 0
		for j, x := range cells {
			off += int(k[x]) * w[j]
			if k[x] == 3 {
				l |= 1 << j
			}
		}
		if byL[l] == nil {
			byL[l] = map[int]bool{}
		}
		byL[l][off] = true
	}
	all := make([]uint64, words)
	for l, offs := range byL {
		s := make([]uint64, words)
		s[0] = 1
		hiBit := 0
		for j := range cells {
			if l>>j&1 == 0 {
				continue
			}
			o := append([]uint64(nil), s[:hiBit/64+1]...)
			for y := 1; y <= 9; y++ {
				shiftOr(s, o, y*w[j])
			}
			hiBit += 9 * w[j]
		}
		for off := range offs {
			shiftOr(all, s[:hiBit/64+1], off)
		}
	}
	n := 0
	for _, x := range all {
		n += bits.OnesCount64(x)
	}
	return n
}

func shiftOr(dst, src []uint64, by int) {
	q, r := by/64, uint(by%64)
	for i, x := range src {
		if x == 0 {
			continue
		}
		if i+q < len(dst) {
			dst[i+q] |= x << r
		}
		if r > 0 && i+q+1 < len(dst) {
			dst[i+q+1] |= x >> (64 - r)
		}
	}
}
