package identifier

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold brings a text to the spelling that the rules know: compatibility forms
// decomposed (NFKC: full-width, circled, mathematical), digits of every script
// and Chinese numerals as ASCII, Cyrillic and Greek capitals that look Latin
// as Latin, small letters as capitals, and characters that do not show gone.
func fold(text string) []rune {
	out := make([]rune, 0, len(text))
	for _, r := range norm.NFKC.String(strings.ToValidUTF8(text, " ")) {
		switch {
		case r < 0x80:
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			if r == 0 { // every other byte of UTF-16
				continue
			}
		case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Variation_Selector):
			continue
		case unicode.IsDigit(r):
			r = '0' + digit(r)
		default:
			r = unicode.ToUpper(r)
			if like, ok := alike[r]; ok {
				r = like
			}
		}
		out = append(out, r)
	}
	return out
}

// digit is the value of a decimal digit: the ranges of the class Nd hold tens,
// from 0 on (Unicode 15, section 4.6).
func digit(r rune) rune {
	for _, x := range unicode.Nd.R16 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return (r - rune(x.Lo)) % 10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) { //nolint:gosec // code points
			return (r - rune(x.Lo)) % 10 //nolint:gosec // code points
		}
	}
	return 0
}

// alike are numerals, and letters that look like a Latin one.
var alike = func() map[rune]rune {
	m := map[rune]rune{}
	for _, pair := range [][2]string{
		{"〇零一二三四五六七八九", "00123456789"},
		{"壹贰叁肆伍陆柒捌玖", "123456789"},
		{"貳參陸", "236"},
		{"АВЕКМНОРСТУХЅІЈ", "ABEKMHOPCTYXSIJ"},
		{"ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"},
		{"‐‑‒–—―−", "-------"},
		{"·•・。", "...."},
	} {
		from, to := []rune(pair[0]), []rune(pair[1])
		for i := range from {
			m[from[i]] = to[i]
		}
	}
	return m
}()

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isLetter(r rune) bool { return 'A' <= r && r <= 'Z' }

func isWord(r rune) bool { return isDigit(r) || isLetter(r) }
