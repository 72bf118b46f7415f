package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/admit"
)

// Here an author's own module is taken apart to explain what admission says of
// it. Whether it is admitted is decided by package admit alone; what is read
// here gives names and offsets to that answer, and a module that it cannot
// read is explained by the answer alone.

func readUpTo(r io.Reader, n int64) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, n))
}

// An anatomy is where what stands in a module. Offsets count bytes from its
// start.
type anatomy struct {
	types    [][]byte // each as it is spelled
	imports  []imported
	exports  map[string]exported
	memories []pages
	start    int // offset of a start section, 0 if there is none
	bodies   []extent
	names    map[uint32]string // of functions, from the name section
	funcs    int               // imported
	cut      error             // what ended the reading early
}

type imported struct {
	module, name string
	kind         byte
	typ          uint32 // of a function
	at           int
}

type exported struct {
	kind byte
	at   int
}

type pages struct {
	min, max uint32
	bounded  bool
	flags    byte
	at       int
}

// An extent is the code of one function.
type extent struct{ at, size int }

var errCut = errors.New("the module is cut short")

// A cursor reads a module. It never reads beyond its bytes, and after the
// first error reads zeros.
type cursor struct {
	b   []byte
	at  int
	err error
}

func (c *cursor) byte() byte {
	if c.err != nil || c.at >= len(c.b) {
		c.err = errCut
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

func (c *cursor) u32() uint32 {
	v, n := binary.Uvarint(c.b[c.at:])
	if c.err != nil || n <= 0 || v > 1<<32-1 {
		c.err = errCut
		return 0
	}
	c.at += n
	return uint32(v)
}

func (c *cursor) take(n uint32) []byte {
	if c.err != nil || int64(n) > int64(len(c.b)-c.at) {
		c.err = errCut
		return nil
	}
	c.at += int(n)
	return c.b[c.at-int(n) : c.at]
}

func (c *cursor) text() string { return string(c.take(c.u32())) }

// each calls fn as often as a list says that it has elements, and no oftener
// than there are bytes.
func (c *cursor) each(fn func(i uint32)) {
	n := c.u32()
	for i := uint32(0); i < n && c.err == nil; i++ {
		fn(i)
	}
}

const wasmHead = "\x00asm\x01\x00\x00\x00"

func dissect(module []byte) *anatomy {
	a := &anatomy{exports: map[string]exported{}, names: map[uint32]string{}}
	if !bytes.HasPrefix(module, []byte(wasmHead)) {
		a.cut = errors.New("it does not begin with \\0asm and version 1")
		return a
	}
	c := &cursor{b: module, at: len(wasmHead)}
	for c.err == nil && c.at < len(module) {
		id, size := c.byte(), c.u32()
		first := c.at
		c.take(size)
		if c.err != nil {
			break
		}
		in := &cursor{b: module[:first+int(size)], at: first}
		a.section(id, in)
		if a.cut == nil && in.err != nil {
			a.cut = fmt.Errorf("section %d at offset %#x: %w", id, first, in.err)
		}
	}
	if c.err != nil && a.cut == nil {
		a.cut = c.err
	}
	return a
}

// Sections that are looked into.
const (
	idCustom, idType, idImport = 0, 1, 2
	idMemory, idExport         = 5, 7
	idStart, idCode            = 8, 10
)

func (a *anatomy) section(id byte, c *cursor) {
	switch id {
	case idCustom:
		if c.text() == "name" {
			a.readNames(c)
		}
	case idType:
		c.each(func(uint32) { a.readType(c) })
	case idImport:
		c.each(func(uint32) { a.readImport(c) })
	case idMemory:
		c.each(func(uint32) { a.readMemory(c) })
	case idExport:
		c.each(func(uint32) {
			e := exported{at: c.at}
			name := c.text()
			e.kind = c.byte()
			c.u32()
			a.exports[name] = e
		})
	case idStart:
		a.start = c.at
	case idCode:
		c.each(func(uint32) {
			n := c.u32()
			a.bodies = append(a.bodies, extent{c.at, int(n)})
			c.take(n)
		})
	}
}

func (a *anatomy) readType(c *cursor) {
	first := c.at
	c.byte()
	c.take(c.u32())
	c.take(c.u32())
	if c.err == nil {
		a.types = append(a.types, c.b[first:c.at])
	}
}

func (a *anatomy) readImport(c *cursor) {
	i := imported{at: c.at}
	i.module, i.name, i.kind = c.text(), c.text(), c.byte()
	switch i.kind {
	case 0:
		i.typ = c.u32()
		a.funcs++
	case 1:
		c.byte()
		readPages(c)
	case 2:
		p := readPages(c)
		p.at = i.at
		a.memories = append(a.memories, p)
	case 3:
		c.take(2)
	default:
		c.err = errCut
	}
	if c.err == nil {
		a.imports = append(a.imports, i)
	}
}

func readPages(c *cursor) pages {
	p := pages{flags: c.byte()}
	p.min = c.u32()
	if p.bounded = p.flags&1 != 0; p.bounded {
		p.max = c.u32()
	}
	return p
}

func (a *anatomy) readMemory(c *cursor) {
	at := c.at
	p := readPages(c)
	p.at = at
	a.memories = append(a.memories, p)
}

// readNames reads the names of functions, if the module was not stripped.
func (a *anatomy) readNames(c *cursor) {
	const functions = 1
	for c.err == nil && c.at < len(c.b) {
		id, size := c.byte(), c.u32()
		if id != functions {
			c.take(size)
			continue
		}
		c.each(func(uint32) {
			i := c.u32()
			a.names[i] = c.text()
		})
	}
}

// allowed reports whether admission lets an import through. It asks admission
// itself, with a module that has this import and is otherwise as small as can
// be: so the answer is never that of another list.
func (a *anatomy) allowed(i imported) bool {
	if i.kind != 0 || int64(i.typ) >= int64(len(a.types)) {
		return false
	}
	_, err := admit.Admit(probe(i, a.types[i.typ]), mostLimits)
	return err == nil
}

func probe(i imported, typ []byte) []byte {
	section := func(out []byte, id byte, content []byte) []byte {
		return append(binary.AppendUvarint(append(out, id), uint64(len(content))), content...)
	}
	text := func(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }
	out := section([]byte(wasmHead), idType, append(append([]byte{3}, typ...), 0x60, 0, 1, 0x7f, 0x60, 0, 0))
	out = section(out, idImport, append(append(append([]byte{1}, text(i.module)...), text(i.name)...), 0, 0))
	out = section(out, 3, []byte{2, 1, 2})
	out = section(out, idMemory, []byte{1, 0, 1})
	exports := append(append([]byte{3}, text(abi.ExportMemory)...), 2, 0)
	exports = append(append(exports, text(abi.ExportInput)...), 0, 1)
	out = section(out, idExport, append(append(exports, text(abi.ExportMap)...), 0, 2))
	return section(out, idCode, []byte{2, 4, 0, 0x41, 8, 0x0b, 2, 0, 0x0b})
}

// culprit finds the function because of whose code a module is refused, -1 if
// it is none: with all functions from the k-th on replaced by a trap, the
// module is refused exactly if one before the k-th is to blame.
func (a *anatomy) culprit(module []byte, l func([]byte) error) int {
	refused := func(k int) bool { return l(a.stubbed(module, k)) != nil }
	lo, hi := 0, len(a.bodies)
	if hi == 0 || refused(0) {
		return -1
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; refused(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

// stubbed is the module with the code of function k and later ones replaced.
func (a *anatomy) stubbed(module []byte, k int) []byte {
	const unreachable, end = 0x00, 0x0b
	code := binary.AppendUvarint(nil, uint64(len(a.bodies)))
	for i, b := range a.bodies {
		body := module[b.at : b.at+b.size]
		if i >= k {
			body = []byte{0, unreachable, end}
		}
		code = append(binary.AppendUvarint(code, uint64(len(body))), body...)
	}
	out := []byte(wasmHead)
	c := &cursor{b: module, at: len(wasmHead)}
	for c.at < len(module) && c.err == nil {
		id, content := c.byte(), c.take(c.u32())
		if id == idCode {
			content = code
		}
		out = append(binary.AppendUvarint(append(out, id), uint64(len(content))), content...)
	}
	return out
}

// function names a function that the module has code for.
func (a *anatomy) function(i int) string {
	index := uint32(a.funcs + i) //nolint:gosec // as many as were read
	if name, ok := a.names[index]; ok {
		return fmt.Sprintf("#%d %q", index, name)
	}
	return fmt.Sprintf("#%d", index)
}

// remedies says what usually brings an import in, by the start of its name.
var remedies = []struct{ prefix, zh, en string }{
	{"env.abort", "AssemblyScript：asc 加上 --use abort=", "AssemblyScript: give asc --use abort="},
	{"env.seed", "沙箱没有随机数", "there is no randomness in the sandbox"},
	{"env.memory", "内存须由模块自己定义并导出（asc 不要用 --importMemory）", "the module defines and exports its own memory (no --importMemory)"},
	{"env.", "链接了不存在的函数：用 -nostdlib 编译，去掉 -Wl,--allow-undefined 后可看到是哪一个", "a function that is not there was linked: build with -nostdlib, and without --allow-undefined to see which"},
	{"__wbindgen", "Rust：目标用 wasm32-unknown-unknown，不要用 wasm-bindgen", "Rust: build for wasm32-unknown-unknown, without wasm-bindgen"},
	{"gojs.", "Go：用 GOOS=wasip1，不要用 GOOS=js", "Go: build with GOOS=wasip1, not GOOS=js"},
	{"go.", "Go：用 GOOS=wasip1，不要用 GOOS=js", "Go: build with GOOS=wasip1, not GOOS=js"},
	{"wasi_snapshot_preview1.sock", "沙箱没有网络", "there is no network in the sandbox"},
	{"wasi_snapshot_preview1.path", "沙箱没有文件", "there are no files in the sandbox"},
	{"wasi_snapshot_preview1.", "沙箱只有一小组固定应答的 WASI 函数：没有文件、时钟和网络", "the sandbox answers a few functions of WASI, always alike: it has no files, clock or network"},
	{"wasi_", "只支持 wasi_snapshot_preview1 的一小部分", "only a small part of wasi_snapshot_preview1 is there"},
	{"", "程序只能导入 yunei.emit 和一小组 WASI 函数", "a program may import yunei.emit and a few functions of WASI"},
}

func remedy(i imported) (zh, en string) {
	name := i.module + "." + i.name
	for _, r := range remedies {
		if strings.HasPrefix(name, r.prefix) {
			return r.zh, r.en
		}
	}
	return "", ""
}
