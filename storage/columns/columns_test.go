package columns

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs/abi"
)

var testKey = bytes.Repeat([]byte{7}, 32)

// settlements is a schema with a column of every type.
const settlements = `{"name":"settlement","columns":[
	{"name":"id_number","type":"person_id","role":"direct_identifier"},
	{"name":"employer","type":"body_id","role":"direct_identifier"},
	{"name":"day","type":"date","role":"quasi_identifier"},
	{"name":"ward","type":"code","role":"frame","codes":["A","B","C"],"labels":["甲","乙","丙"],"required":true},
	{"name":"cost","type":"int64","role":"measure"},
	{"name":"period","type":"month","role":"quasi_identifier"},
	{"name":"note","type":"text","role":"quasi_identifier"}],
	"unit":{"namespace":"natural-person","column":"id_number"},"derived":["birth_month","sex"]}`

const settlementsHeader = "id_number,employer,day,ward,cost,period,note\n"

func parseSchema(tb testing.TB, raw string) Schema {
	tb.Helper()
	s, err := ParseSchema([]byte(raw))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// person is the number of the n-th person: born in 1950 and later, even n men.
func person(tb testing.TB, n int) string {
	tb.Helper()
	d := fmt.Sprintf("520103%04d%02d%02d%02d%d", 1950+n%50, n/50%12+1, n/600%28+1, n/16800, 5-n%2*3)
	c, err := ident.PersonCheck(d)
	if err != nil {
		tb.Fatal(err)
	}
	return d + string(c)
}

// ingest returns the version of a CSV.
func ingest(tb testing.TB, s Schema, csv string) (*Version, Manifest, []byte) {
	tb.Helper()
	var out bytes.Buffer
	m, err := Ingest(context.Background(), strings.NewReader(csv), s, testKey, &out, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	v, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		tb.Fatal(err)
	}
	return v, m, out.Bytes()
}

// rowsOf reads every row of every unit, as text: one string a unit.
func rowsOf(tb testing.TB, v *Version, columns ...string) []string {
	tb.Helper()
	var out []string
	for shard := range v.Shards() {
		err := v.Units(context.Background(), shard, Query{Columns: columns, MaxRows: MaxRows}, func(u Unit) error {
			out = append(out, spell(u))
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

func spell(u Unit) string {
	var b strings.Builder
	for row := range u.Rows {
		for _, c := range u.Columns {
			switch {
			case c.Valid != nil && !c.Valid[row]:
				b.WriteString("-,")
			case c.Type == abi.Int64:
				fmt.Fprintf(&b, "%d,", c.I64[row])
			case c.Type == abi.Utf8:
				fmt.Fprintf(&b, "%s,", c.Str[row])
			default:
				fmt.Fprintf(&b, "%d,", c.I32[row])
			}
		}
		b.WriteString(";")
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	id := "11010519491231002X" // a woman, born in December 1949
	csv := "\ufeffnote, cost ,ward,day,id_number,period,employer\r\n" +
		"\"复诊, \"\"二\"\"\",-5,B,2025-03-04," + id + ",2025-03,91350100M000100Y43\r\n" +
		",,C,,110105491231002,,\r\n" + // the same woman, by her old number
		" x , 7 ,A,20250304,１１０１０５１９４９１２３１００２ｘ,202503,no code at all\r\n"
	v, m, _ := ingest(t, parseSchema(t, settlements), csv)
	got := rowsOf(t, v, "day", "ward", "cost", "period", "note", "birth_month", "sex")
	want := []string{"-,2,-,-,-,-241,1,;20151,0,7,662,x,-241,1,;20151,1,-5,662,复诊, \"二\",-241,1,;"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if v.Rows() != 3 || v.Count() != 1 || v.Shards() != 1 || m.Public.Rows != 3 || m.Profile.Units != 1 {
		t.Errorf("%d rows, %d units, manifest %+v", v.Rows(), v.Count(), m)
	}
	if v.Schema().Digest() != m.Public.Schema {
		t.Error("the version has another schema than its manifest")
	}
	if p := m.Profile.Columns[2]; p != (ColumnProfile{"cost", 1, "-5", "7"}) {
		t.Errorf("profile of cost %+v", p)
	}
	if p := m.Profile.Columns[0]; p != (ColumnProfile{"day", 1, "2025-03-04", "2025-03-04"}) {
		t.Errorf("profile of day %+v", p)
	}
	if p := m.Profile.Columns[5]; p != (ColumnProfile{"birth_month", 0, "1949-12", "1949-12"}) {
		t.Errorf("profile of birth_month %+v", p)
	}
}

// What a unit gives is what the encoder of the guest's area takes.
func TestUnitsAreAreas(t *testing.T) {
	csv := settlementsHeader + person(t, 1) + ",,2025-03-04,A,1,,\n" + person(t, 1) + ",,,B,,,x\n"
	v, _, _ := ingest(t, parseSchema(t, settlements), csv)
	err := v.Units(context.Background(), 0, Query{Columns: []string{"cost", "note", "ward"}, MaxRows: 9}, func(u Unit) error {
		raw, err := abi.AppendArea(nil, nil, u.Columns)
		if err != nil {
			return err
		}
		a, err := abi.ParseArea(raw)
		if err != nil || a.Rows != 2 || a.Cols[0].Int64(1) != 1 || a.Cols[0].Valid(0) || a.Cols[1].Valid(1) || a.Cols[2].Int32(0) != 1 {
			t.Errorf("area %+v, %v", a, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// many returns a CSV of rows rows over people, and the sum of cost.
func many(tb testing.TB, rows, people int) (lines []string, sum int64) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	ids := make([]string, people)
	for i := range ids {
		ids[i] = person(tb, i)
	}
	for range rows {
		cost := r.Int64N(2_000_000) - 1000
		sum += cost
		lines = append(lines, fmt.Sprintf("%s,,2025-%02d-%02d,%c,%d,2025-%02d,n%d\n", ids[r.IntN(people)], 1+r.IntN(12), 1+r.IntN(28), 'A'+rune(r.IntN(3)), cost, 1+r.IntN(12), r.IntN(50)))
	}
	return lines, sum
}

// Over several shards: no unit stands in two, all rows and their sum are
// there, and the order of the file changes no byte.
func TestShards(t *testing.T) {
	s := parseSchema(t, settlements)
	lines, sum := many(t, 3*ShardRows-100, 20_000)
	v, m, first := ingest(t, s, settlementsHeader+strings.Join(lines, ""))
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	_, again, second := ingest(t, s, settlementsHeader+strings.Join(lines, ""))
	if !bytes.Equal(first, second) || fmt.Sprint(m) != fmt.Sprint(again) {
		t.Error("the order of the file shows in the version")
	}
	seen, rows := map[[32]byte]int{}, 0
	for shard := range v.Shards() {
		before := rows
		err := v.Units(context.Background(), shard, Query{Columns: []string{"cost"}, MaxRows: MaxRows}, func(u Unit) error {
			if other, twice := seen[u.Seed(nil)]; twice {
				t.Fatalf("a unit stands in shards %d and %d", other, shard)
			}
			seen[u.Seed(nil)] = shard
			rows += u.Rows
			for _, n := range u.Columns[0].I64 {
				sum -= n
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := rows - before; n < ShardRows*8/10 || n > ShardRows*12/10 {
			t.Errorf("shard %d has %d rows, want about %d", shard, n, ShardRows)
		}
	}
	if sum != 0 || rows != len(lines) || len(seen) != 20_000 || v.Count() != 20_000 || m.Public.Shards != 3 || v.Shards() != 3 {
		t.Errorf("sum off by %d, %d rows, %d units, %+v", sum, rows, len(seen), m.Public)
	}
}

// The secret permutes the units of a shard, and nothing else.
func TestPermutation(t *testing.T) {
	lines, _ := many(t, 500, 100)
	v, _, _ := ingest(t, parseSchema(t, settlements), settlementsHeader+strings.Join(lines, ""))
	read := func(secret []byte) (out []string) {
		q := Query{Columns: []string{"day", "cost"}, MaxRows: 1000, Secret: secret}
		if err := v.Units(context.Background(), 0, q, func(u Unit) error { out = append(out, spell(u)); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	stored, one, other := read(nil), read([]byte("one")), read([]byte("other"))
	if slices.Equal(stored, one) || slices.Equal(one, other) || !slices.Equal(one, read([]byte("one"))) {
		t.Error("the order is not that of the secret")
	}
	for _, order := range [][]string{stored, one, other} {
		slices.Sort(order)
	}
	if !slices.Equal(stored, one) || !slices.Equal(one, other) {
		t.Error("a permutation changed a unit")
	}
}

// Namespace row: every row is a unit, equal ones too, whatever their order.
func TestRowsAsUnits(t *testing.T) {
	s := parseSchema(t, `{"columns":[
		{"name":"name","type":"text","role":"direct_identifier"},
		{"name":"sector","type":"code","role":"frame","codes":["A","B"]},
		{"name":"size","type":"int64","role":"measure"}],"unit":{"namespace":"row","column":""}}`)
	v, m, first := ingest(t, s, "sector,size,name\nA,1,x\nA,1,y\nB,,z\nA,1,\n,2,\n")
	_, _, second := ingest(t, s, "name,sector,size\n,,2\n,A,1\nq,B,\n,A,1\nr,A,1\n")
	if !bytes.Equal(first, second) {
		t.Error("the order of the file, or a dropped column, shows in the version")
	}
	got := rowsOf(t, v, "sector", "size")
	slices.Sort(got)
	if want := []string{"-,2,;", "0,1,;", "0,1,;", "0,1,;", "1,-,;"}; !slices.Equal(got, want) {
		t.Errorf("units %q, want %q", got, want)
	}
	if m.Profile.Units != 5 || bytes.Contains(first, []byte("xyz")) {
		t.Errorf("profile %+v", m.Profile)
	}
}
