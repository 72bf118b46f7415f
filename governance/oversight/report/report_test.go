package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/oversight/report"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/suite"
)

var update = flag.Bool("update", false, "write the golden files anew")

// digests are what a new version of a profile changes: its own, and the names of
// findings under it.
var digests = regexp.MustCompile(`sha256:[0-9a-f]{64}|f-[0-9a-f]{16}`)

func at(day string) time.Time {
	d, err := calendar.ParseDate(day)
	if err != nil {
		panic(err)
	}
	return d.Start().Add(9 * time.Hour)
}

func town(tb testing.TB, city string) oversight.Facts {
	tb.Helper()
	p, err := profiles.Get(city)
	if err != nil {
		tb.Fatal(err)
	}
	sheet := &papers.Sheet{Class: "general", Grade: 3, Share: "conditional", Open: "closed", UpdateDays: 30, Registration: "GY-0001", Items: []papers.Item{
		{Code: "visit", Name: "就诊", Source: "hospital", Subject: "person", Basis: "law", Law: &papers.Citation{Doc: "传染病防治法", Article: "第三十三条"}},
		{Code: "phone", Name: "电话", Source: "hospital", Subject: "person", Basis: "consent"},
	}}
	return oversight.Facts{
		Now: at("2026-03-10"), Began: at("2026-01-05"), Profile: p, Calendar: calendar.Announced(), Bureau: "bureau", Providers: []string{"hospital"},
		Titles:   map[string]string{"hospital": "市第一医院", "operator": "数据运营公司", "bureau": "大数据局"},
		Licences: []oversight.Licence{{Operator: "operator", Field: "卫生健康", From: at("2026-01-05"), To: at("2029-01-05")}},
		Scenarios: []oversight.Scenario{{
			ID: "flu", Title: "流感研判", Operator: "operator", Channel: profile.ByOperation, Purpose: "public-health", PublicGood: true, Fee: "free",
			Datasets: []string{"visits"}, From: at("2026-01-05"), End: at("2027-06-30"), First: at("2026-02-10"),
		}},
		Datasets: []oversight.Dataset{{ID: "visits", Title: "就诊|记录", Provider: "hospital", Since: at("2026-01-05"), Sheet: sheet}, {ID: "beds", Title: "床位", Provider: "hospital", Since: at("2026-01-06")}},
		Runs:     []oversight.Run{{ID: "r-1", Scenario: "flu", Operator: "operator", Purpose: "public-health", State: "released", At: at("2026-02-10")}},
		Orders:   []oversight.Order{{ID: "h-1", Kind: "hold", Org: "hospital", Name: "visits", At: at("2026-03-01")}},
		Declared: []oversight.Declared{{Fault: "channel", Org: "hospital", Thing: "ftp-1", What: "=HYPERLINK(\"http://x\")\n| 自建专线", By: "officer", At: at("2026-03-02")}},
	}
}

func ledger() []oversight.Use {
	return []oversight.Use{{
		Provider: "hospital", Dataset: "visits", Version: "v1", Columns: []string{"district", "days"}, Run: "r-1", Start: suite.DigestOf([]byte("start")), Permit: suite.DigestOf([]byte("terms")),
		Scenario: "flu", Operator: "operator", Purpose: "public-health", Program: "district-age", Recipients: []string{"operator"}, State: "released", Rho: "1/3", Release: suite.DigestOf([]byte("bundle")), At: at("2026-02-10"),
	}}
}

func documents(tb testing.TB, city string) map[string]report.Document {
	tb.Helper()
	f := town(tb, city)
	return map[string]report.Document{
		"disclosure":     report.Disclosure(f, 2026, []report.Product{{Release: "sha256:00", Scenario: "flu", Operator: "operator", Recipients: []string{"operator"}, Date: "2026-02-11"}, {Release: "old", Date: "2025-02-11"}}),
		"scorecard":      report.Scorecard(f, 2026, []oversight.Score{oversight.ScoreOf(f, "operator", 2026, "released", "refused")}),
		"risk":           report.Risk(f),
		"uses":           report.Uses(f, "hospital", ledger()),
		"responsibility": report.Responsibility(f),
	}
}

