// Package dir is storage.Store in a directory of one machine's file system,
// the embedded default. An object is a file that bears the object's name. It is
// written beside the objects under a name of chance, synced, and given its own
// name by link(2), which is atomic and refuses a name that is taken; then its
// folder is synced. So a reader never sees a part of an object, and what Put
// has acknowledged outlives the loss of power, as far as the file system keeps
// its word on fsync(2) (Pillai et al., "All File Systems Are Not Created
// Equal", OSDI 2014).
//
// The file system must know hard links and flock. Files are 0600 and folders
// 0700: it trusts the user that it runs as and root, and keeps nobody else
// out who can act as either; confidential objects are sealed before they come.
package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	// writing is where objects are written. As no segment of a name starts
	// with a dot, it is nobody's.
	writing = ".writing"
)

// A Store keeps objects below one folder. Several processes may share it.
type Store struct {
	root   *os.Root
	synced sync.Map // folders whose own entry is known to be durable
}

var _ storage.Store = (*Store)(nil)

// Open opens the store below folder, which it makes if there is none, and
// sweeps what dead writers left.
func Open(folder string) (*Store, error) {
	if err := os.MkdirAll(folder, dirMode); err != nil { //nolint:gosec // the caller's choice
		return nil, fmt.Errorf("opening a store: %w", kind(err))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("opening a store: %w", kind(err))
	}
	s := &Store{root: root}
	if err := errors.Join(s.mkdir(writing), s.sweep()); err != nil {
		return nil, fmt.Errorf("opening a store: %w", errors.Join(err, root.Close()))
	}
	return s, nil
}

// Close closes the store. Objects that are open stay so.
func (s *Store) Close() error { return s.root.Close() }

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, name storage.Name, r io.Reader) error {
	if err := name.Check(); err != nil {
		return err
	}
	if err := s.put(ctx, string(name), r); err != nil {
		return fmt.Errorf("putting %s: %w", name, kind(err))
	}
	return nil
}

func (s *Store) put(ctx context.Context, name string, r io.Reader) error {
	// A look first spares a loser the writing; the link decides.
	if _, err := s.root.Lstat(name); err == nil {
		return fs.ErrExist
	}
	f, temp, err := s.temp()
	if err != nil {
		return err
	}
	err = s.write(ctx, f, r)
	if err == nil {
		err = s.mkdir(path.Dir(name))
	}
	if err == nil {
		err = s.root.Link(temp, name)
	}
	// The name goes before the lock does, so that no sweep meets it. Should
	// it stay, the next sweep takes it; the object does not depend on it.
	_ = s.root.Remove(temp)
	err = errors.Join(err, f.Close())
	if err != nil {
		return err
	}
	return s.sync(path.Dir(name))
}

// temp makes a file to write to, locked as long as its writer lives.
func (s *Store) temp() (*os.File, string, error) {
	name := writing + "/" + rand.Text()
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, "", err
	}
	// A sweep may come between these two calls and take the file for dead.
	// Then the link finds nothing to link, and Put fails for no good reason:
	// so wait for the sweep's lock, and see whether the name is still there.
	if err := flock(f, unix.LOCK_EX); err != nil {
		return nil, "", errors.Join(err, f.Close(), s.root.Remove(name))
	}
	if _, err := s.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return s.again(f)
	}
	return f, name, nil
}

func flock(f *os.File, how int) error {
	return unix.Flock(int(f.Fd()), how)
}

// again starts anew after a sweep took the file f.
func (s *Store) again(f *os.File) (*os.File, string, error) {
	if err := f.Close(); err != nil {
		return nil, "", err
	}
	return s.temp()
}

func (s *Store) write(ctx context.Context, f *os.File, r io.Reader) error {
	// The bare Writer keeps os.File from choosing a smaller buffer.
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, storage.Reader(ctx, r), make([]byte, 256<<10)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return ctx.Err()
}

