package identifier

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// The numbers of persons and bodies are published examples (GB 11643 prints the
// first two, GB 32100 the body); the cards are the card organisations' test
// numbers; the zone is the specimen of ICAO 9303.
var finds = []struct {
	text string
	kind Kind
}{
	{"11010519491231002X", Person},
	{"440524188001010014", Person},
	{"350627199711275419", Person},
	{"张三11010519491231002X", Person},
	{"p11010519491231002xyz", Person},
	{"110105491231002", Person},
	{"110105 491231 002", Person},
	{"１１０１０５１９４９１２３１００２ｘ", Person},
	{"110105 19491231 002X", Person},
	{"110105-1949-1231-002x", Person},
	{"1101.0519.4912.3100.2X", Person},
	{"1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X", Person},
	{"[1,1,0,1,0,5,1,9,4,9,1,2,3,1,0,0,2,\"X\"]", Person},
	{"110105·19491231·002Х", Person},                 // a Cyrillic letter
	{"1101\u200b05\u00ad194912\u206031002X", Person}, // characters that do not show
	{"①①⓪①⓪⑤①⑨④⑨①②③①⓪⓪②X", Person},                   // circled
	{"𝟏𝟏𝟎𝟏𝟎𝟓𝟏𝟗𝟒𝟗𝟏𝟐𝟑𝟏𝟎𝟎𝟐𝐗", Person},                   // mathematical
	{"٤٤٠٥٢٤١٨٨٠٠١٠١٠٠١٤", Person},                   // Arabic-Indic
	{"四四〇五二四一八八〇〇一〇一〇〇一四", Person},                   // numerals
	{"肆肆零伍贰肆壹捌捌零零壹零壹零零壹肆", Person},                   // those of a bill
	{"440524\n188001010014", Person},                 // over two lines
	{"MTEwMTA1MTk0OTEyMzEwMDJY", Person},             // base64
	{"p=" + hex.EncodeToString([]byte("11010519491231002X")), Person},
	{"91350100M000100Y43", Body},
	{"９１３５０１００ｍ０００１００ｙ４３", Body},
	{"91 350100 M000100Y4 3", Body},
	{"13800138000 名", Mobile},
	{"电话13800138000", Mobile},
	{"tel13800138000", Mobile},
	{"138 0013 8000", Mobile},
	{"138-0013-8000", Mobile},
	{"138.0013.8000", Mobile},
	{"138 00138000", Mobile},
	{"1 3 8 0 0 1 3 8 0 0 1", Mobile},
	{"+86 138-0013-8000", Mobile},
	{"+8613800138000", Mobile},
	{"008613800138000", Mobile},
	{"MTM4MDAxMzgwMDE", Mobile},
	{"一三八〇〇一三八〇〇一", Mobile},
	{"010-68207890", Landline},
	{"(0851) 8682 1234", Landline},
	{"085186821234", Landline},
	{"4111111111111111", Card},
	{"6212 3456 7890 1232", Card},
	{"6200000000000005", Card},
	{"5555-5555-5555-4444", Card},
	{"卡号3530111333300000。", Card},
	{"京A12345", Plate},
	{"京Ａ·12345", Plate},
	{"贵 A 1B2C3", Plate},
	{"沪AD12345", Plate},
	{"粤B12345F", Plate},
	{"川a-88x88", Plate},
	{"浙A1234学", Plate},
	{"E12345678", Passport},
	{"护照e12345678", Passport},
	{"EA1234567", Passport},
	{"G 12345678", Passport},
	{"PE1234567", Passport},
	{"H1234567890", Passport},
	{"L898902C36UTO7408122F1204159ZE184226B<<<<<10", Passport},
	{"a.b+c@example.cn", Email},
	{"写信至ａ＠ｂ．ｃｏｍ", Email},
	{"<x@mail.gov.cn>", Email},
}

func TestFound(t *testing.T) {
	for _, c := range finds {
		if k, ok := Find(c.text); k != c.kind || !ok {
			t.Errorf("%q: %v, want %v", c.text, k, c.kind)
		}
		if k, ok := FindBytes([]byte("\xff\x00" + c.text + "\xfe")); k != c.kind || !ok {
			t.Errorf("%q in bytes: %v", c.text, k)
		}
	}
}

