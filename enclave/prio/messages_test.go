package prio

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"os"
	"slices"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/yunei/yunei/suite"
)

var update = flag.Bool("update", false, "write testdata/messages.json anew")

// hexed is bytes that stand in a file as hex.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// A transcript is all that is said in one task, for another implementation to
// read and to make: everything but the sealed letters follows from what stands
// before it. Keys are the parties' secret ones, in the suite's form.
type transcript struct {
	Kind    string    `json:"kind"`
	Task    hexed     `json:"task"`
	ID      hexed     `json:"task_id"`
	Context hexed     `json:"vdaf_context"`
	Keys    [2]hexed  `json:"signing_seeds"` // Ed25519, RFC 8032
	Boxes   [2]hexed  `json:"boxes"`
	Gate    hexed     `json:"collector_box"`
	Parts   [2]hexed  `json:"key_parts"`
	Letters [2]hexed  `json:"key_messages"`
	Key     hexed     `json:"verify_key"`
	Now     time.Time `json:"now"`
	Reports []struct {
		Values []int64   `json:"values,omitempty"`
		At     time.Time `json:"at,omitzero"`
		Random hexed     `json:"random,omitempty"` // the number first
		Tag    hexed     `json:"tag,omitempty"`
		Info   [2]string `json:"info,omitzero"`
		Inputs [2]hexed  `json:"input_shares,omitzero"`
		Report hexed     `json:"report"`
		Reason string    `json:"reason,omitempty"` // why it is not counted
	} `json:"reports"`
	Answers [2]hexed  `json:"answers"`
	Claims  [2]hexed  `json:"claims"`
	Info    [2]string `json:"aggregate_info"`
	Sums    [2]hexed  `json:"aggregate_shares"`
	Shares  [2]hexed  `json:"shares"`
	Values  []int64   `json:"result"`
}

const messagesFile = "testdata/messages.json"

