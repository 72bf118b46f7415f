package cases

import (
	"fmt"
	"testing"
)

// A case has room for so many events and files. Nobody whose turn it is uses it up
// before those who decide on them come to it: who cannot tell says so once, and
// each organisation files its own share.
func TestNobodyFillsACase(t *testing.T) {
	w := newWorld(t)
	w.play(`
		bureau-officer open objection.resolve bureau
		bureau-officer file requester-authority
		bureau-officer submit
		@ verification open`)
	for i := range maxOwn {
		w.play(fmt.Sprintf("hospital-officer file paper-%d", i))
	}
	w.play(`
		hospital-officer file one-more ! exhausted
		hospital-2 file another-person-of-it ! exhausted
		hospital-officer unsure
		hospital-officer unsure ! decision-twice
		hospital-2 unsure
		hospital-2 unsure ! decision-twice
		+ 60
		bureau-2 escalate
		bureau-2 escalate
		@ joint open
		bureau-3 file opinions
		bureau-3 allow
		bureau-4 allow
		@ remedy open`)
}

// Who could not tell can still say what they think once they can.
func TestUnsureOnce(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer unsure
		bureau-officer unsure ! decision-twice
		bureau-officer allow
		@ providers open`)
}
