package calendar

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
)

func date(tb testing.TB, s string) Date {
	tb.Helper()
	d, err := ParseDate(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// Spans over holidays and worked weekends of 2025 and 2026.
func TestDue(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int
		want string // "" where the date is not yet settled
	}{
		{"2026-02-10", 5, "2026-02-24"},
		{"2026-02-10", 10, "2026-03-02"},
		{"2026-04-28", 5, "2026-05-08"},
		{"2026-09-18", 5, "2026-09-24"}, // Sunday the 20th is worked
		{"2026-09-24", 10, "2026-10-15"},
		{"2025-12-29", 5, "2026-01-06"}, // Sunday the 4th is worked
		{"2026-02-10", 0, "2026-02-10"}, // 当日
		{"2026-12-24", 10, ""},
		{"2026-12-01", 1, ""}, // the notice of 2027 may move a day of December
		{"2027-03-01", 5, ""},
	} {
		due, err := Announced().Due(date(t, c.from), c.n)
		if err != nil {
			t.Fatal(err)
		}
		if due.Provisional != (c.want == "") || due.Provisional != (len(due.Waits) > 0) {
			t.Errorf("%s and %d: provisional %v, waits for %v", c.from, c.n, due.Provisional, due.Waits)
		}
		if c.want != "" && due.Day.String() != c.want {
			t.Errorf("%s and %d: due %s, want %s", c.from, c.n, due.Day, c.want)
		}
		if !due.At.Equal(due.Day.End()) || due.Overdue(due.At.Add(-time.Nanosecond)) || !due.Overdue(due.At) {
			t.Errorf("%s and %d: due at %v, which is not the end of %s", c.from, c.n, due.At, due.Day)
		}
	}
}

// The day begins and ends where it is UTC+8.
func TestDateOf(t *testing.T) {
	if d := DateOf(time.Date(2026, 2, 9, 16, 0, 0, 0, time.UTC)); d.String() != "2026-02-10" {
		t.Errorf("16:00 UTC is %s", d)
	}
	if at := date(t, "2026-02-24").End(); !at.Equal(time.Date(2026, 2, 24, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("the end of the 24th is %v", at.UTC())
	}
}

// Every day of the years with a notice is what the rows of the table say, and
// what the week says where there is no row.
func TestEveryDay(t *testing.T) {
	r := csv.NewReader(bytes.NewReader(announced))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, row := range rows[1:] {
		if row[2] != notice {
			kinds[row[1]] = row[2]
		}
	}
	c, days := Announced(), map[int]int{}
	for at := time.Date(2010, 1, 1, 12, 0, 0, 0, time.UTC); at.Year() <= 2026; at = at.AddDate(0, 0, 1) {
		want := at.Weekday() != time.Saturday && at.Weekday() != time.Sunday
		if k := kinds[at.Format(time.DateOnly)]; k != "" {
			want = k == work
		}
		got, provisional := c.Works(DateOf(at))
		if got != want || provisional != (at.Year() == 2026 && at.Month() == time.December) {
			t.Errorf("%s: works %v, provisional %v", at.Format(time.DateOnly), got, provisional)
		}
		if got {
			days[at.Year()]++
		}
	}
	for y, want := range map[int]int{2024: 251, 2025: 248, 2026: 248} {
		if n, _ := c.Count(Date{y, time.January, 1}, Date{y, time.December, 31}); n != want || days[y] != want {
			t.Errorf("%d has %d working days by Count and %d by days, want %d", y, n, days[y], want)
		}
	}
	if ys := c.Years(); len(ys) != 17 || ys[0] != 2010 || ys[16] != 2026 {
		t.Errorf("years %v", ys)
	}
	for _, y := range c.Years() {
		if len(c.Notices(y)) == 0 {
			t.Errorf("%d: no notice", y)
		}
	}
}

// A year that is loaded settles what waited for it, and may move a December day
// of the year before.
func TestWith(t *testing.T) {
	old := Announced()
	before, err := old.Due(date(t, "2026-12-24"), 5)
	if err != nil {
		t.Fatal(err)
	}
	now, err := old.With([]byte("year,date,kind,name\n2027,,notice,https://www.gov.cn/x\n2027,2026-12-31,rest,元旦\n2027,2026-12-27,work,元旦\n2027,2027-01-01,rest,元旦\n"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := now.Due(date(t, "2026-12-24"), 5)
	if err != nil {
		t.Fatal(err)
	}
	if !before.Provisional || len(before.Waits) != 1 || before.Waits[0] != 2027 || before.Day.String() != "2026-12-31" {
		t.Errorf("before: %+v", before)
	}
	if after.Provisional || after.Day.String() != "2026-12-30" {
		t.Errorf("after: %+v", after)
	}
	if len(old.Years()) != 17 || len(now.Years()) != 18 {
		t.Error("the calendar that was given has changed")
	}
}

// In a year without a notice the days rest that always do, and no other.
func TestStandingRule(t *testing.T) {
	c := Announced()
	for day, want := range map[string]bool{
		"2027-01-01": false, "2027-05-01": false, "2028-05-02": false, "2027-10-01": false, "2028-10-02": false, "2028-10-03": false,
		"2027-01-04": true, "2027-05-03": true, "2027-10-04": true, "2027-02-08": true,
	} {
		works, provisional := c.Works(date(t, day))
		if works != want || !provisional {
			t.Errorf("%s: works %v, provisional %v", day, works, provisional)
		}
	}
	var none Calendar
	if _, provisional := none.Works(date(t, "2026-02-10")); !provisional {
		t.Error("the zero calendar is sure of something")
	}
}

func TestTablesThatAreRefused(t *testing.T) {
	const head, url = "year,date,kind,name\n", "2027,,notice,https://www.gov.cn/x\n"
	for name, table := range map[string]string{
		"nothing":           "",
		"a header only":     head,
		"another header":    "year,day,kind,name\n" + url,
		"no notice":         head + "2027,2027-01-01,rest,元旦\n",
		"a notice only":     head + url,
		"no address":        head + "2027,,notice,somewhere\n2027,2027-01-01,rest,x\n",
		"a local file":      head + "2027,,notice,file:///etc/passwd\n2027,2027-01-01,rest,x\n",
		"a dated notice":    head + "2027,2027-01-01,notice,https://www.gov.cn/x\n2027,2027-01-01,rest,x\n",
		"a day twice":       head + url + "2027,2027-01-01,rest,x\n2027,2027-01-01,rest,x\n",
		"a foreign day":     head + url + "2027,2026-11-30,rest,x\n",
		"a later year":      head + url + "2027,2028-01-01,rest,x\n",
		"another kind":      head + url + "2027,2027-01-04,party,x\n",
		"no day":            head + url + "2027,2027-02-30,rest,x\n",
		"no year":           head + "MMXXVII,,notice,https://www.gov.cn/x\n",
		"a year far off":    head + "9999,,notice,https://www.gov.cn/x\n",
		"five columns":      head + "2027,,notice,https://www.gov.cn/x,y\n",
		"not UTF-8":         head + url + "2027,2027-01-01,rest,\xff\n",
		"a long name":       head + url + "2027,2027-01-01,rest," + strings.Repeat("x", maxText+1) + "\n",
		"too large a table": head + url + strings.Repeat("#\n", MaxTable),
	} {
		c, err := Announced().With([]byte(table))
		if !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) {
			t.Errorf("%s: %v", name, err)
		}
		if len(c.Years()) != 17 {
			t.Errorf("%s: the calendar has changed", name)
		}
	}
	for _, n := range []int{-1, MostDays + 1} {
		if _, err := Announced().Due(date(t, "2026-01-01"), n); !errors.Is(err, fault.Invalid) {
			t.Errorf("%d days: %v", n, err)
		}
	}
	if n, provisional := Announced().Count(date(t, "2010-01-01"), date(t, "2190-01-01")); n != 0 || !provisional {
		t.Errorf("an endless count is %d", n)
	}
}

func FuzzWith(f *testing.F) {
	f.Add(announced)
	f.Add([]byte("year,date,kind,name\n2027,,notice,https://www.gov.cn/x\n2027,2026-12-31,rest,元旦\n"))
	f.Fuzz(func(t *testing.T, table []byte) {
		c, err := Calendar{}.With(table)
		if err != nil {
			if len(c.Years()) != 0 {
				t.Error("a table that was refused is known")
			}
			return
		}
		for _, y := range c.Years() {
			if n, _ := c.Count(Date{y, time.January, 1}, Date{y, time.December, 31}); n > 366 || len(c.Notices(y)) == 0 {
				t.Errorf("%d has %d working days and %d notices", y, n, len(c.Notices(y)))
			}
		}
	})
}
