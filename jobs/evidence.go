package jobs

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yunei/yunei/suite"
)

// Evidence is a type of evidence of the place that a gate runs in; package
// enclave/attest appraises it. The zero Evidence is none.
type Evidence string

// The types of evidence.
const (
	SNP      Evidence = "sev-snp"
	TDX      Evidence = "tdx"
	TPM      Evidence = "tpm2"
	Software Evidence = "software" // nothing attests
)

// types says of each type what it proves of the host, and what a receipt prints.
var types = map[Evidence]struct {
	confidential bool
	words        Statement
}{
	SNP: {true, Statement{
		"AMD SEV-SNP：处理器证明虚拟机由所列度量的镜像启动，内存对宿主机管理员保密；不证明启动后装入的程序、存储未被回滚，也不排除物理与侧信道攻击。",
		"AMD SEV-SNP: the processor vouches that the virtual machine started from the measured image and that its memory is closed to the host's administrator; not for what was loaded later, nor that storage was not rolled back, nor against physical and side-channel attacks.",
	}},
	TDX: {true, Statement{
		"Intel TDX：处理器证明可信域由所列度量的镜像启动，内存对宿主机管理员保密；不证明度量之外的程序、存储未被回滚，也不排除物理与侧信道攻击。",
		"Intel TDX: the processor vouches that the trust domain started from the measured image and that its memory is closed to the host's administrator; not for what is not measured, nor that storage was not rolled back, nor against physical and side-channel attacks.",
	}},
	TPM: {false, Statement{
		"TPM 2.0 度量启动：证明机器按所列度量启动并登记了程序摘要；内存不对宿主机保密，宿主机管理员可读取其中的数据。",
		"TPM 2.0 measured boot: the machine booted what is listed and recorded the binary's digest; its memory is not confidential against the host, whose administrator could read the data in it.",
	}},
	Software: {false, Statement{
		"软件声明：运行环境没有任何硬件证明；不对宿主机保密，宿主机管理员可读取其中的数据。",
		"software: nothing attests where it ran; it is not confidential against the host, whose administrator could read the data in it.",
	}},
}

// Check reports an error unless e is a type of evidence.
func (e Evidence) Check() error {
	if _, ok := types[e]; !ok {
		return errors.New("evidence: want software, tpm2, tdx or sev-snp")
	}
	return nil
}

// ConfidentialAgainstHost reports whether evidence of this type, once verified,
// says that the host's administrator cannot read the attester's memory.
func (e Evidence) ConfidentialAgainstHost() bool { return types[e].confidential }

// Words are what a receipt prints of evidence of this type. Of no type they say
// that there is none.
func (e Evidence) Words() Statement {
	if t, ok := types[e]; ok {
		return t.words
	}
	return Statement{"没有证明：不对宿主机保密。", "no evidence: not confidential against the host."}
}

// A Policy holds the reference values that a gate's evidence is held against by
// everyone who answers to it: the digest of its binary, and one section, that of
// its evidence.
type Policy struct {
	Binary suite.Digest `json:"binary"`
	SNP    *SNPPolicy   `json:"snp,omitempty"`
	TDX    *TDXPolicy   `json:"tdx,omitempty"`
	TPM    *TPMPolicy   `json:"tpm2,omitempty"`
}

// An SNPPolicy says which AMD guests will do. A guest that its owner may debug,
// or that a migration agent may move, will not, whatever else holds.
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

// A TDXPolicy says which trust domains will do. The platform must be up to date
// by Intel's collateral, whose evaluation number must not be older than
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

// A TPMPolicy says which machines will do: those whose TPM holds one of Keys (the
// names of attestation keys that were enrolled) and whose SHA-256 PCRs have the
// values listed. The PCR of index Binary must be zeros extended once by the
// binary's digest. PCRs 0, 4 and 7 must be listed: without firmware, boot loader
// and the state of Secure Boot, later ones mean nothing (TCG PC Client Platform
// Firmware Profile, 3.3.4).
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

// PCRs are the registers 0 to 15, which only a restart of the machine sets back.
// Whoever runs it can set 16 and 23 back at will, and 17 to 22 by a dynamic
// launch, which is not looked at here.
const PCRs = 16

