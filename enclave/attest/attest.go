// Package attest asks who is at the other end before a data key goes there. It
// has the parts of RFC 9334 (RATS), in the shape that it calls the background
// check: an Attester makes Evidence of where it runs and binds a fresh HPKE key
// into it; the Verifier, which the relying party runs itself, appraises the
// evidence against a Policy (the reference values that a permit's signers chose)
// and a Collateral (the makers' endorsements), and comes to a Result; Release
// seals a data key to the bound key, to that and to nothing else. What is bound
// is a Binding: a nonce that the relying party drew, the run and round, the
// digests of permit, program and binary, and the key.
//
// A permit's gate is judged by all sites and trustees, by the one policy that the
// permit holds (OfGate), against a nonce that the trustees drew together
// (enclave.Vouched); no data key goes to it.
//
// What each type of evidence proves, if its signature holds:
//
//   - sev-snp, AMD: a virtual machine that was started from the measured image,
//     whose memory the host cannot read, asked its processor for this report.
//   - tdx, Intel: the same of a trust domain, whose run-time registers say what
//     was loaded after the start.
//   - tpm2, measured boot: the machine with this TPM booted what the PCRs say and
//     extended the binary's digest. Integrity; the memory is open to whoever
//     administers the machine, and to the bus.
//   - software: the process that holds the key which the permit names says so.
//     Nothing but its word for where it runs. It is refused unless the policy
//     names it.
//
// ConfidentialAgainstHost is therefore true of the first two and false of the
// others, and it is the type that says so, never the evidence.
//
// What none of them proves. The measurement is of what was loaded at the start:
// a vendor's firmware that boots any disk has one measurement on every machine,
// and does not tell one workload from another (go-sev-guest, LIMITATIONS.md).
// The binary's digest in a Binding is the claim of the measured software, worth
// something only if the image in the policy starts that binary and no other; in
// tpm2 it is also in a PCR, worth what the earlier PCRs make it worth. Evidence
// does not speak of storage: a disk or a journal may have been rolled back under
// a good report. It does not say that the bound key stays in: a program that
// gives its key away is attested all the same, and evidence can be relayed, which
// is harmless only because the answer is sealed to the bound key. It says nothing
// of physical attacks and of side channels of the processor. And it trusts AMD,
// Intel or the TPM's maker, whoever chose the reference values, and their clocks.
//
// Nothing here reaches the network: endorsements are given as bytes, and the
// libraries' ways of fetching them are shut. Every zero value denies.
package attest

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// A Type is a kind of evidence; package jobs says of each what it proves, for
// permits name it.
type Type = jobs.Evidence

// The types of evidence.
const (
	SNP      = jobs.SNP
	TDX      = jobs.TDX
	TPM      = jobs.TPM
	Software = jobs.Software
)

// types holds every type in the order of its number in encoded evidence, from 1.
var types = []Type{SNP, TDX, TPM, Software}

// An Attester makes evidence of the place that it runs in. Errors are of kind
// Invalid for a binding that does not hold together, NotFound where the device
// is missing, and Internal where it fails.
type Attester interface {
	Type() Type
	Attest(b Binding) (Evidence, error)
}

// A Result is what a Verifier came to. Only a Verifier makes one that is not
// zero; the zero Result is of no type and confidential against nobody.
type Result struct {
	kind                Type
	measurement, tcb    string
	binding             Binding
	revocationUnchecked bool
}

// Type is the type of the evidence that was verified.
func (r Result) Type() Type { return r.kind }

// ConfidentialAgainstHost is what the type says of the host.
func (r Result) ConfidentialAgainstHost() bool { return r.kind.ConfidentialAgainstHost() }

// Binding is what the evidence is bound to, with the attester's key.
func (r Result) Binding() Binding { return r.binding }

// Record is the Result as a receipt carries it.
func (r Result) Record() Record {
	zh, en := r.words()
	return Record{
		Type: r.kind, ConfidentialAgainstHost: r.ConfidentialAgainstHost(), Measurement: r.measurement, TCB: r.tcb,
		RevocationUnchecked: r.revocationUnchecked, ZH: zh, EN: en,
	}
}

func (r Result) words() (zh, en string) {
	w := r.kind.Words()
	zh, en = w.ZH, w.EN
	if r.revocationUnchecked {
		zh += uncheckedZH
		en += uncheckedEN
	}
	return zh, en
}

const (
	uncheckedZH = "未核对制造商的吊销清单。"
	uncheckedEN = " The maker's revocation list was not consulted."
)

// A Record is a Result on paper: it can be printed and signed, and releases
// nothing. Measurement and TCB are in the words of the type: hexadecimal digits
// of a launch measurement, of a TPM's PCR digest or of a software's claim; the
// security version numbers.
type Record struct {
	Type                    Type   `json:"type"`
	ConfidentialAgainstHost bool   `json:"confidential_against_host"`
	Measurement             string `json:"measurement"`
	TCB                     string `json:"tcb,omitempty"`
	RevocationUnchecked     bool   `json:"revocation_unchecked,omitempty"`
	ZH                      string `json:"zh"`
	EN                      string `json:"en"`
}

// Check reports an error of kind Tampered if the record claims of its type what
// is not so.
func (r Record) Check() error {
	if err := r.Type.Check(); err != nil {
		return fmt.Errorf("%w: %w", err, fault.Invalid)
	}
	want := Result{kind: r.Type, measurement: r.Measurement, tcb: r.TCB, revocationUnchecked: r.RevocationUnchecked}.Record()
	if r != want {
		return fmt.Errorf("a record of %s says what that type does not: %w", r.Type, fault.Tampered)
	}
	return nil
}

// has reports whether a list of types names t.
func has(list []Type, t Type) bool { return t.Check() == nil && slices.Contains(list, t) }
