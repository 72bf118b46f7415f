// Package bus is the board on which the parties of a run post what they have
// signed: a transport over NATS JetStream, embedded in the coordinator. Each
// statement has a subject of its own, such as
// run.<id>.<round>.<kind>.<party>, is written once, and is there for whoever
// comes later: a daemon that was away for a week reads what it missed, in
// order. Post returns when the statement is on disk.
//
// A party is let in by its key, over TLS (package link), if the coordinator's
// register knows that key now, and posts only where the register lets it. It
// never speaks to JetStream: it asks a clerk in the coordinator's process, on a
// subject that the server leaves to that party alone, and the clerk posts and
// reads for it. Permissions to publish would not do. JetStream sends its
// answers to the subject that the asker names, so that a party which may ask it
// anything can have the server itself post an answer on any subject of the
// board.
//
// Nothing here is trusted. The coordinator, which holds the disk, may withhold,
// forge and reorder, and every party reads everything. What a statement is
// worth follows from the signature inside it, and that signature must cover
// the statement's own subject. The bus does promise that a party, however it
// speaks to the server, posts under no other's name and cannot change or remove
// what was posted.
//
// Readers hold no state at the server: they ask for "the next statement after
// number n under this filter", and a republished header tells them when to ask
// again. There is nothing to redeliver, to acknowledge or to lose at a restart.
package bus

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// Bounds of what the board takes.
const (
	MaxData    = 1 << 20  // bytes of one statement
	MaxPayload = 2 << 20  // bytes of one message on the wire, a statement and its frame
	MaxListed  = 1 << 14  // statements that one List returns
	MaxHeld    = 64 << 20 // bytes that one List returns
)

const (
	stream   = "BOARD"
	ask      = "ask."   // where parties ask the clerk, each on a subject of its own
	posted   = "board." // where statements live in the server; the server's own subjects are elsewhere
	news     = "news."  // where the server announces them, headers only, once they are stored
	framing  = 1 << 10  // room for the headers of a statement
	attempt  = 5 * time.Second
	longest  = 5 * time.Second // between two attempts
	shortest = 20 * time.Millisecond
	recheck  = time.Second // a watcher asks again even when no news came: news is not kept for the absent
)

// Config says where the board is, and whose key is at each end.
type Config struct {
	// Dir is where Serve keeps the board. Dial does not use it.
	Dir string
	// Addr is host:port. Serve listens there (port 0 picks one; "" listens
	// nowhere, leaving in-process boards only), Dial connects to it. Nothing
	// crosses it in the clear, on whatever host.
	Addr string
	// Key is one's own: what Serve shows on Addr, and what Dial proves to hold.
	Key suite.PrivateKey
	// Pin is the only key that Dial takes for the server's.
	Pin suite.PublicKey
	// Known tells Serve who holds a key. It is asked whenever somebody
	// connects, and about all who are connected at Recheck.
	Known func(ed25519.PublicKey) (Member, bool)
	// MaxPayload is the server's limit of bytes a message; 0 is the constant.
	MaxPayload int32
	// Log takes warnings and errors; nil drops them.
	Log *slog.Logger
}

// A Member is a party that may read the board and post where May says so. The
// zero Member posts nowhere.
type Member struct {
	Name string // for the log
	May  func(subject string) bool
}

// check refuses an address that is none.
func (c Config) check() error {
	if c.Addr == "" {
		return nil
	}
	// A URL could carry a secret, and would then be printed with it.
	if _, _, err := net.SplitHostPort(c.Addr); err != nil || strings.ContainsAny(c.Addr, "/@") {
		return fmt.Errorf("bus: the address is not host:port: %w", fault.Invalid)
	}
	return nil
}

func (c Config) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// An Item is one statement on the board.
type Item struct {
	Subject string
	Seq     uint64 // its place on the board, growing, with gaps under a filter
	Data    []byte
}

// check says whether s is a subject: 1 to 16 tokens of 1 to 64 characters of
// [a-z0-9_-], joined by dots, 200 bytes in all. If wild, a token may also be *
// (any one token) and the last > (one or more tokens).
func check(s string, wild bool) error {
	if len(s) > 200 {
		return fmt.Errorf("bus: a subject of %d bytes: %w", len(s), fault.Invalid)
	}
	tokens := strings.Split(s, ".")
	if len(tokens) > 16 {
		return fmt.Errorf("bus: a subject of %d tokens: %w", len(tokens), fault.Invalid)
	}
	for i, t := range tokens {
		if wild && (t == "*" || t == ">" && i == len(tokens)-1) {
			continue
		}
		if len(t) == 0 || len(t) > 64 || strings.IndexFunc(t, foreign) >= 0 {
			return fmt.Errorf("bus: token %d of the subject is not one: %w", i+1, fault.Invalid)
		}
	}
	return nil
}

func foreign(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
