package main

import (
	"context"
	"time"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/records"
)

// decided has the flow stop where a decision on record holds something of a run.
// Records that cannot be read hold everything.
type decided struct {
	ctx  context.Context //nolint:containedctx // a Standing is asked without one; this is the daemon's own
	recs *records.Records
	now  func() time.Time
}

func (d decided) Check(v *msg.View) error {
	orders, lifts, err := api.Ordered(d.ctx, d.recs)
	if err != nil || len(governance.Holding(governance.InForce(orders, lifts, d.now()), v.Terms())) > 0 {
		return party.Waits{Code: party.Held, Who: []string{msg.Bureau}}
	}
	return nil
}

// ruled has the flow let nothing out that a gate stops. Facts that cannot be read
// stop everything.
type ruled struct {
	ctx    context.Context //nolint:containedctx // as decided's
	server *api.Server
}

func (r ruled) Check(v *msg.View) error {
	if err := r.server.Releasable(r.ctx, v); err != nil {
		return party.Waits{Code: party.Ruled, Who: []string{msg.Bureau}}
	}
	return nil
}
