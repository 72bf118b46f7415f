package prio

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"slices"
)

// A Prio3 of our own, slow and by the text of draft-irtf-cfrg-vdaf-14, for two
// uses: to be held against circl's, and to prove what circl's client would
// refuse to. It proves any vector of field elements, by the honest way.

// A ring is a prime field with a root of unity of order 2^twos.
type ring struct {
	p, root *big.Int
	twos    int
	size    int // bytes
}

func newRing(p string, base, exponent string, twos, size int) ring {
	return ring{num(p), new(big.Int).Exp(num(base), num(exponent), num(p)), twos, size}
}

func num(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic("not a number")
	}
	return n
}

// Fields of section 6.1.
var (
	field64  = newRing("18446744069414584321", "7", "4294967295", 32, 8)
	field128 = newRing("340282366920938462946865773367900766209", "7", "4611686018427387897", 66, 16)
)

func (f ring) mod(x *big.Int) *big.Int        { return x.Mod(x, f.p) }
func (f ring) add(x, y *big.Int) *big.Int     { return f.mod(new(big.Int).Add(x, y)) }
func (f ring) sub(x, y *big.Int) *big.Int     { return f.mod(new(big.Int).Sub(x, y)) }
func (f ring) mul(x, y *big.Int) *big.Int     { return f.mod(new(big.Int).Mul(x, y)) }
func (f ring) pow(x *big.Int, n int) *big.Int { return new(big.Int).Exp(x, big.NewInt(int64(n)), f.p) }
func (f ring) inv(n int64) *big.Int           { return new(big.Int).ModInverse(big.NewInt(n), f.p) }

func (f ring) encode(v []*big.Int) (b []byte) {
	for _, x := range v {
		e := x.FillBytes(make([]byte, f.size))
		slices.Reverse(e)
		b = append(b, e...)
	}
	return b
}

func (f ring) decode(b []byte) (v []*big.Int) {
	for e := range slices.Chunk(b, f.size) {
		e = slices.Clone(e)
		slices.Reverse(e)
		v = append(v, new(big.Int).SetBytes(e))
	}
	return v
}

func (f ring) less(x, y []*big.Int) []*big.Int {
	d := make([]*big.Int, len(x))
	for i := range x {
		d[i] = f.sub(x[i], y[i])
	}
	return d
}

// eval evaluates coefficients at t.
func (f ring) eval(poly []*big.Int, t *big.Int) *big.Int {
	y := new(big.Int)
	for _, c := range slices.Backward(poly) {
		y = f.add(f.mul(y, t), c)
	}
	return y
}

// interpolate gives the coefficients of the polynomial that has the values at
// the powers of the root of unity of their number, a power of two.
func (f ring) interpolate(values []*big.Int) []*big.Int {
	n := len(values)
	w := new(big.Int).Set(f.root)
	for range f.twos - bits.Len(uint(n-1)) {
		w = f.mul(w, w)
	}
	poly := make([]*big.Int, n)
	for k := range poly {
		sum := new(big.Int)
		for i, v := range values {
			sum = f.add(sum, f.mul(v, f.pow(w, (n-k)*i%n)))
		}
		poly[k] = f.mul(sum, f.inv(int64(n)))
	}
	return poly
}

// A circuit is a validity circuit of section 7.4: it calls one gadget, and all
// that it returns is to be zero.
type circuit struct {
	ring
	id     uint32
	arity  int
	calls  int
	jrs    int // joint randomness elements
	outs   int
	gadget func(in []*big.Int) *big.Int
	run    func(meas, jr []*big.Int, shares int64, call func([]*big.Int) *big.Int) []*big.Int
}

func circuitOf(p Params) circuit {
	switch p.Kind {
	case Count:
		f := field64
		return circuit{
			f, 1, 2, 1, 0, 1,
			func(in []*big.Int) *big.Int { return f.mul(in[0], in[1]) },
			func(m, _ []*big.Int, _ int64, call func([]*big.Int) *big.Int) []*big.Int {
				return []*big.Int{f.sub(call([]*big.Int{m[0], m[0]}), m[0])}
			},
		}
	case Sum:
		return sumCircuit(p)
	default:
		return vectorCircuit(p)
	}
}

func sumCircuit(p Params) circuit {
	f, n := field64, bits.Len64(p.Max)
	join := func(m []*big.Int) *big.Int { return f.eval(m, big.NewInt(2)) }
	offset := new(big.Int).SetUint64(1<<n - 1 - p.Max)
	return circuit{
		f, 2, 1, 2 * n, 0, 2*n + 1,
		func(in []*big.Int) *big.Int { return f.sub(f.mul(in[0], in[0]), in[0]) },
		func(m, _ []*big.Int, shares int64, call func([]*big.Int) *big.Int) (out []*big.Int) {
			for _, x := range m {
				out = append(out, call([]*big.Int{x}))
			}
			return append(out, f.sub(f.add(f.mul(offset, f.inv(shares)), join(m[:n])), join(m[n:])))
		},
	}
}

