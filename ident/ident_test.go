package ident

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
)

// The numbers are published examples: GB 11643-1999 prints the first two.
func TestPerson(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		year, month    int
		sex            Sex
		err            error
	}{
		{name: "standard, female", in: "11010519491231002X", want: "11010519491231002X", year: 1949, month: 12, sex: Female},
		{name: "standard, male, 1880", in: "440524188001010014", want: "440524188001010014", year: 1880, month: 1, sex: Male},
		{name: "published", in: "350627199711275419", want: "350627199711275419", year: 1997, month: 11, sex: Male},
		{name: "small x", in: "11010519491231002x", want: "11010519491231002X", year: 1949, month: 12, sex: Female},
		{name: "full width", in: "１１０１０５１９４９１２３１００２ｘ", want: "11010519491231002X", year: 1949, month: 12, sex: Female},
		{name: "spaces", in: "\t 　11010519491231002X\u00a0\n", want: "11010519491231002X", year: 1949, month: 12, sex: Female},
		{name: "15 digits", in: "110105491231002", want: "11010519491231002X", year: 1949, month: 12, sex: Female},
		{name: "leap day", in: "11010520000229002" + check(t, "11010520000229002"), want: "11010520000229002" + check(t, "11010520000229002"), year: 2000, month: 2, sex: Female},
		{name: "Taiwan resident", in: "83000019900101001" + check(t, "83000019900101001"), want: "83000019900101001" + check(t, "83000019900101001"), year: 1990, month: 1, sex: Male},
		{name: "bad check digit", in: "23023019950212522X", err: errPersonCheck},
		{name: "good check digit, no date", in: "123456789012345677", err: errPersonBirth},
		{name: "no leap day", in: "11010519000229002" + check(t, "11010519000229002"), err: errPersonBirth},
		{name: "too long ago", in: "11010517991231002" + check(t, "11010517991231002"), err: errPersonBirth},
		{name: "no province", in: "99010519491231002" + check(t, "99010519491231002"), err: errPersonArea},
		{name: "15 digits, centenarian", in: "110105491231996", err: errPersonOld},
		{name: "15 with letter", in: "11010549123100X", err: errPersonDigit},
		{name: "x inside", in: "1101051949123100X2", err: errPersonDigit},
		{name: "letter at the end", in: "11010519491231002A", err: errPersonDigit},
		{name: "blank", in: "  ", err: errPersonLength},
		{name: "space inside", in: "110105 19491231002X", err: errPersonLength},
		{name: "passport", in: "E12345678", err: errPersonLength},
		{name: "Arabic-Indic digit", in: "١10105194912310021", err: errPersonLength},
		{name: "19 digits", in: "11010519491231002X1", err: errPersonLength},
		{name: "long", in: strings.Repeat(" ", maxInput) + "1", err: errPersonLength},
	} {
		p, err := Person(c.in)
		year, month := p.Birth()
		if !errors.Is(err, c.err) || p.Canonical() != c.want || year != c.year || month != c.month || p.Sex() != c.sex {
			t.Errorf("%s: %q %d-%d %v, %v", c.name, p.Canonical(), year, month, p.Sex(), err)
		}
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("%s: kind %v", c.name, fault.Of(err))
		}
	}
}

func check(t *testing.T, digits string) string {
	t.Helper()
	c, err := PersonCheck(digits)
	if err != nil {
		t.Fatal(err)
	}
	return string(c)
}

func TestPersonCheck(t *testing.T) {
	if got := check(t, "12345678901234567"); got != "7" {
		t.Errorf("check digit %q, want 7", got)
	}
	for _, s := range []string{"", "1234567890123456", "1234567890123456X", "123456789012345678"} {
		if _, err := PersonCheck(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("PersonCheck of %d characters: %v", len(s), err)
		}
	}
}

