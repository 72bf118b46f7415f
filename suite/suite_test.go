package suite

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
)

func newKey(tb testing.TB) PrivateKey {
	tb.Helper()
	k, err := NewPrivateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func newBox(tb testing.TB) Box {
	tb.Helper()
	b, err := NewBox()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func wantKind(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}

// RFC 8032, section 7.1, test 2.
func TestVector(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key := ed25519.NewKeyFromSeed(unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	public := unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
	if want := PublicKey("ed25519:" + base64.RawURLEncoding.EncodeToString(public)); k.Public() != want {
		t.Errorf("public key %s, want %s", k.Public(), want)
	}
	sig, err := k.Sign([]byte{0x72})
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"); !bytes.Equal(sig, want) {
		t.Errorf("signature %x", sig)
	}
}

// A key has one text: a second would let one key stand for two parties.
func TestPublicKeyHasOneText(t *testing.T) {
	good := string(newKey(t).Public())
	if k, err := ParsePublicKey(good); err != nil || string(k) != good {
		t.Fatalf("ParsePublicKey(%s) = %s, %v", good, k, err)
	}
	text := strings.TrimPrefix(good, "ed25519:")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", text[42])
	loose := text[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last|1])
	for name, bad := range map[string]string{
		"nothing":         "",
		"no algorithm":    text,
		"another":         "sm2:" + text,
		"upper case":      "ED25519:" + text,
		"padding":         good + "=",
		"a line end":      "ed25519:" + text[:20] + "\n" + text[20:],
		"a line end last": good + "\r\n",
		"a space":         good + " ",
		"loose last bits": "ed25519:" + loose,
		"standard base64": "ed25519:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)),
		"31 bytes":        "ed25519:" + base64.RawURLEncoding.EncodeToString(raw[:31]),
		"33 bytes":        "ed25519:" + base64.RawURLEncoding.EncodeToString(append(raw, 1)),
		"long":            good + strings.Repeat("A", 1<<16),
	} {
		if bad == good {
			t.Fatalf("%s is the good text", name)
		}
		_, err := ParsePublicKey(bad)
		wantKind(t, name, err, fault.Invalid)
		wantKind(t, name, PublicKey(bad).Verify(nil, make([]byte, 64)), fault.Invalid)
	}
}

func TestSign(t *testing.T) {
	a, b := newKey(t), newKey(t)
	sig, err := a.Sign([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Public().Verify([]byte("text"), sig); err != nil {
		t.Error(err)
	}
	wantKind(t, "another text", a.Public().Verify([]byte("texT"), sig), fault.Tampered)
	wantKind(t, "another key", b.Public().Verify([]byte("text"), sig), fault.Tampered)
	wantKind(t, "a short signature", a.Public().Verify([]byte("text"), sig[:63]), fault.Tampered)
	wantKind(t, "no signature", a.Public().Verify([]byte("text"), nil), fault.Tampered)

	var zero PrivateKey
	_, err = zero.Sign([]byte("text"))
	wantKind(t, "the zero key signs", err, fault.Denied)
	_, err = zero.PEM()
	wantKind(t, "the zero key is kept", err, fault.Denied)
	if zero.Public() != "" || zero.Ed25519() != nil {
		t.Error("the zero key has parts")
	}
}

func TestPrivateKeyFile(t *testing.T) {
	k := newKey(t)
	file, err := k.PEM()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParsePrivateKey(file)
	if err != nil || !back.Ed25519().Equal(k.Ed25519()) {
		t.Fatalf("the key came back as %v, %v", back, err)
	}
	block, _ := pem.Decode(file)
	ec, err := x509.MarshalPKCS8PrivateKey(mustECDH(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing":     nil,
		"no PEM":      []byte("a key"),
		"two keys":    append(bytes.Clone(file), file...),
		"more":        append(bytes.Clone(file), "more"...),
		"another tag": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: block.Bytes}),
		"cut":         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: block.Bytes[:len(block.Bytes)-1]}),
		"X25519":      pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ec}),
	} {
		_, err := ParsePrivateKey(bad)
		wantKind(t, name, err, fault.Invalid)
	}
}

