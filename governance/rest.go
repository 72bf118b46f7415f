package governance

import "github.com/yunei/yunei/governance/profile"

// restsOn are the rules that a hold or a withdrawal rests on, by the code that it
// gives as its reason. No text says that quality, an inspection or an error holds
// anything: what rests on those codes, and on "other", is the house's own decision.
var restsOn = map[string]string{
	"objection": "objection.suspend",
	"incident":  "incident.remedy",
	"unlawful":  "output.no_harm",
	"misuse":    "purpose.bound",
	"consent":   "consent.outside_law",
	"emergency": "emergency.disposal",
}

// RestKey is the key of the rule that a hold or a withdrawal of a code rests on, ""
// if it is of none.
func RestKey(code string) string { return restsOn[code] }

// Rest is what a hold or a withdrawal of a code rests on under a city's rules: the
// city's article with the status of its document, or House where its text has
// none. A city's article is never cited under another's rules.
func Rest(rules profile.Profile, code string) string { return rules.Basis(restsOn[code]) }
