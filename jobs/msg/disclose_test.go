package msg_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func consent(town *governancetest.Town, box suite.Box) msg.ConsentBody {
	return msg.ConsentBody{
		Run: "r-1", Permit: town.Terms().Digest(), Org: "hospital", Recipient: "audit", Box: box.Public(), At: governancetest.Now,
	}
}

func newBox(tb testing.TB) suite.Box {
	tb.Helper()
	box, err := suite.NewBox()
	if err != nil {
		tb.Fatal(err)
	}
	return box
}

// Only the provider's own officer lets evidence out, and to a box.
func TestConsent(t *testing.T) {
	town := governancetest.NewTown(t)
	pinned, c := town.Signer("hospital-officer"), consent(town, newBox(t))
	by := func(who string, edit func(*msg.ConsentBody)) []byte {
		c := c
		edit(&c)
		about := receipt.About("run/"+c.Run+"/evidence", c.Permit)
		return town.Sign(t, who, msg.Consent, about, c).Bytes()
	}
	good, err := msg.SignConsent(town.Keys["hospital-officer"], c)
	if err != nil {
		t.Fatal(err)
	}
	if got, r, err := msg.OpenConsent(good.Bytes(), pinned); err != nil || got != c || r.Digest() != good.Digest() {
		t.Errorf("a good consent: %+v, %v", got, err)
	}
	for name, bad := range map[string]struct {
		raw  []byte
		want fault.Kind
	}{
		"nothing":                   {nil, fault.Invalid},
		"another provider's":        {by("transit-officer", func(c *msg.ConsentBody) { c.Org = "transit" }), fault.Tampered},
		"another's in our name":     {by("transit-officer", func(*msg.ConsentBody) {}), fault.Tampered},
		"our admin's":               {by("hospital-admin", func(*msg.ConsentBody) {}), fault.Tampered},
		"the bureau's":              {by("bureau-officer", func(*msg.ConsentBody) {}), fault.Tampered},
		"ours in another's name":    {by("hospital-officer", func(c *msg.ConsentBody) { c.Org = "transit" }), fault.Tampered},
		"to no box":                 {by("hospital-officer", func(c *msg.ConsentBody) { c.Box = "x25519:AA" }), fault.Invalid},
		"to nobody":                 {by("hospital-officer", func(c *msg.ConsentBody) { c.Recipient = "" }), fault.Invalid},
		"about no run":              {by("hospital-officer", func(c *msg.ConsentBody) { c.Run = "../r-1" }), fault.Invalid},
		"a grant, and no consent":   {town.Decide(t, "hospital-officer", "hospital", jobs.Grant, town.Terms()).Bytes(), fault.Tampered},
		"filed under another run":   {town.Sign(t, "hospital-officer", msg.Consent, receipt.About("run/r-2/evidence", c.Permit), c).Bytes(), fault.Tampered},
		"one byte of it is altered": {bytes.Replace(good.Bytes(), []byte(`"sig":"`), []byte(`"sig":"A`), 1), fault.Invalid},
	} {
		if _, _, err := msg.OpenConsent(bad.raw, pinned); !errors.Is(err, bad.want) {
			t.Errorf("%s: %v, want %s", name, err, bad.want)
		}
	}
}

