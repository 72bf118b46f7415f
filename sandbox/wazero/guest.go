// Package wazero runs one guest on wazero, as package wasm does on wasmer: the
// second, unrelated engine, so that a guest that breaks out of one of them
// does not answer alike on both. Contract and outcomes are those of package
// wasm, to the byte; what makes that possible is that both run the same
// admitted code, which counts fuel, depth and growth itself.
//
// Every unit starts from the initialised state. A fresh instance is that by
// construction, and follows whatever a reset could not undo: a unit that
// failed, grew its memory or dropped a segment. After any other, memory and
// mutable globals are written back as they were behind _initialize; tables
// cannot change in an admitted module.
//
// The package trusts its parent, and nothing of the guest. It does not jail
// itself (package jail does), does not bound what emits mean (the parent's
// side does), passes on no text of the engine or the guest, and compares
// nothing: whoever runs both engines does.
package wazero

import (
	"context"
	"errors"
	"fmt"

	engine "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/serve"
	"github.com/yunei/yunei/sandbox/wire"
)

// features are what admission lets through, and no more.
const features = api.CoreFeatureMutableGlobal | api.CoreFeatureSignExtensionOps | api.CoreFeatureMultiValue |
	api.CoreFeatureNonTrappingFloatToIntConversion | api.CoreFeatureBulkMemoryOperations

// Names of what an admitted module exports beside what jobs/abi says, as in
// package admit, which is not linked here because it reads hostile modules.
const (
	exportFuel   = "yunei_fuel"
	exportGlobal = "yunei_global_" // and an index
	exportDirty  = "yunei_dirty"
	dirtyMachine = 2 // the engine had no page for a growth that was granted
)

// A Guest is one compiled module. A process loads one, and keeps it. It is
// used by one goroutine.
type Guest struct {
	program wire.Program // without its bytes
	runtime engine.Runtime
	module  engine.CompiledModule
	memory  *memory // of the instance at hand, and of none before it

	start *state    // in which every unit begins; nil if there is no going back to it
	ready *instance // in that state, or nil
	visit visit
	trace wire.Trace
}

// A visit is what one unit has done so far.
type visit struct {
	records []byte
	log     []byte       // kept in a rehearsal only
	asked   int          // calls of WASI
	why     wire.Outcome // a host function stopped it, or 0
}

// again is v as it was at then, in v's own memory.
func (v *visit) again(then visit) {
	*v = visit{append(v.records[:0], then.records...), append(v.log[:0], then.log...), then.asked, 0}
}

// Load is a serve.Loader: it compiles an admitted module, and initialises an
// instance of it for trial. This engine has no compiled form.
func Load(p wire.Program) (serve.Guest, error) {
	g, err := prepare(p)
	if err != nil {
		return nil, fmt.Errorf("loading guest: %w", err)
	}
	return g, nil
}

func prepare(p wire.Program) (*Guest, error) {
	if err := p.Limits.Check(); err != nil {
		return nil, err
	}
	if len(p.Compiled) > 0 {
		return nil, fmt.Errorf("taking a compiled form: %w", fault.Tampered)
	}
	space, err := reserve(p.Limits.Memory)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, fault.Internal)
	}
	module := p.Module
	p.Module = nil
	g := &Guest{program: p, memory: space}
	if err := g.compile(module); err != nil { // whose text quotes the guest
		return nil, errors.Join(fmt.Errorf("compiling: %w", fault.Guest), g.close())
	}
	if how, err := g.open(); err != nil || how != wire.Returned {
		return nil, errors.Join(fmt.Errorf("initialising: %w", fault.Guest), g.close())
	}
	return g, nil
}

func (g *Guest) compile(admitted []byte) error {
	ctx := context.Background()
	config := engine.NewRuntimeConfigCompiler().WithCoreFeatures(features).
		WithMemoryLimitPages(g.program.Limits.Memory).WithDebugInfoEnabled(false)
	g.runtime = engine.NewRuntimeWithConfig(ctx, config)
	if err := g.offer(ctx); err != nil {
		return err
	}
	var err error
	g.module, err = g.runtime.CompileModule(ctx, admitted)
	return err
}

