package wazero

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/tetratelabs/wazero/api"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/wire"
)

const wasi = "wasi_snapshot_preview1"

// maxAsked bounds the calls of WASI that one unit, or _initialize, may make,
// as package wasm does.
const maxAsked = 4096

// The errnos of WASI that the stubs answer.
const (
	success uint32 = 0
	badf    uint32 = 8
	inval   uint32 = 28
	outside uint32 = 21 // FAULT
)

// stop ends the guest, for the reason given, by a panic that the engine makes
// an error of.
func (g *Guest) stop(why wire.Outcome) {
	g.visit.why = why
	panic(errStop)
}

var errStop = errors.New("stop") // nobody reads it

// A stub answers one call of WASI, and has a guest's memory to write to.
type stub struct {
	name   string
	params []api.ValueType
	answer func(m api.Memory, args []uint64) uint32
}

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

// The stubs answer the same to every guest at every time: there is no clock,
// no environment, no file, and random numbers are a constant.
var stubs = []stub{
	{"sched_yield", nil, nothing},
	{"args_get", []api.ValueType{i32, i32}, nothing},
	{"args_sizes_get", []api.ValueType{i32, i32}, sizes},
	{"environ_get", []api.ValueType{i32, i32}, nothing},
	{"environ_sizes_get", []api.ValueType{i32, i32}, sizes},
	{"clock_time_get", []api.ValueType{i32, i64, i32}, clock},
	{"random_get", []api.ValueType{i32, i32}, random},
	{"poll_oneoff", []api.ValueType{i32, i32, i32, i32}, poll},
	{"fd_close", []api.ValueType{i32}, noFile},
	{"fd_fdstat_get", []api.ValueType{i32, i32}, noFile},
	{"fd_fdstat_set_flags", []api.ValueType{i32, i32}, noFile},
	{"fd_prestat_get", []api.ValueType{i32, i32}, noFile},
	{"fd_prestat_dir_name", []api.ValueType{i32, i32, i32}, noFile},
}

// offer instantiates the host functions. Everything a guest hands over is an
// offset or a length in its own memory, and is checked against that memory's
// size at that moment.
func (g *Guest) offer(ctx context.Context) error {
	ours := g.runtime.NewHostModuleBuilder(abi.ImportModule)
	ours.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(g.emit), []api.ValueType{i32, i32}, nil).Export(abi.ImportEmit)
	if _, err := ours.Instantiate(ctx); err != nil {
		return err
	}
	theirs := g.runtime.NewHostModuleBuilder(wasi)
	exit := api.GoModuleFunc(func(context.Context, api.Module, []uint64) { g.stop(wire.Exited) })
	theirs.NewFunctionBuilder().WithGoModuleFunction(exit, []api.ValueType{i32}, nil).Export("proc_exit")
	write := g.counted(g.write)
	theirs.NewFunctionBuilder().WithGoModuleFunction(write, []api.ValueType{i32, i32, i32, i32}, []api.ValueType{i32}).Export("fd_write")
	for _, s := range stubs {
		theirs.NewFunctionBuilder().WithGoModuleFunction(g.counted(s.answer), s.params, []api.ValueType{i32}).Export(s.name)
	}
	_, err := theirs.Instantiate(ctx)
	return err
}

// emit takes records that are in the guest's memory, and within its limit.
func (g *Guest) emit(_ context.Context, m api.Module, args []uint64) {
	at, n := api.DecodeU32(args[0]), api.DecodeU32(args[1])
	if n > g.program.Limits.Emits-uint32(len(g.visit.records)/abi.EmitSize) { //nolint:gosec // at most limits.MaxEmits
		g.stop(wire.TooManyEmits)
	}
	records, ok := m.Memory().Read(at, n*abi.EmitSize)
	if !ok {
		g.stop(wire.BadEmit)
	}
	g.visit.records = append(g.visit.records, records...)
}

// counted is the door that every call with a result goes through.
func (g *Guest) counted(answer func(m api.Memory, args []uint64) uint32) api.GoModuleFunc {
	return func(_ context.Context, m api.Module, stack []uint64) {
		if g.visit.asked++; g.visit.asked > maxAsked {
			g.stop(wire.TooManyCalls)
		}
		stack[0] = uint64(answer(m.Memory(), stack))
	}
}

func put32(m api.Memory, at uint64, v uint32) uint32 {
	if !m.WriteUint32Le(api.DecodeU32(at), v) {
		return outside
	}
	return success
}

func nothing(api.Memory, []uint64) uint32 { return success }

func noFile(api.Memory, []uint64) uint32 { return badf }

// sizes of arguments and environment: none, of no length.
func sizes(m api.Memory, args []uint64) uint32 {
	if put32(m, args[0], 0) != success {
		return outside
	}
	return put32(m, args[1], 0)
}

// clock says that it is one second after the epoch (Go's runtime refuses zero).
func clock(m api.Memory, args []uint64) uint32 {
	if !m.WriteUint64Le(api.DecodeU32(args[2]), 1_000_000_000) {
		return outside
	}
	return success
}

// write swallows what it is given, 64 pieces at most.
func (g *Guest) write(m api.Memory, args []uint64) uint32 {
	const most = 64
	n := api.DecodeU32(args[2])
	if n > most {
		return inval
	}
	pieces, ok := m.Read(api.DecodeU32(args[1]), n*pieceSize)
	if !ok {
		return outside
	}
	var sum uint64
	for p := pieces; len(p) > 0; p = p[pieceSize:] {
		sum += uint64(binary.LittleEndian.Uint32(p[4:]))
	}
	if sum > math.MaxInt32 {
		return inval
	}
	if fd := api.DecodeU32(args[0]); g.program.Trace && (fd == 1 || fd == 2) {
		g.keep(m, pieces)
	}
	return put32(m, args[3], uint32(sum)) // at most MaxInt32
}

// pieceSize is that of a pointer and a length.
const pieceSize = 8

// keep notes what a guest in a rehearsal writes. The guest is answered as ever.
func (g *Guest) keep(m api.Memory, pieces []byte) {
	for ; len(pieces) > 0; pieces = pieces[pieceSize:] {
		piece, ok := m.Read(binary.LittleEndian.Uint32(pieces), binary.LittleEndian.Uint32(pieces[4:]))
		if !ok {
			return
		}
		g.visit.log = append(g.visit.log, piece[:min(len(piece), wire.MaxLog-len(g.visit.log))]...)
	}
}

// random gives the same bytes at every call: splitmix64 from 0 (Steele, Lea,
// Flood, "Fast splittable pseudorandom number generators", 2014).
func random(m api.Memory, args []uint64) uint32 {
	const most = 4096
	n := api.DecodeU32(args[1])
	if n > most {
		return inval
	}
	to, ok := m.Read(api.DecodeU32(args[0]), n)
	if !ok {
		return outside
	}
	for state := uint64(0); len(to) > 0; {
		state += 0x9e3779b97f4a7c15
		z := (state ^ state>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], z^z>>31)
		to = to[copy(to, word[:]):]
	}
	return success
}

// poll returns at once: every subscription is due, without an event.
func poll(m api.Memory, args []uint64) uint32 { return put32(m, args[3], 0) }
