package committee

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	rounds   = 2
	maxSites = 2 // honest ones, A and C
	maxHands = 3 // honest trustees
)

// Sets of domains. B is the corrupt one.
const (
	domainA = 1 << iota
	domainB
	domainC
)

var siteOf = [maxSites]uint8{domainA, domainC}

// Rules are what the honest go by. In the protocol all of them hold.
type rules struct {
	oneSet    bool // a site signs the same members in all rounds of a run
	confirms  bool // a trustee answers for a list that members have signed
	everyone  bool // all of them, the very same: before a site reveals and a trustee answers
	fresh     bool // every round has a key of its own
	once      bool // a trustee answers once in a round, from memory that dies with it
	committed bool // a site reveals when all have committed, not with its commitment
	unanimous bool // a key is one that every trustee vouches for
}

var protocol = rules{true, true, true, true, true, true, true}

// A list is what members sign and trustees answer for: domains, and what the
// corrupt one put in. That is one of two vectors of its own, or a multiple of
// the ciphertext of an honest site in some round.
type list struct {
	domains uint8
	content uint8 // 0 and 1 are its own; 2 + round*maxSites + site
}

func (l list) stolen() (n, site int, ok bool) {
	if l.content < 2 {
		return 0, 0, false
	}
	return int(l.content-2) / maxSites, int(l.content-2) % maxSites, true
}

// What a trustee has of a round: nothing yet, nothing any more, or the domains
// of the permit under which it is in it.
const (
	absent = 0
	lost   = 255
)

// A round is what the honest have done in one.
type round struct {
	keys     uint8           // a bit for each set of domains that has a key
	hands    [maxHands]uint8 // what trustees have
	answered [maxHands]uint8 // the list that they answered for
	signed   [maxSites]uint8 // the list that sites signed
	revealed [maxSites]uint8 // under the key of which domains a ciphertext is out
}

type state struct {
	in    [rounds]round
	twice bool // an honest trustee has answered twice in a round
}

// An act is what one honest party does; what is 0 for a trustee that dies.
type act struct {
	does     byte
	n        int8
	who, arg uint8
}

// A game is a committee, its run, and what the honest go by.
type game struct {
	rules
	sites, hands int
	lists        []list // from 1 on
}

func newGame(t, k, domains int, r rules) *game {
	g := &game{rules: r, sites: domains - 1, hands: k - (t - 1), lists: make([]list, 1)}
	for d := uint8(1); d < 8; d++ {
		if d&(d-1) == 0 || domains == 2 && d&domainC != 0 {
			continue // k_min is 2
		}
		contents := 1
		if d&domainB != 0 {
			contents = 2 + rounds*maxSites
		}
		for c := range contents {
			g.lists = append(g.lists, list{d, uint8(c)})
		}
	}
	return g
}

// oneKey: what is under the key of one round and permit is under the other's.
func (g *game) oneKey(n int, d uint8, m int, e uint8) bool { return !g.fresh || n == m && d == e }

// possible: the corrupt site can put into a list of a round what it says.
// Another's ciphertext it must have seen, and under another key it is noise.
func (g *game) possible(s *state, n int, l list) bool {
	m, site, ok := l.stolen()
	if !ok {
		return true
	}
	d := uint8(0)
	if site < g.sites {
		d = s.in[m].revealed[site]
	}
	return d != 0 && g.oneKey(n, l.domains, m, d)
}

// confirmed: the members that must have signed a list have. B signs anything.
func (g *game) confirmed(s *state, n int, i uint8) bool {
	l := g.lists[i]
	for site := range g.sites {
		if l.domains&siteOf[site] == 0 {
			continue
		}
		if has := s.in[n].signed[site] == i; has != g.everyone {
			return has
		}
	}
	return g.everyone || l.domains&domainB != 0
}

// reveal has sites reveal as soon as they may: it only tells the corrupt more.
func (g *game) reveal(s *state) {
	for n := range rounds {
		for i := 1; i < len(g.lists); i++ {
			l := g.lists[i]
			if s.in[n].keys>>l.domains&1 == 0 || g.committed && !g.confirmed(s, n, uint8(i)) {
				continue
			}
			for site := range g.sites {
				if l.domains&siteOf[site] != 0 && s.in[n].revealed[site] == 0 {
					s.in[n].revealed[site] = l.domains
				}
			}
		}
	}
}

