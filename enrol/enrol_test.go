package enrol

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

func key(tb testing.TB) suite.PrivateKey {
	tb.Helper()
	k, err := suite.NewPrivateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func token(tb testing.TB) Token {
	tb.Helper()
	t, err := NewToken(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestToken(t *testing.T) {
	a := token(t)
	b, err := ParseToken("  " + a.Text() + "\n")
	if err != nil || a != b {
		t.Fatalf("%v", err)
	}
	if a.Digest("site-a") == a.Digest("site-b") || a.Digest("site-a") == token(t).Digest("site-a") {
		t.Error("the digest is not of name and token")
	}
	if s := fmt.Sprintf("%v %+v %#v %s %q", a, a, a, a, a); strings.Contains(s, a.Text()[len(tokenPrefix):]) || strings.Contains(s, a.raw) {
		t.Errorf("it shows: %s", s)
	}
	for _, bad := range []string{"", tokenPrefix, a.Text()[1:], a.Text() + "a", strings.ToUpper(a.Text()), a.Text()[:len(a.Text())-1]} {
		if _, err := ParseToken(bad); fault.Show(err).Code != "invite-token" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A statement is its own key's, about that name and token, and says all that the
// fingerprint is of.
func TestStatement(t *testing.T) {
	tok, own, coordinator := token(t), key(t), key(t).Public()
	a, n, err := Sign(own, tok, coordinator, "site-a", "site")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	got, who, statement, err := ParseAsk(raw)
	if err != nil || got != tok || who != n || bytes.Contains(statement, []byte(tok.Text())) {
		t.Fatalf("%+v, %v", who, err)
	}
	forged := a
	forged.Statement = bytes.Replace(a.Statement, []byte(`"keyid":"`), []byte(`"keyid":"x`), 1)
	other, _, err := Sign(key(t), token(t), coordinator, "site-a", "site")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := Ask{a.Token, other.Statement}
	for name, bad := range map[string]Ask{"a forged statement": forged, "another token's statement": elsewhere, "none": {Token: a.Token}} {
		raw, err := json.Marshal(bad)
		if err != nil {
			raw = []byte("{}")
		}
		if _, _, _, err := ParseAsk(raw); err == nil {
			t.Errorf("%s is heard", name)
		}
	}
	if _, _, _, err := ParseAsk(append(raw, '{')); !errors.Is(err, fault.Invalid) {
		t.Errorf("more after the end: %v", err)
	}
	// Whatever of it is otherwise, the fingerprint is.
	for _, edit := range []func(*Newcomer){
		func(n *Newcomer) { n.Coordinator = key(t).Public() }, func(n *Newcomer) { n.Key = key(t).Public() },
		func(n *Newcomer) { n.Name = "site-b" }, func(n *Newcomer) { n.Kind = "gate" },
	} {
		m := n
		edit(&m)
		if m.Fingerprint() == n.Fingerprint() || SameFingerprint(n.Fingerprint(), m.Fingerprint()) {
			t.Errorf("%+v has the fingerprint of another", m)
		}
	}
}

func TestFingerprint(t *testing.T) {
	f := Newcomer{Name: "site-a"}.Fingerprint()
	if len(strings.Fields(f)) != groups || len(f) != 6*groups-1 {
		t.Errorf("%q", f)
	}
	for _, same := range []string{f, strings.ReplaceAll(f, " ", "-"), strings.ReplaceAll(f, " ", ""), " " + f} {
		if !SameFingerprint(f, same) {
			t.Errorf("%q is not %q", same, f)
		}
	}
	for _, other := range []string{"", f[1:], f + "0", strings.ReplaceAll(f, " ", "/")} {
		if SameFingerprint(f, other) || SameFingerprint(other, other) && other != f && len(other) < 30 {
			t.Errorf("%q is %q", other, f)
		}
	}
}

// What is read of a stranger is one thing only, and small.
func FuzzParseAsk(f *testing.F) {
	tok := token(f)
	a, _, err := Sign(key(f), tok, key(f).Public(), "site-a", "site")
	if err != nil {
		f.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add([]byte(`{"token":"yunei-","statement":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tok, n, statement, err := ParseAsk(raw)
		if err != nil {
			return
		}
		if again, err := Parse(statement); err != nil || again != n || n.Invitation != tok.Digest(n.Name) {
			t.Errorf("%+v, %v", again, err)
		}
	})
}
