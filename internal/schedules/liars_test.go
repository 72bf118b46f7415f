package schedules

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/enclave/he/hetest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// Here are parties that the test has written. They follow the protocol as far as
// it takes to be taken for the real ones, and keep nothing in a journal: what
// they lack of the real ones' rules is the defence that is off.

var primes = [...]uint64{9007199254429697, 9007199254364161, 9007199254331393}

// scaled multiplies ciphertexts, or adds others to them, coefficient by
// coefficient: what anybody can do who has them.
func scaled(parts [][][]byte, k int64, plus ...[][][]byte) [][][]byte {
	out := make([][][]byte, len(parts))
	for m := range parts {
		for c, ct := range parts[m] {
			others := make([][]byte, len(plus))
			for i := range plus {
				others[i] = plus[i][m][c]
			}
			out[m] = append(out[m], scaledOne(ct, k, others...))
		}
	}
	return out
}

func scaledOne(ct []byte, k int64, plus ...[]byte) []byte {
	out := make([]byte, len(ct))
	for i := 0; i < len(ct); i += 8 {
		q := primes[i/8/he.Slots%len(primes)]
		factor := uint64(k)
		if k < 0 {
			factor = q - uint64(-k)
		}
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(ct[i:]), factor)
		w := bits.Rem64(hi, lo, q)
		for _, p := range plus {
			w = (w + binary.LittleEndian.Uint64(p[i:])) % q
		}
		binary.LittleEndian.PutUint64(out[i:], w)
	}
	return out
}

// fetch gets the ciphertexts, or answers, that a list names.
func (w *world) fetch(ctx context.Context, parts msg.Parts) ([][][]byte, error) {
	out := make([][][]byte, len(parts))
	for m, chunks := range parts {
		for _, d := range chunks {
			b, err := party.Fetch(ctx, w.board, d, he.CiphertextSize)
			if err != nil {
				return nil, err
			}
			out[m] = append(out[m], b)
		}
	}
	return out, nil
}

// allSaid: each of names has made such a statement.
func allSaid(v *msg.View, n int, kind receipt.Kind, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !v.Said(n, kind, name) })
}

// A member is a site that the test has written. It signs whatever it is shown.
type member struct {
	*world
	name   string
	values []int64
	sealed map[int][][][]byte
	salts  map[int]suite.Salt

	instead   func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) // what it commits to, nil for its own
	revealed  func(ctx context.Context, v *msg.View, n int) (msg.RevealBody, bool, error)
	copies    bool // takes a neighbour's commitment for its own
	withholds bool // does not reveal
}

func (w *world) member(name string) *member {
	return &member{world: w, name: name, values: w.values[name], sealed: map[int][][][]byte{}, salts: map[int]suite.Salt{}}
}

func (m *member) Advance(ctx context.Context, v *msg.View) error {
	n := v.Round()
	if v.Err() != nil || v.Over() || n == 0 {
		return nil //nolint:nilerr // nothing is due
	}
	if !v.Said(0, msg.Admitted, m.name) {
		return m.say(ctx, msg.Admitted, m.name, m.admitted(v.Of(0, m.name)))
	}
	if _, ok := v.Key(n); !ok || !v.Said(n, msg.Receiver, "gate") {
		return nil
	}
	if !v.Said(n, msg.Commit, m.name) {
		return m.commit(ctx, v, n)
	}
	if set, ok := v.Set(n); ok && !v.Said(n, msg.Confirm, m.name) {
		debit := m.debit(v.Terms())
		return m.say(ctx, msg.Confirm, m.name, msg.ConfirmBody{Of: v.Of(n, m.name), Set: set, Debit: &debit})
	}
	if _, ok := v.Confirmed(n); !ok || v.Said(n, msg.Reveal, m.name) || m.withholds {
		return nil
	}
	if m.revealed != nil {
		body, ready, err := m.revealed(ctx, v, n)
		if !ready || err != nil {
			return err
		}
		return m.say(ctx, msg.Reveal, m.name, body)
	}
	return m.say(ctx, msg.Reveal, m.name, msg.RevealBody{Of: v.Of(n, m.name), Salt: m.salts[n], Parts: hetest.Digests(m.sealed[n])}, slices.Concat(m.sealed[n]...)...)
}

