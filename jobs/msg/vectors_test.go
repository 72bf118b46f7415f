package msg

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectorFile = "testdata/vectors.json"

// vectors are what another implementation of the protocol can be held to;
// enclave/PROTOCOL.md says how.
type vectors struct {
	Parties    []partyVector     `json:"parties"`
	Permit     permitVector      `json:"permit"`
	Statements []statementVector `json:"statements"`
	Derived    derivedVector     `json:"derived"`
	Refused    []refusedVector   `json:"refused"`
	Unreadable []refusedVector   `json:"unreadable"`
	Join       joinVector        `json:"join"`
	Verify     verifyVector      `json:"verify"`
}

type partyVector struct {
	Name string          `json:"name"`
	Seed string          `json:"seed"` // of the Ed25519 key, in hex
	Key  suite.PublicKey `json:"key"`
}

type permitVector struct {
	Place  string       `json:"place"`
	Bundle string       `json:"bundle"`
	Terms  suite.Digest `json:"terms"`
}

type statementVector struct {
	Kind     receipt.Kind    `json:"kind"`
	Party    string          `json:"party"`
	Signer   string          `json:"signer"`
	Place    string          `json:"place"`
	Subject  receipt.Subject `json:"subject"`
	Body     string          `json:"body"`    // canonical
	Payload  string          `json:"payload"` // canonical, with Body in it
	Envelope string          `json:"envelope"`
	Digest   suite.Digest    `json:"digest"`
}

type derivedVector struct {
	Reference   string                      `json:"reference"` // string of round 1, in hex
	Nonce       string                      `json:"nonce"`     // that the gate's evidence in round 1 answers, in hex
	Transcript  suite.Digest                `json:"transcript"`
	Commitments map[string]commitmentVector `json:"commitments"`
}

type commitmentVector struct {
	Salt       string           `json:"salt"`  // hex
	Bound      string           `json:"bound"` // what is committed to, with its prefix
	Commitment suite.Commitment `json:"commitment"`
}

type refusedVector struct {
	Why      string `json:"why"`
	Place    string `json:"place"`
	Envelope string `json:"envelope"`
}

// fixedKey is the key of a name, the same every time.
func fixedKey(tb testing.TB, name string) (suite.PrivateKey, []byte) {
	tb.Helper()
	seed, err := hex.DecodeString(suite.DigestOf([]byte("yunei test vector key " + name)).Hex())
	if err != nil {
		tb.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		tb.Fatal(err)
	}
	key, err := suite.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		tb.Fatal(err)
	}
	return key, seed
}