// packet is the evidence of the hospital's site, as that gives it out.
func packet(tb testing.TB, town *governancetest.Town, box suite.BoxKey, edit func(*msg.Opened, *msg.ConfirmBody, *msg.DisclosedBody)) []byte {
	tb.Helper()
	of := msg.Of{Run: "r-1", Permit: town.Terms().Digest(), Party: "site-hospital"}
	o := msg.Opened{Of: of, Salt: suite.Salt{3}, Evidence: []byte("what it went by")}
	confirm := msg.ConfirmBody{Of: of, Evidence: msg.CommitEvidence(of, o.Salt, o.Evidence)}
	confirm.Round = 2
	gone := msg.DisclosedBody{Of: of, Recipient: "audit", Evidence: confirm.Evidence}
	edit(&o, &confirm, &gone)
	o.Confirm = town.Sign(tb, "site-hospital", msg.Confirm, confirm.About(), confirm).Bytes()
	o.Disclosed = town.Sign(tb, "site-hospital", msg.Disclosed, gone.About(), gone).Bytes()
	raw, err := msg.SealPacket(box, o)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// Evidence is what the site confirmed before anything was opened, or nothing.
func TestPacket(t *testing.T) {
	town, box := governancetest.NewTown(t), newBox(t)
	type edit = func(*msg.Opened, *msg.ConfirmBody, *msg.DisclosedBody)
	good := packet(t, town, box.Public(), func(*msg.Opened, *msg.ConfirmBody, *msg.DisclosedBody) {})
	o, confirm, err := msg.OpenPacket(good, box, town.Terms())
	if err != nil || string(o.Evidence) != "what it went by" || confirm.Round != 2 {
		t.Fatalf("a good packet: %q, %v", o.Evidence, err)
	}
	if bytes.Contains(good, []byte("went by")) {
		t.Error("a packet shows what is in it")
	}
	if _, _, err := msg.OpenPacket(good, newBox(t), town.Terms()); !errors.Is(err, fault.Tampered) {
		t.Errorf("by another's box: %v", err)
	}
	elsewhere := town.Terms()
	elsewhere.Uses = 1
	if _, _, err := msg.OpenPacket(good, box, elsewhere); !errors.Is(err, fault.Tampered) {
		t.Errorf("under other terms: %v", err)
	}
	for name, bend := range map[string]edit{
		"other bytes":              func(o *msg.Opened, _ *msg.ConfirmBody, _ *msg.DisclosedBody) { o.Evidence = []byte("something nicer") },
		"another salt":             func(o *msg.Opened, _ *msg.ConfirmBody, _ *msg.DisclosedBody) { o.Salt[0]++ },
		"another domain's":         func(o *msg.Opened, _ *msg.ConfirmBody, _ *msg.DisclosedBody) { o.Of.Party = "site-transit" },
		"nobody's":                 func(o *msg.Opened, _ *msg.ConfirmBody, _ *msg.DisclosedBody) { o.Of.Party = "site-nowhere" },
		"another run's":            func(o *msg.Opened, _ *msg.ConfirmBody, _ *msg.DisclosedBody) { o.Of.Run = "r-2" },
		"a confirmation elsewhere": func(_ *msg.Opened, c *msg.ConfirmBody, _ *msg.DisclosedBody) { c.Run = "r-2" },
		"a disclosure elsewhere":   func(_ *msg.Opened, _ *msg.ConfirmBody, d *msg.DisclosedBody) { d.Run = "r-2" },
		"two commitments": func(_ *msg.Opened, _ *msg.ConfirmBody, d *msg.DisclosedBody) {
			d.Evidence = suite.Commit(suite.Salt{9}, nil)
		},
		"no commitment": func(_ *msg.Opened, c *msg.ConfirmBody, d *msg.DisclosedBody) { c.Evidence, d.Evidence = "", "" },
	} {
		if _, _, err := msg.OpenPacket(packet(t, town, box.Public(), bend), box, town.Terms()); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzOpenConsent(f *testing.F) {
	town := governancetest.NewTown(f)
	good, err := msg.SignConsent(town.Keys["hospital-officer"], consent(town, newBox(f)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte(`{"payloadType":"","payload":"","signatures":[]}`))
	pinned := town.Signer("hospital-officer")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, _, err := msg.OpenConsent(raw, pinned); err == nil && (c.Org != "hospital" || !bytes.Equal(raw, good.Bytes())) {
			t.Errorf("a consent that nobody gave: %q", raw)
		}
	})
}

func FuzzOpenPacket(f *testing.F) {
	town, box := governancetest.NewTown(f), newBox(f)
	good := packet(f, town, box.Public(), func(*msg.Opened, *msg.ConfirmBody, *msg.DisclosedBody) {})
	f.Add(good)
	f.Add([]byte(`{"format":"yunei evidence packet v1"}`))
	terms := town.Terms()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if o, _, err := msg.OpenPacket(raw, box, terms); err == nil && string(o.Evidence) != "what it went by" {
			t.Errorf("evidence that nobody gave: %q", o.Evidence)
		}
	})
}
