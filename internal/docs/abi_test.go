package docs

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
)

const agreement = "docs/ABI.md"

// rows are the lines of a table of the agreement that begin with a number,
// that number and what is quoted first behind it.
func rows(t *testing.T, name string) (at []int, words []string) {
	t.Helper()
	table, _, _ := between(t, read(t, agreement), name)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if q := quotes(cells[2]); err == nil && len(q) == 1 {
			at, words = append(at, n), append(words, q[0])
		}
	}
	if len(at) < 4 {
		t.Fatalf("table %s of %s has %d rows only", name, agreement, len(at))
	}
	return at, words
}

var (
	exampleParams = []byte{1, 0, 0, 0}
	exampleStarts = []int{0, 2, 3}
)

// exampleArea is the area of the example, as the host writes it.
func exampleArea(t *testing.T) []byte {
	t.Helper()
	area, err := abi.AppendUnits(nil, exampleParams, []abi.Column{
		{Type: abi.Int64, Valid: []bool{true, false, true}, I64: []int64{-1, 9, 300}},
		{Type: abi.Code, I32: []int32{0, 2, 1}},
		{Type: abi.Utf8, Str: []string{"a", "", "bcd"}},
	}, exampleStarts)
	if err != nil {
		t.Fatal(err)
	}
	return area
}

// example lists the area of the example word by word, named as the tables
// name them.
func example(t *testing.T) string {
	t.Helper()
	area := exampleArea(t)
	e := &listing{area: area, units: int(binary.LittleEndian.Uint32(area[28:]))}
	e.words(t, "abi-header", 0, "")
	for c := range 3 {
		e.words(t, "abi-descriptor", abi.HeaderSize+c*abi.DescriptorSize, fmt.Sprintf("col %d ", c))
	}
	for at := abi.HeaderSize + 3*abi.DescriptorSize; at < len(area); at += abi.Align {
		e.line(at, abi.Align, e.buffer(at))
	}
	return "```\n" + e.text.String() + "```\n"
}

type listing struct {
	area  []byte
	units int // offset of the table of units
	text  strings.Builder
}

func (e *listing) line(at, n int, what string) {
	line := fmt.Sprintf("%4d  %-24s  %s", at, fmt.Sprintf("% x", e.area[at:at+n]), what)
	e.text.WriteString(strings.TrimRight(line, " ") + "\n")
}

func (e *listing) words(t *testing.T, table string, base int, prefix string) {
	t.Helper()
	offsets, names := rows(t, table)
	for i, off := range offsets {
		v := binary.LittleEndian.Uint32(e.area[base+off:])
		value := strconv.FormatUint(uint64(v), 10)
		if names[i] == "magic" {
			value = fmt.Sprintf("%#x", v)
		}
		e.line(base+off, 4, prefix+names[i]+" = "+value)
	}
}

// buffer names what begins at an offset; what goes on has no name.
func (e *listing) buffer(at int) string {
	word := func(i int) int { return int(binary.LittleEndian.Uint32(e.area[i:])) }
	switch at {
	case word(16):
		return "params"
	case e.units:
		return "units"
	}
	for c := range 3 {
		own := abi.HeaderSize + c*abi.DescriptorSize
		for off, name := range map[int]string{8: "validity", 16: "values", 24: "data"} {
			if word(own+off) == at {
				return fmt.Sprintf("col %d %s", c, name)
			}
		}
	}
	return ""
}

// The tables say where each word is: the values there are those of an area
// that is known.
func TestABIWords(t *testing.T) {
	area := exampleArea(t)
	check := func(table string, base, size int, want map[string]uint32) {
		t.Helper()
		offsets, names := rows(t, table)
		if len(names) != len(want) || len(names)*4 != size {
			t.Errorf("%s has %v", table, names)
		}
		for i, name := range names {
			if got, known := binary.LittleEndian.Uint32(area[base+offsets[i]:]), want[name]; got != known {
				t.Errorf("%s: %s is %d, want %d", table, name, got, known)
			}
		}
	}
	const first = abi.HeaderSize + 3*abi.DescriptorSize
	check("abi-header", 0, abi.HeaderSize, map[string]uint32{
		"magic": abi.Magic, "version": abi.Version, "rows": 3, "cols": 3,
		"params_off": first, "params_len": 4, "total_len": uint32(len(area)), "units_off": first + 8,
	})
	const buffers = first + 8 + 24
	check("abi-descriptor", abi.HeaderSize, abi.DescriptorSize, map[string]uint32{
		"type": uint32(abi.Int64), "nulls": 1, "validity_off": buffers, "validity_len": 1,
		"values_off": buffers + 8, "values_len": 24, "data_off": 0, "data_len": 0,
	})
	check("abi-descriptor", abi.HeaderSize+2*abi.DescriptorSize, abi.DescriptorSize, map[string]uint32{
		"type": uint32(abi.Utf8), "nulls": 0, "validity_off": 0, "validity_len": 0,
		"values_off": buffers + 48, "values_len": 16, "data_off": buffers + 64, "data_len": 4,
	})
	if !strings.Contains(read(t, agreement), fmt.Sprintf("%#x", abi.Magic)) {
		t.Errorf("%s does not say the magic number", agreement)
	}
}

