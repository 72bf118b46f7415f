package columns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/yunei/yunei/fault"
)

const goodID = "11010519491231002X"

func TestRefusedFiles(t *testing.T) {
	s := parseSchema(t, settlements)
	const good = goodID + ",,2025-03-04,A,1,2025-03,x\n"
	for _, c := range []struct{ name, csv, want string }{
		{"nothing", "", "line 1: the file is empty, want a header"},
		{"only a mark", "\ufeff", "line 1: the file is empty, want a header"},
		{"no header", goodID + ",,2025-03-04,A,1,2025-03,x\n", "line 1: cell 1 of the header is not a column of the schema, or stands twice; " +
			"line 1: cell 2 of the header is not a column of the schema, or stands twice; " +
			"line 1: cell 3 of the header is not a column of the schema, or stands twice; " +
			"line 1: cell 4 of the header is not a column of the schema, or stands twice; " +
			"line 1: cell 5 of the header is not a column of the schema, or stands twice; " +
			"line 1: cell 6 of the header is not a column of the schema, or stands twice; " +
			"line 1: cell 7 of the header is not a column of the schema, or stands twice; " +
			"line 1, column id_number: not in the header; line 1, column employer: not in the header; " +
			"line 1, column day: not in the header; line 1, column ward: not in the header; line 1, column cost: not in the header; " +
			"line 1, column period: not in the header; line 1, column note: not in the header"},
		{"a derived column", strings.TrimSpace(settlementsHeader) + ",sex\n", "line 1: cell 8 of the header is not a column of the schema, or stands twice"},
		{"a column twice", strings.TrimSpace(settlementsHeader) + ",cost\n", "line 1: cell 8 of the header is not a column of the schema, or stands twice"},
		{"a column short", "id_number,employer,day,ward,cost,period\n", "line 1, column note: not in the header"},
		{"a header in GBK", "id_number,\xd6\xa4\xbc\xfe\n", "line 1: not UTF-8 (a file in GBK or GB 18030 has to be saved as UTF-8 first)"},
		{"UTF-16", "\xff\xfei\x00d\x00", "line 1: not UTF-8 (a file in GBK or GB 18030 has to be saved as UTF-8 first)"},
		{"a cell in GBK", settlementsHeader + good + goodID + ",,,A,,,\xb8\xd0\xc3\xb0\n", "line 3, column note: not UTF-8 (a file in GBK or GB 18030 has to be saved as UTF-8 first)"},
		{"a cell too few", settlementsHeader + goodID + ",,2025-03-04,A,1,2025-03\n", "line 2: 6 cells, but the header has 7"},
		{"a cell too many", settlementsHeader + goodID + ",,2025-03-04,A,1,2025-03,x,y\n", "line 2: 8 cells, but the header has 7"},
		{"no such day", settlementsHeader + goodID + ",,2025-02-30,A,,,\n", "line 2, column day: not a date such as 2025-03-04"},
		{"a foreign date", settlementsHeader + goodID + ",,04/03/2025,A,,,\n", "line 2, column day: not a date such as 2025-03-04"},
		{"full-width digits", settlementsHeader + goodID + ",,２０２５0304,A,,,\n", "line 2, column day: not a date such as 2025-03-04"},
		{"no such month", settlementsHeader + goodID + ",,,A,,2025-13,\n", "line 2, column period: not a month such as 2025-03"},
		{"a fraction", settlementsHeader + goodID + ",,,A,120.50,,\n", "line 2, column cost: not a whole number of 64 bits"},
		{"past int64", settlementsHeader + goodID + ",,,A,9223372036854775808,,\n", "line 2, column cost: not a whole number of 64 bits"},
		{"a formula", settlementsHeader + goodID + ",,,A,=1+1,,\n", "line 2, column cost: not a whole number of 64 bits"},
		{"the word NULL", settlementsHeader + goodID + ",,,A,NULL,,\n", "line 2, column cost: not a whole number of 64 bits"},
		{"no such code", settlementsHeader + goodID + ",,,D,,,\n", "line 2, column ward: not in the code list"},
		{"a code in small letters", settlementsHeader + goodID + ",,,a,,,\n", "line 2, column ward: not in the code list"},
		{"a missing code", settlementsHeader + goodID + ",,, ,,,\n", "line 2, column ward: missing, but required"},
		{"a row that would be set aside", settlementsHeader + ",,,A,x,,\n", "line 2, column cost: not a whole number of 64 bits"},
		{"long text", settlementsHeader + goodID + ",,,A,,," + strings.Repeat("x", MaxText+1) + "\n", "line 2, column note: longer than 4096 bytes"},
		{"several", settlementsHeader + good + goodID + ",,x,D,,,\n\n" + goodID + "\n", "line 3, column day: not a date such as 2025-03-04; line 3, column ward: not in the code list; line 5: 1 cells, but the header has 7"},
		{"an open quote", settlementsHeader + good + goodID + ",,,A,,,\"x\n", "line 3: a quotation mark is out of place or not closed"},
		{"a quote inside", settlementsHeader + goodID + ",,,A,,,x\"y\n", "line 2: a quotation mark is out of place or not closed"},
		{"an open quote in a long file", settlementsHeader + good + goodID + ",,,A,,,\"x" + strings.Repeat(good, MaxRecord/20), "line 3: the row is longer than 1 MiB (is a quotation mark not closed?)"},
		{"twenty", settlementsHeader + strings.Repeat(goodID+",,,D,,,\n", 30), strings.Repeat("; line %d, column ward: not in the code list", 20)[2:] + "; and no further line was read"},
	} {
		if strings.Contains(c.want, "%d") {
			var lines []any
			for i := range MaxMistakes {
				lines = append(lines, i+2)
			}
			c.want = fmt.Sprintf(c.want, lines...)
		}
		var out bytes.Buffer
		_, err := Ingest(context.Background(), strings.NewReader(c.csv), s, testKey, &out, Options{})
		if err == nil || err.Error() != "ingesting: "+c.want || !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.want)
		}
		if _, ok := errors.AsType[Mistakes](err); !ok || out.Len() > 0 {
			t.Errorf("%s: no Mistakes, or %d bytes written", c.name, out.Len())
		}
	}
}

