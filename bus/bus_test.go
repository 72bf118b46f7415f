package bus

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/yunei/yunei/fault"
)

const token = "a-token-for-the-tests-only"

// childDir, set, makes the test binary a bus on that directory, to be killed.
const childDir = "YUNEI_BUS_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		s, err := Serve(context.Background(), Config{Dir: dir, Addr: "127.0.0.1:0", Token: token})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(s.Addr())
		select {}
	}
	os.Exit(m.Run())
}

func serve(tb testing.TB, dir, addr string) *Server {
	tb.Helper()
	s, err := Serve(tb.Context(), Config{Dir: dir, Addr: addr, Token: token})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func dial(tb testing.TB, addr string) *Board {
	tb.Helper()
	b, err := Dial(tb.Context(), Config{Addr: addr, Token: token})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

func post(tb testing.TB, b *Board, subject, data string) {
	tb.Helper()
	if err := b.Post(tb.Context(), subject, []byte(data)); err != nil {
		tb.Fatal(err)
	}
}

func subjects(items []Item) (names []string) {
	for _, it := range items {
		names = append(names, it.Subject)
	}
	return names
}

// A statement is written once: again is nothing, otherwise is a conflict.
func TestPost(t *testing.T) {
	s := serve(t, t.TempDir(), "127.0.0.1:0")
	b := dial(t, s.Addr())
	ctx := t.Context()
	const subject = "run.r1.1.commit.site-a"
	if _, err := b.Get(ctx, subject); !errors.Is(err, fault.NotFound) {
		t.Fatalf("Get before Post = %v", err)
	}
	post(t, b, subject, "x")
	post(t, b, subject, "x")
	if err := b.Post(ctx, subject, []byte("y")); !errors.Is(err, fault.Conflict) {
		t.Errorf("other bytes: %v", err)
	}
	if got, err := b.Get(ctx, subject); err != nil || string(got) != "x" {
		t.Errorf("Get = %q, %v", got, err)
	}
	big := bytes.Repeat([]byte{7}, MaxData)
	if err := b.Post(ctx, "big", append(big, 7)); !errors.Is(err, fault.Exhausted) {
		t.Errorf("oversize: %v", err)
	}
	if err := b.Post(ctx, "none", nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("no data: %v", err)
	}
	if err := b.Post(ctx, "big", big); err != nil {
		t.Errorf("the largest: %v", err)
	}
	if got, err := b.Get(ctx, "big"); err != nil || !bytes.Equal(got, big) {
		t.Errorf("the largest came back as %d bytes, %v", len(got), err)
	}
}

// However many post at once, one of them wins, and all agree on which.
func TestPostOnce(t *testing.T) {
	s := serve(t, t.TempDir(), "127.0.0.1:0")
	boards := []*Board{dial(t, s.Addr()), dial(t, s.Addr()), dial(t, s.Addr())}
	for round := range 20 {
		subject := fmt.Sprintf("run.r.%d.confirm.a", round)
		var mu sync.Mutex
		var won []string
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				data := fmt.Sprint(i % 6) // each content twice: both of a pair succeed
				err := boards[i%3].Post(t.Context(), subject, []byte(data))
				if err == nil {
					mu.Lock()
					won = append(won, data)
					mu.Unlock()
				} else if !errors.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := boards[0].Get(t.Context(), subject)
		if err != nil || len(won) != 2 || won[0] != won[1] || won[0] != string(got) {
			t.Fatalf("round %d: won %q, there is %q, %v", round, won, got, err)
		}
	}
}

func TestList(t *testing.T) {
	s := serve(t, t.TempDir(), "")
	b, err := s.Board(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, subject := range []string{"run.b.1.commit.x", "run.a.1.commit.y", "run.a.1.open.x", "run.a.2.commit.x"} {
		post(t, b, subject, "of "+subject)
	}
	for _, c := range []struct {
		filter string
		want   []string
	}{
		{">", []string{"run.b.1.commit.x", "run.a.1.commit.y", "run.a.1.open.x", "run.a.2.commit.x"}},
		{"run.a.>", []string{"run.a.1.commit.y", "run.a.1.open.x", "run.a.2.commit.x"}},
		{"run.*.1.commit.*", []string{"run.b.1.commit.x", "run.a.1.commit.y"}},
		{"run.a.1.open.x", []string{"run.a.1.open.x"}},
		{"run.a", nil},
	} {
		got, err := b.List(t.Context(), c.filter)
		if err != nil || !slices.Equal(subjects(got), c.want) {
			t.Errorf("List(%s) = %v, %v", c.filter, subjects(got), err)
		}
		for _, it := range got {
			if string(it.Data) != "of "+it.Subject || it.Seq == 0 {
				t.Errorf("%s holds %q, number %d", it.Subject, it.Data, it.Seq)
			}
		}
	}
	half := bytes.Repeat([]byte{1}, MaxData)
	for i := range MaxHeld/MaxData + 1 {
		if err := b.Post(t.Context(), fmt.Sprintf("heavy.%d", i), half); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.List(t.Context(), "heavy.*"); !errors.Is(err, fault.Exhausted) {
		t.Errorf("List of more than it may hold: %v", err)
	}
}

func expect(t *testing.T, from <-chan Item, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case it := <-from:
			if it.Subject != w || string(it.Data) != "of "+w {
				t.Fatalf("watched %q (%q), want %s", it.Subject, it.Data, w)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s never came", w)
		}
	}
}

// A watcher gets the old, then the new, each once and in order, and goes on
// after the server was away; so does a Post that waits for it.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, "127.0.0.1:0")
	addr := s.Addr()
	b := dial(t, addr)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	post(t, b, "run.a.1", "of run.a.1")
	all, err := b.Watch(ctx, "run.>")
	if err != nil {
		t.Fatal(err)
	}
	some, err := b.Watch(ctx, "run.a.*")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, all, "run.a.1")
	expect(t, some, "run.a.1")
	post(t, b, "run.b.2", "of run.b.2")
	post(t, b, "run.a.3", "of run.a.3")
	expect(t, all, "run.b.2", "run.a.3")
	expect(t, some, "run.a.3")

	s.Close()
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	if err := b.Post(short, "run.lost", []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Post without a server = %v", err)
	}
	stop()
	done := make(chan error, 1)
	go func() { done <- b.Post(ctx, "run.a.4", []byte("of run.a.4")) }()
	time.Sleep(50 * time.Millisecond) // the Post is waiting
	serve(t, dir, addr)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	expect(t, all, "run.a.4")
	expect(t, some, "run.a.4")
	list, err := dial(t, addr).List(ctx, ">")
	if err != nil || !slices.Equal(subjects(list), []string{"run.a.1", "run.b.2", "run.a.3", "run.a.4"}) {
		t.Errorf("after the restart: %v, %v", subjects(list), err)
	}
	cancel()
	if _, open := <-all; open {
		t.Error("the watch goes on after its context")
	}
}

// What was acknowledged is there after the server was killed.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill() }()
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	b := dial(t, strings.TrimSpace(string(line[:n])))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	acked := make(chan []string)
	go func() {
		var names []string
		for i := 0; ; i++ {
			name := fmt.Sprintf("run.k.%d", i)
			if b.Post(ctx, name, []byte("of "+name)) != nil {
				acked <- names
				return
			}
			names = append(names, name)
		}
	}()
	time.Sleep(300 * time.Millisecond)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed" is what we asked for
	cancel()
	names := <-acked
	s := serve(t, dir, "")
	again, err := s.Board(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	list, err := again.List(t.Context(), ">")
	if err != nil || len(names) == 0 || len(list) < len(names) || !slices.Equal(subjects(list[:len(names)]), names) {
		t.Fatalf("%d acknowledged, %d there, %v", len(names), len(list), err)
	}
}

func TestRefused(t *testing.T) {
	var log bytes.Buffer
	s, err := Serve(t.Context(), Config{Dir: t.TempDir(), Addr: "127.0.0.1:0", Token: token, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	const wrong = "another-token-of-the-tests"
	_, dialled := Dial(t.Context(), Config{Addr: s.Addr(), Token: wrong})
	_, served := Serve(t.Context(), Config{Dir: t.TempDir(), Addr: s.Addr(), Token: token})
	for _, c := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"a wrong token", dialled, fault.Denied},
		{"a port in use", served, fault.Internal},
		{"no token", first(Dial(t.Context(), Config{Addr: s.Addr()})), fault.Invalid},
		{"a token in the address", first(Dial(t.Context(), Config{Addr: token + "@" + s.Addr(), Token: token})), fault.Invalid},
		{"no address", first(Dial(t.Context(), Config{Token: token})), fault.Invalid},
		{"the network in the clear", first(Dial(t.Context(), Config{Addr: "192.0.2.1:4222", Token: token})), fault.Denied},
		{"listening in the clear", first(Serve(t.Context(), Config{Dir: t.TempDir(), Addr: "0.0.0.0:0", Token: token})), fault.Denied},
		{"no directory", first(Serve(t.Context(), Config{Token: token})), fault.Invalid},
	} {
		if c.err == nil || fault.Of(c.err) != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
		if s := fmt.Sprint(c.err); strings.Contains(s, token) || strings.Contains(s, wrong) {
			t.Errorf("%s: the error holds a token", c.name)
		}
	}
	s.Close()
	if out := log.String(); out == "" || strings.Contains(out, token) || strings.Contains(out, wrong) {
		t.Errorf("the log is empty or holds a token: %s", out)
	}
}

func first[T any](_ T, err error) error { return err }

// Somebody with the token and another client can post and read, and no more.
func TestHostileMember(t *testing.T) {
	s := serve(t, t.TempDir(), "127.0.0.1:0")
	b := dial(t, s.Addr())
	post(t, b, "run.a.1", "of run.a.1")
	nc, err := nats.Connect("nats://"+s.Addr(), nats.Token(token), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ask := func(subject, reply, body string, header nats.Header) {
		if reply == "" {
			reply = nats.NewInbox()
		}
		if err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: []byte(body), Header: header}); err != nil {
			t.Fatal(err)
		}
	}
	const api = "$JS.API."
	ask(api+"STREAM.DELETE.BOARD", "", "", nil)
	ask(api+"STREAM.PURGE.BOARD", "", "", nil)
	ask(api+"STREAM.MSG.DELETE.BOARD", "", `{"seq":1}`, nil)
	ask(api+"STREAM.UPDATE.BOARD", "", `{"name":"BOARD","subjects":["board.>"],"max_msgs":1}`, nil)
	ask(api+"CONSUMER.CREATE.BOARD", "", `{"stream_name":"BOARD","config":{"deliver_subject":"$JS.API.STREAM.DELETE.BOARD","headers_only":true}}`, nil)
	// The server answers on the subject that the asker names.
	for _, target := range []string{"STREAM.DELETE.BOARD", "STREAM.PURGE.BOARD", "STREAM.MSG.DELETE.BOARD", "STREAM.UPDATE.BOARD", "STREAM.SNAPSHOT.BOARD"} {
		ask(posted+"junk."+strings.ToLower(strings.ReplaceAll(target, ".", "-")), api+target, "x", nil)
		ask(api+"STREAM.MSG.GET.BOARD", api+target, `{"seq":1}`, nil)
		ask(api+"STREAM.INFO.BOARD", api+target, "", nil)
	}
	// One subject, one statement, whatever the headers ask for.
	ask(posted+"run.a.1", "", "other", nil)
	ask(posted+"run.a.1", "", "other", nats.Header{"Nats-Rollup": {"sub"}})
	ask(posted+"run.a.1", "", "other", nats.Header{jetstream.ExpectedLastSubjSeqHeader: {"1"}})
	ask(posted+"run.short", "", "gone in a second", nats.Header{"Nats-TTL": {"1s"}})
	ask(posted+"run.SHOUTED", "", "x", nil)
	ask(posted+"run.empty", "", "", nil)
	ask(posted+"run.long", "", string(make([]byte, MaxData+framing+1)), nil)
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	post(t, b, "run.a.2", "of run.a.2")
	if _, err := nc.SubscribeSync(posted + ">"); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil || !errors.Is(nc.LastError(), nats.ErrPermissionViolation) {
		t.Errorf("listening to what is not stored yet: %v, %v", err, nc.LastError())
	}
	time.Sleep(200 * time.Millisecond) // whatever was to happen on another thread of the server
	list, err := b.List(t.Context(), "run.>")
	if err != nil || !slices.Equal(subjects(list), []string{"run.a.1", "run.a.2"}) || string(list[0].Data) != "of run.a.1" {
		t.Errorf("the board is now %v, %v", list, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	own, err := s.Board(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if err := own.Prepare(ctx); err != nil {
		t.Errorf("setting the board's rules again: %v", err)
	}
}

// Over a network the board is behind TLS.
func TestTLS(t *testing.T) {
	server, client := certificate(t)
	s, err := Serve(t.Context(), Config{Dir: t.TempDir(), Addr: "0.0.0.0:0", Token: token, TLS: server})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	b, err := Dial(t.Context(), Config{Addr: "localhost:" + port, Token: token, TLS: client})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	post(t, b, "run.a.1", "x")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, Config{Addr: "localhost:" + port, Token: token, TLS: &tls.Config{MinVersion: tls.VersionTLS13}}); err == nil {
		t.Error("a server with an unknown certificate is believed")
	}
}

func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool}
}

