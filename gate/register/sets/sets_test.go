package sets

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func list(s string) [][]string {
	var out [][]string
	for f := range strings.FieldsSeq(s) {
		out = append(out, strings.Split(f, ""))
	}
	return out
}

func TestIsolates(t *testing.T) {
	tests := []struct {
		name, opened, granted string
		least                 int
		want                  string
	}{
		{name: "nothing", least: 3},
		{name: "one set", opened: "ABC", least: 3},
		{name: "the same set again", opened: "ABC CBA ABC", least: 3},
		{name: "a set below the least", opened: "AB", least: 3, want: "AB"},
		{name: "C was down", opened: "ABC AB", least: 2, want: "C"},
		{name: "C agreed to stand alone", opened: "ABC AB", granted: "C", least: 2},
		{name: "B agreed, not C", opened: "ABC AB", granted: "B", least: 2, want: "C"},
		{name: "three pairs", opened: "AB BC AC", least: 2, want: "A"},
		{name: "two pairs of three", opened: "AB BC", least: 2},
		{name: "two apart by two", opened: "ABCD AB", least: 2},
		{name: "two apart by two, three wanted", opened: "ABCD AB", least: 3, want: "AB"},
		{name: "by rank only", opened: "ABC ABD CDE E", granted: "E", least: 2, want: "C"},
		{name: "by rank, all even", opened: "ABCD CDEF ABEF", least: 2},
		{name: "by rank, with the pair", opened: "ABC ABD CD", least: 2, want: "C"},
		{name: "disjoint", opened: "ABC DEF", least: 3},
		{name: "one asks for none", opened: "A", least: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := Isolates(list(tt.opened), tt.least, strings.Split(tt.granted, ""))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if l != nil {
				got = strings.Join(l.Domains, "")
				confirm(t, list(tt.opened), l)
			}
			if got != tt.want {
				t.Errorf("isolated %q, want %q", got, tt.want)
			}
		})
	}
}

// confirm recomputes a leak from its coefficients.
func confirm(t *testing.T, opened [][]string, l *Leak) {
	t.Helper()
	sum := map[string]*big.Rat{}
	for i, s := range opened {
		for _, d := range s {
			if sum[d] == nil {
				sum[d] = new(big.Rat)
			}
			sum[d].Add(sum[d], l.Coefficients[i])
		}
	}
	for d, x := range sum {
		if (x.Sign() != 0) != slices.Contains(l.Domains, d) {
			t.Errorf("domain %s has coefficient %v in %v", d, x, l.Domains)
		}
	}
}

// TestAgainstIntegers compares with all combinations of small integer
// coefficients: whatever they isolate must be found.
func TestAgainstIntegers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	leaks := 0
	for range 400 {
		n, least := 3+rng.IntN(3), 2+rng.IntN(2)
		var opened [][]string
		for range 2 + rng.IntN(3) {
			var s []string
			for d := range n {
				if rng.IntN(3) > 0 {
					s = append(s, fmt.Sprint(d))
				}
			}
			opened = append(opened, s)
		}
		l, err := Isolates(opened, least, nil)
		if err != nil {
			t.Fatal(err)
		}
		brute := bruteLeak(opened, n, least)
		if brute && l == nil {
			t.Fatalf("%v with least %d: integers isolate, Isolates says no", opened, least)
		}
		if l != nil {
			leaks++
			confirm(t, opened, l)
		}
	}
	if leaks < 50 || leaks > 380 {
		t.Errorf("%d of 400 leak: the sample says little", leaks)
	}
}

func bruteLeak(opened [][]string, n, least int) bool {
	c := make([]int, len(opened))
	var try func(i int) bool
	try = func(i int) bool {
		if i < len(c) {
			for v := -2; v <= 2; v++ {
				c[i] = v
				if try(i + 1) {
					return true
				}
			}
			return false
		}
		size := 0
		for d := range n {
			x := 0
			for j, s := range opened {
				if slices.Contains(s, fmt.Sprint(d)) {
					x += c[j]
				}
			}
			if x != 0 {
				size++
			}
		}
		return size > 0 && size < least
	}
	return try(0)
}

func TestBounds(t *testing.T) {
	var wide []string
	for i := range maxDomains + 1 {
		wide = append(wide, fmt.Sprint(i))
	}
	if _, err := Isolates([][]string{wide}, 2, nil); !errors.Is(err, ErrBound) {
		t.Errorf("%d domains: %v", len(wide), err)
	}
	if _, err := Isolates([][]string{wide[:200]}, 6, nil); !errors.Is(err, ErrBound) {
		t.Errorf("subsets of 5 of 200: %v", err)
	}
	if _, err := Isolates([][]string{{"a", "a"}}, 2, nil); err == nil {
		t.Error("a domain named twice is accepted")
	}
}
