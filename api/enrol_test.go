package api_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/yunei/yunei/enrol"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

// invite has the root key invite a site, and returns the token.
func (h *hall) invite(name string) enrol.Token {
	h.t.Helper()
	token, err := enrol.NewToken(rand.Reader)
	h.must("a token", err)
	h.must("inviting", h.as("root").Invite(h.t.Context(), governance.Invitation{
		Name: name, Kind: governance.Site, Org: "hospital", Token: token.Digest(name), Until: h.now().Add(time.Hour),
	}))
	return token
}

// offer has a machine with that key come under a token.
func (h *hall) offer(key suite.PrivateKey, token enrol.Token, name, kind string) (enrol.Newcomer, error) {
	h.t.Helper()
	ask, n, err := enrol.Sign(key, token, h.Keys["yuneid"].Public(), name, kind)
	h.must("a statement", err)
	return n, enrol.Send(h.t.Context(), h.srv.URL, h.Keys["yuneid"].Public(), ask)
}

func (h *hall) draw() suite.PrivateKey {
	h.t.Helper()
	k, err := suite.NewPrivateKey()
	h.must("a key", err)
	return k
}

// A machine comes under a token, the bureau's person accepts it by its fingerprint,
// and only then it is known; nothing else makes it so.
func TestEnrol(t *testing.T) {
	h := newHall(t)
	ctx, root := t.Context(), h.as("root")
	token, key := h.invite("site-clinic"), h.draw()
	n, err := h.offer(key, token, "site-clinic", "site")
	h.must("offering", err)
	_, err = h.offer(key, token, "site-clinic", "site")
	h.must("offering again, as after an answer that was lost", err)
	_, err = h.offer(h.draw(), token, "site-clinic", "site")
	h.refused("another key under the same token", err, "invite-used")
	d, err := h.as("op").Directory(ctx)
	h.must("the directory", err)
	for _, p := range d.Processes {
		if p.Name == "site-clinic" {
			t.Error("it is known before it was accepted")
		}
	}
	_, err = h.as("op").Invited(ctx)
	h.refused("the list, for others", err, "root-only")
	all, err := root.Invited(ctx)
	h.must("the list", err)
	if len(all) != 1 || all[0].Newcomer == nil {
		t.Fatalf("%+v", all)
	}
	who, err := enrol.Parse(all[0].Statement)
	h.must("the statement", err)
	if who != n || who.Fingerprint() != n.Fingerprint() {
		t.Errorf("%+v came, and %+v is shown", n, who)
	}
	p := governance.Process{Name: "site-clinic", Kind: governance.Site, Key: key.Public()}
	h.refused("another fingerprint", root.Accept(ctx, p, enrol.Newcomer{Name: "site-clinic"}.Fingerprint()), "fingerprint")
	other := p
	other.Key = h.draw().Public()
	h.refused("another key", root.Accept(ctx, other, n.Fingerprint()), "fingerprint")
	h.refused("who may not", h.as("op").Accept(ctx, p, n.Fingerprint()), "root-only")
	h.must("accepting", root.Accept(ctx, p, n.Fingerprint()))
	reg, err := h.rec.Register(ctx, h.Root)
	h.must("the register", err)
	if reg.Processes["site-clinic"].Key != key.Public() {
		t.Errorf("%+v", reg.Processes["site-clinic"])
	}
	h.refused("accepting twice", root.Accept(ctx, p, n.Fingerprint()), "registered")
	_, err = h.offer(key, token, "site-clinic", "site")
	h.refused("a token that is spent", err, "invite-used")
}

// A token is for one name and duty, and good until it expires; wrong ones are not
// heard without end.
func TestEnrolRefused(t *testing.T) {
	h := newHall(t)
	ctx, root := t.Context(), h.as("root")
	_, err := h.offer(h.draw(), h.invite("site-clinic"), "site-other", "site")
	h.refused("another name", err, "invite-token")
	token := h.invite("site-clinic")
	_, err = h.offer(h.draw(), token, "site-clinic", "gate")
	h.refused("another duty", err, "registration")
	_, err = h.offer(h.Keys["gate"], token, "site-clinic", "site")
	h.refused("a key that is somebody's", err, "key-used")
	ask, _, err := enrol.Sign(h.draw(), token, h.Keys["gate"].Public(), "site-clinic", "site")
	h.must("a statement", err)
	h.refused("to another coordinator", enrol.Send(ctx, h.srv.URL, h.Keys["yuneid"].Public(), ask), "registration")
	h.refused("by another pin", enrol.Send(ctx, h.srv.URL, h.Keys["gate"].Public(), ask), "link-pin")

	wrong, err := enrol.NewToken(rand.Reader)
	h.must("a token", err)
	for range 5 {
		_, err = h.offer(h.draw(), wrong, "site-clinic", "site")
		h.refused("a wrong token", err, "invite-token")
	}
	_, err = h.offer(h.draw(), token, "site-clinic", "site")
	h.refused("the right one after too many", err, "invite-tries")
	token = h.invite("site-clinic")
	n, err := h.offer(h.draw(), token, "site-clinic", "site")
	h.must("under a new invitation", err)

	late := h.invite("site-late")
	h.pass(2 * time.Hour)
	_, err = h.offer(h.draw(), late, "site-late", "site")
	h.refused("an expired token", err, "invite-expired")
	h.refused("accepting too late", root.Accept(ctx, governance.Process{Name: "site-clinic", Kind: governance.Site, Key: n.Key}, n.Fingerprint()), "invite-expired")

	good := governance.Invitation{Name: "trustee-9", Kind: governance.Committee, Org: "audit", Token: wrong.Digest("trustee-9"), Until: h.now().Add(time.Hour)}
	h.refused("who may not", h.as("op").Invite(ctx, good), "root-only")
	for name, edit := range map[string]func(*governance.Invitation){
		"a coordinator":            func(i *governance.Invitation) { i.Name, i.Kind = "yuneid-2", governance.Coordinator },
		"an unknown organisation":  func(i *governance.Invitation) { i.Org = "nobody" },
		"a token for ever":         func(i *governance.Invitation) { i.Until = h.now().AddDate(1, 0, 0) },
		"a token of yesterday":     func(i *governance.Invitation) { i.Until = h.now() },
		"no token":                 func(i *governance.Invitation) { i.Token = "" },
		"a site of no site's name": func(i *governance.Invitation) { i.Kind = governance.Site },
		"one that has answered":    func(i *governance.Invitation) { i.Newcomer = &n },
	} {
		i := good
		edit(&i)
		h.refused(name, root.Invite(ctx, i), "registration")
	}
	taken := good
	taken.Name = "trustee-1"
	h.refused("a name that is taken", root.Invite(ctx, taken), "registered")
}

// Wrong tokens for whatever name keep nobody off who has the right one.
func TestEnrolNoise(t *testing.T) {
	h := newHall(t)
	token := h.invite("site-clinic")
	wrong, err := enrol.NewToken(rand.Reader)
	h.must("a token", err)
	key := h.draw()
	for i := range 60 {
		_, err := h.offer(key, wrong, fmt.Sprintf("site-%d", i), "site")
		h.refused("a wrong token", err, "invite-token")
	}
	_, err = h.offer(key, wrong, "site-more", "site")
	h.refused("one more", err, "invite-tries")
	_, err = h.offer(h.draw(), token, "site-clinic", "site")
	h.must("the right one", err)
}
