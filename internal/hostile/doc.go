// Package hostile proves the sandbox by attack. Its tests are a corpus of
// guests, and of runners that a guest has taken over, each of which tries to
// break one promise: that a program ends, that a unit's contribution depends
// on that unit alone and stays within its bounds, that nothing but emits
// leaves the child, that in mode dp the released cells say no more about
// anyone than epsilon and delta allow.
//
// The guests are in source: those that C can say are in
// examples/programs/hostile, those that no compiler would write are put
// together here, operator by operator. They run in the real jail, in the real
// runners, on both engines, in several orders, on children used before and on
// fresh ones. What each tries and what becomes of it is one table, from which
// examples/programs/hostile/README.md is written:
//
//	go test ./internal/hostile -run TestReadme -update
//
// YUNEI_PROVE=1 tries more orders, more victims and more noise.
//
// The package does not find new attacks (the fuzz targets of admit, wire and
// abi search for them), and proves nothing about what the kernel, the machine
// or its clock let through.
package hostile