func vectorCircuit(p Params) circuit {
	f, calls := field128, (p.elements()+p.Chunk-1)/p.Chunk
	c := circuit{f, uint32(p.Kind), 2 * p.Chunk, calls, calls, 1, func(in []*big.Int) *big.Int {
		sum := new(big.Int)
		for i := 0; i < len(in); i += 2 {
			sum = f.add(sum, f.mul(in[i], in[i+1]))
		}
		return sum
	}, nil}
	c.run = func(m, jr []*big.Int, shares int64, call func([]*big.Int) *big.Int) []*big.Int {
		check, total := new(big.Int), f.sub(new(big.Int), f.inv(shares))
		for i := range calls {
			var in []*big.Int
			for j := range p.Chunk {
				x := new(big.Int)
				if k := i*p.Chunk + j; k < len(m) {
					x = m[k]
				}
				in = append(in, f.mul(f.pow(jr[i], j+1), x), f.sub(x, f.inv(shares)))
			}
			check = f.add(check, call(in))
		}
		if p.Kind == SumVec {
			return []*big.Int{check}
		}
		for _, x := range m {
			total = f.add(total, x)
		}
		return []*big.Int{check, total}
	}
	if p.Kind == Histogram {
		c.outs = 2
	}
	return c
}

// span is the number of points of a wire: one for its seed, and one a call.
func (c circuit) span() int { return 1 << bits.Len(uint(c.calls)) }

// wires runs the circuit and keeps what goes into the gadget.
func (c circuit) wires(m, jr, seeds []*big.Int, shares int64, gadget func(call int, in []*big.Int) *big.Int) (wires [][]*big.Int, out []*big.Int) {
	wires = make([][]*big.Int, c.arity)
	for j := range wires {
		wires[j] = make([]*big.Int, c.span())
		for k := range wires[j] {
			wires[j][k] = new(big.Int)
		}
		wires[j][0] = seeds[j]
	}
	call := 0
	out = c.run(m, jr, shares, func(in []*big.Int) *big.Int {
		call++
		for j, x := range in {
			wires[j][call] = x
		}
		return gadget(call, in)
	})
	for j := range wires {
		wires[j] = c.interpolate(wires[j])
	}
	return wires, out
}

// prove makes the proof: seeds of the wires, and the gadget's polynomial, here
// by its values at enough points.
func (c circuit) prove(m, seeds, jr []*big.Int) []*big.Int {
	wires, _ := c.wires(m, jr, seeds, 1, func(_ int, in []*big.Int) *big.Int { return c.gadget(in) })
	n := 2 * c.span()
	w := new(big.Int).Set(c.root)
	for range c.twos - bits.Len(uint(n-1)) {
		w = c.mul(w, w)
	}
	values := make([]*big.Int, n)
	for k := range values {
		in := make([]*big.Int, c.arity)
		for j := range in {
			in[j] = c.eval(wires[j], c.pow(w, k))
		}
		values[k] = c.gadget(in)
	}
	poly := c.interpolate(values)[:2*(c.span()-1)+1]
	return append(slices.Clone(seeds), poly...)
}

// query is a verifier's part over shares of measurement and proof.
func (c circuit) query(m, proof, q, jr []*big.Int, shares int64) []*big.Int {
	seeds, poly := proof[:c.arity], proof[c.arity:]
	w := new(big.Int).Set(c.root)
	for range c.twos - bits.Len(uint(c.span()-1)) {
		w = c.mul(w, w)
	}
	wires, out := c.wires(m, jr, seeds, shares, func(call int, _ []*big.Int) *big.Int { return c.eval(poly, c.pow(w, call)) })
	v := out[0]
	if c.outs > 1 {
		v = new(big.Int)
		for i, x := range out {
			v = c.add(v, c.mul(q[i], x))
		}
		q = q[c.outs:]
	}
	t := q[0]
	verifier := []*big.Int{v}
	for j := range wires {
		verifier = append(verifier, c.eval(wires[j], t))
	}
	return append(verifier, c.eval(poly, t))
}

func (c circuit) decide(verifier []*big.Int) bool {
	last := len(verifier) - 1
	return verifier[0].Sign() == 0 && c.gadget(verifier[1:last]).Cmp(verifier[last]) == 0
}

// The usages of section 7.2.
const (
	useMeas = iota + 1
	useProof
	useJoint
	useProve
	useQuery
	useSeed
	usePart
)

