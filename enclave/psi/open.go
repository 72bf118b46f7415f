package psi

import (
	"fmt"

	"github.com/cloudflare/circl/group"

	"github.com/yunei/yunei/fault"
)

// A Result is what the gate gets, and judges.
type Result struct {
	Counts []int64   // people in both, by B's cell
	A, B   [][]int64 // totals of each side's values over them, by B's cell and slot
}

// Slots are the integers of a result in one row, for the gate: the counts,
// then A's totals by cell and slot, then B's.
func (r Result) Slots() []int64 {
	row := append([]int64(nil), r.Counts...)
	for _, side := range [][][]int64{r.A, r.B} {
		for _, slots := range side {
			row = append(row, slots...)
		}
	}
	return row
}

// Counted is the result of a join without slots: nothing is to be decrypted.
// Fewer people than KMin are refused with fault.Denied.
func (j *Join) Counted(m Matched) (Result, error) {
	if m.join != j.digest || m.counts == nil || j.key != nil {
		return Result{}, fmt.Errorf("counting: what was matched is not of this join, or has sums: %w", fault.Invalid)
	}
	if m.Count() < int64(j.terms.KMin) {
		return Result{}, fmt.Errorf("counting: too few are in both: %w", fault.Denied)
	}
	return j.totals(m, nil)
}

// Open returns the result of what the gate matched itself, from the answers of
// all other holders and its own share, which is then gone. An answer whose
// proof does not hold is refused with fault.Tampered and leaves the share; so
// does a holder that is missing. A total beyond what that many people within
// their clips have is fault.Tampered, and says that a domain cheated.
func (h *Holder) Open(j *Join, m Matched, answers []Answer) (Result, error) {
	all := m.ciphertexts()
	masks, err := h.masks(j, m, answers, halves(all))
	if err != nil {
		return Result{}, fmt.Errorf("opening: %w", err)
	}
	secret, err := h.take(j, m)
	if err != nil {
		return Result{}, fmt.Errorf("opening: %w", err)
	}
	defer secret.SetUint64(0)
	points := make([]group.Element, len(all))
	for i, c := range all {
		masks[i].Add(masks[i], curve.NewElement().Mul(c.c1, secret))
		points[i] = curve.NewElement().Add(c.c2, masks[i].Neg(masks[i]))
	}
	r, err := j.totals(m, points)
	if err != nil {
		return Result{}, fmt.Errorf("opening: %w", err)
	}
	return r, nil
}

// masks adds the other holders' parts up, each of which must be there once.
func (h *Holder) masks(j *Join, m Matched, answers []Answer, bases []group.Element) ([]group.Element, error) {
	if j.key == nil || m.join != j.digest {
		return nil, fmt.Errorf("what was matched is not of this join: %w", fault.Invalid)
	}
	sum := make([]group.Element, len(bases))
	for i := range sum {
		sum[i] = curve.Identity()
	}
	if len(answers) != len(j.terms.Holders)-1 {
		return nil, fmt.Errorf("%d answers of %d: %w", len(answers), len(j.terms.Holders)-1, fault.Invalid)
	}
	by := map[string]Answer{}
	for _, a := range answers {
		by[a.Name] = a
	}
	for _, s := range j.terms.Holders {
		if s.Name == h.name {
			continue
		}
		a, ok := by[s.Name]
		if !ok {
			return nil, fmt.Errorf("%s has not answered: %w", s.Name, fault.Invalid)
		}
		public, err := parsePoint(s.Bytes[:pointSize])
		if err != nil {
			return nil, err
		}
		if len(bases) == 0 {
			continue // too few in both, as take will say
		}
		parts, err := j.parseAnswer(a, public, bases)
		if err != nil {
			return nil, err
		}
		for i := range sum {
			sum[i].Add(sum[i], parts[i])
		}
	}
	return sum, nil
}

// totals finds the logarithms, each within what its cell's people can have.
func (j *Join) totals(m Matched, points []group.Element) (Result, error) {
	var bound, most int64
	for _, n := range m.counts {
		most = max(most, n)
	}
	bound = most * max(j.terms.A.Clip, j.terms.B.Clip)
	table := newLogs(bound, len(points))
	r := Result{Counts: append([]int64(nil), m.counts...)}
	for _, of := range []Role{A, B} {
		side := make([][]int64, len(m.counts))
		for cell, n := range m.counts {
			side[cell] = make([]int64, len(m.sums[of][cell]))
			for slot := range side[cell] {
				if n == 0 {
					continue
				}
				v, ok := table.find(points[0], n*j.terms.party(of).Clip)
				if !ok {
					return Result{}, fmt.Errorf("a total is beyond what %v's people can have: %w", of, fault.Tampered)
				}
				side[cell][slot], points = v, points[1:]
			}
		}
		if of == A {
			r.A = side
		} else {
			r.B = side
		}
	}
	return r, nil
}
