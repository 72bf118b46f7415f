package prio

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// The published vectors of the VDAF at the version octet that circl implements:
// testdata/vdaf-12.json.gz says where they come from.

type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// numbers reads one number or a list, and null as none.
type numbers []uint64

func (n *numbers) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '[' {
		b = slices.Concat([]byte("["), bytes.TrimPrefix(b, []byte("null")), []byte("]"))
	}
	return json.Unmarshal(b, (*[]uint64)(n))
}

type vector struct {
	Ctx     octets    `json:"ctx"`
	Key     octets    `json:"verify_key"`
	Length  int       `json:"length"`
	Bits    int       `json:"bits"`
	Chunk   int       `json:"chunk_length"`
	Max     uint64    `json:"max_measurement"`
	Shares  [2]octets `json:"agg_shares"`
	Result  numbers   `json:"agg_result"`
	Reports []struct {
		Measurement numbers    `json:"measurement"`
		Nonce       octets     `json:"nonce"`
		Rand        octets     `json:"rand"`
		Public      octets     `json:"public_share"`
		Inputs      [2]octets  `json:"input_shares"`
		Answers     [][]octets `json:"prep_shares"`
	} `json:"prep"`
	Operations []struct {
		Name    string `json:"operation"`
		Success bool   `json:"success"`
	} `json:"operations"`
}

func vectors(tb testing.TB) (valid, invalid map[string]vector) {
	tb.Helper()
	raw := must(os.ReadFile("testdata/vdaf-12.json.gz"))(tb)
	var file struct{ Valid, Invalid map[string]vector }
	if err := json.NewDecoder(must(gzip.NewReader(bytes.NewReader(raw)))(tb)).Decode(&file); err != nil {
		tb.Fatal(err)
	}
	if len(file.Valid) != 7 || len(file.Invalid) != 8 {
		tb.Fatalf("%d valid and %d invalid vectors", len(file.Valid), len(file.Invalid))
	}
	return file.Valid, file.Invalid
}

func (v vector) params(name string) Params {
	p := Params{Length: v.Length, Bits: v.Bits, Chunk: v.Chunk, Max: v.Max}
	for _, k := range kinds {
		if strings.HasPrefix(name, k.String()+"_") {
			p.Kind = k
		}
	}
	return p
}

