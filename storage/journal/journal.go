// Package journal is one daemon's record of what it signed, spent and
// answered: lines that are only ever added, each on the disk before the call
// that adds it returns, and all read back at start. Evidence comes before
// effect: a daemon journals first and acts then, and what it did once (Once)
// it will not do otherwise after a crash.
//
// Every line has a number, a checksum, and the hash of the line before it, from
// the daemon's name on. So damage, an edit, and another daemon's file are found
// at Open. The one thing mended there is a last line without its end: its
// writer died before it was acknowledged. The hashes are not keyed. Who can
// write to the file can write it anew, or put an older copy in its place, and
// no look at the file finds that: others keep its Head for it (witnesses do),
// and Extends compares.
//
// One process at a time has a journal, by flock(2). It all lies in memory, and
// nothing is ever removed: what is journalled is small, and holds no secret,
// since the file is only 0600 and not sealed.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
)

// Bounds, in bytes.
const (
	MaxLine = 1 << 20 // an entry as a line, with all that is around the value
	MaxName = 512     // a kind, a key
)

// An Entry is one thing that was journalled.
type Entry struct {
	Seq       uint64 // from 1 on, without gaps
	Kind, Key string
	Value     json.RawMessage // not to be changed
	once      bool
}

// Decode reads the value into v.
func (e Entry) Decode(v any) error {
	if err := json.Unmarshal(e.Value, v); err != nil {
		return fmt.Errorf("reading entry %d (%s %q): %w", e.Seq, e.Kind, e.Key, err)
	}
	return nil
}

// A Head says how far a journal goes, and stands for all that is in it. The
// zero Head is no journal's.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"` // 64 hex digits
}

// A Journal is an open journal. Its methods may be called by many goroutines.
type Journal struct {
	mu     sync.Mutex
	f      file
	all    []Entry
	hashes []hash // of each line; the first is of the daemon's name
	last   map[id]int
	kinds  map[string][]int
	broken error // why nothing more is added
}

type (
	hash = [sha256.Size]byte
	id   struct{ kind, key string }

	// A file is as much of os.File as an open journal needs.
	file interface {
		Write(p []byte) (int, error)
		Sync() error
		Close() error
	}
)

var errClosed = errors.New("the journal is closed")

// Open opens the journal at path of the daemon that owner names, and makes it
// if there is none. The error is Conflict while another process has it,
// Denied if others than the file's owner may read or write it, and Tampered if
// it is damaged or somebody else's.
func Open(path, owner string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600) //nolint:gosec // the caller's choice
	if err != nil {
		return nil, fmt.Errorf("opening a journal: %w", err)
	}
	j := &Journal{f: f, hashes: []hash{genesis(owner)}, last: map[id]int{}, kinds: map[string][]int{}}
	if err := errors.Join(j.load(f), syncDir(filepath.Dir(path))); err != nil {
		return nil, fmt.Errorf("opening the journal of %s: %w", owner, errors.Join(err, f.Close()))
	}
	return j, nil
}

// load locks f, reads it, and cuts off a torn last line.
func (j *Journal) load(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another process has it: %w: %w", fault.Conflict, err)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("its mode is %v: %w", info.Mode(), fault.Denied)
	}
	whole, err := j.read(f)
	if err != nil {
		return err
	}
	if whole < info.Size() {
		if err := f.Truncate(whole); err != nil {
			return err
		}
	}
	// What a dead writer wrote and did not sync counts from now on.
	return f.Sync()
}

func syncDir(path string) error {
	d, err := os.Open(path) //nolint:gosec // the caller's choice
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Append adds an entry, and returns when it is on the disk. Value is anything
// that encodes to JSON. Keys may come again, save those of Once: that is
// Conflict. After a write that failed, every Append is refused until the
// journal is opened anew: what the disk has is not known before.
func (j *Journal) Append(kind, key string, value any) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.add(Entry{Kind: kind, Key: key}, value)
}

// Once adds the one entry of kind and key that there will ever be. The same
// value again is fine and reports already; another value is Conflict, and Get
// has the first. Values are the same when their JSON is.
func (j *Journal) Once(kind, key string, value any) (already bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i, ok := j.last[id{kind, key}]; ok && j.all[i].once {
		raw, err := json.Marshal(value)
		if err != nil {
			return false, fmt.Errorf("journalling %s %q: %w: %w", kind, key, fault.Invalid, err)
		}
		if !bytes.Equal(raw, j.all[i].Value) {
			return false, fmt.Errorf("journalling %s %q: entry %d has another value: %w", kind, key, j.all[i].Seq, fault.Conflict)
		}
		return true, nil
	}
	return false, j.add(Entry{Kind: kind, Key: key, once: true}, value)
}

