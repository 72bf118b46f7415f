package attest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/client"
	"github.com/google/go-tdx-guest/pcs"
	tpb "github.com/google/go-tdx-guest/proto/tdx"
	"github.com/google/go-tdx-guest/validate"
	"github.com/google/go-tdx-guest/verify"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// TD_ATTRIBUTES (Intel TDX Module ABI, ATTRIBUTES): the low byte is the group TUD,
// in which bit 0 is DEBUG: any bit of it, and the domain is untrusted. Without
// SEPT_VE_DISABLE the host can make the guest's memory accesses raise exceptions.
const (
	tdUntrusted     = 0xff
	tdSeptVEDisable = 1 << 28
)

// tdx appraises an Intel quote: the chain from the report to Intel's root, then
// Intel's collateral, then what the quote says.
func (v *Verifier) tdx(parts [][]byte, data [64]byte, now time.Time) (Result, error) {
	quote, err := v.tdxSigned(parts, now)
	if err != nil {
		return Result{}, err
	}
	evaluation, err := v.tdxCollateral(quote, now)
	if err != nil {
		return Result{}, err
	}
	body := quote.GetTdQuoteBody()
	image, err := tdxImage(v.policy.TDX, body)
	if err != nil {
		return Result{}, err
	}
	if err := holdTDX(v.policy.TDX, quote, data); err != nil {
		return Result{}, err
	}
	return Result{
		measurement: tdxDigits(image),
		tcb:         fmt.Sprintf("%s, UpToDate as of evaluation %d", measured(body.GetTeeTcbSvn()), evaluation),
	}, nil
}

// tdxSigned reads a quote whose every byte is as the format has it, and whose
// chain of signatures ends at Intel's root.
func (v *Verifier) tdxSigned(parts [][]byte, now time.Time) (*tpb.QuoteV4, error) {
	if len(parts) != 1 {
		return nil, fmt.Errorf("not a quote: %w", fault.Invalid)
	}
	if err := checkQuote(parts[0]); err != nil {
		return nil, err
	}
	parsed, err := abi.QuoteToProto(parts[0])
	if err != nil {
		return nil, broken(fault.Tampered, "reading the quote", err)
	}
	quote, ok := parsed.(*tpb.QuoteV4)
	if !ok {
		return nil, fmt.Errorf("a quote of another version: %w", fault.Invalid)
	}
	if again, err := abi.QuoteToAbiBytes(quote); err != nil || !bytes.Equal(again, parts[0]) {
		return nil, fmt.Errorf("the quote has bytes that mean nothing: %w", fault.Tampered)
	}
	if err := verify.TdxQuote(quote, &verify.Options{Getter: served{}, Now: now, TrustedRoots: v.roots.intel}); err != nil {
		return nil, broken(fault.Tampered, "checking Intel's signature", err)
	}
	return quote, nil
}

// tdxCollateral demands that Intel calls the platform and its quoting enclave up
// to date, and has revoked neither. Without the identity of the quoting enclave,
// any enclave that a platform's provisioning service will sign could make quotes.
func (v *Verifier) tdxCollateral(quote *tpb.QuoteV4, now time.Time) (evaluation int, err error) {
	c := v.collateral.Intel
	err = verify.TdxQuote(quote, &verify.Options{
		CheckRevocations: true, GetCollateral: true, Getter: served{c, true}, Now: now, TrustedRoots: v.roots.intel,
	})
	if err != nil {
		return 0, broken(fault.Denied, "checking Intel's collateral", err)
	}
	var info pcs.TdxTcbInfo
	var identity pcs.QeIdentity
	if json.Unmarshal(c.TCBInfo, &info) != nil || json.Unmarshal(c.QEIdentity, &identity) != nil {
		return 0, fmt.Errorf("reading Intel's collateral: not JSON: %w", fault.Invalid)
	}
	if now.Before(info.TcbInfo.IssueDate) || now.Before(identity.EnclaveIdentity.IssueDate) {
		return 0, fmt.Errorf("checking Intel's collateral: of a later day: %w", fault.Denied)
	}
	evaluation = min(info.TcbInfo.TcbEvaluationDataNumber, identity.EnclaveIdentity.TcbEvaluationDataNumber)
	if evaluation < v.policy.TDX.MinEvaluation {
		return 0, fmt.Errorf("checking Intel's collateral: evaluation %d, want %d: %w", evaluation, v.policy.TDX.MinEvaluation, fault.Denied)
	}
	return evaluation, nil
}

