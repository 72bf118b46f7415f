package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/suite"
)

// A Verify makes of terms a service of verification (核实、比对; Dongguan article
// 23): on data that are not shared the one member says whether what the operator
// claims of a person or body is so, and nothing else. There is no program, no
// cube, no gate and no vote: a run is one query, a batch of claims sealed to the
// domain's box, and what comes of it is sealed to whoever asked.
//
// A claim is an identifier and, for some of the member's columns, a code. It
// holds if one row of that person or body has all these codes; a claim without a
// code holds if there is a row at all. Whether nobody has the number or somebody
// with other codes is not told apart.
//
// It is an oracle, and is meant to be one: who has identifiers can test them.
// What bounds it are Daily and Most, which count claims and not queries, so that
// a batch is no cheaper than its claims one by one. A number of which four digits
// are not known is one of about 1,000, since the check character rules out the
// rest of 10,000: with Daily of 100 trying them all takes ten days, and with Most
// of 100 nine in ten are never tried. A count tells about as much: who knows the
// answer to all claims but one has the last by the difference, at the price of a
// whole batch.
type Verify struct {
	Kind     VerifyKind   `json:"kind"`
	Box      suite.BoxKey `json:"box"`                 // the domain's; claims are sealed to it
	Batch    int          `json:"batch"`               // claims of a query, at most
	Daily    int          `json:"daily"`               // claims of the operator on the dataset in one day at Beijing, at most
	Most     int          `json:"most"`                // claims under the permit, at most
	MinCount int          `json:"min_count,omitempty"` // of kind count: the fewest claims of a batch, and the least count that is told
}

// A VerifyKind says what the answer to a query is. The zero kind is none.
type VerifyKind string

// The kinds of verification.
const (
	YesNo VerifyKind = "yes-no" // a bit for each claim
	Count VerifyKind = "count"  // how many claims hold; fewer than MinCount is told as that
)

// Bounds of a verification: house values. A city's profile may be stricter.
const (
	MaxClaims     = 200
	maxDaily      = 10_000
	maxMost       = 1_000_000
	minBatchCount = 10
	maxClaimed    = 8  // columns
	maxCode       = 64 // bytes of a code that is claimed
)

// HasProgram reports whether runs of the terms have a guest: a join and a
// verification have none.
func (t Terms) HasProgram() bool { return t.Join == nil && t.Verify == nil }

// checkVerify reports what a verification does not do, or cannot.
func (t Terms) checkVerify() error {
	v := t.Verify
	switch s := t.Shape; {
	case t.Join != nil:
		return errors.New("verify: not with a join")
	case len(t.Members) != 1 || t.KMin != 1:
		return errors.New("verify: want one member, and k_min of 1")
	case t.Program != (Program{}) || len(t.Params) > 0 || t.Limits != (Limits{}) || t.Engines != "":
		return errors.New("verify: there is no program, no parameter, limit or engine of one")
	case t.Mode != "" || t.Threshold != 0 || t.Corrupt != 0 || t.Protection != "" || t.Prio != nil || t.Profile != "":
		return errors.New("verify: nothing is summed, so that there is no mode, threshold or protection")
	case s.Namespace != NaturalPerson && s.Namespace != LegalPerson:
		return fmt.Errorf("verify: the shape names the namespace, %s or %s", NaturalPerson, LegalPerson)
	case !isBare(s):
		return errors.New("verify: the shape has nothing but a namespace")
	case len(t.Members[0].Columns) > maxClaimed:
		return fmt.Errorf("verify: more than %d columns", maxClaimed)
	}
	if err := v.check(); err != nil {
		return err
	}
	return t.checkSlots()
}

// isBare reports whether a shape is none but for its namespace.
func isBare(s Shape) bool {
	g := s.Grouping
	return len(s.Dims) == 0 && len(s.Measures) == 0 && len(s.Margins) == 0 && s.L0 == 0 && s.Units == (Measure{}) &&
		g.Batch == 0 && g.Blocks == 0 && g.Batches == 0 && len(g.Default) == 0
}