// xof is XofTurboShake128 of section 6.2.1.
func (c circuit) xof(ctx []byte, usage uint16, seed, binder []byte, n int) []byte {
	dst := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32([]byte{12, 0}, c.id), usage)
	dst = append(dst, ctx...)
	msg := binary.LittleEndian.AppendUint16(nil, uint16(len(dst)))
	msg = append(append(append(msg, dst...), byte(len(seed))), seed...)
	return turboShake128(append(msg, binder...), 1, n)
}

// elements expands into n field elements, passing over what is not one.
func (c circuit) expand(ctx []byte, usage uint16, seed, binder []byte, n int) []*big.Int {
	var v []*big.Int
	for _, x := range c.decode(c.xof(ctx, usage, seed, binder, (n+8)*c.size)) {
		if x.Cmp(c.p) < 0 && len(v) < n {
			v = append(v, x)
		}
	}
	return v
}

// proofLen is the number of elements of a proof.
func (c circuit) proofLen() int { return c.arity + 2*(c.span()-1) + 1 }

// shard shares meas, valid or not, as section 7.2.1 says. If lie is not nil, the
// joint randomness is drawn from what it makes of the public share, which then
// stands in the report.
func (c circuit) shard(ctx []byte, id ID, meas func(jr []*big.Int) []*big.Int, random []byte, lie func([]byte) []byte) (public []byte, inputs [2][]byte) {
	seed := func() (s []byte) { s, random = random[:seedSize], random[seedSize:]; return s }
	helper := seed()
	var blinds [2][]byte
	if c.jrs > 0 {
		blinds[1], blinds[0] = seed(), seed()
	}
	prove := seed()
	m := meas(nil)
	var jr []*big.Int
	if c.jrs > 0 {
		parts := func(m []*big.Int) []byte {
			shares := [2][]*big.Int{nil, c.expand(ctx, useMeas, helper, []byte{1}, len(m))}
			shares[0] = c.less(m, shares[1])
			var parts []byte
			for i, s := range shares {
				parts = append(parts, c.xof(ctx, usePart, blinds[i], slices.Concat([]byte{byte(i)}, id[:], c.encode(s)), seedSize)...)
			}
			return parts
		}
		public = parts(m)
		if lie != nil {
			public = lie(public)
		}
		jr = c.expand(ctx, useJoint, c.xof(ctx, useSeed, make([]byte, seedSize), public, seedSize), []byte{1}, c.jrs)
		if lie != nil {
			m = meas(jr)
		}
	}
	proof := c.prove(m, c.expand(ctx, useProve, prove, []byte{1}, c.arity), jr)
	leader := c.less(m, c.expand(ctx, useMeas, helper, []byte{1}, len(m)))
	leader = append(leader, c.less(proof, c.expand(ctx, useProof, helper, []byte{1, 1}, len(proof)))...)
	return public, [2][]byte{append(c.encode(leader), blinds[0]...), append(slices.Clone(helper), blinds[1]...)}
}

// turboShake128 is TurboSHAKE128 (RFC 9861).
func turboShake128(msg []byte, domain byte, n int) []byte {
	const rate = 168
	msg = append(slices.Clone(msg), domain)
	msg = append(msg, make([]byte, (rate-len(msg)%rate)%rate)...)
	msg[len(msg)-1] ^= 0x80
	var s [25]uint64
	for block := range slices.Chunk(msg, rate) {
		for i := range rate / 8 {
			s[i] ^= binary.LittleEndian.Uint64(block[8*i:])
		}
		keccak12(&s)
	}
	var out []byte
	for len(out) < n {
		for i := range rate / 8 {
			out = binary.LittleEndian.AppendUint64(out, s[i])
		}
		keccak12(&s)
	}
	return out[:n]
}

// keccak12 is Keccak-p[1600, 12] (FIPS 202, the last twelve rounds).
func keccak12(s *[25]uint64) {
	constants := [12]uint64{
		0x8000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
		0x800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x80000001, 0x8000000080008008,
	}
	for _, constant := range constants {
		var c [5]uint64
		for x := range c {
			c[x] = s[x] ^ s[x+5] ^ s[x+10] ^ s[x+15] ^ s[x+20]
		}
		for i := range s {
			s[i] ^= c[(i+4)%5] ^ bits.RotateLeft64(c[(i+1)%5], 1)
		}
		var b [25]uint64
		x, y, turned := 1, 0, s[0]
		b[0] = turned
		for t := range 24 {
			b[y+5*((2*x+3*y)%5)] = bits.RotateLeft64(s[x+5*y], (t+1)*(t+2)/2)
			x, y = y, (2*x+3*y)%5
		}
		for i := range s {
			row := i - i%5
			s[i] = b[i] ^ ^b[row+(i+1)%5]&b[row+(i+2)%5]
		}
		s[0] ^= constant
	}
}