func tdxImage(p jobs.TDXPolicy, b *tpb.TDQuoteBody) (jobs.TDXImage, error) {
	for _, i := range p.Images {
		ok := is(i.MRTD, b.GetMrTd()) && is(i.ConfigID, b.GetMrConfigId()) && is(i.Owner, b.GetMrOwner()) && is(i.OwnerConfig, b.GetMrOwnerConfig())
		for n, r := range i.RTMR {
			ok = ok && is(r, b.GetRtmrs()[n])
		}
		if ok {
			return i, nil
		}
	}
	return jobs.TDXImage{}, fmt.Errorf("a trust domain of another measurement: %w", fault.Denied)
}

// tdxDigits prints an image as a receipt has it: MRTD, and the registers that are
// not zero.
func tdxDigits(i jobs.TDXImage) string {
	var s strings.Builder
	s.WriteString(i.MRTD)
	for n, r := range i.RTMR {
		if r != "" {
			fmt.Fprintf(&s, " rtmr%d:%s", n, r)
		}
	}
	return s.String()
}

// holdTDX holds what a signed quote says against the policy.
func holdTDX(p jobs.TDXPolicy, quote *tpb.QuoteV4, data [64]byte) error {
	body := quote.GetTdQuoteBody()
	if !bytes.Equal(body.GetReportData(), data[:]) {
		return fmt.Errorf("the quote is about another binding: %w", fault.Denied)
	}
	if !atLeast(p.MinTCB, body.GetTeeTcbSvn()) {
		return fmt.Errorf("TCB %x is older than %s: %w", body.GetTeeTcbSvn(), p.MinTCB, fault.Denied)
	}
	if err := tdxAttributes(p, body.GetTdAttributes()); err != nil {
		return err
	}
	if err := validate.TdxQuote(quote, &validate.Options{TdQuoteBodyOptions: validate.TdQuoteBodyOptions{ReportData: data[:]}}); err != nil {
		return broken(fault.Denied, "checking what the quote says", err)
	}
	return nil
}

// tdxAttributes refuses a trust domain that its owner may debug, which the library
// lets pass.
func tdxAttributes(p jobs.TDXPolicy, raw []byte) error {
	if len(raw) != 8 {
		return fmt.Errorf("no attributes: %w", fault.Invalid)
	}
	a := binary.LittleEndian.Uint64(raw)
	if a&tdUntrusted != 0 {
		return fmt.Errorf("attributes %x: it may be debugged: %w", a, fault.Denied)
	}
	if a&tdSeptVEDisable == 0 && !p.SeptVE {
		return fmt.Errorf("attributes %x: it lets the host raise exceptions: %w", a, fault.Denied)
	}
	return nil
}

// Offsets of a version 4 quote (Intel TDX DCAP Quoting Library API, appendix 3):
// header, body, length of what follows; signature and key; type and length of the
// certification data; the quoting enclave's report and its signature; length of
// its authentication data, then that; type and length of the certificates.
const (
	quoteSigned = 48 + 584
	quoteKey    = quoteSigned + 4 + 64 + 64
	quoteAuth   = quoteKey + 6 + 384 + 64
)

