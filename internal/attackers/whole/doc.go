// Package whole runs the attacks of package attackers against the whole product:
// an installation of the binaries that people run, with three domains, a gate
// and trustees, driven by the command line from the application to the bundle.
// The attacker is a licensed operator who wrote the program and knows every rule;
// the officers grant whatever is applied for, and both output checkers approve
// whatever the gate's verdict leaves to them, by an exception if it takes one. So
// nothing but the machinery stands between the attacker and the secret. What the
// attacker computes with are tables of verified bundles, and the words in which
// other runs end.
//
// Each attack is a function from answers to a guess, and gets its answers twice:
// from the product, where the guess must not be the secret, and from the gate in
// this process with the one check off that is in the way, on the same people and
// under the same terms, where it must be. Every table that the product releases
// must be, byte for byte, the one that this gate makes of those people, so that
// the two cannot drift apart; only the register of earlier releases is the
// product's alone.
//
// It proves nothing about attacks that are not here, or about checkers, officers
// or daemons that work for the attacker: story_hostile_test.go of cmd/yunei and
// internal/crash have hostile daemons. Package attackers has more variants, and
// more seeds.
//
// A few attacks run by default; YUNEI_PROVE=1 runs all of them.
package whole