// What a table of a city holds passes.
func TestPasses(t *testing.T) {
	for _, text := range []string{
		"", " ", "全市住院人次", "Inpatients by district, 2024", "2024", "2019-2020", "2020 2021 2022 2023", "2024-01-01", "20240101", "2024-01-01 12:30:45",
		"20240101123045", "20240101123045123", "1704067200", "1704067200000", "1704067200000000000", "440103", "520103", "520103001", "520103001001", "440103 440104 440105 440106",
		"550001", "J18.900", "E11.9", "E11.900", "E11.900x001", "E11900", "M80103", "36.0601", "99.2501", "Z51.1", "C2710", "G5432", "A0101", "S20240101", "D20240131", "E00000000",
		"1234567.89", "10,000,000,000", "13,000,000,000", "15000000000", "138,001,380", "0.13800138000", "≥15000000000元", "0-17", "18-44 45-59 60-74 75+", "[0,18,45,60,75,120]",
		"0 17 18 44 45 59 60 74 75 120", "1990-01-01 120", "1985-2025 123", "150-20000000", "100 200 300 400 500 600 700 800 900", "23023019950212522X", "123456789012345677",
		"91350100M000100Y4Z", "91350100M000100Y42", "4111111111111112", "12345678901", "10086", "12345", "95588", "110105 491331 002", "440524188001010015",
		"11010521001231002X", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"f47ac10b-58cc-4372-a567-0e02b2c3d479", "新发病例 120", "新H1N1", "新ICD10", "川A", "京 2024", "云D202401", "京津冀 A B C", "user@host", "@all", "3@5 元", "x@.cn",
		"3.14159265358979", "第一季度、第二季度", "三级甲等医院", "二〇二四年十二月三十一日", "{\"from\":\"2024-01-01\",\"to\":\"2024-12-31\",\"min\":10}",
		"0300-20250101", "8682 1234", "v1.2.3", "GB/T 2260-2007", "T/GZHIA 0001-2024", "0000000000000000", "9999-12-31", "L898902C36UTO7408122F1204159ZE184226B<<<<<<1"[:43],
		strings.Repeat("0", 64), strings.Repeat("1", 40), strings.Repeat("1 ", 40), strings.Repeat("<", 60), "\xff\xfe\xfd", "SGVsbG8sIHdvcmxkISBIZWxsbw==",
	} {
		if k, ok := Find(text); ok || k != None {
			t.Errorf("%q is taken for a %v", text, k)
		}
	}
}

func TestBytes(t *testing.T) {
	wide := utf16.Encode([]rune("号11010519491231002X"))
	var utf16le []byte
	for _, u := range wide {
		utf16le = binary.LittleEndian.AppendUint16(utf16le, u)
	}
	gbk := append([]byte{0xba, 0xc5}, "440524188001010014"...)
	for name, b := range map[string][]byte{
		"UTF-16":          utf16le,
		"GB 18030":        gbk,
		"little endian":   binary.LittleEndian.AppendUint64([]byte{1, 2, 3}, 440524188001010014),
		"big endian":      binary.BigEndian.AppendUint64([]byte{9}, 440524188001010014),
		"base64":          []byte("\x01" + base64.StdEncoding.EncodeToString([]byte("id 440524188001010014 end")) + "\x02"),
		"base64 of a URL": []byte(base64.URLEncoding.EncodeToString([]byte("护照号 440524188001010014"))),
	} {
		if k, ok := FindBytes(b); k != Person || !ok {
			t.Errorf("%s: %v", name, k)
		}
	}
	for _, b := range [][]byte{nil, {0}, binary.LittleEndian.AppendUint64(nil, 20240101), binary.LittleEndian.AppendUint64(nil, 13_800_000), make([]byte, 100)} {
		if k, ok := FindBytes(b); ok {
			t.Errorf("%x is taken for a %v", b, k)
		}
	}
}

func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for k := None; k <= Email; k++ {
		if k.ZH() == "" || k.EN() == "" || seen[k.ZH()] || k.String() != k.EN() {
			t.Errorf("kind %d is called %q, %q", k, k.ZH(), k.EN())
		}
		seen[k.ZH()] = true
	}
	if Kind(200).ZH() != None.ZH() {
		t.Error("an unknown kind has a name")
	}
}

// Of random figures few look like an identifier: amounts to 10^9 never, lists
// of counts hardly ever.
func TestFalseAlarms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lists, numbers := 0, 0
	const n = 10_000
	for range n {
		if k, ok := Find(strconv.Itoa(r.IntN(1_000_000_000))); ok {
			t.Fatalf("an amount is taken for a %v", k)
		}
		var b strings.Builder
		for range 20 {
			b.WriteString(strconv.Itoa(r.IntN(10_000)) + ",")
		}
		if _, ok := Find(b.String()); ok {
			lists++
		}
		if _, ok := Find(strconv.FormatInt(1e17+r.Int64N(9e17), 10)); ok {
			numbers++
		}
	}
	if lists > 2 {
		t.Errorf("%d of %d lists of 20 counts are taken for something", lists, n)
	}
	t.Logf("of random numbers of 18 digits, %d of %d", numbers, n) // 6 % pass Luhn
	if numbers > n*8/100 {
		t.Errorf("%d of %d numbers of 18 digits are taken for something", numbers, n)
	}
}

// The time is linear in the text: a hundred times the text does not take
// thousands of times as long.
func TestLinear(t *testing.T) {
	for _, unit := range []string{"1 ", "1", "<", "A@b.", "京A", "a1-", "一", "TTTT", "E1 "} {
		short, long := strings.Repeat(unit, 400), strings.Repeat(unit, 40_000)
		took := func(s string) time.Duration {
			best := time.Hour
			for range 3 {
				start := time.Now()
				Find(s)
				best = min(best, time.Since(start))
			}
			return best
		}
		if a, b := took(short), took(long); b > 2000*a+100*time.Millisecond {
			t.Errorf("%q: %v, a hundred times as much %v", unit, a, b)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, c := range finds {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, ok := FindBytes(b)
		if ok != (k != None) || k > Email {
			t.Fatalf("%v, %v", k, ok)
		}
		if j, found := Find(string(b)); found && j != k {
			t.Fatalf("as text %v, as bytes %v", j, k)
		}
		// With a number beside it, whatever stands there, it is found.
		if _, ok := FindBytes(append(append([]byte{}, b...), "，公民11010519491231002X"...)); !ok {
			t.Fatal("hidden by what stands before")
		}
	})
}

func BenchmarkFind(b *testing.B) {
	text := strings.Repeat("按区县统计的住院人次 440103, 2024-01-01; ", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Find(text)
	}
}
