package suite

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/cloudflare/circl/hpke"

	"github.com/yunei/yunei/fault"
)

func mustECDH(tb testing.TB) *ecdh.PrivateKey {
	tb.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func TestLetter(t *testing.T) {
	b, other := newBox(t), newBox(t)
	plain := []byte("a share")
	sealed, err := b.Public().Seal("run 1", plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Open("run 1", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if len(sealed) != len(plain)+32+16 {
		t.Errorf("a letter is %d bytes longer than its text, not an X25519 point and a tag", len(sealed)-len(plain))
	}
	if again, err := b.Public().Seal("run 1", plain); err != nil || bytes.Equal(again, sealed) {
		t.Errorf("the same letter twice is the same bytes, %v", err)
	}
	_, err = b.Open("run 2", sealed)
	wantKind(t, "another occasion", err, fault.Tampered)
	_, err = other.Open("run 1", sealed)
	wantKind(t, "another box", err, fault.Tampered)
	_, err = Box{}.Open("run 1", sealed)
	wantKind(t, "the zero box", err, fault.Denied)
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if got, err := b.Open("run 1", bad); err == nil {
			t.Fatalf("byte %d changed and it opens: %q", i, got)
		}
	}
	for n := range len(sealed) {
		_, err := b.Open("run 1", sealed[:n])
		wantKind(t, "a part of a letter", err, fault.Tampered)
	}
}

// A circl receiver opens our letters and we open a circl sender's: RFC 9180 as
// two teams read it.
func TestLettersAgainstCircl(t *testing.T) {
	kem := hpke.KEM_X25519_HKDF_SHA256
	theirs := hpke.NewSuite(kem, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES256GCM)
	for _, plain := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte{7}, 200_000)} {
		b := newBox(t)
		raw, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		secret, err := kem.Scheme().UnmarshalBinaryPrivateKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := b.Public().Seal("info", plain)
		if err != nil {
			t.Fatal(err)
		}
		receiver, err := theirs.NewReceiver(secret, []byte("info"))
		if err != nil {
			t.Fatal(err)
		}
		opener, err := receiver.Setup(sealed[:32])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := opener.Open(sealed[32:], nil); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("circl opens %d bytes as %d, %v", len(plain), len(got), err)
		}

		sender, err := theirs.NewSender(secret.Public(), []byte("info"))
		if err != nil {
			t.Fatal(err)
		}
		enc, sealer, err := sender.Setup(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text, err := sealer.Seal(plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Open("info", append(enc, text...)); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("we open circl's %d bytes as %d, %v", len(plain), len(got), err)
		}
	}
}

func TestBoxKey(t *testing.T) {
	b := newBox(t)
	good := string(b.Public())
	text := strings.TrimPrefix(good, "x25519:")
	for name, bad := range map[string]string{
		"nothing":           "",
		"no algorithm":      text,
		"a verifying key":   string(newKey(t).Public()),
		"padding":           good + "=",
		"a line end":        good[:20] + "\n" + good[20:],
		"31 bytes":          "x25519:" + base64.RawURLEncoding.EncodeToString(make([]byte, 31)),
		"a low order point": "x25519:" + base64.RawURLEncoding.EncodeToString(make([]byte, 32)),
	} {
		sealed, err := BoxKey(bad).Seal("", []byte("x"))
		if err == nil {
			t.Errorf("%s: sealed %d bytes", name, len(sealed))
		}
	}
	raw, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseBox(raw); err != nil || back.Public() != b.Public() {
		t.Errorf("the box came back as %v, %v", back, err)
	}
	_, err = ParseBox(raw[:31])
	wantKind(t, "a short box", err, fault.Invalid)
	_, err = Box{}.Bytes()
	wantKind(t, "the zero box is kept", err, fault.Denied)
	if (Box{}).Public() != "" {
		t.Error("the zero box has a key")
	}
}

func FuzzOpen(f *testing.F) {
	b, err := ParseBox(bytes.Repeat([]byte{9}, 32))
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := b.Public().Seal("info", []byte("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("info", sealed)
	f.Add("", []byte{})
	f.Add("info", make([]byte, 48))
	f.Fuzz(func(t *testing.T, info string, letter []byte) {
		plain, err := b.Open(info, letter)
		if err != nil {
			wantKind(t, "a letter of a stranger", err, fault.Tampered)
			return
		}
		if len(letter) != len(plain)+48 {
			t.Fatalf("a letter of %d bytes holds %d", len(letter), len(plain))
		}
	})
}
