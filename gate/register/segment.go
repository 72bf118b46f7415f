package register

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/yunei/yunei/fault"
)

// A history is stored as a chain of segments, one for each Add, Withdraw and
// Hide. A segment holds what that step changed, not what the domain
// contributed: a release over old units is a column over atoms, a few tens of
// kilobytes for a million units. Each segment carries its number and the
// digest of the one before, and the digest of the last is the head. Whoever
// stores them seals them, and keeps the head where the segments are not.

const magic = "yunei register 2\n"

// maxRaw bounds an unpacked segment; flate packs at most 1032 to 1 (RFC 1951).
const maxRaw = 1 << 29

// The kinds of step.
const (
	kindDelta      = 1
	kindWithdrawal = 2
	kindHiding     = 3
)

// Head is the digest of the last segment; that of an empty register is zero.
func (r *Register) Head() [sha256.Size]byte { return r.last }

// Parse rebuilds a register from all its segments in order. A segment that is
// missing, of another place, or altered is fault.Tampered.
func Parse(segments [][]byte, head [sha256.Size]byte) (*Register, error) {
	r := New()
	for i, b := range segments {
		if err := r.replay(b); err != nil {
			return nil, fmt.Errorf("reading segment %d of the register: %w", i, err)
		}
	}
	if r.last != head {
		return nil, fmt.Errorf("reading the register: %d segments do not lead to its head: %w", len(segments), fault.Tampered)
	}
	return r, nil
}

// seal makes a segment of a step and moves the head. The digests of new units
// stand beside the packed part, since they do not pack.
func (r *Register) seal(raw []byte, fresh [][16]byte) ([]byte, error) {
	b := []byte(magic)
	b = binary.AppendUvarint(b, r.seq)
	b = append(b, r.last[:]...)
	b = binary.AppendUvarint(b, uint64(len(fresh)))
	for i := range fresh {
		b = append(b, fresh[i][:]...)
	}
	out := bytes.NewBuffer(b)
	w, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("packing a segment: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return nil, fmt.Errorf("packing a segment: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing a segment: %w", err)
	}
	r.seq++
	r.last = sha256.Sum256(out.Bytes())
	return out.Bytes(), nil
}

// replay takes the step of one segment.
func (r *Register) replay(b []byte) error {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return fmt.Errorf("not a segment: %w", fault.Tampered)
	}
	p := reader{b: rest}
	seq, prev := p.number(), p.bytes(sha256.Size)
	fresh := make([][16]byte, p.count(16))
	for i := range fresh {
		copy(fresh[i][:], p.bytes(16))
	}
	if p.bad || seq != r.seq || !bytes.Equal(prev, r.last[:]) {
		return fmt.Errorf("segment %d where %d is due: %w", seq, r.seq, fault.Tampered)
	}
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(p.b)), maxRaw+1))
	if err != nil {
		return fmt.Errorf("unpacking: %w: %w", err, fault.Tampered)
	}
	if len(raw) > maxRaw {
		return fmt.Errorf("unpacking more than %d bytes: %w", maxRaw, fault.Tampered)
	}
	if err := r.take(raw, fresh); err != nil {
		return err
	}
	r.seq++
	r.last = sha256.Sum256(b)
	return nil
}

// take applies an unpacked step.
func (r *Register) take(raw []byte, fresh [][16]byte) error {
	p := reader{b: raw}
	kind := p.number()
	switch kind {
	case kindDelta:
		d := p.delta()
		d.fresh = fresh
		if p.bad || len(p.b) > 0 {
			return fmt.Errorf("a release that cannot be read: %w", fault.Tampered)
		}
		if err := d.rel.check(); err != nil {
			return fmt.Errorf("release %q: %w", d.rel.ID, err)
		}
		return r.apply(d)
	case kindWithdrawal, kindHiding:
		id := p.text()
		var items []int32
		if kind == kindHiding {
			items = p.set()
		}
		k, err := r.find(id)
		if p.bad || len(p.b) > 0 || err != nil {
			return fmt.Errorf("a step on release %q that cannot be taken: %w", id, fault.Tampered)
		}
		if kind == kindHiding {
			return r.hide(k, items)
		}
		r.releases[k].gone = true
		return nil
	}
	return fmt.Errorf("a step of kind %d: %w", kind, fault.Tampered)
}

func encodeWithdrawal(id string) []byte {
	return appendText(binary.AppendUvarint(nil, kindWithdrawal), id)
}

func encodeHiding(id string, items []int32) []byte {
	return appendSet(appendText(binary.AppendUvarint(nil, kindHiding), id), items)
}

func encodeDelta(d *delta) []byte {
	b := binary.AppendUvarint(nil, kindDelta)
	b = appendText(b, d.rel.ID)
	b = binary.AppendUvarint(b, uint64(len(d.rel.Members)))
	for _, m := range d.rel.Members {
		b = appendText(b, m)
	}
	b = appendText(b, d.rel.Query)
	b = binary.AppendUvarint(b, narrow[uint64](d.rel.Cells))
	b = binary.AppendUvarint(b, narrow[uint64](d.rel.Measures))
	b = binary.AppendUvarint(b, uint64(len(d.rel.Items)))
	for _, item := range d.rel.Items {
		b = appendSet(b, item)
	}
	b = appendSet(b, d.rel.Hidden)
	b = append(b, byte(b2i(d.rel.Refused))) //nolint:gosec // 0 or 1
	if d.blind {
		return append(b, 1)
	}
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(len(d.values)))
	last := uint32(0)
	for _, w := range d.values {
		b = binary.AppendUvarint(b, uint64(w.unit-last))
		b = binary.AppendVarint(b, w.value)
		last = w.unit
	}
	b = binary.AppendUvarint(b, uint64(len(d.splits)))
	for _, s := range d.splits {
		b = binary.AppendUvarint(b, uint64(s.parent))
		b = binary.AppendUvarint(b, uint64(len(s.units)))
		last = 0
		for _, u := range s.units {
			b = binary.AppendUvarint(b, uint64(u-last))
			last = u
		}
	}
	b = binary.AppendUvarint(b, narrow[uint64](d.same+1))
	if d.same >= 0 {
		return b
	}
	return appendColumn(b, &d.col)
}

