package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
)

// nobody is a citizen number, rising with n, of a day on which few live any
// more.
func nobody(n int) string {
	s := fmt.Sprintf("5201021925%02d%02d%03d", 1+n/280%12, 1+n/10%28, n%10)
	c, err := ident.PersonCheck(s)
	if err != nil {
		panic(err)
	}
	return s + string(c)
}

// peopleCmd: `people FILE FROM TO` writes a register of nobodies: a district and
// an amount each, some of them in several rows.
func peopleCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 3 && !neg, "people FILE FROM TO")
	from, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := strconv.Atoi(args[2])
	ts.Check(err)
	var b strings.Builder
	b.WriteString("id_number,district,amount\n")
	districts := []string{"520102", "520103", "520111", ""}
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%s,%s,%d\n", nobody(i), districts[i%8%4*(i%8/4)], 10*i%700)
		if i%3 == 0 {
			fmt.Fprintf(&b, "%s,520103,%d\n", nobody(i), i)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}

// decidedCmd: `decided ID SPEC` takes a description of a join through every
// decision to a permit.
func decidedCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "decided ID SPEC")
	s := the(ts)
	s.Out = ts.Stdout()
	ts.Check(s.Decide(context.Background(), ts.MkAbs(args[1]), "", args[0]))
}

// A held is what a register has on a person.
type held struct {
	codes  []string
	amount int64
}

func rollOf(ts *testscript.TestScript, file string) map[string]held {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(file))).ReadAll()
	ts.Check(err)
	all := map[string]held{}
	for _, r := range rows[1:] {
		n, err := strconv.ParseInt(r[2], 10, 64)
		ts.Check(err)
		h := all[r[0]]
		all[r[0]] = held{append(h.codes, r[1]), h.amount + n}
	}
	return all
}

// joinedCmd: `joined TABLE A B THRESHOLD [CLIP]` holds a released table against
// the plain join of two registers: how many are in both, by the first of B's
// districts that a person has, and with CLIP both sides' amounts, no person's
// above it. A cell of fewer than THRESHOLD is hidden, and no other.
func joinedCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 4 && !neg, "joined TABLE A B THRESHOLD [CLIP]")
	table, err := jobs.ParseCandidate([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	threshold, err := strconv.ParseInt(args[3], 10, 64)
	ts.Check(err)
	clip := int64(0)
	if len(args) == 5 {
		clip, err = strconv.ParseInt(args[4], 10, 64)
		ts.Check(err)
	}
	codes := table.Dims[0].Codes
	want := make([][]int64, len(codes))
	for i := range want {
		want[i] = make([]int64, len(table.Figures))
	}
	a, b := rollOf(ts, args[1]), rollOf(ts, args[2])
	people := 0
	for id, x := range a {
		y, both := b[id]
		if !both {
			continue
		}
		people++
		cell := len(codes) - 1
		for _, c := range y.codes {
			if i := slices.Index(codes[:len(codes)-1], c); i >= 0 {
				cell = min(cell, i)
			}
		}
		want[cell][0]++
		if clip > 0 {
			want[cell][1] += min(x.amount, clip)
			want[cell][2] += min(y.amount, clip)
		}
	}
	hidden := 0
	for i, w := range want {
		switch cell := table.Cells[i]; {
		case w[0] > 0 && w[0] < threshold:
			hidden++
			if cell != nil {
				ts.Fatalf("cell %s of %d is shown", codes[i], w[0])
			}
		case !slices.Equal(cell, w):
			ts.Fatalf("cell %s: %v, want %v", codes[i], cell, w)
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d in both, %d cells, %d hidden\n", people, len(codes), hidden)
}
