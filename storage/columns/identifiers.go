package columns

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/yunei/yunei/ident"
)

// A version remembers the values of its dropped columns as marks: so that
// nothing that leaves can hold one of them. A mark is 64 bits of an HMAC under
// the unit key, in a namespace of its own; the marks are sorted and stand, eight
// bytes each, between the last shard and the footer, whose metadata says where.
// A version of before there were any has none: what it held is then unknown.
//
// The values are compared by their letters and digits alone, of compatibility
// forms (NFKC) and without case; citizen numbers and credit codes in their
// canonical form. Values of one character, and numbers of fewer than six
// digits, are left out: they would be found in every count and year.
type marks struct {
	key    []byte
	list   []uint64
	sorted int // how many of list are sorted, without repetition
	seed   maphash.Seed
	seen   []uint64 // hashes of cells, each at its place
}

// namespaceOfMarks keeps marks apart from the keys of units.
const namespaceOfMarks = "identifier"

const (
	markSize  = 8
	leastMark = 2 // characters
	leastLong = 6 // digits
)

// A section is where the marks stand, under sectionKey in the metadata. The
// first of them is the mark of nothing, by which a wrong key is known.
type section struct {
	Offset int64 `json:"offset"`
	Count  int64 `json:"count"` // after the first
}

const sectionKey = "yunei.columns.identifiers"

func mark(key []byte, canonical string) uint64 {
	k := ident.UnitKey(key, namespaceOfMarks, canonical)
	return binary.BigEndian.Uint64(k[:markSize])
}

const seenCells = 1 << 16

func newMarks(key []byte) *marks {
	return &marks{key: key, seed: maphash.MakeSeed(), seen: make([]uint64, seenCells)}
}

// add takes a cell of a dropped column. Most were seen a while ago, for a unit
// has several rows: a mark costs more than the rest of a cell.
func (m *marks) add(cell string) {
	if cell == "" {
		return
	}
	hash := maphash.String(m.seed, cell)
	place := &m.seen[hash%seenCells]
	if *place == hash {
		return
	}
	*place = hash
	if canonical := identifierOf(cell); canonical != "" {
		m.list = append(m.list, mark(m.key, canonical))
	}
	if len(m.list) > 2*m.sorted+stride {
		m.sort()
	}
}

func (m *marks) sort() {
	slices.Sort(m.list)
	m.list = slices.Compact(m.list)
	m.sorted = len(m.list)
}

// write puts the section at the end of what out has taken.
func (m *marks) write(out *sink) (section, error) {
	m.sort()
	s := section{Offset: out.n, Count: int64(len(m.list))}
	buf := binary.BigEndian.AppendUint64(make([]byte, 0, stride), mark(m.key, ""))
	for _, x := range m.list {
		if len(buf)+markSize > cap(buf) {
			if _, err := out.Write(buf); err != nil {
				return section{}, err
			}
			buf = buf[:0]
		}
		buf = binary.BigEndian.AppendUint64(buf, x)
	}
	_, err := out.Write(buf)
	return s, err
}

// identifierOf is the canonical form of a value, "" if it has none.
func identifierOf(s string) string {
	if p, err := ident.Person(s); err == nil {
		return p.Canonical()
	}
	if b, err := ident.Body(s); err == nil {
		return b.Canonical()
	}
	var b strings.Builder
	n, numeral := 0, true
	for _, r := range norm.NFKC.String(s) {
		letter := unicode.IsLetter(r)
		if !letter && !unicode.IsNumber(r) {
			continue
		}
		if letter {
			numeral = false
			r = unicode.ToLower(unicode.ToUpper(r))
		}
		b.WriteRune(r)
		n++
	}
	if n < leastMark || numeral && n < leastLong {
		return ""
	}
	return b.String()
}

// readSection checks where the marks are said to stand.
func readSection(raw []byte, size int64) (*section, error) {
	var s section
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("the place of the identifiers: %w", err)
	}
	if s.Offset < 0 || s.Offset > size || s.Count < 0 || s.Count >= (size-s.Offset)/markSize {
		return nil, errors.New("the identifiers lie outside the file")
	}
	return &s, nil
}

// Bounds of a text that Identifies looks at word by word.
const (
	mostWords = 6 // in a row, taken together: a name of several words
	leastHan  = 3 // characters without a space between, taken as a word
	mostHan   = 6
)

// Identifies reports whether a text, or words of it, is a value of one of the
// columns that were dropped: up to six words in a row, and of three to six
// Chinese characters in a row. It is known only if the version has marks, they
// can be read, and key is the unit key that it was ingested under; else hit is
// false and says nothing.
//
// The answer tells whether somebody is in the data: it must not reach whoever
// wrote the text. The marks are read at the first call, and stay in memory, 8
// bytes for each value.
func (v *Version) Identifies(key []byte, text string) (hit, known bool) {
	if v.section == nil || len(key) < ident.MinKey {
		return false, false
	}
	v.once.Do(func() { v.marks, v.nothing = v.readMarks() })
	if v.marks == nil || v.nothing != mark(key, "") {
		return false, false
	}
	for canonical := range candidates(text) {
		if _, hit := slices.BinarySearch(v.marks, mark(key, canonical)); hit {
			return true, true
		}
	}
	return false, true
}

// readMarks reads the section; it returns nil if that cannot be.
func (v *Version) readMarks() (list []uint64, nothing uint64) {
	r := io.NewSectionReader(v.source, v.section.Offset, (v.section.Count+1)*markSize)
	buf := make([]byte, stride)
	list = []uint64{}
	for left := (v.section.Count + 1) * markSize; left > 0; {
		part := buf[:min(left, stride)]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, 0
		}
		left -= int64(len(part))
		for ; len(part) > 0; part = part[markSize:] {
			list = append(list, binary.BigEndian.Uint64(part))
		}
	}
	nothing, list = list[0], list[1:]
	if !slices.IsSorted(list) {
		return nil, 0
	}
	return list, nothing
}

// candidates gives the canonical forms of a text and of its words.
func candidates(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		give := func(s string) bool {
			c := identifierOf(s)
			return c == "" || yield(c)
		}
		if !give(text) {
			return
		}
		words := wordsOf(norm.NFKC.String(text))
		for i := range words {
			for to := i + 1; to <= min(len(words), i+mostWords); to++ {
				if !give(strings.Join(words[i:to], "")) {
					return
				}
			}
			han := []rune(words[i])
			if !unicode.Is(unicode.Han, han[0]) {
				continue
			}
			for from := range han {
				for to := from + leastHan; to <= min(len(han), from+mostHan); to++ {
					if !give(string(han[from:to])) {
						return
					}
				}
			}
		}
	}
}

// wordsOf splits a text at all that is no letter or number, and between Chinese
// characters and others.
func wordsOf(text string) []string {
	var words []string
	start, before := -1, false
	for i, r := range text {
		word, han := unicode.IsLetter(r) || unicode.IsNumber(r), unicode.Is(unicode.Han, r)
		if start >= 0 && (!word || han != before) {
			words, start = append(words, text[start:i]), -1
		}
		if word && start < 0 {
			start = i
		}
		before = han
	}
	if start >= 0 {
		words = append(words, text[start:])
	}
	return words
}
