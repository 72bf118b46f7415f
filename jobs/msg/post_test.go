package msg

import (
	"strings"
	"testing"

	"github.com/yunei/yunei/suite"
)

func TestMayPost(t *testing.T) {
	d := suite.DigestOf([]byte("x"))
	blob := "blob." + d.Hex() + ".site-a."
	for subject, may := range map[string]bool{
		Subject("r-1", 1, Commit, "site-a"):              true,
		Subject("r-1", 0, Refusal, "site-a"):             true,
		CosignatureSubject(7, "site-a"):                  true,
		blob + "0":                                       true,
		blob + "12":                                      true,
		Subject("r-1", 1, Commit, "site-b"):              false,
		Subject("r-1", 0, Permit, Coordinator):           false,
		Subject("r-1", 0, Permit, "site-a"):              false,
		Subject("r-1", 0, Logged, "site-a"):              false,
		LoggedSubject("r-1", d):                          false,
		Subject("r-1", MaxRounds+1, Hello, "site-a"):     false,
		"run.r-1.01.commit.site-a":                       false,
		"run.r-1.1.commit.site-a.site-a":                 false,
		"run.r-1.1.commit.x.site-a":                      false,
		CheckpointSubject(7):                             false,
		CosignatureSubject(7, "site-b"):                  false,
		"ledger.07.cosign.site-a":                        false,
		"ledger.-7.cosign.site-a":                        false,
		"ledger.7.other.site-a":                          false,
		blob + "00":                                      false,
		blob + "-1":                                      false,
		blob + "99999999":                                false,
		blob + "0.0":                                     false,
		"blob." + d.Hex() + ".site-b.0":                  false,
		"blob." + d.Hex() + ".0":                         false,
		"blob.site-a.site-a.0":                           false,
		"blob." + strings.ToUpper(d.Hex()) + ".site-a.0": false,
		"site-a":       false,
		"":             false,
		"other.site-a": false,
	} {
		if MayPost("site-a", subject) != may {
			t.Errorf("site-a posts %q: %v", subject, !may)
		}
	}
	if MayPost("", "ledger.7.cosign.") || MayPost("", "run.r-1.1.commit.") {
		t.Error("nobody posts")
	}
}
