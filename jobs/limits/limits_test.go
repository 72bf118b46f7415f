package limits

import (
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
)

func TestLimits(t *testing.T) {
	most := Limits{Fuel: MaxFuel, Memory: MaxMemory, Input: MaxInput, Rows: MaxRows, Emits: MaxEmits}
	least := Limits{Fuel: 1, Memory: 1, Input: 1, Rows: 1, Emits: 1}
	if err := errors.Join(most.Check(), least.Check()); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(l *Limits, beyond bool){
		"fuel":   func(l *Limits, beyond bool) { l.Fuel = pick[uint64](beyond, MaxFuel+1) },
		"memory": func(l *Limits, beyond bool) { l.Memory = pick[uint32](beyond, MaxMemory+1) },
		"input":  func(l *Limits, beyond bool) { l.Input = pick[uint32](beyond, MaxInput+1) },
		"rows":   func(l *Limits, beyond bool) { l.Rows = pick[uint32](beyond, MaxRows+1) },
		"emits":  func(l *Limits, beyond bool) { l.Emits = pick[uint32](beyond, MaxEmits+1) },
	} {
		for _, beyond := range []bool{false, true} {
			l := most
			edit(&l, beyond)
			if err := l.Check(); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s, beyond its bound %v: %v", name, beyond, err)
			}
		}
	}
}

func pick[T uint32 | uint64](beyond bool, over T) T {
	if beyond {
		return over
	}
	return 0
}
