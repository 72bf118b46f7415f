package records

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
)

func open(t *testing.T, file string) *Records {
	t.Helper()
	r, err := Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func org(id string, revision int64, title, envelope string) Record[governance.Org] {
	return Record[governance.Org]{
		ID: id, Revision: revision, Envelope: []byte(envelope),
		Value: governance.Org{ID: id, Title: title, Kind: governance.Provider},
	}
}

func TestPut(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "r.db"))
	for _, c := range []struct {
		name string
		rec  Record[governance.Org]
		want error
	}{
		{"a new record", org("a", 1, "甲", `{"e":1}`), nil},
		{"the same again", org("a", 1, "甲", `{"e":1}`), nil},
		{"another in its place", org("a", 1, "乙", `{"e":2}`), fault.Conflict},
		{"a revision too far", org("a", 3, "甲", `{"e":3}`), fault.Conflict},
		{"the next revision", org("a", 2, "丙", `{"e":4}`), nil},
		{"an old revision, told again", org("a", 1, "甲", `{"e":1}`), nil},
		{"no revision", org("b", 0, "甲", `{"e":1}`), fault.Conflict},
		{"a second record", org("0", 1, "丁", `{"e":5}`), nil},
	} {
		if err := r.Orgs.Put(t.Context(), c.rec); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	got, err := r.Orgs.Get(t.Context(), "a")
	if diff := cmp.Diff(org("a", 2, "丙", `{"e":4}`), got); diff != "" || err != nil {
		t.Errorf("Get: %v\n%s", err, diff)
	}
	all, err := r.Orgs.List(t.Context(), "")
	if diff := cmp.Diff([]Record[governance.Org]{org("0", 1, "丁", `{"e":5}`), got}, all); diff != "" || err != nil {
		t.Errorf("List: %v\n%s", err, diff)
	}
	history, err := r.Orgs.History(t.Context(), "a")
	if diff := cmp.Diff([][]byte{[]byte(`{"e":1}`), []byte(`{"e":4}`)}, history); diff != "" || err != nil {
		t.Errorf("History: %v\n%s", err, diff)
	}
	if _, err := r.Orgs.Get(t.Context(), "nobody"); !errors.Is(err, fault.NotFound) {
		t.Errorf("Get of nobody: %v", err)
	}
	if _, err := r.Users.Get(t.Context(), "a"); !errors.Is(err, fault.NotFound) {
		t.Errorf("the tables are not apart: %v", err)
	}
}

// An envelope comes back byte for byte, whatever is in it.
func TestEnvelopeVerbatim(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "r.db"))
	env := "{\"payload\":\"+/=\\u003c\",\"x\":\"'; DROP TABLE orgs; -- ?0 ?TableName \\\\ 域内\"}"
	rec := org("a", 1, "'?", env)
	rec.Parent = "?'--"
	if err := r.Orgs.Put(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	all, err := r.Orgs.List(t.Context(), "?'--")
	if diff := cmp.Diff([]Record[governance.Org]{rec}, all); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Of many who want the last use, as many as there are get one.
func TestPutAmong(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "r.db"))
	const limit, runs = 3, 12
	var wg sync.WaitGroup
	errs := make([]error, runs)
	for i := range runs {
		wg.Go(func() {
			id := fmt.Sprintf("run-%d", i)
			errs[i] = r.Runs.PutAmong(t.Context(), Record[jobs.Run]{ID: id, Revision: 1, Parent: "sha256:p", Value: jobs.Run{ID: id}, Envelope: []byte(id)}, limit)
		})
	}
	wg.Wait()
	kept := 0
	for _, err := range errs {
		if err == nil {
			kept++
		} else if !errors.Is(err, fault.Exhausted) {
			t.Error(err)
		}
	}
	all, err := r.Runs.List(t.Context(), "sha256:p")
	if kept != limit || len(all) != limit || err != nil {
		t.Fatalf("%d kept, %d there, want %d: %v", kept, len(all), limit, err)
	}
	if err := r.Runs.PutAmong(t.Context(), all[0], limit); err != nil {
		t.Errorf("telling a kept run again: %v", err)
	}
}

