package jobs

import (
	"strings"
	"testing"

	"github.com/yunei/yunei/suite"
)

func tpmPolicy() *Policy {
	p := &TPMPolicy{Keys: []string{"000b" + strings.Repeat("1", 64)}, Binary: 13, MinFirmware: 1}
	for _, i := range []int{0, 4, 7} {
		p.PCRs = append(p.PCRs, PCR{Index: i, Values: []string{strings.Repeat("0", 64)}})
	}
	return &Policy{Binary: suite.DigestOf([]byte("gate")), TPM: p}
}

func snpPolicy() *Policy {
	return &Policy{Binary: suite.DigestOf([]byte("gate")), SNP: &SNPPolicy{
		Images: []SNPImage{{Measurement: strings.Repeat("a", 96)}}, MinTCB: "0300000000000074",
	}}
}

func tdxPolicy() *Policy {
	return &Policy{Binary: suite.DigestOf([]byte("gate")), TDX: &TDXPolicy{
		Images: []TDXImage{{MRTD: strings.Repeat("a", 96)}}, MinTCB: strings.Repeat("03", 16), MinEvaluation: 1,
	}}
}

// A type that does not keep the host's administrator out says so in both
// languages, and one that does promises no more than that.
func TestEvidenceWords(t *testing.T) {
	for e, confidential := range map[Evidence]bool{SNP: true, TDX: true, TPM: false, Software: false, "": false, "sgx": false} {
		if e.ConfidentialAgainstHost() != confidential || (Gate{Evidence: e}).ConfidentialAgainstHost() != confidential {
			t.Errorf("%q: confidential against the host: %v", e, !confidential)
		}
		w := e.Words()
		if strings.Contains(w.ZH, "不对宿主机保密") == confidential || strings.Contains(w.EN, "not confidential against the host") == confidential {
			t.Errorf("%q says %q, %q", e, w.ZH, w.EN)
		}
		if known := e != "" && e != "sgx"; (e.Check() == nil) != known {
			t.Errorf("%q: %v", e, e.Check())
		}
	}
}
