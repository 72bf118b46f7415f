package msg

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Statements of people outside any run, by which runs are held and go on again.
// The coordinator posts them; what they are worth follows from whose key signed
// them, under the terms of each run.
const (
	Order receipt.Kind = "hold-order" // an officer's: this is held from now on
	Lift  receipt.Kind = "hold-lift"  // another officer's: that order holds nothing any more
)

// Bounds of an order.
const (
	MaxOrder   = 32 << 10 // bytes of the envelope of an order or a lift
	MaxLifters = 64
	maxWhy     = 1000 // bytes
)

// OrderCodes say why something is held: a closed list.
var OrderCodes = []string{"objection", "incident", "unlawful", "misuse", "quality", "consent", "inspection", Emergency, "other"}

// Emergency is the code of an order that ends the use of data that were had for an
// emergency which is over. It is on one dataset, and waits for the case in which
// that is disposed of.
const Emergency = "emergency"

// An OrderBody holds a thing, wherever it is used, by a person's decision.
type OrderBody struct {
	ID    string    `json:"id"`
	Thing Held      `json:"thing"`
	Cause string    `json:"cause,omitempty"` // the case that it waits for, by its id
	Code  string    `json:"code"`            // of OrderCodes
	Text  string    `json:"text"`
	At    time.Time `json:"at"`
	// Lifters are the keys that may lift it: whoever holds a thing names, then and
	// there, who may let it go, so that a party that knows only the signer's key can
	// tell. The signer's own is none of them.
	Lifters []suite.PublicKey `json:"lifters"`
}

// A LiftBody ends an order.
type LiftBody struct {
	ID   string       `json:"id"`
	On   suite.Digest `json:"on"`             // of the order's envelope
	Case string       `json:"case,omitempty"` // the order's cause, once it has ended
	Head suite.Digest `json:"head,omitempty"` // of that case as it ended
	Text string       `json:"text"`           // why
	At   time.Time    `json:"at"`
}

// Holds reports whether what is ordered has a part in a run under the terms.
func (o OrderBody) Holds(t jobs.Terms) bool {
	return slices.ContainsFunc(t.Members, func(m jobs.Member) bool { return o.Thing.Holds(t, m) })
}

// Heard reports whether the terms give the signer of an order a say in it: their
// bureau officer in everything, a member's provider officer in that member's
// dataset. who is the signer's name on the board, of a provider its site's.
func (o OrderBody) Heard(t jobs.Terms, by suite.PublicKey) (who string, ok bool) {
	if by == "" {
		return "", false
	}
	for _, m := range t.Members {
		if by == m.Provider.Key && o.Thing.Kind == HoldDataset && o.Thing.Name == m.Dataset {
			return m.Site.Name, true
		}
	}
	return Bureau, by == t.Bureau.Key
}

func (o OrderBody) about() receipt.Subject {
	return receipt.About("hold/"+o.ID, suite.DigestOf([]byte("yunei hold v1 "+o.Thing.Kind+" "+o.Thing.Name)))
}

func (o OrderBody) check(by suite.PublicKey) error {
	var err error
	switch {
	case jobs.ID(o.ID) != nil || o.Cause != "" && jobs.ID(o.Cause) != nil:
		err = errors.New("its id or its cause is not a name")
	case o.Thing.Check() != nil:
		return o.Thing.Check()
	case !slices.Contains(OrderCodes, o.Code) || !isWhy(o.Text):
		err = errors.New("no reason")
	case o.Code == Emergency && (o.Cause == "" || o.Thing.Kind != HoldDataset):
		err = errors.New("the end of an emergency names a dataset and the case of its disposal")
	case o.At.IsZero() || !o.At.Equal(o.At.Truncate(time.Second)):
		err = errors.New("no time")
	case len(o.Lifters) == 0 || len(o.Lifters) > MaxLifters || slices.Contains(o.Lifters, by):
		err = errors.New("nobody else may lift it")
	}
	for i, k := range o.Lifters {
		if _, bad := suite.ParsePublicKey(string(k)); bad != nil || slices.Contains(o.Lifters[:i], k) {
			err = errors.New("who may lift it is no key, or named twice")
		}
	}
	if err != nil {
		return fmt.Errorf("an order: %w: %w", err, fault.Invalid)
	}
	return nil
}

