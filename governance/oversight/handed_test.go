package oversight

import (
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

var now = governancetest.Now

func refused(t *testing.T, name string, err error, code fault.Code) {
	t.Helper()
	switch r := fault.Show(err); {
	case code == "" && err != nil:
		t.Errorf("%s: refused: %v", name, err)
	case code != "" && (err == nil || r.Code != code):
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}

func paper(tb testing.TB, edit func(*papers.Report)) []byte {
	tb.Helper()
	p := papers.Report{Duty: "feedback", Operator: "operator", Scenario: "flu", From: now.AddDate(0, -1, 0), To: now, Text: "共享质量良好，已用于疫情研判"}
	edit(&p)
	raw, err := papers.Bytes(papers.KindReport, p)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func TestMayReport(t *testing.T) {
	town := governancetest.NewTown(t)
	same := func(*papers.Report) {}
	hand := func(who string, raw []byte, at time.Time) receipt.Receipt {
		r, err := Hand(town.Keys[who], raw, at)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		name string
		who  string
		edit func(*papers.Report)
		at   time.Time
		want fault.Code
	}{
		{"the operator's own", "op", same, now, ""},
		{"another of its people", "op2", same, now, ""},
		{"a rival", "rival", same, now, "role"},
		{"a provider's officer", "hospital-officer", same, now, "role"},
		{"the coordinator", "yuneid", same, now, "unknown-key"},
		{"an hour ago", "op", same, now.Add(-time.Hour), "request-time"},
		{"in an hour", "op", same, now.Add(time.Hour), "request-time"},
		{"no words", "op", func(p *papers.Report) { p.Text = " . " }, now, "duty-report"},
		{"no such duty", "op", func(p *papers.Report) { p.Duty = "lunch" }, now, "duty-report"},
		{"an evaluation", "op", func(p *papers.Report) { p.Duty = "evaluation" }, now, "duty-report"},
		{"of the time to come", "op", func(p *papers.Report) { p.To = now.AddDate(0, 1, 0) }, now, "duty-report"},
		{"a span that runs back", "op", func(p *papers.Report) { p.From = now.AddDate(0, 0, 1) }, now, "duty-report"},
		{"the bureau's backup", "bureau-officer", func(p *papers.Report) { p.Duty, p.Operator, p.Scenario = "backup", "bureau", "" }, now, ""},
		{"a backup by the operator", "op", func(p *papers.Report) { p.Duty = "backup" }, now, "role"},
		{"a drill of the provider", "hospital-officer", func(p *papers.Report) { p.Duty, p.Operator, p.Scenario = "drill", "hospital", "" }, now, ""},
		{"a drill by its administrator", "hospital-admin", func(p *papers.Report) { p.Duty, p.Operator, p.Scenario = "drill", "hospital", "" }, now, "role"},
	} {
		raw := paper(t, c.edit)
		_, err := MayReport(town.Register, hand(c.who, raw, c.at), raw, now)
		refused(t, c.name, err, c.want)
	}
	raw, other := paper(t, same), paper(t, func(p *papers.Report) { p.Text = "别的" })
	_, err := MayReport(town.Register, hand("op", raw, now), other, now)
	refused(t, "another paper", err, "tampered")
	h := stated(raw, papers.Report{Duty: "feedback", Operator: "operator", Scenario: "flu", From: now.AddDate(0, -1, 0), To: now}, now)
	h.Scenario = "other"
	_, err = MayReport(town.Register, town.Sign(t, "op", Handing, h.About(), h), raw, now)
	refused(t, "a statement that says other than the paper", err, "tampered")
	_, err = MayReport(town.Register, receipt.Receipt{}, raw, now)
	refused(t, "nobody", err, "unknown-key")
}

// A report is 未核验 until an officer of the bureau, who did not file it, says how it
// was checked; what anybody else says changes nothing.
func TestAttest(t *testing.T) {
	town := governancetest.NewTown(t)
	raw := paper(t, func(*papers.Report) {})
	r, err := Hand(town.Keys["op"], raw, now)
	if err != nil {
		t.Fatal(err)
	}
	attest := func(who, org string, on suite.Digest, sound bool, how string) receipt.Receipt {
		c := Checked{On: on, Sound: sound, How: how, Org: org, At: now}
		return town.Sign(t, who, Attesting, c.About(), c)
	}
	filed := OnFile(town.Register, []receipt.Receipt{r}, nil)
	if zh, _ := filed[0].Status(); len(filed) != 1 || zh != "未核验" || filed[0].By != "op" {
		t.Fatalf("%+v", filed)
	}
	for _, c := range []struct {
		name string
		r    receipt.Receipt
		want fault.Code
	}{
		{"an officer", attest("bureau-officer", "bureau", r.Digest(), true, "现场查看演练记录"), ""},
		{"the filer", attest("op", "operator", r.Digest(), true, "x"), "role"},
		{"an auditor", attest("auditor", "audit", r.Digest(), true, "x"), "role"},
		{"a checker of the bureau", attest("checker-a", "bureau", r.Digest(), true, "x"), "role"},
		{"on another report", attest("bureau-officer", "bureau", suite.DigestOf(raw), true, "x"), "tampered"},
		{"without saying how", attest("bureau-officer", "bureau", r.Digest(), true, ""), "duty-report"},
		{"for another organisation", attest("bureau-officer", "hospital", r.Digest(), true, "x"), "tampered"},
		{"the coordinator", attest("yuneid", "bureau", r.Digest(), true, "x"), "unknown-key"},
	} {
		_, err := MayAttest(town.Register, filed[0], c.r, now)
		refused(t, c.name, err, c.want)
		after := OnFile(town.Register, []receipt.Receipt{r}, []receipt.Receipt{c.r})
		if (after[0].Checker != "") != (c.want == "") {
			t.Errorf("%s: %+v", c.name, after[0])
		}
	}
	no := attest("bureau-officer", "bureau", r.Digest(), false, "无演练记录")
	if after := OnFile(town.Register, []receipt.Receipt{r}, []receipt.Receipt{no}); after[0].counts(Feedback, "operator", "flu") {
		t.Error("an unsound report counts")
	}
	foreign, err := Hand(town.Keys["rival"], raw, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := OnFile(town.Register, []receipt.Receipt{foreign}, nil); len(got) != 0 {
		t.Errorf("a rival's report of the operator is on file: %+v", got)
	}
}

func TestWords(t *testing.T) {
	for s, want := range map[string]bool{"演练": true, "a\nb": true, "": false, " ": false, "1.": false, "x\u202e": false, "x\x00": false, "x\xff": false, strings.Repeat("x", papers.MaxSize+1): false} {
		if words(s) != want {
			t.Errorf("%.20q: %v", s, !want)
		}
	}
}

func TestSees(t *testing.T) {
	town := governancetest.NewTown(t)
	for id, want := range map[string]bool{"op": true, "op2": true, "rival": false, "hospital-officer": false, "bureau-officer": true, "auditor": true, "checker-a": false} {
		if Sees(town.Users[id], "operator") != want {
			t.Errorf("%s: %v", id, !want)
		}
	}
	if Sees(governance.User{}, "") {
		t.Error("nobody sees a report")
	}
}

// Whatever bytes come as a paper: no report is taken that does not say what its
// statement says.
func FuzzMayReport(f *testing.F) {
	town := governancetest.NewTown(f)
	good := paper(f, func(*papers.Report) {})
	r, err := Hand(town.Keys["op"], good, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte(`{"paper":"report","body":{}}`))
	f.Add([]byte(strings.Replace(string(good), "operator", "rival", 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h, err := MayReport(town.Register, r, raw, now); err == nil && string(raw) != string(good) {
			t.Errorf("%+v is taken for %q", h, raw)
		}
	})
}
