// Package bus is the board on which the parties of a run post what they have
// signed: a transport over NATS JetStream, embedded in the coordinator by
// default. Each statement has a subject of its own, such as
// run.<id>.<round>.<kind>.<party>, is written once, and is there for whoever
// comes later: a daemon that was away for a week reads what it missed, in
// order. Post returns when the statement is on disk.
//
// Nothing here is trusted. Whoever holds the token may read every statement and
// may squat a subject that is still free; the coordinator, which holds the disk,
// may withhold, forge and reorder. What a statement is worth follows from the
// signature inside it, and that signature must cover the statement's own
// subject. The bus does promise that a party with the token alone, however it
// speaks to the server, cannot change or remove what was posted.
//
// Readers hold no state at the server: they ask for "the next statement after
// number n under this filter", and a republished header tells them when to ask
// again. There is nothing to redeliver, to acknowledge or to lose at a restart,
// and members need no right to make consumers, each of which would publish what
// its maker chose on the subject that its maker chose.
package bus

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
)

// Bounds of what the board takes.
const (
	MaxData    = 1 << 20  // bytes of one statement
	MaxPayload = 2 << 20  // bytes of one message on the wire, a statement in base64 and its frame
	MaxListed  = 1 << 14  // statements that one List returns
	MaxHeld    = 64 << 20 // bytes that one List returns
	MinToken   = 16       // bytes of a token
)

const (
	stream   = "BOARD"
	posted   = "board." // where statements live in the server; the server's own subjects are elsewhere
	news     = "news."  // where the server announces them, headers only, once they are stored
	framing  = 1 << 10  // room for the headers of a statement
	attempt  = 5 * time.Second
	longest  = 5 * time.Second // between two attempts
	shortest = 20 * time.Millisecond
	recheck  = time.Second // a watcher asks again even when no news came: news is not kept for the absent
)

// Config says where the board is and who may use it.
type Config struct {
	// Dir is where Serve keeps the board. Dial does not use it.
	Dir string
	// Addr is host:port. Serve listens there (port 0 picks one; "" listens
	// nowhere, leaving in-process boards only), Dial connects to it. A host
	// that is not a loopback address needs TLS, because the token and all
	// statements cross it.
	Addr string
	// Token is the secret that all parties share, MinToken bytes or more.
	Token string
	// MaxPayload is the server's limit of bytes a message; 0 is the constant.
	MaxPayload int32
	// TLS is the server's or the client's side of TLS; nil is none.
	TLS *tls.Config
	// Log takes the server's warnings and errors; nil drops them.
	Log *slog.Logger
}

// check refuses what neither side may use.
func (c Config) check() error {
	if len(c.Token) < MinToken {
		return fmt.Errorf("bus: the token has fewer than %d bytes: %w", MinToken, fault.Invalid)
	}
	if c.Addr == "" {
		return nil
	}
	// A URL could carry a token, and would then be printed with it.
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil || strings.ContainsAny(c.Addr, "/@") {
		return fmt.Errorf("bus: the address is not host:port: %w", fault.Invalid)
	}
	if c.TLS == nil && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("bus: %s is not a loopback address and there is no TLS: %w", host, fault.Denied)
	}
	return nil
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
