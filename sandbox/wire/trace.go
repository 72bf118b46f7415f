package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/limits"
)

// An Outcome says how one visit ended. Outside a rehearsal nobody is told:
// all but Returned look alike.
type Outcome byte

// The outcomes.
const (
	Returned     Outcome = iota + 1 // from yunei_map, within its limits
	Trapped                         // at an operator of its own
	OutOfFuel                       // of Limits.Fuel, or of what initialising may use
	TooDeep                         // calls within calls
	TooManyEmits                    // more than Limits.Emits
	BadEmit                         // records that are not in its memory
	TooManyCalls                    // of WASI
	Exited                          // proc_exit
	NoArea                          // the area does not fit where yunei_abi_v1 said, or beyond Limits.Input
	outcomesEnd
)

var outcomes = [outcomesEnd]string{
	"none", "returned", "trapped", "out of fuel", "too deep", "too many emits", "an emit outside of its memory",
	"too many calls of WASI", "exited", "no room for the area",
}

// String names the outcome, for people.
func (o Outcome) String() string {
	if o >= outcomesEnd {
		return outcomes[0]
	}
	return outcomes[o]
}

// MaxLog bounds what is kept of what one visit writes, in bytes.
const MaxLog = 64 << 10

// A Trace is what one visit of a rehearsal used and said.
type Trace struct {
	Outcome Outcome
	Fuel    uint64 // of Limits.Fuel, in metered operators
	Pages   uint32 // of 64 KiB of memory, at the end
	Log     []byte // what it wrote to descriptors 1 and 2, the first MaxLog bytes
}

const traceHead = 1 + 8 + 4 + 4

// AppendTrace appends the trace of the unit whose result is the last in dst.
func AppendTrace(dst []byte, t Trace) []byte {
	log := t.Log[:min(len(t.Log), MaxLog)]
	dst = append(dst, byte(t.Outcome))
	dst = binary.LittleEndian.AppendUint64(dst, t.Fuel)
	dst = binary.LittleEndian.AppendUint32(dst, t.Pages)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(log))) //nolint:gosec // at most MaxLog
	return append(dst, log...)
}

// parseTrace reads the trace at the start of b and returns what follows it.
func parseTrace(b []byte, ok bool) (*Trace, []byte, error) {
	if len(b) < traceHead {
		return nil, b, fmt.Errorf("reading trace: too short: %w", fault.Tampered)
	}
	t := &Trace{Outcome: Outcome(b[0]), Fuel: binary.LittleEndian.Uint64(b[1:]), Pages: binary.LittleEndian.Uint32(b[9:])}
	n := binary.LittleEndian.Uint32(b[13:])
	b = b[traceHead:]
	if t.Outcome == 0 || t.Outcome >= outcomesEnd || (t.Outcome == Returned) != ok ||
		t.Fuel > limits.MaxFuel || t.Pages > limits.MaxMemory || n > MaxLog || int(n) > len(b) {
		return nil, b, fmt.Errorf("reading trace: outcome %d, fuel %d, %d pages, a log of %d bytes: %w", t.Outcome, t.Fuel, t.Pages, n, fault.Tampered)
	}
	t.Log = bytes.Clone(b[:n])
	return t, b[n:], nil
}
