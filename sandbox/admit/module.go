package admit

import (
	"github.com/yunei/yunei/jobs/abi"
)

const preamble = "\x00asm\x01\x00\x00\x00"

// Sections by id.
const (
	secCustom = iota
	secType
	secImport
	secFunc
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElem
	secCode
	secData
	secDataCount
	sections
)

// order gives each section's place; data count comes before code.
var order = [sections]int{
	secType: 1, secImport: 2, secFunc: 3, secTable: 4, secMemory: 5, secGlobal: 6, secExport: 7,
	secStart: 8, secElem: 9, secDataCount: 10, secCode: 11, secData: 12,
}

// Kinds of imports and exports, types of values.
const (
	kindFunc   = 0
	kindTable  = 1
	kindMemory = 2
	kindGlobal = 3

	i32      = 0x7f
	i64      = 0x7e
	f32      = 0x7d
	f64      = 0x7c
	funcref  = 0x70
	funcType = 0x60
	mutable  = 1

	pageSize = 1 << 16
)

// imports is the closed list of what a guest may import, with its type. All
// of wasi_snapshot_preview1 is answered by fixed stubs; it is what a Go
// wasip1 guest needs.
var imports = map[string]string{
	abi.ImportModule + "." + abi.ImportEmit:    "\x7f\x7f->",
	"wasi_snapshot_preview1.sched_yield":       "->\x7f",
	"wasi_snapshot_preview1.proc_exit":         "\x7f->",
	"wasi_snapshot_preview1.args_get":          "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.args_sizes_get":    "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.environ_get":       "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.environ_sizes_get": "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.clock_time_get":    "\x7f\x7e\x7f->\x7f",
	"wasi_snapshot_preview1.fd_write":          "\x7f\x7f\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.random_get":        "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.poll_oneoff":       "\x7f\x7f\x7f\x7f->\x7f",

	// answered with "no such file", for guests that link package os
	"wasi_snapshot_preview1.fd_close":            "\x7f->\x7f",
	"wasi_snapshot_preview1.fd_fdstat_get":       "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.fd_fdstat_set_flags": "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.fd_prestat_get":      "\x7f\x7f->\x7f",
	"wasi_snapshot_preview1.fd_prestat_dir_name": "\x7f\x7f\x7f->\x7f",
}

type signature struct{ params, results []byte }

// key writes a signature as its parameters' type bytes, "->", its results'.
func (s signature) key() string { return string(s.params) + "->" + string(s.results) }

type bounds struct{ min, max uint32 }

type global struct {
	typ     byte
	mutable bool
}

type export struct {
	kind  byte
	index uint32
}

// A module is what a parse has read: of sections that pass through unchanged,
// the checked bytes.
type module struct {
	raw        [sections][]byte
	types      []signature
	typeDefs   []byte
	imported   int      // functions that are imported
	funcs      []uint32 // type of each function, imported ones first
	table      *bounds
	memories   int
	memory     bounds
	globals    []global
	globalDefs []byte
	exports    map[string]export
	passive    []bool   // of each data segment
	dataCount  int      // as declared, -1 if not
	bodies     [][]byte // code of each function that is not imported

	// of the rewrite
	called map[int]bool   // functions that the host calls
	added  [][]byte       // results of the types that were added, which take nothing
	blocks map[string]int // types of our blocks, by key
	marked bool           // the mark is set somewhere
	spread int            // of the functions so far
}

