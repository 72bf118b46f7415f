package abitest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/yunei/yunei/jobs/abi"
)

// Random is how many areas from the seed Run takes, and how many broken ones.
const Random = 150

// Run gives an echo every area of Cases. guest brings one area to the echo, and
// returns the records that it emitted; not ok says that it failed, and then
// what it emitted does not count.
func Run(t *testing.T, guest func(area []byte) (emits []byte, ok bool)) {
	t.Helper()
	wrong := 0
	for _, c := range Cases(Random) {
		if said := c.check(guest(c.Area)); said != "" {
			t.Errorf("%s: %s", c.Name, said)
			if wrong++; wrong == 10 {
				t.Fatal("and so on")
			}
		}
	}
}

// check says what is wrong with an answer, or nothing.
func (c *Case) check(emits []byte, ok bool) string {
	switch {
	case ok && !c.OK:
		return "the echo did not fail"
	case !ok && c.OK:
		return "the echo failed"
	case !ok || bytes.Equal(emits, c.Want):
		return ""
	case len(emits) != len(c.Want):
		return "another number of emits"
	}
	at := 0
	for bytes.Equal(emits[at:at+abi.EmitSize], c.Want[at:at+abi.EmitSize]) {
		at += abi.EmitSize
	}
	got, _ := abi.DecodeEmits(nil, emits[at:at+abi.EmitSize])
	want, _ := abi.DecodeEmits(nil, c.Want[at:at+abi.EmitSize])
	return spell(at/abi.EmitSize, got[0], want[0])
}

func spell(i int, got, want abi.Emit) string {
	return fmt.Sprintf("emit %d is %+v, want %+v", i, got, want)
}
