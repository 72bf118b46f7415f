// Package wire is what a parent and its runner say to each other, as frames on
// the runner's two pipes:
//
//	u32 length of the payload, u8 kind, payload
//
// all little-endian. The parent sends one Load, then Units as often as it
// likes; the runner answers Load with Ready or Refused (and, if Load asked to
// keep what was compiled, Compiled after Ready), and each Units with Results.
// Neither speaks unasked.
//
// Both sides take the other for hostile: the runner may have been taken over
// by its guest, and then every byte it sends is the guest's. So a reader says
// beforehand how long a frame may be, memory grows with the bytes that have
// arrived and never by a number that was read, and no kind of frame carries
// text. The package does not wait, start or judge; what a lie leads to is the
// caller's.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// MaxFrame bounds the payload of every frame, in bytes.
const MaxFrame = 64 << 20

const headSize = 5

// A Kind says what a frame is.
type Kind byte

// The kinds of frames. The parent's are below 0x80.
const (
	Load     Kind = 0x01 // a Program
	Units    Kind = 0x02 // a batch of areas
	Ready    Kind = 0x81 // the guest is initialised, and this is the jail it sits in
	Refused  Kind = 0x82 // it is not, for one Reason
	Results  Kind = 0x83 // one outcome and its emits for every unit of the batch
	Compiled Kind = 0x84 // the guest's compiled form, empty if there is none to keep
)

// A Reason says why a runner refused, and no more than that.
type Reason byte

// The reasons.
const (
	RefusedGuest    Reason = 1 // the guest does not compile or initialise
	RefusedJail     Reason = 2 // the jail could not be shut
	RefusedCompiled Reason = 3 // the compiled form is not one of this engine
)

// A Result is what one unit came to. OK is false if the guest trapped or met a
// limit; the unit then has no emits. Trace is nil unless the Program asked for
// it, which nobody does whose rows are real.
type Result struct {
	OK    bool
	Emits []abi.Emit
	Trace *Trace
}

const (
	outcomeFailed = 0
	outcomeOK     = 1
)

// begin and seal frame what is appended between them.
func begin(dst []byte, k Kind) (int, []byte) {
	return len(dst), append(dst, 0, 0, 0, 0, byte(k))
}

func seal(dst []byte, at int) ([]byte, error) {
	n := len(dst) - at - headSize
	if n > MaxFrame {
		return dst[:at], fmt.Errorf("framing %d bytes, more than %d: %w", n, MaxFrame, fault.Invalid)
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(n)) //nolint:gosec // 0 to MaxFrame
	return dst, nil
}

// AppendUnits appends a Units frame with one unit for each area.
func AppendUnits(dst []byte, areas [][]byte) ([]byte, error) {
	at, dst := begin(dst, Units)
	for _, a := range areas {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(a))) //nolint:gosec // seal refuses a frame with more than MaxFrame
		dst = append(dst, a...)
	}
	return seal(dst, at)
}

// ParseUnits appends the areas in the payload of a Units frame to dst; none is
// longer than limit. They share the payload's bytes.
func ParseUnits(dst [][]byte, b []byte, limit uint32) ([][]byte, error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return dst, fmt.Errorf("reading units: %d bytes left over: %w", len(b), fault.Invalid)
		}
		n := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if n > limit || uint64(n) > uint64(len(b)) {
			return dst, fmt.Errorf("reading units: an area of %d bytes: %w", n, fault.Invalid)
		}
		dst, b = append(dst, b[:n:n]), b[n:]
	}
	return dst, nil
}

// AppendReady appends a Ready frame with the jail's level.
func AppendReady(dst []byte, level uint16) ([]byte, error) {
	at, dst := begin(dst, Ready)
	return seal(binary.LittleEndian.AppendUint16(dst, level), at)
}

// ParseReady reads the payload of a Ready frame.
func ParseReady(b []byte) (level uint16, err error) {
	if len(b) != 2 {
		return 0, fmt.Errorf("reading ready: %d bytes: %w", len(b), fault.Tampered)
	}
	return binary.LittleEndian.Uint16(b), nil
}

// AppendRefused appends a Refused frame.
func AppendRefused(dst []byte, r Reason) ([]byte, error) {
	at, dst := begin(dst, Refused)
	return seal(append(dst, byte(r)), at)
}

// ParseRefused reads the payload of a Refused frame.
func ParseRefused(b []byte) (Reason, error) {
	if len(b) != 1 || Reason(b[0]) < RefusedGuest || Reason(b[0]) > RefusedCompiled {
		return 0, fmt.Errorf("reading refused: %d bytes: %w", len(b), fault.Tampered)
	}
	return Reason(b[0]), nil
}

// AppendCompiled appends a Compiled frame.
func AppendCompiled(dst, compiled []byte) ([]byte, error) {
	at, dst := begin(dst, Compiled)
	return seal(append(dst, compiled...), at)
}