// The vectors are read, and made again, byte for byte but for the sealing.
func TestMessages(t *testing.T) {
	if *update {
		cryptotest.SetGlobalRandom(t, 1)
		var all []transcript
		for _, k := range kinds {
			all = append(all, record(t, newWorld(t, shape(k))))
		}
		raw := append(must(json.MarshalIndent(all, "", " "))(t), '\n')
		if err := os.WriteFile(messagesFile, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var all []transcript
	if err := json.Unmarshal(must(os.ReadFile(messagesFile))(t), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(kinds) {
		t.Fatalf("%d transcripts, want one a kind", len(all))
	}
	for _, x := range all {
		t.Run(x.Kind, x.replay)
	}
}

// record makes a transcript: three reports, the second altered, then noise.
func record(t *testing.T, w *world) (x transcript) {
	t.Helper()
	x.Kind, x.Task, x.Context, x.Now = w.task.p.Kind.String(), w.task.Bytes(), w.task.context(), noon
	x.ID = w.task.id[:]
	x.Gate = must(w.gate.Bytes())(t)
	for i, from := range []Role{Leader, Helper} {
		x.Keys[i] = w.keys[i].Ed25519().Seed()
		x.Boxes[i] = must(w.boxes[i].Bytes())(t)
		x.Parts[i] = bytes.Repeat([]byte{byte(from)}, len(Part{}))
		x.Letters[i] = must(SealPart(w.task, from, w.keys[i], Part(x.Parts[i])))(t)
	}
	w.key = must(JoinKey(w.task, Part(x.Parts[0]), Part(x.Parts[1])))(t)
	x.Key = w.key[:]
	x.Reports = slices.Grow(x.Reports, 4)[:4]
	list := make([][]byte, 4)
	for i := range 3 {
		r := &x.Reports[i]
		r.Values, r.At, r.Random = one(w.task.p.Kind), day.Add(90*time.Minute), make([]byte, idSize+w.task.random)
		for k := range r.Random {
			r.Random[k] = byte(i*17 + k)
		}
		rep := must(w.client.Report(r.Values, r.At, bytes.NewReader(r.Random)))(t)
		mark := rep.tag()
		r.Tag = mark[:]
		for k := range r.Inputs {
			r.Info[k] = rep.info(mark, Role(k+1))
			r.Inputs[k] = must(w.boxes[k].Open(r.Info[k], rep.Letters[k]))(t)
		}
		r.Report = rep.Bytes()
		if i == 1 {
			r.Report[len(r.Report)-1] ^= 1
			r.Reason = Unopened.String()
		}
		list[i] = r.Report
	}
	x.Reports[3].Report, x.Reports[3].Reason = []byte("noise"), Malformed.String()
	list[3] = x.Reports[3].Report
	for i := range w.aggs {
		w.ledgers[i] = ledger{}
		w.aggs[i] = must(NewAggregator(w.task, w.own(i)))(t)
		x.Answers[i] = must(w.aggs[i].Prepare(list, noon))(t)
	}
	for i := range w.aggs {
		must(w.aggs[i].Finish(x.Answers[1-i]))(t)
		x.Claims[i] = must(w.aggs[i].Close())(t)
		x.Sums[i] = must(w.aggs[i].scheme.sum())(t)
		x.Info[i] = w.task.shareInfo(Role(i+1), w.aggs[i].Batch())
	}
	for i := range w.aggs {
		x.Shares[i] = must(w.aggs[i].Share(x.Claims[1-i]))(t)
	}
	x.Values = must(Collect(w.task, w.gate, x.Shares[0], x.Shares[1]))(t).Values
	return x
}

// replay goes through a transcript as each of its parties.
func (x transcript) replay(t *testing.T) {
	w := &world{task: must(ParseTask(x.Task))(t), gate: must(suite.ParseBox(x.Gate))(t)}
	if w.task.id != TaskID(x.ID) || !bytes.Equal(w.task.context(), x.Context) {
		t.Error("the task has another name or context")
	}
	w.client = must(NewClient(w.task))(t)
	for i := range w.aggs {
		der := must(x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(x.Keys[i])))(t)
		w.keys[i] = must(suite.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))(t)
		w.boxes[i] = must(suite.ParseBox(x.Boxes[i]))(t)
		w.seen[i], w.ledgers[i] = &Memory{}, ledger{}
	}
	for i := range w.aggs {
		if part := must(OpenPart(w.task, Role(i+1), w.boxes[1-i], x.Letters[i]))(t); part != Part(x.Parts[i]) {
			t.Errorf("another part of the key from %v", Role(i+1))
		}
	}
	if w.key = must(JoinKey(w.task, Part(x.Parts[0]), Part(x.Parts[1])))(t); w.key != Key(x.Key) {
		t.Error("another verify key")
	}
	list := x.reports(t, w)
	tally := Tally{}
	for _, r := range x.Reports {
		for reason := Malformed; reason < reasons; reason++ {
			if reason.String() == r.Reason {
				tally[reason]++
			}
		}
	}
	var shares [2][]byte
	for i := range w.aggs {
		w.aggs[i] = must(NewAggregator(w.task, w.own(i)))(t)
		if got := must(w.aggs[i].Prepare(list, x.Now))(t); !bytes.Equal(got, x.Answers[i]) {
			t.Errorf("%v answers otherwise", Role(i+1))
		}
		must(w.aggs[i].Finish(x.Answers[1-i]))(t)
		if got := must(w.aggs[i].Close())(t); !bytes.Equal(got, x.Claims[i]) || w.aggs[i].Batch().Tally != tally {
			t.Errorf("%v states otherwise", Role(i+1))
		}
		_, plain, err := openShare(w.task, Role(i+1), w.gate, x.Shares[i])
		if err != nil || !bytes.Equal(plain, x.Sums[i]) || w.task.shareInfo(Role(i+1), w.aggs[i].Batch()) != x.Info[i] {
			t.Errorf("the share of %v is another: %v", Role(i+1), err)
		}
		shares[i] = must(w.aggs[i].Share(x.Claims[1-i]))(t)
	}
	wantValues(t, must(Collect(w.task, w.gate, shares[0], shares[1]))(t), x.Values)
	wantValues(t, must(Collect(w.task, w.gate, x.Shares[0], x.Shares[1]))(t), x.Values)
}

// reports holds each report against what it was made of, and returns them.
func (x transcript) reports(t *testing.T, w *world) (list [][]byte) {
	t.Helper()
	for i, r := range x.Reports {
		list = append(list, r.Report)
		if r.Random == nil {
			continue
		}
		rep := must(w.client.Report(r.Values, r.At, bytes.NewReader(r.Random)))(t)
		mark := rep.tag()
		read := must(ParseReport(w.task, r.Report))(t)
		if !bytes.Equal(mark[:], r.Tag) || read.tag() != mark || read.ID != rep.ID {
			t.Errorf("report %d has another head", i)
		}
		for k := range rep.Letters {
			plain, err := w.boxes[k].Open(r.Info[k], rep.Letters[k])
			if err != nil || !bytes.Equal(plain, r.Inputs[k]) {
				t.Errorf("report %d has another share for %v: %v", i, Role(k+1), err)
			}
			plain, err = w.boxes[k].Open(r.Info[k], read.Letters[k])
			if sealed := err == nil && bytes.Equal(plain, r.Inputs[k]); sealed != (r.Reason == "" || k == 0) {
				t.Errorf("report %d: the letter to %v opens: %v", i, Role(k+1), sealed)
			}
		}
	}
	return list
}
