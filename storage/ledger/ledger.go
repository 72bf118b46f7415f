// Package ledger is the append-only Merkle log of receipts: tessera's POSIX
// driver (C2SP tlog-tiles on plain files) with signed checkpoints and proofs.
// Append returns when a leaf is on disk and in the tree; CheckpointFor waits for
// a signed checkpoint that covers it, which is awaited once, at release.
//
// The log does not know what its leaves say and does not look for duplicates:
// the same leaf appended twice stands at two places, and whoever must not append
// twice asks its own record first. It has one writer, which a lock on the
// directory sees to. Its operator could rewrite the files; that is why nobody
// trusts it, but checks it with package proof against what witnesses cosigned.
// Leaves are public to whoever may read the log: they name confidential bytes by
// hiding commitments only.
package ledger

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage/ledger/proof"
)

// MaxLeaf is the most bytes of a leaf (tlog-tiles keeps its length in 16 bits).
const MaxLeaf = 1<<16 - 1

const (
	batchAge   = 5 * time.Millisecond
	batchSize  = 256
	interval   = 100 * time.Millisecond // of checkpoints, tessera's least
	poll       = 5 * time.Millisecond
	shutdown   = 10 * time.Second
	lockFile   = "writer.lock"
	stateFile  = ".state/treeState" // tessera 1.0: the tree as integrated, in JSON
	stateBytes = 1 << 10
)

// Config says where the log is and who signs it.
type Config struct {
	Dir    string             // created if there is none
	Origin string             // the log's name, the first line of its checkpoints; ASCII without spaces or +
	Key    ed25519.PrivateKey // signs checkpoints, under Origin
}

// A Log is an open ledger. It may be used concurrently.
type Log struct {
	public ed25519.PublicKey
	origin string
	add    tessera.AddFn
	read   tessera.LogReader
	stop   func(context.Context) error
	cancel context.CancelFunc
	lock   *os.File

	mu     sync.Mutex
	closed bool
	adding sync.WaitGroup // leaves whose fate is open
}