func TestSubjects(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, c := range []struct {
		s             string
		subject, wild bool
	}{
		{"run.0a-9_z.1", true, true},
		{long, true, true},
		{"run.*.x", false, true},
		{"run.>", false, true},
		{">", false, true},
		{"run.>.x", false, false},
		{"run.a*", false, false},
		{"", false, false},
		{".", false, false},
		{"run..x", false, false},
		{".run", false, false},
		{"run.", false, false},
		{"Run", false, false},
		{"run x", false, false},
		{"run\r\nPUB x 1", false, false},
		{"$JS.API.STREAM.DELETE.BOARD", false, false},
		{"_INBOX.x", false, false},
		{"域", false, false},
		{"\xff", false, false},
		{long + "a", false, false},
		{strings.Repeat("a.", 16) + "a", false, false},
		{long + "." + long + "." + long + "." + long, false, false},
	} {
		if got := check(c.s, false) == nil; got != c.subject {
			t.Errorf("%q as a subject: %v", c.s, got)
		}
		if got := check(c.s, true) == nil; got != c.wild {
			t.Errorf("%q as a filter: %v", c.s, got)
		}
	}
	b := &Board{} // a bad subject does not reach the connection, of which there is none
	_, get := b.Get(t.Context(), "run.*")
	_, list := b.List(t.Context(), "run.A")
	_, watch := b.Watch(t.Context(), "run.>.x")
	for _, err := range []error{get, list, watch, b.Post(t.Context(), "run.>", []byte("x"))} {
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("a bad subject: %v", err)
		}
	}
}

