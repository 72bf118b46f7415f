package attest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/go-sev-guest/abi"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	tdxabi "github.com/google/go-tdx-guest/abi"
	tpb "github.com/google/go-tdx-guest/proto/tdx"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Wish is what a person adds to what a machine says of itself.
type Wish struct {
	Binary     suite.Digest // of the gate
	PCRs       []int        // of a TPM: the registers to hold; 0, 4 and 7 must be among them
	At         int          // of a TPM: the register of the binary
	Keys       []string     // of a TPM: attestation keys that were enrolled (Enrolment.Key)
	Evaluation int          // of TDX: the least number of Intel's evaluation
}

// Here is the policy that this very evidence meets: the values of the machine as it
// is now, for a person to hold against what they know it should be. It verifies
// nothing, and is worth what that person knows: made on a machine that somebody has
// altered already, it demands the alteration. Debugging, and a trust domain that the
// host may interrupt (SEPT_VE), it forbids whatever the machine allows. Errors are of kind Invalid, Denied for
// a TPM whose key is none of those enrolled, and Conflict for one that does not have
// the binary in its register.
func Here(e Evidence, w Wish) (jobs.Policy, error) {
	p := jobs.Policy{Binary: w.Binary}
	var err error
	switch e.Type {
	case TPM:
		p.TPM, err = tpmHere(e, w)
	case SNP:
		p.SNP, err = snpHere(e)
	case TDX:
		p.TDX, err = tdxHere(e, w)
	default:
		err = fmt.Errorf("%s evidence has no values: %w", e.Type, fault.Invalid)
	}
	if err != nil {
		return jobs.Policy{}, fmt.Errorf("making a policy of this machine: %w", err)
	}
	return p, nil
}

func tpmHere(e Evidence, w Wish) (*jobs.TPMPolicy, error) {
	if len(e.Parts) != 6 || len(e.Parts[5]) != jobs.PCRs*pcrSize {
		return nil, fmt.Errorf("not a key, a quote, a signature and registers: %w", fault.Invalid)
	}
	name, err := akName(e.Parts[0], e.Parts[1])
	if err != nil {
		return nil, err
	}
	if !slices.Contains(w.Keys, name) {
		return nil, fmt.Errorf("the key of this TPM, %s, is none of those enrolled: %w", name, fault.Denied)
	}
	q, err := parseQuote(e.Parts[2])
	if err != nil {
		return nil, err
	}
	value := func(i int) string { return measured(e.Parts[5][i*pcrSize : (i+1)*pcrSize]) }
	p := &jobs.TPMPolicy{Keys: w.Keys, Binary: w.At, MinFirmware: q.firmware}
	for _, i := range append(slices.Clone(w.PCRs), w.At) {
		if i < 0 || i >= jobs.PCRs {
			return nil, fmt.Errorf("PCR %d: want 0 to %d: %w", i, jobs.PCRs-1, fault.Invalid)
		}
	}
	for _, i := range w.PCRs {
		p.PCRs = append(p.PCRs, jobs.PCR{Index: i, Values: []string{value(i)}})
	}
	if want, err := extended(w.Binary); err != nil || value(w.At) != measured(want) {
		return nil, fmt.Errorf("PCR %d does not hold the binary: it was not measured before it was started: %w", w.At, fault.Conflict)
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", err, fault.Invalid)
	}
	return p, nil
}

func snpHere(e Evidence) (*jobs.SNPPolicy, error) {
	if len(e.Parts) != 2 || len(e.Parts[0]) != abi.ReportSize {
		return nil, fmt.Errorf("not a report and a certificate: %w", fault.Invalid)
	}
	var r *spb.Report
	err := guarded(func() (err error) { r, err = abi.ReportToProto(e.Parts[0]); return err })
	if err != nil {
		return nil, err
	}
	allowed, err := abi.ParseSnpPolicy(r.GetPolicy())
	if err != nil {
		return nil, broken(fault.Invalid, "reading the guest's policy", err)
	}
	p := &jobs.SNPPolicy{
		Images: []jobs.SNPImage{{Measurement: measured(r.GetMeasurement()), HostData: zeros(r.GetHostData())}},
		MinTCB: measured(reportedTCB(r)), SMT: allowed.SMT, VMPL: int(r.GetVmpl()),
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", err, fault.Invalid)
	}
	return p, nil
}

func tdxHere(e Evidence, w Wish) (*jobs.TDXPolicy, error) {
	if len(e.Parts) != 1 {
		return nil, fmt.Errorf("not a quote: %w", fault.Invalid)
	}
	if err := checkQuote(e.Parts[0]); err != nil {
		return nil, err
	}
	var parsed any
	err := guarded(func() (err error) { parsed, err = tdxabi.QuoteToProto(e.Parts[0]); return err })
	if err != nil {
		return nil, err
	}
	quote, ok := parsed.(*tpb.QuoteV4)
	if !ok {
		return nil, fmt.Errorf("a quote of another version: %w", fault.Invalid)
	}
	b := quote.GetTdQuoteBody()
	image := jobs.TDXImage{
		MRTD: measured(b.GetMrTd()), ConfigID: zeros(b.GetMrConfigId()), Owner: zeros(b.GetMrOwner()), OwnerConfig: zeros(b.GetMrOwnerConfig()),
	}
	for i := range image.RTMR {
		image.RTMR[i] = zeros(b.GetRtmrs()[i])
	}
	p := &jobs.TDXPolicy{Images: []jobs.TDXImage{image}, MinTCB: measured(b.GetTeeTcbSvn()), MinEvaluation: w.Evaluation}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", err, fault.Invalid)
	}
	return p, nil
}

// zeros prints bytes as a policy has what may be zeros.
func zeros(b []byte) string {
	if is("", b) {
		return ""
	}
	return measured(b)
}

// guarded calls a maker's parser, whose panic is an error.
func guarded(parse func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a parser gave up: %w", fault.Invalid)
		}
	}()
	if err := parse(); err != nil {
		return broken(fault.Invalid, "reading a report", err)
	}
	return nil
}

// keptEnrolment is an Enrolment in a file.
type keptEnrolment struct {
	Name   string `json:"name"`
	Secret []byte `json:"secret"`
}

// Bytes is the enrolment for a file that its maker alone can read, until the answer
// comes.
func (e Enrolment) Bytes() ([]byte, error) {
	raw, err := json.Marshal(keptEnrolment{e.name, e.secret})
	if err != nil {
		return nil, fmt.Errorf("keeping an enrolment: %w", err)
	}
	return raw, nil
}

// ParseEnrolment reads what Bytes wrote. Errors are of kind Invalid.
func ParseEnrolment(raw []byte) (Enrolment, error) {
	var k keptEnrolment
	if err := json.Unmarshal(raw, &k); err != nil || len(k.Secret) != 32 || len(k.Name) != 2*(2+pcrSize) {
		return Enrolment{}, fmt.Errorf("reading an enrolment: not one: %w", fault.Invalid)
	}
	return Enrolment{name: k.Name, secret: k.Secret}, nil
}
