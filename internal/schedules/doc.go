// Package schedules drives the real parties of a secure sum through random
// schedules, in the manner of the simulation tests of Janus (divviup/janus): a
// few or hundreds of seeds, each a run with its own order of events. Parties
// crash, beside any entry of their journals or between two steps, and come back
// with their journals and nothing else. What they are shown comes late, out of
// order, twice, altered, or not any more: each party has a board of its own,
// which a coordinator without scruples keeps. One member, one trustee and the
// gate are, by turns, liars that the test has written.
//
// Real are trustee.Trustee, opening.Gate, flow.Flow and site.Site, the latter
// from the partial on: the program that makes it, its admission and its booking
// need a sandbox, and the test writes into store and journal what they would.
// The bus is the embedded one.
//
// Of every run it is asked: it ends with a candidate that is the exact sum of
// what the members sealed, by an oracle of big integers, or is refused with a
// kind; no honest site is in two differently opened sets; no honest trustee has
// answered twice in a round; and an adversary that has all that the corrupt
// parties and the network saw, and tries what they could, is left without any
// single domain's partial.
//
// Each attack is also made where the defence is off, and then it succeeds, which
// shows that it is real. A defence that is a party's own rule is switched off by
// a party of the test's own that lacks it, as the tests say. That a trustee
// answers once cannot be switched off outside enclave/he, which erases the
// secret: package committee does it in its model.
//
// YUNEI_PROVE=1 plays hundreds of seeds.
package schedules