// own is what an honest site would seal of its values.
func (m *member) own(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
	fetch := func(ctx context.Context, d suite.Digest, limit int) ([]byte, error) {
		return party.Fetch(ctx, m.board, d, limit)
	}
	if v.Terms().Proved() {
		tasks, err := enclave.Tasks(ctx, fetch, v, n)
		if err != nil {
			return nil, err
		}
		return enclave.Prove(tasks, v.Terms().Ranges(), m.values)
	}
	d, _ := v.Key(n)
	key, err := fetch(ctx, d, he.PublicKeySize)
	if err != nil {
		return nil, err
	}
	return hetest.Encrypt(key, m.values)
}

func (m *member) commit(ctx context.Context, v *msg.View, n int) error {
	if m.sealed[n] == nil {
		parts, err := m.own(ctx, v, n)
		if err != nil {
			return err
		}
		if m.instead != nil {
			var other [][][]byte
			if other, err = m.instead(ctx, v, n); other != nil {
				parts = other
			}
		}
		if err != nil {
			return err
		}
		m.sealed[n], m.salts[n] = parts, suite.Salt{byte(n), 77}
	}
	c := suite.Commit(m.salts[n], v.Of(n, m.name).Bind(hetest.Digests(m.sealed[n]).Bytes()))
	if m.copies {
		theirs, err := msg.Read[msg.CommitBody](v, n, msg.Commit, victim)
		if errors.Is(err, fault.NotFound) {
			return nil // not yet
		}
		if err != nil {
			return err
		}
		c = theirs.Parts
	}
	return m.say(ctx, msg.Commit, m.name, msg.CommitBody{Of: v.Of(n, m.name), Parts: c})
}

// late waits for the victim's reveal and gives something made of it for what it
// had committed to.
func (m *member) late(make func(theirs [][][]byte) [][][]byte) {
	m.revealed = func(ctx context.Context, v *msg.View, n int) (msg.RevealBody, bool, error) {
		theirs, err := msg.Read[msg.RevealBody](v, n, msg.Reveal, victim)
		if err != nil {
			return theirs, false, nil //nolint:nilerr // not yet
		}
		body := msg.RevealBody{Of: v.Of(n, m.name), Salt: m.salts[n], Parts: theirs.Parts}
		if m.copies {
			body.Salt = theirs.Salt
			return body, true, nil
		}
		parts, err := m.fetch(ctx, theirs.Parts)
		if err != nil {
			return body, false, err
		}
		parts = make(parts)
		body.Parts = hetest.Digests(parts)
		for _, ct := range slices.Concat(parts...) {
			if err := party.Put(ctx, m.board, m.name, ct); err != nil {
				return body, false, err
			}
		}
		return body, true, nil
	}
}

// A hand is a trustee that the test has written.
type hand struct {
	*world
	name  string
	grips map[int]*grip

	credulous bool // answers to whatever sum the gate presents, whoever has confirmed it
	sameKey   bool // has one key in all rounds
	mute      bool // never answers
	spoils    bool // answers with rubbish
	deals     bool // deals rubbish
}

// A grip is what a hand has of a round.
type grip struct {
	box      suite.Box
	nonce    suite.Salt
	salt     suite.Salt
	member   *he.Member
	crs      [he.SeedSize]byte
	share    []byte
	dealt    map[int][]byte
	received bool
}

func (w *world) hand(name string) *hand { return &hand{world: w, name: name, grips: map[int]*grip{}} }

