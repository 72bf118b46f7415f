package bus

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// keyOf is the key of somebody of that name, the same in every process.
func keyOf(name string) suite.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		panic(err)
	}
	key, err := suite.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		panic(err)
	}
	return key
}

// anyone lets everybody in, and post anything.
func anyone(ed25519.PublicKey) (Member, bool) {
	return Member{Name: "member", May: func(string) bool { return true }}, true
}

func serving(dir, addr string) Config {
	return Config{Dir: dir, Addr: addr, Key: keyOf("yuneid"), Known: anyone}
}

func dialling(addr string) Config {
	return Config{Addr: addr, Key: keyOf("member"), Pin: keyOf("yuneid").Public()}
}

// childDir, set, makes the test binary a bus on that directory, to be killed.
const childDir = "YUNEI_BUS_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		s, err := Serve(context.Background(), serving(dir, "127.0.0.1:0"))
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
	s, err := Serve(tb.Context(), serving(dir, addr))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func dial(tb testing.TB, addr string) *Board {
	tb.Helper()
	b, err := Dial(tb.Context(), dialling(addr))
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
