package enclave

import (
	"bytes"
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// What the gate shows of a join has one spelling, and every other is refused.
func FuzzParseHolderKey(f *testing.F) {
	box, err := suite.NewBox()
	if err != nil {
		f.Fatal(err)
	}
	good := HolderKey{Share: []byte("share"), Box: box.Public()}.Bytes()
	f.Add(good)
	f.Add(append(good, ' '))
	f.Add([]byte("{}"))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := ParseHolderKey(raw)
		if err != nil {
			if !errors.Is(err, fault.Tampered) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(k.Bytes(), raw) {
			t.Fatalf("%q is read as %q", raw, k.Bytes())
		}
	})
}

func TestParseHolderKey(t *testing.T) {
	box, err := suite.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	want := HolderKey{Share: []byte("share"), Box: box.Public()}
	got, err := ParseHolderKey(want.Bytes())
	if err != nil || !bytes.Equal(got.Share, want.Share) || got.Box != want.Box {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, []byte("{}"), append(want.Bytes(), '\n'), HolderKey{Share: want.Share}.Bytes(), make([]byte, maxHolderKey+1)} {
		if _, err := ParseHolderKey(bad); !errors.Is(err, fault.Tampered) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
