package roll

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// numbers are citizens' of nobody, rising.
var numbers = []string{checked("11010519491231002"), checked("11010519491231003"), checked("13010519491231003")}

func checked(first string) string {
	c, err := ident.PersonCheck(first)
	if err != nil {
		panic(err)
	}
	return first + string(c)
}

func drafted(ids ...string) *Draft {
	d := &Draft{}
	for _, id := range ids {
		d.Add(id)
	}
	return d
}

func written(tb testing.TB) ([]byte, set.Commitment) {
	tb.Helper()
	var b bytes.Buffer
	c, err := drafted(numbers[2], numbers[0], numbers[1], numbers[0]).Write(set.NaturalPerson, suite.Salt{3}, &b)
	if err != nil {
		tb.Fatal(err)
	}
	return b.Bytes(), c
}

// What was gathered in any order, some of it twice, comes back rising, each once,
// under the commitment that its numbers make.
func TestRoll(t *testing.T) {
	raw, c := written(t)
	r, err := Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for id, err := range r.Numbers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if !slices.Equal(got, numbers) || r.Set() != c || r.Namespace() != set.NaturalPerson || r.Salt() != (suite.Salt{3}) {
		t.Errorf("%v, %+v, %s", got, r.Set(), r.Namespace())
	}
	again, err := set.Commit(set.NaturalPerson, r.Salt(), r.Numbers(t.Context()))
	if err != nil || again != c {
		t.Errorf("%+v, %v", again, err)
	}
	if s := fmt.Sprintf("%v %+v", r, r); s != "roll roll" {
		t.Errorf("a roll prints as %s", s)
	}
}

// What is no canonical number, and a roll of nobody, are refused with nothing
// written.
func TestRollRefusals(t *testing.T) {
	for _, ids := range [][]string{nil, {""}, {"1101051949123100"}, {"110105194912310020"}, {numbers[0], "11010519491231002x"}} {
		var b bytes.Buffer
		if _, err := drafted(ids...).Write(set.NaturalPerson, suite.Salt{}, &b); !errors.Is(err, fault.Invalid) || b.Len() > 0 {
			t.Errorf("%q: %v, %d bytes", ids, err, b.Len())
		}
	}
	if _, err := drafted(numbers...).Write("row", suite.Salt{}, &bytes.Buffer{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a roll of rows: %v", err)
	}
}

// A damaged roll is an error of kind Tampered or reads as some numbers, and
// allocates by nothing that it says.
func FuzzOpen(f *testing.F) {
	raw, _ := written(f)
	f.Add(raw)
	f.Add(raw[:len(raw)-1])
	f.Add([]byte(magic))
	f.Add([]byte(magic + `{"namespace":"natural-person","salt":"","set":{"root":"","size":16777216}}` + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Open(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			if !errors.Is(err, fault.Tampered) {
				t.Fatal(err)
			}
			return
		}
		n := 0
		for _, err := range r.Numbers(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != r.Set().Size {
			t.Fatalf("%d numbers of %d", n, r.Set().Size)
		}
	})
}
