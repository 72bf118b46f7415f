package main

import (
	"context"
	"crypto/ed25519"
	"log/slog"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// known asks the register who holds a key: a process that the bureau has
// registered and not revoked, which posts under its own name. A register that
// cannot be read knows nobody. The coordinator's own key may post anything,
// wherever it comes from: whoever has it is the coordinator.
func known(ctx context.Context, recs *records.Records, own suite.PublicKey, log *slog.Logger) func(ed25519.PublicKey) (bus.Member, bool) {
	holds := func(registered suite.PublicKey, key ed25519.PublicKey) bool {
		pub, err := registered.Ed25519()
		return err == nil && pub.Equal(key)
	}
	return func(key ed25519.PublicKey) (bus.Member, bool) {
		if holds(own, key) {
			return bus.Member{Name: msg.Coordinator, May: func(string) bool { return true }}, true
		}
		all, err := recs.Processes.List(ctx, "")
		if err != nil {
			log.LogAttrs(ctx, slog.LevelError, "asking the register who holds a key", slog.Any("err", err))
			return bus.Member{}, false
		}
		for _, r := range all {
			if p := r.Value; !p.Revoked && holds(p.Key, key) {
				return bus.Member{Name: p.Name, May: func(subject string) bool { return msg.MayPost(p.Name, subject) }}, true
			}
		}
		return bus.Member{}, false
	}
}
