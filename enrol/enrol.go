// Package enrol is how a new process on a machine of its own comes to be known
// without a secret leaving that machine. The bureau's person makes a token on
// their own computer and gives it to whoever runs the new machine; the platform
// gets its digest, bound to one name and one duty. The machine draws its key,
// connects to the coordinator by the pin that its people were given, and shows the
// token with a statement, signed by the new key, of that key, its own name and the
// coordinator's key. Then both sides show one fingerprint of the statement, two
// persons compare it by telephone, and only that makes the key known: the token
// says who may try, the fingerprint who it is.
//
// So a token that is stolen lets somebody offer a key, which nobody accepts; and a
// false coordinator in between is another coordinator's key in the statement, and
// another fingerprint. The package does not keep tokens nor count tries; the API
// does. It does not say what the process may do.
package enrol

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/suite"
)

// Kind is the kind of receipt that a newcomer's statement is.
const Kind receipt.Kind = "enrol"

// Path is where a newcomer asks, with an Ask of at most MaxAsk bytes.
const (
	Path   = "/v1/enrol"
	MaxAsk = 16 << 10
)

const (
	tokenSize   = 20 // bytes: 160 bits
	tokenPrefix = "yunei-"
	maxAnswer   = 8 << 10
	timeout     = 30 * time.Second
)

var encoding = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding) // neither l and o, nor 0 and 1

// A Token is the secret of an invitation. It prints as what it is; Text is what to
// hand over. The zero Token invites nobody.
type Token struct{ raw string }

// NewToken draws a token of 160 bits.
func NewToken(random io.Reader) (Token, error) {
	var b [tokenSize]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return Token{}, fmt.Errorf("drawing a token: %w", err)
	}
	return Token{string(b[:])}, nil
}

// ParseToken reads what Text wrote, whatever white space is around it. The error is
// the refusal invite-token.
func ParseToken(text string) (Token, error) {
	bare, ok := strings.CutPrefix(strings.TrimSpace(text), tokenPrefix)
	raw, err := encoding.DecodeString(bare)
	if !ok || err != nil || len(raw) != tokenSize || encoding.EncodeToString(raw) != bare {
		return Token{}, fault.Refuse("invite-token", "house")
	}
	return Token{string(raw)}, nil
}

// Text is the token as a person hands it over.
func (t Token) Text() string { return tokenPrefix + encoding.EncodeToString([]byte(t.raw)) }

// String hides the token.
func (Token) String() string { return "token" }

// Format hides the token from every verb of package fmt.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "token") }

// Digest is what is kept of the token, for the name that it is for.
func (t Token) Digest(name string) suite.Digest {
	return suite.DigestOf([]byte("yunei invitation v1\x00" + name + "\x00" + t.raw))
}

// A Newcomer is what a new process states of itself, signed by its own key.
type Newcomer struct {
	Coordinator suite.PublicKey `json:"coordinator"` // whom it takes for that
	Invitation  suite.Digest    `json:"invitation"`  // of the token, for the name
	Name        string          `json:"name"`
	Kind        string          `json:"kind"` // site, trustee or gate
	Key         suite.PublicKey `json:"key"`
}

// An Ask is a statement and the token that lets it be heard.
type Ask struct {
	Token     string          `json:"token"`
	Statement json.RawMessage `json:"statement"`
}

func (n Newcomer) about() receipt.Subject {
	return receipt.About("enrol/"+n.Name, n.Invitation)
}

// Sign states that a process with that name and duty has that key.
func Sign(key suite.PrivateKey, token Token, coordinator suite.PublicKey, name, kind string) (Ask, Newcomer, error) {
	n := Newcomer{Coordinator: coordinator, Invitation: token.Digest(name), Name: name, Kind: kind, Key: key.Public()}
	r, err := receipt.Sign(key, Kind, n.about(), n)
	if err != nil {
		return Ask{}, Newcomer{}, fmt.Errorf("asking to be enrolled: %w", err)
	}
	return Ask{Token: token.Text(), Statement: r.Bytes()}, n, nil
}