func (h *hand) grip(v *msg.View, n int) (*grip, error) {
	if g := h.grips[n]; g != nil {
		return g, nil
	}
	g := &grip{nonce: suite.Salt{byte(n), 1}, salt: suite.Salt{byte(n), 2}}
	var err error
	if g.box, err = suite.NewBox(); err != nil {
		return nil, err
	}
	if first := h.grips[1]; h.sameKey && first != nil {
		g.member, g.crs, g.share, g.dealt, g.received = first.member, first.crs, first.share, first.dealt, first.received
	} else {
		var points []int
		for i := range v.Trustees() {
			points = append(points, i+1)
		}
		if g.member, err = he.NewMember(slices.Index(v.Trustees(), h.name)+1, points, v.Terms().Trustees.Quorum); err != nil {
			return nil, err
		}
	}
	h.grips[n] = g
	return g, nil
}

func (h *hand) Advance(ctx context.Context, v *msg.View) error {
	n := v.Round()
	if v.Err() != nil || v.Over() || n == 0 {
		return nil //nolint:nilerr // nothing is due
	}
	g, err := h.grip(v, n)
	if err != nil {
		return err
	}
	all := v.Trustees()
	switch {
	case !v.Said(n, msg.Hello, h.name):
		return h.say(ctx, msg.Hello, h.name, msg.HelloBody{Of: v.Of(n, h.name), Box: g.box.Public(), Nonce: g.nonce, Seq: uint64(2*n - 1)})
	case !v.Said(n, msg.KeyCommit, h.name) && allSaid(v, n, msg.Hello, all):
		if g.share == nil {
			g.crs = v.CRS(n)
			if g.share, err = g.member.CKGShare(g.crs); err != nil {
				return err
			}
		}
		return h.say(ctx, msg.KeyCommit, h.name, msg.KeyCommitBody{Of: v.Of(n, h.name), Share: suite.Commit(g.salt, v.Of(n, h.name).Bind(g.share))})
	case !v.Said(n, msg.KeyOpen, h.name) && allSaid(v, n, msg.KeyCommit, all):
		return h.open(ctx, v, n, g)
	case !v.Said(n, msg.Key, h.name) && allSaid(v, n, msg.KeyOpen, all):
		return h.vouch(ctx, v, n, g)
	case !v.Said(n, msg.Ready, h.name) && v.Said(n, msg.Sum, "gate"):
		said, _ := v.Receipt(n, msg.Sum, "gate")
		return h.say(ctx, msg.Ready, h.name, msg.ReadyBody{Of: v.Of(n, h.name), Sum: said.Digest()})
	case !v.Said(n, msg.Answer, h.name) && v.Said(n, msg.Active, "gate") && !h.mute:
		return h.answer(ctx, v, n, g)
	}
	return nil
}

// letterInfo is the occasion of a letter (enclave/PROTOCOL.md, Encodings).
func letterInfo(v *msg.View, n int, from, to string) string {
	return fmt.Sprintf("yunei shamir share v1 %s %d %s %s %s", v.ID(), n, v.Permit().Digest(), from, to)
}

func (h *hand) open(ctx context.Context, v *msg.View, n int, g *grip) error {
	if g.dealt == nil {
		var err error
		if g.dealt, err = g.member.ShamirShares(); err != nil {
			return err
		}
	}
	hellos, ok := msg.All[msg.HelloBody](v, n, msg.Hello, v.Trustees())
	if !ok {
		return nil
	}
	bulk, letters := [][]byte{g.share}, map[string]suite.Digest{}
	for i, hello := range hellos {
		if hello.Party == h.name {
			continue
		}
		share := g.dealt[i+1]
		if h.deals {
			share = make([]byte, he.ShamirShareSize)
		}
		letter, err := hello.Box.Seal(letterInfo(v, n, h.name, hello.Party), share)
		if err != nil {
			return err
		}
		bulk, letters[hello.Party] = append(bulk, letter), suite.DigestOf(letter)
	}
	return h.say(ctx, msg.KeyOpen, h.name, msg.KeyOpenBody{Of: v.Of(n, h.name), Salt: g.salt, Share: suite.DigestOf(g.share), Letters: letters}, bulk...)
}

