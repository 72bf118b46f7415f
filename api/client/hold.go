package client

import (
	"context"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/receipt"
)

// PlaceOrder places a hold by decision, a receipt of kind msg.Order.
func (c *Client) PlaceOrder(ctx context.Context, order receipt.Receipt) (verb.Order, error) {
	return ask[verb.Order](ctx, c, verb.OrderPlace, inner("", order))
}

// LiftOrder lifts the order of that id, with a receipt of kind msg.Lift.
func (c *Client) LiftOrder(ctx context.Context, id string, lift receipt.Receipt) (verb.Order, error) {
	return ask[verb.Order](ctx, c, verb.OrderLift, inner(id, lift))
}

// Orders lists the orders that the caller may see.
func (c *Client) Orders(ctx context.Context) ([]verb.Order, error) {
	return ask[[]verb.Order](ctx, c, verb.OrderList, verb.None{})
}

// Withdraw takes a release back, with a receipt of kind governance.Withdraw.
func (c *Client) Withdraw(ctx context.Context, run string, r receipt.Receipt) (verb.Withdrawal, error) {
	return ask[verb.Withdrawal](ctx, c, verb.ReleaseWithdraw, inner(run, r))
}

// Withdrawal says how it stands with a release.
func (c *Client) Withdrawal(ctx context.Context, run string) (verb.Withdrawal, error) {
	return ask[verb.Withdrawal](ctx, c, verb.ReleaseWithdrawal, verb.Name{ID: run})
}

// ConfirmWithdrawal says that an organisation uses a release no more, with a receipt
// of kind governance.Confirmed.
func (c *Client) ConfirmWithdrawal(ctx context.Context, run string, r receipt.Receipt) (verb.Withdrawal, error) {
	return ask[verb.Withdrawal](ctx, c, verb.ReleaseConfirm, inner(run, r))
}

// AddProduct registers a product, a receipt of kind governance.Made.
func (c *Client) AddProduct(ctx context.Context, r receipt.Receipt) error {
	return c.tell(ctx, verb.ProductAdd, inner("", r))
}

// Products lists the products that the caller may see.
func (c *Client) Products(ctx context.Context) ([]governance.Product, error) {
	return ask[[]governance.Product](ctx, c, verb.ProductList, verb.None{})
}