// close gives back what a guest that was refused has taken.
func (g *Guest) close() error {
	return errors.Join(g.runtime.Close(context.Background()), g.memory.release())
}

// Compiled implements serve.Guest: what wazero compiles cannot be kept.
func (g *Guest) Compiled() []byte { return nil }

// Trace implements serve.Guest.
func (g *Guest) Trace() wire.Trace { return g.trace }

// Map implements serve.Guest.
func (g *Guest) Map(area []byte) (records []byte, ok bool, err error) {
	g.trace = wire.Trace{Outcome: wire.NoArea}
	if len(area) == 0 || len(area) > int(g.program.Limits.Input) {
		return nil, false, nil
	}
	if g.ready == nil {
		// What it initialised once it initialises again.
		if how, err := g.open(); err != nil || how != wire.Returned {
			return nil, false, fmt.Errorf("running unit: no instance: %w", fault.Internal)
		}
	} else if g.start != nil {
		g.visit.again(g.start.visit)
	}
	i := g.ready
	i.write(area)
	how := g.call(i, i.work, nil)
	starved := i.starved()
	if g.program.Trace {
		used := g.program.Limits.Fuel - i.fuel.Get()
		g.trace = wire.Trace{Outcome: how, Fuel: used, Pages: i.module.Memory().Size() / wasmPage, Log: g.visit.log}
	}
	if err := g.back(how); err != nil || starved {
		return nil, false, fmt.Errorf("running unit: no memory: %w", errors.Join(err, fault.Internal))
	}
	if how != wire.Returned {
		return nil, false, nil
	}
	return g.visit.records, true, nil
}

// back makes the instance ready for the next unit, or lets it go.
func (g *Guest) back(how wire.Outcome) error {
	if how == wire.Returned && g.ready.reset(g.start) {
		return nil
	}
	i := g.ready
	g.ready = nil
	return i.close()
}

// open makes a fresh instance ready for a unit, and says how that ended. An
// error says that there is none: at load that is the guest's, whose data may be
// beyond its memory, later it is the machine's.
func (g *Guest) open() (wire.Outcome, error) {
	i, err := g.instantiate()
	if err != nil {
		return 0, errInstance
	}
	how := g.initialise(i)
	if how != wire.Returned {
		return how, i.close()
	}
	if g.ready = i; g.start == nil && !g.program.Fresh {
		g.start = i.remember(g.visit)
	}
	return how, nil
}

var errInstance = errors.New("no instance") // for the engine's own text quotes the guest

// initialise brings the instance to where every unit begins.
func (g *Guest) initialise(i *instance) wire.Outcome {
	g.visit.again(visit{})
	if i.init != nil {
		if how := g.call(i, i.init, nil); how != wire.Returned {
			return how
		}
	}
	g.visit.again(visit{}) // _initialize has no unit to speak of
	i.begin(g.program.Limits.Fuel)
	var at [1]uint64
	if how := g.call(i, i.input, at[:]); how != wire.Returned {
		return how
	}
	if i.area = api.DecodeU32(at[0]); i.area%abi.Align != 0 || !i.room(g.program.Limits.Input) {
		return wire.NoArea
	}
	return wire.Returned
}

// call calls one of the exports, and says how that ended. A guest that has
// spent its last fuel after its last check has not returned.
func (g *Guest) call(i *instance, f api.Function, results []uint64) wire.Outcome {
	err := f.CallWithStack(context.Background(), results)
	switch {
	case err != nil && g.visit.why != 0:
		return g.visit.why
	case int64(i.fuel.Get()) < 0: //nolint:gosec // the bits of a signed fuel
		return wire.OutOfFuel
	case err == nil:
		return wire.Returned
	case i.tooDeep():
		return wire.TooDeep
	}
	return wire.Trapped
}