// checkQuote measures a quote before a parser that does not: every length in it
// is the length of what is there, the certificates are spelt in one way, and
// nothing follows them. So there is no byte that the signatures do not reach.
func checkQuote(raw []byte) error {
	if len(raw) < quoteAuth+2 {
		return fmt.Errorf("a quote of %d bytes: %w", len(raw), fault.Invalid)
	}
	le := binary.LittleEndian
	auth := quoteAuth + 2 + int(le.Uint16(raw[quoteAuth:]))
	if len(raw) < auth+6 ||
		uint64(le.Uint32(raw[quoteSigned:])) != uint64(len(raw)-quoteSigned-4) ||
		uint64(le.Uint32(raw[quoteKey+2:])) != uint64(len(raw)-quoteKey-6) ||
		uint64(le.Uint32(raw[auth+2:])) != uint64(len(raw)-auth-6) {
		return fmt.Errorf("the quote's lengths are not those of its parts: %w", fault.Invalid)
	}
	rest := raw[auth+6:]
	var spelt []byte
	for range 3 { // platform, its authority, the root
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			return fmt.Errorf("the quote does not carry three certificates: %w", fault.Invalid)
		}
		spelt = append(spelt, pem.EncodeToMemory(block)...)
		rest = after
	}
	if !bytes.Equal(append(spelt, 0), raw[auth+6:]) && !bytes.Equal(spelt, raw[auth+6:]) {
		return fmt.Errorf("the quote's certificates are spelt in another way: %w", fault.Invalid)
	}
	return nil
}

// served answers for Intel's service with what was given, and with nothing else.
type served struct {
	IntelCollateral
	any bool
}

// Get answers the four questions that verification asks.
func (s served) Get(address string) (map[string][]string, []byte, error) {
	u, err := url.Parse(address)
	if err != nil || !s.any {
		return nil, nil, fmt.Errorf("nothing is fetched: %w", fault.Denied)
	}
	for _, a := range []struct {
		path, header string
		body, chain  []byte
	}{
		{"/tdx/certification/v4/tcb", "Tcb-Info-Issuer-Chain", s.TCBInfo, s.TCBInfoChain},
		{"/tdx/certification/v4/qe/identity", "Sgx-Enclave-Identity-Issuer-Chain", s.QEIdentity, s.QEIdentityChain},
		{"/sgx/certification/v4/pckcrl", "Sgx-Pck-Crl-Issuer-Chain", s.PCKCRL, s.PCKCRLChain},
		{"/IntelSGXRootCA.der", "", s.RootCRL, nil},
	} {
		if a.path == u.Path && len(a.body) > 0 {
			if a.header == "" {
				return nil, a.body, nil
			}
			return map[string][]string{a.header: {url.QueryEscape(string(a.chain))}}, a.body, nil
		}
	}
	return nil, nil, fmt.Errorf("nothing is fetched: %w", fault.Denied)
}

// A tdxAttester asks the processor through the kernel.
type tdxAttester struct {
	quote func(data [64]byte) ([]byte, error)
}

// OpenTDX returns the attester of an Intel TDX guest. The error is of kind
// NotFound elsewhere.
func OpenTDX() (Attester, error) {
	if !isTDX() {
		return nil, fmt.Errorf("opening the TDX guest device: this machine has none: %w", fault.NotFound)
	}
	p, err := client.GetQuoteProvider()
	if err != nil {
		return nil, broken(fault.NotFound, "opening the TDX guest device", err)
	}
	return tdxAttester{p.GetRawQuote}, nil
}

// Type returns TDX.
func (tdxAttester) Type() Type { return TDX }

// Attest has the binding quoted.
func (a tdxAttester) Attest(b Binding) (Evidence, error) {
	if err := b.Check(); err != nil {
		return Evidence{}, err
	}
	raw, err := a.quote(b.Data())
	if err != nil {
		return Evidence{}, broken(fault.Internal, "asking for a TDX quote", err)
	}
	if raw, err = trimQuote(raw); err != nil {
		return Evidence{}, err
	}
	return Evidence{Type: TDX, Binding: b, Parts: [][]byte{raw}}, nil
}

// trimQuote cuts off the zeros with which some kernels fill their buffer.
func trimQuote(raw []byte) ([]byte, error) {
	if len(raw) >= quoteSigned+4 {
		if n := quoteSigned + 4 + uint64(binary.LittleEndian.Uint32(raw[quoteSigned:])); n <= uint64(len(raw)) && n <= maxPart {
			return raw[:n], nil
		}
	}
	return nil, fmt.Errorf("asking for a TDX quote: got %d bytes: %w", len(raw), fault.Internal)
}