// Open starts a log in cfg.Dir or goes on with the one there. ctx bounds the
// opening; the log stays open until Close. Errors: Invalid for a bad
// configuration, Conflict if another process has the log open, Tampered if what
// is there is not a log of this origin and key, or its files contradict its last
// checkpoint.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	signer, err := proof.Signer(cfg.Origin, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	if cfg.Dir == "" {
		return nil, fmt.Errorf("opening ledger: no directory: %w", fault.Invalid)
	}
	lock, err := acquire(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	// tessera's background work goes by this context, not by the caller's.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	public, _ := cfg.Key.Public().(ed25519.PublicKey) // an Ed25519 key's always is one
	l := &Log{public: public, origin: cfg.Origin, cancel: cancel, lock: lock}
	if err := l.verify(ctx, cfg.Dir); err != nil {
		l.release()
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	driver, err := posix.New(life, posix.Config{Path: cfg.Dir})
	if err != nil {
		l.release()
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	opts := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithBatching(batchSize, batchAge).
		WithCheckpointInterval(interval).WithShutdownTimeout(shutdown)
	appender, stop, read, err := tessera.NewAppender(life, driver, opts)
	if err != nil {
		l.release()
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	l.add, l.stop, l.read = appender.Add, stop, read
	return l, nil
}

// acquire takes the lock of the one writer, which the kernel gives back when the
// process dies. tessera's own locks let several writers take turns, and do not
// hold between two logs of one process.
func acquire(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("locking: %w: %w", err, fault.Conflict)
	}
	return f, nil
}

func (l *Log) release() {
	l.cancel()
	_ = l.lock.Close() // nothing was written
}

// verify compares the last checkpoint with the files before tessera sees them:
// finding no state it would start a new log over an old checkpoint, and finding
// a smaller one it would sign a second history.
func (l *Log) verify(ctx context.Context, dir string) error {
	signed, err := os.ReadFile(filepath.Join(dir, layout.CheckpointPath))
	unsigned := errors.Is(err, fs.ErrNotExist)
	if err != nil && !unsigned {
		return err
	}
	state, err := readState(filepath.Join(dir, stateFile))
	switch {
	case unsigned && (errors.Is(err, fs.ErrNotExist) || err == nil && state.Size == 0):
		return nil // a new log, or one that died before it signed that it was empty
	case unsigned:
		return fmt.Errorf("a tree without a checkpoint: %w", fault.Tampered)
	case err != nil:
		return fmt.Errorf("reading the state of the tree: %w: %w", err, fault.Tampered)
	}
	tree, err := proof.Verify(signed, l.public, l.origin, nil, 0)
	if err != nil {
		return fmt.Errorf("reading the last checkpoint: %w: %w", err, fault.Tampered)
	}
	if state.Size < tree.Size {
		return fmt.Errorf("a checkpoint of %d leaves on a tree of %d: %w", tree.Size, state.Size, fault.Tampered)
	}
	files := client.FileFetcher{Root: dir}
	for _, want := range []proof.Tree{tree, state} {
		got, err := root(ctx, files.ReadTile, want.Size, state.Size)
		if err != nil || got != want.Root {
			return fmt.Errorf("the tiles are not those of the tree of %d leaves: %w", want.Size, fault.Tampered)
		}
	}
	return nil
}

func readState(name string) (proof.Tree, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return proof.Tree{}, err
	}
	var s struct {
		Size uint64 `json:"size"`
		Root []byte `json:"root"`
	}
	if len(raw) > stateBytes {
		return proof.Tree{}, fmt.Errorf("%d bytes of state", len(raw))
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return proof.Tree{}, err
	}
	if len(s.Root) != 32 {
		return proof.Tree{}, fmt.Errorf("a root of %d bytes", len(s.Root))
	}
	return proof.Tree{Size: s.Size, Root: [32]byte(s.Root)}, nil
}

// root computes the root of the first size leaves from the tiles of a tree of
// whole leaves.
func root(ctx context.Context, tiles client.TileFetcherFunc, size, whole uint64) ([32]byte, error) {
	if size == 0 {
		return proof.Empty().Root, nil
	}
	nodes, err := client.FetchRangeNodes(ctx, size, within(tiles, whole))
	if err != nil {
		return [32]byte{}, err
	}
	edge, err := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewRange(0, size, nodes)
	if err != nil {
		return [32]byte{}, err
	}
	sum, err := edge.GetRootHash(nil)
	if err != nil || len(sum) != 32 {
		return [32]byte{}, fmt.Errorf("computing the root of %d leaves: %w", size, errors.Join(err, fault.Internal))
	}
	return [32]byte(sum), nil
}

// within reads tiles of a smaller tree from those of a tree of whole leaves. On
// disk are the partial tiles of the sizes at which a batch ended, and no others.
func within(tiles client.TileFetcherFunc, whole uint64) client.TileFetcherFunc {
	return func(ctx context.Context, level, index uint64, _ uint8) ([]byte, error) {
		return tiles(ctx, level, index, layout.PartialTileSize(level, index, whole))
	}
}

// Append adds a leaf of 1 to MaxLeaf bytes and returns its index when it is
// durable and in the tree. If ctx ends first the leaf may be added all the same.
// Errors: Invalid for no leaf, Exhausted for too long a one, Conflict after
// Close.
func (l *Log) Append(ctx context.Context, leaf []byte) (uint64, error) {
	switch {
	case len(leaf) == 0:
		return 0, fmt.Errorf("appending: no leaf: %w", fault.Invalid)
	case len(leaf) > MaxLeaf:
		return 0, fmt.Errorf("appending: a leaf of %d bytes, at most %d: %w", len(leaf), MaxLeaf, fault.Exhausted)
	case ctx.Err() != nil:
		return 0, fmt.Errorf("appending: %w", ctx.Err())
	}
	if !l.enter() {
		return 0, fmt.Errorf("appending: the ledger is closed: %w", fault.Conflict)
	}
	type outcome struct {
		index uint64
		err   error
	}
	done := make(chan outcome, 1)
	future := l.add(ctx, tessera.NewEntry(leaf))
	go func() { // a future does not look at ctx
		defer l.adding.Done()
		i, err := future()
		done <- outcome{i.Index, err}
	}()
	select {
	case <-ctx.Done():
		return 0, fmt.Errorf("appending: %w", ctx.Err())
	case o := <-done:
		if o.err != nil {
			return 0, fmt.Errorf("appending: %w", o.err)
		}
		return o.index, nil
	}
}

func (l *Log) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.adding.Add(1)
	}
	return !l.closed
}

