package gates

import (
	"strconv"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

// A verification (jobs.Verify; 核实、比对, Dongguan article 23) passes the gates of
// a job as every other use of data does, with four differences: it may be on data
// that are not shared (G6), of one member and without a program, so that G8 and
// G10 ask nothing of it, its claims of a day are bounded by the profile (G11), and
// whoever asks is told of single persons, which G9 goes by. It is gone through at
// submission and again at the start of every query.
//
// At release there is nothing to ask: the answer is sealed to whoever asked when
// the query ends, no cube is made, no checker votes, and flow never comes to a
// release. R1 refuses whatever is brought to it as the output of one.

// comparing is what a verification rests on.
var comparing = []string{"share.verify_compare", "channel.kinds"}

// verification is G6 of a verification: the city knows of it, and only of data that
// are shared. It reports whether the data may be used by it at all.
func (a *asking) verification() bool {
	switch {
	case a.Terms.Verify == nil:
		return false
	case !a.compares():
		a.no("verify-silent", a.Profile.ID(), comparing[0])
		return false
	case a.channel != profile.BySharing:
		a.no("verify-channel", a.channel, comparing...)
		return false
	}
	return true
}

// compares reports whether the city's rules have the service, whatever the channel
// of the terms.
func (v *view) compares() bool {
	r, err := v.Profile.Rule(comparing[0])
	return err == nil && r.Enforced() && v.Profile.Yes(comparing[0])
}

// mode is the part of G5 on how data are had, which is of the use that was applied
// for: who was allowed sums is not told of single persons, and the other way round.
func (a *asking) mode(s papers.Scenario, keys ...string) {
	switch verifies := a.Terms.Verify != nil; {
	case s.Mode != papers.InSandbox && s.Mode != papers.ByCompare:
		a.unsure("mode-unknown", a.applied.ref.ID, keys...)
	case verifies && s.Mode != papers.ByCompare:
		a.no("mode-other", a.applied.ref.ID, append([]string{comparing[0]}, keys...)...)
	case !verifies && s.Mode != papers.InSandbox:
		a.no("mode-other", a.applied.ref.ID, keys...)
	}
}

// daily is the part of G11 on a verification: no more claims of a day than the
// profile lets one user have. A profile without a number lets nobody have any.
func (a *asking) daily() {
	key := "share.verify_compare_daily"
	most, ok := a.Profile.Int(key)
	if n := a.Terms.Verify.Daily; !ok || n < 1 || n > most {
		a.no("verify-daily", strconv.Itoa(n), key)
	}
	if len(a.said) == 0 {
		a.say(Passed, "pass-verify", "", []string{key})
	}
}
