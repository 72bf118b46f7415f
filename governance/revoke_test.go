package governance_test

import (
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
)

// A revoked process takes part in nothing new; its name may be had again for
// the same duty with another key, and its key for nothing.
func TestRevoke(t *testing.T) {
	town := governancetest.NewTown(t)
	root, fresh := town.Root, town.Stranger(t).Public()
	terms := town.Terms()
	op := town.Users["op"].Key
	refused(t, "an application before", town.InOrder(op, terms, now), "", "")
	for by, want := range map[string]fault.Code{"bureau-officer": "root-only", "site-hospital": "root-only", "root": ""} {
		refused(t, by+" revokes", town.MayRevoke(town.Keys[by].Public(), "site-hospital"), want, "")
	}
	refused(t, "nobody is revoked", town.MayRevoke(root, "site-nowhere"), "not-found", "")
	refused(t, "no name is revoked", town.MayRevoke(root, ""), "not-found", "")
	p := town.Processes["site-hospital"]
	p.Revoked = true
	town.Processes["site-hospital"] = p
	refused(t, "revoked twice", town.MayRevoke(root, "site-hospital"), "not-found", "")
	refused(t, "an application after", town.InOrder(op, terms, now), "terms-keys", "")
	again := governance.Process{Name: "site-hospital", Kind: governance.Site, Key: fresh}
	refused(t, "another key", town.MayAddProcess(root, again), "", "")
	again.Key = p.Key
	refused(t, "the old key", town.MayAddProcess(root, again), "key-used", "")
	again.Name = "site-other"
	refused(t, "the old key under another name", town.MayAddProcess(root, again), "key-used", "")
	refused(t, "revoked from the start", town.MayAddProcess(root, governance.Process{Name: "site-x", Kind: governance.Site, Key: fresh, Revoked: true}), "registration", "")
	t2 := town.Processes["trustee-1"]
	t2.Revoked = true
	town.Processes["trustee-1"] = t2
	refused(t, "another duty", town.MayAddProcess(root, governance.Process{Name: "trustee-1", Kind: governance.Gate, Key: fresh}), "registered", "")
}
