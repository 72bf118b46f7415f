package release

import (
	"bytes"
	"errors"
	"flag"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yunei/yunei/jobs"
)

var everyByte = flag.Bool("every-byte", false, "change every byte of the bodies too, not one in each eight")

var bodyRE = regexp.MustCompile(`"body":"([A-Za-z0-9+/=]*)"`)

// positions are the bytes to change: all that is not the body of a statement,
// and of each eight of its base64 one, which one changing from group to
// group.
func positions(raw []byte) []int {
	skip := make([]bool, len(raw))
	for _, at := range bodyRE.FindAllSubmatchIndex(raw, -1) {
		for i := at[2]; i < at[3]; i++ {
			in := i - at[2]
			skip[i] = !*everyByte && in%8 != in/8%8
		}
	}
	var list []int
	for i := range raw {
		if !skip[i] {
			list = append(list, i)
		}
	}
	return list
}

// No byte of a bundle can change unseen: each is changed in turn, and each time
// a check breaks that has a name.
func TestEveryByteCounts(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	s := (&story{tb: t, mode: jobs.SDC, domains: 1, alone: true}).tell() // small, as there is much to do
	raw, pins := s.raw(), s.pins()
	if _, err := Verify(raw, pins); err != nil {
		t.Fatal(err)
	}
	began, list := time.Now(), positions(raw)
	var next atomic.Int64
	var mu sync.Mutex
	broken := map[string]int{}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(list)); n = next.Add(1) - 1 {
				i := list[n]
				bent := bytes.Clone(raw)
				bent[i] ^= 1 << (i / 3 % 8)
				_, err := Verify(bent, pins)
				b, ok := errors.AsType[*Broken](err)
				if !ok || b.Check.Name == "" || b.Check.Part.ZH == "" || b.Check.Part.EN == "" {
					t.Errorf("byte %d (%q) was changed unseen: %v", i, raw[i], err)
					continue
				}
				mu.Lock()
				broken[b.Check.Name]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, name := range []string{CheckFormat, CheckInstallation, CheckCheckpoint, CheckInclusion, CheckStatements, CheckCandidate} {
		if broken[name] == 0 {
			t.Errorf("no byte breaks %s", name)
		}
	}
	t.Logf("%d of %d bytes, %s, broken at %v", len(list), len(raw), time.Since(began).Round(time.Millisecond), broken)
}

// Whatever is put in: no panic, nothing is good but the bundle itself, and what
// is read has one spelling. The seeds are small and stop short of the
// signatures, which nobody guesses.
func FuzzVerify(f *testing.F) {
	s := (&story{tb: f}).tell()
	good, pins := s.raw(), s.pins()
	small := s.file()
	small.Candidate, small.Statements = []byte(`{"cells":[]}`), small.Statements[:2]
	for i := range small.Statements {
		small.Statements[i].Body = []byte("{}")
	}
	f.Add(encode(f, small))
	small.Checkpoint, small.Statements = "", nil
	f.Add(encode(f, small))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Verify(raw, pins)
		if (err == nil) != r.Valid || r.Valid && !bytes.Equal(raw, good) {
			t.Errorf("another bundle was good: %v", err)
		}
		if b, err := Parse(raw); err == nil && !bytes.Equal(b.Bytes(), raw) {
			t.Error("a bundle has two spellings")
		}
	})
}

func FuzzParsePins(f *testing.F) {
	p := (&story{tb: f, trustees: 3}).pins()
	f.Add(p.Bytes())
	f.Add([]byte(`{"installation":"x","log":{"origin":"","key":""},"trustees":null,"witnesses":2,"providers":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ParsePins(raw)
		if err != nil {
			return
		}
		again, err := ParsePins(p.Bytes())
		if err != nil || string(again.Bytes()) != string(p.Bytes()) {
			t.Errorf("pins do not survive being written: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := (&story{tb: b, trustees: 3}).tell()
	raw, pins := s.raw(), s.pins()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := Verify(raw, pins); err != nil {
			b.Fatal(err)
		}
	}
}
