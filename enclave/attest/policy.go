package attest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

const (
	maxPolicy = 64 << 10
	maxList   = 64
	maxLife   = time.Hour // house: a nonce is answered while someone waits
)

// A Policy holds the reference values that evidence is appraised against. It
// belongs into what the providers sign. Its zero value refuses everything, and
// so does a type that it does not name, a list that is empty or a minimum that
// is zero. It proves no more than the weakest type that it names: whoever holds
// the attester chooses which evidence to show.
type Policy struct {
	Types []Type        `json:"types"`
	Life  time.Duration `json:"life"` // of a nonce, from its drawing to the answer
	// LongLived data keys are released to X-Wing keys only.
	LongLived bool           `json:"long_lived,omitempty"`
	SNP       SNPPolicy      `json:"snp,omitzero"`
	TDX       TDXPolicy      `json:"tdx,omitzero"`
	TPM       TPMPolicy      `json:"tpm2,omitzero"`
	Software  SoftwarePolicy `json:"software,omitzero"`
}

// An SNPPolicy says which AMD guests may have a key. A guest that its owner may
// debug, or that a migration agent may move, may not, whatever else holds.
type SNPPolicy struct {
	Images []SNPImage `json:"images"`
	MinTCB string     `json:"min_tcb"`       // 16 digits: the least of each byte of REPORTED_TCB
	SMT    bool       `json:"smt,omitempty"` // a sibling thread may run beside the guest
	VMPL   int        `json:"vmpl"`          // privilege level that the report must be of
	// WithoutCRL does without AMD's revocation list; the record says so.
	WithoutCRL bool `json:"without_crl,omitempty"`
}

// An SNPImage is a guest as the processor measured it, in lower-case hexadecimal
// digits: MEASUREMENT (96), HOST_DATA (64; "" for zeros).
type SNPImage struct {
	Measurement string `json:"measurement"`
	HostData    string `json:"host_data,omitempty"`
}

// A TDXPolicy says which trust domains may have a key. Its platform must be up to
// date by Intel's collateral, whose evaluation number must not be older than
// MinEvaluation; TEE_TCB_SVN must not have a byte below MinTCB (32 digits).
type TDXPolicy struct {
	Images        []TDXImage `json:"images"`
	MinTCB        string     `json:"min_tcb"`
	MinEvaluation int        `json:"min_evaluation"`
	// SeptVE lets a guest in that did not have SEPT_VE_DISABLE set.
	SeptVE bool `json:"sept_ve,omitempty"`
}

// A TDXImage is a trust domain as measured, 96 lower-case hexadecimal digits each;
// "" is zeros.
type TDXImage struct {
	MRTD        string    `json:"mrtd"`
	RTMR        [4]string `json:"rtmr"`
	ConfigID    string    `json:"config_id,omitempty"`
	Owner       string    `json:"owner,omitempty"`
	OwnerConfig string    `json:"owner_config,omitempty"`
}

// A TPMPolicy says which machines may have a key: those whose TPM holds one of
// Keys (as Enrolment.Key names them) and whose SHA-256 PCRs have the values
// listed. The PCR of index Binary must be zeros extended once by the binary's
// digest. PCRs 0, 4 and 7 must be listed: without firmware, boot loader and the
// state of Secure Boot, later ones mean nothing (TCG PC Client Platform Firmware
// Profile, 3.3.4).
type TPMPolicy struct {
	Keys        []string `json:"keys"`
	PCRs        []PCR    `json:"pcrs"`
	Binary      int      `json:"binary"`
	MinFirmware uint64   `json:"min_firmware"`
}

// A PCR is an index and the values, 64 digits each, that it may have.
type PCR struct {
	Index  int      `json:"index"`
	Values []string `json:"values"`
}

// A SoftwarePolicy names the processes whose word is taken.
type SoftwarePolicy struct {
	Keys []suite.PublicKey `json:"keys"`
}

