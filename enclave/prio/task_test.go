package prio

import (
	"bytes"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
)

func TestTask(t *testing.T) {
	ids := map[TaskID]bool{}
	for _, k := range kinds {
		w := newWorld(t, shape(k))
		again := must(ParseTask(w.task.Bytes()))(t)
		if again.ID() != w.task.ID() || again != w.task {
			t.Errorf("%v: a task is not read as it was written", k)
		}
		ids[w.task.ID()] = true
	}
	if len(ids) != len(kinds) {
		t.Error("two tasks have one name")
	}
}

// Whatever differs, the name differs.
func TestTaskID(t *testing.T) {
	base := newWorld(t, shape(SumVec)).task
	seen := map[TaskID]string{base.ID(): "nothing"}
	for name, change := range map[string]func(*Params){
		"length": func(p *Params) { p.Length = 6 }, "bits": func(p *Params) { p.Bits = 5 },
		"offset": func(p *Params) { p.Offset = 1 }, "chunk": func(p *Params) { p.Chunk = 3 },
		"min": func(p *Params) { p.MinBatch = 3 }, "max": func(p *Params) { p.MaxBatch = 9 },
		"permit": func(p *Params) { p.Permit = p.Permit[:70] + "0" }, "run": func(p *Params) { p.Run = "run-2" },
		"round": func(p *Params) { p.Round = 2 }, "group": func(p *Params) { p.Group = 1 }, "another group": func(p *Params) { p.Group = 2 }, "begin": func(p *Params) { p.NotBefore = p.NotBefore.Add(time.Hour) },
		"end": func(p *Params) { p.NotAfter = p.NotAfter.Add(time.Hour) }, "precision": func(p *Params) { p.Precision = time.Minute },
		"roles": func(p *Params) { p.Agents[0], p.Agents[1] = p.Agents[1], p.Agents[0] },
		"name":  func(p *Params) { p.Agents[1].Name = "trustee-c" },
		"gate":  func(p *Params) { p.Collector = newWorld(t, shape(Count)).task.p.Collector },
	} {
		p := base.Params()
		change(&p)
		changed := must(New(p))(t)
		if again := must(ParseTask(changed.Bytes()))(t); again != changed {
			t.Errorf("a task that differs in %s is not read as it was written", name)
		}
		if other, ok := seen[changed.ID()]; ok {
			t.Errorf("tasks that differ in %s and in %s have one name", name, other)
		}
		seen[changed.ID()] = name
	}
}

func TestTaskRefused(t *testing.T) {
	for name, c := range map[string]struct {
		kind  Kind
		spoil func(*Params)
	}{
		"no kind":                 {Count, func(p *Params) { p.Kind = 0 }},
		"a kind too many":         {Count, func(p *Params) { p.Kind = 5 }},
		"a count of several":      {Count, func(p *Params) { p.Length = 2 }},
		"a count with an offset":  {Count, func(p *Params) { p.Offset = 1 }},
		"a sum of nothing":        {Sum, func(p *Params) { p.Max = 0 }},
		"a sum that wraps":        {Sum, func(p *Params) { p.Max = 1 << 61 }},
		"a sum too large":         {Sum, func(p *Params) { p.Max = 1 << 63 }},
		"an offset above all":     {Sum, func(p *Params) { p.Offset = 11 }},
		"a vector of nothing":     {SumVec, func(p *Params) { p.Length = 0 }},
		"a vector of no bits":     {SumVec, func(p *Params) { p.Bits = 0 }},
		"too many bits":           {SumVec, func(p *Params) { p.Bits = 62 }},
		"negative bits":           {SumVec, func(p *Params) { p.Bits = -1 }},
		"a vector too long":       {SumVec, func(p *Params) { p.Length = MaxElements/4 + 1 }},
		"a vector that overflows": {SumVec, func(p *Params) { p.Length = 1 << 62 }},
		"no chunk":                {SumVec, func(p *Params) { p.Chunk = 0 }},
		"a chunk too long":        {SumVec, func(p *Params) { p.Chunk = 21 }},
		"one bucket":              {Histogram, func(p *Params) { p.Length = 1 }},
		"a histogram with bits":   {Histogram, func(p *Params) { p.Bits = 1 }},
		"a histogram with a max":  {Histogram, func(p *Params) { p.Max = 1 }},
		"a batch of one":          {Count, func(p *Params) { p.MinBatch = 1 }},
		"an empty range of batch": {Count, func(p *Params) { p.MaxBatch = 1 }},
		"too many reports":        {Count, func(p *Params) { p.MaxBatch = MaxReports + 1 }},
		"no permit":               {Count, func(p *Params) { p.Permit = "" }},
		"no run":                  {Count, func(p *Params) { p.Run = "" }},
		"no round":                {Count, func(p *Params) { p.Round = 0 }},
		"a group below none":      {Count, func(p *Params) { p.Group = -1 }},
		"a group too many":        {Count, func(p *Params) { p.Group = 256 }},
		"no precision":            {Count, func(p *Params) { p.Precision = 0 }},
		"half a second":           {Count, func(p *Params) { p.Precision = time.Second / 2 }},
		"no time":                 {Count, func(p *Params) { p.NotAfter = p.NotBefore }},
		"a time between hours":    {Count, func(p *Params) { p.NotAfter = p.NotAfter.Add(time.Minute) }},
		"a time long ago":         {Count, func(p *Params) { p.NotBefore = time.Time{} }},
		"one aggregator twice":    {Count, func(p *Params) { p.Agents[1] = p.Agents[0] }},
		"one key twice":           {Count, func(p *Params) { p.Agents[1].Key = p.Agents[0].Key }},
		"one box twice":           {Count, func(p *Params) { p.Agents[1].Box = p.Agents[0].Box }},
		"an aggregator collects":  {Count, func(p *Params) { p.Collector = p.Agents[1].Box }},
		"no box":                  {Count, func(p *Params) { p.Agents[0].Box = "" }},
		"no key":                  {Count, func(p *Params) { p.Agents[0].Key = "" }},
		"no collector":            {Count, func(p *Params) { p.Collector = "" }},
	} {
		p := newWorld(t, shape(c.kind)).task.Params()
		c.spoil(&p)
		if _, err := New(p); err == nil {
			t.Errorf("%s: taken", name)
		} else {
			wantKind(t, err, fault.Invalid)
		}
	}
}