const (
	maxList = 64
	pcrSize = 32
	akName  = 2 + 32 // of an attestation key: an algorithm, and SHA-256 of its public area
)

// ConfidentialAgainstHost reports whether the host's administrator cannot read
// what the gate opens.
func (g Gate) ConfidentialAgainstHost() bool { return g.Evidence.ConfidentialAgainstHost() }

// check demands a type of evidence and, but for software, its policy and no other.
func (g Gate) check() error {
	if err := g.Evidence.Check(); err != nil {
		return fmt.Errorf("gate: %w", err)
	}
	p := g.Policy
	if g.Evidence == Software && p == nil {
		return nil
	}
	if p == nil || g.Evidence == Software || p.Binary.Hex() == "" || (p.SNP != nil) != (g.Evidence == SNP) || (p.TDX != nil) != (g.Evidence == TDX) || (p.TPM != nil) != (g.Evidence == TPM) {
		return fmt.Errorf("gate: %s evidence: want a policy with the digest of the gate's binary and a section of that type only, and none for software", g.Evidence)
	}
	var err error
	switch g.Evidence {
	case Software: // has none
	case SNP:
		err = p.SNP.Check()
	case TDX:
		err = p.TDX.Check()
	case TPM:
		err = p.TPM.Check()
	}
	if err != nil {
		return fmt.Errorf("gate: policy: %s: %w", g.Evidence, err)
	}
	return nil
}

// Check reports what a policy does not say, or says badly.
func (p SNPPolicy) Check() error {
	if err := count("images", len(p.Images)); err != nil {
		return err
	}
	if p.VMPL < 0 || p.VMPL > 3 {
		return fmt.Errorf("VMPL %d", p.VMPL)
	}
	for _, i := range p.Images {
		if err := errors.Join(digits("measurement", i.Measurement, 48), optional("host data", i.HostData, 32)); err != nil {
			return err
		}
	}
	return digits("min_tcb", p.MinTCB, 8)
}

// Check reports what a policy does not say, or says badly.
func (p TDXPolicy) Check() error {
	if err := count("images", len(p.Images)); err != nil {
		return err
	}
	if p.MinEvaluation < 1 {
		return errors.New("no least evaluation number")
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

// Check reports what a policy does not say, or says badly.
func (p TPMPolicy) Check() error {
	if err := count("keys", len(p.Keys)); err != nil {
		return err
	}
	for _, k := range p.Keys {
		if err := digits("key", k, akName); err != nil {
			return err
		}
	}
	if p.MinFirmware == 0 {
		return errors.New("no least firmware version")
	}
	listed := []int{}
	for _, pcr := range p.PCRs {
		if err := count("values", len(pcr.Values)); err != nil {
			return fmt.Errorf("PCR %d: %w", pcr.Index, err)
		}
		for _, v := range pcr.Values {
			if len(v) != 2*pcrSize || !isHex(v) {
				return fmt.Errorf("PCR %d: not %d digits", pcr.Index, 2*pcrSize)
			}
		}
		listed = append(listed, pcr.Index)
	}
	for _, boot := range []int{0, 4, 7} {
		if !slices.Contains(listed, boot) {
			return fmt.Errorf("PCR %d is not listed", boot)
		}
	}
	all := slices.Sorted(slices.Values(append(listed, p.Binary)))
	if all[0] < 0 || all[len(all)-1] >= PCRs || len(slices.Compact(all)) != len(listed)+1 {
		return fmt.Errorf("PCRs %v: want each once, of 0 to %d", all, PCRs-1)
	}
	return nil
}

func count(what string, n int) error {
	if n < 1 || n > maxList {
		return fmt.Errorf("%d %s, want 1 to %d", n, what, maxList)
	}
	return nil
}

// digits demands 2n lower-case hexadecimal digits that are not all zero.
func digits(what, s string, n int) error {
	if len(s) != 2*n || !isHex(s) || strings.Trim(s, "0") == "" {
		return fmt.Errorf("%s: not %d lower-case hexadecimal digits, or nothing but zeros", what, 2*n)
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
