package release

import (
	"testing"

	"github.com/yunei/yunei/jobs/msg"
)

// A record of admission that names no form, or no version of the
// rewrite, is no record, however many members sign it alike.
func TestAdmissionNamesAForm(t *testing.T) {
	for name, edit := range map[string]func(*msg.AdmittedBody){
		"no form":           func(b *msg.AdmittedBody) { b.Form = "" },
		"not a digest":      func(b *msg.AdmittedBody) { b.Form = "sha256:as the operator likes" },
		"no rewrite at all": func(b *msg.AdmittedBody) { b.Rewrite = "" },
	} {
		t.Run(name, func(t *testing.T) {
			s := &story{tb: t, editBody: body(msg.Admitted, "", edit)}
			raw := s.tell().raw()
			if r, err := Verify(raw, s.pins()); err == nil {
				t.Errorf("holds: valid %v, form %q", r.Valid, r.Form)
			}
		})
	}
}

// Every domain's part appears at a slot of its own choosing: two
// domains and four slots are four bits, and the report states two.
func TestSlotBitsAreOfEveryDomain(t *testing.T) {
	s := &story{tb: t}
	raw := s.tell().raw()
	r, err := Verify(raw, s.pins())
	must(t, err)
	if want := float64(len(s.terms.Members)) * s.terms.Due.Bits(); r.SlotBits < want {
		t.Errorf("%d domains with %d slots each: %v bits stated, %v can be told", len(s.terms.Members), s.terms.Due.Count, r.SlotBits, want)
	}
}

// A replay that came to something else, left in the bundle, breaks it.
// Left out of it, nobody can tell.
func TestDisagreementInTheBundle(t *testing.T) {
	s := (&story{tb: t}).tell()
	_, r, err := msg.Say(keyOf(t, "site-a"), msg.Replayed, msg.ReplayedBody{Of: s.of(0, "site-a"), Agrees: false})
	must(t, err)
	s.post(place(0, msg.Replayed, "site-a"), r.Bytes())
	s.keepLog()
	_ = wantBroken(t, s.raw(), s.pins(), CheckAdmission)
}
