// Package sequences proves by random play that no sequence of calls releases
// bytes which lack the gate's signed verdict, a debit in every domain where
// noise is paid for, or two approving votes.
//
// Its tests run the bureau's own parts as they are: the API and its records,
// the rules of governance, the flow with its scribe, the ledger, the board, and
// trustees as witnesses of the ledger. Everybody else is a model that signs what
// its daemon would, and sometimes what it never should: sites debit too little
// or beyond the cap, a gate opens what is not paid for or blocks, checkers vote
// out of turn, twice, for each other or for another run, and whoever has the
// board posts past the API. Ciphertexts are digests of nothing: what is
// proved of them is proved in package opening.
//
// After each step the tests ask what everyone can hear, and at the end have a
// coordinator without scruples, who counts no votes, write a bundle of whatever
// there is. A list of what was truly signed, kept apart from all rules of the
// product, says whether something lacks; package release must say the same.
// The models are themselves bent in ways that must be found, so that the
// property is known to see.
//
// It proves nothing about daemons that die in the middle of a step
// (internal/crash), or about parties whose machines are taken over.
//
// YUNEI_PROVE=1 plays many more sequences.
package sequences