// add writes e with value behind all others.
func (j *Journal) add(e Entry, value any) error {
	line, err := j.encode(&e, value)
	if err != nil {
		return fmt.Errorf("journalling %s %.80q: %w", e.Kind, e.Key, err)
	}
	if j.broken != nil {
		return fmt.Errorf("journalling %s %q: %w", e.Kind, e.Key, j.broken)
	}
	if err := j.write(line); err != nil {
		j.broken = fmt.Errorf("the journal is broken: %w", err)
		return fmt.Errorf("journalling %s %q: %w", e.Kind, e.Key, j.broken)
	}
	j.keep(e, line)
	return nil
}

// encode checks e and makes the line of it.
func (j *Journal) encode(e *Entry, value any) ([]byte, error) {
	if err := errors.Join(checkName(e.Kind), checkName(e.Key)); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.Invalid, err)
	}
	e.Seq, e.Value = uint64(len(j.all))+1, raw
	if err := j.fits(*e); err != nil {
		return nil, err
	}
	line, err := encode(*e, j.hashes[len(j.hashes)-1])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.Invalid, err)
	}
	if len(line) > MaxLine {
		return nil, fmt.Errorf("%d bytes, more than %d: %w", len(line), MaxLine, fault.Exhausted)
	}
	return line, nil
}

// fits reports a Conflict if e or the entry before it of that name is the only
// one there may be.
func (j *Journal) fits(e Entry) error {
	i, ok := j.last[id{e.Kind, e.Key}]
	if ok && (e.once || j.all[i].once) {
		return fmt.Errorf("entry %d is there: %w", j.all[i].Seq, fault.Conflict)
	}
	return nil
}

func checkName(s string) error {
	if s == "" || len(s) > MaxName || !utf8.ValidString(s) {
		return fmt.Errorf("a kind or key is empty, too long or not UTF-8: %w", fault.Invalid)
	}
	return nil
}

func (j *Journal) write(line []byte) error {
	_, err := j.f.Write(line)
	if err == nil {
		err = j.f.Sync()
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return fmt.Errorf("%w: %w", fault.Exhausted, err)
	}
	return err
}

// keep takes e, which is on the disk as line, into memory.
func (j *Journal) keep(e Entry, line []byte) {
	i := len(j.all)
	j.all = append(j.all, e)
	j.hashes = append(j.hashes, sha256.Sum256(line))
	j.last[id{e.Kind, e.Key}] = i
	j.kinds[e.Kind] = append(j.kinds[e.Kind], i)
}

// Get reads the value of the last entry of kind and key into v, or says
// NotFound.
func (j *Journal) Get(kind, key string, v any) error {
	j.mu.Lock()
	i, ok := j.last[id{kind, key}]
	if !ok {
		j.mu.Unlock()
		return fmt.Errorf("reading the journal: no %s %.80q: %w", kind, key, fault.NotFound)
	}
	e := j.all[i]
	j.mu.Unlock()
	return e.Decode(v)
}

// All returns the entries of kind in their order.
func (j *Journal) All(kind string) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries := make([]Entry, 0, len(j.kinds[kind]))
	for _, i := range j.kinds[kind] {
		entries = append(entries, j.all[i])
	}
	return slices.Clip(entries)
}

// Seq returns the number of the last entry, 0 for none.
func (j *Journal) Seq() uint64 { return j.Head().Seq }

// Head returns what a witness should keep.
func (j *Journal) Head() Head {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := len(j.all)
	return Head{uint64(n), hex.EncodeToString(j.hashes[n][:])}
}

// Extends reports an error of kind Tampered unless the journal holds all that
// it held when it had the head h: it is not an older copy, nor another.
func (j *Journal) Extends(h Head) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := uint64(len(j.all))
	if h.Seq > n {
		return fmt.Errorf("checking the journal: it ends at entry %d, and %d was seen: %w", n, h.Seq, fault.Tampered)
	}
	if hex.EncodeToString(j.hashes[h.Seq][:]) != h.Hash {
		return fmt.Errorf("checking the journal: entry %d is not the one that was seen: %w", h.Seq, fault.Tampered)
	}
	return nil
}

// Close closes the journal and lets another process have it. What was read
// can still be read.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if errors.Is(j.broken, errClosed) {
		return nil
	}
	j.broken = errClosed
	return j.f.Close()
}
