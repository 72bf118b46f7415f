// Command sums measures the secure sum of package he, by party and in processor
// time, for short and long vectors, few and many domains, and two committees; in
// the same run, what Microsoft SEAL takes to encrypt the same vectors, and what
// it takes to add them in the clear. Every sum is opened and compared. Lists of
// ciphertexts lie in spools, as they do in the product, and beside each party's
// time stands the most that the heap held. Run it on one core: taskset -c 0.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/storage/spool"
)

func main() {
	root := flag.String("root", ".", "the product's folder")
	longest := flag.Int("longest", 64<<10, "the longest vector, in cells: up to 1048576")
	flag.Parse()
	if err := run(*root, *longest); err != nil {
		fmt.Fprintln(os.Stderr, "sums:", err)
		os.Exit(1)
	}
}

type committee struct{ quorum, size int }

func run(root string, longest int) error {
	runtime.GOMAXPROCS(1)
	fmt.Print(legend)
	fmt.Printf("%8s %8s %7s | %10s %8s %6s | %10s %10s %8s %6s | %10s %6s | %10s %10s\n", "cells", "domains", "keys",
		"encrypt ms", "MB out", "heap", "add ms", "answer ms", "MB in", "heap", "open ms", "heap", "plain ms", "all/plain")
	for _, cells := range []int{4 << 10, 64 << 10, 1 << 20} {
		if cells > longest {
			continue
		}
		var encrypt time.Duration
		for _, domains := range []int{3, 10, 50} {
			for _, c := range []committee{{2, 3}, {3, 5}} {
				r, err := measure(cells, domains, c)
				if err != nil {
					return fmt.Errorf("%d cells, %d domains, %d of %d: %w", cells, domains, c.quorum, c.size, err)
				}
				r.print(cells, domains, c)
				if encrypt == 0 || r.encrypt < encrypt {
					encrypt = r.encrypt
				}
				if cells == 64<<10 && domains == 10 && c.size == 5 {
					fmt.Printf("  bars at 64k cells: encrypt at most 60 ms: %s; answer at most 70 ms: %s\n", milli(r.encrypt), milli(r.answer))
				}
			}
		}
		if err := beside(root, cells, encrypt); err != nil {
			return err
		}
	}
	return nil
}

const legend = `processor time on one core, system calls with it; MB are 10^6 bytes, heap is the most in MiB, of which the benchmark's own vectors are 16 bytes a cell
a domain:  encrypt and MB out (heap)
a trustee: add is hashing and adding all domains' parts, answer is its one answer; MB in is what it fetches (heap)
the gate:  open is switching with the answers of the quorum, and opening; it adds as a trustee does (heap)
plain is adding all domains' vectors in the clear; all is what everybody takes together: domains, committee, gate
one domain's ciphertexts stand for those of all: read once from the disk, then hashed and added as often as there are domains
`

// A result is what the parties of one round take.
type result struct {
	encrypt, add, answer, open, plain time.Duration
	site, trustee, gate               uint64 // heap
	bytes                             int    // of one list
}

func (r result) print(cells, domains int, c committee) {
	n := time.Duration(domains)
	all := n*r.encrypt + time.Duration(c.size+1)*r.add + time.Duration(c.quorum)*r.answer + r.open
	mega := func(b int) string { return fmt.Sprintf("%.1f", float64(b)/1e6) }
	fmt.Printf("%8d %8d %7s | %10s %8s %6d | %10s %10s %8s %6d | %10s %6d | %10s %10.0f\n", cells, domains, fmt.Sprintf("%d of %d", c.quorum, c.size),
		milli(r.encrypt), mega(r.bytes), r.site>>20, milli(r.add), milli(r.answer), mega(domains*r.bytes), r.trustee>>20, milli(r.open), r.gate>>20, milli(r.plain), float64(all)/float64(r.plain))
}

func milli(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1e6) }

