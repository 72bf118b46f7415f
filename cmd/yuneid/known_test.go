package main

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// The board's door is the register: a process comes in from when it is
// registered to when it is revoked, under its own name, and nobody else at all.
func TestKnown(t *testing.T) {
	town := governancetest.NewTown(t)
	recs, err := records.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer recs.Close() //nolint:errcheck // of a test
	keep := func(p governance.Process, revision int64) {
		t.Helper()
		r := records.Record[governance.Process]{ID: p.Name, Revision: revision, Value: p, Envelope: []byte(string(p.Key) + "x"[:revision%2])}
		if err := recs.Processes.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	own := town.Keys["yuneid"]
	ask := known(t.Context(), recs, own.Public(), slog.New(slog.DiscardHandler))
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir(), Addr: "127.0.0.1:0", Key: own, Known: ask})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	dial := func(key suite.PrivateKey) (*bus.Board, error) {
		return bus.Dial(t.Context(), bus.Config{Addr: server.Addr(), Key: key, Pin: own.Public()})
	}
	for _, who := range []string{"site-hospital", "hospital-officer", "root", "op"} {
		if _, err := dial(town.Keys[who]); fault.Show(err).Code != "unknown-key" {
			t.Errorf("%s comes in: %v", who, err)
		}
	}
	site := town.Processes["site-hospital"]
	keep(site, 1)
	b, err := dial(town.Keys["site-hospital"])
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for subject, may := range map[string]bool{
		msg.Subject("r-1", 1, msg.Commit, "site-hospital"): true,
		msg.Subject("r-1", 1, msg.Commit, "site-transit"):  false,
		msg.Subject("r-1", 0, msg.Permit, msg.Coordinator): false,
		msg.CheckpointSubject(1):                           false,
	} {
		if err := b.Post(t.Context(), subject, []byte("x")); (err == nil) != may || !may && fault.Of(err) != fault.Denied {
			t.Errorf("the site posts %s: %v", subject, err)
		}
	}
	c, err := dial(own)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Post(t.Context(), msg.CheckpointSubject(1), []byte("x")); err != nil {
		t.Errorf("the coordinator posts: %v", err)
	}
	site.Revoked = true
	keep(site, 2)
	server.Recheck()
	if _, err := dial(town.Keys["site-hospital"]); fault.Show(err).Code != "unknown-key" {
		t.Errorf("the revoked comes in: %v", err)
	}
	// A register that does not answer lets nobody in.
	keep(town.Processes["gate"], 1)
	if err := recs.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(town.Keys["gate"]); fault.Show(err).Code != "unknown-key" {
		t.Errorf("without a register the gate comes in: %v", err)
	}
}

func TestListen(t *testing.T) {
	town := governancetest.NewTown(t)
	for _, at := range []string{"http://127.0.0.1:0", "127.0.0.1:0", "", "ftp://127.0.0.1:0"} {
		if ln, err := listen(context.Background(), at, town.Keys["yuneid"]); err == nil {
			_ = ln.Close()
			t.Errorf("listening at %q", at)
		}
	}
	ln, err := listen(t.Context(), "https://127.0.0.1:0", town.Keys["yuneid"])
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // of a test
	if _, ok := ln.Addr().(*net.TCPAddr); !ok {
		t.Errorf("listening at %v", ln.Addr())
	}
}