func appendColumn(b []byte, c *column) []byte {
	b = binary.AppendUvarint(b, uint64(len(c.of)))
	for _, p := range c.of {
		b = binary.AppendUvarint(b, uint64(p))
	}
	b = binary.AppendUvarint(b, narrow[uint64](len(c.off)-1))
	for p := range len(c.off) - 1 {
		b = binary.AppendUvarint(b, uint64(c.off[p+1]-c.off[p]))
	}
	for _, x := range c.cell {
		b = binary.AppendUvarint(b, uint64(x))
	}
	for _, l := range c.label {
		b = binary.AppendUvarint(b, uint64(l))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendSet(b []byte, s []int32) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	last := int32(0)
	for _, x := range s {
		b = binary.AppendVarint(b, int64(x)-int64(last))
		last = x
	}
	return b
}

// A reader takes a segment apart. After the first thing that does not hold it
// is bad and yields zeros. It allocates no more than the bytes that are left.
type reader struct {
	b   []byte
	bad bool
}

func (p *reader) number() uint64 {
	x, n := binary.Uvarint(p.b)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.b = p.b[n:]
	return x
}

func (p *reader) fail() { p.b, p.bad = nil, true }

// upTo reads a number of at most most.
func (p *reader) upTo(most uint64) uint64 {
	x := p.number()
	if x > most {
		p.fail()
		return 0
	}
	return x
}

func (p *reader) signed() int64 {
	x, n := binary.Varint(p.b)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.b = p.b[n:]
	return x
}

// count reads a number of things that take at least size bytes each.
func (p *reader) count(size int) int { return narrow[int](p.countWith(size)) }

func (p *reader) countWith(size int) uint64 {
	x := p.number()
	if x > narrow[uint64](len(p.b)/size) {
		p.fail()
		return 0
	}
	return x
}

func (p *reader) bytes(n int) []byte {
	if n > len(p.b) {
		p.fail()
		return make([]byte, n)
	}
	out := p.b[:n]
	p.b = p.b[n:]
	return out
}

func (p *reader) text() string { return string(p.bytes(p.count(1))) }

func (p *reader) set() []int32 {
	var out []int32
	last := int64(0)
	for range p.count(1) {
		last += p.signed()
		if last < 0 || last > maxItems {
			p.fail()
			return nil
		}
		out = append(out, int32(last))
	}
	return out
}

func (p *reader) delta() *delta {
	d := &delta{}
	d.rel.ID = p.text()
	for range p.count(1) {
		d.rel.Members = append(d.rel.Members, p.text())
	}
	d.rel.Query = p.text()
	d.rel.Cells = narrow[int](p.upTo(maxCells))
	d.rel.Measures = narrow[int](p.upTo(maxMeasures))
	for range p.count(1) {
		d.rel.Items = append(d.rel.Items, p.set())
	}
	d.rel.Hidden = p.set()
	d.rel.Refused = p.upTo(1) == 1
	if d.blind = p.upTo(1) == 1; d.blind {
		return d
	}
	unit := uint64(0)
	for range p.count(2) {
		unit += p.upTo(maxUnits)
		v := p.signed()
		if unit > maxUnits || v > maxValue || v < -maxValue {
			p.fail()
		}
		d.values = append(d.values, worth{narrow[uint32](unit), v})
	}
	for range p.count(2) {
		d.splits = append(d.splits, p.split())
	}
	d.same = narrow[int](p.upTo(1<<31)) - 1
	if d.same < 0 {
		d.col = p.column(d.rel.Measures)
	}
	return d
}

func (p *reader) split() split {
	s := split{parent: narrow[uint32](p.upTo(maxAtoms))}
	unit := uint64(0)
	n := p.count(1)
	s.units = make([]uint32, 0, n)
	for range n {
		unit += p.upTo(maxUnits)
		if unit > maxUnits {
			p.fail()
		}
		s.units = append(s.units, narrow[uint32](unit))
	}
	return s
}

func (p *reader) column(measures int) column {
	c := column{of: make([]uint32, p.count(1)), measures: measures}
	for a := range c.of {
		c.of[a] = narrow[uint32](p.upTo(1 << 31))
	}
	c.off = make([]uint32, p.count(1)+1)
	total := uint64(0)
	for i := range len(c.off) - 1 {
		total += p.upTo(maxCells)
		if total > uint64(len(p.b)) {
			p.fail()
			total = 0
		}
		c.off[i+1] = uint32(total)
	}
	c.cell = make([]uint32, total)
	for i := range c.cell {
		c.cell[i] = narrow[uint32](p.upTo(maxCells))
	}
	if total*narrow[uint64](measures) > uint64(len(p.b)) {
		p.fail()
	}
	c.label = make([]uint16, 0, min(int(total)*measures, len(p.b)))
	for range int(total) * measures {
		if p.bad {
			break
		}
		c.label = append(c.label, narrow[uint16](p.upTo(maxLabel)))
	}
	patterns := narrow[uint32](len(c.off) - 1)
	if len(c.of) == 0 || c.of[0] != 0 || patterns == 0 || c.off[min(1, patterns)] != 0 ||
		slices.ContainsFunc(c.of, func(x uint32) bool { return x >= patterns }) {
		p.fail()
	}
	return c
}