// next calls yield with each state that one act of an honest party leads to.
func (g *game) next(s state, yield func(act, state)) {
	do := func(a act, t state) {
		g.reveal(&t)
		yield(a, t)
	}
	for hand := range g.hands {
		g.join(s, hand, do)
		if t, any := s.forget(hand, rounds); any && g.once {
			do(act{'d', 0, uint8(hand), 0}, t)
		}
	}
	for n := range rounds {
		for i := 1; i < len(g.lists); i++ {
			if s.in[n].keys>>g.lists[i].domains&1 == 0 || !g.possible(&s, n, g.lists[i]) {
				continue
			}
			for site := range g.sites {
				g.sign(s, n, site, uint8(i), do)
			}
			for hand := range g.hands {
				g.answer(s, n, hand, uint8(i), do)
			}
		}
	}
}

// forget: a trustee has no secret of the rounds before n any more.
func (s state) forget(hand, n int) (t state, any bool) {
	for m := range n {
		if h := &s.in[m].hands[hand]; *h != absent && *h != lost {
			*h, any = lost, true
		}
	}
	return s, any
}

// join: a trustee says hello under a permit, once a round, and with the last of
// them there is a key.
func (g *game) join(s state, hand int, do func(act, state)) {
	for n := range rounds {
		if s.in[n].hands[hand] != absent {
			continue
		}
		for d, was := uint8(0), uint8(0); int(d) < len(g.lists); d++ {
			domains := g.lists[d].domains
			if domains == was {
				continue
			}
			was = domains
			t := s
			if g.once {
				t, _ = s.forget(hand, n)
			}
			r := &t.in[n]
			r.hands[hand] = domains
			vouch := 0
			for _, h := range r.hands[:g.hands] {
				if h == domains {
					vouch++
				}
			}
			if vouch == g.hands || !g.unanimous {
				r.keys |= 1 << domains
			}
			do(act{'j', int8(n), uint8(hand), d}, t)
		}
	}
}

// sign: a site signs a list, once a round.
func (g *game) sign(s state, n, site int, i uint8, do func(act, state)) {
	r := &s.in[n]
	if g.lists[i].domains&siteOf[site] == 0 || r.signed[site] != 0 {
		return
	}
	for m := range rounds {
		if j := s.in[m].signed[site]; g.oneSet && j != 0 && g.lists[j].domains != g.lists[i].domains {
			return
		}
	}
	r.signed[site] = i
	do(act{'s', int8(n), uint8(site), i}, s)
}

// answer: a trustee answers for a list that it has added up itself.
func (g *game) answer(s state, n, hand int, i uint8, do func(act, state)) {
	l, r := g.lists[i], &s.in[n]
	if r.hands[hand] != l.domains || g.confirms && !g.confirmed(&s, n, i) {
		return
	}
	for site := range g.sites {
		if l.domains&siteOf[site] != 0 && r.revealed[site] != l.domains {
			return
		}
	}
	s.twice = s.twice || r.answered[hand] != 0
	r.answered[hand] = i
	if g.once {
		r.hands[hand] = lost
	}
	do(act{'a', int8(n), uint8(hand), i}, s)
}

// broken says what must never be and is. With the corrupt trustees' answers one
// honest answer opens.
func (g *game) broken(s *state) string {
	if s.twice {
		return "a trustee has answered twice in a round"
	}
	type opened struct {
		n int
		i uint8
	}
	var all []opened
	for n := range rounds {
		for hand := range g.hands {
			if i := s.in[n].answered[hand]; i != 0 {
				all = append(all, opened{n, i})
			}
		}
	}
	for _, x := range all {
		if _, _, ok := g.lists[x.i].stolen(); ok {
			return "a sum with a multiple of another's ciphertext is opened"
		}
		for _, y := range all {
			p, q := g.lists[x.i], g.lists[y.i]
			if p.domains&q.domains&(domainA|domainC) != 0 && (p.domains != q.domains || x.n == y.n && x.i != y.i) {
				return "an honest site is in two differently opened sets"
			}
			if x.n == y.n && x.i != y.i {
				return "two sums of one round are opened"
			}
		}
	}
	return ""
}

// A search is every state that was reached, and how.
type search struct {
	game   *game
	states []state
	from   []int32
	by     []act
}

