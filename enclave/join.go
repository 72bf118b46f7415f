package enclave

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/yunei/yunei/enclave/psi"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// A run of a join (jobs.Join) is package psi's between the parties of a run:
// what each of them needs of the others is made here out of what was said, so
// that all have the same terms, and a list of another round is of other terms.

// A HolderKey is what the gate shows for a round of a join: its share of the
// key, and the box for what sites answer. The evidence vouches for its bytes.
type HolderKey struct {
	Share []byte       `json:"share"`
	Box   suite.BoxKey `json:"box"`
}

const maxHolderKey = 1 << 10

// Bytes is the one spelling of the key.
func (k HolderKey) Bytes() []byte {
	b, err := json.Marshal(k)
	if err != nil {
		panic("enclave: a key cannot be marshalled: " + err.Error()) // plain data only
	}
	return b
}

// ParseHolderKey reads what the gate showed. Every error is of kind Tampered.
func ParseHolderKey(raw []byte) (HolderKey, error) {
	var k HolderKey
	if len(raw) > maxHolderKey || json.Unmarshal(raw, &k) != nil || !bytes.Equal(k.Bytes(), raw) || k.Box.Check() != nil {
		return HolderKey{}, fmt.Errorf("reading the gate's key: %w", fault.Tampered)
	}
	return k, nil
}

// A Joint is a round of a join as every party sees it.
type Joint struct {
	*psi.Join
	view  *msg.View
	round int
	boxes map[string]suite.BoxKey // of the holders
}

// JoinOf makes the join of a round out of the permit and of what gate and
// trustees have shown. A share whose proof does not hold is of kind Tampered.
func JoinOf(ctx context.Context, fetch Fetch, v *msg.View, n int) (*Joint, error) {
	j := &Joint{view: v, round: n, boxes: map[string]suite.BoxKey{}}
	gate := v.Terms().Gate.Name
	said, err := msg.Read[msg.ReceiverBody](v, n, msg.Receiver, gate)
	if err != nil {
		return nil, err
	}
	raw, err := fetch(ctx, said.Key, maxHolderKey)
	if err != nil {
		return nil, err
	}
	own, err := ParseHolderKey(raw)
	if err != nil {
		return nil, err
	}
	hellos, ok := msg.All[msg.HelloBody](v, n, msg.Hello, v.Trustees())
	if !ok {
		return nil, fmt.Errorf("joining: a trustee is missing: %w", fault.NotFound)
	}
	holders := []psi.Share{{Name: gate, Bytes: own.Share}}
	j.boxes[gate] = own.Box
	for _, h := range hellos {
		holders = append(holders, psi.Share{Name: h.Party, Bytes: h.Share})
		j.boxes[h.Party] = h.Box
	}
	if j.Join, err = psi.New(joinTerms(v, n, holders)); err != nil {
		return nil, foul(err)
	}
	return j, nil
}

// joinTerms are what the permit and the round fix.
func joinTerms(v *msg.View, n int, holders []psi.Share) psi.Terms {
	t := v.Terms()
	a, b := t.Values()
	clipA, clipB := t.Clips()
	if a+b == 0 {
		holders = nil // a count has no key
	}
	return psi.Terms{
		Job: v.JoinName(n), Namespace: t.Shape.Namespace,
		A:     psi.Party{Domain: t.Members[0].Domain, Set: t.Join.A, Slots: a, Clip: clipA},
		B:     psi.Party{Domain: t.Members[1].Domain, Set: t.Join.B, Slots: b, Clip: clipB},
		Cells: t.Shape.Cells(), KMin: int(t.Threshold), Holders: holders,
	}
}

// JoinRole is the side of a site, neither if it is no member.
func JoinRole(v *msg.View, site string) psi.Role {
	return psi.Role(slices.Index(v.Sites(), site) + 1) //nolint:gosec // 0, 1 or 2
}

func peer(r psi.Role) psi.Role { return psi.A + psi.B - r }

// listName binds a sealed list to its round, to who answered, and to its cell.
func (j *Joint) listName(from string, cell int) (storage.Name, error) {
	return storage.NewName(j.view.JoinName(j.round)+"/"+from, strconv.Itoa(cell))
}

// SealList returns a writer that seals an answered list of a site's to w, and
// the key that opens it.
func (j *Joint) SealList(w io.Writer, from string, cell int) (io.WriteCloser, []byte, error) {
	key, err := seal.NewKey()
	if err != nil {
		return nil, nil, err
	}
	name, err := j.listName(from, cell)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := seal.NewWriter(w, key.Public(), name)
	return sealed, key.Bytes(), err
}

