package crash

import (
	"slices"

	"github.com/yunei/yunei/jobs"
)

// A row is a run in which daemons are killed, and how it must end.
type row struct {
	kill  []string  // DAEMON:KIND:MOMENT; those of one daemon one after the other
	all   string    // kills every process at once when such a statement is on the board
	mode  jobs.Mode // sdc, unless it says otherwise
	poor  bool      // site a's budget does not suffice until it is started anew
	end   end
	short bool // is in the short form
}

// An end is released in one of the rounds, or the code of a dead run, or
// either; a run of two open ends depends on who is first to be missed.
type end struct {
	rounds []int
	code   string
}

const deadCode = "run-dead"

var (
	first  = end{rounds: []int{1}}
	second = end{rounds: []int{2}}
	third  = end{rounds: []int{3}}
	dead   = end{code: deadCode}
	poor   = end{code: "budget"}
	// early: before or after its own hello, as the others' came in.
	early = end{rounds: []int{1, 2}}
	// later: shares were lost, perhaps more than the committee can spare.
	later = end{rounds: []int{2, 3}, code: deadCode}
	// any: everyone died, at a moment that is not the same every time.
	any4 = end{rounds: []int{1, 2, 3, 4}, code: deadCode}
)

const before, after = "before", "after"

// step makes the two rows of an entry.
func step(point string, b, a end, more ...string) []row {
	return []row{
		{kill: append(slices.Clone(more), point+":"+before), end: b},
		{kill: append(slices.Clone(more), point+":"+after), end: a},
	}
}

func in(mode jobs.Mode, rows []row) []row {
	for i := range rows {
		rows[i].mode = mode
	}
	return rows
}

// brief marks the rows of the short form, by their names.
func brief(rows []row, names ...string) []row {
	for i := range rows {
		if rows[i].mode == "" {
			rows[i].mode = jobs.SDC
		}
		rows[i].short = slices.Contains(names, rows[i].name())
	}
	return rows
}

// table is the way of a run, entry by entry.
//
// A site keeps its secrets sealed in its store, so that its death costs
// nothing. A trustee's and the gate's secrets of a round are in memory only:
// their death costs the round, unless enough others have them. The gate's
// death after it has said that it opens costs the run.
var table = brief(slices.Concat(
	in(jobs.DP, slices.Concat(
		step("site-a:admitted", first, first),
		step("site-a:begun", first, first),
		step("site-b:cube", first, first),
		step("site-a:slot", first, first),
		step("site-a:debited", first, first),
		step("site-a:used", first, first),
		step("site-a:stored", first, first),
		step("trustee-1:noted", first, first),
		step("site-a:noise", first, first),
		step("site-b:noise", first, first),
		step("site-a:partial", first, first),
		step("site-a:chunk", first, first),
		step("site-a:commit", first, first),
		step("site-a:set", first, first),
		step("site-a:confirm", first, first),
		step("site-a:reveal", first, first),
	)),
	step("site-a:used", first, first),
	step("site-a:evidence", first, first),
	step("site-a:segment", first, first),
	step("site-b:entered", first, first),
	step("site-a:settled", first, first),
	step("site-a:partial", first, first),
	step("site-b:commit", first, first),
	step("site-b:set", first, first),
	step("site-a:confirm", first, first),
	step("site-a:reveal", first, first),
	relented(step("site-a:refusal", first, poor)),

	step("trustee-1:hello", first, second),
	step("trustee-1:numbered", first, first),
	step("trustee-2:counted", early, early),
	step("trustee-1:key-commit", second, second),
	step("trustee-2:key-open", second, second),
	step("trustee-3:key", second, second),
	step("trustee-1:spanned", first, first),
	step("trustee-1:ready", first, first),
	step("trustee-1:answer", second, second),
	step("trustee-1:lost", second, second, "trustee-1:hello:after"),
	step("trustee-2:witnessed", first, first),

	step("gate:receiver", first, second),
	step("gate:sum", second, second),
	step("gate:active", second, second),
	step("gate:opened", second, dead),
	in(jobs.DP, step("gate:opened", second, dead)),
	step("gate:candidate", dead, first),
	step("gate:lost", second, second, "gate:receiver:after"),
	step("gate:dead", dead, dead, "gate:opened:after"),

	step("yuneid:start", first, first),
	step("yuneid:round", first, first),
	step("yuneid:bundle", first, first),
	step("yuneid:release", first, first),
	step("yuneid:dead", dead, dead, "gate:receiver:after", "gate:receiver:after", "gate:receiver:after", "gate:receiver:after"),

	// A crash in round 2, of parties that had said everything in round 1.
	in(jobs.DP, slices.Concat(
		step("site-a:commit", second, second, "site-a:reveal:after", "gate:sum:after"),
		step("site-a:confirm", second, second, "site-a:reveal:after", "gate:sum:after"),
		step("site-b:reveal", second, second, "gate:opened:before"),
	)),
	step("trustee-1:key", third, third, "trustee-2:hello:after"),
	step("yuneid:round", second, second, "yuneid:round:after", "gate:receiver:after"),
	step("gate:active", third, third, "trustee-2:hello:after"),
	step("gate:opened", third, dead, "gate:sum:after"),
	step("gate:candidate", dead, second, "gate:sum:after"),

	// More than one at once.
	[]row{
		{kill: []string{"trustee-1:key-open:after", "trustee-2:key-open:after"}, end: later},
		{kill: []string{"trustee-1:ready:after", "trustee-2:ready:after"}, end: later},
		{kill: []string{"trustee-1:hello:after", "gate:receiver:after"}, end: end{rounds: []int{2, 3}}},
		{kill: []string{"site-a:commit:after", "site-b:commit:after"}, mode: jobs.DP, end: first},
		{kill: []string{"site-a:reveal:after", "site-b:reveal:before"}, mode: jobs.DP, end: first},
		{kill: []string{"site-a:noise:after", "gate:sum:before", "trustee-3:hello:before", "yuneid:bundle:after"}, mode: jobs.DP, end: second},
	},

	// kill -9 of everything.
	[]row{
		{all: "round", end: any4},
		{all: "hello", end: any4},
		{all: "key", end: any4},
		{all: "receiver", end: any4},
		{all: "commit", end: any4, mode: jobs.DP},
		{all: "confirm", end: any4, mode: jobs.DP},
		{all: "reveal", end: any4, mode: jobs.DP},
		{all: "sum", end: any4},
		{all: "ready", end: any4},
		{all: "active", end: any4},
		{all: "answer", end: any4},
		{all: "candidate", end: first},
		{all: "vote-commit", end: first},
		{all: "vote-open", end: first},
		{all: "release", end: first},
	},
),
	"dp site-a:debited:after", "dp site-a:noise:after", "dp site-a:refusal:after", "sdc trustee-1:answer:after", "sdc trustee-2:witnessed:after",
	"sdc gate:opened:before", "dp gate:opened:after", "sdc gate:opened:after gate:dead:after", "sdc gate:candidate:after",
	"sdc yuneid:start:before", "dp site-a:noise:after gate:sum:before trustee-3:hello:before yuneid:bundle:after", "sdc kill -9 at candidate",
)

// relented: site a's budget does not suffice until it is started anew. What it
// had said by then, it said.
func relented(rows []row) []row {
	for i := range rows {
		rows[i].mode, rows[i].poor = jobs.DP, true
	}
	return rows
}
