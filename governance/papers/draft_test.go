package papers_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
)

// A draft is a paper of its one spelling that lacks nearly everything, and what
// it lacks is not taken for filled in.
func TestBlank(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for _, kind := range papers.Kinds() {
				for _, channel := range []string{profile.BySharing, profile.ByOpening, profile.ByOperation} {
					raw, err := papers.Blank(p, kind, channel)
					if err != nil {
						t.Fatal(err)
					}
					if again, err := papers.Fmt(raw); err != nil || !bytes.Equal(again, raw) {
						t.Errorf("%s: %v", kind, err)
					}
					if len(papers.Asks(p, kind, channel)) == 0 && kind != papers.KindConsent && kind != papers.KindReport {
						t.Errorf("%s: nothing is asked", kind)
					}
				}
			}
			raw, err := papers.Blank(p, papers.KindSheet, "")
			if err != nil {
				t.Fatal(err)
			}
			s, err := papers.Read[papers.Sheet](raw, papers.KindSheet)
			if err != nil {
				t.Fatal(err)
			}
			fields := map[string]bool{}
			for _, m := range s.Check(p) {
				fields[m.Field] = true
			}
			for _, w := range list(p, "org.officers") {
				if !fields["fields."+w] {
					t.Errorf("%s is taken for filled in", w)
				}
			}
			if len(fields) < 10 {
				t.Errorf("a blank sheet lacks %v only", fields)
			}
		})
	}
	if _, err := papers.Blank(profile.Profile{}, "letter", ""); !errors.Is(err, fault.Invalid) {
		t.Errorf("another kind: %v", err)
	}
}

func TestFmt(t *testing.T) {
	raw, err := papers.Bytes(papers.KindReport, paperstest.Report("drill"))
	if err != nil {
		t.Fatal(err)
	}
	draft, err := papers.Indented(raw)
	if err != nil {
		t.Fatal(err)
	}
	commented := "// 说明\n" + strings.Replace(string(draft), "\n", "\n  // 一行说明\n", 1)
	if got, err := papers.Fmt([]byte(commented)); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%s, %v", got, err)
	}
	for what, in := range map[string]string{
		"nothing": "", "another kind": `{"paper":"letter","body":{}}`, "an unknown field": `{"paper":"report","body":{"x":1}}`, "two papers": string(raw) + string(raw),
		"no body": `{"paper":"report"}`, "a number for a text": `{"paper":"report","body":{"text":1}}`,
	} {
		if _, err := papers.Fmt([]byte(in)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := papers.Fmt(bytes.Repeat([]byte("//\n"), papers.MaxSize)); !errors.Is(err, fault.Exhausted) {
		t.Errorf("too long: %v", err)
	}
	long := paperstest.Report("drill")
	long.Text = strings.Repeat("x", papers.MaxSize)
	if _, err := papers.Bytes(papers.KindReport, long); !errors.Is(err, fault.Exhausted) {
		t.Errorf("too long to write: %v", err)
	}
	for what, in := range map[string][]byte{"another kind": raw, "another spelling": draft} {
		if _, err := papers.Read[papers.Sheet](in, papers.KindSheet); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := papers.Read[papers.Report](draft, papers.KindReport); !errors.Is(err, fault.Invalid) {
		t.Errorf("a draft is no paper: %v", err)
	}
	if kind, err := papers.KindOf(raw); err != nil || kind != papers.KindReport {
		t.Errorf("%s, %v", kind, err)
	}
}
