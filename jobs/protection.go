package jobs

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
)

// A Protection says how the members' parts are added without anybody seeing
// one of them. The zero Protection is the committee's.
type Protection string

// The protections.
const (
	// Committee is threshold BGV: any quorum of the trustees opens the sum and
	// nothing else, and nothing is proved of what a member has sealed.
	Committee Protection = ""
	// Prio3 splits each part between two of the trustees, who check together that
	// it is in range, and is open to the two of them together.
	Prio3 Protection = "prio3"
)

// Prio is what protection Prio3 needs to be told.
type Prio struct {
	Leader string `json:"leader"` // the two aggregators, by their names among the trustees
	Helper string `json:"helper"`
	Units  int64  `json:"units"` // the most units that a member's version has: what the ranges follow from
}

// Bounds of protection Prio3.
const (
	MaxProved = 1 << 18 // bits of a member's part that are proved, all in all
	minProved = 2       // members: a batch of one is somebody's part
	maxRanged = 1 << 62 // of all members' parts in one slot
	maxBits   = 61      // of one number
)

// Proved reports whether each member proves that its part is in range.
func (t Terms) Proved() bool { return t.Protection == Prio3 }

// Aggregators are the two of protection Prio3, leader first, and none of any
// other.
func (t Terms) Aggregators() []Process {
	if !t.Proved() || t.Prio == nil {
		return nil
	}
	var two []Process
	for _, name := range []string{t.Prio.Leader, t.Prio.Helper} {
		for _, p := range t.Trustees.Members {
			if p.Name == name {
				two = append(two, p)
			}
		}
	}
	return two
}

// ProtectionWords say which protection a sum of these terms has, on whose honesty
// it stands, and what is not proved.
func (t Terms) ProtectionWords() Statement {
	if two := t.Aggregators(); len(two) == 2 {
		return Statement{
			ZH: fmt.Sprintf("可验证求和 Prio3：由两个互不合谋的聚合方 %s 与 %s 完成；每个域的输入都证明在约定范围内（按每域至多 %d 个单位推算）。两方合谋则能读出单个域的输入，任何一方都能改动总和；范围之内的数值是否属实，未经证明。",
				two[0].Name, two[1].Name, t.Prio.Units),
			EN: fmt.Sprintf("Verifiable sum, Prio3: by two aggregators that do not collude, %s and %s; every domain's part is proved to be within the agreed ranges, which follow from at most %d units in a domain. The two together could read a domain's part, and either could change the sum; whether a number within its range is true is not proved.",
				two[0].Name, two[1].Name, t.Prio.Units),
		}
	}
	return Statement{
		ZH: fmt.Sprintf("门限加密求和（门限 BGV）：%d 个托管方中须有 %d 个合作才能打开总和；各域密文中的数值是否在范围内，未经证明。", len(t.Trustees.Members), t.Trustees.Quorum),
		EN: fmt.Sprintf("Threshold encryption (BGV): of %d trustees any %d together open the sum, and fewer open nothing; that the numbers in a domain's ciphertexts are within any range is not proved.", len(t.Trustees.Members), t.Trustees.Quorum),
	}
}

// A Range is what a member proves of so many slots, one after another, of the
// vector that it seals: each is Lo at least and below Lo + 2^Bits. Of a Mark
// all that matters is whether it is 0, so that it travels as 0 or 1.
type Range struct {
	Slots int
	Lo    int64
	Bits  int
	Mark  bool
}

// Elements is how many bits are proved for the range.
func (r Range) Elements() int { return r.Slots * r.Bits }

// Hi is the largest number of the range.
func (r Range) Hi() int64 { return r.Lo + int64(uint64(1)<<r.Bits-1) } //nolint:gosec // checkProtection bounds both

