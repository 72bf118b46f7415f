package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/yunei/yunei/fault"
)

// A line is the CRC-32C of the rest as 8 hex digits, a space, the JSON of a
// record, and a newline. The checksum finds damage to the last line, which has
// no line after it that holds its hash.
type record struct {
	Seq   uint64          `json:"seq"`
	Prev  string          `json:"prev"` // SHA-256 of the line before, in hex
	Once  bool            `json:"once,omitempty"`
	Kind  string          `json:"kind"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

const crcSize = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// genesis is the hash before the first line.
func genesis(owner string) hash { return sha256.Sum256([]byte("yunei journal 1\x00" + owner)) }

// encode returns e as the line after the one that hashes to prev.
func encode(e Entry, prev hash) ([]byte, error) {
	body, err := json.Marshal(record{e.Seq, hex.EncodeToString(prev[:]), e.once, e.Kind, e.Key, e.Value})
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(make([]byte, 0, len(body)+crcSize+2), "%08x %s\n", crc32.Checksum(body, castagnoli), body), nil
}

// read takes all lines of r into memory and returns how many bytes they are.
// A last line without a newline is not counted, and no error. Any other line
// that is not byte for byte what encode makes is.
func (j *Journal) read(r io.Reader) (whole int64, err error) {
	b := bufio.NewReader(r)
	var line []byte
	for {
		part, err := b.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > MaxLine:
			err = fmt.Errorf("it is longer than %d bytes: %w", MaxLine, fault.Tampered)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return whole, nil
		case err == nil:
			err = j.decode(line)
		}
		if err != nil {
			return whole, fmt.Errorf("line %d: %w", len(j.all)+1, err)
		}
		whole += int64(len(line))
		line = line[:0]
	}
}

// decode takes one line into memory.
func (j *Journal) decode(line []byte) error {
	if len(line) < crcSize+2 {
		return fmt.Errorf("it is too short: %w", fault.Tampered)
	}
	body := line[crcSize+1 : len(line)-1]
	if fmt.Sprintf("%08x ", crc32.Checksum(body, castagnoli)) != string(line[:crcSize+1]) {
		return fmt.Errorf("its checksum does not hold: %w", fault.Tampered)
	}
	var r record
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("it is no record: %w: %w", fault.Tampered, err)
	}
	e := Entry{Seq: uint64(len(j.all)) + 1, Kind: r.Kind, Key: r.Key, Value: r.Value, once: r.Once}
	// Number and hash are checked by making the line again: it comes out the
	// same only if both are right and there is one way to read it.
	again, err := encode(e, j.hashes[len(j.hashes)-1])
	if err != nil || !bytes.Equal(again, line) {
		return fmt.Errorf("it does not follow the line before it: %w", fault.Tampered)
	}
	if err := errors.Join(checkName(e.Kind), checkName(e.Key), j.fits(e)); err != nil {
		return fmt.Errorf("nobody would have written it: %w: %w", fault.Tampered, err)
	}
	j.keep(e, line)
	return nil
}