// Two writers of the next revision: one wins.
func TestSwapRace(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "r.db"))
	if err := r.Orgs.Put(t.Context(), org("a", 1, "甲", "0")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = r.Orgs.Put(t.Context(), org("a", 2, "乙", fmt.Sprint("e", i))) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

func TestRegister(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "r.db"))
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	user := governance.User{ID: "u", Org: "a", Role: governance.RoleOfficer, Key: "ed25519:x", NotAfter: end}
	if err := errors.Join(
		r.Orgs.Put(t.Context(), org("a", 1, "甲", "1")),
		r.Users.Put(t.Context(), Record[governance.User]{ID: "u", Revision: 1, Value: user, Envelope: []byte("2")}),
	); err != nil {
		t.Fatal(err)
	}
	g, err := r.Register(t.Context(), "ed25519:root")
	if err != nil || g.Root != "ed25519:root" || g.Orgs["a"].Title != "甲" || !cmp.Equal(g.Users["u"], user) {
		t.Errorf("Register = %+v, %v", g, err)
	}
}

// A process that is killed at any moment loses nothing that it was told is
// kept, and leaves nothing half-written.
func TestKilled(t *testing.T) {
	if file := os.Getenv("RECORDS_TEST_KILLED"); file != "" {
		writeUntilKilled(t, file)
		return
	}
	file := filepath.Join(t.TempDir(), "r.db")
	acked := 0
	for round := range 4 {
		acked = max(acked, killedAfter(t, file, 40+17*round))
	}
	r := open(t, file)
	all, err := r.Orgs.List(t.Context(), "")
	if err != nil || len(all) < acked || len(all) > acked+4 {
		t.Fatalf("%d records after %d acknowledged: %v", len(all), acked, err)
	}
	for i, rec := range all {
		id := fmt.Sprintf("org-%06d", i)
		if rec.ID != id || rec.Value.ID != id || string(rec.Envelope) != "envelope of "+id {
			t.Fatalf("record %d is %+v", i, rec)
		}
	}
	var ok string
	if err := r.db.NewRaw("PRAGMA integrity_check").Scan(t.Context(), &ok); err != nil || ok != "ok" {
		t.Fatalf("integrity: %q, %v", ok, err)
	}
}

func writeUntilKilled(t *testing.T, file string) {
	t.Helper()
	r := open(t, file)
	all, err := r.Orgs.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for i := len(all); i < len(all)+100_000; i++ {
		id := fmt.Sprintf("org-%06d", i)
		if err := r.Orgs.Put(t.Context(), org(id, 1, "甲", "envelope of "+id)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("kept", i+1)
	}
}

// killedAfter runs a writer, kills it after n acknowledgements, and returns
// how many records were acknowledged in all.
func killedAfter(t *testing.T, file string, n int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "RECORDS_TEST_KILLED="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kept, last := 0, 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(strings.TrimSpace(lines.Text()), "kept %d", &last); err != nil {
			continue
		}
		if kept++; kept == n {
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil || kept < n {
		t.Fatalf("the writer ended by itself after %d: %v", kept, err)
	}
	return last
}

func TestDurable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.db")
	r := open(t, file)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := r.db.NewRaw("PRAGMA "+pragma).Scan(t.Context(), &got); err != nil || got != want {
			t.Errorf("%s is %q, want %q: %v", pragma, got, want, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

// A full disk is told as such, and nothing of the write is kept.
func TestFull(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "r.db"))
	r.db.SetMaxOpenConns(1)
	if _, err := r.db.NewRaw("PRAGMA max_page_count = 60").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := r.Orgs.Put(t.Context(), org("a", 1, "甲", strings.Repeat("x", 1<<20)))
	if !errors.Is(err, fault.Exhausted) || fault.Show(err).Code != "disk-full" {
		t.Errorf("a full disk: %v", err)
	}
	if _, err := r.Orgs.Get(t.Context(), "a"); !errors.Is(err, fault.NotFound) {
		t.Errorf("something was kept: %v", err)
	}
}
