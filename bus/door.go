package bus

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"slices"
	"sync"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/yunei/yunei/link"
)

// A door lets in who is known, by key, and this process itself, by a token that
// never leaves it.
type door struct {
	owner [sha256.Size]byte
	known func(ed25519.PublicKey) (Member, bool)
	gone  func(connection uint64) bool

	asking sync.Mutex // while the register is asked, so that nobody comes in on an answer from before a recheck
	mu     sync.Mutex
	seats  map[string]*seat // of parties that are or were connected, by id
}

// A seat is a party's that has come in. It never changes but for its
// connections, under the lock.
type seat struct {
	Member

	key         ed25519.PublicKey
	connections map[uint64]bool
	places      chan struct{} // one a question in hand
}

// maxAsked is how many questions of one party are in hand at once.
const maxAsked = 64

func newDoor(owner string, known func(ed25519.PublicKey) (Member, bool)) *door {
	if known == nil {
		known = func(ed25519.PublicKey) (Member, bool) { return Member{}, false }
	}
	return &door{owner: sha256.Sum256([]byte(owner)), known: known, seats: map[string]*seat{}}
}

// id is a key as a token of NATS's subjects.
func id(key ed25519.PublicKey) string { return hex.EncodeToString(key) }

// box is where a party, and nobody else, hears what it is answered.
func box(id string) string { return "answer." + id }

// Check gives a party the right to ask the clerk, on a subject that is its own,
// to hear the answers, and to hear of news. Nothing else is among it: JetStream
// answers wherever the asker says, whoever may write there.
func (d *door) Check(c server.ClientAuthentication) bool {
	if c.Kind() != server.CLIENT {
		return false
	}
	state := c.GetTLSConnectionState()
	if state == nil { // in this process, for nothing else comes in the clear
		got := sha256.Sum256([]byte(c.GetOpts().Token))
		if subtle.ConstantTimeCompare(got[:], d.owner[:]) != 1 {
			return false
		}
		c.RegisterUser(&server.User{Username: "owner"})
		return true
	}
	key, err := link.Peer(*state)
	if err != nil {
		return false
	}
	m, ok := d.enter(key, c.GetID())
	if !ok {
		return false
	}
	c.RegisterUser(&server.User{Username: m.Name, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{ask + id(key)}},
		Subscribe: &server.SubjectPermission{Allow: []string{box(id(key)) + ".>", news + ">"}},
	}})
	return true
}

// enter seats a party if it is known.
func (d *door) enter(key ed25519.PublicKey, connection uint64) (Member, bool) {
	d.asking.Lock()
	defer d.asking.Unlock()
	m, ok := d.known(key)
	if !ok {
		return Member{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.seats[id(key)]
	if s == nil {
		s = &seat{Member: m, key: key, connections: map[uint64]bool{}, places: make(chan struct{}, maxAsked)}
		d.seats[id(key)] = s
	}
	for c := range s.connections {
		if d.gone(c) {
			delete(s.connections, c)
		}
	}
	s.connections[connection] = true
	return m, true
}

// seated returns the party that has such an id, if it has come in.
func (d *door) seated(id string) (s *seat, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok = d.seats[id]
	return s, ok
}

// recheck asks about everyone who has come in, and takes the seats of those
// who are not known any more. It returns their connections.
func (d *door) recheck() (out []uint64) {
	d.asking.Lock()
	defer d.asking.Unlock()
	d.mu.Lock()
	seats := maps.Clone(d.seats)
	d.mu.Unlock()
	for id, s := range seats {
		if _, ok := d.known(s.key); ok {
			continue
		}
		d.mu.Lock()
		out = slices.AppendSeq(out, maps.Keys(s.connections))
		delete(d.seats, id)
		d.mu.Unlock()
	}
	return out
}