// ParsePolicy reads and checks a policy. Errors are of kind Invalid.
func ParsePolicy(raw []byte) (Policy, error) {
	var p Policy
	if len(raw) > maxPolicy {
		return Policy{}, fmt.Errorf("reading a policy: %d bytes: %w", len(raw), fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("reading a policy: %w: %w", err, fault.Invalid)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Policy{}, fmt.Errorf("reading a policy: more after the end: %w", fault.Invalid)
	}
	return p, p.Check()
}

// ConfidentialAgainstHost reports whether every type that the policy names is.
func (p Policy) ConfidentialAgainstHost() bool {
	for _, t := range p.Types {
		if !t.ConfidentialAgainstHost() {
			return false
		}
	}
	return len(p.Types) > 0
}

// Check reports an error of kind Invalid unless the policy says, of each type
// that it names, what is to be held against it.
func (p Policy) Check() error {
	if len(p.Types) == 0 || len(p.Types) > len(types) {
		return fmt.Errorf("policy: %d types of evidence: %w", len(p.Types), fault.Invalid)
	}
	if p.Life <= 0 || p.Life > maxLife {
		return fmt.Errorf("policy: a nonce lives %v, want at most %v: %w", p.Life, maxLife, fault.Invalid)
	}
	for _, t := range p.Types {
		err := t.Check()
		switch t {
		case SNP:
			err = p.SNP.check()
		case TDX:
			err = p.TDX.check()
		case TPM:
			err = p.TPM.check()
		case Software:
			err = p.Software.check()
		}
		if err != nil {
			return fmt.Errorf("policy: %s: %w", t, err)
		}
	}
	return nil
}

func (p SNPPolicy) check() error {
	if err := count("images", len(p.Images)); err != nil {
		return err
	}
	if p.VMPL < 0 || p.VMPL > 3 {
		return fmt.Errorf("VMPL %d: %w", p.VMPL, fault.Invalid)
	}
	for _, i := range p.Images {
		if err := errors.Join(digits("measurement", i.Measurement, 48), optional("host data", i.HostData, 32)); err != nil {
			return err
		}
	}
	return digits("min_tcb", p.MinTCB, 8)
}

func (p TDXPolicy) check() error {
	if err := count("images", len(p.Images)); err != nil {
		return err
	}
	if p.MinEvaluation < 1 {
		return fmt.Errorf("no least evaluation number: %w", fault.Invalid)
	}
	for _, i := range p.Images {
		err := errors.Join(digits("mrtd", i.MRTD, 48), optional("config id", i.ConfigID, 48),
			optional("owner", i.Owner, 48), optional("owner config", i.OwnerConfig, 48))
		for _, r := range i.RTMR {
			err = errors.Join(err, optional("rtmr", r, 48))
		}
		if err != nil {
			return err
		}
	}
	return digits("min_tcb", p.MinTCB, 16)
}

func (p TPMPolicy) check() error {
	if err := errors.Join(count("keys", len(p.Keys)), checkPCR(p.Binary)); err != nil {
		return err
	}
	for _, k := range p.Keys {
		if err := digits("key", k, akNameSize); err != nil {
			return err
		}
	}
	if p.MinFirmware == 0 {
		return fmt.Errorf("no least firmware version: %w", fault.Invalid)
	}
	seen := []int{p.Binary}
	for _, pcr := range p.PCRs {
		if err := errors.Join(count("values", len(pcr.Values)), checkPCR(pcr.Index)); err != nil {
			return fmt.Errorf("PCR %d: %w", pcr.Index, err)
		}
		if slices.Contains(seen, pcr.Index) {
			return fmt.Errorf("PCR %d twice: %w", pcr.Index, fault.Invalid)
		}
		seen = append(seen, pcr.Index)
		for _, v := range pcr.Values {
			if len(v) != 2*pcrSize || !isHex(v) {
				return fmt.Errorf("PCR %d: not %d digits: %w", pcr.Index, 2*pcrSize, fault.Invalid)
			}
		}
	}
	for _, boot := range bootPCRs {
		if !slices.Contains(seen[1:], boot) {
			return fmt.Errorf("PCR %d is not listed: %w", boot, fault.Invalid)
		}
	}
	return nil
}

func (p SoftwarePolicy) check() error {
	if err := count("keys", len(p.Keys)); err != nil {
		return err
	}
	for _, k := range p.Keys {
		if _, err := suite.ParsePublicKey(string(k)); err != nil {
			return err
		}
	}
	return nil
}

func count(what string, n int) error {
	if n < 1 || n > maxList {
		return fmt.Errorf("%d %s, want 1 to %d: %w", n, what, maxList, fault.Invalid)
	}
	return nil
}

// digits demands 2n lower-case hexadecimal digits that are not all zero.
func digits(what, s string, n int) error {
	if len(s) != 2*n || !isHex(s) || strings.Trim(s, "0") == "" {
		return fmt.Errorf("%s: not %d lower-case hexadecimal digits, or nothing but zeros: %w", what, 2*n, fault.Invalid)
	}
	return nil
}

// optional demands the same, or nothing.
func optional(what, s string, n int) error {
	if s == "" {
		return nil
	}
	return digits(what, s, n)
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && strings.ToLower(s) == s
}

// is reports whether got is what the policy says in digits, "" being zeros.
func is(digits string, got []byte) bool {
	if digits == "" {
		return len(bytes.Trim(got, "\x00")) == 0
	}
	return measured(got) == digits
}

// measured prints bytes as a policy has them.
func measured(b []byte) string { return hex.EncodeToString(b) }

// atLeast reports whether no byte of got is below that of the minimum.
func atLeast(minimum string, got []byte) bool {
	least, err := hex.DecodeString(minimum)
	if err != nil || len(least) != len(got) {
		return false
	}
	for i := range got {
		if got[i] < least[i] {
			return false
		}
	}
	return true
}
