package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/jobs"
)

// previewed answers for the gates out of facts.
type previewed struct{ facts gates.Facts }

func (a previewed) Preview(_ context.Context, _ jobs.Terms, at gates.Step) ([]gates.Verdict, error) {
	return gates.Check(a.facts, at), nil
}

// A preview lists every gate in both languages with its article, and its exit code
// says whether one stops the job.
func TestJobPreview(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	var out bytes.Buffer
	f := w.Facts()
	if err := preview(t.Context(), &out, previewed{f}, f.Terms, []gates.Step{gates.AtSubmission, gates.AtStart}, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"提交时 at submission", "✓ G1 ", "✓ G13", "贵阳贵安 第三十二条", "征求意见稿", "内部规则（非法定） / house rule, not law", "－ G8", "本地文件未规定"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "✗") {
		t.Errorf("something stops it:\n%s", out.String())
	}
	w.Admission.To = w.Admission.From.AddDate(4, 0, 0)
	f = w.Facts()
	out.Reset()
	err := preview(t.Context(), &out, previewed{f}, f.Terms, []gates.Step{gates.AtStart}, false)
	if e, ok := errors.AsType[ended](err); !ok || e.code != 3 {
		t.Errorf("ended %v", err)
	}
	for _, want := range []string{"✗ G1  授权期限超出上限", "原文 words: “", "可处理方 who can fix it: 大数据部门 bureau", "效力 status: 征求意见稿"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := preview(t.Context(), &out, previewed{f}, f.Terms, []gates.Step{gates.AtStart}, true); err == nil || !strings.Contains(out.String(), `"gate":"G1"`) {
		t.Errorf("as JSON: %v\n%s", err, out.String())
	}
}
