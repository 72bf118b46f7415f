package bus

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/link"
)

// A register knows who may connect; a party posts under its own name, as the
// last token of a subject.
type register struct {
	mu    sync.Mutex
	names []string
}

func (r *register) known(key ed25519.PublicKey) (Member, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.names {
		if pub, err := keyOf(n).Public().Ed25519(); err == nil && pub.Equal(key) {
			return Member{Name: n, May: func(s string) bool { return strings.HasSuffix(s, "."+n) }}, true
		}
	}
	return Member{}, false
}

func (r *register) strike(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = slices.DeleteFunc(r.names, func(n string) bool { return n == name })
}

// hall is a server with a register of two parties.
func hall(t *testing.T) (*Server, *register) {
	t.Helper()
	return loudHall(t, io.Discard)
}

func loudHall(t *testing.T, log io.Writer) (*Server, *register) {
	t.Helper()
	r := &register{names: []string{"site-a", "site-b"}}
	cfg := serving(t.TempDir(), "127.0.0.1:0")
	cfg.Known, cfg.Log = r.known, slog.New(slog.NewTextHandler(log, nil))
	s, err := Serve(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, r
}

func as(t *testing.T, name, addr string) *Board {
	t.Helper()
	cfg := dialling(addr)
	cfg.Key = keyOf(name)
	b, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func first[T any](_ T, err error) error { return err }

func TestRefused(t *testing.T) {
	s, _ := hall(t)
	with := func(c Config, change func(*Config)) Config { change(&c); return c }
	good, dir := dialling(s.Addr()), t.TempDir()
	good.Key = keyOf("site-a")
	for _, c := range []struct {
		name string
		err  error
		want fault.Code
	}{
		{"an unknown key", first(Dial(t.Context(), with(good, func(c *Config) { c.Key = keyOf("stranger") }))), "unknown-key"},
		{"another server's key", first(Dial(t.Context(), with(good, func(c *Config) { c.Pin = keyOf("other").Public() }))), "link-pin"},
		{"no key of one's own", first(Dial(t.Context(), Config{Addr: s.Addr(), Pin: good.Pin})), "invalid"},
		{"no key of the server's", first(Dial(t.Context(), Config{Addr: s.Addr(), Key: good.Key})), "invalid"},
		{"a user in the address", first(Dial(t.Context(), with(good, func(c *Config) { c.Addr = "me@" + c.Addr }))), "invalid"},
		{"no address", first(Dial(t.Context(), with(good, func(c *Config) { c.Addr = "" }))), "invalid"},
		{"a port in use", first(Serve(t.Context(), serving(t.TempDir(), s.Addr()))), "internal"},
		{"serving without a key", first(Serve(t.Context(), Config{Dir: dir, Addr: "127.0.0.1:0", Known: anyone})), "denied"},
		{"serving without a register", first(Serve(t.Context(), Config{Dir: dir, Addr: "127.0.0.1:0", Key: keyOf("yuneid")})), "invalid"},
		{"no directory", first(Serve(t.Context(), Config{})), "invalid"},
	} {
		if c.err == nil || fault.Show(c.err).Code != c.want {
			t.Errorf("%s: %v, want %s", c.name, c.err, c.want)
		}
	}
}

// A party posts under its own name and reads everything.
func TestOwnName(t *testing.T) {
	s, _ := hall(t)
	a, b := as(t, "site-a", s.Addr()), as(t, "site-b", s.Addr())
	post(t, a, "run.x.1.commit.site-a", "of a")
	for _, subject := range []string{"run.x.1.commit.site-b", "run.x.0.logged.0123", "ledger.9.checkpoint", "site-a"} {
		if err := a.Post(t.Context(), subject, []byte("of a")); fault.Of(err) != fault.Denied {
			t.Errorf("site-a posts %s: %v", subject, err)
		}
	}
	post(t, b, "run.x.1.commit.site-b", "of b")
	got, err := a.List(t.Context(), ">")
	if err != nil || !slices.Equal(subjects(got), []string{"run.x.1.commit.site-a", "run.x.1.commit.site-b"}) {
		t.Errorf("on the board is %v, %v", subjects(got), err)
	}
}

// Over a network as on one machine: neither name nor address is looked at.
func TestNetwork(t *testing.T) {
	s, err := Serve(t.Context(), serving(t.TempDir(), "0.0.0.0:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	post(t, as(t, "site-a", "localhost:"+port), "run.1.site-a", "x")
}

// raw is a connection of somebody known, with another client than ours.
func raw(t *testing.T, s *Server, name string) (nc *nats.Conn, errs *lines) {
	t.Helper()
	ends, err := link.Client(keyOf(name), keyOf("yuneid").Public())
	if err != nil {
		t.Fatal(err)
	}
	errs = &lines{}
	nc, err = nats.Connect("nats://"+s.Addr(), nats.Secure(ends), nats.TLSHandshakeFirst(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { _, _ = fmt.Fprintln(errs, err) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc, errs
}

func idOf(t *testing.T, name string) string {
	t.Helper()
	pub, err := keyOf(name).Public().Ed25519()
	if err != nil {
		t.Fatal(err)
	}
	return id(pub)
}

// However somebody known speaks to the server, they have it write nothing under
// another's name, change nothing and remove nothing.
func TestHostileMember(t *testing.T) {
	s, _ := hall(t)
	b := as(t, "site-b", s.Addr())
	post(t, b, "run.a.1.x.site-b", "of site-b")
	nc, errs := raw(t, s, "site-a")
	me, other := idOf(t, "site-a"), idOf(t, "site-b")
	say := func(subject, reply, body string, header nats.Header) {
		if err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: []byte(body), Header: header}); err != nil {
			t.Fatal(err)
		}
	}
	question := func(do, about, number string) nats.Header {
		return nats.Header{"Do": {do}, "On": {about}, "At": {number}}
	}
	squat := posted + "run.a.1.y.site-b"
	for _, reply := range []string{"", box(me) + ".1", squat, "$JS.API.STREAM.DELETE.BOARD", "$JS.API.STREAM.PURGE.BOARD", ask + other, box(other) + ".1", news + "run.a"} {
		for _, target := range []string{"STREAM.DELETE", "STREAM.PURGE", "STREAM.INFO", "STREAM.SNAPSHOT", "STREAM.UPDATE", "STREAM.MSG.GET", "STREAM.MSG.DELETE", "DIRECT.GET", "CONSUMER.CREATE"} {
			say("$JS.API."+target+".BOARD", reply, `{"seq":1,"name":"BOARD","subjects":["board.>"],"max_msgs":1}`, nil)
		}
		say("$JS.API.INFO", reply, "", nil)
		say("$SYS.REQ.USER.INFO", reply, "", nil)
		say(squat, reply, "straight", nil)
		say(posted+"run.a.1.y.site-a", reply, "past the clerk", nil)
		say(news+"run.a", reply, "", nil)
		say(ask+other, reply, "in another's name", question("post", "run.a.1.y.site-b", "0"))
		// The clerk answers in the asker's own box, and posts under its name.
		say(ask+me, reply, "in another's name", question("post", "run.a.1.y.site-b", "0"))
		say(ask+me, reply, "x", question("next", ">", "1"))
		say(ask+me, reply, "x", question("next", ">", "-1"))
		say(ask+me, reply, "x", question("next", "$JS.>", "1"))
		say(ask+me, reply, "x", question("last", "run.*", "1"))
		say(ask+me, reply, "x", question("delete", "run.a.1.x.site-b", "1"))
		say(ask+me, reply, "x", nil)
		traced := question("last", "run.a.1.x.site-b", "1")
		traced.Set("Nats-Trace-Dest", squat)
		say(ask+me, reply, "x", traced)
	}
	// One subject, one statement, whatever the headers ask for.
	odd := question("post", "run.a.1.z.site-a", "0")
	odd.Set("Nats-TTL", "1s")
	odd.Set("Nats-Rollup", "all")
	odd.Set("Nats-Expected-Last-Subject-Sequence", "1")
	say(ask+me, box(me)+".1", "own", odd)
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := b.Get(t.Context(), "run.a.1.z.site-a"); err == nil {
			break
		}
	}
	say(ask+me, box(me)+".1", "other", odd)
	say(ask+me, box(me)+".1", string(make([]byte, MaxData+1)), question("post", "run.a.2.z.site-a", "0"))
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	deaf := []string{posted + ">", ">", ask + ">", ask + other, box(other) + ".>", "_INBOX.>", "$JS.>", "$SYS.>"}
	for _, subject := range deaf {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	post(t, b, "run.a.2.x.site-b", "of site-b")
	time.Sleep(1200 * time.Millisecond) // whatever was to happen on another thread of the server, or to expire
	for _, subject := range deaf {
		if errs.count(fmt.Sprintf("Subscription to %q", subject)) == 0 {
			t.Errorf("it listens to %s", subject)
		}
	}
	list, err := b.List(t.Context(), ">")
	if want := []string{"run.a.1.x.site-b", "run.a.1.z.site-a", "run.a.2.x.site-b"}; err != nil || !slices.Equal(subjects(list), want) ||
		string(list[0].Data) != "of site-b" || string(list[1].Data) != "own" {
		t.Errorf("the board is now %v, %v", list, err)
	}
}

// A party that asks more than it may have in hand is told to ask again, and
// keeps nobody else waiting.
func TestFlood(t *testing.T) {
	s, _ := hall(t)
	b := as(t, "site-b", s.Addr())
	nc, _ := raw(t, s, "site-a")
	me := idOf(t, "site-a")
	var later int
	var mu sync.Mutex
	if _, err := nc.Subscribe(box(me)+".>", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if m.Header.Get("Is") == "later" {
			later++
		}
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 50 * maxAsked {
		q := &nats.Msg{
			Subject: ask + me, Reply: box(me) + ".1", Data: []byte("x"),
			Header: nats.Header{"Do": {"post"}, "On": {fmt.Sprintf("run.%d.1.x.site-a", i)}},
		}
		if err := nc.PublishMsg(q); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	post(t, b, "run.a.1.x.site-b", "of site-b")
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("another party's post took %s", took)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if later == 0 {
		t.Error("nothing was put off")
	}
}

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), what)
}

// Whoever is struck off the register is cut off at once, within a question
// even, and does not come back; others notice nothing. On the register again,
// it goes on where it was.
func TestRevoked(t *testing.T) {
	s, r := hall(t)
	var log lines
	cfg := dialling(s.Addr())
	cfg.Key, cfg.Log = keyOf("site-a"), slog.New(slog.NewTextHandler(&log, nil))
	a, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b := as(t, "site-b", s.Addr())
	old, _ := raw(t, s, "site-a")
	post(t, a, "run.1.site-a", "x")
	seen, err := a.Watch(t.Context(), ">")
	if err != nil {
		t.Fatal(err)
	}
	<-seen
	r.strike("site-a")
	s.Recheck()
	for end := time.Now().Add(2 * time.Second); old.IsConnected(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a connection of a revoked key lives on")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := a.Post(ctx, "run.2.site-a", []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a revoked party posts: %v", err)
	}
	if _, err := Dial(t.Context(), Config{Addr: s.Addr(), Key: keyOf("site-a"), Pin: keyOf("yuneid").Public()}); fault.Show(err).Code != "unknown-key" {
		t.Errorf("a revoked key comes back: %v", err)
	}
	post(t, b, "run.2.site-b", "x")
	select {
	case it := <-seen:
		t.Errorf("a revoked party reads %s", it.Subject)
	case <-time.After(recheck + 200*time.Millisecond):
	}
	if n := log.count("unknown-key"); n != 1 {
		t.Errorf("it was told %d times that it is refused", n)
	}
	r.mu.Lock()
	r.names = append(r.names, "site-a")
	r.mu.Unlock()
	post(t, a, "run.3.site-a", "x")
	for _, want := range []string{"run.2.site-b", "run.3.site-a"} {
		if it := <-seen; it.Subject != want {
			t.Errorf("back, it reads %s, want %s", it.Subject, want)
		}
	}
}

// A stranger who gets as far as a connection has no say in it, and does not
// fill the log.
func TestStranger(t *testing.T) {
	var log lines
	s, _ := loudHall(t, &log)
	post(t, as(t, "site-b", s.Addr()), "run.1.site-b", "secret")
	config := func(name string, change func(*tls.Config)) *tls.Config {
		c, err := link.Client(keyOf(name), keyOf("yuneid").Public())
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(c)
		}
		return c
	}
	speech := "CONNECT {\"verbose\":false}\r\nPING\r\nSUB > 1\r\nPUB board.run.x.site-a 1\r\nx\r\n"
	for name, c := range map[string]*tls.Config{
		"in the clear":      nil,
		"no certificate":    config("site-a", func(c *tls.Config) { c.Certificates = nil }),
		"TLS 1.2":           config("site-a", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }),
		"an unknown key":    config("stranger", nil),
		"the server's host": config("127.0.0.1", nil),
	} {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if c != nil {
			conn = tls.Client(conn, c)
		}
		_ = conn.SetDeadline(time.Now().Add(8 * time.Second))
		_, _ = io.WriteString(conn, speech) // it may be refused before or after
		got, _ := io.ReadAll(conn)
		_ = conn.Close()
		if strings.Contains(string(got), "PONG") || strings.Contains(string(got), "secret") || strings.Contains(string(got), "board.") {
			t.Errorf("%s: the server says %q", name, got)
		}
	}
	if n := log.count("\n"); n != 1 {
		t.Errorf("the log has %d lines of it: %s", n, log.b.String())
	}
	list, err := as(t, "site-a", s.Addr()).List(t.Context(), ">")
	if err != nil || len(list) != 1 {
		t.Errorf("on the board is %v, %v", subjects(list), err)
	}
}

// tap hands connections on to addr and keeps what a client said.
func tap(t *testing.T, addr string, said *bytes.Buffer) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	var mu sync.Mutex
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", addr)
			if err != nil {
				_ = in.Close()
				return
			}
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() {
				buf := make([]byte, 4096)
				for {
					n, err := in.Read(buf)
					mu.Lock()
					said.Write(buf[:n])
					mu.Unlock()
					if _, err2 := out.Write(buf[:n]); err != nil || err2 != nil {
						_ = out.Close()
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// What somebody in between recorded is worth nothing: it shows no statement,
// and played again it is not heard.
func TestReplayedConnection(t *testing.T) {
	s, _ := hall(t)
	var said bytes.Buffer
	a := as(t, "site-a", tap(t, s.Addr(), &said))
	post(t, a, "run.x.1.x.site-a", "a statement to be seen by parties only")
	a.Close()
	if raw := said.String(); len(raw) < 500 || strings.Contains(raw, "statement") || strings.Contains(raw, "run.x") || strings.Contains(raw, "CONNECT") {
		t.Fatalf("of %d bytes some are in the clear", len(raw))
	}
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // of a test
	_ = conn.SetDeadline(time.Now().Add(8 * time.Second))
	_, _ = conn.Write(said.Bytes())
	got, _ := io.ReadAll(conn)
	if len(got) > 4096 {
		t.Errorf("the server goes on for %d bytes", len(got))
	}
	if n := s.ns.NumClients(); n != 1 { // the clerk
		t.Errorf("%d clients are connected", n)
	}
}

// Somebody who can answer in the server's place, and even relay to it, shows
// another key, and hears nothing.
func TestInBetween(t *testing.T) {
	s, _ := hall(t)
	fake := serving(t.TempDir(), "127.0.0.1:0")
	fake.Key = keyOf("in-between")
	f, err := Serve(t.Context(), fake)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Dial(t.Context(), dialling(f.Addr())); fault.Show(err).Code != "link-pin" {
		t.Errorf("another server is believed: %v", err)
	}
	// A server in the clear, as if there were no TLS.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // of a test
	heard := make(chan string, 8)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, `INFO {"server_id":"x","version":"2.15.2","max_payload":1048576,"tls_required":false}`+"\r\n")
			buf := make([]byte, 4096)
			n, _ := conn.Read(buf)
			heard <- string(buf[:n])
			_ = conn.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, dialling(ln.Addr().String())); err == nil {
		t.Error("a server in the clear is believed")
	}
	if got := <-heard; strings.Contains(got, "CONNECT") || got == "" || got[0] != 0x16 { // a TLS record of the handshake
		t.Errorf("in the clear it says %q", got)
	}
	// On a reconnect, too: the address is taken over by another server.
	a, addr := as(t, "site-a", s.Addr()), s.Addr()
	s.Close()
	fake.Addr, fake.Dir = addr, t.TempDir()
	g, err := Serve(t.Context(), fake)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := a.Post(ctx, "run.1.site-a", []byte("x")); err == nil {
		t.Error("what has come in the server's place takes a statement")
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add("post", "run.a.site-a", "0", []byte("x"))
	f.Add("next", "run.*.>", "18446744073709551615", []byte(nil))
	f.Add("last", "", "-1", []byte(nil))
	f.Add("", "$JS.API.>", "1", make([]byte, 10))
	s, err := Serve(context.Background(), Config{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	own := Member{May: func(s string) bool { return strings.HasSuffix(s, ".site-a") }}
	f.Fuzz(func(t *testing.T, do, about, number string, data []byte) {
		q := &nats.Msg{Data: data, Header: nats.Header{"Do": {do}, "On": {about}, "At": {number}}}
		it, err := s.clerk.do(t.Context(), own, q)
		if err == nil && do == "post" && !strings.HasSuffix(about, ".site-a") {
			t.Errorf("%q was posted", about)
		}
		if err == nil && do != "post" && !it.sound() {
			t.Errorf("%s %q gives %q", do, about, it.Subject)
		}
	})
}
