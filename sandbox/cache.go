package sandbox

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/sandbox/wire"
)

// A Cache keeps what a runner compiled, so that the next one need not. The
// engine would run whatever such a file says, so each is authenticated under
// the site's key, together with the program that it was made of and the build
// of runner and engine that made it; a file that does not verify is removed,
// and never shown to a runner. The artefact itself comes from a jailed child
// that has not seen a row. The zero Cache keeps nothing. Several processes may
// share a folder.
type Cache struct {
	Dir  string       // made if it is not there
	Key  []byte       // 32 bytes or more, the site's own
	Most int64        // bytes of all files together; 0 means 1 GiB
	Log  *slog.Logger // says which file was removed; nil: nobody
}

const (
	cacheVersion = "yunei compiled guest 1"
	cacheMost    = 1 << 30
	cacheKeySize = 32
	cacheSuffix  = ".guest"
)

func (c Cache) check() error {
	if c.Dir != "" && len(c.Key) < cacheKeySize {
		return fmt.Errorf("cache of compiled guests: a key of %d bytes, want %d: %w", len(c.Key), cacheKeySize, fault.Invalid)
	}
	return nil
}

// A shelf is the place of one guest's compiled form in a Cache. A nil shelf
// keeps nothing.
type shelf struct {
	cache Cache
	path  string
	// bound is what the MAC covers beside the artefact: the build and the guest.
	bound []byte
}

// shelf returns the place of a guest run by the runner at path, or nil. A
// runner of which is not known all that it links is one whose artefacts are
// not kept.
func (c Cache) shelf(path string, admitted []byte) *shelf {
	if c.Dir == "" {
		return nil
	}
	build, err := buildOf(path)
	if err != nil {
		c.say("not caching compiled guests", path, err)
		return nil
	}
	digest := sha256.Sum256(admitted)
	s := &shelf{cache: c, bound: slices.Concat([]byte(cacheVersion), build[:], digest[:])}
	name := sha256.Sum256(s.bound)
	s.path = filepath.Join(c.Dir, hex.EncodeToString(name[:])+cacheSuffix)
	return s
}

//nolint:contextcheck,nolintlint // a line of the log waits for nothing; contextcheck heeds this here, and reports it at the callers
func (c Cache) say(what, path string, err error) {
	if c.Log != nil {
		c.Log.LogAttrs(context.Background(), slog.LevelWarn, what, slog.String("path", path), slog.Any("err", err))
	}
}

func (s *shelf) mac(artefact []byte) []byte {
	m := hmac.New(sha256.New, s.cache.Key)
	_, _ = m.Write(s.bound) // a hash does not fail; of fixed length, as are all parts but the last
	_, _ = m.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(artefact))))
	_, _ = m.Write(artefact)
	return m.Sum(nil)
}

// get returns the artefact, or nil.
func (s *shelf) get() []byte {
	if s == nil {
		return nil
	}
	b, err := readBounded(s.path, sha256.Size+wire.MaxCompiled)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && (len(b) <= sha256.Size || !hmac.Equal(b[:sha256.Size], s.mac(b[sha256.Size:]))) {
		err = fmt.Errorf("verifying: %w", fault.Tampered)
	}
	if err != nil {
		s.remove(err)
		return nil
	}
	// Used now; an error leaves it looking older than it is.
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, s.path, []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}, unix.AT_SYMLINK_NOFOLLOW)
	return b[sha256.Size:]
}

func readBounded(path string, most int64) ([]byte, error) {
	// Neither a link nor a pipe that somebody has put there.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("reading %d bytes of mode %v: %w", info.Size(), info.Mode(), fault.Tampered)
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

func (s *shelf) remove(why error) {
	if s == nil {
		return
	}
	s.cache.say("removing a compiled guest", s.path, why)
	_ = os.Remove(s.path) // whoever cannot remove it will not verify it either
}

// put keeps the artefact. That it could not is said, and no more: a cache is
// a convenience.
func (s *shelf) put(artefact []byte) {
	if s == nil || len(artefact) == 0 {
		return
	}
	if err := s.write(artefact); err != nil {
		s.cache.say("not keeping a compiled guest", s.path, err)
		return
	}
	s.cache.evict()
}

func (s *shelf) write(artefact []byte) (err error) {
	if err := os.MkdirAll(s.cache.Dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.cache.Dir, "new-*"+cacheSuffix) // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(s.mac(artefact))
	if err == nil {
		_, err = f.Write(artefact)
	}
	// Not synced: what a crash tears does not verify.
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path)
}

// evict removes the files that were used least recently until the rest fit.
func (c Cache) evict() {
	list, err := os.ReadDir(c.Dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	var sum int64
	for _, e := range list {
		// One that another process has just removed has no info.
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && filepath.Ext(e.Name()) == cacheSuffix {
			files = append(files, info)
			sum += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	most := cmp.Or(c.Most, cacheMost)
	for _, f := range files {
		if sum <= most {
			return
		}
		_ = os.Remove(filepath.Join(c.Dir, f.Name()))
		sum -= f.Size()
	}
}