// Every single wrong digit, and every swap of two neighbours, is found: that
// is what MOD 11-2 is for.
func TestPersonCheckFindsSlips(t *testing.T) {
	const good = "440524188001010014"
	for i := range good {
		for _, c := range []byte("0123456789") {
			b := []byte(good)
			b[i] = c
			if _, err := Person(string(b)); (err == nil) != (string(b) == good) {
				t.Errorf("digit %d as %c: %v", i, c, err)
			}
		}
		if i == 0 || good[i] == good[i-1] {
			continue
		}
		b := []byte(good)
		b[i], b[i-1] = b[i-1], b[i]
		if _, err := Person(string(b)); err == nil {
			t.Errorf("swap at %d passes", i)
		}
	}
}

func TestBornBy(t *testing.T) {
	p, err := Person("11010519491231002X")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		year, month, day int
		want             bool
	}{{1949, 12, 31, true}, {1949, 12, 30, false}, {1949, 11, 31, false}, {1950, 1, 1, true}, {1948, 12, 31, false}} {
		if got := p.BornBy(c.year, c.month, c.day); got != c.want {
			t.Errorf("BornBy(%d, %d, %d) = %v", c.year, c.month, c.day, got)
		}
	}
}

func TestBody(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{name: "published", in: "91350100M000100Y43", want: "91350100M000100Y43"},
		{name: "small letters", in: " 91350100m000100y43", want: "91350100M000100Y43"},
		{name: "full width", in: "９１３５０１００Ｍ０００１００ｙ４３", want: "91350100M000100Y43"},
		{name: "bad check", in: "91350100M000100Y42", err: errBodyCheck},
		{name: "outside the alphabet", in: "91350100M000100Y4Z", err: errBodyAlphabet},
		{name: "letter O", in: "91350100MO00100Y43", err: errBodyAlphabet},
		{name: "bad organisation code", in: "91350100M000100Y53", err: errBodyOrg},
		{name: "no province", in: "91990100M000100Y43", err: errBodyArea},
		{name: "letters in district", in: "913501A0M000100Y43", err: errBodyArea},
		{name: "no authority", in: "01350100M000100Y43", err: errBodyAuth},
		{name: "short", in: "91350100M000100Y4", err: errBodyLength},
		{name: "empty", in: "", err: errBodyLength},
	} {
		l, err := Body(c.in)
		if !errors.Is(err, c.err) || l.Canonical() != c.want {
			t.Errorf("%s: %q, %v", c.name, l.Canonical(), err)
		}
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("%s: kind %v", c.name, fault.Of(err))
		}
	}
}