func (v Verify) check() error {
	if v.Batch < 1 || v.Batch > MaxClaims || v.Daily < v.Batch || v.Daily > maxDaily || v.Most < v.Batch || v.Most > maxMost {
		return fmt.Errorf("verify: want a batch of 1 to %d claims, no more than a day's, at most %d, and no more than all, at most %d", MaxClaims, maxDaily, maxMost)
	}
	if err := v.Box.Check(); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	switch v.Kind {
	case YesNo:
		if v.MinCount != 0 {
			return errors.New("verify: min_count is of kind count")
		}
	case Count:
		if v.MinCount < minBatchCount || v.MinCount > v.Batch {
			return fmt.Errorf("verify: min_count is %d to the batch", minBatchCount)
		}
	default:
		return fmt.Errorf("verify: the kind is %s or %s", YesNo, Count)
	}
	return nil
}

// A Claim is what is asked of one person or body. It prints as what it is.
type Claim struct {
	ID    string   `json:"id"`    // canonical (package ident)
	Codes []string `json:"codes"` // one for each column of the terms; "" claims nothing
}

// Format prints the kind, and no number.
func (c Claim) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "claim") }

// Claims are a query as it is sealed to the domain.
type Claims struct {
	Reply  suite.BoxKey `json:"reply"` // drawn for the query; the answer is sealed to it
	Claims []Claim      `json:"claims"`
}

// room is how many bytes a claim takes, whatever it says, so that the length of
// a sealed query tells how many claims it has and no more.
func (t Terms) room() int { return 64 + (2*maxCode+8)*len(t.Members[0].Columns) }

// claimsLength is that of n claims in the clear.
func (t Terms) claimsLength(n int) int { return 128 + n*t.room() }

// sealing is how much longer a sealed letter is: an X25519 point and a tag.
const sealing = 32 + 16

// Bytes spells claims for a domain, padded. They are held to the terms first: an
// error is a refusal of code verify-claims.
func (c Claims) Bytes(t Terms) ([]byte, error) {
	if err := c.check(t); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a code takes the room that it has
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("writing claims: %w", err)
	}
	want := t.claimsLength(len(c.Claims))
	if b.Len() > want {
		return nil, errClaims()
	}
	return append(b.Bytes(), bytes.Repeat([]byte{' '}, want-b.Len())...), nil
}

func errClaims() error { return fault.Refuse("verify-claims", "") }

