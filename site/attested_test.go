package site

import (
	"testing"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// elsewhere is a gate that has another thing attested than it is asked.
type elsewhere struct {
	attest.Attester
	binds func(*attest.Binding)
}

func (e elsewhere) Attest(b attest.Binding) (attest.Evidence, error) {
	e.binds(&b)
	return e.Attester.Attest(b)
}

// A site signs the gate's key into the set only if the evidence for it is what the
// permit demands; otherwise it ends the run, with nothing revealed.
func TestGateIsAttestedBeforeTheSetIsSigned(t *testing.T) {
	tpm := func(t *jobs.Terms) {
		p := &jobs.TPMPolicy{Keys: []string{"000b" + suite.DigestOf(nil).Hex()}, Binary: 13, MinFirmware: 1}
		for _, i := range []int{0, 4, 7} {
			p.PCRs = append(p.PCRs, jobs.PCR{Index: i, Values: []string{suite.DigestOf(nil).Hex()}})
		}
		t.Gate.Evidence, t.Gate.Policy = jobs.TPM, &jobs.Policy{Binary: suite.DigestOf([]byte("gate")), TPM: p}
	}
	for _, c := range []struct {
		name  string
		edit  func(*jobs.Terms)
		binds func(*attest.Binding)
		dead  fault.Code
	}{
		{"good", nil, func(*attest.Binding) {}, ""},
		{"software where a TPM is demanded", tpm, func(*attest.Binding) {}, "attestation"},
		{"another key", nil, func(b *attest.Binding) { b.Receiver = suite.DigestOf(nil) }, "attestation"},
		{"another run", nil, func(b *attest.Binding) { b.Run = "r-2" }, "attestation"},
		{"another round's", nil, func(b *attest.Binding) { b.Round, b.Nonce = 2, attest.Nonce{1} }, "attestation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, crowd(20, true))
			w.place = elsewhere{attest.NewSoftware(w.Keys["gate"]), c.binds}
			terms, module := w.termsOf(study, c.edit)
			w.begin("r-1", terms, module)
			w.key("r-1")
			w.runTo("r-1")
			v := w.view("r-1")
			w.say("site-transit", msg.Commit, msg.CommitBody{Of: v.Of(1, "site-transit"), Parts: suite.Commit(suite.Salt{1}, []byte("parts"))})
			for range 2 {
				w.must(w.advance("r-1"))
			}
			v = w.view("r-1")
			if v.Dead() != c.dead || v.Said(1, msg.Confirm, w.site.Name) != (c.dead == "") || v.Said(1, msg.Reveal, w.site.Name) {
				t.Errorf("dead %q, said %s", v.Dead(), w.said("r-1"))
			}
			if c.dead != "" && w.site.Journal.Get(string(signed), "r-1", new([]string)) == nil {
				t.Error("the set is signed in the journal")
			}
		})
	}
}