// No verb prints a secret, of a key as such, of one behind a pointer, of one in
// an exported field, nor of one where fmt cannot ask the key how it prints.
func TestKeysNeverPrint(t *testing.T) {
	k, b := newKey(t), newBox(t)
	boxed, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		secret []byte
		forms  []any
	}{
		"private key": {k.Ed25519().Seed(), []any{k, &k, struct{ K PrivateKey }{k}, struct{ k PrivateKey }{k}, []PrivateKey{k}, map[string]any{"k": k}}},
		"box":         {boxed, []any{b, &b, struct{ B Box }{b}, struct{ b Box }{b}, []Box{b}, map[string]any{"b": b}}},
	} {
		for _, form := range c.forms {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o", "%b", "%c", "%U", "%t", "%08.3f"} {
				got := fmt.Sprintf(verb, form)
				for _, as := range []string{"%x", "%X", "%d", "%o", "%b", "%s", "%q", "%c", "%#v"} {
					// A run of 8 bytes of the secret, however it is written.
					part := strings.Trim(fmt.Sprintf(as, c.secret[4:12]), "[]{}\"")
					if strings.Contains(got, strings.TrimPrefix(part, "[]byte{")) {
						t.Fatalf("%s: %s of %T prints the secret: %s", name, verb, form, got)
					}
				}
				if text := base64.RawURLEncoding.EncodeToString(c.secret); strings.Contains(got, text[:12]) {
					t.Fatalf("%s: %s of %T prints the secret", name, verb, form)
				}
			}
		}
	}
	if got := fmt.Sprintf("%v", k); !strings.HasSuffix(got, string(k.Public())) {
		t.Errorf("a private key prints as %s", got)
	}
}

func TestDigest(t *testing.T) {
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1
	if d := DigestOf([]byte("abc")); d != "sha256:"+abc || d.Hex() != abc {
		t.Errorf("DigestOf(abc) = %s", d)
	}
	for _, bad := range []string{"", abc, "sha256:", "sha256:" + abc[:62], "sha256:" + abc + "00", "sha512:" + abc, "sha256:" + strings.ToUpper(abc), "sha256:" + abc[:63] + "\n", "sha256:" + abc[:63] + "g"} {
		if h := Digest(bad).Hex(); h != "" {
			t.Errorf("%q passes for a digest: %s", bad, h)
		}
	}
}

func TestCommitment(t *testing.T) {
	// RFC 4231, test case 1: a key of 20 bytes, which HMAC pads with zeros.
	vector := Salt{}
	copy(vector[:], bytes.Repeat([]byte{0x0b}, 20))
	if c := Commit(vector, []byte("Hi There")); c != "hmac-sha256:b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" {
		t.Errorf("Commit = %s", c)
	}
	s, err := NewSalt()
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewSalt()
	if err != nil || other == s {
		t.Fatalf("two salts %v, %v", other == s, err)
	}
	c := Commit(s, []byte("x"))
	if !c.Opens(s, []byte("x")) {
		t.Error("a commitment does not open")
	}
	for name, opens := range map[string]bool{
		"another salt":    c.Opens(other, []byte("x")),
		"other bytes":     c.Opens(s, []byte("y")),
		"nothing":         Commitment("").Opens(s, nil),
		"without a name":  Commitment(strings.TrimPrefix(string(c), "hmac-sha256:")).Opens(s, []byte("x")),
		"in upper case":   Commitment(strings.ToUpper(string(c))).Opens(s, []byte("x")),
		"with more after": (c + "0").Opens(s, []byte("x")),
	} {
		if opens {
			t.Errorf("a commitment opens: %s", name)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(string(newKey(f).Public()))
	f.Add("ed25519:")
	f.Add("ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParsePublicKey(s)
		if err != nil {
			if k != "" || !errors.Is(err, fault.Invalid) {
				t.Fatalf("ParsePublicKey(%q) = %q, %v", s, k, err)
			}
			return
		}
		raw, err := k.Ed25519()
		if err != nil || signPrefix+base64.RawURLEncoding.EncodeToString(raw) != s {
			t.Fatalf("%q is not the one text of %x, %v", s, raw, err)
		}
	})
}

func FuzzParsePrivateKey(f *testing.F) {
	file, err := newKey(f).PEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		k, err := ParsePrivateKey(file)
		if err != nil {
			if k.Public() != "" || !errors.Is(err, fault.Invalid) {
				t.Fatalf("ParsePrivateKey = %v, %v", k, err)
			}
			return
		}
		sig, err := k.Sign(file)
		if err != nil || k.Public().Verify(file, sig) != nil {
			t.Fatalf("a key that was read does not sign: %v", err)
		}
	})
}
