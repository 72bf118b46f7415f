package jobs

import (
	"math"
	"testing"
	"time"
)

func TestNextSlot(t *testing.T) {
	s := Slots{First: 3, Every: 60, Count: 3}
	for _, c := range []struct {
		after, want time.Duration // since noon, when the run was booked; 0: none
	}{
		{-time.Hour, 3 * time.Second}, // a clock that was set back
		{0, 3 * time.Second},
		{3 * time.Second, 3 * time.Second},
		{3*time.Second + 1, 63 * time.Second},
		{63 * time.Second, 63 * time.Second},
		{64 * time.Second, 123 * time.Second},
		{123 * time.Second, 123 * time.Second},
		{123*time.Second + 1, 0},
		{1000 * time.Hour, 0},
	} {
		at, ok := s.Next(noon, noon.Add(c.after))
		if ok != (c.want != 0) || ok && !at.Equal(noon.Add(c.want)) {
			t.Errorf("%v after: %v, %v, want %v after", c.after, at, ok, c.want)
		}
	}
	if _, ok := (Slots{}).Next(noon, noon); ok {
		t.Error("no slots have a slot")
	}
	longest := Slots{First: MaxSlotSeconds, Every: MaxSlotSeconds, Count: MaxSlotCount}
	if at, ok := longest.Next(noon, noon.AddDate(5, 0, 0)); !ok || !at.Equal(noon.AddDate(0, 0, 30*61)) {
		t.Errorf("the longest slots: %v, %v", at, ok)
	}
}

func TestSlotBits(t *testing.T) {
	for count, want := range map[int]float64{0: 0, 1: 0, 2: 1, 4: 2, 64: 6} {
		if got := (Slots{Count: count}).Bits(); got != want {
			t.Errorf("%d slots tell %v bits, want %v", count, got, want)
		}
	}
}

func TestSlotsCheck(t *testing.T) {
	most := Slots{First: MaxSlotSeconds, Every: MaxSlotSeconds, Count: MaxSlotCount}
	for _, good := range []Slots{{1, 1, 1}, most} {
		if err := good.check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []Slots{
		{},
		{0, 1, 1},
		{1, 0, 1},
		{1, 1, 0},
		{-1, 1, 1},
		{1, -1, 1},
		{1, 1, -1},
		{most.First + 1, 1, 1},
		{1, most.Every + 1, 1},
		{1, 1, most.Count + 1},
	} {
		if bad.check() == nil {
			t.Errorf("%+v are slots", bad)
		}
	}
}

func TestDefaultSlots(t *testing.T) {
	for rows, want := range map[int64]Slots{
		-5:            {3, 60, 4},
		0:             {3, 60, 4},
		1:             {4, 60, 4},
		25_000:        {4, 60, 4},
		25_001:        {5, 60, 4},
		150_000:       {9, 90, 4},
		50_000_000:    {2003, 20030, 4},
		math.MaxInt64: {MaxSlotSeconds, MaxSlotSeconds, 4},
	} {
		got := DefaultSlots(rows)
		if got != want || got.check() != nil {
			t.Errorf("%d rows: %+v, want %+v", rows, got, want)
		}
	}
}
