package rebuild

import (
	"context"
	"fmt"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// noted reads statements that are kept with their line of the ledger. A statement
// may stand there more than once; which line is kept is for the record to say, as
// long as it is one of them.
func (m *maker) noted(ctx context.Context, name string, from, to records.Table[records.Noted], place func(receipt.Receipt) (id, parent string, err error)) error {
	return m.each(ctx, name, func(_ string, raw []byte) error {
		r, err := receipt.Parse(raw)
		if err != nil {
			return err
		}
		line, err := m.logged(r.Digest())
		if err != nil {
			return err
		}
		id, parent, err := place(r)
		if err != nil {
			return err
		}
		at := uint64(line) //nolint:gosec // a line's number is not negative
		if kept, err := from.Get(ctx, id); err == nil && kept.Value.Index < uint64(len(m.Lines)) && m.Lines[kept.Value.Index] == r.Digest() {
			at = kept.Value.Index
		}
		return put(ctx, to, id, parent, records.Noted{By: r.By(), Index: at}, raw)
	})
}

func (m *maker) orders(ctx context.Context) error {
	err := m.noted(ctx, "hold_orders", m.Records.HoldOrders, m.to.HoldOrders, func(r receipt.Receipt) (string, string, error) {
		o, err := governance.ParseOrder(r.Bytes())
		return o.ID, "", err
	})
	if err != nil {
		return err
	}
	return m.noted(ctx, "hold_lifts", m.Records.HoldLifts, m.to.HoldLifts, func(r receipt.Receipt) (string, string, error) {
		l, _, err := msg.OpenLift(r.Bytes())
		return r.Digest().Hex(), l.On.Hex(), err
	})
}

func (m *maker) withdrawals(ctx context.Context) error {
	err := m.noted(ctx, "withdrawals", m.Records.Withdrawals, m.to.Withdrawals, func(r receipt.Receipt) (string, string, error) {
		var w governance.Withdrawal
		if err := r.Read(governance.Withdraw, &w); err != nil {
			return "", "", err
		}
		t, err := m.under(w.Permit)
		if err == nil { // by somebody whom the terms name for it
			_, _, err = governance.OpenWithdrawal(r.Bytes(), w.Run, t)
		}
		return w.Run, w.Run, err
	})
	if err != nil {
		return err
	}
	return m.noted(ctx, "confirmations", m.Records.Confirmations, m.to.Confirmations, func(r receipt.Receipt) (string, string, error) {
		c, err := governance.ReadConfirmation(r)
		return api.Confirmation(c.Run, c.For), c.Run, err
	})
}

func (m *maker) products(ctx context.Context) error {
	return m.each(ctx, "products", func(_ string, raw []byte) error {
		var p governance.Product
		r, err := m.statement(raw, governance.Made, &p)
		if err != nil {
			return err
		}
		if _, err := m.person(r.By(), governance.RoleOperator); err != nil {
			return err
		}
		return put(ctx, m.to.Products, p.ID, "", p, raw)
	})
}

// reports are those that were handed in, and how they were checked.
func (m *maker) reports(ctx context.Context) error {
	err := m.each(ctx, "duty_reports", func(_ string, raw []byte) error {
		var h oversight.Handed
		r, err := m.statement(raw, oversight.Handing, &h)
		if err != nil {
			return err
		}
		if u := m.people[r.By()]; u.Org != h.Org || u.ID == "" {
			return fmt.Errorf("a report of %s by somebody of %q: %w", h.Org, u.Org, fault.Denied)
		}
		return put(ctx, m.to.Reports, string(r.Digest()), h.Org, h, raw)
	})
	if err != nil {
		return err
	}
	return m.each(ctx, "duty_attests", func(_ string, raw []byte) error {
		var c oversight.Checked
		r, err := m.statement(raw, oversight.Attesting, &c)
		if err != nil {
			return err
		}
		if _, err := m.person(r.By(), governance.RoleBureau); err != nil {
			return err
		}
		return put(ctx, m.to.Checks, string(c.On), string(c.On), c, raw)
	})
}

func (m *maker) declarations(ctx context.Context) error {
	return m.each(ctx, "declarations", func(_ string, raw []byte) error {
		h, err := m.asked(raw, verb.OversightDeclare)
		if err != nil {
			return err
		}
		if _, err := m.logged(suite.DigestOf(raw)); err != nil {
			return err
		}
		var d oversight.Declared
		if err := h.Read(&d); err != nil {
			return err
		}
		d.By, d.At = m.people[h.By].ID, h.At.UTC()
		if err := oversight.Declare(m.reg, m.people[h.By], d); err != nil {
			return err
		}
		return put(ctx, m.to.Declarations, string(suite.DigestOf(raw)), d.Org, d, raw)
	})
}