// Letters seals what opens a site's lists to every holder.
func (j *Joint) Letters(from string, letter msg.JoinLetter) (map[string][]byte, error) {
	plain, err := json.Marshal(letter)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	sealed := map[string][]byte{}
	for holder, box := range j.boxes {
		if sealed[holder], err = box.Seal(msg.JoinInfo(j.view, j.round, from, holder), plain); err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

// maxLetter bounds a letter about the lists of a site, in bytes.
const maxLetter = 64 << 10

// A Source gives the bytes of a blob of that size that a party posted, at any place.
type Source func(ctx context.Context, by string, d suite.Digest, size int64) io.ReaderAt

// Match opens what both sites have answered, as the holder of that name, and
// matches it. A list or letter that is not what it should be is of kind Tampered.
func (j *Joint) Match(ctx context.Context, fetch Fetch, from Source, holder string, box suite.Box) (psi.Matched, error) {
	all, ok := j.view.Answers(j.round)
	if !ok {
		return psi.Matched{}, fmt.Errorf("matching: not all is answered: %w", fault.NotFound)
	}
	var lists [3][]psi.Answered // by whose set it is
	for _, b := range all {
		of := peer(JoinRole(j.view, b.Party))
		opened, err := j.open(ctx, fetch, from, b, of, holder, box)
		if err != nil {
			return psi.Matched{}, fmt.Errorf("opening what %s answered: %w", b.Party, err)
		}
		lists[of] = opened
	}
	if len(lists[psi.B]) != 1 {
		return psi.Matched{}, fmt.Errorf("matching: %d lists of B's: %w", len(lists[psi.B]), fault.Tampered)
	}
	m, err := j.Join.Match(ctx, lists[psi.A], lists[psi.B][0])
	return m, foul(err)
}

// foul makes of bytes that are not well-formed what they are when another party
// has signed them.
func foul(err error) error {
	if errors.Is(err, fault.Invalid) {
		return fmt.Errorf("%w: %w", err, fault.Tampered)
	}
	return err
}

func (j *Joint) open(ctx context.Context, fetch Fetch, from Source, b msg.JoinedBody, of psi.Role, holder string, box suite.Box) ([]psi.Answered, error) {
	sealed, err := fetch(ctx, b.Letters[holder], maxLetter)
	if err != nil {
		return nil, err
	}
	plain, err := box.Open(msg.JoinInfo(j.view, j.round, b.Party, holder), sealed)
	if err != nil {
		return nil, fmt.Errorf("a letter does not open: %w: %w", err, fault.Tampered)
	}
	defer clear(plain)
	var letter msg.JoinLetter
	if json.Unmarshal(plain, &letter) != nil || len(letter.Keys) != j.Lists(of) || len(letter.Lists) != j.Lists(of) || len(b.Lists) != j.Lists(of) {
		return nil, fmt.Errorf("a letter is not of these lists: %w", fault.Tampered)
	}
	var out []psi.Answered
	for cell, raw := range letter.Keys {
		key, err := seal.ParsePrivateKey(raw)
		if err != nil {
			return nil, fmt.Errorf("a letter has no key: %w: %w", err, fault.Tampered)
		}
		name, err := j.listName(b.Party, cell)
		if err != nil {
			return nil, err
		}
		size := sealedSize(j.ListSize(of))
		r, err := seal.NewReaderAt(from(ctx, b.Party, b.Lists[cell], size), size, key, name)
		if err != nil {
			return nil, err
		}
		out = append(out, psi.Answered{R: io.NewSectionReader(r, 0, r.Size()), Digest: letter.Lists[cell]})
	}
	return out, nil
}

// sealedSize is how many bytes an object of n bytes is sealed in.
func sealedSize(n int64) int64 {
	chunks := max(1, (n+seal.Chunk-1)/seal.Chunk)
	return seal.Header + n + 16*chunks
}

// answerSize is that of a padded answer: how long an answer is tells how many
// cells have somebody.
func (j *Joint) answerSize() int { return 4 + j.MaxAnswer() }

// SealAnswer seals a trustee's answer to the gate, in a length that says
// nothing.
func (j *Joint) SealAnswer(a psi.Answer) ([]byte, error) {
	gate := j.view.Terms().Gate.Name
	plain := make([]byte, j.answerSize())
	if len(a.Bytes) > j.MaxAnswer() {
		return nil, fmt.Errorf("sealing an answer: %d bytes: %w", len(a.Bytes), fault.Internal)
	}
	binary.BigEndian.PutUint32(plain, uint32(len(a.Bytes))) //nolint:gosec // at most MaxAnswer
	copy(plain[4:], a.Bytes)
	return j.boxes[gate].Seal(msg.JoinInfo(j.view, j.round, a.Name, gate), plain)
}

// OpenAnswer opens a trustee's answer with the gate's box. Errors are of kind
// Tampered, or of fetching.
func (j *Joint) OpenAnswer(ctx context.Context, fetch Fetch, b msg.AnswerBody, box suite.Box) (psi.Answer, error) {
	if len(b.Parts) != 1 || len(b.Parts[0]) != 1 {
		return psi.Answer{}, fmt.Errorf("an answer is not whole: %w", fault.Tampered)
	}
	sealed, err := fetch(ctx, b.Parts[0][0], j.answerSize()+maxHolderKey)
	if err != nil {
		return psi.Answer{}, err
	}
	plain, err := box.Open(msg.JoinInfo(j.view, j.round, b.Party, j.view.Terms().Gate.Name), sealed)
	if err != nil || len(plain) != j.answerSize() {
		return psi.Answer{}, fmt.Errorf("an answer does not open: %w", fault.Tampered)
	}
	n := binary.BigEndian.Uint32(plain)
	if int64(n) > int64(j.MaxAnswer()) {
		return psi.Answer{}, fmt.Errorf("an answer is too long: %w", fault.Tampered)
	}
	return psi.Answer{Name: b.Party, Bytes: plain[4 : 4+n]}, nil
}

// Few reports whether fewer people are in both sets than the permit opens
// anything for.
func (j *Joint) Few(m psi.Matched) bool { return m.Count() < j.view.Terms().Threshold }