// Shares, answers, sums and results are the published ones, byte for byte.
func TestValidVectors(t *testing.T) {
	valid, _ := vectors(t)
	for name, v := range valid {
		t.Run(name, func(t *testing.T) {
			var aggs [2]scheme
			for i := range aggs {
				aggs[i] = must(newScheme(v.params(name), v.Ctx))(t)
			}
			for _, r := range v.Reports {
				public, inputs, err := aggs[0].shard(r.Measurement, ID(r.Nonce), slices.Clone(r.Rand))
				if err != nil || !bytes.Equal(public, r.Public) || !bytes.Equal(inputs[0], r.Inputs[0]) || !bytes.Equal(inputs[1], r.Inputs[1]) {
					t.Fatalf("the shares are not the published ones: %v", err)
				}
				var states [2]any
				var answers [2][]byte
				for i := range aggs {
					if states[i], answers[i], err = aggs[i].prepare(Key(v.Key), ID(r.Nonce), Role(i+1), public, inputs[i]); err != nil || !bytes.Equal(answers[i], r.Answers[0][i]) {
						t.Fatalf("the answer of %v is not the published one: %v", Role(i+1), err)
					}
				}
				for i := range aggs {
					if err := aggs[i].finish(states[i], answers[1-i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			var sums [2][]byte
			for i := range aggs {
				if sums[i] = must(aggs[i].sum())(t); !bytes.Equal(sums[i], v.Shares[i]) {
					t.Errorf("the share of %v is not the published one", Role(i+1))
				}
			}
			if got := must(aggs[0].unshard(sums, len(v.Reports)))(t); !slices.Equal(got, v.Result) {
				t.Errorf("the result is %v, want %v", got, v.Result)
			}
		})
	}
}

// through brings a vector's reports, sealed as ours, through two aggregators
// that work under the vector's context and key, and returns the reports and the
// answers that they exchanged. The vectors use one nonce again and again, so the
// memory is of the kind that forgets.
func (v vector) through(t *testing.T, name string) (w *world, n int, said [2][]entry) {
	t.Helper()
	p := v.params(name)
	p.MinBatch, p.MaxBatch = 2, 100
	w = newWorld(t, p)
	w.task.p.MinBatch = 1 // some have one report; New lets no such task through
	w.key = Key(v.Key)
	for i := range w.aggs {
		own := w.own(i)
		own.Journal, own.Seen = ledger{}, seenFunc(func(_ TaskID, ids []ID) ([]bool, error) {
			return slices.Repeat([]bool{true}, len(ids)), nil
		})
		w.aggs[i] = must(NewAggregator(w.task, own))(t)
		w.aggs[i].scheme = must(newScheme(p, v.Ctx))(t)
	}
	var list [][]byte
	for _, r := range v.Reports {
		rep := Report{Task: w.task.id, ID: ID(r.Nonce), At: day.Unix(), Public: r.Public}
		if err := rep.seal(w.task, [2][]byte{slices.Clone(r.Inputs[0]), slices.Clone(r.Inputs[1])}); err != nil {
			t.Fatal(err)
		}
		list = append(list, rep.Bytes())
	}
	var msgs [2][]byte
	for i := range w.aggs {
		msgs[i] = must(w.aggs[i].Prepare(list, noon))(t)
		body := must(verify(w.keys[i].Public(), msgs[i]))(t)
		said[i] = must(parseList(w.task, Role(i+1), 1, len(list), body))(t)
	}
	n = must(w.aggs[0].Finish(msgs[1]))(t)
	if m := must(w.aggs[1].Finish(msgs[0]))(t); m != n {
		t.Fatalf("the leader counts %d, the helper %d", n, m)
	}
	return w, n, said
}

// The vectors go through our own messages and aggregators to the same result.
func TestValidVectorsThrough(t *testing.T) {
	valid, _ := vectors(t)
	for name, v := range valid {
		t.Run(name, func(t *testing.T) {
			w, n, said := v.through(t, name)
			if n != len(v.Reports) {
				t.Fatalf("%d of %d reports count", n, len(v.Reports))
			}
			for i := range said {
				for k, e := range said[i] {
					if !bytes.Equal(e.answer, v.Reports[k].Answers[0][i]) {
						t.Errorf("the answer of %v to report %d is not the published one", Role(i+1), k)
					}
				}
			}
			want := make([]int64, len(v.Result))
			for i, x := range v.Result {
				want[i] = int64(x)
			}
			wantValues(t, w.result(t), want)
		})
	}
}

// No invalid vector counts. The draft fails each at its last operation; circl
// fails those with wrong joint randomness earlier, at an aggregator's own share.
func TestInvalidVectors(t *testing.T) {
	_, invalid := vectors(t)
	for name, v := range invalid {
		t.Run(name, func(t *testing.T) {
			if last := v.Operations[len(v.Operations)-1]; last.Success {
				t.Fatal("the vector is a valid one")
			} else if last.Name == "prep_next" {
				v.wrongMessage(t, name)
				return
			}
			w, n, _ := v.through(t, name)
			if n != 0 {
				t.Error("the report counts")
			}
			for i, a := range w.aggs {
				if got := a.Batch().Tally[Unproved]; got != 1 {
					t.Errorf("%v tallies %d reports as unproved", Role(i+1), got)
				}
			}
		})
	}
}

// wrongMessage is for the vector with a wrong prep message. We send none, for
// each aggregator makes its own of both answers; what can be wrong is the other's
// part of the joint randomness in its answer. The report itself is a good one.
func (v vector) wrongMessage(t *testing.T, name string) {
	t.Helper()
	if _, n, _ := v.through(t, name); n != 1 {
		t.Fatal("the report of this vector does not count; it is its message that is wrong")
	}
	r := v.Reports[0]
	var states [2]any
	var answers [2][]byte
	s := must(newScheme(v.params(name), v.Ctx))(t)
	for i := range states {
		var err error
		if states[i], answers[i], err = s.prepare(Key(v.Key), ID(r.Nonce), Role(i+1), r.Public, r.Inputs[i]); err != nil {
			t.Fatal(err)
		}
	}
	part := answers[1][len(answers[1])-seedSize:]
	clear(part)
	if reasonOf(s.finish(states[0], answers[1])) != Unproved {
		t.Error("joint randomness that is not the other's passes")
	}
}