// What the reports of Guiyang's town look like, in every form.
func TestGolden(t *testing.T) {
	for kind, d := range documents(t, "guiyang") {
		for _, form := range []report.Form{report.Markdown, report.CSV, report.JSON} {
			got, err := d.Write(form)
			if err != nil {
				t.Fatal(err)
			}
			got = digests.ReplaceAll(got, []byte("DIGEST"))
			name := filepath.Join("testdata", kind+"."+string(form))
			if *update {
				if err := os.WriteFile(name, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is another; run with -update and look at it\n%s", name, got)
			}
		}
	}
	if len(documents(t, "wuxi")) != len(report.Kinds()) {
		t.Error("a kind has no document")
	}
	if _, err := (report.Document{}).Write("docx"); err == nil {
		t.Error("a form that there is not")
	}
}

// Every report of every city has rows as wide as its head, says its rules, and
// cites something.
func TestForm(t *testing.T) {
	for _, city := range profiles.IDs() {
		for kind, d := range documents(t, city) {
			if !strings.HasPrefix(d.Rules, city) || len(d.Basis) == 0 || d.Basis[0] == "" || len(d.Tables) == 0 {
				t.Errorf("%s, %s: %+v", city, kind, d)
			}
			for _, table := range d.Tables {
				for _, row := range table.Rows {
					if len(row) != len(table.Columns) {
						t.Errorf("%s, %s, %s: %d cells under %d heads", city, kind, table.Title.EN, len(row), len(table.Columns))
					}
				}
			}
		}
	}
}

// Whatever texts are handed in, a cell stays a cell: no line more, no column more,
// nothing that a spreadsheet would run.
func FuzzCells(f *testing.F) {
	for _, s := range []string{"", "a", "=1+1", "a|b\n|c|", "<script>", "\u202e", "@x", "\x00\xff", "`*_[]#", "&#35;", "\"a\",\"b\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := report.Document{Tables: []report.Table{{Columns: []profile.Name{{ZH: "一", EN: "one"}, {ZH: "二", EN: "two"}}, Rows: [][]string{{s, "end"}}}}}
		md, err := d.Write(report.Markdown)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(md), "\n"), "\n")
		last := lines[len(lines)-1]
		if !strings.HasSuffix(last, "| end |") || strings.Count(last, "|")-strings.Count(last, `\|`) != 3 || strings.ContainsAny(last, "<>\r") {
			t.Errorf("%q", last)
		}
		raw, err := d.Write(report.CSV)
		if err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(bytes.NewReader(raw[3:]))
		r.FieldsPerRecord = -1
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		row := rows[len(rows)-1]
		if len(row) != 2 || row[1] != "end" || row[0] != "" && strings.ContainsRune("=+-@", rune(row[0][0])) {
			t.Errorf("%q", row)
		}
	})
}

// A provider's ledger, as written, holds no other provider's name, dataset, column
// or figure; an operator or a checker reads none of it; the bureau and auditors all.
func TestLedgerShowsItsReaderTheirOwn(t *testing.T) {
	f := town(t, "guiyang")
	f.Titles = nil
	rapid.Check(t, func(t *rapid.T) {
		orgs := []string{"alpha", "beta", "gamma"}
		var all []oversight.Use
		for i := range rapid.IntRange(0, 12).Draw(t, "uses") {
			o := rapid.SampledFrom(orgs).Draw(t, "org")
			run := "run-" + string(rune('a'+i))
			all = append(all, oversight.Use{
				Provider: o, Dataset: o + "-set", Version: o + "-v", Columns: []string{o + "-col"}, Run: run, Rho: "1/" + o, Operator: "operator", State: "computing",
				At: at("2026-02-10").Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "hour")) * time.Hour),
			})
		}
		role := rapid.SampledFrom([]governance.Role{governance.RoleOfficer, governance.RoleAdmin, governance.RoleOperator, governance.RoleChecker, governance.RoleBureau, governance.RoleAuditor, ""}).Draw(t, "role")
		u := governance.User{ID: "u", Org: rapid.SampledFrom(append(orgs, "")).Draw(t, "reader"), Role: role}
		seen := oversight.UsesFor(u, all)
		want := 0
		for _, use := range all {
			if oversight.Inspects(u) || (role == governance.RoleOfficer || role == governance.RoleAdmin) && use.Provider == u.Org {
				want++
			}
		}
		if len(seen) != want {
			t.Fatalf("%s of %q reads %d lines, want %d", role, u.Org, len(seen), want)
		}
		if oversight.Inspects(u) {
			return
		}
		for _, form := range []report.Form{report.Markdown, report.CSV, report.JSON} {
			raw, err := report.Uses(f, u.Org, seen).Write(form)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range orgs {
				if o != u.Org && bytes.Contains(raw, []byte(o)) {
					t.Fatalf("%s of %q reads of %s", role, u.Org, o)
				}
			}
		}
	})
}

func TestJSONIsRead(t *testing.T) {
	for kind, d := range documents(t, "dongguan") {
		raw, err := d.Write(report.JSON)
		if err != nil {
			t.Fatal(err)
		}
		var back report.Document
		if err := json.Unmarshal(raw, &back); err != nil || back.Title != d.Title {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A disclosure lists what was in force on any day of its year, in Shanghai, and no
// more; what was taken back is listed as such.
func TestDisclosureOfAYear(t *testing.T) {
	f := town(t, "guiyang")
	rows := func(from, to time.Time) int {
		f.Licences = []oversight.Licence{{Operator: "operator", From: from, To: to}}
		return len(report.Disclosure(f, 2026, nil).Tables[0].Rows) - 1 // the bureau's
	}
	first, next := at("2026-01-01").Add(-9*time.Hour), at("2027-01-01").Add(-9*time.Hour)
	for name, c := range map[string]struct {
		from, to time.Time
		want     int
	}{
		"ended at the end of the year before": {first.AddDate(-1, 0, 0), first, 0},
		"ended on its first day":              {first.AddDate(-1, 0, 0), first.Add(time.Hour), 1},
		"began on its last day":               {next.Add(-time.Hour), next.AddDate(1, 0, 0), 1},
		"began with the next":                 {next, next.AddDate(1, 0, 0), 0},
		"without an end":                      {first, time.Time{}, 1},
	} {
		if got := rows(c.from, c.to); got != c.want {
			t.Errorf("%s: %d rows", name, got)
		}
	}
	out := report.Disclosure(f, 2026, []report.Product{{Release: "r-1", Date: "2026-12-31"}, {Release: "r-2", Date: "2026-01-01", Withdrawn: "2026-03-01"}, {Release: "r-3", Date: "2025-12-31"}}).Tables[2].Rows
	if len(out) != 2 || out[0][5] != "已放行 released" || out[1][5] != "2026-03-01 已收回 withdrawn" {
		t.Errorf("%v", out)
	}
}
