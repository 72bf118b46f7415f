package gates_test

import (
	"testing"
	"time"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profiles"
)

// What a city asks of an applicant is asked again by the gate, field by field and
// whatever two people have passed: an application that lacks it licenses nobody,
// and the refusal cites that rule.
func TestAdmittedLacking(t *testing.T) {
	type bend struct {
		name string
		code string
		edit func(*papers.Admission)
	}
	for _, city := range profiles.IDs() {
		if !gatestest.New(t, city, "authop").Profile.Yes("authop.licence") {
			t.Fatalf("%s licenses nobody", city)
		}
		for _, c := range []bend{
			{"a credit code that is none", "admission-lacks", func(a *papers.Admission) { a.CreditCode = "91520102MA6DK5YT5D" }},
			{"no name", "admission-lacks", func(a *papers.Admission) { a.Title = "" }},
			{"no class", "admission-lacks", func(a *papers.Admission) { a.Class = "" }},
			{"no field of operation", "admission-lacks", func(a *papers.Admission) { a.Field = "" }},
			{"its credit never checked", "admission-lacks", func(a *papers.Admission) { a.Credit = time.Time{} }},
			{"its credit checked in the future", "admission-lacks", func(a *papers.Admission) { a.Credit = gatestest.Now.AddDate(0, 1, 0) }},
			{"a bad credit entry", "admission-lacks", func(a *papers.Admission) { a.NoBadEntry = false }},
			{"a purpose twice", "admission-lacks", func(a *papers.Admission) { a.Purposes = append(a.Purposes, a.Purposes[0]) }},
			{"an attestation that has run out since", "attestation", func(a *papers.Admission) { a.Attested = gatestest.Now.Add(-time.Hour) }},
		} {
			w := gatestest.New(t, city, "authop")
			c.edit(&w.Admission)
			said := 0
			for _, v := range gates.Blocked(gates.Check(w.Facts(), gates.AtSubmission)) {
				if v.Gate == "G1" && v.Code == c.code && v.Cite != "" {
					said++
				}
			}
			if said != 1 {
				t.Errorf("%s, %s: said %d times: %+v", city, c.name, said, gates.Blocked(gates.Check(w.Facts(), gates.AtSubmission)))
			}
		}
	}
}
