package ident

import "fmt"

// Sex is what the 17th digit of a citizen number says. Its zero value is no
// sex at all, and belongs to no number.
type Sex uint8

// The sexes of GB 11643.
const (
	Male   Sex = iota + 1 // odd
	Female                // even
)

// String returns "male", "female", or "unknown" for the zero value.
func (s Sex) String() string {
	switch s {
	case Male:
		return "male"
	case Female:
		return "female"
	default:
		return "unknown"
	}
}

// A Natural is a natural person by citizen number. The only way to hold one
// that is not zero is Person.
type Natural struct {
	canonical        string
	year, month, day int
	sex              Sex
}

// Canonical returns the 18-character number.
func (p Natural) Canonical() string { return p.canonical }

// Birth returns the year and the month (1 to 12) of birth.
func (p Natural) Birth() (year, month int) { return p.year, p.month }

// Sex returns the sex that the number states.
func (p Natural) Sex() Sex { return p.sex }

// BornBy reports whether the person was born on or before that day. A birth
// after the day on which a record was delivered is a wrong number.
func (p Natural) BornBy(year, month, day int) bool {
	if p.year != year {
		return p.year < year
	}
	if p.month != month {
		return p.month < month
	}
	return p.day <= day
}

// Format prints the kind and never the number.
func (p Natural) Format(f fmt.State, _ rune) { write(f, "natural person") }

// minYear is the earliest year of birth that is believed. Numbers of people
// born in the 1880s were given; earlier centuries are slips of a key.
const minYear = 1800

// Person reads a citizen number. A 15-digit number becomes the 18-digit one of
// the same person: born in 19xx, check digit computed. Sequence numbers 996 to
// 999 of 15-digit numbers were kept for people then past a hundred, which
// leaves their century open, so those are refused.
//
// The first two digits are a province of GB/T 2260, or 83, which the residence
// permits of residents of Taiwan carry (81 and 82 serve both). The numbers of
// foreign permanent residents, which begin with 9 and hold no district, are
// refused like a passport. The error wraps fault.Invalid.
func Person(s string) (Natural, error) {
	var b [18]byte
	switch fold(s, b[:]) {
	case 18:
	case 15:
		if !allDigits(b[:15]) {
			return Natural{}, errPersonDigit
		}
		if number(b[12:15]) >= 996 {
			return Natural{}, errPersonOld
		}
		copy(b[8:], b[6:15])
		b[6], b[7] = '1', '9'
		b[17] = personCheck(b[:17])
	default:
		return Natural{}, errPersonLength
	}
	return readPerson(b)
}

func readPerson(b [18]byte) (Natural, error) {
	if !allDigits(b[:17]) || !isDigit(b[17]) && b[17] != 'X' {
		return Natural{}, errPersonDigit
	}
	if !province(b[:2]) && string(b[:2]) != "83" {
		return Natural{}, errPersonArea
	}
	p := Natural{year: number(b[6:10]), month: number(b[10:12]), day: number(b[12:14]), sex: Female}
	if p.year < minYear || p.month < 1 || p.month > 12 || p.day < 1 || p.day > daysIn(p.year, p.month) {
		return Natural{}, errPersonBirth
	}
	if b[17] != personCheck(b[:17]) {
		return Natural{}, errPersonCheck
	}
	if b[16]%2 == 1 { // '0' is even
		p.sex = Male
	}
	p.canonical = string(b[:])
	return p, nil
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// personWeights are 2^(18-i) mod 11 (GB 11643, ISO 7064 MOD 11-2).
var personWeights = [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

func personCheck(digits []byte) byte {
	sum := 0
	for i, w := range personWeights {
		sum += w * int(digits[i]-'0')
	}
	return "10X98765432"[sum%11]
}

// PersonCheck returns the check digit that follows 17 ASCII digits. It looks
// at nothing but the digits.
func PersonCheck(digits string) (byte, error) {
	if len(digits) != 17 {
		return 0, errPersonLength
	}
	b := []byte(digits)
	if !allDigits(b) {
		return 0, errPersonDigit
	}
	return personCheck(b), nil
}
