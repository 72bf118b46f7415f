package prio

import (
	"encoding/binary"
	"fmt"

	"github.com/yunei/yunei/fault"
)

// An entry is what an aggregator says about one report of a list.
type entry struct {
	tag    tag
	reason Reason // of its own; 0: it gives an answer
	answer []byte // its prep share
}

// entrySize is that of an entry without an answer.
const entrySize = len(tag{}) + 1

// encodeList encodes entries about the n-th list of a task.
func encodeList(t Task, from Role, list uint32, entries []entry) []byte {
	size := markSize + len(t.id) + 9 + len(entries)*(entrySize+t.answer) + maxSign
	b := append(append(make([]byte, 0, size), begin(answerMark)...), t.id[:]...)
	b = binary.BigEndian.AppendUint32(append(b, byte(from)), list)
	b = binary.BigEndian.AppendUint32(b, uint32(len(entries))) //nolint:gosec // at most ListLimit
	for _, e := range entries {
		b = append(append(append(b, e.tag[:]...), byte(e.reason)), e.answer...)
	}
	return b
}

// parseList reads what encodeList wrote about a list of so many reports: the
// sender's say about each, and an answer for each that it does not reject.
func parseList(t Task, from Role, list uint32, reports int, body []byte) ([]entry, error) {
	r := read(answerMark, body)
	if id := r.hash(); r.bad || id != t.id || Role(r.u8()) != from || r.u32() != list {
		return nil, fmt.Errorf("reading answers: of another task, sender or list: %w", fault.Tampered)
	}
	if n := r.u32(); r.bad || int64(n) != int64(reports) {
		return nil, fmt.Errorf("reading answers: about %d reports, want %d: %w", n, reports, fault.Tampered)
	}
	entries := make([]entry, reports)
	for i := range entries {
		e := entry{tag: r.hash(), reason: Reason(r.u8())}
		switch {
		case e.reason == 0:
			e.answer = r.take(t.answer)
		case e.reason >= Split: // is found by comparing, and not said
			r.bad = true
		}
		entries[i] = e
	}
	return entries, r.done("answers")
}