// All spellings of a number are one unit; rows without a valid
// number are counted for the provider and nowhere else.
func TestUnitIdentifiers(t *testing.T) {
	csv := settlementsHeader
	for _, id := range []string{
		goodID, "11010519491231002x", "110105491231002", "１１０１０５１９４９１２３１００２Ｘ", " " + goodID + " ",
		"", " ", "NULL", "E12345678", "110105194912310021", "110105194913310021", "110105202606010013",
	} {
		csv += id + ",,,A,1,,\n"
	}
	var out bytes.Buffer
	o := Options{Day: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	m, err := Ingest(context.Background(), strings.NewReader(csv), parseSchema(t, settlements), testKey, &out, o)
	if err != nil {
		t.Fatal(err)
	}
	rule := func(r string) string {
		return fmt.Sprintf("reading a citizen number: rule %q does not hold: invalid", r)
	}
	want := map[string]int{AsideMissing: 2, rule("length"): 2, rule("check digit"): 2, rule("date of birth"): 1}
	if born, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || born.Count() != 1 || born.Rows() != 5 || m.Public.Rows != 5 {
		t.Errorf("%+v, %v", m, err)
	}
	if !maps.Equal(m.Profile.SetAside, want) {
		t.Errorf("set aside %v, want %v", m.Profile.SetAside, want)
	}
}

func TestBornAfterDelivery(t *testing.T) {
	csv := settlementsHeader + goodID + ",,,A,1,,\n"
	for day, aside := range map[time.Time]int{
		time.Date(1949, 12, 30, 0, 0, 0, 0, time.UTC): 1,
		time.Date(1949, 12, 31, 0, 0, 0, 0, time.UTC): 0,
	} {
		m, err := Ingest(context.Background(), strings.NewReader(csv), parseSchema(t, settlements), testKey, io.Discard, Options{Day: day})
		if err != nil || m.Profile.SetAside[AsideUnborn] != aside || m.Public.Rows != 1-aside {
			t.Errorf("delivered on %v: %+v, %v", day, m, err)
		}
	}
}

func TestLegalPersons(t *testing.T) {
	s := parseSchema(t, `{"columns":[{"name":"uscc","type":"body_id","role":"unit"},{"name":"n","type":"int64","role":"measure"}],"unit":{"namespace":"legal-person","column":"uscc"}}`)
	v, m, _ := ingest(t, s, "uscc,n\n91350100M000100Y43,1\n91350100m000100y43,2\n91350100M000100Y42,3\n,4\n")
	if got := rowsOf(t, v, "n"); !slices.Equal(got, []string{"1,;2,;"}) || len(m.Profile.SetAside) != 2 {
		t.Errorf("units %q, profile %+v", got, m.Profile)
	}
}

// No direct identifier is in what is written, nor in what the encoder of the
// library might keep of it.
func TestIdentifiersAreGone(t *testing.T) {
	id := person(t, 5)
	_, _, raw := ingest(t, parseSchema(t, settlements), settlementsHeader+id+",91350100M000100Y43,,A,1,,\n")
	for _, secret := range []string{id, "91350100M000100Y43", string(testKey)} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Error("an identifier or the key stands in the version")
		}
	}
}

func TestEmptyVersion(t *testing.T) {
	for name, csv := range map[string]string{"no rows": settlementsHeader, "all set aside": settlementsHeader + "x,,,A,,,\n"} {
		v, m, _ := ingest(t, parseSchema(t, settlements), csv)
		if v.Rows() != 0 || v.Shards() != 1 || v.Count() != 0 || m.Public.Rows != 0 || len(rowsOf(t, v, "cost")) != 0 {
			t.Errorf("%s: %d rows in %d shards", name, v.Rows(), v.Shards())
		}
	}
}