func FuzzSubjects(f *testing.F) {
	for _, s := range []string{"run.a.1", "run.*.>", "", "..", "run\n", "$SYS.>", "a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if check(s, false) != nil {
			return
		}
		if check(s, true) != nil || len(s) > 200 || strings.ContainsAny(s, "*> \t\r\n$\x00") || strings.Contains(s, "..") {
			t.Errorf("%q is taken for a subject", s)
		}
	})
}

func BenchmarkPost(b *testing.B) {
	s := serve(b, b.TempDir(), "127.0.0.1:0")
	board := dial(b, s.Addr())
	data := make([]byte, 1024)
	var n int
	for b.Loop() {
		post(b, board, fmt.Sprintf("run.b.%d", n), string(data))
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "posts/s")
}

func BenchmarkPostParallel(b *testing.B) {
	s := serve(b, b.TempDir(), "127.0.0.1:0")
	board := dial(b, s.Addr())
	data := make([]byte, 1024)
	b.SetParallelism(8)
	var lane int
	var mu sync.Mutex
	b.RunParallel(func(pb *testing.PB) {
		mu.Lock()
		lane++
		me := lane
		mu.Unlock()
		for n := 0; pb.Next(); n++ {
			if err := board.Post(b.Context(), fmt.Sprintf("run.b%d.%d", me, n), data); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}

func BenchmarkPostToWatch(b *testing.B) {
	s := serve(b, b.TempDir(), "127.0.0.1:0")
	writer, reader := dial(b, s.Addr()), dial(b, s.Addr())
	seen, err := reader.Watch(b.Context(), "run.>")
	if err != nil {
		b.Fatal(err)
	}
	var n int
	for b.Loop() {
		post(b, writer, fmt.Sprintf("run.b.%d", n), "x")
		<-seen
		n++
	}
}

func BenchmarkReplay(b *testing.B) {
	s := serve(b, b.TempDir(), "127.0.0.1:0")
	board := dial(b, s.Addr())
	for i := range 500 {
		post(b, board, fmt.Sprintf("run.b.%d", i), "x")
	}
	for b.Loop() {
		if list, err := board.List(b.Context(), "run.>"); err != nil || len(list) != 500 {
			b.Fatal(len(list), err)
		}
	}
	b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "statements/s")
}
