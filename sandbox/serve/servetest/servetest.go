// Package servetest makes the guest that engines and pipes are tried with at
// the edge of their limits. It is imported by tests alone.
package servetest

import (
	"encoding/binary"
	"slices"

	"github.com/yunei/yunei/jobs/abi"
)

const (
	page   = 1 << 16
	stride = 4096 // one word in so many bytes is read
)

// Memory returns how many pages Roomy's guest needs.
func Memory(input, emits int) uint32 {
	return uint32(1 + (input+page-1)/page + (emits*abi.EmitSize+page-1)/page)
}

// Roomy returns a guest with an input area of so many bytes, which hands over
// so many records at once: the first with cell 0, measure 0 and for its value
// Sum of the area, the others zero. Its limits are to grant Memory.
func Roomy(input, emits int) []byte {
	records := (1 + (input+page-1)/page) * page
	where := slices.Concat([]byte{0, 0x41}, signed(page), []byte{0x0b}) // i32.const page
	work := slices.Concat(
		[]byte{1, 2, 0x7f}, // two locals: a place, and the sum
		[]byte{0x41}, signed(page), []byte{0x21, 0},
		[]byte{0x03, 0x40, 0x20, 0, 0x28, 2, 0, 0x20, 1, 0x6a, 0x21, 1}, // loop: sum += the word at the place
		[]byte{0x20, 0, 0x41}, signed(stride), []byte{0x6a, 0x22, 0},
		[]byte{0x41}, signed(page+input), []byte{0x49, 0x0d, 0, 0x0b}, // and on, below the area's end
		[]byte{0x41}, signed(records), []byte{0x20, 1, 0x36, 2, 8}, // the sum is the low half of the value
		[]byte{0x41}, signed(records), []byte{0x41}, signed(emits), []byte{0x10, 0, 0x0b}, // emit
	)
	return slices.Concat(
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{3, 0x60, 2, 0x7f, 0x7f, 0, 0x60, 0, 1, 0x7f, 0x60, 0, 0}),
		section(2, []byte{1}, name(abi.ImportModule), name(abi.ImportEmit), []byte{0, 0}),
		section(3, []byte{2, 1, 2}),
		section(5, []byte{1, 0}, leb(int(Memory(input, emits)))),
		section(7, []byte{3}, name(abi.ExportMemory), []byte{2, 0}, name(abi.ExportInput), []byte{0, 1}, name(abi.ExportMap), []byte{0, 2}),
		section(10, []byte{2}, leb(len(where)), where, leb(len(work)), work),
	)
}

// Sum is what Roomy's guest makes of an area.
func Sum(area []byte) int64 {
	var sum uint32
	for ; len(area) >= 4; area = area[min(stride, len(area)):] {
		sum += binary.LittleEndian.Uint32(area)
	}
	return int64(sum)
}

func leb(v int) []byte { return binary.AppendUvarint(nil, uint64(v)) }

// signed is leb for a constant: its sign bit must be clear.
func signed(v int) []byte {
	var b []byte
	for ; v >= 1<<6; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

func name(s string) []byte { return append(leb(len(s)), s...) }

func section(id byte, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	return slices.Concat([]byte{id}, leb(len(content)), content)
}
