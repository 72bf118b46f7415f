package columns

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// patients has a name, a telephone and a number beside the unit's identifier.
const patients = `{"columns":[
	{"name":"id_number","type":"person_id","role":"unit"},
	{"name":"name","type":"text","role":"direct_identifier"},
	{"name":"phone","type":"text","role":"direct_identifier"},
	{"name":"bed","type":"text","role":"direct_identifier"},
	{"name":"note","type":"text","role":"quasi_identifier"}],
	"unit":{"namespace":"natural-person","column":"id_number"}}`

const patientsCSV = "id_number,name,phone,bed,note\n" +
	"110105491231002,欧阳明月,138-0013-8000,12,甲\n" +
	"110105491231002,欧阳明月,138-0013-8000,2024,乙\n" +
	"440524188001010014,José García Márquez,ＡＢ１２３,李,丙\n" +
	"not a number,王小明,,20240101,丁\n"

func TestIdentifies(t *testing.T) {
	v, _, raw := ingest(t, parseSchema(t, patients), patientsCSV)
	for text, want := range map[string]bool{
		"11010519491231002X":              true, // by its other number
		"患者 11010519491231002x 的费用":       true,
		"１１０１０５１９４９１２３１００２Ｘ":              true,
		"欧阳明月":                            true,
		"关于欧阳明月的统计":                       true,
		"王小明住院":                           true, // of a row that was set aside
		"jose\u0301 garci\u0301a MÁRQUEZ": true,
		"report on José García Márquez.":  true,
		"García Márquez":                  false, // a part of a name
		"13800138000":                     true,
		"tel. 138 0013 8000":              true,
		"ab123":                           true,
		"表AB123":                          true,
		"AB1234":                          false,
		"not a number":                    true,
		"2024 年 12 月":                     false, // too short to mean anybody
		"12":                              false,
		"李":                               false,
		"20240101":                        true,
		"":                                false,
		" \x00\xff":                       false,
		"全市住院人次":                          false,
		"note 甲":                          false, // not of a dropped column
	} {
		if hit, known := v.Identifies(testKey, text); hit != want || !known {
			t.Errorf("%q: %v, %v", text, hit, known)
		}
	}
	for _, cell := range []string{"11010519491231002X", "110105491231002", "440524188001010014", "欧阳明月", "138-0013-8000", "13800138000", "José", "García", "ＡＢ１２３", "ab123", "not a number", "王小明"} {
		if bytes.Contains(raw, []byte(cell)) {
			t.Errorf("%q stands in the version", cell)
		}
	}
	for name, key := range map[string][]byte{"another key": bytes.Repeat([]byte{8}, 32), "no key": nil} {
		if hit, known := v.Identifies(key, "欧阳明月"); hit || known {
			t.Errorf("%s: %v, %v", name, hit, known)
		}
	}
}

// A mark is no unit key, nor part of one, and each version's are the same
// whatever the order of its rows.
func TestMarks(t *testing.T) {
	s := parseSchema(t, patients)
	v, _, raw := ingest(t, s, patientsCSV)
	lines := strings.SplitAfter(patientsCSV, "\n")
	_, _, again := ingest(t, s, lines[0]+lines[4]+lines[2]+lines[3]+lines[1])
	if !bytes.Equal(raw, again) {
		t.Error("the order of the rows shows")
	}
	if v.section.Count != 9 {
		t.Errorf("%d marks, want 9", v.section.Count)
	}
	v.Identifies(testKey, "")
	for _, x := range v.marks {
		b := binary.BigEndian.AppendUint64(nil, x)
		if n := bytes.Count(raw, b); n != 1 {
			t.Errorf("a mark stands %d times", n)
		}
	}
}