func fixedBox(tb testing.TB, name string) suite.BoxKey {
	tb.Helper()
	raw, err := hex.DecodeString(suite.DigestOf([]byte("yunei test vector box " + name)).Hex())
	if err != nil {
		tb.Fatal(err)
	}
	box, err := suite.ParseBox(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return box.Public()
}

// fixedWorld is a world that is the same every time.
func fixedWorld(tb testing.TB, mode jobs.Mode) *world {
	tb.Helper()
	w := newWorld(tb, mode)
	for name := range w.keys {
		w.keys[name], _ = fixedKey(tb, name)
	}
	w.board, w.index = map[string][]byte{}, 0
	w.terms = w.newTerms(mode)
	w.terms.Desk = fixedBox(tb, "desk")
	w.bundle = w.permit(tb, w.terms)
	w.board[Subject(run, 0, Permit, Coordinator)] = w.bundle
	return w
}

// A script is a run in which every statement is made, and every field used.
type script struct {
	testing.TB
	*world
	list []statementVector
}

func (s *script) add(kind receipt.Kind, signer, place string, r receipt.Receipt) {
	s.Helper()
	var env struct {
		Payload string `json:"payload"`
	}
	if err := json.Unmarshal(r.Bytes(), &env); err != nil {
		s.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	if err != nil {
		s.Fatal(err)
	}
	var inside struct {
		Predicate json.RawMessage `json:"predicate"`
	}
	if err := json.Unmarshal(payload, &inside); err != nil {
		s.Fatal(err)
	}
	party := ""
	if p, err := ParseSubject(place); err == nil {
		party = p.Party
	}
	s.list = append(s.list, statementVector{kind, party, signer, place, r.Subject(), string(inside.Predicate), string(payload), string(r.Bytes()), r.Digest()})
}

func (s *script) says(kind receipt.Kind, body Body) receipt.Receipt {
	s.Helper()
	r := s.say(s.TB, kind, body)
	o := body.of()
	signer := o.Party
	s.add(kind, signer, Subject(o.Run, o.Round, kind, o.Party), r)
	return r
}

func write(tb testing.TB) vectors {
	tb.Helper()
	s := &script{TB: tb, world: fixedWorld(tb, jobs.SDC)}
	s.before()
	s.key()
	s.set()
	s.open()
	s.after()
	v := s.view(tb)
	crs, nonce := v.CRS(1), v.Nonce(1)
	out := vectors{
		Permit:     permitVector{Subject(run, 0, Permit, Coordinator), string(s.bundle), s.terms.Digest()},
		Statements: s.list,
		Derived: derivedVector{hex.EncodeToString(crs[:]), hex.EncodeToString(nonce[:]), v.Transcript(1), map[string]commitmentVector{
			"key-commit of trustee-1": commitment(saltOf("trustee-1"), s.of(1, "trustee-1").Bind([]byte("trustee-1"))),
			"commit of site-a":        commitment(saltOf("site-a"), s.of(1, "site-a").Bind(partsOf("site-a").Bytes())),
			"evidence of site-a":      commitment(saltOf("site-a"), s.of(0, "site-a").Bind([]byte("what site-a goes by"))),
			"vote of checker-1":       commitment(saltOf("checker-1"), s.of(0, "checker-1").Bind(s.vote().Bytes())),
		}},
	}
	for _, name := range slices.Sorted(maps.Keys(s.keys)) {
		key, seed := fixedKey(tb, name)
		out.Parties = append(out.Parties, partyVector{name, hex.EncodeToString(seed), key.Public()})
	}
	out.Refused, out.Unreadable, out.Join = s.refused(), s.unreadable(), writeJoin(tb)
	out.Verify = writeVerify(tb)
	return out
}

func commitment(salt suite.Salt, bound []byte) commitmentVector {
	return commitmentVector{hex.EncodeToString(salt[:]), string(bound), suite.Commit(salt, bound)}
}

// before is what is decided, and how a run starts.
func (s *script) before() {
	var b jobs.Bundle
	if err := json.Unmarshal(s.bundle, &b); err != nil {
		s.Fatal(err)
	}
	for i, signer := range []string{"operator", "operator", "bureau", "a", "b"} {
		r, err := receipt.Parse(b.Decisions[i])
		if err != nil {
			s.Fatal(err)
		}
		s.add(r.Kind(), signer, "", r)
	}
	start := s.start(s.TB, "operator", run)
	s.board[Subject(run, 0, jobs.Start, Operator)] = start.Bytes()
	s.add(jobs.Start, "operator", Subject(run, 0, jobs.Start, Operator), start)
}

func (s *script) key() {
	s.says(Round, RoundBody{s.of(1, Coordinator)})
	for _, name := range trustees {
		s.says(Hello, HelloBody{Of: s.of(1, name), Box: fixedBox(s.TB, name), Nonce: saltOf("nonce of " + name), Seq: 4})
	}
	for _, name := range trustees {
		s.says(KeyCommit, KeyCommitBody{Of: s.of(1, name), Share: suite.Commit(saltOf(name), s.of(1, name).Bind([]byte(name)))})
	}
	for _, name := range trustees {
		letters := map[string]suite.Digest{}
		for _, to := range trustees {
			if to != name {
				letters[to] = suite.DigestOf([]byte("letter of " + name + " to " + to))
			}
		}
		s.says(KeyOpen, KeyOpenBody{Of: s.of(1, name), Salt: saltOf(name), Share: suite.DigestOf([]byte(name)), Letters: letters})
	}
	transcript := s.view(s.TB).Transcript(1)
	for _, name := range trustees {
		s.says(Key, KeyBody{Of: s.of(1, name), Transcript: transcript, Key: suite.DigestOf([]byte("key"))})
	}
	s.says(Receiver, ReceiverBody{Of: s.of(1, "gate"), Key: suite.DigestOf([]byte("receiver")), Evidence: suite.DigestOf([]byte("evidence"))})
}

func (s *script) set() {
	for _, name := range sites {
		s.says(Admitted, AdmittedBody{
			Of: s.of(0, name), Program: s.terms.Program.Digest, Form: suite.DigestOf([]byte("form")), Rewrite: "1", Engines: []string{"wasmer"},
		})
		s.says(Commit, CommitBody{Of: s.of(1, name), Parts: suite.Commit(saltOf(name), s.of(1, name).Bind(partsOf(name).Bytes()))})
	}
	set, ok := s.view(s.TB).Set(1)
	if !ok {
		s.Fatal("there is no set")
	}
	for _, name := range sites {
		evidence := CommitEvidence(s.of(0, name), saltOf(name), []byte("what "+name+" goes by"))
		s.says(Confirm, ConfirmBody{Of: s.of(1, name), Set: set, Evidence: evidence})
	}
	// A debit stands in modes with noise only; here it is for its spelling.
	r, err := receipt.Sign(s.keys["site-b"], Confirm, s.of(2, "site-b").About(), ConfirmBody{Of: s.of(2, "site-b"), Set: set, Debit: &Debit{
		Namespace: jobs.NaturalPerson, Operator: "operator", Scenario: "s", At: noon, Cost: "0", Before: "1/50", After: "1/50", Seq: 2, Stored: "r-0",
	}})
	if err != nil {
		s.Fatal(err)
	}
	s.add(Confirm, "site-b", "", r)
	for _, name := range sites {
		s.says(Reveal, RevealBody{Of: s.of(1, name), Salt: saltOf(name), Parts: partsOf(name)})
	}
}

func (s *script) open() {
	sum := s.says(Sum, SumBody{Of: s.of(1, "gate"), Parts: partsOf("sum")})
	for _, name := range trustees {
		s.says(Ready, ReadyBody{Of: s.of(1, name), Sum: sum.Digest()})
	}
	active := s.says(Active, ActiveBody{Of: s.of(1, "gate"), Sum: sum.Digest(), Points: []int{1, 2}})
	for _, name := range trustees[:2] {
		s.says(Answer, AnswerBody{Of: s.of(1, name), Active: active.Digest(), Parts: partsOf(name), Seq: 5})
	}
	set, _ := s.view(s.TB).Confirmed(1)
	s.says(Candidate, CandidateBody{
		Of: s.of(0, "gate"), Set: set, Sum: sum.Digest(), Candidate: s.vote().Candidate, Record: s.vote().Record,
		Verdict: "pass", Profile: "house", Evidence: jobs.Software, Letter: suite.DigestOf([]byte("letter")),
	})
}

// aggregated is what is said with another protection only; here it is for its
// spelling, and has no place under this permit.
func (s *script) aggregated() {
	sum, _ := s.view(s.TB).Receipt(1, Sum, "gate")
	bodies := []Body{DeadBody{Of: s.of(0, "trustee-1"), Code: "unproved", Site: "site-b"}}
	kinds := []receipt.Kind{Dead, PrioPart, PrioAnswer, PrioClaim, PrioSum}
	for i, kind := range kinds[1:] {
		b := PrioBody{Of: s.of(1, "trustee-1"), Sum: sum.Digest(), Messages: []suite.Digest{suite.DigestOf([]byte(kind + "/0")), suite.DigestOf([]byte(kind + "/1"))}}
		if i == 0 {
			b.Sum = ""
		}
		bodies = append(bodies, b)
	}
	for i, body := range bodies {
		_, r, err := Say(s.keys["trustee-1"], kinds[i], body)
		if err != nil {
			s.Fatal(err)
		}
		s.add(kinds[i], "trustee-1", "", r)
	}
}

func (s *script) vote() Vote {
	return Vote{
		Candidate: suite.Commit(saltOf("candidate"), []byte("candidate")), Record: suite.Commit(saltOf("blind"), []byte("record")),
		Recipients: []string{"operator"}, Approve: true, Reason: "other", Exception: "consented",
	}
}

func (s *script) after() {
	s.says(Refusal, RefusalBody{Of: s.of(0, "site-a"), Code: "budget", Short: &Short{
		Cap: "year", Namespace: jobs.NaturalPerson, Name: "2026", Limit: "1", Spent: "99/100", Left: "1/100", Asked: "1/50", Factor: "2", Next: 2027,
	}})
	s.says(Lost, LostBody{s.of(1, "trustee-3")})
	s.says(Dead, DeadBody{Of: s.of(0, "trustee-3"), Code: "set"})
	s.aggregated()
	r, err := receipt.Sign(s.keys["bureau"], Replay, s.of(0, Bureau).About(), ReplayBody{s.of(0, Bureau)})
	if err != nil {
		s.Fatal(err)
	}
	s.post(Subject(run, 0, Replay, Bureau), r.Bytes())
	s.add(Replay, "bureau", Subject(run, 0, Replay, Bureau), r)
	s.says(Replayed, ReplayedBody{s.of(0, "site-a"), true})
	for i := range 2 {
		name := Checker(i)
		s.says(VoteCommit, VoteCommitBody{Of: s.of(0, name), Vote: suite.Commit(saltOf(name), s.of(0, name).Bind(s.vote().Bytes()))})
	}
	for i := range 2 {
		s.says(VoteOpen, VoteOpenBody{Of: s.of(0, Checker(i)), Vote: s.vote(), Salt: saltOf(Checker(i))})
	}
	s.says(Release, ReleaseBody{Of: s.of(0, Coordinator), Bundle: suite.DigestOf([]byte("bundle")), Shown: suite.DigestOf([]byte("shown"))})
	consent, err := SignConsent(s.keys["a"], ConsentBody{Run: run, Permit: s.terms.Digest(), Org: "a", Recipient: "audit", Box: fixedBox(s.TB, "audit"), At: noon})
	if err != nil {
		s.Fatal(err)
	}
	s.add(Consent, "a", "", consent)
	place, lease, err := SignLease(s.keys["site-a"], LeaseBody{Domain: "a", Party: "site-a", Seq: 7, At: noon, Held: []Held{{HoldDataset, "settlement"}, {HoldAll, ""}}})
	if err != nil {
		s.Fatal(err)
	}
	s.add(Lease, "site-a", place, lease)
	s.orders()
	s.says(Disclosed, DisclosedBody{
		Of: s.of(0, "site-a"), Consent: consent.Digest(), Recipient: "audit", Evidence: CommitEvidence(s.of(0, "site-a"), saltOf("site-a"), []byte("what site-a goes by")),
	})
}

// orders are an officer's order, and its lift by another, once its case has ended.
func (s *script) orders() {
	order, err := SignOrder(s.keys["bureau"], OrderBody{
		ID: "h-1", Thing: Held{HoldDataset, "d"}, Cause: "obj-7", Code: "objection", Text: "an objection", At: noon, Lifters: []suite.PublicKey{s.keys["checker-1"].Public()},
	})
	if err != nil {
		s.Fatal(err)
	}
	s.add(Order, Bureau, "", order)
	lift, err := SignLift(s.keys["checker-1"], LiftBody{ID: "l-1", On: order.Digest(), Case: "obj-7", Head: suite.DigestOf([]byte("head")), Text: "restored", At: noon})
	if err != nil {
		s.Fatal(err)
	}
	s.add(Lift, Checker(0), "", lift)
}

// refused are envelopes that say nothing where they are shown.
func (s *script) refused() []refusedVector {
	good := s.find(Commit, "site-a")
	signed := func(who string, kind receipt.Kind, of Of, about receipt.Subject) string {
		r, err := receipt.Sign(s.keys[who], kind, about, CommitBody{Of: of, Parts: suite.Commit(saltOf("x"), nil)})
		if err != nil {
			s.Fatal(err)
		}
		return string(r.Bytes())
	}
	here, place := s.of(1, "site-a"), good.Place
	of := func(run string, round int, permit suite.Digest, party string) Of {
		return Of{run, round, permit, party}
	}
	altered := strings.Replace(good.Envelope, `"payload":"eyJ`, `"payload":"eyK`, 1)
	sig := strings.LastIndex(good.Envelope, `"sig":"`) + len(`"sig":"`)
	flipped := good.Envelope[:sig] + string(rune('A'+(good.Envelope[sig]-'A'+1)%26)) + good.Envelope[sig+1:]
	other := of(run, 1, suite.DigestOf([]byte("other terms")), "site-a")
	return []refusedVector{
		{"a stranger's key", place, signed("stranger", Commit, here, here.About())},
		{"another party's key", place, signed("site-b", Commit, here, here.About())},
		{"the coordinator's key", place, signed(Coordinator, Commit, here, here.About())},
		{"an altered byte of the payload", place, altered},
		{"an altered byte of the signature", place, flipped},
		{"another run", place, signed("site-a", Commit, of("r-2", 1, s.terms.Digest(), "site-a"), of("r-2", 1, s.terms.Digest(), "site-a").About())},
		{"another round", place, signed("site-a", Commit, s.of(2, "site-a"), s.of(2, "site-a").About())},
		{"another permit", place, signed("site-a", Commit, other, other.About())},
		{"another kind", place, signed("site-a", Reveal, here, here.About())},
		{"at another party's place", Subject(run, 1, Commit, "site-b"), good.Envelope},
		{"at another kind's place", Subject(run, 1, Reveal, "site-a"), good.Envelope},
		{"at another round's place", Subject(run, 2, Commit, "site-a"), good.Envelope},
		{"at another run's place", Subject("r-2", 1, Commit, "site-a"), good.Envelope},
		{"at a round that there is none of", Subject(run, MaxRounds+1, Commit, "site-a"), good.Envelope},
		{"a space after", place, good.Envelope + " "},
		{"a space inside", place, strings.Replace(good.Envelope, `,"signatures"`, `, "signatures"`, 1)},
		{"two signatures", place, strings.Replace(good.Envelope, `"signatures":[`, `"signatures":[{"keyid":"","sig":""},`, 1)},
		{"no padding", place, strings.Replace(good.Envelope, `="}]`, `"}]`, 1)},
		{"nothing", place, "{}"},
	}
}

// unreadable are statements of the right key in the right place whose body
// is not what it should be.
func (s *script) unreadable() []refusedVector {
	place := Subject(run, 1, Ready, "trustee-1")
	signed := func(body any) string {
		r, err := receipt.Sign(s.keys["trustee-1"], Ready, s.of(1, "trustee-1").About(), body)
		if err != nil {
			s.Fatal(err)
		}
		return string(r.Bytes())
	}
	body := s.find(Ready, "trustee-1").Body
	raw := func(old, with string) json.RawMessage {
		text := strings.Replace(body, old, with, 1)
		if text == body {
			s.Fatalf("%s is not in %s", old, body)
		}
		return json.RawMessage(text)
	}
	return []refusedVector{
		{"a head of another round", place, signed(raw(`"round":1`, `"round":2`))},
		{"a head of another run", place, signed(raw(`"run":"r-1"`, `"run":"r-2"`))},
		{"a head of another party", place, signed(raw(`"party":"trustee-1"`, `"party":"trustee-2"`))},
		{"a field too many", place, signed(raw(`}`, `,"x":1}`))},
		{"a field too few", place, signed(raw(`"round":1,`, ``))},
		{"a field twice", place, signed(raw(`"round":1,`, `"round":1,"round":1,`))},
		{"fields in another order", place, signed(raw(`"run":"r-1","round":1`, `"round":1,"run":"r-1"`))},
		{"a number as a text", place, signed(raw(`"round":1`, `"round":"1"`))},
		{"null", place, signed(nil)},
	}
}

func (s *script) find(kind receipt.Kind, party string) statementVector {
	i := slices.IndexFunc(s.list, func(v statementVector) bool { return v.Kind == kind && v.Party == party })
	if i < 0 {
		s.Fatalf("no %s of %s", kind, party)
	}
	return s.list[i]
}

// The code makes exactly these vectors.
func TestVectorsAreMade(t *testing.T) {
	raw, err := json.MarshalIndent(write(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readVectors(t), write(t)); diff != "" {
		t.Errorf("%s (go test ./jobs/msg -run Vectors -update): %s", vectorFile, diff)
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var v vectors
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// board is what is on the board of the vectors, and in the ledger.
func (v vectors) board() map[string][]byte {
	board := map[string][]byte{v.Permit.Place: []byte(v.Permit.Bundle)}
	for _, s := range v.Statements {
		if s.Place != "" {
			board[s.Place] = []byte(s.Envelope)
			board[LoggedSubject(run, s.Digest)] = fmt.Appendf(nil, "%s 1", s.Digest)
		}
	}
	return board
}

func (v vectors) view(t *testing.T, board map[string][]byte) *View {
	t.Helper()
	pins := jobs.Pins{}
	for _, p := range v.Parties {
		pins[p.Name] = p.Key
	}
	view, err := NewView(run, board, pins)
	if err != nil || view.Err() != nil {
		t.Fatal(err, view.Err())
	}
	return view
}

// The code takes the statements of the file for what they say, and what
// follows from them is what the file says.
func TestVectorsAreTaken(t *testing.T) {
	v := readVectors(t)
	view := v.view(t, v.board())
	kinds := map[receipt.Kind]map[string]bool{}
	for _, s := range v.Statements {
		r, err := receipt.Parse([]byte(s.Envelope))
		if err != nil || r.Digest() != s.Digest || r.Kind() != s.Kind || cmp.Diff(r.Subject(), s.Subject) != "" {
			t.Errorf("%s of %s: %v", s.Kind, s.Party, err)
		}
		p, err := ParseSubject(s.Place)
		if s.Kind == Lease { // outside runs
			l, _, err := OpenLease([]byte(s.Envelope), view.Terms().Members[0])
			if err != nil || LeaseSubject(l.Party, l.Seq) != s.Place || MayPost("site-b", s.Place) || !MayPost("site-a", s.Place) {
				t.Errorf("the lease is not taken: %v", err)
			}
			if _, _, err := OpenLease([]byte(s.Envelope), view.Terms().Members[1]); !errors.Is(err, fault.Tampered) {
				t.Errorf("another member's lease: %v", err)
			}
		} else if s.Place != "" && s.Kind != jobs.Start && (err != nil || !view.Said(p.Round, s.Kind, s.Party)) {
			t.Errorf("%s of %s is not heard", s.Kind, s.Party)
		}
		used(t, s, kinds)
	}
	if crs := view.CRS(1); hex.EncodeToString(crs[:]) != v.Derived.Reference || view.Transcript(1) != v.Derived.Transcript {
		t.Error("another reference string, or transcript")
	}
	if nonce := view.Nonce(1); hex.EncodeToString(nonce[:]) != v.Derived.Nonce || v.Derived.Nonce == v.Derived.Reference {
		t.Error("another nonce")
	}
	for name, c := range v.Derived.Commitments {
		salt, err := hex.DecodeString(c.Salt)
		if err != nil || len(salt) != 32 || !c.Commitment.Opens(suite.Salt(salt), []byte(c.Bound)) {
			t.Errorf("%s does not open: %v", name, err)
		}
	}
	if parts, ok, err := view.Revealed(1); !ok || err != nil || cmp.Diff([]Parts{partsOf("site-a"), partsOf("site-b")}, parts) != "" {
		t.Errorf("revealed %v, %v", parts, err)
	}
	v.Join.taken(t, v, kinds)
	v.Verify.taken(t, v, kinds)
	// Every kind has a vector, and every field of every body a value in one.
	for kind, body := range bodies {
		if kind == Permit || kind == Logged {
			continue
		}
		for _, f := range fields(t, body) {
			name, _, _ := strings.Cut(f, " ")
			if kind == PrioPart && name == "sum" {
				continue // there is none yet
			}
			if !kinds[kind][name] {
				t.Errorf("no vector has a %s in a %s", name, kind)
			}
		}
		if kinds[kind] == nil {
			t.Errorf("no vector of a %s", kind)
		}
	}
}

// used notes which fields a statement has, and that its body is in its one
// spelling for the code's type.
func used(t *testing.T, s statementVector, kinds map[receipt.Kind]map[string]bool) {
	t.Helper()
	var has map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s.Body), &has); err != nil {
		t.Fatal(err)
	}
	if kinds[s.Kind] == nil {
		kinds[s.Kind] = map[string]bool{}
	}
	for name := range has {
		kinds[s.Kind][name] = true
	}
	if !strings.HasSuffix(s.Payload, `"predicate":`+s.Body+"}") {
		t.Errorf("the payload of %s of %s does not end in its body", s.Kind, s.Party)
	}
}

// What the file says is to be refused is.
func TestVectorsAreRefused(t *testing.T) {
	v := readVectors(t)
	for _, bad := range v.Refused {
		board := v.board()
		board[bad.Place] = []byte(bad.Envelope)
		d := suite.DigestOf([]byte(bad.Envelope))
		board[LoggedSubject(run, d)] = fmt.Appendf(nil, "%s 1000", d)
		view := v.view(t, board)
		p, err := ParseSubject(bad.Place)
		if r, ok := view.Receipt(p.Round, p.Kind, p.Party); err == nil && p.Run == run && ok && r.Digest() == d {
			t.Errorf("%s: it is heard", bad.Why)
		}
		n := 0
		for _, r := range view.Receipts() {
			if r.Digest() == d {
				n++
			}
		}
		if at, ok := view.Receipt(1, Commit, "site-a"); ok && at.Digest() == d {
			n-- // in its own place it is what it is
		}
		if n != 0 {
			t.Errorf("%s: it is heard somewhere", bad.Why)
		}
	}
	for _, bad := range v.Unreadable {
		board := v.board()
		board[bad.Place] = []byte(bad.Envelope)
		d := suite.DigestOf([]byte(bad.Envelope))
		board[LoggedSubject(run, d)] = fmt.Appendf(nil, "%s 1000", d)
		view := v.view(t, board)
		if r, ok := view.Receipt(1, Ready, "trustee-1"); !ok || r.Digest() != d {
			t.Errorf("%s: it is not in its place, and nothing is shown by it", bad.Why)
		}
		if _, err := Read[ReadyBody](view, 1, Ready, "trustee-1"); !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", bad.Why, err)
		}
	}
}