func TestABIEmit(t *testing.T) {
	record := abi.AppendEmit(nil, abi.Emit{Cell: 0x04030201, Measure: 0x0605, Unit: 0x0807, Value: 0x100f0e0d0c0b0a09})
	offsets, names := rows(t, "abi-emit")
	ends := append(slices.Clone(offsets[1:]), abi.EmitSize)
	want := map[string]uint64{"cell": 0x04030201, "measure": 0x0605, "unit": 0x0807, "value": 0x100f0e0d0c0b0a09}
	for i, name := range names {
		var wide [8]byte
		copy(wide[:], record[offsets[i]:ends[i]])
		if got := binary.LittleEndian.Uint64(wide[:]); got != want[name] || len(names) != len(want) {
			t.Errorf("%s: %#x, want %#x", name, got, want[name])
		}
	}
}

func TestABITypes(t *testing.T) {
	at, names := rows(t, "abi-types")
	got := map[string]abi.Type{}
	for i, name := range names {
		got[name] = abi.Type(at[i])
	}
	want := map[string]abi.Type{"Int32": abi.Int32, "Int64": abi.Int64, "Date": abi.Date, "Code": abi.Code, "Month": abi.Month, "Utf8": abi.Utf8}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestABINames(t *testing.T) {
	table, _, _ := between(t, read(t, agreement), "abi-names")
	said := quotes(table)
	for _, name := range []string{abi.ExportMemory, abi.ExportInit, abi.ExportInput, abi.ExportMap, abi.ImportModule, abi.ImportEmit} {
		if !slices.Contains(said, name) {
			t.Errorf("%s does not name %s", agreement, name)
		}
	}
}

var wasi = regexp.MustCompile(`"wasi_snapshot_preview1\.([a-z_]+)"`)

// The stubs that the page lists are those that admission lets a guest import.
func TestABIStubs(t *testing.T) {
	want, got := map[string]bool{}, map[string]bool{}
	for _, m := range wasi.FindAllStringSubmatch(read(t, "sandbox/admit/module.go"), -1) {
		want[m[1]] = true
	}
	table, _, _ := between(t, read(t, agreement), "abi-wasi")
	for _, q := range quotes(table) {
		got[q] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("stubs of %s: %s", agreement, diff)
	}
}

var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```\n")

// What the README files show of a spec is what a shape takes.
func TestGroupings(t *testing.T) {
	for _, file := range readmes {
		found := 0
		for _, m := range jsonBlock.FindAllStringSubmatch(read(t, file), -1) {
			dec := json.NewDecoder(strings.NewReader(m[1]))
			dec.DisallowUnknownFields()
			for dec.More() {
				var g jobs.Grouping
				if err := dec.Decode(&g); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				m := jobs.Measure{Name: "m", Hi: 1, Round: 1}
				s := jobs.Shape{
					Namespace: jobs.NaturalPerson, L0: 2, Grouping: g, Units: jobs.Measure{Name: "n", Hi: 1, Round: 1},
					Dims: []jobs.Dim{{Name: "d", Codes: []string{"0", "1"}, Labels: []string{"0", "1"}}}, Measures: []jobs.Measure{m, m},
				}
				s.Measures[1].Name = "k"
				if err := s.Check(); err != nil {
					t.Errorf("%s: %+v: %v", file, g, err)
				}
				found++
			}
		}
		if found != 2 {
			t.Errorf("%s shows %d groupings", file, found)
		}
	}
}

// So are the slots, and what is said of the default ones.
func TestSlotsOfReadme(t *testing.T) {
	slots := regexp.MustCompile("`(\\{\"first\".*?\\})`")
	for _, file := range readmes {
		m := slots.FindStringSubmatch(read(t, file))
		if m == nil {
			t.Fatalf("%s shows no slots", file)
		}
		var got jobs.Slots
		dec := json.NewDecoder(strings.NewReader(m[1]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&got); err != nil || got != jobs.DefaultSlots(500) {
			t.Errorf("%s: %+v, %v; by default %+v", file, got, err, jobs.DefaultSlots(500))
		}
	}
	if a, b := jobs.DefaultSlots(0), jobs.DefaultSlots(50_000); a.First != 3 || b.First != 5 || b.Count != 4 {
		t.Errorf("the default slots are not as the README says: %+v, %+v", a, b)
	}
}