func (h *hand) vouch(ctx context.Context, v *msg.View, n int, g *grip) error {
	opens, ok := msg.All[msg.KeyOpenBody](v, n, msg.KeyOpen, v.Trustees())
	if !ok {
		return nil
	}
	var public [][]byte
	private := map[int][]byte{}
	for i, o := range opens {
		share, err := party.Fetch(ctx, h.board, o.Share, he.CKGShareSize)
		if err != nil {
			return err
		}
		public = append(public, share)
		if o.Party == h.name {
			continue
		}
		letter, err := party.Fetch(ctx, h.board, o.Letters[h.name], he.ShamirShareSize+48)
		if err != nil {
			return err
		}
		if private[i+1], err = g.box.Open(letterInfo(v, n, o.Party, h.name), letter); err != nil {
			return err
		}
	}
	key, err := he.PublicKey(g.crs, public)
	if err != nil {
		return err
	}
	if !g.received {
		if err := g.member.Receive(private); err != nil {
			return err
		}
		g.received = true
	}
	return h.say(ctx, msg.Key, h.name, msg.KeyBody{Of: v.Of(n, h.name), Transcript: v.Transcript(n), Key: suite.DigestOf(key)}, key)
}

func (h *hand) answer(ctx context.Context, v *msg.View, n int, g *grip) error {
	active, err := msg.Read[msg.ActiveBody](v, n, msg.Active, "gate")
	if err != nil || !slices.Contains(active.Points, slices.Index(v.Trustees(), h.name)+1) {
		return nil //nolint:nilerr // not called
	}
	sum, err := h.toAnswer(ctx, v, n)
	if err != nil {
		return err
	}
	receiver, err := msg.Read[msg.ReceiverBody](v, n, msg.Receiver, "gate")
	if err != nil {
		return err
	}
	to, err := party.Fetch(ctx, h.board, receiver.Key, he.PublicKeySize)
	if err != nil {
		return err
	}
	shares, err := hetest.Answer(g.member, active.Points, to, sum)
	if err != nil {
		return err
	}
	if h.spoils {
		shares = scaled(shares, 3)
	}
	said, _ := v.Receipt(n, msg.Active, "gate")
	return h.say(ctx, msg.Answer, h.name, msg.AnswerBody{Of: v.Of(n, h.name), Active: said.Digest(), Parts: hetest.Digests(shares), Seq: uint64(2 * n)}, slices.Concat(shares...)...)
}

func (h *hand) toAnswer(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
	if h.credulous {
		said, err := msg.Read[msg.SumBody](v, n, msg.Sum, "gate")
		if err != nil {
			return nil, err
		}
		return h.fetch(ctx, said.Parts)
	}
	parts, _, err := v.Revealed(n)
	if err != nil {
		return nil, err
	}
	sum, err := enclave.Add(ctx, func(ctx context.Context, d suite.Digest, limit int) ([]byte, error) {
		return party.Fetch(ctx, h.board, d, limit)
	}, parts, v.Terms().Slots(), h.folder)
	if err != nil {
		return nil, err
	}
	defer sum.Close()
	var all [][]byte
	err = sum.Each(func(b []byte) error { all = append(all, b); return nil })
	return [][][]byte{all[:len(all)/2], all[len(all)/2:]}, err
}

// An ear is a gate that the test has written. It opens what it can, in several
// rounds, and never says a candidate.
type ear struct {
	*world
	keys   map[int]*he.Receiver
	sums   map[int][][][]byte
	opened map[int][]int64

	presents func(ctx context.Context, v *msg.View, n int, parts []msg.Parts) ([][][]byte, error) // for the sum; nil for the sum itself
	rounds   int                                                                                  // that it opens
}

func (w *world) ear() *ear {
	return &ear{world: w, keys: map[int]*he.Receiver{}, sums: map[int][][][]byte{}, opened: map[int][]int64{}, rounds: 2}
}

