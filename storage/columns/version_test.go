package columns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/yunei/yunei/fault"
)

func TestRefusedQueries(t *testing.T) {
	v, _, _ := ingest(t, parseSchema(t, settlements), settlementsHeader+goodID+",,,A,1,,\n")
	never := func(Unit) error { t.Error("a unit was given"); return nil }
	for _, c := range []struct {
		name  string
		shard int
		q     Query
		code  fault.Code
		kind  fault.Kind
	}{
		{"no column", 0, Query{MaxRows: 1}, "column", fault.Denied},
		{"the unit's identifier", 0, Query{Columns: []string{"cost", "id_number"}, MaxRows: 1}, "column", fault.Denied},
		{"another identifier", 0, Query{Columns: []string{"employer"}, MaxRows: 1}, "column", fault.Denied},
		{"the unit key", 0, Query{Columns: []string{keyHi}, MaxRows: 1}, "column", fault.Denied},
		{"an unknown column", 0, Query{Columns: []string{"diagnosis"}, MaxRows: 1}, "column", fault.Denied},
		{"no row", 0, Query{Columns: []string{"cost"}}, "invalid", fault.Invalid},
		{"no such shard", 1, Query{Columns: []string{"cost"}, MaxRows: 1}, "invalid", fault.Invalid},
		{"a negative shard", -1, Query{Columns: []string{"cost"}, MaxRows: 1}, "invalid", fault.Invalid},
	} {
		err := v.Units(context.Background(), c.shard, c.q, never)
		if fault.Show(err).Code != c.code || !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := v.Units(gone, 0, Query{Columns: []string{"cost"}, MaxRows: 1}, never); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop := errors.New("enough")
	if err := v.Units(context.Background(), 0, Query{Columns: []string{"cost"}, MaxRows: 1}, func(Unit) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the function's error: %v", err)
	}
}

func TestRowLimit(t *testing.T) {
	csv := settlementsHeader
	for _, cost := range []string{"5", "3", "", "4"} {
		csv += goodID + ",,,A," + cost + ",,\n"
	}
	v, _, _ := ingest(t, parseSchema(t, settlements), csv)
	err := v.Units(context.Background(), 0, Query{Columns: []string{"cost"}, MaxRows: 2}, func(u Unit) error {
		if spell(u) != "-,;3,;" || u.Rows != 2 || u.LeftOut != 2 {
			t.Errorf("rows %q, %d left out", spell(u), u.LeftOut)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnitHidesItsKey(t *testing.T) {
	u := Unit{key: [16]byte{0xab, 0xcd}, Rows: 1}
	if s := fmt.Sprintf("%v%+v%#v%x%s", u, u, &u, u, []Unit{u}); strings.Contains(s, "171") || strings.Contains(s, "ab") {
		t.Errorf("prints %q", s)
	}
	if u.Seed([]byte("a")) == u.Seed([]byte("b")) || u.Seed([]byte("a")) == (Unit{}).Seed([]byte("a")) {
		t.Error("a seed does not depend on secret and unit")
	}
}

// counting counts the bytes that are read.
type counting struct {
	io.ReaderAt
	mu    sync.Mutex
	bytes int
	calls int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	c.bytes += len(p)
	c.calls++
	c.mu.Unlock()
	return c.ReaderAt.ReadAt(p, off)
}

// A column that is not asked for is not read.
func TestPruning(t *testing.T) {
	lines, _ := many(t, 50_000, 5_000)
	_, _, raw := ingest(t, parseSchema(t, settlements), settlementsHeader+strings.Join(lines, ""))
	c := &counting{ReaderAt: bytes.NewReader(raw)}
	v, err := Open(c, int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	opened := c.bytes
	read := func(columns ...string) int {
		c.bytes, c.calls = 0, 0
		if err := v.Units(context.Background(), 0, Query{Columns: columns, MaxRows: 1}, func(Unit) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if c.calls != keyCols+len(columns) {
			t.Errorf("%d reads for %d columns", c.calls, len(columns))
		}
		return c.bytes
	}
	var all []string
	sum := 0
	key := 2*read("ward") - read("ward", "ward") // each chunk is read once
	for _, col := range v.Schema().Readable() {
		all = append(all, col.Name)
		n := read(col.Name) - key
		if n <= 0 || n > len(raw)*2/3 {
			t.Errorf("column %s takes %d bytes of %d", col.Name, n, len(raw))
		}
		sum += n
	}
	if got := read(all...); got != sum+key {
		t.Errorf("all columns take %d bytes, one by one %d", got, sum+key)
	}
	if opened > 1<<16 || opened+sum+key > len(raw)+64 {
		t.Errorf("opening took %d bytes; the file has %d, %d of them columns", opened, len(raw), sum+key)
	}
}

// The shards of a version are read side by side.
func TestSideBySide(t *testing.T) {
	lines, sum := many(t, 2*ShardRows, 10_000)
	v, _, _ := ingest(t, parseSchema(t, settlements), settlementsHeader+strings.Join(lines, ""))
	sums := make([]int64, 4*v.Shards())
	var wg sync.WaitGroup
	for i := range sums {
		wg.Go(func() {
			err := v.Units(context.Background(), i%v.Shards(), Query{Columns: []string{"note", "cost"}, MaxRows: MaxRows}, func(u Unit) error {
				for _, n := range u.Columns[1].I64 {
					sums[i] += n
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	total := int64(0)
	for _, n := range sums {
		total += n
	}
	if total != 4*sum {
		t.Errorf("sum %d, want %d", total, 4*sum)
	}
}

type errorAt struct {
	io.ReaderAt
	err error
}

func (e *errorAt) ReadAt(p []byte, off int64) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	return e.ReaderAt.ReadAt(p, off)
}

// An error of the reader is not taken for damage.
func TestReaderErrors(t *testing.T) {
	_, _, raw := ingest(t, parseSchema(t, settlements), settlementsHeader+goodID+",,,A,1,,\n")
	lost := errors.New("connection lost")
	r := &errorAt{bytes.NewReader(raw), lost}
	if _, err := Open(r, int64(len(raw))); !errors.Is(err, lost) || errors.Is(err, fault.Tampered) {
		t.Errorf("opening: %v", err)
	}
	r.err = nil
	v, err := Open(r, int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	r.err = lost
	if err := v.Units(context.Background(), 0, Query{Columns: []string{"cost"}, MaxRows: 1}, nil); !errors.Is(err, lost) || errors.Is(err, fault.Tampered) {
		t.Errorf("reading: %v", err)
	}
}

// readAll opens and reads everything; it returns the first error.
func readAll(raw []byte) error {
	v, err := Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return err
	}
	var all []string
	for _, c := range v.Schema().Readable() {
		all = append(all, c.Name)
	}
	for shard := range v.Shards() {
		err := v.Units(context.Background(), shard, Query{Columns: all, MaxRows: 10}, func(u Unit) error { spell(u); return nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// Damage is an error of kind Tampered, or harmless; it never panics.
func TestDamage(t *testing.T) {
	lines, _ := many(t, 300, 50)
	_, _, raw := ingest(t, parseSchema(t, settlements), settlementsHeader+strings.Join(lines, "")+goodID+",,,A,,,\n")
	r := rand.New(rand.NewPCG(5, 6))
	refused := 0
	for i := range 4000 {
		bad := bytes.Clone(raw)
		at := i * len(bad) / 4000
		bad[at] ^= byte(1 + r.IntN(255))
		if i%4 == 0 {
			bad = bad[:at]
		}
		err := readAll(bad)
		if err != nil && !errors.Is(err, fault.Tampered) {
			t.Fatalf("byte %d: %v", at, err)
		}
		if err != nil {
			refused++
		}
		if i%4 == 0 && err == nil {
			t.Fatalf("cut at %d: no error", at)
		}
	}
	if refused < 2000 {
		t.Errorf("%d of 4000 damaged files were refused", refused)
	}
	if err := readAll([]byte("PAR1 this is another file altogether PAR1")); !errors.Is(err, fault.Tampered) {
		t.Errorf("another file: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	lines, _ := many(f, 20, 5)
	_, _, raw := ingest(f, parseSchema(f, settlements), settlementsHeader+strings.Join(lines, ""))
	f.Add(raw)
	f.Add(raw[:len(raw)-9])
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := readAll(raw); err != nil && !errors.Is(err, fault.Tampered) {
			t.Fatal(err)
		}
	})
}

func FuzzIngest(f *testing.F) {
	s := parseSchema(f, settlements)
	lines, _ := many(f, 3, 2)
	f.Add([]byte(settlementsHeader + strings.Join(lines, "")))
	f.Add([]byte("\ufeff" + settlementsHeader + ",,,A,,,\"\n\"\n"))
	f.Add([]byte(settlementsHeader + "\xd6\xa4,,2025-02-30,A,1,2025-00,x\"\n"))
	f.Fuzz(func(t *testing.T, csv []byte) {
		var out bytes.Buffer
		m, err := Ingest(context.Background(), bytes.NewReader(csv), s, testKey, &out, Options{MaxRows: 1000})
		if err != nil {
			if out.Len() > 0 || fault.Of(err) != fault.Invalid && fault.Of(err) != fault.Exhausted {
				t.Fatalf("%v, %d bytes written", err, out.Len())
			}
			return
		}
		v, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil || v.Rows() != m.Public.Rows || v.Count() != m.Profile.Units {
			t.Fatalf("%+v reads back as %+v, %v", m, v, err)
		}
		if err := readAll(out.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkIngest(b *testing.B) {
	s := parseSchema(b, settlements)
	lines, _ := many(b, 200_000, 30_000)
	csv := settlementsHeader + strings.Join(lines, "")
	b.SetBytes(int64(len(csv)))
	for b.Loop() {
		if _, err := Ingest(context.Background(), strings.NewReader(csv), s, testKey, io.Discard, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkUnits(b *testing.B) {
	const rows = 1_500_000
	lines, _ := many(b, rows, 100_000)
	v, _, raw := ingest(b, parseSchema(b, settlements), settlementsHeader+strings.Join(lines, ""))
	b.ReportAllocs()
	for b.Loop() {
		for shard := range v.Shards() {
			q := Query{Columns: []string{"day", "ward", "cost"}, MaxRows: 1000, Secret: testKey}
			if err := v.Units(context.Background(), shard, q, func(Unit) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(len(raw))/rows, "B/row")
}
