package api

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
)

// Memory is bounded, and nothing is forgotten before its time.
func TestNonces(t *testing.T) {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	n := newNonces(start)
	for i := range maxNonces {
		if err := n.take("a", strconv.Itoa(i), start); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.take("a", "one more", start.Add(2*Skew)); !errors.Is(err, fault.Exhausted) {
		t.Errorf("one more: %v", err)
	}
	if err := n.take("a", "0", start.Add(2*Skew)); !errors.Is(err, fault.Conflict) {
		t.Errorf("a replay at the last moment: %v", err)
	}
	if err := n.take("b", "0", start); err != nil {
		t.Errorf("another key's: %v", err)
	}
	if err := n.take("a", "one more", start.Add(2*Skew+1)); err != nil || len(n.seen["a"]) != 1 {
		t.Errorf("after their time: %v, %d remembered", err, len(n.seen["a"]))
	}
}

// Every verb is answered, and every kind of failure has a status.
func TestTablesAreTotal(t *testing.T) {
	for _, v := range verb.All {
		if verbs[v] == nil {
			t.Errorf("%s is not answered", v)
		}
	}
	if len(verbs) != len(verb.All) {
		t.Errorf("%d verbs are answered, %d listed", len(verbs), len(verb.All))
	}
	for _, k := range []fault.Kind{fault.Denied, fault.Invalid, fault.NotFound, fault.Conflict, fault.Exhausted, fault.Tampered, fault.Guest, fault.Internal} {
		if statuses[k] < 400 {
			t.Errorf("%s has status %d", k, statuses[k])
		}
	}
	if status(fault.Refusal{}) != 500 {
		t.Error("the zero refusal is not our fault")
	}
}
