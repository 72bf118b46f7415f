package api

import (
	"context"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
)

// maxOrders is how many orders one key places. Every party keeps all orders and
// lifts there are, and holds everything once they are more than it keeps (package
// party/order): one provider's officer could stop a whole city for good.
const maxOrders = 256

// room refuses an order that is one too many of its signer's; the same again is none.
func (s *Server) room(ctx context.Context, o governance.Order) error {
	orders, _, err := s.ordered(ctx)
	if err != nil {
		return err
	}
	own := 0
	for _, have := range orders {
		if have.Digest == o.Digest {
			return nil
		}
		if have.By == o.By {
			own++
		}
	}
	if own >= maxOrders {
		return fault.Exhausted
	}
	return nil
}

// reserved refuses a case of the name that an order in force waits for to anybody
// but the bureau's people and those of the organisation that placed the order: whoever
// came first could otherwise open that case, call it off, and so have what is held
// wait for nothing.
func (s *Server) reserved(ctx context.Context, reg governance.Register, u governance.User, id string) error {
	orders, lifts, err := s.ordered(ctx)
	if err != nil || u.Role == governance.RoleBureau {
		return err
	}
	for _, o := range governance.InForce(orders, lifts, s.Now()) {
		if o.Cause != id {
			continue
		}
		if by := reg.Holder(o.By); by.ID != "" && by.Org != u.Org {
			return fault.Refuse("registered", governance.House)
		}
	}
	return nil
}

// goesTo refuses to hand a release to who uses it while an order holds something of
// its run: what came of data is held as long as the data are. Those who look into
// it, the bureau, auditors, checkers and providers, have it all the same.
func (s *Server) goesTo(ctx context.Context, c *call, t jobs.Terms) error {
	if c.user.Role != governance.RoleOperator && governance.Sees(c.user, t) {
		return nil
	}
	return s.free(ctx, c.reg, t, c.now)
}