func (e *ear) Advance(ctx context.Context, v *msg.View) error {
	n := v.Round()
	if v.Err() != nil || v.Over() || n == 0 {
		return nil //nolint:nilerr // nothing is due
	}
	switch parts, ok, _ := v.Revealed(n); {
	case !v.Said(n, msg.Receiver, "gate"):
		if _, all := msg.All[msg.HelloBody](v, n, msg.Hello, v.Trustees()); !all {
			return nil
		}
		if e.keys[n] == nil {
			r, err := he.NewReceiver()
			if err != nil {
				return err
			}
			e.keys[n] = r
		}
		pk := e.keys[n].PublicKey()
		evidence, err := enclave.Vouch(attest.NewSoftware(e.Keys["gate"]), v, n, suite.DigestOf([]byte("gate")), suite.DigestOf(pk))
		if err != nil {
			return err
		}
		return e.say(ctx, msg.Receiver, "gate", msg.ReceiverBody{Of: v.Of(n, "gate"), Key: suite.DigestOf(pk), Evidence: suite.DigestOf(evidence)}, pk, evidence)
	case ok && !v.Said(n, msg.Sum, "gate"):
		return e.sum(ctx, v, n, parts)
	case v.Said(n, msg.Sum, "gate") && !v.Said(n, msg.Active, "gate"):
		return e.call(ctx, v, n)
	case v.Said(n, msg.Active, "gate") && e.opened[n] == nil:
		return e.open(ctx, v, n)
	}
	return nil
}

func (e *ear) sum(ctx context.Context, v *msg.View, n int, parts []msg.Parts) error {
	lists := make([][][][]byte, len(parts))
	for i, p := range parts {
		var err error
		if lists[i], err = e.fetch(ctx, p); err != nil {
			return err
		}
	}
	sum := scaled(lists[0], 1, lists[1:]...)
	if e.presents != nil {
		var err error
		if sum, err = e.presents(ctx, v, n, parts); err != nil {
			return err
		}
	}
	e.sums[n] = sum
	return e.say(ctx, msg.Sum, "gate", msg.SumBody{Of: v.Of(n, "gate"), Parts: hetest.Digests(sum)}, slices.Concat(sum...)...)
}

func (e *ear) call(ctx context.Context, v *msg.View, n int) error {
	said, _ := v.Receipt(n, msg.Sum, "gate")
	var points []int
	for i, name := range v.Trustees() {
		if b, err := msg.Read[msg.ReadyBody](v, n, msg.Ready, name); err == nil && b.Sum == said.Digest() && len(points) < v.Terms().Trustees.Quorum {
			points = append(points, i+1)
		}
	}
	if len(points) < v.Terms().Trustees.Quorum {
		return nil
	}
	return e.say(ctx, msg.Active, "gate", msg.ActiveBody{Of: v.Of(n, "gate"), Sum: said.Digest(), Points: points})
}

func (e *ear) open(ctx context.Context, v *msg.View, n int) error {
	active, err := msg.Read[msg.ActiveBody](v, n, msg.Active, "gate")
	if err != nil {
		return err
	}
	shares := map[int][][][]byte{}
	for _, point := range active.Points {
		b, err := msg.Read[msg.AnswerBody](v, n, msg.Answer, v.Trustees()[point-1])
		if err != nil {
			return nil //nolint:nilerr // not yet
		}
		if shares[point], err = e.fetch(ctx, b.Parts); err != nil {
			return err
		}
	}
	values, err := hetest.Open(e.keys[n], e.sums[n], shares, v.Terms().Slots(), bound)
	if err != nil {
		return err
	}
	e.opened[n] = values
	if len(e.opened) < e.rounds {
		return e.say(ctx, msg.Lost, "gate", msg.LostBody{Of: v.Of(n, "gate")})
	}
	return nil
}

// bound is far beyond what vectors of a test come to, and far below rubbish.
const bound = 1 << 40
