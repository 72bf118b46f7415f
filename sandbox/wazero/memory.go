package wazero

import (
	"bytes"
	"fmt"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

const (
	wasmPage = 64 << 10
	page     = 4 << 10 // of the machine; on one with larger pages it is no less right
)

// A memory is the address space of a guest's linear memory, as much as the
// permit grants, reserved before the first unit: so that growing never moves
// or asks for more, and the machine's state cannot show in whether a unit's
// memory.grow succeeds. Pages come into being when they are touched. Each
// instance in turn has it from the start, zeroed.
type memory struct {
	space []byte
	used  int // bytes that may not be zero
}

func reserve(pages uint32) (*memory, error) {
	space, err := anonymous(int(pages) * wasmPage)
	if err != nil {
		return nil, err
	}
	return &memory{space: space}, nil
}

// anonymous returns zeros that cost nothing until they are written.
func anonymous(n int) ([]byte, error) {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("reserving memory: %w", err)
	}
	return b, nil
}

func (m *memory) release() error { return syscall.Munmap(m.space) }

// clearing is the most that is zeroed by writing. Beyond it the pages are given
// back to the kernel, which costs more for each that is touched again, and
// leaves the others without memory.
const clearing = 256 << 10

// Allocate implements experimental.MemoryAllocator.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory {
	used := m.space[:m.used]
	if m.used = 0; len(used) <= clearing || syscall.Madvise(used, syscall.MADV_DONTNEED) != nil {
		clear(used)
	}
	return m
}

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.space)) {
		return nil
	}
	m.used = max(m.used, int(size)) //nolint:gosec // at most the space's length
	return m.space[:size:size]
}

// Free implements experimental.LinearMemory: the next instance has the same.
func (m *memory) Free() {}

// keep returns a copy of b, whose length is a multiple of wasmPage. What is
// zero in b costs no memory, and little time to compare with.
func keep(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	kept, err := anonymous(len(b))
	if err == nil {
		restore(kept, b)
	}
	return kept, err
}

// restore makes to the same as from, which is as long, and writes only to the
// pages that differ: a unit writes few, and reading is cheaper.
func restore(to, from []byte) {
	for len(to) > 0 {
		if !bytes.Equal(to[:page], from[:page]) {
			copy(to[:page], from)
		}
		to, from = to[page:], from[page:]
	}
}