func TestBodyCode(t *testing.T) {
	for _, first := range []string{"91350100M000100Y", "9110000000000000", "12520103ABCDEFGH", "5252012312345678", "5252012312345679", "525201231234567A"} {
		code, err := BodyCode(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		l, err := Body(code)
		if err != nil || l.Canonical() != code || l.District() != first[2:8] {
			t.Errorf("%s: %q does not read back: %v", first, code, err)
		}
	}
	for _, bad := range []string{"", "91350100M000100", "91350100m000100Y", "91000000M000100Y"} {
		if _, err := BodyCode(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if (Legal{}).District() != "" {
		t.Error("the zero body is registered somewhere")
	}
}

func TestDistrict(t *testing.T) {
	for in, want := range map[string]string{"520103": "520103", " ５２０１０３ ": "520103", "110000": "110000", "830000": "", "990000": "", "52010": "", "5201033": "", "52010X": "", "": ""} { //nolint:gocritic // the spaces are to be trimmed
		if got, err := District(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

// GB/T 2260 has 34 province-level codes.
func TestProvinces(t *testing.T) {
	n := 0
	for i := range 100 {
		if province(fmt.Appendf(nil, "%02d", i)) {
			n++
		}
	}
	if n != 34 {
		t.Errorf("%d provinces, want 34", n)
	}
}

// No verb, no field by reflection, and no error shows a number.
func TestNothingPrintsANumber(t *testing.T) {
	p, _ := Person("11010519491231002X")
	l, _ := Body("91350100M000100Y43")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		out := fmt.Sprintf(verb+verb+verb, p, &p, struct{ P Natural }{p}) + fmt.Sprintf(verb+verb, l, []Legal{l})
		if strings.Contains(out, "1949") || strings.Contains(out, "9135") || strings.Contains(out, "3131") {
			t.Errorf("%s prints %q", verb, out)
		}
	}
	for _, bad := range []string{"23023019950212522X", "123456789012345677", "E12345678"} {
		_, err := Person(bad)
		_, err2 := Body(bad)
		if text := fmt.Sprint(err, err2); strings.Contains(text, bad) || strings.Contains(text, bad[:6]) {
			t.Errorf("an error quotes the number: %s", text)
		}
	}
}

func TestSexWords(t *testing.T) {
	if Male.String() != "male" || Female.String() != "female" || Sex(0).String() != "unknown" {
		t.Error("a sex has another word")
	}
}

func TestUnitKey(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x0enatural-person11010519491231002X"))
	got := UnitKey(key, "natural-person", "11010519491231002X")
	if !bytes.Equal(got[:], mac.Sum(nil)[:16]) {
		t.Errorf("UnitKey = %x", got)
	}
	if UnitKey(key, "ab", "c") == UnitKey(key, "a", "bc") {
		t.Error("the namespace runs into the identifier")
	}
	if UnitKey(bytes.Repeat([]byte{8}, 32), "natural-person", "11010519491231002X") == got {
		t.Error("another key, the same unit key")
	}
	defer func() {
		if recover() == nil {
			t.Error("a short key is taken")
		}
	}()
	UnitKey(key[:MinKey-1], "a", "b")
}

// The spellings of one number are one unit (a person has one privacy loss).
func TestSpellingsAreOneUnit(t *testing.T) {
	units := map[[16]byte]bool{}
	for _, s := range []string{"11010519491231002X", "11010519491231002x", "110105491231002", "１１０１０５４９１２３１００２", " 11010519491231002Ｘ"} {
		p, err := Person(s)
		if err != nil {
			t.Fatal(err)
		}
		units[UnitKey(make([]byte, 32), "natural-person", p.Canonical())] = true
	}
	if len(units) != 1 {
		t.Errorf("%d units", len(units))
	}
}

func FuzzPerson(f *testing.F) {
	for _, s := range []string{"11010519491231002X", "110105491231002", "１１０１０５１９４９１２３１００２ｘ", " \xff", "E12345678", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Person(s)
		if err != nil {
			if !errors.Is(err, fault.Invalid) || p != (Natural{}) {
				t.Fatalf("%v with %q", err, p.Canonical())
			}
			return
		}
		again, err := Person(p.Canonical())
		if err != nil || again != p || len(p.Canonical()) != 18 {
			t.Fatalf("not idempotent: %v", err)
		}
		if year, month := p.Birth(); year < minYear || month < 1 || month > 12 || p.Sex() == 0 {
			t.Fatalf("born %d-%d, %v", year, month, p.Sex())
		}
	})
}

func FuzzBody(f *testing.F) {
	for _, s := range []string{"91350100M000100Y43", " 91350100m000100y43", "９１３５０１００Ｍ０００１００ｙ４３", "\xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Body(s)
		if err != nil {
			if !errors.Is(err, fault.Invalid) || l != (Legal{}) {
				t.Fatalf("%v with %q", err, l.Canonical())
			}
			return
		}
		if again, err := Body(l.Canonical()); err != nil || again != l {
			t.Fatalf("not idempotent: %v", err)
		}
		if code, err := BodyCode(l.Canonical()[:16]); err != nil || code != l.Canonical() {
			t.Fatalf("built as %q: %v", code, err)
		}
	})
}

func BenchmarkPerson(b *testing.B) {
	for b.Loop() {
		_, _ = Person("11010519491231002X")
	}
}

func BenchmarkUnitKey(b *testing.B) {
	key := make([]byte, 32)
	for b.Loop() {
		UnitKey(key, "natural-person", "11010519491231002X")
	}
}
