// Package limits is what a guest may use for one visit: one privacy unit, or a
// batch or a block of them where the permit says so. It stands by itself, below
// package jobs, so that a runner, which must know limits, links nothing of
// permits, signatures or keys.
package limits

import (
	"fmt"

	"github.com/yunei/yunei/fault"
)

// Limits bound what a guest may use for one visit: one unit, batch or block.
// They are deterministic: a visit that meets one fails, on every machine and on
// every run alike. Rows alone is of one unit, so that how much of a unit is
// seen depends on no other. The zero Limits grants nothing.
type Limits struct {
	Fuel   uint64 `json:"fuel"`   // metered operators of one visit
	Memory uint32 `json:"memory"` // pages of 64 KiB of linear memory, at most
	Input  uint32 `json:"input"`  // bytes of the input area, header included
	Rows   uint32 `json:"rows"`   // rows of one unit; later ones (in canonical order) are left out
	Emits  uint32 `json:"emits"`  // records that one visit may emit
}

// The largest limits that a permit may grant.
const (
	MaxFuel   = 1 << 40
	MaxMemory = 4096 // 256 MiB
	MaxInput  = 16 << 20
	MaxRows   = 1 << 16
	MaxEmits  = 1 << 20
)

// Check reports whether every limit is granted and none is beyond its bound.
func (l Limits) Check() error {
	for _, b := range []struct {
		name     string
		got, max uint64
	}{
		{"fuel", l.Fuel, MaxFuel},
		{"memory", uint64(l.Memory), MaxMemory},
		{"input", uint64(l.Input), MaxInput},
		{"rows", uint64(l.Rows), MaxRows},
		{"emits", uint64(l.Emits), MaxEmits},
	} {
		if b.got == 0 || b.got > b.max {
			return fmt.Errorf("limits: %s is %d, want 1 to %d: %w", b.name, b.got, b.max, fault.Invalid)
		}
	}
	return nil
}
