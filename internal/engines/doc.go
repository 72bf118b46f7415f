// Package engines tests that the two engines of a site answer alike: that
// yunei-runner and yunei-replay, each in its own jail, give the same emits and
// fail the same units for every guest, in any order, in batches of any size
// and from any number of processes. What may differ by WebAssembly's own
// specification is looked for on purpose: bits of NaNs, depth of calls, growth
// of memory, and everything at an edge.
//
// It has no code but tests, and asks nothing of the engines but through
// package sandbox, as a site does. It cannot show that both are right.
package engines
