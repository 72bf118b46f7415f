package fault

import (
	"errors"
	"fmt"
	"testing"
	"unicode"
)

func TestOf(t *testing.T) {
	wrapped := fmt.Errorf("reading column: %w", Refuse("guest", ""))
	for _, c := range []struct {
		name string
		err  error
		want Kind
	}{
		{"a bare kind", fmt.Errorf("x: %w", Denied), Denied},
		{"a refusal", wrapped, Guest},
		{"a stranger", errors.New("x"), Internal},
		{"nothing", nil, Internal},
		{"an unknown code", Refuse("no-such-code", ""), Internal},
		{"the zero refusal", Refusal{}, ""},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: Of = %q, want %q", c.name, got, c.want)
		}
	}
	if !errors.Is(wrapped, Guest) || errors.Is(wrapped, Denied) {
		t.Error("errors.Is does not ask a refusal for its kind")
	}
}

// A user reads the table's sentence, and never the text around it.
func TestShow(t *testing.T) {
	r := Show(fmt.Errorf("secret of row 7: %w", Tampered))
	if r.Code != "tampered" || r.Error() != texts["tampered"].en+" (tampered; platform)" {
		t.Errorf("Show = %v", r)
	}
}

func TestTextsAreWhole(t *testing.T) {
	for code, x := range texts {
		if x.kind == "" || x.who == "" || x.en == "" {
			t.Errorf("%s: incomplete", code)
		}
		han := false
		for _, r := range x.zh {
			han = han || unicode.Is(unicode.Han, r)
		}
		if !han {
			t.Errorf("%s: no Chinese sentence", code)
		}
	}
	for kind, code := range byKind {
		if texts[code].kind != kind {
			t.Errorf("byKind[%s] = %s, which is %s", kind, code, texts[code].kind)
		}
	}
}
