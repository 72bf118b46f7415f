package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

type note struct {
	Run  string `json:"run"`
	Text string `json:"text"`
}

func newKey(tb testing.TB) suite.PrivateKey {
	tb.Helper()
	k, err := suite.NewPrivateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func signed(tb testing.TB, key suite.PrivateKey, body any) Receipt {
	tb.Helper()
	r, err := Sign(key, "note", About("run/r1/0", suite.DigestOf([]byte("permit"))), body)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestReceipt(t *testing.T) {
	key := newKey(t)
	made := signed(t, key, note{"r1", "五 < six & \u2028"})
	r, err := Parse(made.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var got note
	if err := r.Read("note", &got); err != nil || got.Run != "r1" || got.Text != "五 < six & \u2028" {
		t.Errorf("Read = %+v, %v", got, err)
	}
	if r.Kind() != "note" || r.By() != key.Public() || r.Digest() != made.Digest() || !bytes.Equal(r.Bytes(), made.Bytes()) {
		t.Errorf("the receipt came back as %s of %s", r.Kind(), r.By())
	}
	if s := r.Subject(); s.Name != "run/r1/0" || s.Digest["sha256"] != suite.DigestOf([]byte("permit")).Hex() {
		t.Errorf("it is about %v", s)
	}
	if again := signed(t, key, note{"r1", "五 < six & \u2028"}); !bytes.Equal(again.Bytes(), made.Bytes()) {
		t.Error("the same statement twice is not the same bytes")
	}
	if err := r.Read("vote", &got); !errors.Is(err, fault.Tampered) {
		t.Errorf("read as another kind: %v", err)
	}
	var narrow struct {
		Run string `json:"run"`
	}
	if err := r.Read("note", &narrow); !errors.Is(err, fault.Invalid) {
		t.Errorf("read with a field left over: %v", err)
	}
	var wide struct {
		note
		More int `json:"more"`
	}
	if err := r.Read("note", &wide); !errors.Is(err, fault.Invalid) {
		t.Errorf("read with a field missing: %v", err)
	}
	var zero Receipt
	for _, kind := range []Kind{"", "note"} {
		if err := zero.Read(kind, &got); err == nil {
			t.Errorf("the zero receipt says something as %q", kind)
		}
	}
	if _, err := Sign(suite.PrivateKey{}, "note", Subject{}, got); !errors.Is(err, fault.Denied) {
		t.Errorf("signed without a key: %v", err)
	}
	if _, err := Sign(key, "note", Subject{}, func() {}); err == nil {
		t.Error("signed what has no spelling")
	}
}

// No byte of an envelope can change, go or come without it being refused.
func TestEveryByteCounts(t *testing.T) {
	raw := signed(t, newKey(t), note{"r1", "text"}).Bytes()
	for i := range raw {
		for bit := range 8 {
			bad := bytes.Clone(raw)
			bad[i] ^= 1 << bit
			if _, err := Parse(bad); err == nil {
				t.Fatalf("bit %d of byte %d (%q) may change", bit, i, raw[i])
			}
		}
		if _, err := Parse(append(bytes.Clone(raw[:i]), raw[i+1:]...)); err == nil {
			t.Fatalf("byte %d (%q) may go", i, raw[i])
		}
		if _, err := Parse(raw[:i]); err == nil {
			t.Fatalf("it may end at byte %d", i)
		}
		for _, more := range " \n\t\\A=" {
			bad := append(append(bytes.Clone(raw[:i]), byte(more)), raw[i:]...)
			if _, err := Parse(bad); err == nil {
				t.Fatalf("%q may come before byte %d", more, i)
			}
		}
	}
}

// seal signs any payload, well-formed or not, as an envelope of one signature.
func seal(tb testing.TB, key suite.PrivateKey, payloadType, payload string) dsse.Envelope {
	tb.Helper()
	sig, err := key.Sign(dsse.PAE(payloadType, []byte(payload)))
	if err != nil {
		tb.Fatal(err)
	}
	return dsse.Envelope{
		PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString([]byte(payload)),
		Signatures: []dsse.Signature{{KeyID: string(key.Public()), Sig: base64.StdEncoding.EncodeToString(sig)}},
	}
}

func marshal(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

const statementText = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"n","digest":{"sha256":"00"}}],"predicateType":"https://github.com/yunei/yunei/note/v1","predicate":{"run":"r1","text":""}}`

// What somebody with a key may sign and still be refused for.
func TestOneSpelling(t *testing.T) {
	key, other := newKey(t), newKey(t)
	good := seal(t, key, PayloadType, statementText)
	if _, err := Parse([]byte(marshal(t, good))); err != nil {
		t.Fatal(err)
	}
	envelope := func(edit func(*dsse.Envelope)) string {
		env := seal(t, key, PayloadType, statementText)
		edit(&env)
		return marshal(t, env)
	}
	payload := func(old, with string) string {
		text := strings.Replace(statementText, old, with, 1)
		if text == statementText {
			t.Fatalf("%s is not in the statement", old)
		}
		return marshal(t, seal(t, key, PayloadType, text))
	}
	whole := marshal(t, good)
	for _, c := range []struct {
		name, raw string
		kind      fault.Kind
	}{
		{"nothing", "", fault.Invalid},
		{"null", "null", fault.Invalid},
		{"a list", "[]", fault.Invalid},
		{"too long", strings.Repeat(" ", MaxSize+1), fault.Exhausted},
		{"a space after", whole + "\n", fault.Invalid},
		{"two envelopes", whole + whole, fault.Invalid},
		{"an unknown field", strings.Replace(whole, "{", `{"x":1,`, 1), fault.Invalid},
		{"a field twice", strings.Replace(whole, "{", `{"payloadType":"`+PayloadType+`",`, 1), fault.Invalid},
		{"a field in capitals", strings.Replace(whole, "payloadType", "PayloadType", 1), fault.Invalid},
		{"another payload type", marshal(t, seal(t, key, "application/json", statementText)), fault.Invalid},
		{"no signature", envelope(func(e *dsse.Envelope) { e.Signatures = nil }), fault.Invalid},
		{"two signatures", envelope(func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, e.Signatures[0]) }), fault.Invalid},
		{"a second party's signature", envelope(func(e *dsse.Envelope) {
			e.Signatures = append(e.Signatures, seal(t, other, PayloadType, statementText).Signatures...)
		}), fault.Invalid},
		{"another's key", envelope(func(e *dsse.Envelope) { e.Signatures[0].KeyID = string(other.Public()) }), fault.Tampered},
		{"no key", envelope(func(e *dsse.Envelope) { e.Signatures[0].KeyID = "" }), fault.Invalid},
		{"the key in other words", envelope(func(e *dsse.Envelope) { e.Signatures[0].KeyID += "\n" }), fault.Invalid},
		{"a payload with line ends", envelope(func(e *dsse.Envelope) { e.Payload = e.Payload[:76] + "\n" + e.Payload[76:] }), fault.Invalid},
		{"a signature with line ends", envelope(func(e *dsse.Envelope) { e.Signatures[0].Sig = "\n" + e.Signatures[0].Sig }), fault.Invalid},
		{"another statement type", payload("Statement/v1", "Statement/v0.1"), fault.Invalid},
		{"a kind of another project", payload("github.com/yunei", "github.com/other"), fault.Invalid},
		{"another version of the kind", payload("note/v1", "note/v2"), fault.Invalid},
		{"no kind", payload("yunei/note/v1", "yunei//v1"), fault.Invalid},
		{"no subject", payload(`{"name":"n","digest":{"sha256":"00"}}`, ""), fault.Invalid},
		{"two subjects", payload(`{"name":"n"`, `{"name":"m","digest":{}},{"name":"n"`), fault.Invalid},
		{"a space in the statement", payload(`"subject":`, `"subject": `), fault.Invalid},
		{"a space in the predicate", payload(`"run":`, `"run": `), fault.Invalid},
		{"an unknown field in the statement", payload(`"_type"`, `"x":1,"_type"`), fault.Invalid},
		{"a field twice in the statement", payload(`"_type"`, `"_type":"x","_type"`), fault.Invalid},
		{"a letter written as a number", payload(`"n"`, `"\u006e"`), fault.Invalid},
	} {
		if _, err := Parse([]byte(c.raw)); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", c.name, err, c.kind)
		}
	}
	// The predicate is judged when it is read, by who knows its fields.
	for _, body := range []string{`{"run":"r1","text":"","x":1}`, `{"text":"","run":"r1"}`, `{"run":"r1","run":"r2","text":""}`, `{"RUN":"r1","text":""}`, `null`} {
		r, err := Parse([]byte(payload(`{"run":"r1","text":""}`, body)))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if err := r.Read("note", new(note)); !errors.Is(err, fault.Invalid) {
			t.Errorf("read %s: %v", body, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	key := newKey(f)
	f.Add(signed(f, key, note{"r1", "x"}).Bytes())
	f.Add([]byte(marshal(f, seal(f, key, PayloadType, `{"predicate":null}`))))
	f.Add([]byte(`{"payloadType":"","payload":"","signatures":[]}`))
	f.Add([]byte(statementText))
	f.Fuzz(func(t *testing.T, raw []byte) {
		// As an envelope, and as what somebody with a key has signed.
		if r, err := Parse([]byte(marshal(t, seal(t, key, PayloadType, string(raw))))); err == nil && (r.Kind() == "" || r.By() != key.Public()) {
			t.Fatalf("%q parsed as %s of %s", raw, r.Kind(), r.By())
		}
		r, err := Parse(raw)
		if err != nil {
			if r.Bytes() != nil {
				t.Fatalf("a receipt and %v", err)
			}
			return
		}
		if !bytes.Equal(r.Bytes(), raw) || r.Kind() == "" || r.By() == "" {
			t.Fatalf("%q parsed as %s of %s", raw, r.Kind(), r.By())
		}
	})
}