func TestIngestStops(t *testing.T) {
	s := parseSchema(t, settlements)
	row := goodID + ",,,A,1,,\n"
	csv := settlementsHeader + row + row + row
	run := func(ctx context.Context, r io.Reader, w io.Writer, key []byte, s Schema, o Options) error {
		_, err := Ingest(ctx, r, s, key, w, o)
		return err
	}
	bg := context.Background()
	gone, cancel := context.WithCancel(bg)
	cancel()
	broken := errors.New("the line is cut")
	full := fmt.Errorf("the disk: %w", fault.Exhausted)
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"too many rows", run(bg, strings.NewReader(csv), io.Discard, testKey, s, Options{MaxRows: 2}), fault.Exhausted},
		{"cancelled", run(gone, strings.NewReader(csv), io.Discard, testKey, s, Options{}), context.Canceled},
		{"the reader fails", run(bg, io.MultiReader(strings.NewReader(csv), iotest.ErrReader(broken)), io.Discard, testKey, s, Options{}), broken},
		{"the reader fails at once", run(bg, iotest.ErrReader(broken), io.Discard, testKey, s, Options{}), broken},
		{"the writer fails", run(bg, strings.NewReader(csv), &failing{after: 0, err: full}, testKey, s, Options{}), full},
		{"the writer fails later", run(bg, strings.NewReader(csv), &failing{after: 200, err: full}, testKey, s, Options{}), fault.Exhausted},
		{"a short key", run(bg, strings.NewReader(csv), io.Discard, testKey[:8], s, Options{}), fault.Invalid},
		{"no schema", run(bg, strings.NewReader(csv), io.Discard, testKey, Schema{}, Options{}), fault.Invalid},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	if err := run(bg, strings.NewReader(csv), io.Discard, testKey, s, Options{MaxRows: 3}); err != nil {
		t.Errorf("as many rows as allowed: %v", err)
	}
}

type failing struct {
	after int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestProgress(t *testing.T) {
	lines, _ := many(t, stride+10, 100)
	var seen []int
	o := Options{Progress: func(rows int) { seen = append(seen, rows) }}
	_, err := Ingest(context.Background(), strings.NewReader(settlementsHeader+strings.Join(lines, "")), parseSchema(t, settlements), testKey, io.Discard, o)
	if err != nil || !slices.Equal(seen, []int{stride, stride + 10}) {
		t.Errorf("reports %v, %v", seen, err)
	}
}

// Any table: the rows of a unit are exactly its rows, in their order, and a
// shuffled file gives the same bytes.
func TestAnyTable(t *testing.T) {
	s := parseSchema(t, `{"columns":[
		{"name":"id","type":"person_id","role":"unit"},
		{"name":"n","type":"int64","role":"measure"},
		{"name":"w","type":"text","role":"frame"}],"unit":{"namespace":"natural-person","column":"id"}}`)
	ids := []string{person(t, 1), person(t, 2), person(t, 3), ""}
	rapid.Check(t, func(rt *rapid.T) {
		type row struct {
			who  int
			n, w string
		}
		rows := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) row {
			return row{
				rapid.IntRange(0, 3).Draw(rt, "who"),
				rapid.SampledFrom([]string{"", "-1", "0", "7"}).Draw(rt, "n"),
				rapid.SampledFrom([]string{"", "a", "b,\"\nc", "域"}).Draw(rt, "w"),
			}
		})).Draw(rt, "rows")
		csvOf := func(rows []row) string {
			b := "id,n,w\n"
			for _, r := range rows {
				b += ids[r.who] + "," + r.n + ",\"" + strings.ReplaceAll(r.w, `"`, `""`) + "\"\n"
			}
			return b
		}
		v, m, first := ingest(t, s, csvOf(rows))
		_, _, second := ingest(t, s, csvOf(rapid.Permutation(rows).Draw(rt, "order")))
		if !bytes.Equal(first, second) {
			rt.Fatal("the order of the file shows")
		}
		slices.SortStableFunc(rows, func(a, b row) int { // missing, -1, 0, 7 and missing, a, b, 域 are in this order
			at := func(r row) string { return strings.Replace(r.n, "-1", "!", 1) + "\x00" + r.w }
			return strings.Compare(at(a), at(b))
		})
		want := map[int]string{}
		for _, r := range rows {
			want[r.who] += orDash(r.n) + "," + orDash(r.w) + ",;"
		}
		aside := m.Profile.SetAside[AsideMissing]
		delete(want, 3)
		if got := rowsOf(t, v, "n", "w"); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(maps.Values(want))) || v.Rows()+aside != len(rows) {
			rt.Fatalf("units %q, want %v", got, want)
		}
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