// Of a version of before there were marks nothing is known.
func TestOldVersion(t *testing.T) {
	v := resharded(t, settlementsHeader+goodID+",,,A,1,,\n", 1)
	if hit, known := v.Identifies(testKey, goodID); hit || known {
		t.Errorf("%v, %v", hit, known)
	}
	v, _, _ = ingest(t, parseSchema(t, settlements), settlementsHeader+goodID+",,,A,1,,\n")
	if hit, known := v.Identifies(testKey, goodID); !hit || !known {
		t.Errorf("a new version: %v, %v", hit, known)
	}
	v, _, _ = ingest(t, parseSchema(t, settlements), settlementsHeader)
	if hit, known := v.Identifies(testKey, goodID); hit || !known {
		t.Errorf("of no row: %v, %v", hit, known)
	}
}

// A place outside the file is refused when the version is opened, one that
// holds no marks is unknown, and a lost connection is too.
func TestBrokenMarks(t *testing.T) {
	_, _, raw := ingest(t, parseSchema(t, patients), patientsCSV)
	for _, s := range []section{{-1, 1}, {1 << 62, 1}, {4, 1 << 62}, {int64(len(raw)), 1}, {4, -1}, {4, int64(len(raw)) / 8}} {
		j, _ := json.Marshal(s)
		if _, err := readSection(j, int64(len(raw))); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	if _, err := readSection([]byte("{"), 100); err == nil {
		t.Error("no JSON is taken")
	}
	r := &errorAt{ReaderAt: bytes.NewReader(raw)}
	v, err := Open(r, int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	r.err = errors.New("connection lost")
	if hit, known := v.Identifies(testKey, "欧阳明月"); hit || known {
		t.Errorf("unread: %v, %v", hit, known)
	}
	at := int(v.section.Offset)
	for _, bad := range []int{at, at + markSize} { // the mark of nothing, and the order
		damaged := bytes.Clone(raw)
		damaged[bad] ^= 0xff
		v, err := Open(bytes.NewReader(damaged), int64(len(damaged)))
		if err != nil {
			t.Fatal(err)
		}
		if _, known := v.Identifies(testKey, "欧阳明月"); known {
			t.Errorf("byte %d was changed, and the marks are known", bad-at)
		}
	}
}

// Many rows of one person, and many persons: each value once.
func TestManyMarks(t *testing.T) {
	const people = stride * 6 / 10
	var csv strings.Builder
	csv.WriteString("id_number,name,phone,bed,note\n")
	for i := range people + 1000 {
		fmt.Fprintf(&csv, "%s,某人%dx,,,\n", person(t, i%people), i%people)
	}
	v, _, _ := ingest(t, parseSchema(t, patients), csv.String())
	if v.section.Count != 2*people {
		t.Errorf("%d marks of %d people", v.section.Count, people)
	}
	for _, i := range []int{0, 1, people / 2, people - 1} {
		if hit, known := v.Identifies(testKey, person(t, i)); !hit || !known {
			t.Errorf("person %d: %v, %v", i, hit, known)
		}
	}
	if hit, _ := v.Identifies(testKey, person(t, people)); hit {
		t.Error("a stranger is known")
	}
}

func FuzzIdentifies(f *testing.F) {
	v, _, _ := ingest(f, parseSchema(f, patients), patientsCSV)
	f.Add("关于 José García Márquez, 138-0013-8000")
	f.Add("一二三四五六七八九十 a b c d e f g\xff")
	f.Fuzz(func(t *testing.T, text string) {
		if _, known := v.Identifies(testKey, text); !known {
			t.Fatal("unknown")
		}
		if hit, _ := v.Identifies(testKey, text+", 欧阳明月"); !hit {
			t.Fatal("hidden by what stands before")
		}
	})
}

func FuzzSection(f *testing.F) {
	f.Add([]byte(`{"offset":4,"count":1}`), int64(100))
	f.Fuzz(func(t *testing.T, raw []byte, size int64) {
		s, err := readSection(raw, max(0, size))
		if err == nil && (s.Offset < 0 || s.Count < 0 || s.Offset+(s.Count+1)*markSize > max(0, size)) {
			t.Fatalf("%+v of %d", s, size)
		}
	})
}

func BenchmarkIdentifies(b *testing.B) {
	v, _, _ := ingest(b, parseSchema(b, patients), patientsCSV)
	for b.Loop() {
		v.Identifies(testKey, "按区县和年龄组统计的住院人次与费用, 2024 (440103)")
	}
}
