package jobs

import (
	"fmt"
	"math"
	"time"
)

// Slots are the times at which a domain's part of a run may appear: First,
// First+Every, ... Count of them, in seconds after the domain began with the run.
// They follow from the terms alone, so that when a part appears tells at most
// Bits, however a guest spends its time. A run that misses the last slot is an
// incident, and gives nothing.
type Slots struct {
	First int64 `json:"first"`
	Every int64 `json:"every"`
	Count int   `json:"count"`
}

// Bounds of slots.
const (
	MaxSlotSeconds = 30 * 24 * 60 * 60
	MaxSlotCount   = 64
)

func (s Slots) check() error {
	if s.First < 1 || s.First > MaxSlotSeconds || s.Every < 1 || s.Every > MaxSlotSeconds || s.Count < 1 || s.Count > MaxSlotCount {
		return fmt.Errorf("slots: want a first and an interval of 1 second to 30 days, and 1 to %d of them", MaxSlotCount)
	}
	return nil
}

// Next is the first slot, of a run that began at began, that is not before now;
// false if there is none left. The zero Slots has none.
func (s Slots) Next(began, now time.Time) (time.Time, bool) {
	for k := range int64(s.Count) {
		if at := began.Add(time.Duration(s.First+k*s.Every) * time.Second); !at.Before(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// Last is the last slot of a run that began at began.
func (s Slots) Last(began time.Time) time.Time {
	return began.Add(time.Duration(s.First+int64(s.Count-1)*s.Every) * time.Second)
}

// Bits is how many bits the choice of a slot can tell: log2 of Count.
func (s Slots) Bits() float64 { return math.Log2(float64(max(1, s.Count))) }

// What DefaultSlots reckons with: a domain works on at least so many rows a
// second, and needs so long for anything.
const (
	slotRows  = 25_000
	slotStart = 3
)

// DefaultSlots are what terms have that name none: they follow from the number
// of rows, which is public, of the largest version that takes part.
func DefaultSlots(rows int64) Slots {
	rows = min(max(rows, 0), slotRows*MaxSlotSeconds)
	first := min(slotStart+(rows+slotRows-1)/slotRows, MaxSlotSeconds)
	return Slots{First: first, Every: min(max(10*first, 60), MaxSlotSeconds), Count: 4}
}
