package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// columnsOf is how many columns of a terminal a text takes: a Chinese
// character takes two (UAX #11).
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		case width.Neutral, width.EastAsianAmbiguous, width.EastAsianNarrow, width.EastAsianHalfwidth:
			n++
		}
	}
	return n
}

// An aligned table has rows of cells. The cells of a column take the width of
// its widest; figures stand to the right.
type aligned struct {
	rows  [][]string
	right map[int]bool
}

func (a *aligned) add(cells ...string) { a.rows = append(a.rows, cells) }

func (a *aligned) print(w io.Writer) {
	var widths []int
	for _, r := range a.rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columnsOf(c))
		}
	}
	for _, r := range a.rows {
		var b strings.Builder
		for i, c := range r {
			gap := strings.Repeat(" ", widths[i]-columnsOf(c))
			if a.right[i] {
				c, gap = gap+c, ""
			}
			b.WriteString(c + gap + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// bar draws a share of a whole.
func bar(part, whole uint64) string {
	const cells = 30
	n := 0
	if whole > 0 {
		n = int(min(float64(part)/float64(whole), 1)*cells + 0.5)
	}
	if n == 0 && part > 0 && whole > 0 {
		n = 1
	}
	return strings.Repeat("█", n) + strings.Repeat("░", cells-n)
}

func percent(part, whole uint64) string {
	if whole == 0 {
		return "-"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// grouped writes a number with a comma for every thousand.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
