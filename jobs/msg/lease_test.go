package msg

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A lease is taken from the member's own key, about itself, and in order only.
func TestOpenLease(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	m, key := w.terms.Members[0], w.keys["site-a"]
	good := LeaseBody{Domain: "a", Party: "site-a", Seq: 3, At: noon, Held: []Held{{HoldProgram, string(suite.DigestOf(nil))}}}
	_, r, err := SignLease(key, good)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := OpenLease(r.Bytes(), m); err != nil || got.Seq != 3 || len(got.Held) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, edit := range map[string]func(*LeaseBody){
		"no domain":     func(l *LeaseBody) { l.Domain = "" },
		"no number":     func(l *LeaseBody) { l.Seq = 0 },
		"half a second": func(l *LeaseBody) { l.At = l.At.Add(time.Second / 2) },
		"no thing":      func(l *LeaseBody) { l.Held = []Held{{}} },
		"too many":      func(l *LeaseBody) { l.Held = make([]Held, MaxHeld+1) },
	} {
		bad := good
		edit(&bad)
		if _, _, err := SignLease(key, bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is signed: %v", name, err)
		}
		r, err := receipt.Sign(key, Lease, bad.about(), bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenLease(r.Bytes(), m); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	other := good
	other.Domain, other.Party = "b", "site-b"
	for name, sign := range map[string]func() (receipt.Receipt, error){
		"another's key":   func() (receipt.Receipt, error) { return receipt.Sign(w.keys["site-b"], Lease, good.about(), good) },
		"about another":   func() (receipt.Receipt, error) { return receipt.Sign(key, Lease, other.about(), good) },
		"of another":      func() (receipt.Receipt, error) { return receipt.Sign(key, Lease, other.about(), other) },
		"of another kind": func() (receipt.Receipt, error) { return receipt.Sign(key, Ready, good.about(), good) },
		"of another number": func() (receipt.Receipt, error) {
			l := good
			l.Seq = 4
			return receipt.Sign(key, Lease, l.about(), good)
		},
	} {
		r, err := sign()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenLease(r.Bytes(), m); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := OpenLease([]byte(strings.Repeat("x", MaxLease+1)), m); !errors.Is(err, fault.Invalid) {
		t.Errorf("too long: %v", err)
	}
}

func FuzzLeaseSubject(f *testing.F) {
	for _, s := range []string{"lease.site-a.1", "lease.site-a.01", "lease.site-a.1.logged", "lease..1", "lease.a.18446744073709551615"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		party, seq, err := ParseLeaseSubject(s)
		if err == nil && (LeaseSubject(party, seq) != s || seq == 0 || !MayPost(party, s) || MayPost("x"+party, s)) {
			t.Errorf("%q is read as %s %d", s, party, seq)
		}
	})
}
