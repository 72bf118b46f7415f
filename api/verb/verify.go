package verb

import (
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
)

// Checked reads the answer to a query of a verification: that of the terms' own
// site, about this run and permit, whoever shows it. Errors are of kind NotFound,
// Invalid or Tampered.
func (v View) Checked(t jobs.Terms, run string) (msg.CheckedBody, error) {
	if len(v.Answer) == 0 || t.Verify == nil || len(t.Members) != 1 {
		return msg.CheckedBody{}, fmt.Errorf("reading an answer: %w", fault.NotFound)
	}
	r, err := receipt.Parse(v.Answer)
	if err != nil {
		return msg.CheckedBody{}, fmt.Errorf("reading an answer: %w", err)
	}
	var b msg.CheckedBody
	if err := r.Read(msg.Checked, &b); err != nil {
		return msg.CheckedBody{}, fmt.Errorf("reading an answer: %w", err)
	}
	site := t.Members[0].Site
	if r.By() != site.Key || b.Of != (msg.Of{Run: run, Permit: t.Digest(), Party: site.Name}) {
		return msg.CheckedBody{}, fmt.Errorf("reading an answer: not the domain's about this query: %w", fault.Tampered)
	}
	return b, nil
}