// mkdir makes the folder and those above it durable.
func (s *Store) mkdir(folder string) error {
	if _, ok := s.synced.Load(folder); ok || folder == "." {
		return nil
	}
	if err := s.mkdir(path.Dir(folder)); err != nil {
		return err
	}
	if err := s.root.Mkdir(folder, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Even a folder that was there: its maker may not have got to this line.
	if err := s.sync(path.Dir(folder)); err != nil {
		return err
	}
	s.synced.Store(folder, nil) // folders are never removed
	return nil
}

func (s *Store) sync(folder string) error {
	d, err := s.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sweep removes the files of writers that died: those that nobody locks.
func (s *Store) sweep() error {
	left, err := fs.ReadDir(s.root.FS(), writing)
	if err != nil {
		return err
	}
	for _, e := range left {
		name := writing + "/" + e.Name()
		f, err := s.root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its writer is done
		}
		if err != nil {
			return err
		}
		if flock(f, unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = s.root.Remove(name)
		}
		if err := errors.Join(err, f.Close()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, name storage.Name) (storage.Object, error) {
	if err := errors.Join(name.Check(), ctx.Err()); err != nil {
		return nil, err
	}
	f, err := s.root.Open(string(name))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, kind(err))
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("not a file: %w", fault.Tampered)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, errors.Join(kind(err), f.Close()))
	}
	return &object{ctx, f, info.Size()}, nil
}

type object struct {
	ctx  context.Context // an io.ReaderAt has no room for one
	f    *os.File
	size int64
}

func (o *object) Size() int64  { return o.size }
func (o *object) Close() error { return o.f.Close() }

func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.f.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("reading an object: %w", kind(err))
	}
	return n, err
}

// List implements storage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Name, error] {
	return func(yield func(storage.Name, error) bool) {
		if err := storage.CheckPrefix(prefix); err != nil {
			yield("", err)
			return
		}
		// The prefix may end within a name: only its folder is walked.
		s.list(ctx, strings.TrimSuffix(prefix[:strings.LastIndexByte(prefix, '/')+1], "/"), prefix, yield)
	}
}

// list yields what lies below folder and starts with prefix; false ends all.
func (s *Store) list(ctx context.Context, folder, prefix string, yield func(storage.Name, error) bool) bool {
	entries, err := fs.ReadDir(s.root.FS(), path.Join(".", folder))
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		yield("", fmt.Errorf("listing objects: %w", kind(err)))
		return false
	}
	for _, full := range paths(folder, entries) {
		below, isFolder := strings.CutSuffix(full, "/")
		switch {
		case isFolder && (strings.HasPrefix(full, prefix) || strings.HasPrefix(prefix, full)):
			if !s.list(ctx, below, prefix, yield) {
				return false
			}
		case !isFolder && strings.HasPrefix(full, prefix) && storage.Name(full).Check() == nil:
			if !yield(storage.Name(full), nil) {
				return false
			}
		}
	}
	return true
}

// paths returns the entries of folder with their whole paths in the order in
// which names are listed: a folder stands where its "/" puts it.
func paths(folder string, entries []fs.DirEntry) []string {
	var all []string
	for _, e := range entries {
		full := path.Join(folder, e.Name())
		if e.IsDir() && full != writing {
			all = append(all, full+"/")
		} else if e.Type().IsRegular() {
			all = append(all, full)
		}
	}
	slices.Sort(all)
	return all
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, name storage.Name) error {
	if err := errors.Join(name.Check(), ctx.Err()); err != nil {
		return err
	}
	err := s.root.Remove(string(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.sync(path.Dir(string(name)))
	}
	if err != nil {
		return fmt.Errorf("deleting %s: %w", name, kind(err))
	}
	return nil
}

// kind gives err the kind that the contract names for it.
func kind(err error) error {
	for _, c := range []struct {
		is   error
		kind fault.Kind
	}{
		{fs.ErrExist, fault.Conflict},
		{fs.ErrNotExist, fault.NotFound},
		{unix.ENOTDIR, fault.NotFound},
		{fs.ErrPermission, fault.Denied},
		{unix.ENOSPC, fault.Exhausted},
		{unix.EDQUOT, fault.Exhausted},
		{unix.EFBIG, fault.Exhausted},
	} {
		if errors.Is(err, c.is) {
			return fmt.Errorf("%w: %w", c.kind, err)
		}
	}
	return err
}
