package governance

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
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Statements about what has gone out.
const (
	Withdraw  receipt.Kind = "release-withdraw" // this release is not to be used any more
	Confirmed receipt.Kind = "withdraw-confirm" // an organisation has done what that asks
	Made      receipt.Kind = "product"          // an operator's product is made of these releases
)

// WithdrawCodes say why a release is taken back.
var WithdrawCodes = []string{"objection", "incident", "unlawful", "misuse", "error", "consent", "other"}

// Disposals say what a recipient has done with what it had.
var Disposals = []string{"destroyed", "sealed", "never-had"}

// ProductTypes are the types of products: 模型, 核验, 统计, 报告.
var ProductTypes = []string{"model", "verification", "statistics", "report"}

const maxProductRuns = 100

// confirmKey is the rule that has recipients confirm.
const confirmKey = "withdrawal.confirm_wd"

type (
	// A Withdrawal takes a release back. Nothing is removed anywhere by it: the
	// ledger's entry stays, and this one, which names it, stands after it.
	Withdrawal struct {
		Run    string       `json:"run"`
		Permit suite.Digest `json:"permit"`
		Bundle suite.Digest `json:"bundle"` // of the file as it was given out
		Entry  suite.Digest `json:"entry"`  // of the ledger: the coordinator's release statement
		Cause  string       `json:"cause,omitempty"`
		Code   string       `json:"code"` // of WithdrawCodes
		Text   string       `json:"text"`
		At     time.Time    `json:"at"`
	}
	// A Confirmation says that an organisation uses a release no more.
	Confirmation struct {
		Run        string       `json:"run"`
		Withdrawal suite.Digest `json:"withdrawal"` // of its envelope
		For        string       `json:"for"`        // the organisation
		Done       string       `json:"done"`       // of Disposals
		Text       string       `json:"text,omitempty"`
		At         time.Time    `json:"at"`
	}
	// A Product is what an operator has made of releases (数据产品).
	Product struct {
		ID         string    `json:"id"`
		Title      string    `json:"title"`
		Type       string    `json:"type"` // of ProductTypes
		Runs       []string  `json:"runs"`
		Listing    string    `json:"listing,omitempty"` // number at an exchange
		Recipients []string  `json:"recipients"`        // organisations that have it
		At         time.Time `json:"at"`
	}
)

func (w Withdrawal) about() receipt.Subject { return receipt.About("withdraw/"+w.Run, w.Permit) }

func (w Withdrawal) check() error {
	if jobs.ID(w.Run) != nil || w.Permit.Hex() == "" || w.Bundle.Hex() == "" || w.Entry.Hex() == "" || w.Cause != "" && jobs.ID(w.Cause) != nil ||
		!slices.Contains(WithdrawCodes, w.Code) || !sentence(w.Text, 1000) || w.Text == "" || !toSecond(w.At) {
		return fmt.Errorf("a withdrawal: of no release, reason or time: %w", fault.Invalid)
	}
	return nil
}

func (c Confirmation) about() receipt.Subject {
	return receipt.About("confirm/"+c.Run+"/"+c.For, c.Withdrawal)
}

func (c Confirmation) check() error {
	if jobs.ID(c.Run) != nil || c.Withdrawal.Hex() == "" || jobs.ID(c.For) != nil || !slices.Contains(Disposals, c.Done) || !sentence(c.Text, 1000) || !toSecond(c.At) {
		return fmt.Errorf("a confirmation: of no withdrawal, organisation or disposal: %w", fault.Invalid)
	}
	return nil
}

func (p Product) about() receipt.Subject {
	return receipt.About("product/"+p.ID, suite.DigestOf([]byte("yunei product v1 "+p.Title)))
}

func (p Product) check() error {
	ok := jobs.ID(p.ID) == nil && p.Title != "" && sentence(p.Title, maxTitle) && slices.Contains(ProductTypes, p.Type) && sentence(p.Listing, maxTitle) &&
		len(p.Runs) > 0 && len(p.Runs) <= maxProductRuns && len(p.Recipients) <= maxProductRuns && toSecond(p.At)
	for _, id := range append(slices.Clone(p.Runs), p.Recipients...) {
		ok = ok && jobs.ID(id) == nil
	}
	if !ok {
		return fmt.Errorf("a product: not whole: %w", fault.Invalid)
	}
	return nil
}

// sentence reports whether s may stand for a text of people, or is empty.
func sentence(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}

func toSecond(t time.Time) bool { return !t.IsZero() && t.Equal(t.Truncate(time.Second)) }

// stated is one of the statements above.
type stated interface {
	about() receipt.Subject
	check() error
}

func sign(key suite.PrivateKey, kind receipt.Kind, s stated) (receipt.Receipt, error) {
	if err := s.check(); err != nil {
		return receipt.Receipt{}, err
	}
	return receipt.Sign(key, kind, s.about(), s)
}

// Sign states the withdrawal. Errors are of kind Invalid.
func (w Withdrawal) Sign(key suite.PrivateKey) (receipt.Receipt, error) {
	return sign(key, Withdraw, w)
}

// Sign states the confirmation.
func (c Confirmation) Sign(key suite.PrivateKey) (receipt.Receipt, error) {
	return sign(key, Confirmed, c)
}

// Sign states the product.
func (p Product) Sign(key suite.PrivateKey) (receipt.Receipt, error) { return sign(key, Made, p) }

// read reads a statement of a kind, whoever signed it.
func read[T stated](r receipt.Receipt, kind receipt.Kind) (T, error) {
	var s T
	if err := r.Read(kind, &s); err != nil {
		return s, err
	}
	if err := s.check(); err != nil {
		return s, err
	}
	if got, want := r.Subject(), s.about(); got.Name != want.Name || len(got.Digest) != 1 || got.Digest["sha256"] != want.Digest["sha256"] {
		return s, fmt.Errorf("reading a %s: it is about something else: %w", kind, fault.Tampered)
	}
	return s, nil
}

