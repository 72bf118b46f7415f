package msg

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Lease is the kind of statement by which a site says, outside any run, what
// its provider holds, or that it holds nothing. Others go on with a run only on
// such statements of all its members, not older than LeaseLife: silence stops
// work.
const Lease receipt.Kind = "lease"

// House values.
const (
	LeaseLife  = 24 * time.Hour  // how old a lease may be that others go on by
	LeaseEvery = time.Hour       // how often a site states one
	Tolerance  = 5 * time.Minute // how far an honest clock may be behind the witnesses'
	MaxHeld    = 64              // things held at once; more is HoldAll
	MaxLease   = 32 << 10        // bytes of a lease's envelope
)

// What may be held.
const (
	HoldDataset  = "dataset"  // of the provider's own domain, by name: every version
	HoldProgram  = "program"  // by digest
	HoldOperator = "operator" // by organisation
	HoldScenario = "scenario"
	HoldAll      = "all" // has no name
)

// Held is one thing that a provider holds. The zero Held is no such thing.
type Held struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Everything is what holds every run of the domain.
func Everything() Held { return Held{Kind: HoldAll} }

// Check reports a thing that cannot be held: an error of kind Invalid.
func (h Held) Check() error {
	ok := false
	switch h.Kind {
	case HoldDataset, HoldOperator, HoldScenario:
		ok = jobs.ID(h.Name) == nil
	case HoldProgram:
		ok = suite.Digest(h.Name).Hex() != ""
	case HoldAll:
		ok = h.Name == ""
	}
	if !ok {
		return fmt.Errorf("reading what is held: no such thing: %w", fault.Invalid)
	}
	return nil
}

// Holds reports whether what is held has a part in the member's part of a run
// under the terms. What it does not know it takes to be held.
func (h Held) Holds(t jobs.Terms, m jobs.Member) bool {
	switch h.Kind {
	case HoldDataset:
		return h.Name == m.Dataset
	case HoldProgram:
		return h.Name == string(t.Program.Digest)
	case HoldOperator:
		return h.Name == t.Operator.Org
	case HoldScenario:
		return h.Name == t.Scenario
	default:
		return true
	}
}

// A LeaseBody is what a site states outside runs. Its numbers only grow, over
// the whole life of the site's journal.
type LeaseBody struct {
	Domain string    `json:"domain"`
	Party  string    `json:"party"`
	Seq    uint64    `json:"seq"` // from 1
	At     time.Time `json:"at"`  // by the site's clock, to the second
	Held   []Held    `json:"held"`
}

func (l LeaseBody) about() receipt.Subject {
	return receipt.About(fmt.Sprintf("lease/%s/%d", l.Party, l.Seq), suite.DigestOf([]byte("yunei lease v1 "+l.Domain)))
}

func (l LeaseBody) check() error {
	if jobs.ID(l.Domain) != nil || jobs.ID(l.Party) != nil || l.Seq == 0 || len(l.Held) > MaxHeld || !l.At.Equal(l.At.Truncate(time.Second)) {
		return fmt.Errorf("a lease of no domain, number or time: %w", fault.Invalid)
	}
	for _, h := range l.Held {
		if err := h.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Holds reports whether the lease names anything of the member's part of a run.
func (l LeaseBody) Holds(t jobs.Terms, m jobs.Member) bool {
	for _, h := range l.Held {
		if h.Holds(t, m) {
			return true
		}
	}
	return false
}

// SignLease signs a lease and returns it with its subject on the board.
func SignLease(key suite.PrivateKey, l LeaseBody) (subject string, r receipt.Receipt, err error) {
	if err := l.check(); err != nil {
		return "", receipt.Receipt{}, err
	}
	if r, err = receipt.Sign(key, Lease, l.about(), l); err != nil {
		return "", receipt.Receipt{}, err
	}
	return LeaseSubject(l.Party, l.Seq), r, nil
}

// OpenLease reads a lease of a member of a permit, signed by the key that the
// terms name for its site: Tampered if it is another's, Invalid if it is none.
func OpenLease(raw []byte, m jobs.Member) (LeaseBody, receipt.Receipt, error) {
	var l LeaseBody
	if len(raw) > MaxLease {
		return l, receipt.Receipt{}, fmt.Errorf("reading a lease: %d bytes: %w", len(raw), fault.Invalid)
	}
	r, err := receipt.Parse(raw)
	if err != nil {
		return l, r, fmt.Errorf("reading a lease: %w", err)
	}
	if err := r.Read(Lease, &l); err != nil {
		return LeaseBody{}, r, fmt.Errorf("reading a lease: %w", err)
	}
	s, want := r.Subject(), l.about()
	if r.By() != m.Site.Key || l.Party != m.Site.Name || l.Domain != m.Domain || s.Name != want.Name || s.Digest["sha256"] != want.Digest["sha256"] {
		return LeaseBody{}, r, fmt.Errorf("reading a lease: not this member's: %w", fault.Tampered)
	}
	return l, r, l.check()
}

// LeaseSubject is where a site's lease of that number stands on the board.
func LeaseSubject(party string, seq uint64) string { return fmt.Sprintf("lease.%s.%d", party, seq) }

// LeaseLoggedSubject is where the coordinator notes which place in the ledger
// holds a lease, as DIGEST INDEX. It is its own note: nobody else reads it.
func LeaseLoggedSubject(party string, seq uint64) string { return LeaseSubject(party, seq) + ".logged" }

// ParseLeaseSubject reads a LeaseSubject, in its one spelling.
func ParseLeaseSubject(subject string) (party string, seq uint64, err error) {
	f := strings.Split(subject, ".")
	if len(f) != 3 || f[0] != "lease" || jobs.ID(f[1]) != nil {
		return "", 0, fmt.Errorf("reading a subject: %w", fault.Invalid)
	}
	if seq, err = strconv.ParseUint(f[2], 10, 62); err != nil || seq == 0 || LeaseSubject(f[1], seq) != subject {
		return "", 0, fmt.Errorf("reading a subject: number: %w", fault.Invalid)
	}
	return f[1], seq, nil
}

// Leases are the newest leases of all sites with the proofs that the tree of a
// checkpoint holds them. The coordinator posts them beside the checkpoint; what
// they are worth follows from signatures and proofs alone.
type Leases struct {
	Leases []Leased `json:"leases"`
}

// Leased is a lease and where the ledger holds it.
type Leased struct {
	Party     string          `json:"party"`
	Statement json.RawMessage `json:"statement"`
	Index     uint64          `json:"index"`
	Proof     [][]byte        `json:"proof"` // RFC 6962 inclusion proof, hashes of 32 bytes
}

// LeasesSubject is where the Leases of the checkpoint of that size stand.
func LeasesSubject(size uint64) string { return fmt.Sprintf("ledger.%d.leases", size) }
