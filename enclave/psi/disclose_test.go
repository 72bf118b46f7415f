package psi

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

func disclosure(tb testing.TB, a, b []string) Disclosure {
	tb.Helper()
	d := Disclosure{Job: "join-1", Namespace: jobs.NaturalPerson, By: "health", To: "tax"}
	d.Asker = must(Commit(d.Namespace, salts[A], given(a)))(tb)
	d.Set = must(Commit(d.Namespace, salts[B], given(b)))(tb)
	return d
}

// disclosed runs a disclosure.
func disclosed(tb testing.TB, a, b []string) (Disclosure, *Discloser, Stated, bundle) {
	tb.Helper()
	d := disclosure(tb, a, b)
	server := must(Disclose(d, (&log{}).once))(tb)
	key := must(server.Key())(tb)
	var out bytes.Buffer
	members := must(server.Members(tb.Context(), salts[B], given(b), &memory{}, &out))(tb)
	return d, server, Stated{key, members}, bundle{out.Bytes(), members}
}

func TestEverySmallDisclosure(t *testing.T) {
	for a := 1; a < 8; a++ {
		for b := 1; b < 8; b++ {
			as, bs := people(subset(a)...), people(subset(b)...)
			d, server, stated, members := disclosed(t, as, bs)
			in := must(Ask(t.Context(), d, stated, salts[A], given(as), server.Evaluate, bytes.NewReader(members.b), nil))(t)
			for i, id := range as {
				if in[i] != slices.Contains(bs, id) {
					t.Fatalf("%v in %v: %v", as, bs, in)
				}
			}
			if server.key != nil {
				t.Fatal("the key outlives the job")
			}
		}
	}
}

func TestDisclosureInChunks(t *testing.T) {
	as, bs := people(span(0, MaxQuestion+100)...), people(span(300, 400)...)
	d, server, stated, members := disclosed(t, as, bs)
	in := must(Ask(t.Context(), d, stated, salts[A], given(as), server.Evaluate, bytes.NewReader(members.b), &memory{}))(t)
	for i := range as {
		if in[i] != (i >= 300 && i < 400) {
			t.Fatalf("person %d: %v", i, in[i])
		}
	}
}

func TestDisclosuresThatAreNone(t *testing.T) {
	good := disclosure(t, people(1, 2), people(2, 3))
	for name, change := range map[string]func(*Disclosure){
		"zero":      func(d *Disclosure) { *d = Disclosure{} },
		"no job":    func(d *Disclosure) { d.Job = "" },
		"to nobody": func(d *Disclosure) { d.To = "" },
		"to itself": func(d *Disclosure) { d.To = d.By },
		"namespace": func(d *Disclosure) { d.Namespace = "" },
		"no set":    func(d *Disclosure) { d.Set = Commitment{} },
		"no asker":  func(d *Disclosure) { d.Asker = Commitment{} },
	} {
		d := good
		change(&d)
		if _, err := Disclose(d, (&log{}).once); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Disclose(good, nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("without a journal: %v", err)
	}
}

// What a hostile asker can ask is bounded, and journalled before it is answered.
func TestHostileAsker(t *testing.T) {
	d := disclosure(t, people(1, 2, 3), people(2, 3))
	journal := &log{}
	server := must(Disclose(d, journal.once))(t)
	question := func(n int) []byte {
		var points []group.Element
		for range n {
			points = append(points, curve.NewElement().MulGen(curve.RandomNonZeroScalar(nil)))
		}
		return joinPoints(points)
	}
	bad := map[string][]byte{"nothing": nil, "half": question(1)[:31], "many": question(MaxQuestion + 1), "more than A has": question(4)}
	for name, b := range badPoints() {
		bad[name] = slices.Concat(question(1), b)
	}
	for name, q := range bad {
		if a, err := server.Evaluate(t.Context(), q); !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) || a != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(journal.lines) > 0 {
		t.Errorf("journal %v", journal.lines)
	}
	full := errors.New("the disk is full")
	journal.fail = full
	if a, err := server.Evaluate(t.Context(), question(1)); !errors.Is(err, full) || a != nil {
		t.Errorf("without a journal: %v", err)
	}
	journal.fail = nil
	for range 3 {
		must(server.Evaluate(t.Context(), question(1)))(t)
	}
	if a, err := server.Evaluate(t.Context(), question(1)); !errors.Is(err, fault.Exhausted) || a != nil {
		t.Errorf("a fourth: %v", err)
	}
	for name, set := range map[string][]string{"superset": people(2, 3, 4), "subset": people(2), "other": people(1, 2)} {
		var out discard
		if _, err := server.Members(t.Context(), salts[B], given(set), nil, &out); err == nil || out.n > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, out.n)
		}
	}
	must(server.Members(t.Context(), salts[B], given(people(2, 3)), nil, &discard{}))(t)
	if _, err := server.Key(); !errors.Is(err, fault.Conflict) {
		t.Errorf("the key outlives the job: %v", err)
	}
	again := must(Disclose(d, journal.once))(t)
	if _, err := again.Evaluate(t.Context(), question(1)); !errors.Is(err, fault.Conflict) {
		t.Errorf("the same job again: %v", err)
	}
	if _, err := again.Members(t.Context(), salts[B], given(people(2, 3)), nil, &discard{}); !errors.Is(err, fault.Conflict) {
		t.Errorf("the same job's set again: %v", err)
	}
	if again.Erase(); again.key != nil {
		t.Error("the key is not erased")
	}
}

