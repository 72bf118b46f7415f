package committee

import "testing"

// How the key of a round is made. The corrupt trustees are one here: they pool
// what they know, and need one share that is chosen after all the others to
// make the collective key one that they know the secret of.

// What the corrupt have committed to, as somebody is shown it.
const (
	unseen = iota
	blind  // before they had seen every honest share
	rogue  // afterwards
)

// A making is what each honest trustee has done to make a key.
type making struct {
	committed [maxHands]bool
	opened    [maxHands]bool
	after     [maxHands]uint8 // what it had been shown when it opened
	vouched   [maxHands]uint8 // for a key with which of the corrupt shares
}

// Ways are what honest trustees go by. In the protocol both hold.
type ways struct {
	commits bool // no share is opened before all have committed
	holds   bool // nobody vouches for other commitments than those that it opened after
}

func every[T comparable](x [maxHands]T, n int, is func(T) bool) bool {
	for _, v := range x[:n] {
		if !is(v) {
			return false
		}
	}
	return true
}

func yes(b bool) bool { return b }

func (m making) next(w ways, n int, do func(making)) {
	for hand := range n {
		t := m
		switch {
		case !m.committed[hand]:
			t.committed[hand] = true
			do(t)
		case !m.opened[hand]:
			if w.commits && !every(m.committed, n, yes) {
				continue
			}
			t.opened[hand] = true // and until then there is no share to choose after
			if w.commits {
				t.after[hand] = blind
			}
			do(t)
		case m.vouched[hand] == unseen && every(m.opened, n, yes):
			for share := uint8(blind); share <= rogue; share++ {
				if w.commits && w.holds && share != m.after[hand] {
					continue
				}
				t.vouched[hand] = share
				do(t)
			}
		}
	}
}

func TestNobodyChoosesTheKey(t *testing.T) {
	for _, c := range []struct {
		name string
		ways ways
		safe bool
	}{
		{"the ways", ways{true, true}, true},
		{"without commitments", ways{false, true}, false},
		{"vouching for what is shown last", ways{true, false}, false},
	} {
		for n := 1; n <= maxHands; n++ {
			seen := map[making]bool{{}: true}
			chosen := false
			for todo := []making{{}}; len(todo) > 0; todo = todo[1:] {
				m := todo[0]
				chosen = chosen || every(m.vouched, n, func(share uint8) bool { return share == rogue })
				m.next(c.ways, n, func(next making) {
					if !seen[next] {
						seen[next] = true
						todo = append(todo, next)
					}
				})
			}
			if chosen == c.safe {
				t.Errorf("%s, %d honest trustees: the corrupt choose the key: %v", c.name, n, chosen)
			}
			t.Logf("%s, %d honest trustees: %d states, chosen: %v", c.name, n, len(seen), chosen)
		}
	}
}