// Close waits until all that was appended is in a signed checkpoint, at most
// some seconds, and stops. A closed log can be read no more.
func (l *Log) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	// tessera's shutdown forgets leaves whose futures nobody has resolved.
	l.adding.Wait()
	err := l.stop(context.Background())
	l.release()
	if err != nil {
		return fmt.Errorf("closing ledger: %w", err)
	}
	return nil
}

// Checkpoint returns the last signed checkpoint, a note (C2SP tlog-checkpoint).
// It may be behind Append.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	signed, err := l.read.ReadCheckpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoint: %w", err)
	}
	return signed, nil
}

// CheckpointFor waits for a checkpoint whose tree holds index.
func (l *Log) CheckpointFor(ctx context.Context, index uint64) ([]byte, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		signed, err := l.Checkpoint(ctx)
		if err != nil {
			return nil, err
		}
		tree, err := proof.Verify(signed, l.public, l.origin, nil, 0)
		if err != nil {
			return nil, fmt.Errorf("reading checkpoint: %w", err)
		}
		if tree.Size > index {
			return signed, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a checkpoint of leaf %d: %w", index, ctx.Err())
		case <-tick.C:
		}
	}
}

// Inclusion proves that the leaf at index is in the tree of the first size
// leaves. NotFound for an index or a size beyond the tree.
func (l *Log) Inclusion(ctx context.Context, index, size uint64) ([][]byte, error) {
	b, err := l.prover(ctx, size)
	if err != nil {
		return nil, err
	}
	if index >= size {
		return nil, fmt.Errorf("proving leaf %d of %d: %w", index, size, fault.NotFound)
	}
	hashes, err := b.InclusionProof(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("proving leaf %d of %d: %w", index, size, err)
	}
	return hashes, nil
}

// Consistency proves that the tree of to leaves extends that of from leaves.
func (l *Log) Consistency(ctx context.Context, from, to uint64) ([][]byte, error) {
	b, err := l.prover(ctx, to)
	if err != nil {
		return nil, err
	}
	if from > to {
		return nil, fmt.Errorf("proving that %d leaves extend %d: %w", to, from, fault.Invalid)
	}
	hashes, err := b.ConsistencyProof(ctx, from, to)
	if err != nil {
		return nil, fmt.Errorf("proving that %d leaves extend %d: %w", to, from, err)
	}
	return hashes, nil
}

func (l *Log) prover(ctx context.Context, size uint64) (*client.ProofBuilder, error) {
	whole, err := l.Size(ctx)
	if err != nil {
		return nil, err
	}
	if size > whole {
		return nil, fmt.Errorf("proving in a tree of %d leaves, of which there are %d: %w", size, whole, fault.NotFound)
	}
	b, err := client.NewProofBuilder(ctx, size, within(l.read.ReadTile, whole))
	if err != nil {
		return nil, fmt.Errorf("preparing a proof: %w", err)
	}
	return b, nil
}

// Size returns the number of leaves in the tree, in a checkpoint or not yet.
func (l *Log) Size(ctx context.Context) (uint64, error) {
	n, err := l.read.IntegratedSize(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the size of the ledger: %w", err)
	}
	return n, nil
}

// Leaf returns the leaf at index, NotFound beyond the tree.
func (l *Log) Leaf(ctx context.Context, index uint64) ([]byte, error) {
	whole, err := l.Size(ctx)
	if err != nil {
		return nil, err
	}
	if index >= whole {
		return nil, fmt.Errorf("reading leaf %d of %d: %w", index, whole, fault.NotFound)
	}
	bundle, err := client.GetEntryBundle(ctx, l.read.ReadEntryBundle, index/layout.EntryBundleWidth, whole)
	if err != nil {
		return nil, fmt.Errorf("reading leaf %d: %w", index, err)
	}
	at := index % layout.EntryBundleWidth
	if at >= uint64(len(bundle.Entries)) {
		return nil, fmt.Errorf("reading leaf %d: its bundle ends before it: %w", index, fault.Tampered)
	}
	return bundle.Entries[at], nil
}