// An answer under another key than the stated one, or altered, is refused.
func TestHostileDiscloser(t *testing.T) {
	as, bs := people(1, 2, 3), people(2, 3, 4)
	d, server, stated, members := disclosed(t, as, bs)
	impostor := must(Disclose(d, (&log{}).once))(t)
	ask := func(s Stated, e Exchange, members []byte) error {
		in, err := Ask(t.Context(), d, s, salts[A], given(as), e, bytes.NewReader(members), nil)
		if err == nil || in != nil {
			t.Errorf("it was taken: %v", in)
		}
		return err
	}
	if err := ask(stated, impostor.Evaluate, members.b); !errors.Is(err, fault.Tampered) {
		t.Errorf("another key: %v", err)
	}
	answer := must(server.Evaluate(t.Context(), joinPoints([]group.Element{curve.Generator()})))(t)
	for name, a := range map[string][]byte{"another's answer": answer, "nothing": nil, "long": append(bytes.Clone(answer), 1)} {
		if err := ask(stated, func(context.Context, []byte) ([]byte, error) { return a, nil }, members.b); fault.Of(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, key := range [][]byte{nil, make([]byte, pointSize), bytes.Repeat([]byte{0xff}, pointSize), stated.Key[1:]} {
		if err := ask(Stated{key, members.d}, server.Evaluate, members.b); !errors.Is(err, fault.Invalid) {
			t.Errorf("key %x: %v", key, err)
		}
	}
	f := must(d.form())(t)
	for name, l := range mangled(f, members) {
		s := Stated{stated.Key, l.d}
		fresh := must(Disclose(d, (&log{}).once))(t)
		s.Key = must(fresh.Key())(t)
		if err := ask(s, fresh.Evaluate, l.b); !errors.Is(err, fault.Tampered) {
			t.Errorf("members, %s: %v", name, err)
		}
	}
	if _, err := Ask(t.Context(), d, stated, salts[A], given(people(1, 2, 4)), server.Evaluate, bytes.NewReader(members.b), nil); !errors.Is(err, fault.Tampered) {
		t.Errorf("asking about others: %v", err)
	}
}

// RFC 9497's vectors through the functions and bytes that a disclosure uses.
func TestRFC9497(t *testing.T) {
	var all []struct {
		SkSm, PkSm string
		Vectors    []struct {
			Blind, BlindedElement, EvaluationElement, Input, Output string
			Proof                                                   struct{ Proof string }
		}
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/rfc9497-ristretto255-voprf.json"))(t), &all); err != nil {
		t.Fatal(err)
	}
	list := func(s string) [][]byte {
		var out [][]byte
		for part := range strings.SplitSeq(s, ",") {
			out = append(out, must(hex.DecodeString(part))(t))
		}
		return out
	}
	key := new(oprf.PrivateKey)
	if err := key.UnmarshalBinary(verifiable, list(all[0].SkSm)[0]); err != nil {
		t.Fatal(err)
	}
	public := list(all[0].PkSm)[0]
	c := must(newClient(public))(t)
	tested := 0
	for _, v := range all[0].Vectors {
		var blinds []oprf.Blind
		for _, b := range list(v.Blind) {
			s := curve.NewScalar()
			if err := s.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			blinds = append(blinds, s)
		}
		inputs := list(v.Input)
		state, request, err := c.DeterministicBlind(inputs, blinds)
		if err != nil {
			t.Fatal(err)
		}
		question := joinPoints(request.Elements)
		if want := slices.Concat(list(v.BlindedElement)...); !bytes.Equal(question, want) {
			t.Errorf("blinded %x, want %x", question, want)
		}
		evaluated := slices.Concat(list(v.EvaluationElement)...)
		ours := must(evaluate(key, must(parsePoints(question))(t)))(t)
		if !bytes.Equal(ours[:len(evaluated)], evaluated) {
			t.Errorf("evaluated %x, want %x", ours, evaluated)
		}
		theirs := append(bytes.Clone(evaluated), list(v.Proof.Proof)[0]...)
		for _, answer := range [][]byte{theirs, ours} {
			got := must(c.finish(state, answer, len(inputs)))(t)
			if !slices.EqualFunc(got, list(v.Output), bytes.Equal) {
				t.Errorf("output %x, want %s", got, v.Output)
			}
		}
		for at := range theirs {
			b := bytes.Clone(theirs)
			b[at] ^= 1
			if out, err := c.finish(state, b, len(inputs)); err == nil {
				t.Errorf("byte %d of an answer flipped: %x", at, out)
			}
		}
		server := oprf.NewVerifiableServer(verifiable, key)
		for i, in := range inputs {
			if full := must(server.FullEvaluate(in))(t); !bytes.Equal(full, list(v.Output)[i]) {
				t.Errorf("full evaluation %x", full)
			}
		}
		tested += len(inputs)
	}
	if tested != 4 {
		t.Errorf("%d inputs tested", tested)
	}
}

// RFC 9496's encodings.
func TestRFC9496(t *testing.T) {
	n, p := 0, curve.Identity()
	for line := range strings.Lines(string(must(os.ReadFile("testdata/rfc9496-points.txt"))(t))) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "good "); ok {
			n++
			p.Add(p, curve.Generator())
			b := must(hex.DecodeString(text))(t)
			if got := must(parsePoint(b))(t); !got.IsEqual(p) || !bytes.Equal(point(p), b) {
				t.Errorf("multiple %d: %x", n, point(p))
			}
		}
	}
	bad := badPoints()
	if n != 15 || len(bad) != 30 {
		t.Errorf("%d good and %d bad encodings", n, len(bad))
	}
	for name, b := range bad {
		if p, err := parsePoint(b); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is taken as %v", name, p)
		}
	}
}
