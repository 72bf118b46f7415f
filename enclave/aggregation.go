package enclave

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/yunei/yunei/enclave/prio"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// An Aggregation is one aggregator's part in all tasks of a round, in memory only.
// Its methods are called in the order in which they stand here, each with what the
// other aggregator said before; called again, each says the same again.
type Aggregation struct {
	tasks                          []prio.Task
	role                           prio.Role
	sign                           suite.PrivateKey
	box                            suite.Box
	own                            []prio.Part
	aggs                           []*prio.Aggregator
	ids                            [][]prio.ID // of each task's reports, in the members' order
	parts, answers, claims, shares [][]byte
	finished                       int // tasks
}

// NewAggregation draws this aggregator's parts of the tasks' verify keys.
func NewAggregation(tasks []prio.Task, role prio.Role, sign suite.PrivateKey, box suite.Box) (*Aggregation, error) {
	a := &Aggregation{tasks: tasks, role: role, sign: sign, box: box}
	for _, t := range tasks {
		part, err := prio.DrawPart(rand.Reader)
		if err != nil {
			return nil, err
		}
		sealed, err := prio.SealPart(t, role, sign, part)
		if err != nil {
			return nil, err
		}
		a.own, a.parts = append(a.own, part), append(a.parts, sealed)
	}
	return a, nil
}

// Tasks are those of the aggregation.
func (a *Aggregation) Tasks() []prio.Task { return a.tasks }

// Parts are the letters with the parts of the keys.
func (a *Aggregation) Parts() [][]byte { return a.parts }

// other is the role of the one at the other end.
func (a *Aggregation) other() prio.Role { return prio.Leader + prio.Helper - a.role }

// Prepare takes the other's parts, and the members' reports, task by task, and
// returns the answers about them. Each task's key, and which reports were seen, are
// journalled before an answer is there.
func (a *Aggregation) Prepare(theirs [][]byte, reports [][][]byte, seen prio.Seen, journal prio.Journal, now time.Time) ([][]byte, error) {
	if len(theirs) != len(a.tasks) || len(reports) != len(a.tasks) {
		return nil, fmt.Errorf("preparing: not for each task: %w", fault.Tampered)
	}
	for i := len(a.answers); i < len(a.tasks); i++ {
		part, err := prio.OpenPart(a.tasks[i], a.other(), a.box, theirs[i])
		if err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		both := [2]prio.Part{a.own[i], part}
		if a.role == prio.Helper {
			both = [2]prio.Part{part, a.own[i]}
		}
		key, err := prio.JoinKey(a.tasks[i], both[0], both[1])
		if err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		agg, err := prio.NewAggregator(a.tasks[i], prio.Own{Role: a.role, Sign: a.sign, Box: a.box, Key: key, Seen: seen, Journal: journal})
		if err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		answer, err := agg.Prepare(reports[i], now)
		if err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		a.aggs, a.answers, a.ids = append(a.aggs, agg), append(a.answers, answer), append(a.ids, idsOf(a.tasks[i], reports[i]))
	}
	return a.answers, nil
}

// idsOf are the numbers of reports; of what is no report it is the zero ID, which
// no accepted one has but by a chance of 2^-128.
func idsOf(t prio.Task, reports [][]byte) []prio.ID {
	ids := make([]prio.ID, len(reports))
	for i, raw := range reports {
		if r, err := prio.ParseReport(t, raw); err == nil {
			ids[i] = r.ID
		}
	}
	return ids
}

// Finish takes the other's answers, and returns what to claim, and which members'
// reports were not accepted in some task, by their places.
func (a *Aggregation) Finish(theirs [][]byte) (claims [][]byte, rejected []int, err error) {
	if len(theirs) != len(a.tasks) || len(a.aggs) != len(a.tasks) {
		return nil, nil, fmt.Errorf("finishing: not for each task: %w", fault.Tampered)
	}
	for ; a.finished < len(a.tasks); a.finished++ {
		if _, err := a.aggs[a.finished].Finish(theirs[a.finished]); err != nil {
			return nil, nil, fmt.Errorf("task %d: %w", a.finished, err)
		}
	}
	for i := len(a.claims); i < len(a.tasks); i++ {
		claim, err := a.aggs[i].Close()
		if err != nil {
			return nil, nil, fmt.Errorf("task %d: %w", i, err)
		}
		a.claims = append(a.claims, claim)
	}
	bad := map[int]bool{}
	for i, agg := range a.aggs {
		accepted := agg.Accepted()
		for member, id := range a.ids[i] {
			if len(accepted) > 0 && accepted[0] == id {
				accepted = accepted[1:]
			} else if !bad[member] {
				bad[member], rejected = true, append(rejected, member)
			}
		}
	}
	return a.claims, rejected, nil
}

// Share takes what the other claims, and returns the sums, sealed to the gate: of
// all tasks, once.
func (a *Aggregation) Share(theirs [][]byte) ([][]byte, error) {
	if len(theirs) != len(a.tasks) || len(a.claims) != len(a.tasks) {
		return nil, fmt.Errorf("giving a share: not for each task: %w", fault.Tampered)
	}
	for i := len(a.shares); i < len(a.tasks); i++ {
		share, err := a.aggs[i].Share(theirs[i])
		if err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		a.shares = append(a.shares, share)
	}
	return a.shares, nil
}
