package psi

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	_ "crypto/sha512" // of RFC 9497's proofs
	"fmt"
	"sync"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/zk/dl"
	"github.com/cloudflare/circl/zk/dleq"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// A Share is a holder's public part of the joint key: a point, and a proof
// that it knows its logarithm (RFC 8235), bound to job and name, so that no
// holder can make its share from the others'.
type Share struct {
	Name  string `json:"name"`
	Bytes []byte `json:"bytes"` // ShareSize
}

// An Answer is a trustee's part of the decryption of the sums, with a proof.
type Answer struct {
	Name  string
	Bytes []byte
}

// Sizes in bytes.
const (
	ShareSize = 3 * pointSize // point; commitment and response of the proof
	proofSize = 2 * pointSize
)

var (
	shareInfo = []byte("yunei psi key share v1")
	answerDLE = dleq.Params{G: curve, H: crypto.SHA512, DST: []byte("yunei psi answer v1")}
)

// A Holder has one share of the key that values are encrypted to, for one job,
// in memory only. All holders are needed to decrypt: if one is gone, the job
// begins anew under another name. A trustee's Holder Answers once, the gate's
// Opens once; then the secret is gone.
type Holder struct {
	job, name string
	share     []byte

	mu     sync.Mutex
	secret group.Scalar // nil once used
}

// NewHolder draws a share.
func NewHolder(job, name string) (*Holder, error) {
	for _, s := range []string{job, name} {
		if err := jobs.ID(s); err != nil {
			return nil, fmt.Errorf("drawing a key share: %w", err)
		}
	}
	h := &Holder{job: job, name: name, secret: curve.RandomNonZeroScalar(nil), share: make([]byte, ShareSize)}
	public := curve.NewElement().MulGen(h.secret)
	proof := dl.Prove(curve, curve.Generator(), public, h.secret, proverOf(job, name), shareInfo, rand.Reader)
	putPoint(h.share, public)
	putPoint(h.share[pointSize:], proof.V)
	if err := putScalar(h.share[2*pointSize:], proof.R); err != nil {
		return nil, fmt.Errorf("drawing a key share: %w", err)
	}
	return h, nil
}

// Share is what the others need of it.
func (h *Holder) Share() Share { return Share{h.name, append([]byte(nil), h.share...)} }

func proverOf(job, name string) []byte { return fmt.Appendf(nil, "%s %s", job, name) }

func putScalar(b []byte, s group.Scalar) error {
	raw, err := s.MarshalBinary()
	if err != nil || copy(b, raw) != pointSize {
		return fmt.Errorf("writing a scalar: %w", fault.Internal)
	}
	return nil
}

// parseShare checks a share's proof, and returns its point.
func parseShare(job string, s Share) (group.Element, error) {
	if err := jobs.ID(s.Name); err != nil {
		return nil, fmt.Errorf("a holder's name: %w", err)
	}
	if len(s.Bytes) != ShareSize {
		return nil, fmt.Errorf("key share of %s: %d bytes: %w", s.Name, len(s.Bytes), fault.Invalid)
	}
	public, err := parsePoint(s.Bytes[:pointSize])
	if err != nil {
		return nil, fmt.Errorf("key share of %s: %w", s.Name, err)
	}
	v, err := parsePoint(s.Bytes[pointSize : 2*pointSize])
	if err != nil {
		return nil, fmt.Errorf("key share of %s: %w", s.Name, err)
	}
	r := curve.NewScalar()
	if r.UnmarshalBinary(s.Bytes[2*pointSize:]) != nil {
		return nil, fmt.Errorf("key share of %s: %w", s.Name, fault.Invalid)
	}
	if !dl.Verify(curve, curve.Generator(), public, dl.Proof{V: v, R: r}, proverOf(job, s.Name), shareInfo) {
		return nil, fmt.Errorf("key share of %s: its proof does not hold: %w", s.Name, fault.Tampered)
	}
	return public, nil
}

// jointKey adds the shares of a job's holders up.
func jointKey(job string, shares []Share) (group.Element, error) {
	if len(shares) < 2 || len(shares) > MaxHolders {
		return nil, fmt.Errorf("%d holders of the key, not 2 to %d: %w", len(shares), MaxHolders, fault.Invalid)
	}
	key, seen := curve.Identity(), map[string]bool{}
	for _, s := range shares {
		if seen[s.Name] {
			return nil, fmt.Errorf("holder %s comes twice: %w", s.Name, fault.Invalid)
		}
		seen[s.Name] = true
		public, err := parseShare(job, s)
		if err != nil {
			return nil, err
		}
		key.Add(key, public)
	}
	if key.IsIdentity() {
		return nil, fmt.Errorf("the shares cancel out: %w", fault.Tampered)
	}
	return key, nil
}

