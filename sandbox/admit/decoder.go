package admit

// A decoder reads WebAssembly's binary format. Its first error sticks: every
// later read gives zeros, and no read goes beyond the bytes it was given.
type decoder struct {
	b   []byte
	at  int
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = refuse(format, args...)
	}
	d.at = len(d.b)
}

func (d *decoder) more() bool { return d.err == nil && d.at < len(d.b) }

func (d *decoder) byte() byte {
	if d.at >= len(d.b) {
		d.fail("cut short")
		return 0
	}
	d.at++
	return d.b[d.at-1]
}

// zero reads one byte that must be 0.
func (d *decoder) zero() {
	if d.byte() != 0 {
		d.fail("a reserved byte is set")
	}
}

func (d *decoder) take(n uint32) []byte {
	if int64(n) > int64(len(d.b)-d.at) {
		d.fail("cut short")
		return nil
	}
	d.at += int(n)
	return d.b[d.at-int(n) : d.at]
}

// u32 reads an unsigned LEB128 of at most 32 bits.
func (d *decoder) u32() uint32 {
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		b := d.byte()
		if shift == 28 && b > 0x0f {
			break
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	d.fail("a number beyond 32 bits")
	return 0
}

// signed reads a signed LEB128 of at most the given number of bits.
func (d *decoder) signed(bits int) int64 {
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		b := d.byte()
		v |= int64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		used := bits - shift // bits of this byte that count
		if used < 7 {
			top := int8(b<<1) >> used //nolint:gosec // two's complement; sign and unused bits: all alike
			if top != 0 && top != -1 {
				break
			}
		}
		if shift+7 < 64 {
			v = v << (64 - shift - 7) >> (64 - shift - 7)
		}
		return v
	}
	d.fail("a number beyond %d bits", bits)
	return 0
}

// count reads the length of a vector whose elements take a byte at least.
func (d *decoder) count(limit int) int {
	n := d.u32()
	if int64(n) > int64(min(limit, len(d.b)-d.at)) {
		d.fail("a list of %d", n)
		return 0
	}
	return int(n)
}
