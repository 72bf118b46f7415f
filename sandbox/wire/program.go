package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/limits"
)

// A Program is what a runner is to run: Module, the guest in its admitted
// form, or Compiled, what an engine of the same build once made of it. Its
// zero value grants nothing and traces nothing.
type Program struct {
	Limits limits.Limits
	Trace  bool // every result is followed by its Trace: for rehearsals, on rows that were made up
	Fresh  bool // every unit gets a fresh instance, whatever faster way there is
	Keep   bool // Compiled is wanted back

	Module, Compiled []byte
}

// MaxCompiled bounds a compiled form, so that a Load frame can carry it.
const MaxCompiled = MaxFrame - 4<<10

// The flags of a Load frame.
const (
	flagTrace = 1 << iota
	flagFresh
	flagKeep
	flagsEnd
)

func (p Program) flags() byte {
	var f byte
	for i, set := range [...]bool{p.Trace, p.Fresh, p.Keep} {
		if set {
			f |= 1 << i
		}
	}
	return f
}

// AppendLoad appends a Load frame: the limits (fuel u64, memory, input, rows,
// emits u32), the flags u8, the length of the module u32, the module, and the
// compiled form to the end.
func AppendLoad(dst []byte, p Program) ([]byte, error) {
	at, dst := begin(dst, Load)
	dst = binary.LittleEndian.AppendUint64(dst, p.Limits.Fuel)
	for _, v := range [...]uint32{p.Limits.Memory, p.Limits.Input, p.Limits.Rows, p.Limits.Emits} {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	dst = append(dst, p.flags())
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p.Module))) //nolint:gosec // seal refuses a frame with more than MaxFrame
	return seal(append(append(dst, p.Module...), p.Compiled...), at)
}

// ParseLoad reads the payload of a Load frame. Module and Compiled share its
// bytes.
func ParseLoad(b []byte) (Program, error) {
	const fixed = 8 + 4*4 + 1 + 4
	if len(b) < fixed {
		return Program{}, fmt.Errorf("reading load: %d bytes: %w", len(b), fault.Invalid)
	}
	p := Program{Limits: limits.Limits{
		Fuel:   binary.LittleEndian.Uint64(b),
		Memory: binary.LittleEndian.Uint32(b[8:]),
		Input:  binary.LittleEndian.Uint32(b[12:]),
		Rows:   binary.LittleEndian.Uint32(b[16:]),
		Emits:  binary.LittleEndian.Uint32(b[20:]),
	}}
	if err := p.Limits.Check(); err != nil {
		return Program{}, fmt.Errorf("reading load: %w", err)
	}
	flags, n := b[24], binary.LittleEndian.Uint32(b[25:])
	b = b[fixed:]
	if flags >= flagsEnd || uint64(n) > uint64(len(b)) {
		return Program{}, fmt.Errorf("reading load: flags %#x, a module of %d bytes: %w", flags, n, fault.Invalid)
	}
	p.Trace, p.Fresh, p.Keep = flags&flagTrace != 0, flags&flagFresh != 0, flags&flagKeep != 0
	p.Module, p.Compiled = b[:n:n], b[n:]
	return p, nil
}