// take gives the secret up for its one use, if m is of this holder's join and
// enough people are in both.
func (h *Holder) take(j *Join, m Matched) (group.Scalar, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.secret == nil {
		return nil, fmt.Errorf("the share was used, or is gone: %w", fault.Conflict)
	}
	if m.join != j.digest || j.terms.Job != h.job || j.key == nil || m.counts == nil {
		return nil, fmt.Errorf("what was matched is not of this join: %w", fault.Invalid)
	}
	mine := false
	for _, s := range j.terms.Holders {
		mine = mine || s.Name == h.name && string(s.Bytes) == string(h.share)
	}
	if !mine {
		return nil, fmt.Errorf("the join is not under a key that %s holds a share of: %w", h.name, fault.Invalid)
	}
	if m.Count() < int64(j.terms.KMin) {
		return nil, fmt.Errorf("too few are in both: %w", fault.Denied)
	}
	secret := h.secret
	h.secret = nil
	return secret, nil
}

// ciphertexts are the sums of cells that have somebody, by role, cell and slot.
func (m Matched) ciphertexts() []ciphertext {
	var all []ciphertext
	for _, of := range []Role{A, B} {
		for cell, slots := range m.sums[of] {
			if m.counts[cell] > 0 {
				all = append(all, slots...)
			}
		}
	}
	return all
}

// Answer returns a trustee's part of the decryption of what it matched itself,
// for the gate. It answers once; fewer people than KMin are refused with
// fault.Denied, which tells that much.
func (h *Holder) Answer(j *Join, m Matched) (Answer, error) {
	secret, err := h.take(j, m)
	if err != nil {
		return Answer{}, fmt.Errorf("answering for the sums: %w", err)
	}
	defer secret.SetUint64(0)
	bases, parts := halves(m.ciphertexts()), []group.Element{}
	out := []byte{}
	for _, c1 := range bases {
		p := curve.NewElement().Mul(c1, secret)
		parts = append(parts, p)
		out = append(out, make([]byte, pointSize)...)
		putPoint(out[len(out)-pointSize:], p)
	}
	proof, err := j.prover(h.name).ProveBatchRFC9497(secret, curve.NewElement().MulGen(secret), bases, parts, rand.Reader)
	if err != nil {
		return Answer{}, fmt.Errorf("answering for the sums: %w: %w", err, fault.Internal)
	}
	raw, err := proof.MarshalBinary()
	if err != nil {
		return Answer{}, fmt.Errorf("answering for the sums: %w: %w", err, fault.Internal)
	}
	return Answer{h.name, append(out, raw...)}, nil
}

// params binds a proof to the join and the holder.
func (j *Join) params(name string) dleq.Params {
	p := answerDLE
	sum := sha256.Sum256(append(j.digest[:], name...))
	p.DST = append(append([]byte(nil), p.DST...), sum[:]...)
	return p
}

func (j *Join) prover(name string) dleq.Prover { return dleq.Prover{Params: j.params(name)} }

func halves(all []ciphertext) []group.Element {
	var c1 []group.Element
	for _, c := range all {
		c1 = append(c1, c.c1)
	}
	return c1
}

// parseAnswer checks an answer's proof, and returns its parts.
func (j *Join) parseAnswer(a Answer, public group.Element, bases []group.Element) ([]group.Element, error) {
	if len(a.Bytes) != len(bases)*pointSize+proofSize {
		return nil, fmt.Errorf("answer of %s: %d bytes: %w", a.Name, len(a.Bytes), fault.Invalid)
	}
	parts := make([]group.Element, len(bases))
	for i := range parts {
		var err error
		if parts[i], err = parsePoint(a.Bytes[i*pointSize : (i+1)*pointSize]); err != nil {
			return nil, fmt.Errorf("answer of %s: %w", a.Name, err)
		}
	}
	var proof dleq.Proof
	if proof.UnmarshalBinary(curve, a.Bytes[len(bases)*pointSize:]) != nil {
		return nil, fmt.Errorf("answer of %s: %w", a.Name, fault.Invalid)
	}
	v := dleq.Verifier{Params: j.params(a.Name)}
	if !v.VerifyBatchRFC9497(public, bases, parts, &proof) {
		return nil, fmt.Errorf("answer of %s: its proof does not hold: %w", a.Name, fault.Tampered)
	}
	return parts, nil
}

// Format prints no more than what a Holder is, for every verb.
func (h *Holder) Format(f fmt.State, _ rune) { fmt.Fprint(f, "psi.Holder") }

// Erase drops the secret.
func (h *Holder) Erase() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.secret != nil {
		h.secret.SetUint64(0)
		h.secret = nil
	}
}
