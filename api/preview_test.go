package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/jobs"
)

// source is what the gates of a hall look at: nothing, until a test fills it.
// A preview says what the gates would, to whoever may see the terms; nothing is
// kept of it.
func TestPreview(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	w := gatestest.In(t, h.Town, "guiyang", "authop")
	for _, id := range []string{"bureau-3", "bureau-4", "bureau-5"} {
		h.must("registering", h.as("root").AddUser(ctx, w.Users[id]))
	}
	f := w.Facts()
	h.facts = &f
	all, err := h.as("op").Preview(ctx, f.Terms, gates.AtSubmission)
	if err != nil || len(all) < 13 || len(gates.Blocked(all)) > 0 {
		t.Fatalf("previewed %d, %v: %+v", len(all), err, gates.Blocked(all))
	}
	f.Holds = []gates.Hold{{ID: "h-1", Kind: "dataset", Name: f.Terms.Members[0].Dataset}}
	h.facts = &f
	all, err = h.as("bureau-officer").Preview(ctx, f.Terms, gates.AtStart)
	stopped := gates.Blocked(all)
	if err != nil || len(stopped) != 1 || stopped[0].Gate != "G6" || !strings.Contains(stopped[0].Cite, "第三十一条") || stopped[0].Quote == "" {
		t.Errorf("held: %+v, %v", stopped, err)
	}
	all, err = h.as("op").Preview(ctx, f.Terms, gates.AtRelease)
	if err != nil || !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == "R1" && v.State == gates.Unknown }) {
		t.Errorf("before there is an output: %v", err)
	}
	_, err = h.as("rival").Preview(ctx, f.Terms, gates.AtStart)
	h.refused("somebody else's terms", err, "role")
	_, err = h.as("op").Preview(ctx, f.Terms, "never")
	h.refused("no step", err, "invalid")
	_, err = h.as("op").Preview(ctx, jobs.Terms{}, gates.AtStart)
	h.refused("no terms", err, "invalid")
	if list, err := h.as("op").Applications(ctx); err != nil || len(list) > 0 {
		t.Errorf("a preview was kept: %v, %v", list, err)
	}
}
