package jobs

import "testing"

// The slots of all runs that a permit allows are bits outside
// epsilon that a guest may choose at will, by burning fuel. 1000 uses of 64
// slots in two domains are 12,000 exact bits of one person, against any rho.
func TestSlotBitsOfAPermitAreBounded(t *testing.T) {
	terms := newCast(t).terms()
	dp(&terms)
	terms.Uses, terms.Due = 1000, Slots{First: 1, Every: 1, Count: MaxSlotCount}
	if err := terms.Check(); err == nil {
		t.Errorf("%d runs of %v bits in %d domains pass", terms.Uses, terms.Due.Bits(), len(terms.Members))
	}
}

// A run's last slot lies within its permit's dates: after them no
// trustee makes a key, and what was paid for can never be opened.
func TestSlotsEndBeforeThePermit(t *testing.T) {
	terms := newCast(t).terms()
	dp(&terms)
	terms.NotAfter = terms.NotBefore.AddDate(0, 0, 1)
	terms.Due = Slots{First: MaxSlotSeconds, Every: MaxSlotSeconds, Count: 4}
	if err := terms.Check(); err == nil {
		t.Error("a permit of a day whose first slot is in a month passes")
	}
}