// Parse reads a newcomer's statement: it is signed by the key that it names. Errors
// are of kind Invalid, Tampered or Exhausted.
func Parse(statement []byte) (Newcomer, error) {
	var n Newcomer
	r, err := receipt.Parse(statement)
	if err != nil {
		return n, fmt.Errorf("reading an enrolment: %w", err)
	}
	if err := r.Read(Kind, &n); err != nil {
		return n, fmt.Errorf("reading an enrolment: %w", err)
	}
	if _, err := suite.ParsePublicKey(string(n.Coordinator)); err != nil {
		return n, fmt.Errorf("reading an enrolment: the coordinator's key: %w", err)
	}
	s, want := r.Subject(), n.about()
	if r.By() != n.Key || s.Name != want.Name || len(s.Digest) != 1 || s.Digest["sha256"] != want.Digest["sha256"] {
		return n, fmt.Errorf("reading an enrolment: not the newcomer's own statement: %w", fault.Tampered)
	}
	return n, nil
}

// ParseAsk reads an Ask and the two things in it. Errors are the refusal
// invite-token and those of Parse.
func ParseAsk(raw []byte) (Token, Newcomer, []byte, error) {
	var a Ask
	if len(raw) > MaxAsk {
		return Token{}, Newcomer{}, nil, fmt.Errorf("reading an enrolment: %d bytes: %w", len(raw), fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return Token{}, Newcomer{}, nil, fmt.Errorf("reading an enrolment: %w: %w", err, fault.Invalid)
	}
	if dec.More() {
		return Token{}, Newcomer{}, nil, fmt.Errorf("reading an enrolment: more after the end: %w", fault.Invalid)
	}
	token, err := ParseToken(a.Token)
	if err != nil {
		return Token{}, Newcomer{}, nil, err
	}
	n, err := Parse(a.Statement)
	if err != nil {
		return Token{}, Newcomer{}, nil, err
	}
	if n.Invitation != token.Digest(n.Name) {
		return Token{}, Newcomer{}, nil, fault.Refuse("invite-token", "house")
	}
	return token, n, a.Statement, nil
}

// Groups of a fingerprint, of five decimal digits each: what can be read to each
// other in any language.
const groups = 6

// Fingerprint is what two persons compare: 99 bits of a hash of both keys, the name
// and the duty. A key that has the fingerprint of another must be searched for as
// long as a key of 99 bits.
func (n Newcomer) Fingerprint() string {
	h := sha256.New()
	for _, part := range []string{"yunei fingerprint v1", string(n.Coordinator), n.Name, n.Kind, string(n.Key)} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part))) //nolint:gosec // keys and names; a hash takes all
		h.Write([]byte(part))
	}
	sum := h.Sum(nil)
	var all []string
	for i := range groups {
		word := append(make([]byte, 3), sum[5*i:5*i+5]...)
		all = append(all, fmt.Sprintf("%05d", binary.BigEndian.Uint64(word)%100_000)) // 40 bits: the digits are even to 1 in 10^7
	}
	return strings.Join(all, " ")
}

// SameFingerprint reports whether a person typed that fingerprint, however they set
// the groups apart.
func SameFingerprint(want, typed string) bool {
	digits := func(s string) string { return strings.NewReplacer(" ", "", "-", "", "\u3000", "").Replace(s) }
	return len(digits(want)) == 5*groups && digits(want) == digits(typed)
}

// Send shows an Ask to the coordinator at url ("https://host:port") that holds pin.
// What it refuses is a fault.Refusal.
func Send(ctx context.Context, url string, pin suite.PublicKey, a Ask) error {
	if !strings.HasPrefix(url, "https://") {
		return fmt.Errorf("asking to be enrolled: the address %q is not https://host:port: %w", url, fault.Invalid)
	}
	ends, err := link.Client(suite.PrivateKey{}, pin)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("asking to be enrolled: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+Path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("asking to be enrolled: %w: %w", err, fault.Invalid)
	}
	c := &http.Client{
		Timeout: timeout, Transport: &http.Transport{TLSClientConfig: ends, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("asking to be enrolled: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("asking to be enrolled: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var no fault.Refusal
	if err := json.Unmarshal(b, &no); err != nil || no.Code == "" {
		return fmt.Errorf("asking to be enrolled: status %d: %w", resp.StatusCode, fault.Internal)
	}
	return no
}
