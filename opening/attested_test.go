package opening

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/enclave/attest/attesttest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A forger is a dishonest gate's attester: it attests other things than it is
// asked, or answers with what it made before.
type forger struct {
	attest.Attester
	kind   jobs.Evidence // that it claims to be of; "" is its own
	binds  func(*attest.Binding)
	makes  func(*attest.Evidence)
	replay bool
	first  *attest.Evidence
}

func (f *forger) Type() attest.Type {
	if f.kind != "" {
		return f.kind
	}
	return f.Attester.Type()
}

func (f *forger) Attest(b attest.Binding) (attest.Evidence, error) {
	if f.replay && f.first != nil {
		return *f.first, nil
	}
	if f.binds != nil {
		f.binds(&b)
	}
	e, err := f.Attester.Attest(b)
	if f.first == nil {
		f.first = &e
	}
	if f.makes != nil {
		f.makes(&e)
	}
	return e, err
}

// stageWith is a stage whose permit demands such evidence and whose gate is in
// such a place.
func stageWith(t *testing.T, place func(*stage) attest.Attester, gate func(*jobs.Gate)) *stage {
	t.Helper()
	s := newStage(t, jobs.SDC, func(terms *jobs.Terms) {
		if gate != nil {
			gate(&terms.Gate)
		}
	})
	s.place = place(s)
	s.gate = s.newGate()
	s.sites["site-hospital"].values = []int64{20, 3, 100, 9, 0, 1, 0, 0}
	s.sites["site-transit"].values = []int64{40, 0, 207, 0, 0, 0, 0, 0}
	return s
}

// wantUnattested checks that the trustees ended the run, and that nobody answered.
func (s *stage) wantUnattested(n int) {
	s.Helper()
	s.wantDead("attestation")
	s.wantSaid(n, msg.Ready)
	s.wantSaid(n, msg.Answer)
}

// Evidence that is not about this key in this round of this run, or of a type that
// the permit does not name, opens nothing, whoever else signed the set.
func TestEvidenceIsHeldAgainstThePermit(t *testing.T) {
	other := suite.DigestOf([]byte("another"))
	for name, f := range map[string]forger{
		"another key":     {binds: func(b *attest.Binding) { b.Receiver = other }},
		"another run":     {binds: func(b *attest.Binding) { b.Run = "r-2" }},
		"another round":   {binds: func(b *attest.Binding) { b.Round++ }},
		"another permit":  {binds: func(b *attest.Binding) { b.Permit = other }},
		"another program": {binds: func(b *attest.Binding) { b.Program = other }},
		"a nonce of its own": {binds: func(b *attest.Binding) {
			_, _ = rand.Read(b.Nonce[:])
		}},
		"a lie about what it bound": {
			binds: func(b *attest.Binding) { b.Run = "r-2" },
			makes: func(e *attest.Evidence) { e.Binding.Run = run },
		},
		"another process's word": {makes: func(e *attest.Evidence) {
			key, err := suite.NewPrivateKey()
			if err != nil {
				t.Fatal(err)
			}
			if *e, err = attest.NewSoftware(key).Attest(e.Binding); err != nil {
				t.Fatal(err)
			}
		}},
		"nothing": {makes: func(e *attest.Evidence) { e.Parts = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			s := stageWith(t, func(s *stage) attest.Attester {
				f.Attester = attest.NewSoftware(s.Keys["gate"])
				return &f
			}, nil)
			s.begin(1)
			s.play()
			s.wantUnattested(1)
		})
	}
}

// A report that was good in one round is nothing in the next: whoever has it does
// not have the key that it was about.
func TestReplayedEvidence(t *testing.T) {
	s := stageWith(t, func(s *stage) attest.Attester {
		return &forger{Attester: attest.NewSoftware(s.Keys["gate"]), replay: true}
	}, nil)
	s.begin(1)
	for len(s.said(1, msg.Ready)) < 3 {
		s.quietTurns()
	}
	s.restart("gate")
	s.begin(2)
	s.play()
	s.wantUnattested(2)
}

