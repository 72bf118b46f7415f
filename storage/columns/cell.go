package columns

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// A value is one cell, typed: n for every type but Text.
type value struct {
	null bool
	n    int64
	s    string
}

// The rules that a cell can break, as the provider reads them. None quotes the
// cell: an error may end up in a log.
const (
	ruleUTF8     = "not UTF-8 (a file in GBK or GB 18030 has to be saved as UTF-8 first)"
	ruleRequired = "missing, but required"
	ruleInt      = "not a whole number of 64 bits"
	ruleDate     = "not a date such as 2025-03-04"
	ruleMonth    = "not a month such as 2025-03"
	ruleCode     = "not in the code list"
	ruleText     = "longer than 4096 bytes"
	ruleQuote    = "a quotation mark is out of place or not closed"
	ruleRecord   = "the row is longer than 1 MiB (is a quotation mark not closed?)"
)

// parse types the cell s, which is neither empty nor has spaces around it, and
// returns the rule that it breaks, "" if none.
func parse(t Type, codes map[string]int32, s string) (v value, rule string) {
	switch t {
	case Int64:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return value{}, ruleInt
		}
		return value{n: n}, ""
	case Date:
		n, ok := parseDate(s)
		if !ok {
			return value{}, ruleDate
		}
		return value{n: n}, ""
	case Month:
		n, ok := parseMonth(s)
		if !ok {
			return value{}, ruleMonth
		}
		return value{n: n}, ""
	case Code:
		n, ok := codes[s]
		if !ok {
			return value{}, ruleCode
		}
		return value{n: int64(n)}, ""
	default:
		if len(s) > MaxText {
			return value{}, ruleText
		}
		return value{s: s}, ""
	}
}

const (
	secondsADay = 24 * 60 * 60
	minYear     = 1000
)

// parseDate reads a date of GB/T 7408 (ISO 8601), extended or basic, as days
// since 1970-01-01.
func parseDate(s string) (int64, bool) {
	if len(s) == 10 && s[4] == '-' && s[7] == '-' {
		s = s[:4] + s[5:7] + s[8:]
	}
	if len(s) != 8 || !digits(s) {
		return 0, false
	}
	y, m, d := number(s[:4]), number(s[4:6]), number(s[6:])
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < minYear || t.Day() != d || int(t.Month()) != m {
		return 0, false
	}
	return t.Unix() / secondsADay, true // exact: midnight in UTC
}

// parseMonth reads a month as months since 1970-01.
func parseMonth(s string) (int64, bool) {
	if len(s) == 7 && s[4] == '-' {
		s = s[:4] + s[5:]
	}
	if len(s) != 6 || !digits(s) {
		return 0, false
	}
	y, m := number(s[:4]), number(s[4:])
	if y < minYear || m < 1 || m > 12 {
		return 0, false
	}
	return months(y, m), true
}

func months(year, month int) int64 { return int64(12*(year-1970) + month - 1) }

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func number(s string) int {
	n := 0
	for i := range len(s) {
		n = 10*n + int(s[i]-'0')
	}
	return n
}

// show writes a value of a range for the provider.
func show(t Type, n int64) string {
	switch t {
	case Date:
		return time.Unix(n*secondsADay, 0).UTC().Format(time.DateOnly)
	case Month:
		return time.Date(1970, time.January+time.Month(n), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
	default:
		return strconv.FormatInt(n, 10)
	}
}

// valid reports whether every cell is UTF-8.
func valid(cells []string) bool {
	for _, c := range cells {
		if !utf8.ValidString(c) {
			return false
		}
	}
	return true
}