// BeginResults opens a Results frame; AppendResult adds a unit to it, and
// SealResults, given what BeginResults returned first, closes it.
func BeginResults(dst []byte) (at int, frame []byte) { return begin(dst, Results) }

// AppendResult appends the result of one unit: its records as the guest wrote
// them (16 bytes each), or none if it failed. In a rehearsal AppendTrace
// follows it.
func AppendResult(dst []byte, ok bool, records []byte) []byte {
	if !ok {
		return append(dst, outcomeFailed, 0, 0, 0, 0)
	}
	dst = append(dst, outcomeOK)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(records)/abi.EmitSize)) //nolint:gosec // seal refuses a frame with more than MaxFrame
	return append(dst, records...)
}

// SealResults closes the frame that was begun at at.
func SealResults(frame []byte, at int) ([]byte, error) { return seal(frame, at) }

const resultHead = 1 + 4

// Asked is what a Results frame is to answer: so many units, of so many emits
// at most each, with their traces or without.
type Asked struct {
	Units int
	Emits uint32
	Trace bool
}

// Size returns the length of the longest honest payload.
func (a Asked) Size() int {
	each := resultHead + int(a.Emits)*abi.EmitSize
	if a.Trace {
		each += traceHead + MaxLog
	}
	return a.Units * each
}

// ParseResults appends the results that were asked for to dst, no more and no
// fewer. What it allocates is bounded by len(b).
func ParseResults(dst []Result, b []byte, a Asked) ([]Result, error) {
	results, err := new(Parser).Results(b, a)
	return append(dst, results...), err
}

// A Parser parses results into memory that it keeps from call to call.
type Parser struct {
	results []Result
	records []abi.Emit
}

// Results is ParseResults; what it returns is good until the next call.
func (p *Parser) Results(b []byte, a Asked) ([]Result, error) {
	p.records = slices.Grow(p.records[:0], len(b)/abi.EmitSize)
	dst, records := p.results[:0], p.records
	defer func() { p.results, p.records = dst, records[:0] }()
	for range a.Units {
		var r Result
		var err error
		if r, records, b, err = parseResult(b, records, a.Emits); err != nil {
			return dst, err
		}
		if a.Trace {
			if r.Trace, b, err = parseTrace(b, r.OK); err != nil {
				return dst, err
			}
		}
		dst = append(dst, r)
	}
	if len(b) > 0 {
		return dst, fmt.Errorf("reading results: %d bytes left over: %w", len(b), fault.Tampered)
	}
	return dst, nil
}

func parseResult(b []byte, records []abi.Emit, emits uint32) (Result, []abi.Emit, []byte, error) {
	if len(b) < resultHead {
		return Result{}, records, b, fmt.Errorf("reading results: too few: %w", fault.Tampered)
	}
	outcome, n := b[0], binary.LittleEndian.Uint32(b[1:])
	b = b[resultHead:]
	if n > emits || uint64(n)*abi.EmitSize > uint64(len(b)) || outcome > outcomeOK || (outcome == outcomeFailed && n > 0) {
		return Result{}, records, b, fmt.Errorf("reading results: outcome %d with %d emits: %w", outcome, n, fault.Tampered)
	}
	first := len(records)
	size := int(n) * abi.EmitSize
	records, err := abi.DecodeEmits(records, b[:size])
	if err != nil {
		return Result{}, records, b, fmt.Errorf("reading results: %w", err)
	}
	return Result{OK: outcome == outcomeOK, Emits: records[first:len(records):len(records)]}, records, b[size:], nil
}

// A Reader reads frames. Its zero value is not usable: call NewReader.
type Reader struct {
	from io.Reader
	buf  []byte
}

// NewReader returns a Reader of frames from r.
func NewReader(r io.Reader) *Reader { return &Reader{from: r} }

// step is by how much a Reader's memory may run ahead of what has arrived.
const step = 256 << 10

// Next returns the next frame, whose payload may be at most limit bytes long.
// The payload is good until the next call. The end of the stream between two
// frames is io.EOF.
func (r *Reader) Next(limit int) (Kind, []byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r.from, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, nil, io.EOF
		}
		return 0, nil, fmt.Errorf("reading frame: %w", err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if int64(n) > int64(min(limit, MaxFrame)) {
		return 0, nil, fmt.Errorf("reading frame: %d bytes, more than %d: %w", n, limit, fault.Tampered)
	}
	r.buf = r.buf[:0]
	for left := int(n); left > 0; {
		part := min(left, step)
		at := len(r.buf)
		if cap(r.buf)-at < part {
			r.buf = append(make([]byte, 0, at+max(at, part)), r.buf...)
		}
		r.buf = r.buf[:at+part]
		if _, err := io.ReadFull(r.from, r.buf[at:]); err != nil {
			return 0, nil, fmt.Errorf("reading frame: %d bytes missing: %w", left, io.ErrUnexpectedEOF)
		}
		left -= part
	}
	return Kind(head[4]), r.buf, nil
}
