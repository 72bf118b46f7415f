// Package sandbox runs one permitted guest on rows, a privacy unit at a time,
// in a jailed child process, and returns what each unit emitted. It is the
// parent's side.
//
// The guest is taken for hostile, and so is the child once a guest is in it:
// an answer is read under bounds that follow from what was asked, and one that
// breaks them costs the child its life. A unit whose guest traps or meets a
// limit has no emits, and the run goes on; a child that dies, lies or does not
// answer is the machine's fault, not the unit's: the units are computed again
// in a new child, never given a default. Nothing of the guest crosses but
// emits: no text, no exit status, no time. In a rehearsal, on rows that were
// made up, a Trace crosses as well; in any other run a trace is a lie.
//
// The package does not bound, clip or add what was emitted (jobs.Shape does),
// and cannot see that a guest which has broken out of its engine mixes the
// units of one child: for that, compare the answers of two engines.
package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

// A Config says what to run, and where.
type Config struct {
	Runner string        // path of yunei-runner
	Module []byte        // the guest as its author built it; admitted here
	Limits limits.Limits // of each unit
	Least  jail.Level    // the jail must have this much; 0 means jail.Full

	Fresh    bool  // every unit gets a fresh instance: the reference that the faster way is compared with
	Rehearse bool  // results have traces: for rows that were made up, and never for others
	Cache    Cache // of compiled guests

	// Alarm, if not nil, is called when the kernel has ended a child for a
	// system call that no honest runner makes (jail.Process.Alarm).
	Alarm func()

	Recycle int           // units after which a child is replaced; 0 means 100,000
	Load    time.Duration // to compile and initialise the guest; 0 means two minutes
	Wall    time.Duration // for one batch; 0 means what no guest within its fuel can take
}

// A Result is what one unit came to: OK and its emits, in order, or not OK
// and none. Trace is nil unless the Config says Rehearse.
type Result = wire.Result

const (
	defaultRecycle = 100_000
	defaultLoad    = 2 * time.Minute
	attempts       = 3
	batchUnits     = 512
	batchBytes     = 1 << 18 // larger ones are slower: they leave the caches
	answerBytes    = 4 << 20
	pipeSize       = 1 << 20
	dataBase       = 3 << 29 // bytes that a runner needs beside its guest's memory
)

// A Runner is one guest in one child at a time. Its methods may be called from
// several goroutines, and wait for each other.
type Runner struct {
	config   Config
	admitted []byte
	shelf    *shelf

	mu       sync.Mutex
	child    *child // nil if the next batch is to start one
	level    jail.Level
	compiled []byte // what a child made of admitted before it saw a row, or nil
}

// Start admits the module and starts a child with it. A module that is not
// admitted, does not compile or does not initialise is a fault.Guest. ctx
// bounds the start only.
func Start(ctx context.Context, c Config) (*Runner, error) {
	if c.Recycle <= 0 {
		c.Recycle = defaultRecycle
	}
	if c.Load <= 0 {
		c.Load = defaultLoad
	}
	if c.Least == 0 {
		c.Least = jail.Full
	}
	if err := c.Cache.check(); err != nil {
		return nil, fmt.Errorf("starting sandbox: %w", err)
	}
	admitted, err := admit.Admit(c.Module, c.Limits)
	if err != nil {
		return nil, fmt.Errorf("starting sandbox: %w", err)
	}
	c.Module = nil
	r := &Runner{config: c, admitted: admitted, shelf: c.Cache.shelf(c.Runner, admitted)}
	r.compiled = r.shelf.get()
	for range attempts {
		if r.child, err = r.start(ctx); err == nil || ctx.Err() != nil || errors.Is(err, fault.Guest) || errors.Is(err, fault.Denied) {
			break
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		r.drop()
		return nil, fmt.Errorf("starting sandbox: %w", err)
	}
	r.level = r.child.level
	return r, nil
}

// Level returns what the jail of the last child achieved.
func (r *Runner) Level() jail.Level {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.level
}

// Admitted returns the form in which the guest runs: what a record of
// admission names. It is not to be changed.
func (r *Runner) Admitted() []byte { return r.admitted }

// Close ends the child. A closed Runner may be used again; it starts another.
func (r *Runner) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
}