// parse reads a whole module, and checks all but the types in its code.
func parse(b []byte) (*module, error) {
	if len(b) < len(preamble) || string(b[:len(preamble)]) != preamble {
		return nil, refuse("not a module of version 1")
	}
	m := &module{exports: map[string]export{}, called: map[int]bool{}, blocks: map[string]int{}, dataCount: -1}
	d := &decoder{b: b, at: len(preamble)}
	for last := 0; d.more(); {
		id := d.byte()
		content := d.take(d.u32())
		if d.err != nil || id == secCustom {
			continue
		}
		if id >= sections || order[id] <= last {
			return nil, refuse("section %d is unknown or out of order", id)
		}
		last = order[id]
		m.raw[id] = content
		if err := m.section(id, &decoder{b: content}); err != nil {
			return nil, err
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	return m, m.checkCounts()
}

func (m *module) section(id byte, d *decoder) error {
	switch id {
	case secType:
		m.readTypes(d)
	case secImport:
		m.readImports(d)
	case secFunc:
		m.readFuncs(d)
	case secTable:
		m.readTable(d)
	case secMemory:
		m.readMemory(d)
	case secGlobal:
		m.readGlobals(d)
	case secExport:
		m.readExports(d)
	case secStart:
		return refuse("a start function; use " + abi.ExportInit)
	case secElem:
		m.readElements(d)
	case secDataCount:
		m.dataCount = int(d.u32())
	case secCode:
		m.readBodies(d)
	case secData:
		m.readData(d)
	}
	if d.err == nil && d.at != len(d.b) {
		return refuse("section %d is longer than its content", id)
	}
	return d.err
}

func (m *module) checkCounts() error {
	switch {
	case m.memories != 1:
		return refuse("%d memories", m.memories)
	case len(m.bodies) != len(m.funcs)-m.imported:
		return refuse("%d functions with %d bodies", len(m.funcs)-m.imported, len(m.bodies))
	case m.dataCount >= 0 && m.dataCount != len(m.passive):
		return refuse("%d data segments, %d declared", len(m.passive), m.dataCount)
	}
	return nil
}

func (m *module) readTypes(d *decoder) {
	n := d.count(maxTypes)
	m.typeDefs = d.b[d.at:]
	arities := 0
	for range n {
		if d.byte() != funcType {
			d.fail("a type that is no function's")
			return
		}
		t := signature{d.valueTypes(), d.valueTypes()}
		if arities += len(t.params) + len(t.results); arities > maxArities {
			d.fail("types of more than %d values", maxArities)
		}
		m.types = append(m.types, t)
	}
}

func (d *decoder) valueTypes() []byte {
	list := d.take(uint32(d.count(maxArity))) //nolint:gosec // 0 to maxArity
	for _, t := range list {
		if t < f64 || t > i32 {
			d.fail("a value of type %#x", t)
		}
	}
	return list
}

func (m *module) readImports(d *decoder) {
	for i := range d.count(maxImports) {
		from, name := d.take(d.u32()), d.take(d.u32())
		kind, typ := d.byte(), m.typeIndex(d)
		if d.err != nil {
			return
		}
		want, ok := imports[string(from)+"."+string(name)]
		if !ok || kind != kindFunc || m.types[typ].key() != want {
			d.fail("import %d is not on the list", i)
			return
		}
		m.funcs = append(m.funcs, typ)
		m.imported++
	}
}

func (m *module) typeIndex(d *decoder) uint32 {
	i := d.u32()
	if int64(i) >= int64(len(m.types)) {
		d.fail("type %d does not exist", i)
		return 0
	}
	return i
}

func (m *module) readFuncs(d *decoder) {
	for range d.count(maxFuncs) {
		if m.funcs = append(m.funcs, m.typeIndex(d)); d.err != nil {
			return
		}
	}
}

func (m *module) readTable(d *decoder) {
	n := d.count(1)
	if n == 0 {
		return
	}
	if d.byte() != funcref {
		d.fail("a table of something else than functions")
	}
	t := d.bounds(maxTable)
	if t.min > maxTable {
		d.fail("a table of %d", t.min)
	}
	t.max = t.min // nothing that grows a table is let through
	m.table = &t
}

func (m *module) readMemory(d *decoder) {
	for range d.count(2) {
		m.memory = d.bounds(1 << 16)
		m.memories++
	}
}

// bounds reads the limits of a table or memory; without a declared maximum it
// is most.
func (d *decoder) bounds(most uint32) bounds {
	flags := d.byte()
	if flags > 1 {
		d.fail("shared or 64-bit limits")
	}
	b := bounds{d.u32(), most}
	if flags == 1 {
		b.max = d.u32()
	}
	if b.min > b.max {
		d.fail("a minimum of %d above the maximum of %d", b.min, b.max)
	}
	return b
}

func (m *module) readGlobals(d *decoder) {
	n := d.count(maxGlobals)
	m.globalDefs = d.b[d.at:]
	changing := 0
	for range n {
		typ, flag := d.byte(), d.byte()
		if typ < f64 || typ > i32 || flag > mutable {
			d.fail("a global of type %#x, %d", typ, flag)
		}
		if changing += int(flag); changing > maxMutable {
			d.fail("more than %d mutable globals", maxMutable)
		}
		d.constant(typ)
		m.globals = append(m.globals, global{typ, flag == mutable})
	}
}

// constant reads a constant expression: one const operator of the type, and
// end. There are no imported globals that it could name.
func (d *decoder) constant(typ byte) {
	if d.literal(d.byte()) != typ || d.byte() != opEnd {
		d.fail("an expression that is not constant, or of another type")
	}
}

// offset reads where an active segment begins.
func (d *decoder) offset() uint64 {
	if d.byte() != opI32Const {
		d.fail("a segment that does not begin at a constant")
		return 0
	}
	at := uint32(d.signed(32)) //nolint:gosec // its bits
	if d.byte() != opEnd {
		d.fail("a segment that does not begin at a constant")
	}
	return uint64(at)
}

func (m *module) readExports(d *decoder) {
	for i := range d.count(maxExports) {
		name, e := string(d.take(d.u32())), export{d.byte(), d.u32()}
		if d.err != nil {
			return
		}
		if _, twice := m.exports[name]; twice {
			d.fail("export %d has the name of another", i)
			return
		}
		n := [...]int{kindFunc: len(m.funcs), kindTable: 1, kindMemory: m.memories, kindGlobal: len(m.globals)}
		if int(e.kind) >= len(n) || int64(e.index) >= int64(n[e.kind]) || (e.kind == kindTable && m.table == nil) {
			d.fail("export %d does not exist", i)
			return
		}
		m.exports[name] = e
	}
}

// readElements lets active segments within table 0 through. An imported
// function in a table could be called at the price of a guest's own; it is
// refused.
func (m *module) readElements(d *decoder) {
	total := 0
	for range d.count(maxSegments) {
		if d.u32() != 0 || m.table == nil {
			d.fail("an element segment that is not plainly active")
			return
		}
		at := d.offset()
		n := d.count(maxElements)
		if total += n; total > maxElements {
			d.fail("more than %d elements", maxElements)
		}
		if at+uint64(n) > uint64(m.table.min) { //nolint:gosec // n is a count
			d.fail("an element segment beyond the table")
		}
		for range n {
			if f := d.u32(); int64(f) < int64(m.imported) || int64(f) >= int64(len(m.funcs)) {
				d.fail("an element that is no function of the guest")
			}
		}
	}
}

func (m *module) readBodies(d *decoder) {
	for range d.count(maxFuncs) {
		body := d.take(d.u32())
		if len(body) > maxBody {
			d.fail("a function of %d bytes", len(body))
		}
		if d.err != nil {
			return
		}
		m.bodies = append(m.bodies, body)
	}
}

// readData lets active segments within memory 0 and passive ones through.
func (m *module) readData(d *decoder) {
	for range d.count(maxData) {
		flags, at := d.u32(), uint64(0)
		if flags > 1 || m.memories == 0 {
			d.fail("a data segment of another memory")
		}
		passive := flags == 1
		if !passive {
			at = d.offset()
		}
		n := uint64(len(d.take(d.u32())))
		if !passive && at+n > uint64(m.memory.min)*pageSize {
			d.fail("a data segment beyond the memory")
		}
		m.passive = append(m.passive, passive)
	}
}
