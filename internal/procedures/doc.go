// Package procedures proves by random play that nothing starts and nothing goes
// out without every decision that a city's rules demand, and that the records
// are what people signed and nothing else.
//
// Its tests run the bureau's API over a real database with the gates as they
// are, under the rules of each of five cities, by sharing, opening and operation.
// People with keys of their own do what brings a job on, in any order, and
// a good part of the time what they should not: they decide for others, twice or
// too early, withdraw, return, refuse, propose terms that rest on cases which are
// open, old or missing, or on other rules, start and vote out of turn, hold things
// and let them go, and the ledger fails now and then. Runs themselves are a model:
// a gate that signs one candidate for each, which goes out once two checkers agree
// and neither an order nor a gate stops it, as the coordinator has it.
//
// A list of what was signed and taken, kept apart from every rule of the product,
// says what each start and each release rests on. The list is asked in a way
// written by hand, stage by stage: who has allowed what, since the last
// correction, with which conditions met and which holds lifted. The same play is
// told to bent lists, which must object, and bent servers, one gate of which is
// blind or whose rules one officer adopts, are played until somebody notices: so the
// property is known to see.
//
// At the end of each play a second database is made of nothing but what was signed,
// in the order of the ledger (package api/rebuild), and the two are compared row by
// row. Then one value, one row or one line of the ledger is changed or taken out,
// and the rebuilding has to say so.
//
// It trusts the fold of a case for the head that terms name, and proves nothing
// about daemons that die in the middle of a step (internal/crash) or about what
// runs compute (internal/sequences).
//
// YUNEI_PROVE=1 plays a hundred sequences, every bent server and every alteration.
package procedures
