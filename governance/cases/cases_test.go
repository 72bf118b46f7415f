package cases

import "testing"

// stories are of every procedure: its ways, and what is not on them.
var stories = []struct{ name, story string }{
	{"catalogue review", `
		op open catalogue.review operator ! case-turn
		hospital-officer open catalogue.review provider
		op submit ! case-turn
		hospital-officer hand entry other ! case-missing
		hospital-officer submit
		hospital-2 allow ! case-turn
		bureau-officer return source
		bureau-officer allow ! conflict
		hospital-admin answer source ! case-turn
		hospital-officer answer other ! case-missing
		hospital-officer answer source entry=2
		bureau-officer return other ! case-return
		bureau-officer deny bare ! case-basis
		bureau-officer allow
		@ published ended
		bureau-officer allow ! case-closed`},
	{"the negative list is for a government", `
		hospital-officer open catalogue.review provider
		hospital-officer submit negative-list
		bureau-officer allow
		@ government open
		bureau-officer file government-approval ! case-barred
		bureau-2 allow ! case-missing
		bureau-2 file government-approval
		bureau-2 allow ! case-unverified
		bureau-2 attest government-approval ! case-own
		bureau-3 attest government-approval
		bureau-2 allow
		@ published ended`},
	{"operator admission", `
		op open operator.admit operator
		op submit ! case-missing
		op file organisation-attestation
		op file credit-check
		op file security-commitment
		op file security-commitment ! registered
		op submit
		op allow ! case-separation
		bureau-officer allow
		bureau-officer allow ! case-barred
		bureau-2 allow ! case-unverified
		bureau-2 attest credit-check
		bureau-2 attest organisation-attestation
		bureau-2 attest organisation-attestation ! decision-twice
		bureau-2 conditional precondition:insurance
		@ decision conditioned
		op file insurance-policy
		op fulfil insurance insurance-policy ! case-own
		bureau-3 fulfil insurance other-policy ! not-found
		bureau-3 fulfil other insurance-policy ! case-turn
		bureau-2 fulfil insurance insurance-policy
		@ licensed ended`},
	{"a longer term takes two more decisions", `
		op open operator.admit operator
		op file organisation-attestation
		op file credit-check
		op file security-commitment
		op submit longer-term
		bureau-officer allow
		bureau-2 attest credit-check
		bureau-2 attest organisation-attestation
		bureau-2 allow
		@ override open
		bureau-2 allow
		bureau-2 allow ! decision-twice
		@ override open
		bureau-3 allow
		@ licensed ended`},
	{"scenario application", `
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		@ providers open
		bureau-officer allow ! case-turn
		hospital-admin allow ! case-separation
		rival allow ! case-separation
		checker-a allow ! case-turn
		hospital-officer allow
		hospital-officer allow ! decision-twice
		hospital-2 allow ! decision-twice
		@ providers open
		transit-officer return columns purpose
		@ providers returned
		op answer columns ! case-missing
		op answer columns purpose application=2
		@ providers open
		transit-officer return term ! case-return
		transit-officer allow
		@ providers open
		hospital-2 allow
		@ decision open
		bureau-officer allow ! case-barred
		bureau-2 unsure
		@ decision open
		bureau-3 allow
		@ decision open
		bureau-2 allow
		@ passed ended`},
	{"a correction at the end comes before every provider again", `
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		hospital-officer allow
		transit-officer allow
		bureau-2 return list
		op answer list dataset-list=2
		@ providers open
		hospital-officer allow
		@ providers open
		transit-officer deny
		@ refused ended`},
	{"a provider is late, and nobody reviews for it", `
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		hospital-officer allow
		rival escalate ! case-turn
		op escalate
		@ coordination open
		op withdraw
		@ withdrawn ended`},
	{"coordination", `
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		op escalate
		bureau-2 allow
		@ providers open`},
	{"agreement", `
		bureau-officer open agreement.sign bureau
		bureau-officer file commitment
		bureau-officer file emergency-plan
		bureau-officer submit
		op attest commitment ! case-separation
		bureau-officer attest commitment ! case-own
		bureau-2 attest commitment
		op conditional duty:report ! case-sign
		op unsure ! case-sign
		op allow
		op allow ! decision-twice
		rival allow ! case-turn
		@ signing open
		bureau-officer allow
		@ in-force ended`},
	{"program review", `
		op open program.review operator
		op submit
		op2 allow ! case-separation
		bureau-officer allow
		@ usable ended`},
	{"a second review", `
		op open program.review operator
		op submit
		bureau-officer unsure
		op escalate
		bureau-officer allow ! case-barred
		bureau-2 allow
		bureau-3 deny law
		@ refused ended`},
	{"output checking", `
		op open output.vet operator
		op file use-statement
		op submit
		op seal allow ! case-separation
		bureau-officer seal allow ! case-turn
		checker-a allow ! conflict
		checker-a seal allow
		checker-a seal allow ! vote-twice
		checker-a unseal ! vote-wait
		checker-b seal allow
		checker-c seal allow ! vote-twice
		checker-c unseal ! case-turn
		checker-b unseal
		checker-b unseal ! vote-twice
		@ vote open
		checker-a unseal
		@ cleared ended`},
	{"one no is enough", `
		op open output.vet operator
		op file use-statement
		op submit
		checker-a seal deny
		checker-b seal allow
		checker-a unseal
		@ refused ended`},
	{"deliberation", `
		op open output.vet operator
		op file use-statement
		op submit
		checker-a seal unsure
		checker-b seal allow
		checker-a unseal
		@ vote open
		checker-b unseal
		@ deliberation open
		checker-a conditional limit:x ! case-list
		checker-a return other purpose ! case-list
		checker-a return purpose
		op answer purpose
		@ vote open
		checker-a unseal ! vote-wait
		checker-b seal unsure
		checker-c seal allow
		checker-b unseal
		checker-c unseal
		checker-c allow
		checker-c allow ! decision-twice
		checker-b allow
		@ cleared ended`},
	{"a vote that is never opened", `
		op open output.vet operator
		op file use-statement
		op submit
		checker-a seal allow
		checker-b seal allow
		checker-a unseal
		op escalate ! case-turn
		checker-a escalate ! case-turn
		bureau-officer escalate
		@ vote open
		checker-a unseal ! vote-wait
		checker-a seal allow
		checker-c seal allow
		checker-a unseal
		checker-c unseal
		@ cleared ended`},
	{"objection", `
		bureau-officer open objection.resolve bureau
		bureau-officer file requester-authority
		bureau-officer submit hold
		transit-officer allow ! case-turn
		hospital-officer allow
		hospital-officer hand remedy removal restoration ! case-missing
		hospital-officer submit removal
		@ removed ended`},
	{"a rejection and the ladder", `
		op open objection.resolve operator
		op file requester-authority
		op submit
		hospital-officer deny law
		@ notice open
		op escalate
		bureau-officer deny bare ! case-basis
		op escalate
		@ joint open
		bureau-officer file opinions
		bureau-2 allow
		bureau-3 allow
		@ remedy open
		hospital-2 submit
		@ corrected ended`},
	{"the last rung", `
		op open objection.resolve operator
		op file requester-authority
		op submit
		hospital-officer deny
		op escalate
		op escalate
		op escalate
		@ government open
		bureau-officer file government-decision
		bureau-2 attest government-decision
		bureau-2 deny law
		@ rejected ended`},
	{"a desk does not decide on what it took", `
		hospital-officer open objection.resolve provider
		hospital-officer file requester-authority
		hospital-officer submit
		hospital-officer allow ! case-own
		hospital-2 deny
		hospital-2 submit
		@ rejected ended`},
	{"disposal", `
		bureau-officer open withdraw.dispose bureau
		bureau-officer submit
		op submit ! case-missing
		op file destruction-certificate
		op submit
		hospital-officer allow ! case-unverified
		hospital-officer attest destruction-certificate
		hospital-officer allow
		transit-officer return caches
		op2 answer caches disposal-statement=2
		transit-officer allow
		hospital-officer allow
		@ disposed ended`},
	{"disposal that a provider does not believe", `
		bureau-officer open withdraw.dispose bureau
		bureau-officer submit
		op file destruction-certificate
		op submit
		hospital-officer deny
		@ enforcement open
		bureau-2 submit
		@ disposal open`},
	{"incident", `
		op open incident.rectify operator ! case-turn
		bureau-officer open incident.rectify bureau
		bureau-officer submit
		bureau-officer submit
		bureau-officer submit
		bureau-2 submit
		op submit ! case-missing
		op file proof-of-rectification
		op submit
		bureau-officer allow ! case-own
		bureau-2 allow ! case-own
		bureau-3 attest proof-of-rectification
		bureau-3 allow
		@ closed ended`},
	{"censure takes two", `
		bureau-officer open incident.rectify bureau
		bureau-officer submit
		bureau-officer submit
		bureau-officer submit
		bureau-officer submit
		bureau-2 escalate
		bureau-3 allow
		@ censure open
		bureau-4 allow
		@ censured ended`},
	{"a good year", `
		op open evaluate.yearly operator ! case-turn
		bureau-officer open evaluate.yearly bureau
		bureau-officer submit
		op submit
		bureau-officer file usage-facts ! case-own
		bureau-2 file usage-facts
		bureau-2 allow
		@ passed ended`},
	{"a bad year", `
		bureau-officer open evaluate.yearly bureau
		bureau-officer submit
		op submit
		bureau-2 deny
		@ failed ended`},
	{"a second bad year takes two people to eliminate", `
		bureau-officer open evaluate.yearly bureau
		bureau-officer submit previous-failure
		op submit
		bureau-2 deny law
		@ elimination open
		bureau-2 allow
		@ elimination open
		bureau-3 allow
		@ eliminated ended`},
}

func TestProcedures(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { newWorld(t).play(s.story) })
	}
}
