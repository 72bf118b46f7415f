package api_test

import (
	"testing"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
)

// Each line of the ledger is of something that is kept: what is refused, or told
// again with nothing new, adds none. Else who makes the records anew could not tell
// such a line from one whose statement was taken out.
func TestLinesAreKept(t *testing.T) {
	h, p := ruled(t)
	ctx := t.Context()
	consent := paperstest.Consent(p)
	consent.Dataset = "hospital-visits"
	raw, err := papers.Bytes(papers.KindConsent, consent)
	h.must("writing", err)
	lines := func(what string, want int, do func()) {
		t.Helper()
		before := len(h.notary.lines)
		do()
		if n := len(h.notary.lines) - before; n != want {
			t.Errorf("%s: %d lines, want %d", what, n, want)
		}
	}
	lines("a consent by who has not the data", 0, func() {
		_, err := h.as("transit-officer").PutPaper(ctx, raw)
		h.refused("not the provider's", err, "role")
	})
	for _, want := range []int{1, 0} { // the second request is another one: its nonce is
		lines("a consent", want, func() {
			_, err := h.as("hospital-officer").PutPaper(ctx, raw)
			h.must("putting", err)
		})
		lines("a paper", want, func() {
			_, err := h.as("op").PutPaper(ctx, []byte("x"))
			h.must("putting", err)
		})
	}
	terms := h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	for _, c := range []struct {
		title string
		lines int
		fails bool
	}{{"指数", 1, false}, {"指数", 0, false}, {"另一个", 0, true}} {
		lines("product "+c.title, c.lines, func() {
			product := governance.Product{ID: "d-1", Title: c.title, Type: "statistics", Runs: []string{"r-1"}, At: h.now().UTC().Truncate(time.Second)}
			r, err := product.Sign(h.Keys["op"])
			h.must("signing", err)
			err = h.as("op").AddProduct(ctx, r)
			if (err != nil) != c.fails {
				t.Errorf("%s: %v", c.title, err)
			}
		})
	}
}
