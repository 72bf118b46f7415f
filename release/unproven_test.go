package release

import (
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs"
)

// Who could have read what the gate opened is said of every type of evidence
// that does not keep the host's administrator out, measured boot among them.
func TestGateLimits(t *testing.T) {
	for _, c := range []struct {
		evidence jobs.Evidence
		mode     jobs.Mode
		reads    string
	}{
		{jobs.Software, jobs.SDC, "exact sum"},
		{jobs.Software, jobs.DP, "noisy sum"},
		{jobs.TPM, jobs.SDC, "exact sum"},
		{jobs.TPM, jobs.Both, "noisy sum"},
		{jobs.TDX, jobs.SDC, ""},
		{jobs.SNP, jobs.DP, ""},
		{"", jobs.SDC, "exact sum"},
	} {
		terms := jobs.Terms{Mode: c.mode, Gate: jobs.Gate{Evidence: c.evidence}}
		var zh, en strings.Builder
		for _, s := range gateLimits(terms) {
			zh.WriteString(s.ZH)
			en.WriteString(s.EN)
		}
		for _, sum := range []string{"exact sum", "noisy sum"} {
			if strings.Contains(en.String(), sum) != (sum == c.reads) {
				t.Errorf("%s, %s: %s", c.evidence, c.mode, en.String())
			}
		}
		if strings.Contains(zh.String(), "的管理员可能读到精确的和") != (c.reads == "exact sum") {
			t.Errorf("%s, %s: %s", c.evidence, c.mode, zh.String())
		}
	}
}
