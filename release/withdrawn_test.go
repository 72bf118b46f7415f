package release

import (
	"errors"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

// notice logs a withdrawal by a party and has it witnessed.
func (s *story) notice(by string, edit func(*governance.Withdrawal), witnesses ...string) Notice {
	s.tb.Helper()
	w := governance.Withdrawal{
		Run: runID, Permit: s.terms.Digest(), Bundle: digestOf("bundle"), Entry: digestOf("entry"), Code: "objection", Text: "objection 9 upheld", At: noon,
	}
	edit(&w)
	r, err := w.Sign(keyOf(s.tb, by))
	must(s.tb, err)
	n := Notice{Statement: r.Bytes(), Index: s.log.Size()}
	s.log.AppendData([]byte(suite.DigestOf(r.Bytes())))
	n.Proof, err = s.prove(n.Index)
	must(s.tb, err)
	n.Checkpoint = string(s.checkpoint(witnesses...))
	return n
}

// A notice takes a bundle back if one whom the bundle's own terms name signed it,
// and a ledger that pinned trustees witnessed holds it.
func TestWithdrawn(t *testing.T) {
	plain := func(*governance.Withdrawal) {}
	whole := []string{"trustee-1", "trustee-2", "trustee-3"}
	for name, c := range map[string]struct {
		by        string
		edit      func(*governance.Withdrawal)
		witnesses []string
		bend      func(*Notice)
		want      error
	}{
		"the bureau":            {"bureau", plain, whole, func(*Notice) {}, nil},
		"a provider":            {"provider-b", plain, whole, func(*Notice) {}, nil},
		"all but one witness":   {"bureau", plain, whole[1:], func(*Notice) {}, nil},
		"one witness":           {"bureau", plain, whole[:1], func(*Notice) {}, fault.Denied},
		"the operator":          {"operator", plain, whole, func(*Notice) {}, fault.Tampered},
		"the coordinator":       {"yuneid", plain, whole, func(*Notice) {}, fault.Tampered},
		"a checker":             {"checker-1", plain, whole, func(*Notice) {}, fault.Tampered},
		"a key of nobody's":     {"stranger", plain, whole, func(*Notice) {}, fault.Tampered},
		"another run":           {"bureau", func(w *governance.Withdrawal) { w.Run = "run-2" }, whole, func(*Notice) {}, fault.Tampered},
		"another permit":        {"bureau", func(w *governance.Withdrawal) { w.Permit = digestOf("x") }, whole, func(*Notice) {}, fault.Tampered},
		"another place":         {"bureau", plain, whole, func(n *Notice) { n.Index-- }, fault.Tampered},
		"a bent proof":          {"bureau", plain, whole, func(n *Notice) { n.Proof[0][0] ^= 1 }, fault.Tampered},
		"the bundle's own tree": {"bureau", plain, whole, func(n *Notice) { n.Checkpoint = "" }, fault.Invalid},
	} {
		s := (&story{tb: t, trustees: 3}).tell()
		raw, pins := s.raw(), s.pins()
		n := s.notice(c.by, c.edit, c.witnesses...)
		c.bend(&n)
		w, tree, err := Withdrawn(raw, n, pins)
		if c.want == nil && (err != nil || w.Text != "objection 9 upheld" || tree.Size != s.log.Size()) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
		if c.want != nil && (err == nil || w.Run != "") {
			t.Errorf("%s is believed: %+v, %v", name, w, err)
		}
		if c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if _, err := Verify(raw, pins); err != nil {
			t.Errorf("%s: the bundle holds no more: %v", name, err)
		}
	}
}

func TestParseNotice(t *testing.T) {
	s := (&story{tb: t, trustees: 3}).tell()
	raw := s.notice("bureau", func(*governance.Withdrawal) {}, "trustee-1", "trustee-2").Bytes()
	if n, err := ParseNotice(raw); err != nil || !slices.Equal(n.Bytes(), raw) {
		t.Errorf("its own bytes: %v", err)
	}
	if _, err := ParseNotice(append(slices.Clone(raw), ' ')); !errors.Is(err, fault.Invalid) {
		t.Errorf("with a space: %v", err)
	}
	if _, err := ParseNotice(make([]byte, MaxNotice+1)); !errors.Is(err, fault.Exhausted) {
		t.Errorf("too long: %v", err)
	}
}

func FuzzParseNotice(f *testing.F) {
	s := (&story{tb: f, trustees: 3}).tell()
	bundle, pins := s.raw(), s.pins()
	f.Add(s.notice("bureau", func(*governance.Withdrawal) {}, "trustee-1", "trustee-2").Bytes())
	f.Add([]byte(`{"statement":{},"index":0,"proof":[],"checkpoint":""}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := ParseNotice(raw)
		if err != nil {
			return
		}
		if w, _, err := Withdrawn(bundle, n, pins); err == nil && w.Run != runID {
			t.Error("another run's notice is believed")
		}
	})
}