// Ranges are those of the slots of the vector that a member seals, in order
// (Terms.Slots), each with the tightest bounds that follow from the terms: of a
// cell, what Prio.Units units can add to it, each of them clipped, and in the
// noisy modes their noise; of a flag or a register's word, whether it is set; of
// a peak, one unit's bound. Neighbours alike are one range.
func (t Terms) Ranges() []Range {
	var all []Range
	add := func(slots int, lo, hi int64, mark bool) {
		r := Range{slots, lo, max(1, bits.Len64(uint64(hi)-uint64(lo))), mark} //nolint:gosec // hi is not below lo; the difference wraps into 64 bits
		if last := len(all) - 1; last >= 0 && all[last].Lo == r.Lo && all[last].Bits == r.Bits && all[last].Mark == r.Mark {
			all[last].Slots += slots
			return
		}
		all = append(all, r)
	}
	for _, m := range t.Shape.All() {
		lo, hi := t.reach(m)
		add(t.Shape.Cells(), lo, hi, false)
	}
	if t.Mode != SDC {
		return all
	}
	add(t.Shape.Items(), 0, 1, true)
	if t.Peaks() {
		for _, m := range t.Shape.Measures {
			add(t.Shape.Cells(), 0, m.Bound(), false)
		}
	}
	add(2, 0, 1, true)
	return all
}

// tailSigmas is how many standard deviations a member's noise stays within, but
// with a chance below 2^-180.
const tailSigmas = 16

// reach is the range of one member's cell: of nobody, which is 0, to the most
// units that the terms let it have, and the noise.
func (t Terms) reach(m Measure) (lo, hi int64) {
	units := min(max(t.Prio.Units, 0), MaxUnits)
	switch g := t.Shape.Grouping; {
	case g.Blocks > 0: // a block counts as one, whoever is in it
		units = int64(g.Blocks)
	case g.Batch > 0:
		units = min(units, int64(g.Batch)*int64(g.Batches))
	}
	tail := int64(0)
	if t.Mode.Noisy() {
		sigma := new(big.Int).SetUint64(m.Sigma)
		tail = tailSigmas * (sigma.Sqrt(sigma).Int64() + 1)
	}
	return units*min(m.Lo, 0) - tail, units*max(m.Hi, 0) + tail // within 2^62 and 2^37
}

// checkProtection refuses what could not run, or would protect nothing.
func (t Terms) checkProtection() error {
	switch {
	case t.Protection == Committee && t.Prio == nil:
		return nil
	case t.Protection == Committee:
		return fmt.Errorf("prio: is for protection %s", Prio3)
	case t.Join != nil:
		return errors.New("protection: a join has a protection of its own; leave it out")
	case t.Protection != Prio3:
		return fmt.Errorf("protection: want %q, or nothing for the committee's", Prio3)
	case t.Prio == nil:
		return errors.New("protection prio3: prio must name leader, helper and units")
	case len(t.Aggregators()) != 2 || t.Prio.Leader == t.Prio.Helper:
		return errors.New("prio: leader and helper must be two different trustees")
	case t.Prio.Units < 1 || t.Prio.Units > MaxUnits:
		return errors.New("prio: units: want 1 to 2^32")
	case len(t.Members) < minProved:
		return errors.New("protection prio3: want two members at least: the sum of one is its part")
	case t.NotBefore.Year() < 1970:
		return errors.New("protection prio3: not_before is before 1970")
	case t.hasRanges():
		return t.checkRanges()
	}
	return nil // what keeps it from having any is said elsewhere
}

// hasRanges: the ranges follow from a shape and a mode that are in order.
func (t Terms) hasRanges() bool {
	return t.Shape.Check() == nil && t.Slots() <= maxSlots && slices.Contains([]Mode{SDC, DP, Both}, t.Mode)
}

func (t Terms) checkRanges() error {
	proved := 0
	for _, r := range t.Ranges() {
		hi, most := bits.Mul64(uint64(len(t.Members)), 1<<r.Bits-1)
		if r.Bits > maxBits || hi != 0 || most > maxRanged {
			return errors.New("protection prio3: so many units at such bounds do not fit in 62 bits; want a smaller prio.units, or smaller bounds")
		}
		proved += r.Elements()
	}
	if proved > MaxProved {
		return fmt.Errorf("protection prio3: %d bits would have to be proved of each part, more than %d; want fewer cells or measures, or a smaller prio.units", proved, MaxProved)
	}
	return nil
}
