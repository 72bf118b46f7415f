// Package spool keeps blocks of bytes that are too many for memory, for as long
// as a process needs them and no longer. A Spool is a file that has no name from
// the moment that it is made, so that it ends with the process, however that
// ends. Each block is sealed (AES-256-GCM) under a key that is drawn with the
// Spool and is in memory only, and under its place in the order: what is left on
// a disk, or in a backup of it, opens to nobody, and what was changed or moved
// there does not open. So a block is as safe as in memory, but for its size.
//
// It keeps nothing over a crash; what must be there afterwards is for a store or
// a journal. How many blocks there are, and of what size, is for all to see who
// can read the disk.
package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/yunei/yunei/fault"
)

// A Spool keeps blocks in the order in which they were appended. It may be used
// by many goroutines. The zero Spool keeps nothing.
type Spool struct {
	mu   sync.Mutex
	file *os.File
	aead cipher.AEAD
	ends []int64 // of each block in the file
}

// New makes an empty Spool in a folder, the system's for temporary files if dir
// is "". Its size is taken from the disk that the folder is on.
func New(dir string) (*Spool, error) {
	var key [32]byte
	defer clear(key[:])
	if _, err := rand.Read(key[:]); err != nil {
		return nil, fmt.Errorf("drawing a spool's key: %w", err)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("making a spool: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("making a spool: %w", err)
	}
	f, err := os.CreateTemp(dir, ".spool-*")
	if err != nil {
		return nil, fmt.Errorf("making a spool: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, fmt.Errorf("taking a spool's name away: %w", errors.Join(err, f.Close()))
	}
	return &Spool{file: f, aead: aead}, nil
}

// Append keeps a block, which may be written to afterwards. After an error, of
// which the usual one is that the disk is full, the Spool takes no more: a place
// in the order is sealed once.
func (s *Spool) Append(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aead == nil {
		return fmt.Errorf("spooling: closed: %w", fault.Conflict)
	}
	at := s.size()
	sealed := s.aead.Seal(nil, nonce(len(s.ends)), b, nil)
	if _, err := s.file.WriteAt(sealed, at); err != nil {
		return fmt.Errorf("spooling: %w", errors.Join(err, s.close()))
	}
	s.ends = append(s.ends, at+int64(len(sealed)))
	return nil
}

// Read returns the i-th block, counted from 0.
func (s *Spool) Read(i int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aead == nil {
		return nil, fmt.Errorf("reading a spool: closed: %w", fault.Conflict)
	}
	if i < 0 || i >= len(s.ends) {
		return nil, fmt.Errorf("reading a spool: block %d of %d: %w", i, len(s.ends), fault.NotFound)
	}
	at := int64(0)
	if i > 0 {
		at = s.ends[i-1]
	}
	sealed := make([]byte, s.ends[i]-at)
	if _, err := s.file.ReadAt(sealed, at); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading a spool: block %d is cut short: %w", i, fault.Tampered)
	} else if err != nil {
		return nil, fmt.Errorf("reading a spool: %w", err)
	}
	b, err := s.aead.Open(sealed[:0], nonce(i), sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("reading a spool: block %d is not what was kept: %w", i, fault.Tampered)
	}
	return b, nil
}

// Len returns how many blocks there are.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ends)
}

// Close forgets the key and gives the disk back. Afterwards there is nothing to
// read; a second Close is no error.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.close()
}

func (s *Spool) close() error {
	if s.aead == nil {
		return nil
	}
	s.aead, s.ends = nil, nil
	return s.file.Close()
}

func (s *Spool) size() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// nonce is that of the i-th block. A key seals a block once.
func nonce(i int) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), uint64(i)) //nolint:gosec // a length
}

// Format prints no more than what a Spool is, for every verb.
func (s *Spool) Format(f fmt.State, _ rune) { fmt.Fprint(f, "spool.Spool") }
