package wazero

import (
	"context"
	"errors"
	"strconv"
	"strings"

	engine "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/yunei/yunei/jobs/abi"
)

// An instance is the module come to life, and what its host has to do with.
type instance struct {
	module            experimental.InternalModule
	init, input, work api.Function // init may be nil
	fuel              api.MutableGlobal
	dirty             api.MutableGlobal // nil if nothing makes it so
	area              uint32            // where the input area is
	globals           []api.Global      // nil until they are asked for
}

// bare gives an instance no name, start, file or clock. The source of randomness,
// which nothing here asks, is there because the engine would seed one.
var bare = engine.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(strings.NewReader(""))

var errExports = errors.New("an export is missing")

func (g *Guest) instantiate() (*instance, error) {
	ctx := experimental.WithMemoryAllocator(context.Background(), g.memory)
	m, err := g.runtime.InstantiateModule(ctx, g.module, bare)
	if err != nil {
		return nil, err
	}
	all, ok := m.(experimental.InternalModule)
	if !ok || m.ExportedMemory(abi.ExportMemory) == nil {
		return nil, errors.Join(errExports, m.Close(ctx))
	}
	i := &instance{
		module: all,
		init:   m.ExportedFunction(abi.ExportInit), input: m.ExportedFunction(abi.ExportInput), work: m.ExportedFunction(abi.ExportMap),
	}
	i.dirty, _ = m.ExportedGlobal(exportDirty).(api.MutableGlobal)
	if i.fuel, ok = m.ExportedGlobal(exportFuel).(api.MutableGlobal); !ok || i.input == nil || i.work == nil {
		return nil, errors.Join(errExports, i.close())
	}
	return i, nil
}

func (i *instance) close() error { return i.module.Close(context.Background()) }

// starved reports whether the machine failed the unit.
func (i *instance) starved() bool { return i.dirty != nil && i.dirty.Get() == dirtyMachine }

// begin gives a unit its fuel. A segment that is gone by now is gone for every
// unit.
func (i *instance) begin(fuel uint64) {
	i.fuel.Set(fuel)
	if i.dirty != nil {
		i.dirty.Set(0)
	}
}

// room reports whether the area is within the memory.
func (i *instance) room(n uint32) bool {
	_, ok := i.module.Memory().Read(i.area, n)
	return ok
}

// write writes what there is room for.
func (i *instance) write(area []byte) { i.module.Memory().Write(i.area, area) }

// tooDeep reports whether a trap was that of the depth, which is behind the
// fuel, the last global but that which is dirty.
func (i *instance) tooDeep() bool {
	all := i.every()
	last := len(all) - 1
	if i.dirty != nil {
		last--
	}
	return last >= 0 && all[last].Type() == api.ValueTypeI32 && api.DecodeI32(all[last].Get()) < 0
}

// A state is what an instance can be put back into.
type state struct {
	visit  visit
	memory []byte
	values []uint64 // of all globals
}

// largest is the most memory, in bytes, for which writing it back is less work
// than a fresh instance, whose pages come zeroed from the kernel.
const largest = 16 << 20

// remember returns the state of an instance, or nil for one that is too large
// or already beyond a reset.
func (i *instance) remember(v visit) *state {
	now, ok := i.module.Memory().Read(0, i.module.Memory().Size())
	if !ok || len(now) > largest || i.dirtied() {
		return nil
	}
	kept, err := keep(now)
	if err != nil {
		return nil
	}
	s := &state{memory: kept}
	s.visit.again(v)
	for _, v := range i.every() {
		s.values = append(s.values, v.Get())
	}
	return s
}

// reset puts the instance back into s, and reports whether that could be done.
func (i *instance) reset(s *state) bool {
	now, ok := i.module.Memory().Read(0, i.module.Memory().Size())
	if s == nil || !ok || len(now) != len(s.memory) || i.dirtied() {
		return false
	}
	for n, v := range i.every() {
		if m, ok := v.(api.MutableGlobal); ok {
			m.Set(s.values[n])
		} else if v.Get() != s.values[n] { // mutable, and not exported
			return false
		}
	}
	restore(now, s.memory)
	return true
}

func (i *instance) dirtied() bool { return i.dirty != nil && i.dirty.Get() != 0 }

// every returns all globals. Admission exports the mutable ones, the guest's
// and ours; they are an api.MutableGlobal.
func (i *instance) every() []api.Global {
	if i.globals != nil {
		return i.globals
	}
	i.globals = make([]api.Global, i.module.NumGlobal())
	for n := range i.globals {
		if i.globals[n] = i.module.ExportedGlobal(exportGlobal + strconv.Itoa(n)); i.globals[n] == nil {
			i.globals[n] = i.module.Global(n)
		}
	}
	return i.globals
}