// beside has SEAL encrypt as many cells.
func beside(root string, cells int, encrypt time.Duration) error {
	script, turns := filepath.Join(root, "bench", "sums", "seal", "encrypt.mjs"), "3"
	if cells > 64<<10 {
		turns = "1"
	}
	out, err := exec.Command("node", script, strconv.Itoa(cells), turns).CombinedOutput() //nolint:gosec // our own script
	if err != nil {
		return fmt.Errorf("running node-seal (npm install in bench/sums/seal): %w: %s", err, out)
	}
	seal, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return fmt.Errorf("reading what node-seal took: %w", err)
	}
	fmt.Printf("  %d cells: node-seal 5.1.6 encrypts in %.1f ms, %.1f x ours (bar: at least 5 x)\n", cells, seal, seal/(float64(encrypt)/1e6))
	return nil
}

// A list is ciphertexts in a spool, by modulus and chunk.
type list struct {
	*spool.Spool
	chunks int
}

func newList(cells int) (list, error) {
	s, err := spool.New("")
	return list{s, he.Chunks(cells)}, err
}

func (l list) at(m, c int) ([]byte, error) { return l.Read(m*l.chunks + c) }

func (l list) keep(_, _ int, b []byte) error { return l.Append(b) }

// fill makes a list of what one makes for each modulus and chunk.
func (l list) fill(one he.Source) error {
	for m := range he.Moduli {
		for c := range l.chunks {
			b, err := one(m, c)
			if err != nil {
				return err
			}
			if err := l.Append(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// A meter is the processor time, and the most that the heap held when it was
// looked at.
type meter struct {
	start time.Duration
	heap  uint64
}

func begin() *meter {
	runtime.GC()
	return &meter{start: used()}
}

func (m *meter) look() {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.heap = max(m.heap, mem.HeapInuse)
}

func (m *meter) took() time.Duration { return used() - m.start }

// through looks whenever a step gives something.
func (m *meter) through(to he.Sink) he.Sink {
	return func(i, c int, b []byte) error {
		m.look()
		return to(i, c, b)
	}
}

func measure(cells, domains int, c committee) (result, error) {
	r := result{bytes: he.Moduli * he.Chunks(cells) * he.CiphertextSize}
	k, err := newKey(c)
	if err != nil {
		return r, err
	}
	values := draw(cells)
	r.plain = plain(values, domains)
	part, err := newList(cells)
	if err != nil {
		return r, err
	}
	defer part.Close() //nolint:errcheck // nothing to keep
	if err := r.seal(k, values, part); err != nil {
		return r, err
	}
	sum, err := newList(cells)
	if err != nil {
		return r, err
	}
	defer sum.Close() //nolint:errcheck // as above
	m := begin()
	if err := sum.fill(func(i, c int) ([]byte, error) { m.look(); return addOne(part, i, c, domains) }); err != nil {
		return r, err
	}
	r.add, r.trustee = m.took(), m.heap
	answers, err := r.reply(k, c, cells, sum)
	if err != nil {
		return r, err
	}
	return r, r.reveal(k, cells, domains, values, sum, answers)
}

// plain adds in the clear, the best of some turns.
func plain(values []int64, domains int) time.Duration {
	total, best := make([]int64, len(values)), time.Duration(math.MaxInt64)
	turns := max(1, (32<<20)/len(values)/domains) // long enough for the clock
	for range 3 {
		m := begin()
		for range turns * domains {
			for i, v := range values {
				total[i] += v
			}
		}
		best = min(best, m.took()/time.Duration(turns))
	}
	return max(best, 1)
}

// seal encrypts, the best of some turns, and then once more to keep it.
func (r *result) seal(k key, values []int64, to list) error {
	turns := 5
	if len(values) > 64<<10 {
		turns = 1
	}
	r.encrypt = math.MaxInt64
	for range turns {
		m := begin()
		if err := he.Encrypt(k.public, values, func(int, int, []byte) error { return nil }); err != nil {
			return err
		}
		r.encrypt = min(r.encrypt, m.took())
	}
	m := begin()
	err := he.Encrypt(k.public, values, m.through(to.keep))
	r.site = m.heap
	return err
}

// addOne hashes and adds one ciphertext of each domain.
func addOne(part list, m, c, domains int) ([]byte, error) {
	ct, err := part.at(m, c)
	if err != nil {
		return nil, err
	}
	var a he.Adder
	for range domains {
		if sha256.Sum256(ct) == [32]byte{} {
			return nil, errors.New("no hash")
		}
		if err := a.Add(ct); err != nil {
			return nil, err
		}
	}
	return a.Sum()
}

// reply has the first members answer. The best of them is the time.
func (r *result) reply(k key, c committee, cells int, sum list) ([]list, error) {
	active, answers := []int{1, 2, 3}[:c.quorum], []list(nil)
	r.answer = math.MaxInt64
	for _, p := range active {
		l, err := newList(cells)
		if err != nil {
			return nil, err
		}
		m := begin()
		if err := k.members[p].Answer(active, k.gate.PublicKey(), sum.chunks, sum.at, m.through(l.keep)); err != nil {
			return nil, err
		}
		r.answer, r.trustee = min(r.answer, m.took()), max(r.trustee, m.heap)
		answers = append(answers, l)
	}
	return answers, nil
}

// reveal switches and opens, and compares.
func (r *result) reveal(k key, cells, domains int, values []int64, sum list, answers []list) error {
	switched, err := newList(cells)
	if err != nil {
		return err
	}
	defer switched.Close() //nolint:errcheck // nothing to keep
	m := begin()
	err = switched.fill(func(i, c int) ([]byte, error) {
		ct, err := sum.at(i, c)
		if err != nil {
			return nil, err
		}
		shares := make([][]byte, len(answers))
		for j, l := range answers {
			if shares[j], err = l.at(i, c); err != nil {
				return nil, err
			}
		}
		m.look()
		return he.Switch(ct, shares...)
	})
	if err != nil {
		return err
	}
	opened, err := k.gate.Open(func(i, c int) ([]byte, error) { m.look(); return switched.at(i, c) }, cells, math.MaxInt64/2)
	if err != nil {
		return err
	}
	r.open, r.gate = m.took(), m.heap
	for _, l := range answers {
		_ = l.Close() // nothing to keep
	}
	for i, v := range opened {
		if v != values[i]*int64(domains) {
			return fmt.Errorf("cell %d opened as %d: the sum is wrong", i, v)
		}
	}
	return nil
}

// A key is a committee's, and the gate's.
type key struct {
	public  []byte
	members map[int]*he.Member
	gate    *he.Receiver
}

func newKey(c committee) (key, error) {
	var crs [he.SeedSize]byte
	if _, err := rand.Read(crs[:]); err != nil {
		return key{}, err
	}
	points := []int{1, 2, 3, 4, 5}[:c.size]
	k, dealt := key{members: map[int]*he.Member{}}, map[int]map[int][]byte{}
	var shares [][]byte
	for _, p := range points {
		m, err := he.NewMember(p, points, c.quorum)
		if err != nil {
			return key{}, err
		}
		s, err := m.CKGShare(crs)
		if err != nil {
			return key{}, err
		}
		given, err := m.ShamirShares()
		if err != nil {
			return key{}, err
		}
		k.members[p], shares = m, append(shares, s)
		for to, share := range given {
			if dealt[to] == nil {
				dealt[to] = map[int][]byte{}
			}
			dealt[to][p] = share
		}
	}
	for p, m := range k.members {
		if err := m.Receive(dealt[p]); err != nil {
			return key{}, err
		}
	}
	var err error
	if k.public, err = he.PublicKey(crs, shares); err != nil {
		return key{}, err
	}
	k.gate, err = he.NewReceiver()
	return k, err
}

func draw(cells int) []int64 {
	raw := make([]byte, 8*cells)
	_, _ = rand.Read(raw) // never fails
	values := make([]int64, cells)
	for i := range values {
		values[i] = int64(binary.LittleEndian.Uint64(raw[8*i:])>>20) - 1<<43
	}
	return values
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
