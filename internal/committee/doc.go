// Package committee searches, to the last state, a model of how a run is opened
// (enclave/PROTOCOL.md): small committees of trustees of whom t-1 are corrupt,
// two or three domains of which one is corrupt, two rounds, and a coordinator
// that shows anyone anything at any time, in any order.
//
// A state is what the honest have signed, made, answered and still remember;
// what the corrupt know follows from it, and they do whatever that lets them.
// Searched for are a state in which an honest site is in two differently
// opened sets of the run, one in which anything is opened twice or an honest
// trustee has answered twice in a round, and one in which a sum was opened to
// which the corrupt site gave a multiple of another's ciphertext. A second,
// smaller model asks the same of how the key of a round is made: whether the
// corrupt trustees can choose it.
//
// Each rule of the protocol can be switched off. Then the search finds the break
// that the rule is there for, which is what shows that the model can see.
//
// It is a model: ciphertexts and keys are symbols, and what is taken for granted
// of them (nobody opens without t answers, signatures are not forged) is proved
// elsewhere or believed. The real parties are driven in internal/schedules.
//
// YUNEI_PROVE=1 switches rules off in the largest committee too.
package committee
