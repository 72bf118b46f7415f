// Package prio adds short vectors whose ranges are proved: Prio3 (Corrigan-Gibbs
// and Boneh, NSDI 2017; Davis et al., eprint 2023/130) with two aggregators that
// do not work together. A client splits its contribution into two shares, each
// of which says nothing, and a proof, likewise split, that the whole is in
// range. The aggregators check the proof together without seeing what it is
// about, drop the reports that fail, and add up the shares of the others; the
// two sums, put together by the gate, are the total.
//
// It is for what a site cannot be believed about: one report is one domain's
// short cube, or one citizen's contribution. A site's report travels under the
// site's signature, which is given outside this package; a citizen's has none.
//
// # The way of a batch
//
// A Task says what is added, between whom, for which permit, run and round; its
// identity goes into every key, letter and proof below it, so that nothing made
// for one task is anything in another. A Client makes a Report. Each Aggregator
// is given the same lists of reports, Prepares a list and Finishes it with the
// other's answer; a report counts if both could open it, neither has seen its
// number before, it is of the task's time, and the proof holds over both
// answers. The rest is counted by Reason and by nothing else. Then both Close,
// which says which set of reports each has accepted, and only over two equal
// sets of at least the task's smallest batch does an aggregator Share its sum,
// sealed to the gate, once. Collect puts two shares together.
//
// A task is one batch: a report is counted in one batch because it is bound to
// one task, and batches cannot overlap because none is cut from another.
//
// # What is promised, and by whose honesty
//
// Ranges hold if both aggregators are honest: then no client, nor any number of
// them, adds to the sum more than the task lets one report add, except by luck:
// about 2^-55 for each report of Count and Sum, whose field has 64 bits; 2^-108
// for the others, where a client can try its luck by hashing before it sends. A
// proof bounds what a report says, not whether it is true; and it bounds a
// report, not a person: who may send how many is for whoever lets reports in.
// Without signatures a stranger can send any number, and can be all of a batch
// but one.
//
// Secrecy of each contribution holds if one aggregator is honest: the other,
// with the gate and all other clients, learns what the total and those clients'
// own contributions tell, which reports were accepted, and nothing more. It does
// not hold against both together.
//
// A hostile aggregator can, unnoticed:
//   - change the total: whatever it adds to its share is added to the sum.
//     Collect refuses only totals that no accepted set could have;
//   - let a false report in: once it has seen the other's answer, it knows which
//     one would make the proof hold;
//   - keep reports out, so that the batch is of its choosing: it can answer
//     falsely for a report, and the proof fails. So can whoever alters a report
//     on its way. With enough reports of its own
//     the smallest batch protects nobody, which is why a site's reports are
//     signed, and why a run over sites sets the smallest batch to all of them;
//   - end the batch, by not answering.
//
// It cannot make the other give its share twice, over another set, for a set
// that is too small, or to another gate.
//
// # Two preparations of one report
//
// The proof is zero-knowledge for one query. Two different queries, as under
// two verify keys, would tell an aggregator something about a contribution. So
// the key of a task is journalled before its first use, and another is refused;
// a report's number is recorded, durably, before its answer is given; and the
// letter with a share opens only beside the public share that it was made with.
//
// What an aggregator has added lies in memory. An aggregator that is started
// anew begins its task from the first report, with the same key, or not at all;
// what it recorded as seen is not counted again.
//
// # Versions
//
// The sharing and the proofs are those of circl v1.6.5, which follows
// draft-irtf-cfrg-vdaf-14: its version octet is 12. Later drafts, and so other
// libraries, use other octets and encodings, and shares cannot be exchanged with
// them. Anti-replay, the smallest batch and binding to the task follow what
// draft-ietf-ppm-dap demands; the messages are this package's own, and do not
// interoperate with DAP.
package prio
