// Command sums measures the secure sum of package he, step by step and in
// processor time, for short and long vectors, few and many domains, and two
// committees; in the same run, what Microsoft SEAL takes to encrypt the same
// vectors, and what it takes to add them in the clear. Every sum is opened and
// compared. Run it on one core: taskset -c 0.
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
	fmt.Println("processor time on one core; encrypt and bytes: a domain's; hash + add: for each domain's part; answer: a trustee's; plain: adding in the clear")
	fmt.Printf("%8s %7s %7s %10s %10s %10s %10s %10s %10s %12s %9s\n",
		"cells", "domains", "keys", "encrypt", "bytes", "hash+add", "answer", "open", "plain", "sum / plain", "heap MiB")
	for _, cells := range []int{4 << 10, 64 << 10, 1 << 20} {
		if cells > longest {
			continue
		}
		for _, domains := range []int{3, 10, 50} {
			for _, c := range []committee{{2, 3}, {3, 5}} {
				r, err := measure(cells, domains, c)
				if err != nil {
					return fmt.Errorf("%d cells, %d domains, %d of %d: %w", cells, domains, c.quorum, c.size, err)
				}
				r.print(cells, domains, c)
				if cells == 64<<10 && domains == 10 && c.size == 5 {
					if err := r.bars(root, cells); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// A result is the median of each step.
type result struct {
	encrypt, add, answer, open, plain time.Duration
	bytes                             int
	heap                              uint64
}

func (r result) print(cells, domains int, c committee) {
	// What the sum costs everyone together, over adding in the clear.
	all := time.Duration(domains)*r.encrypt + time.Duration(domains*(c.size+1))*r.add + time.Duration(c.quorum)*r.answer + r.open
	fmt.Printf("%8d %7d %7s %10s %10d %10s %10s %10s %10s %12.0f %9d\n", cells, domains, fmt.Sprintf("%d of %d", c.quorum, c.size),
		milli(r.encrypt), r.bytes, milli(r.add), milli(r.answer), milli(r.open), milli(r.plain), float64(all)/float64(r.plain), r.heap>>20)
}

func milli(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

// bars compares with what the project has set itself.
func (r result) bars(root string, cells int) error {
	fmt.Printf("  bar: encrypt at most 60 ms: %s; answer at most 70 ms: %s\n", milli(r.encrypt), milli(r.answer))
	script := filepath.Join(root, "bench", "sums", "seal", "encrypt.mjs")
	out, err := exec.Command("node", script, strconv.Itoa(cells)).CombinedOutput() //nolint:gosec // our own script
	if err != nil {
		return fmt.Errorf("running node-seal (npm install in bench/sums/seal): %w: %s", err, out)
	}
	seal, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return fmt.Errorf("reading what node-seal took: %w", err)
	}
	fmt.Printf("  bar: at least 5 x node-seal 5.1.6 at encrypting: %.1f x (%.1f ms)\n", seal/(float64(r.encrypt)/1e6), seal)
	return nil
}

func measure(cells, domains int, c committee) (result, error) {
	r := result{bytes: he.Moduli * he.Chunks(cells) * he.CiphertextSize}
	k, err := newKey(c)
	if err != nil {
		return r, err
	}
	values, total := draw(cells), make([]int64, cells)
	r.plain = least(3, func() error {
		for range domains {
			for i, v := range values {
				total[i] += v
			}
		}
		return nil
	}, &err)
	var ct [][][]byte
	r.encrypt = least(min(domains, 3), func() (err error) { ct, err = he.Encrypt(k.public, values); return err }, &err)
	var sum [][][]byte
	r.add = least(1, func() (err error) { sum, err = addAll(ct, domains); return err }, &err) / time.Duration(domains)
	if err != nil {
		return r, err
	}
	active, shares := []int{1, 2, 3}[:c.quorum], map[int][][][]byte{}
	for _, p := range active {
		took := least(1, func() (err error) { shares[p], err = k.members[p].Answer(active, k.gate.PublicKey(), sum); return err }, &err)
		if r.answer == 0 || took < r.answer {
			r.answer = took
		}
	}
	var opened []int64
	r.open = least(1, func() (err error) {
		opened, err = k.gate.Open(sum, shares, active, cells, math.MaxInt64/2)
		return err
	}, &err)
	if err != nil {
		return r, err
	}
	for i, v := range opened {
		if v != values[i]*int64(domains) {
			return r, fmt.Errorf("cell %d opened as %d: the sum is wrong", i, v)
		}
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	r.heap = mem.HeapSys
	return r, nil
}

// addAll adds a domain's ciphertexts as often as there are domains, hashing
// each as a trustee does.
func addAll(ct [][][]byte, domains int) ([][][]byte, error) {
	sum := make([][][]byte, len(ct))
	for m, chunks := range ct {
		for _, c := range chunks {
			var a he.Adder
			for range domains {
				if sha256.Sum256(c) == [32]byte{} {
					return nil, errors.New("no hash")
				}
				if err := a.Add(c); err != nil {
					return nil, err
				}
			}
			s, err := a.Sum()
			if err != nil {
				return nil, err
			}
			sum[m] = append(sum[m], s)
		}
	}
	return sum, nil
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

// least is the shortest processor time of some turns.
func least(turns int, f func() error, err *error) time.Duration {
	best := time.Duration(math.MaxInt64)
	for range turns {
		runtime.GC()
		start := used()
		if e := f(); e != nil && *err == nil {
			*err = e
		}
		best = min(best, used()-start)
	}
	return max(best, 1)
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