// ReadConfirmation reads a confirmation, whoever signed it.
func ReadConfirmation(r receipt.Receipt) (Confirmation, error) {
	return read[Confirmation](r, Confirmed)
}

// OpenWithdrawal reads a withdrawal of a run under the terms. It is one only if the
// terms name who signed it: their bureau officer, or the officer of a provider whose
// data went into the run. It asks no register, so that a stranger can ask it
// offline. Errors are of kind Invalid, or Tampered for another run's or by another.
func OpenWithdrawal(raw []byte, run string, t jobs.Terms) (Withdrawal, receipt.Receipt, error) {
	r, err := receipt.Parse(raw)
	if err != nil {
		return Withdrawal{}, r, fmt.Errorf("reading a withdrawal: %w", err)
	}
	w, err := read[Withdrawal](r, Withdraw)
	if err != nil {
		return Withdrawal{}, r, fmt.Errorf("reading a withdrawal: %w", err)
	}
	if w.Run != run || w.Permit != t.Digest() {
		return Withdrawal{}, r, fmt.Errorf("reading a withdrawal: it is of another release: %w", fault.Tampered)
	}
	if !withdraws(t, r.By()) {
		return Withdrawal{}, r, fmt.Errorf("reading a withdrawal: by nobody whom the terms name for it: %w", fault.Tampered)
	}
	return w, r, nil
}

// withdraws reports whether the terms name a key for taking back what went out.
func withdraws(t jobs.Terms, by suite.PublicKey) bool {
	return by != "" && (by == t.Bureau.Key || slices.ContainsFunc(t.Members, func(m jobs.Member) bool { return m.Provider.Key == by }))
}

// MayWithdraw returns the withdrawal that r states if its signer may take the
// release back: a live officer whom the terms name, of the very bundle and entry
// that are out.
func (g Register) MayWithdraw(t jobs.Terms, run string, bundle, entry suite.Digest, r receipt.Receipt, now time.Time) (Withdrawal, error) {
	u, err := g.User(r.By(), now)
	if err != nil {
		return Withdrawal{}, err
	}
	if u.Role != RoleBureau && u.Role != RoleOfficer || !withdraws(t, r.By()) {
		return Withdrawal{}, fault.Refuse("role", House)
	}
	w, _, err := OpenWithdrawal(r.Bytes(), run, t)
	if err != nil || w.Bundle != bundle || w.Entry != entry || far(w.At, now) {
		return Withdrawal{}, fault.Refuse("withdrawal", House)
	}
	return w, nil
}

// far reports whether a stated time is not about now.
func far(at, now time.Time) bool {
	return at.After(now.Add(msg.Tolerance)) || at.Before(now.Add(-msg.Tolerance))
}

// Lineage lists the products that are made of a run's release.
func Lineage(run string, products []Product) []Product {
	return slices.DeleteFunc(slices.Clone(products), func(p Product) bool { return !slices.Contains(p.Runs, run) })
}

// Asked lists the organisations that have to confirm that a release is used no
// more: the operator, the recipients of the terms, and whoever has a product that is
// made of it.
func Asked(run string, t jobs.Terms, products []Product) []string {
	orgs := append([]string{t.Operator.Org}, t.Recipients...)
	for _, p := range Lineage(run, products) {
		orgs = append(orgs, p.Recipients...)
	}
	slices.Sort(orgs)
	return slices.Compact(orgs)
}

// MayConfirm returns the confirmation that r states if its signer may give it: for
// an organisation that is asked, one of its own people, or the operator's for
// another's.
func (g Register) MayConfirm(t jobs.Terms, withdrawal suite.Digest, asked []string, r receipt.Receipt, now time.Time) (Confirmation, error) {
	u, err := g.User(r.By(), now)
	if err != nil {
		return Confirmation{}, err
	}
	c, err := ReadConfirmation(r)
	if err != nil || c.Withdrawal != withdrawal || !slices.Contains(asked, c.For) || far(c.At, now) {
		return Confirmation{}, fault.Refuse("withdrawal", g.Rules.Basis(confirmKey))
	}
	if u.Org != c.For && (u.Org != t.Operator.Org || u.Role != RoleOperator) {
		return Confirmation{}, fault.Refuse("role", g.Rules.Basis(confirmKey))
	}
	return c, nil
}

// MayMake returns the product that r states if its signer, an operator, may
// register it: of runs of their own organisation. of returns a run's terms.
func (g Register) MayMake(r receipt.Receipt, of func(run string) (jobs.Terms, error), now time.Time) (Product, error) {
	u, err := g.acting(r.By(), RoleOperator, House, now)
	if err != nil {
		return Product{}, err
	}
	p, err := read[Product](r, Made)
	if err != nil || far(p.At, now) {
		return Product{}, fault.Refuse("product", House)
	}
	for _, run := range p.Runs {
		t, err := of(run)
		if errors.Is(err, fault.NotFound) || err == nil && t.Operator.Org != u.Org {
			return Product{}, fault.Refuse("product", House)
		}
		if err != nil {
			return Product{}, err
		}
	}
	return p, nil
}

// StatedWithdrawal reads a withdrawal, whoever signed it and whatever run it is of:
// for showing, and for nothing that follows from it.
func StatedWithdrawal(raw []byte) (Withdrawal, error) {
	r, err := receipt.Parse(raw)
	if err != nil {
		return Withdrawal{}, fmt.Errorf("reading a withdrawal: %w", err)
	}
	return read[Withdrawal](r, Withdraw)
}