func (r *Runner) drop() {
	if r.child != nil {
		r.child.close()
		r.child = nil
	}
}

// Map runs the guest on each area (abi.AppendArea), and returns as many
// results in the same order. An area beyond Limits.Input is a fault.Invalid;
// a machine on which a batch fails three times is a fault.Internal, and so is
// everything else: once rows are read, the guest has no failure of its own.
func (r *Runner) Map(ctx context.Context, areas [][]byte) ([]Result, error) {
	results := make([]Result, 0, len(areas))
	err := r.Each(ctx, areas, func(done Result) error {
		done.Emits = slices.Clone(done.Emits)
		results = append(results, done)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Each is Map for results that are used at once, while they are in the
// processor's caches: fn gets them in order, and each is good until it
// returns. An error of fn ends it and comes back as it is.
func (r *Runner) Each(ctx context.Context, areas [][]byte, fn func(Result) error) error {
	for i, a := range areas {
		if len(a) > int(r.config.Limits.Input) {
			return fmt.Errorf("mapping: area %d of %d bytes, limit %d: %w", i, len(a), r.config.Limits.Input, fault.Invalid)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(areas) > 0 {
		done, err := r.batch(ctx, areas)
		if err != nil {
			return err
		}
		for _, result := range done {
			if err := fn(result); err != nil {
				return err
			}
		}
		areas = areas[len(done):]
	}
	return nil
}

// batch returns the results of the first areas, good until the next call.
func (r *Runner) batch(ctx context.Context, areas [][]byte) (done []Result, err error) {
	for range attempts {
		if r.child == nil {
			if r.child, err = r.start(ctx); err != nil {
				if ctx.Err() != nil {
					return nil, fmt.Errorf("mapping: %w", ctx.Err())
				}
				continue
			}
			r.level = r.child.level
		}
		n := r.fit(areas)
		if done, err = r.child.units(ctx, areas[:n], r.asked(n), r.wall(n)); err == nil {
			if r.child.left -= n; r.child.left <= 0 {
				r.drop()
			}
			return done, nil
		}
		escaped := r.escaped()
		r.drop()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("mapping: %w", ctx.Err())
		}
		if escaped { // it would try again
			return nil, fmt.Errorf("mapping: a child was ended for its system calls: %w", fault.Internal)
		}
	}
	// Not %w: whatever kind err has, it is not to be told apart from others.
	return nil, fmt.Errorf("mapping: a batch failed %d times, lastly %v: %w", attempts, err, fault.Internal) //nolint:errorlint // see above
}

// escaped ends the child, and reports whether the kernel had done so already
// because somebody is out of the engine.
func (r *Runner) escaped() bool {
	r.child.process.Kill()
	if !r.child.process.Alarm() {
		return false
	}
	if r.config.Alarm != nil {
		r.config.Alarm()
	}
	return true
}

// asked is what n units may answer.
func (r *Runner) asked(n int) wire.Asked {
	return wire.Asked{Units: n, Emits: r.config.Limits.Emits, Trace: r.config.Rehearse}
}

// fit returns how many of the areas make a batch.
func (r *Runner) fit(areas [][]byte) int {
	most := min(len(areas), batchUnits, r.child.left, max(1, answerBytes/r.asked(1).Size()))
	n, size := 0, 0
	for n < most && (n == 0 || size+len(areas[n]) <= batchBytes) {
		size += len(areas[n])
		n++
	}
	return n
}

// wall returns how long n units may take. By default that is so long that no
// guest can make its unit the one that meets it: 100 ns for an operator, which
// is a load that misses every cache, and 50 us for a page of memory first
// touched. It catches a child that hangs.
func (r *Runner) wall(n int) time.Duration {
	if r.config.Wall > 0 {
		return r.config.Wall
	}
	fuel := time.Duration(r.config.Limits.Fuel + admit.InitFuel) //nolint:gosec // admit holds Fuel to limits.MaxFuel, 2^40; times 100 and 512 units it stays below 2^56
	return time.Minute + time.Duration(n)*(fuel*100+time.Duration(r.config.Limits.Memory)*50*time.Microsecond)
}

// A child is a runner's process and the two pipes to it.
type child struct {
	process *jail.Process
	to      *os.File
	from    *os.File
	frames  *wire.Reader
	parser  wire.Parser
	frame   []byte // kept for its memory
	left    int    // units until it is replaced
	level   jail.Level
}

// start starts a child, and waits until its guest is ready. An error is a
// fault.Guest, fault.Denied, fault.Internal, or the context's.
func (r *Runner) start(ctx context.Context) (*child, error) {
	c, err := spawn(r.config)
	if err != nil {
		return nil, err
	}
	p := wire.Program{Limits: r.config.Limits, Trace: r.config.Rehearse, Fresh: r.config.Fresh}
	if r.compiled != nil {
		p.Compiled = r.compiled
	} else {
		p.Module, p.Keep = r.admitted, true
	}
	compiled, err := c.load(ctx, r.config, p)
	if err != nil {
		c.close()
		if p.Compiled != nil && ctx.Err() == nil && !errors.Is(err, fault.Denied) {
			// Whatever it was, the next try is without.
			r.compiled = nil
			r.shelf.remove(err)
		}
		return nil, err
	}
	if p.Keep {
		r.compiled = compiled
		r.shelf.put(compiled)
	}
	return c, nil
}

func spawn(config Config) (*child, error) {
	in, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making pipe: %w: %w", err, fault.Internal)
	}
	from, out, err := os.Pipe()
	if err != nil {
		_, _ = in.Close(), to.Close()
		return nil, fmt.Errorf("making pipe: %w: %w", err, fault.Internal)
	}
	for _, f := range []*os.File{to, from} { // fewer turns between two processes; not all kernels let all users
		if raw, err := f.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
		}
	}
	data := uint64(dataBase) + 2*uint64(config.Limits.Memory)<<16
	process, err := jail.Start(config.Runner, data, in, out)
	_, _ = in.Close(), out.Close()
	if err != nil {
		_, _ = to.Close(), from.Close()
		return nil, err
	}
	return &child{process: process, to: to, from: from, frames: wire.NewReader(from), left: config.Recycle}, nil
}

// load returns the compiled form, if p asks for it and there is one.
func (c *child) load(ctx context.Context, config Config, p wire.Program) ([]byte, error) {
	frame, err := wire.AppendLoad(nil, p)
	if err != nil {
		return nil, fmt.Errorf("loading guest: %w", err)
	}
	const answer = 2
	kind, payload, err := c.exchange(ctx, frame, answer, config.Load)
	switch {
	case errors.Is(err, errLate) && p.Compiled == nil:
		return nil, fmt.Errorf("loading guest: not within %v: %w", config.Load, fault.Guest)
	case err != nil:
		return nil, fmt.Errorf("loading guest: %v: %w", err, fault.Internal) //nolint:errorlint // its own kind is not to be told
	}
	switch kind { //nolint:exhaustive // of an honest runner
	case wire.Ready:
		if err := c.ready(payload, config.Least); err != nil || !p.Keep {
			return nil, err
		}
		return c.artefact(ctx, config.Load)
	case wire.Refused:
		// The guest does not change between two loads of it: one that was
		// ready before is refused for the compiled form's sake.
		if reason, err := wire.ParseRefused(payload); err == nil && reason == wire.RefusedGuest && p.Compiled == nil {
			return nil, fmt.Errorf("loading guest: refused: %w", fault.Guest)
		}
	}
	return nil, fmt.Errorf("loading guest: not ready: %w", fault.Internal)
}

func (c *child) ready(payload []byte, least jail.Level) error {
	said, err := wire.ParseReady(payload)
	if err != nil {
		return fmt.Errorf("loading guest: %w", fault.Internal)
	}
	// The namespaces are known here, the rest is said by a child that has not
	// run its guest on any row.
	if c.level = jail.Level(said)&^jail.Outside | c.process.Spaces; !c.level.Has(least) {
		return fmt.Errorf("loading guest: the jail has only: %v: %w", c.level, fault.Denied)
	}
	return nil
}

// artefact reads the Compiled that follows Ready: nil if it is empty.
func (c *child) artefact(ctx context.Context, wall time.Duration) ([]byte, error) {
	kind, payload, err := c.answer(ctx, wire.MaxCompiled, wall)
	if err != nil || kind != wire.Compiled {
		return nil, fmt.Errorf("loading guest: a frame of kind %#x, %v: %w", kind, err, fault.Internal) //nolint:errorlint // its own kind is not to be told
	}
	c.frames = wire.NewReader(c.from) // the old one holds on to as much memory
	if len(payload) == 0 {
		return nil, nil
	}
	return bytes.Clone(payload), nil
}

// units runs a batch. An error says that the child is of no more use.
func (c *child) units(ctx context.Context, areas [][]byte, asked wire.Asked, wall time.Duration) ([]Result, error) {
	if err := c.silent(); err != nil {
		return nil, fmt.Errorf("running units: %w", err)
	}
	var err error
	if c.frame, err = wire.AppendUnits(c.frame[:0], areas); err != nil {
		return nil, err
	}
	kind, payload, err := c.exchange(ctx, c.frame, asked.Size(), wall)
	if err != nil {
		return nil, err
	}
	if kind != wire.Results {
		return nil, fmt.Errorf("running units: a frame of kind %#x: %w", kind, fault.Tampered)
	}
	return c.parser.Results(payload, asked)
}

// silent returns an error if the child has said what it was not asked, which
// would be taken for its next answer.
func (c *child) silent() error {
	raw, err := c.from.SyscallConn()
	if err != nil {
		return err
	}
	n := 0
	e := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err = errors.Join(e, err); err == nil && n > 0 {
		err = fmt.Errorf("the runner spoke unasked: %w", fault.Tampered)
	}
	return err
}

// exchange sends a frame and returns the answer, of at most limit bytes. When
// ctx or the wall ends first the child is killed, which ends both pipes.
func (c *child) exchange(ctx context.Context, frame []byte, limit int, wall time.Duration) (wire.Kind, []byte, error) {
	var late atomic.Bool
	defer context.AfterFunc(ctx, c.process.Kill)()
	defer time.AfterFunc(wall, func() {
		late.Store(true)
		c.process.Kill()
	}).Stop()
	_, err := c.to.Write(frame)
	if err != nil {
		err = fmt.Errorf("writing to runner: %w", err)
	}
	var kind wire.Kind
	var payload []byte
	if err == nil {
		kind, payload, err = c.next(limit)
	}
	if err != nil && late.Load() {
		err = fmt.Errorf("%w: %w", errLate, err)
	}
	return kind, payload, err
}

// errLate says that a child was killed because its wall ended.
var errLate = errors.New("the runner took too long")

// answer is exchange for what follows an answer.
func (c *child) answer(ctx context.Context, limit int, wall time.Duration) (wire.Kind, []byte, error) {
	defer context.AfterFunc(ctx, c.process.Kill)()
	defer time.AfterFunc(wall, c.process.Kill).Stop()
	return c.next(limit)
}

func (c *child) next(limit int) (wire.Kind, []byte, error) {
	kind, payload, err := c.frames.Next(limit)
	if err != nil {
		return 0, nil, fmt.Errorf("reading from runner: %w", err)
	}
	return kind, payload, nil
}

func (c *child) close() {
	c.process.Kill()
	_, _ = c.to.Close(), c.from.Close()
}