// The sizes reckoned are those that the VDAF makes, for every chunk length.
func TestSizes(t *testing.T) {
	check := func(p Params) {
		t.Helper()
		s := must(newScheme(p, []byte("x")))(t)
		z := p.sizes()
		values := make([]uint64, 1)
		if p.Kind == SumVec {
			values = make([]uint64, p.Length)
		}
		public, in, err := s.shard(values, ID{}, make([]byte, z.random))
		if err != nil || len(public) != z.public || len(in[0]) != z.input[0] || len(in[1]) != z.input[1] {
			t.Fatalf("%+v: shares of %d, %d, %d bytes, reckoned %+v: %v", p, len(public), len(in[0]), len(in[1]), z, err)
		}
		for i := range in {
			if _, answer, err := s.prepare(Key{}, ID{}, Role(i+1), public, in[i]); err != nil || len(answer) != z.answer {
				t.Fatalf("%+v: an answer of %d bytes, reckoned %d: %v", p, len(answer), z.answer, err)
			}
		}
		if out := must(s.sum())(t); len(out) != z.output {
			t.Fatalf("%+v: a sum of %d bytes, reckoned %d", p, len(out), z.output)
		}
	}
	check(Params{Kind: Count})
	for _, limit := range []uint64{1, 2, 3, 4, 255, 256, 1<<61 - 1} {
		check(Params{Kind: Sum, Max: limit})
	}
	for n := 2; n <= 17; n++ {
		for chunk := 1; chunk <= n; chunk++ {
			check(Params{Kind: Histogram, Length: n, Chunk: chunk})
			check(Params{Kind: SumVec, Length: n, Bits: 1, Chunk: chunk})
		}
		check(Params{Kind: SumVec, Length: n, Bits: n, Chunk: Chunk(n * n)})
	}
}

// Chunk is as good as trying all.
func TestChunk(t *testing.T) {
	length := func(n, chunk int) int { return 2*chunk + gadget((n+chunk-1)/chunk) }
	for n := 1; n <= 600; n++ {
		best := 1
		for chunk := 1; chunk <= n; chunk++ {
			if length(n, chunk) <= length(n, best) {
				best = chunk
			}
		}
		if got := Chunk(n); length(n, got) != length(n, best) || got < best {
			t.Errorf("%d elements: chunk %d, best %d", n, got, best)
		}
	}
}

func FuzzParseTask(f *testing.F) {
	for _, k := range kinds {
		f.Add(newWorld(f, shape(k)).task.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		task, err := ParseTask(b)
		if err != nil {
			wantKind(t, err, fault.Invalid)
			return
		}
		if !bytes.Equal(task.Bytes(), b) {
			t.Error("a task has two encodings")
		}
	})
}