// explore visits every state, nearest first, or as far as one that is broken.
func (g *game) explore() (found search, broken string) {
	found = search{g, []state{{}}, []int32{-1}, []act{{}}}
	seen := map[state]struct{}{{}: {}}
	for at := 0; at < len(found.states); at++ {
		s := found.states[at]
		if broken = g.broken(&s); broken != "" {
			found.states, found.from, found.by = found.states[:at+1], found.from[:at+1], found.by[:at+1]
			return found, broken
		}
		g.next(s, func(a act, t state) {
			if _, ok := seen[t]; !ok {
				seen[t] = struct{}{}
				found.states, found.from, found.by = append(found.states, t), append(found.from, int32(at)), append(found.by, a)
			}
		})
	}
	return found, ""
}

// trace tells how the last state came about.
func (f search) trace() string {
	var steps []string
	for at := int32(len(f.states) - 1); at > 0; at = f.from[at] {
		steps = append([]string{f.game.tell(f.by[at])}, steps...)
	}
	return strings.Join(steps, "; ")
}

func (g *game) tell(a act) string {
	what := g.lists[a.arg].String()
	switch a.does {
	case 'j':
		return fmt.Sprintf("round %d: trustee %d joins under %s", a.n+1, a.who+1, names(g.lists[a.arg].domains))
	case 's':
		return fmt.Sprintf("round %d: %s signs %s", a.n+1, names(siteOf[a.who]), what)
	case 'a':
		return fmt.Sprintf("round %d: trustee %d answers for %s", a.n+1, a.who+1, what)
	default:
		return fmt.Sprintf("trustee %d dies", a.who+1)
	}
}

func names(domains uint8) string {
	out := ""
	for i, name := range []string{"A", "B", "C"} {
		if domains>>i&1 == 1 {
			out += name
		}
	}
	return out
}

func (l list) String() string {
	if n, site, ok := l.stolen(); ok {
		return fmt.Sprintf("{%s, B's of %s's in round %d}", names(l.domains), names(siteOf[site]), n+1)
	}
	return fmt.Sprintf("{%s, %d}", names(l.domains), l.content)
}

var committees = []struct{ t, k int }{{2, 2}, {2, 3}, {3, 3}, {3, 4}, {3, 5}}

// The properties hold in every state of every small committee.
func TestCommittees(t *testing.T) {
	for _, c := range committees {
		for domains := 2; domains <= 3; domains++ {
			g := newGame(c.t, c.k, domains, protocol)
			found, broken := g.explore()
			if broken != "" {
				t.Errorf("%d of %d, %d domains: %s: %s", c.t, c.k, domains, broken, found.trace())
			}
			if len(found.states) < 40 {
				t.Errorf("%d of %d, %d domains: %d states are no exploration", c.t, c.k, domains, len(found.states))
			}
			t.Logf("%d of %d, %d domains: %d states", c.t, c.k, domains, len(found.states))
		}
	}
}

// Without any one rule the search finds what the rule is there for.
func TestEachRuleIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name   string
		off    func(*rules)
		needed func(g *game) bool
	}{
		{"one set a run", func(r *rules) { r.oneSet = false }, func(g *game) bool { return g.sites > 1 }}, // two domains have one set
		{"confirmations", func(r *rules) { r.confirms = false }, always},
		{"every member in it", func(r *rules) { r.everyone = false }, always},
		{"a fresh key", func(r *rules) { r.fresh = false }, always},
		{"one answer, from memory", func(r *rules) { r.once = false }, always},
		{"commit, then reveal", func(r *rules) { r.committed = false }, always},
		{"unanimity", func(r *rules) { r.unanimous = false }, func(g *game) bool { return g.sites > 1 && g.hands > 1 }},
	} {
		for _, k := range committees {
			for domains := 2; domains <= 3; domains++ {
				if k.k == 5 && domains == 3 && os.Getenv("YUNEI_PROVE") != "1" {
					continue // the largest: a second each
				}
				r := protocol
				c.off(&r)
				g := newGame(k.t, k.k, domains, r)
				found, broken := g.explore()
				if (broken != "") != c.needed(g) {
					t.Errorf("without %s, %d of %d, %d domains: %q after %s", c.name, k.t, k.k, domains, broken, found.trace())
				}
				if broken != "" && domains == 3 && k.k-k.t == 1 {
					t.Logf("without %s, %d of %d: %s (%d states): %s", c.name, k.t, k.k, broken, len(found.states), found.trace())
				}
			}
		}
	}
}

func always(*game) bool { return true }
