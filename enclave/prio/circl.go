package prio

import (
	"encoding"
	"fmt"

	"github.com/cloudflare/circl/vdaf/prio3/count"
	"github.com/cloudflare/circl/vdaf/prio3/histogram"
	"github.com/cloudflare/circl/vdaf/prio3/sum"
	"github.com/cloudflare/circl/vdaf/prio3/sumvec"

	"github.com/yunei/yunei/fault"
)

// This file alone imports circl. No type of circl's leaves it, and no bytes go
// to it but of the length that the task demands.

// A scheme is one VDAF under one context. It has state within, and belongs to
// one goroutine at a time.
type scheme interface {
	// shard splits values. It takes its randomness for itself: circl keeps
	// pointers into the slice, and one that is drawn into again spoils the shares.
	shard(values []uint64, id ID, random []byte) (public []byte, inputs [2][]byte, err error)
	// prepare makes an aggregator's answer about its share.
	prepare(key Key, id ID, role Role, public, input []byte) (state any, answer []byte, err error)
	// finish checks the proof over both answers, that of prepare and the other
	// aggregator's: the only place where it is checked. It adds what state holds to
	// the scheme's sum if the proof stands.
	finish(state any, other []byte) error
	// sum encodes the aggregate share.
	sum() ([]byte, error)
	// unshard adds two aggregate shares of so many reports.
	unshard(shares [2][]byte, reports int) ([]uint64, error)
}

// newScheme makes the VDAF that p describes, under a context.
func newScheme(p Params, context []byte) (scheme, error) {
	const two = 2
	length, chunk := uint(p.Length), uint(p.Chunk)
	switch p.Kind {
	case Count:
		v, err := count.New(two, context)
		return wrap(p, v, func(n []uint64) bool { return n[0] == 1 }, single, err)
	case Sum:
		v, err := sum.New(two, p.Max, context)
		return wrap(p, v, first, single, err)
	case SumVec:
		v, err := sumvec.New(two, length, uint(p.Bits), chunk, context)
		return wrap(p, v, func(n []uint64) []uint64 { return n }, many, err)
	case Histogram:
		v, err := histogram.New(two, length, chunk, context)
		return wrap(p, v, first, many, err)
	default:
		return nil, fmt.Errorf("making a scheme: %w", fault.Invalid)
	}
}

func first(n []uint64) uint64   { return n[0] }
func single(n *uint64) []uint64 { return []uint64{*n} }
func many(n *[]uint64) []uint64 { return *n }

type (
	// A vdaf is what circl's four packages have alike: measurement, aggregate,
	// parameters, aggregate share, input share, output share, prep message, prep
	// share and prep state.
	vdaf[M, A, P, AS, IS, OS, PM, PS, ST any] interface {
		Params() P
		Shard(M, *count.Nonce, []byte) (count.PublicShare, []IS, error)
		PrepInit(*count.VerifyKey, *count.Nonce, uint8, count.PublicShare, IS) (*ST, *PS, error)
		PrepSharesToPrep([]PS) (*PM, error)
		PrepNext(*ST, *PM) (*OS, error)
		AggregateInit() AS
		AggregateUpdate(*AS, *OS)
		Unshard([]AS, uint) (*A, error)
	}
	coded interface {
		encoding.BinaryMarshaler
		encoding.BinaryUnmarshaler
	}
	// Circl parses into a value that New has made of the right size.
	sized[T, P any] interface {
		*T
		coded
		New(*P) *T
	}
	sizedFor[T, P any] interface {
		*T
		coded
		New(*P, uint) *T
	}
)

type circl[
	M, A, P, AS, IS, OS, PM, PS, ST any,
	PAS sized[AS, P], PIS sizedFor[IS, P], PPS sized[PS, P],
] struct {
	v      vdaf[M, A, P, AS, IS, OS, PM, PS, ST]
	params P
	sizes
	total   AS
	encode  func([]uint64) M
	decode  func(*A) []uint64
	entries int
}

func wrap[
	M, A, P, AS, IS, OS, PM, PS, ST any,
	PAS sized[AS, P], PIS sizedFor[IS, P], PPS sized[PS, P],
](
	p Params, v vdaf[M, A, P, AS, IS, OS, PM, PS, ST], encode func([]uint64) M, decode func(*A) []uint64, err error,
) (scheme, error) {
	if err != nil {
		return nil, fmt.Errorf("making %v: %w: %w", p.Kind, err, fault.Invalid)
	}
	return &circl[M, A, P, AS, IS, OS, PM, PS, ST, PAS, PIS, PPS]{
		v: v, params: v.Params(), sizes: p.sizes(), total: v.AggregateInit(), encode: encode, decode: decode, entries: p.entries(),
	}, nil
}