func (l LiftBody) about() receipt.Subject { return receipt.About("lift/"+l.ID, l.On) }

func (l LiftBody) check() error {
	cased := l.Case != "" || l.Head != ""
	if jobs.ID(l.ID) != nil || l.On.Hex() == "" || cased && (jobs.ID(l.Case) != nil || l.Head.Hex() == "") ||
		!isWhy(l.Text) || l.At.IsZero() || !l.At.Equal(l.At.Truncate(time.Second)) {
		return fmt.Errorf("a lift: of no order, decision, reason or time: %w", fault.Invalid)
	}
	return nil
}

// isWhy reports whether s may stand for a reason that people read.
func isWhy(s string) bool {
	return strings.TrimSpace(s) != "" && len(s) <= maxWhy && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}

// SignOrder signs an order, and SignLift a lift. Errors are of kind Invalid.
func SignOrder(key suite.PrivateKey, o OrderBody) (receipt.Receipt, error) {
	if err := o.check(key.Public()); err != nil {
		return receipt.Receipt{}, err
	}
	return receipt.Sign(key, Order, o.about(), o)
}

// SignLift signs a lift.
func SignLift(key suite.PrivateKey, l LiftBody) (receipt.Receipt, error) {
	if err := l.check(); err != nil {
		return receipt.Receipt{}, err
	}
	return receipt.Sign(key, Lift, l.about(), l)
}

// OpenOrder reads an order, whoever signed it. Errors are of kind Invalid or
// Tampered.
func OpenOrder(raw []byte) (OrderBody, receipt.Receipt, error) {
	var o OrderBody
	r, err := outside(raw, Order, &o)
	if err != nil {
		return OrderBody{}, r, fmt.Errorf("reading an order: %w", err)
	}
	if err := o.check(r.By()); err != nil {
		return OrderBody{}, r, fmt.Errorf("reading an order: %w", err)
	}
	return o, r, subjected(r, o.about())
}

// OpenLift reads a lift, whoever signed it.
func OpenLift(raw []byte) (LiftBody, receipt.Receipt, error) {
	var l LiftBody
	r, err := outside(raw, Lift, &l)
	if err != nil {
		return LiftBody{}, r, fmt.Errorf("reading a lift: %w", err)
	}
	if err := l.check(); err != nil {
		return LiftBody{}, r, fmt.Errorf("reading a lift: %w", err)
	}
	return l, r, subjected(r, l.about())
}

// outside reads a person's statement that belongs to no run.
func outside(raw []byte, kind receipt.Kind, body any) (receipt.Receipt, error) {
	if len(raw) > MaxOrder {
		return receipt.Receipt{}, fmt.Errorf("%d bytes: %w", len(raw), fault.Invalid)
	}
	r, err := receipt.Parse(raw)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return r, r.Read(kind, body)
}

func subjected(r receipt.Receipt, want receipt.Subject) error {
	if s := r.Subject(); s.Name != want.Name || len(s.Digest) != 1 || s.Digest["sha256"] != want.Digest["sha256"] {
		return fmt.Errorf("reading a %s: it is about something else: %w", r.Kind(), fault.Tampered)
	}
	return nil
}

// Lifts reports whether a lift ends the order: it names it, and is by one whom
// the order names.
func Lifts(order receipt.Receipt, o OrderBody, lift receipt.Receipt, l LiftBody) bool {
	return l.On == order.Digest() && l.Case == o.Cause && lift.By() != order.By() && slices.Contains(o.Lifters, lift.By())
}

// OrdersFilter is where orders and lifts stand on the board.
const OrdersFilter = "hold.*"

// OrderSubject is where an order or a lift stands, by the digest of its envelope.
func OrderSubject(d suite.Digest) string { return "hold." + d.Hex() }
