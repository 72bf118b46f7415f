package attest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

var errNetwork = errors.New("the network was asked")

// asked counts what was asked of the network by anything in this process.
var asked atomic.Int64

type noWay struct{}

func (noWay) RoundTrip(*http.Request) (*http.Response, error) {
	asked.Add(1)
	return nil, errNetwork
}

// Nothing in these tests, whatever evidence they are given, asks the network.
func TestMain(m *testing.M) {
	http.DefaultTransport, http.DefaultClient.Transport = noWay{}, noWay{}
	code := m.Run()
	if n := asked.Load(); n != 0 {
		panic("the network was asked")
	}
	os.Exit(code)
}

func subject() Subject {
	return Subject{
		Run: "r-1", Round: 2, Permit: suite.DigestOf([]byte("permit")),
		Program: suite.DigestOf([]byte("program")), Binary: suite.DigestOf([]byte("binary")),
	}
}

func challenge(tb testing.TB, now time.Time) Challenge {
	tb.Helper()
	c, err := NewChallenge(rand.Reader, subject(), now)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func newKey(tb testing.TB) Key {
	tb.Helper()
	k, err := NewKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// ledger is a journal in memory.
type ledger struct {
	mu    sync.Mutex
	spent map[Nonce]bool
	err   error
}

func (l *ledger) Spend(n Nonce) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if l.spent[n] {
		return fault.Conflict
	}
	if l.spent == nil {
		l.spent = map[Nonce]bool{}
	}
	l.spent[n] = true
	return nil
}

// wrongs are challenges that differ from c in one part each.
func wrongs(tb testing.TB, c Challenge) map[string]Challenge {
	tb.Helper()
	all := map[string]Challenge{}
	for name, change := range map[string]func(*Challenge){
		"nonce":      func(c *Challenge) { c.Nonce[31]++ },
		"no nonce":   func(c *Challenge) { c.Nonce = Nonce{} },
		"run":        func(c *Challenge) { c.Run = "r-2" },
		"round":      func(c *Challenge) { c.Round++ },
		"permit":     func(c *Challenge) { c.Permit = suite.DigestOf([]byte("another")) },
		"program":    func(c *Challenge) { c.Program = suite.DigestOf([]byte("another")) },
		"binary":     func(c *Challenge) { c.Binary = suite.DigestOf([]byte("another")) },
		"too late":   func(c *Challenge) { c.Made = c.Made.Add(-time.Minute - time.Second) },
		"too early":  func(c *Challenge) { c.Made = c.Made.Add(time.Second) },
		"never made": func(c *Challenge) { c.Made = time.Time{} },
	} {
		other := c
		change(&other)
		all[name] = other
	}
	return all
}

// sound walks an attester's evidence through everything that must hold of every
// type: a key is released to it once, and not for anything else that it is shown
// for. It returns the evidence.
func sound(t *testing.T, a Attester, v *Verifier, now time.Time) Evidence {
	t.Helper()
	c, key, dataKey := challenge(t, now), newKey(t), []byte("thirty-two bytes of a data key..")
	b := c.Bind(key.Public())
	b.Receiver = suite.DigestOf([]byte("a gate's key"))
	e, err := a.Attest(b)
	if err != nil {
		t.Fatal(err)
	}
	once := &ledger{}
	for name, other := range wrongs(t, c) {
		sealed, r, err := v.Release(once, other, e.Bytes(), dataKey, now)
		wantKind(t, "another "+name, err, fault.Denied)
		if sealed != nil || r != (Result{}) {
			t.Errorf("another %s: sealed %d bytes, %v", name, len(sealed), r)
		}
		if name == "too late" || name == "too early" || name == "never made" {
			continue
		}
		// The evidence claims to be the answer; the report is not.
		lie := e
		lie.Binding = other.Bind(key.Public())
		lie.Binding.Receiver = b.Receiver
		_, _, err = v.Release(once, other, lie.Bytes(), dataKey, now)
		if err == nil {
			t.Errorf("another %s, and evidence that claims it: released", name)
		}
	}
	for _, receiver := range []suite.Digest{"", suite.DigestOf([]byte("another's"))} {
		lie := e
		lie.Binding.Receiver = receiver
		if _, _, err = v.Release(once, c, lie.Bytes(), dataKey, now); err == nil {
			t.Errorf("released to the receiver %q, which is not in the report", receiver)
		}
	}
	thief := e
	thief.Binding.Key = newKey(t).Public()
	if _, _, err = v.Release(once, c, thief.Bytes(), dataKey, now); err == nil {
		t.Error("released to a key that is not in the report")
	}
	if len(once.spent) != 0 {
		t.Fatal("a nonce was spent on evidence that does not hold")
	}
	_, _, err = v.Release(&ledger{err: fault.Internal}, c, e.Bytes(), dataKey, now)
	wantKind(t, "a journal that does not write", err, fault.Internal)

	sealed, r, err := v.Release(once, c, e.Bytes(), dataKey, now)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.Open(b, sealed); err != nil || !bytes.Equal(got, dataKey) {
		t.Fatalf("the data key opens as %q, %v", got, err)
	}
	if r.Type() != a.Type() || r.Binding() != b || r.ConfidentialAgainstHost() != (a.Type() == SNP || a.Type() == TDX) {
		t.Errorf("result %+v", r)
	}
	if err := r.Record().Check(); err != nil {
		t.Error(err)
	}
	_, _, err = v.Release(once, c, e.Bytes(), dataKey, now)
	wantKind(t, "the same evidence again", err, fault.Conflict)
	return e
}
