package dossier

import (
	"slices"

	"github.com/yunei/yunei/governance/gates"
)

// A Word is something that the platform says and that nothing signed shows: that
// there is no such thing, or no later one. Gates are those that rest on it.
type Word struct {
	Code  string
	ZH    string
	EN    string
	Gates []string
}

// unsaid are the codes of gates by which a fact is missing that no signature can
// say, in the order in which they are shown.
var unsaid = []Word{
	{Code: "holds-unread", ZH: "没有中止决定或域内中止涉及本次用数", EN: "nothing of this is held, by an order or at a site"},
	{Code: "duties-unread", ZH: "运营方没有逾期的停用事项", EN: "the operator has no blocking duty that is overdue"},
	{Code: "years-unread", ZH: "运营方历年评估没有取消资格", EN: "no yearly evaluation has ended the operator's licence"},
	{Code: "consent-unread", ZH: "所列同意书存在且未撤回", EN: "the consents that are named are there and stand"},
	{Code: "uses-unread", ZH: "授权凭据的使用次数未用完", EN: "the permit has uses left"},
}

// latest is taken in every case: a signature says what was said, and not that
// nothing was said since.
var latest = Word{Code: "latest", ZH: "名册、目录条目、所依据的办件、授权资格与规则此后没有被吊销、变更、替代或另行公布", EN: "no registration, entry, case, licence or version of the rules was revoked or replaced since"}

// words are what is taken from the platform, by code, with the gates.
type words map[string][]string

// hear takes a verdict that says nothing but that such a fact is missing.
func (w words) hear(v gates.Verdict) bool {
	if v.State != gates.Unknown || !slices.ContainsFunc(unsaid, func(u Word) bool { return u.Code == v.Code }) {
		return false
	}
	if !slices.Contains(w[v.Code], v.Gate) {
		w[v.Code] = append(w[v.Code], v.Gate)
	}
	return true
}

func (w words) all() []Word {
	var all []Word
	for _, u := range unsaid {
		if on := w[u.Code]; on != nil {
			u.Gates = on
			all = append(all, u)
		}
	}
	return append(all, latest)
}