// calm turns a panic of circl's on bytes from outside into an error: such bytes
// are not a valid report, whatever they stumbled on.
func calm(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the vdaf panicked: %v: %w", p, fault.Invalid)
	}
}

func (c *circl[M, A, P, AS, IS, OS, PM, PS, ST, PAS, PIS, PPS]) shard(values []uint64, id ID, random []byte) (public []byte, inputs [2][]byte, err error) {
	defer calm(&err)
	nonce := count.Nonce(id)
	public, shares, err := c.v.Shard(c.encode(values), &nonce, random)
	if err != nil {
		return nil, inputs, fmt.Errorf("%w: %w", err, fault.Invalid)
	}
	for i := range inputs {
		if inputs[i], err = PIS(&shares[i]).MarshalBinary(); err != nil {
			return nil, inputs, err
		}
	}
	return public, inputs, nil
}

func (c *circl[M, A, P, AS, IS, OS, PM, PS, ST, PAS, PIS, PPS]) prepare(key Key, id ID, role Role, public, input []byte) (state any, answer []byte, err error) {
	defer calm(&err)
	if !role.ok() || len(public) != c.public || len(input) != c.input[role.index()] {
		return nil, nil, fmt.Errorf("a share of the wrong size: %w", Unshaped)
	}
	share := PIS(new(IS)).New(&c.params, uint(role.index()))
	if err := PIS(share).UnmarshalBinary(input); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", err, Unshaped)
	}
	verify, nonce := count.VerifyKey(key), count.Nonce(id)
	st, own, err := c.v.PrepInit(&verify, &nonce, uint8(role.index()), public, *share) //nolint:gosec // 0 or 1
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", err, Unproved)
	}
	answer, err = PPS(own).MarshalBinary()
	return &prepared[ST, PS]{st, own, role}, answer, err
}

// prepared is what an aggregator keeps of a report until the other has answered.
type prepared[ST, PS any] struct {
	state *ST
	own   *PS
	role  Role
}

func (c *circl[M, A, P, AS, IS, OS, PM, PS, ST, PAS, PIS, PPS]) finish(state any, other []byte) (err error) {
	defer calm(&err)
	p, ok := state.(*prepared[ST, PS])
	if !ok || p == nil {
		return fmt.Errorf("a state of another scheme: %w", fault.Internal)
	}
	if len(other) != c.answer {
		return fmt.Errorf("an answer of the wrong size: %w", Unproved)
	}
	shares := make([]PS, len(c.input))
	shares[p.role.index()] = *p.own
	if err := PPS(PPS(&shares[p.role.other().index()]).New(&c.params)).UnmarshalBinary(other); err != nil {
		return fmt.Errorf("%w: %w", err, Unproved)
	}
	msg, err := c.v.PrepSharesToPrep(shares)
	if err != nil {
		return fmt.Errorf("%w: %w", err, Unproved)
	}
	out, err := c.v.PrepNext(p.state, msg)
	if err != nil {
		return fmt.Errorf("%w: %w", err, Unproved)
	}
	c.v.AggregateUpdate(&c.total, out)
	return nil
}

func (c *circl[M, A, P, AS, IS, OS, PM, PS, ST, PAS, PIS, PPS]) sum() ([]byte, error) {
	return PAS(&c.total).MarshalBinary()
}

func (c *circl[M, A, P, AS, IS, OS, PM, PS, ST, PAS, PIS, PPS]) unshard(shares [2][]byte, reports int) (values []uint64, err error) {
	defer calm(&err)
	parts := make([]AS, len(shares))
	for i, b := range shares {
		if len(b) != c.output {
			return nil, fmt.Errorf("an aggregate share of the wrong size: %w", fault.Invalid)
		}
		if err := PAS(PAS(&parts[i]).New(&c.params)).UnmarshalBinary(b); err != nil {
			return nil, fmt.Errorf("%w: %w", err, fault.Invalid)
		}
	}
	total, err := c.v.Unshard(parts, uint(reports))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, fault.Tampered)
	}
	if values = c.decode(total); len(values) != c.entries {
		return nil, fmt.Errorf("%d numbers: %w", len(values), fault.Internal)
	}
	return values, nil
}
