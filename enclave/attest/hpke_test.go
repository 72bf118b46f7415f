package attest

import (
	"bytes"
	stdhpke "crypto/hpke"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cloudflare/circl/hpke"

	"github.com/yunei/yunei/fault"
)

// The published vectors of RFC 9180, mode base, by the library that we seal with.
func TestRFC9180(t *testing.T) {
	raw, err := os.ReadFile("testdata/rfc9180.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			KEM         uint16 `json:"kem_id"`
			KDF         uint16 `json:"kdf_id"`
			AEAD        uint16 `json:"aead_id"`
			Info        string `json:"info"`
			IKM         string `json:"ikmR"`
			Secret      string `json:"skRm"`
			Public      string `json:"pkRm"`
			Enc         string `json:"enc"`
			Encryptions []struct{ AAD, CT, PT string }
			Exports     []struct {
				Context string `json:"exporter_context"`
				L       int
				Value   string `json:"exported_value"`
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Vectors) != 6 {
		t.Fatalf("%d vectors, %v", len(file.Vectors), err)
	}
	un := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, v := range file.Vectors {
		name := fmt.Sprintf("%#x %#x %#x", v.KEM, v.KDF, v.AEAD)
		kem, err := stdhpke.NewKEM(v.KEM)
		if err != nil {
			t.Fatal(err)
		}
		kdf, err := stdhpke.NewKDF(v.KDF)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := stdhpke.NewAEAD(v.AEAD)
		if err != nil {
			t.Fatal(err)
		}
		key, err := kem.DeriveKeyPair(un(v.IKM))
		if err != nil {
			t.Fatal(err)
		}
		want := un(v.Secret)
		if kem.ID() == 0x20 { // Go clamps as it derives (RFC 7748, 5), the vectors as they multiply
			want[0], want[31] = want[0]&248, want[31]&127|64
		}
		if secret, err := key.Bytes(); err != nil || !bytes.Equal(secret, want) || hex.EncodeToString(key.PublicKey().Bytes()) != v.Public {
			t.Errorf("%s: derived %x, %v", name, secret, err)
		}
		r, err := stdhpke.NewRecipient(un(v.Enc), key, kdf, aead, un(v.Info))
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range v.Encryptions {
			if pt, err := r.Open(un(e.AAD), un(e.CT)); err != nil || hex.EncodeToString(pt) != e.PT {
				t.Errorf("%s: encryption %d opens as %x, %v", name, i, pt, err)
			}
		}
		for i, e := range v.Exports {
			if got, err := r.Export(string(un(e.Context)), e.L); err != nil || hex.EncodeToString(got) != e.Value {
				t.Errorf("%s: export %d is %x, %v", name, i, got, err)
			}
		}
	}
}

// circl's HPKE opens what Go's sealed, and Go's what circl's sealed.
func TestHPKEAgainstCircl(t *testing.T) {
	plain, info := []byte("a data key"), []byte("an occasion")
	for _, kem := range []hpke.KEM{hpke.KEM_X25519_HKDF_SHA256, hpke.KEM_P256_HKDF_SHA256, hpke.KEM_XWING} {
		for _, aead := range []hpke.AEAD{hpke.AEAD_AES256GCM, hpke.AEAD_ChaCha20Poly1305} {
			name := fmt.Sprintf("%#x %#x", int(kem), int(aead))
			theirs := hpke.NewSuite(kem, hpke.KDF_HKDF_SHA256, aead)
			pub, sec, err := kem.Scheme().GenerateKeyPair()
			if err != nil {
				t.Fatal(err)
			}
			rawSec, err := sec.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			ourKEM, err := stdhpke.NewKEM(uint16(kem))
			if err != nil {
				t.Fatal(err)
			}
			ourAEAD, err := stdhpke.NewAEAD(uint16(aead))
			if err != nil {
				t.Fatal(err)
			}
			ours, err := ourKEM.NewPrivateKey(rawSec)
			if err != nil {
				t.Fatal(err)
			}
			sender, err := theirs.NewSender(pub, info)
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
			if got, err := stdhpke.Open(ours, stdhpke.HKDFSHA256(), ourAEAD, info, append(bytes.Clone(enc), text...)); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s: Go's opens circl's as %q, %v", name, got, err)
			}
			sealed, err := stdhpke.Seal(ours.PublicKey(), stdhpke.HKDFSHA256(), ourAEAD, info, plain)
			if err != nil {
				t.Fatal(err)
			}
			receiver, err := theirs.NewReceiver(sec, info)
			if err != nil {
				t.Fatal(err)
			}
			opener, err := receiver.Setup(sealed[:len(enc)])
			if err != nil {
				t.Fatal(err)
			}
			if got, err := opener.Open(sealed[len(enc):], nil); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s: circl's opens Go's as %q, %v", name, got, err)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	hybrid, err := NewHybridKey()
	if err != nil {
		t.Fatal(err)
	}
	b := Binding{Subject: subject(), Nonce: Nonce{1}}
	for name, k := range map[string]Key{"x25519": newKey(t), "x-wing": hybrid} {
		b.Key = k.Public()
		if err := b.Check(); err != nil || b.Key.Hybrid() != (name == "x-wing") {
			t.Errorf("%s: %v", name, err)
		}
		sealed, err := b.Key.seal(b.info(), []byte("key"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(b, sealed); err != nil || string(got) != "key" {
			t.Errorf("%s: opens as %q, %v", name, got, err)
		}
		other := b
		other.Round++
		_, err = k.Open(other, sealed)
		wantKind(t, name+": another binding", err, fault.Tampered)
		_, err = newKey(t).Open(b, sealed)
		wantKind(t, name+": another's key", err, fault.Denied)
		_, err = Key{}.Open(Binding{}, sealed)
		wantKind(t, name+": the zero key", err, fault.Denied)
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if i%17 == 0 || i > len(sealed)-20 {
				_, err = k.Open(b, bad)
				wantKind(t, name+": a changed letter", err, fault.Tampered)
			}
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%x"} {
			if s := fmt.Sprintf(verb, k); s != "key of "+string(k.Public()) {
				t.Errorf("%s prints as %.60s", name, s)
			}
		}
	}
	good := string(hybrid.Public())
	for name, bad := range map[string]string{
		"nothing": "", "a prefix": "xwing:", "short": good[:len(good)-1], "long": good + "A", "padding": good + "=", "P-256": "p256:AAAA",
		"a line end": good[:40] + "\n" + good[41:], "not reduced": "xwing:" + strings.Repeat("_", len(good)-len("xwing:")),
	} {
		wantKind(t, name, PublicKey(bad).Check(), fault.Invalid)
	}
}

func BenchmarkRelease(b *testing.B) {
	for name, draw := range map[string]func() (Key, error){"x25519": NewKey, "x-wing": NewHybridKey} {
		k, err := draw()
		if err != nil {
			b.Fatal(err)
		}
		bound := Binding{Subject: subject(), Nonce: Nonce{1}, Key: k.Public()}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := bound.Key.seal(bound.info(), make([]byte, 32)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
