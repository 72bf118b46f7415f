// Package ident reads the identifiers by which a domain knows its privacy
// units: the citizen number of a natural person (GB 11643-1999), the unified
// social credit code of a body (GB 32100-2015), and the district codes of
// GB/T 2260. Reading brings every spelling of one number (15 digits,
// full-width digits, a small x, spaces around it) to one canonical form, so
// that one person is one unit; a number that breaks a rule is refused, and its
// rows are set aside.
//
// All functions are pure: the same spelling has the same canonical form on any
// day. They therefore do not know today's date; ask Natural.BornBy. They prove
// that a number is well formed, not that it was ever given to anyone, and they
// do not join the several numbers that one human being may hold. An error
// wraps fault.Invalid and names the rule, never the number; the values print
// as their kind, so that a log line cannot carry one by mistake.
package ident

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
)

// maxInput is the longest text, in bytes, that is looked at: 18 full-width
// characters and some spaces.
const maxInput = 128

// Rules that a number may break. They are values, not built anew for each
// row, because a column may hold millions of bad ones.
var (
	errPersonLength = broken("citizen number", "length")
	errPersonDigit  = broken("citizen number", "characters")
	errPersonArea   = broken("citizen number", "province")
	errPersonBirth  = broken("citizen number", "date of birth")
	errPersonCheck  = broken("citizen number", "check digit")
	errPersonOld    = broken("citizen number", "century of a 15-digit number")
	errBodyLength   = broken("credit code", "length")
	errBodyAlphabet = broken("credit code", "characters")
	errBodyAuth     = broken("credit code", "registering authority")
	errBodyArea     = broken("credit code", "district of registration")
	errBodyOrg      = broken("credit code", "organisation code")
	errBodyCheck    = broken("credit code", "check character")
	errDistrict     = broken("district code", "shape")
)

func broken(what, rule string) error {
	return fmt.Errorf("reading a %s: rule %q does not hold: %w", what, rule, fault.Invalid)
}

// fold trims the spaces around s and writes its full-width letters and digits
// as ASCII, its letters as capitals, into buf. It reports how many characters
// there are, or -1 if there are more than fit or one is of another kind.
func fold(s string, buf []byte) int {
	if len(s) > maxInput {
		return -1
	}
	n := 0
	for _, r := range strings.TrimFunc(s, unicode.IsSpace) {
		if r >= '！' && r <= '～' { // full-width forms lie 0xFEE0 above ASCII
			r -= 0xFEE0
		}
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		if n == len(buf) || r >= utf8.RuneSelf || !isDigit(byte(r)) && (r < 'A' || r > 'Z') { //nolint:gosec // below RuneSelf by now
			return -1
		}
		buf[n] = byte(r) //nolint:gosec // a digit or a capital
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func allDigits(s []byte) bool {
	for _, c := range s {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// number reads a few digits that allDigits has seen.
func number(digits []byte) int {
	n := 0
	for _, c := range digits {
		n = 10*n + int(c-'0')
	}
	return n
}

// province says whether two digits are a province-level code of GB/T 2260:
// provinces, autonomous regions, municipalities, Taiwan, Hong Kong, Macao.
func province(code []byte) bool {
	switch n := number(code); n / 10 {
	case 1:
		return n >= 11 && n <= 15
	case 2:
		return n >= 21 && n <= 23
	case 3:
		return n >= 31 && n <= 37
	case 4:
		return n >= 41 && n <= 46
	case 5:
		return n >= 50 && n <= 54
	case 6:
		return n >= 61 && n <= 65
	default:
		return n == 71 || n == 81 || n == 82
	}
}

// District returns the canonical form of a code of the shape of GB/T 2260: six
// digits, the first two a province-level code. Whether the district exists is
// for a code list to say; such lists change every year.
func District(s string) (string, error) {
	var b [6]byte
	if fold(s, b[:]) != len(b) || !allDigits(b[:]) || !province(b[:2]) {
		return "", errDistrict
	}
	return string(b[:]), nil
}

// write prints a kind in place of a number, for every verb.
func write(f fmt.State, kind string) { _, _ = io.WriteString(f, kind) }