// tpmOf is a permit's demand of a machine: that TPM, its registers as they are in
// a software TPM that nothing booted on, and the gate's binary in one of them.
func tpmOf(key string) func(*jobs.Gate) {
	return func(g *jobs.Gate) {
		p := &jobs.TPMPolicy{Keys: []string{key}, Binary: 13, MinFirmware: 1}
		for _, i := range []int{0, 2, 4, 7} {
			p.PCRs = append(p.PCRs, jobs.PCR{Index: i, Values: []string{strings.Repeat("0", 64)}})
		}
		g.Evidence, g.Policy = jobs.TPM, &jobs.Policy{Binary: gateBinary, TPM: p}
	}
}

// A gate that has software's word only does not pass where the permit demands a
// TPM: it says so itself if it is honest, and is found out if it is not.
func TestSoftwareWhereATPMIsDemanded(t *testing.T) {
	demand := tpmOf("000b" + strings.Repeat("1", 64))
	honest := stageWith(t, func(s *stage) attest.Attester { return attest.NewSoftware(s.Keys["gate"]) }, demand)
	honest.begin(1)
	honest.quiet()
	honest.wantDead("attestation")
	honest.wantSaid(1, msg.Receiver)

	for name, makes := range map[string]func(*attest.Evidence){
		"as software": func(*attest.Evidence) {},
		"as a TPM":    func(e *attest.Evidence) { e.Type = jobs.TPM },
	} {
		t.Run(name, func(t *testing.T) {
			s := stageWith(t, func(s *stage) attest.Attester {
				return &forger{Attester: attest.NewSoftware(s.Keys["gate"]), kind: jobs.TPM, makes: makes}
			}, demand)
			s.begin(1)
			s.play()
			s.wantUnattested(1)
		})
	}
}

// enrol takes a TPM's key through an enrolment.
func enrol(t *testing.T, m attesttest.Machine, d *attest.TPMDevice) string {
	t.Helper()
	c, err := d.Candidate()
	if err != nil {
		t.Fatal(err)
	}
	e, credential, err := attest.Enrol(rand.Reader, c, m.Roots, m.Between, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := d.Activate(credential)
	if err != nil {
		t.Fatal(err)
	}
	key, err := e.Key(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A whole opening with a live TPM: released while the machine is what the permit
// says, and refused once its register holds anything more.
func TestTPMGate(t *testing.T) {
	m := attesttest.Boot(t)
	open := func() *attest.TPMDevice {
		d, err := attest.OpenTPM(m.Socket)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := open()
	key := enrol(t, m, d)
	inTPM := func(*stage) attest.Attester { return d }

	// Nothing has measured the gate's binary: the register is of zeros.
	s := stageWith(t, inTPM, tpmOf(key))
	s.begin(1)
	s.play()
	s.wantUnattested(1)

	if err := d.Measure(13, gateBinary); err != nil {
		t.Fatal(err)
	}
	s = stageWith(t, inTPM, tpmOf(key))
	s.begin(1)
	s.quiet()
	c := s.candidate()
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, c.Cells); diff != "" {
		t.Error(diff)
	}
	said, err := json.Marshal(c.Statements)
	if err != nil || !strings.Contains(string(said), "tpm2") || !strings.Contains(string(said), "可读取精确合计值") {
		t.Errorf("the candidate does not say that the host's administrator could read it: %s, %v", said, err)
	}

	// Another TPM than the permit's, and another binary than the permit's.
	for name, edit := range map[string]func(*jobs.Gate){
		"TPM":    tpmOf(fmt.Sprintf("000b%064x", 7)),
		"binary": func(g *jobs.Gate) { tpmOf(key)(g); g.Policy.Binary = suite.DigestOf([]byte("another")) },
	} {
		t.Run("another "+name, func(t *testing.T) {
			s := stageWith(t, inTPM, edit)
			s.begin(1)
			s.play()
			s.wantUnattested(1)
		})
	}

	// Something else is started on the machine, and recorded on top.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	m.Extend(t, 13, [32]byte{1})
	d = open()
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := d.Measure(13, gateBinary); !errors.Is(err, fault.Conflict) {
		t.Errorf("the register was set back: %v", err)
	}
	s = stageWith(t, inTPM, tpmOf(key))
	s.begin(1)
	s.play()
	s.wantUnattested(1)
}
