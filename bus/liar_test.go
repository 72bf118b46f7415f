package bus

import (
	"context"
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
)

// A wrongDesk gives a statement of another subject than it was asked for.
type wrongDesk struct{ subject string }

func (wrongDesk) post(context.Context, string, []byte) error { return nil }
func (wrongDesk) last(context.Context, string) (Item, error) { return Item{}, fault.NotFound }
func (w wrongDesk) next(_ context.Context, _ string, at uint64) (Item, error) {
	if at > 1 {
		return Item{}, fault.NotFound
	}
	return Item{Subject: w.subject, Seq: 1, Data: []byte("y")}, nil
}

// A reader is given what is under its filter, whatever the server says.
func TestAnotherSubject(t *testing.T) {
	for subject, want := range map[string]error{
		"blob.aa.site-a.0": nil, "x": fault.Tampered, "blob.aa.0": fault.Tampered, "blob.bb.site-a.0": fault.Tampered,
		"blob.aa.site-a.1": fault.Tampered, "blob.aa.site-a.0.0": fault.Tampered, "": fault.Tampered,
	} {
		b := &Board{desk: wrongDesk{subject}}
		for it, err := range b.All(t.Context(), "blob.aa.*.0") {
			if !errors.Is(err, want) || want == nil && it.Subject != subject {
				t.Errorf("%q: %q, %v", subject, it.Subject, err)
			}
		}
	}
	for filter, subject := range map[string]string{"run.>": "run.r-1.1.hello.x", "a.*": "a.b", "a": "a"} {
		if !matches(filter, subject) {
			t.Errorf("%s is not under %s", subject, filter)
		}
	}
	for filter, subject := range map[string]string{"run.>": "run", "a.*": "a.b.c", "a": "b", "*.b": "b"} {
		if matches(filter, subject) {
			t.Errorf("%s is under %s", subject, filter)
		}
	}
}