// ParseClaims reads n claims under the terms. Whoever asks may send anything:
// what is not exactly that is a refusal of code verify-claims.
func ParseClaims(raw []byte, t Terms, n int) (Claims, error) {
	var c Claims
	if t.Verify == nil || n < 1 || n > t.Verify.Batch || len(t.Members) != 1 || len(raw) != t.claimsLength(n) {
		return Claims{}, errClaims()
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil || len(bytes.TrimSpace(raw[dec.InputOffset():])) > 0 || len(c.Claims) != n {
		return Claims{}, errClaims() // what the decoder says could quote a number
	}
	if err := c.check(t); err != nil {
		return Claims{}, err
	}
	return c, nil
}

func (c Claims) check(t Terms) error {
	v := t.Verify
	if v == nil || c.Reply.Check() != nil || len(c.Claims) < max(1, v.MinCount) || len(c.Claims) > v.Batch {
		return errClaims()
	}
	seen := map[string]bool{}
	for _, one := range c.Claims {
		if !canonical(t.Shape.Namespace, one.ID) || len(one.Codes) != len(t.Members[0].Columns) {
			return errClaims()
		}
		if slices.ContainsFunc(one.Codes, func(s string) bool { return len(s) > maxCode }) {
			return errClaims()
		}
		// Ten times the same person would be a count of 10, or of none.
		if v.Kind == Count && seen[one.ID] {
			return errClaims()
		}
		seen[one.ID] = true
	}
	return nil
}

func canonical(namespace, id string) bool {
	have, err := Canonical(namespace, id)
	return err == nil && have == id
}

// Canonical brings an identifier to the one spelling that a claim has: an error
// of kind Invalid that names the rule and not the number.
func Canonical(namespace, id string) (string, error) {
	if namespace == LegalPerson {
		b, err := ident.Body(id)
		return b.Canonical(), err
	}
	p, err := ident.Person(id)
	return p.Canonical(), err
}

// checkQuery refuses a start that is no query of the terms.
func (t Terms) checkQuery(r Run) error {
	if t.Verify == nil {
		if r.Asked != 0 || len(r.Claims) != 0 {
			return errClaims()
		}
		return nil
	}
	if r.Asked < max(1, t.Verify.MinCount) || r.Asked > t.Verify.Batch || len(r.Claims) != t.claimsLength(r.Asked)+sealing {
		return errClaims()
	}
	return nil
}

// ClaimsInfo binds sealed claims to the run and permit that they are of.
func ClaimsInfo(run string, permit suite.Digest) string {
	return fmt.Sprintf("yunei verify claims v1 %s %s", run, permit)
}

// AnswerInfo binds a sealed answer to its run and permit.
func AnswerInfo(run string, permit suite.Digest) string {
	return fmt.Sprintf("yunei verify answer v1 %s %s", run, permit)
}

// Answers are what comes of a query. It is of one length for all queries of so
// many claims.
type Answers struct {
	Kind  VerifyKind
	Holds []bool // of kind yes-no: claim by claim
	Few   bool   // of kind count: fewer than MinCount hold
	Count int    // and if not, how many
}

const answerHead = "yunei answer v1 "

// Answer makes the answer of what holds.
func (v Verify) Answer(holds []bool) Answers {
	if v.Kind == YesNo {
		return Answers{Kind: YesNo, Holds: slices.Clone(holds)}
	}
	n := 0
	for _, is := range holds {
		if is {
			n++
		}
	}
	if n < v.MinCount {
		return Answers{Kind: Count, Few: true}
	}
	return Answers{Kind: Count, Count: n}
}

// Bytes is the one spelling of an answer.
func (a Answers) Bytes() []byte {
	if a.Kind == Count {
		if a.Few {
			return []byte(answerHead + "count few")
		}
		return fmt.Appendf(nil, "%scount %03d", answerHead, a.Count)
	}
	b := []byte(answerHead + "yes-no ")
	for _, is := range a.Holds {
		b = append(b, map[bool]byte{false: '0', true: '1'}[is])
	}
	return b
}

// ParseAnswers reads the answer to a query of n claims under v: an error of kind
// Tampered if it is none.
func ParseAnswers(raw []byte, v Verify, n int) (Answers, error) {
	bad := fmt.Errorf("reading an answer: %w", fault.Tampered)
	kind, text, ok := strings.Cut(strings.TrimPrefix(string(raw), answerHead), " ")
	a := Answers{Kind: VerifyKind(kind)}
	if !ok || a.Kind != v.Kind {
		return Answers{}, bad
	}
	switch a.Kind {
	case YesNo:
		for _, c := range text {
			a.Holds = append(a.Holds, c == '1')
		}
		if len(a.Holds) != n {
			return Answers{}, bad
		}
	case Count:
		if a.Few = text == "few"; a.Few {
			break
		}
		var err error
		if a.Count, err = strconv.Atoi(text); err != nil || a.Count < v.MinCount || a.Count > n {
			return Answers{}, bad
		}
	}
	if !bytes.Equal(a.Bytes(), raw) {
		return Answers{}, bad
	}
	return a, nil
}

// beijing is the clock by which days are counted: UTC+8 all year since 1992.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// Day is the day at Beijing of an instant, as 2027-03-01.
func Day(at time.Time) string { return at.In(beijing).Format(time.DateOnly) }
