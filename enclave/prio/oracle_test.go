package prio

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"
)

// RFC 9861, section 5: TurboSHAKE128 of the empty message, domain 0x1F.
func TestTurboShake(t *testing.T) {
	if got := hex.EncodeToString(turboShake128(nil, 0x1f, 16)); got != "1e415f1c5983aff2169217277d17bb53" {
		t.Errorf("TurboSHAKE128 is %s", got)
	}
}

// The prover of the tests makes the published shares and answers too, so that
// what it proves falsely, it proves as well as can be.
func TestProver(t *testing.T) {
	valid, _ := vectors(t)
	for name, v := range valid {
		t.Run(name, func(t *testing.T) {
			p := v.params(name)
			c := circuitOf(p)
			for _, r := range v.Reports[:min(len(v.Reports), more(1, 10))] {
				meas := encoded(p, r.Measurement)
				public, inputs := c.shard(v.Ctx, ID(r.Nonce), func([]*big.Int) []*big.Int { return meas }, r.Rand, nil)
				if !bytes.Equal(public, r.Public) || !bytes.Equal(inputs[0], r.Inputs[0]) || !bytes.Equal(inputs[1], r.Inputs[1]) {
					t.Fatal("the shares are not the published ones")
				}
				verifier := make([]*big.Int, c.arity+2)
				for i := range 2 {
					answer := c.answer(v.Ctx, Key(v.Key), ID(r.Nonce), i, len(meas), public, inputs[i])
					if want := c.encode(answer); !bytes.HasPrefix(r.Answers[0][i], want) {
						t.Fatalf("the answer of %v is not the published one", Role(i+1))
					}
					for k, x := range answer {
						if verifier[k] == nil {
							verifier[k] = new(big.Int)
						}
						verifier[k] = c.add(verifier[k], x)
					}
				}
				if !c.decide(verifier) {
					t.Error("a valid proof is not accepted")
				}
			}
		})
	}
}

// answer is an aggregator's verifier share, without its part of the joint
// randomness, and without the check that the public share holds that part.
func (c circuit) answer(ctx []byte, key Key, id ID, agg, n int, public, input []byte) []*big.Int {
	var jr []*big.Int
	if c.jrs > 0 {
		input = input[:len(input)-seedSize]
		jr = c.expand(ctx, useJoint, c.xof(ctx, useSeed, make([]byte, seedSize), public, seedSize), []byte{1}, c.jrs)
	}
	var m, proof []*big.Int
	if agg == 0 {
		all := c.decode(input)
		m, proof = all[:n], all[n:]
	} else {
		m = c.expand(ctx, useMeas, input, []byte{1}, n)
		proof = c.expand(ctx, useProof, input, []byte{1, 1}, c.proofLen())
	}
	q := 1
	if c.outs > 1 {
		q += c.outs
	}
	return c.query(m, proof, c.expand(ctx, useQuery, key[:], slices.Concat([]byte{1}, id[:]), q), jr, 2)
}

// encoded is the field elements of an honest contribution.
func encoded(p Params, values []uint64) (m []*big.Int) {
	split := func(x uint64, n int) {
		for i := range n {
			m = append(m, new(big.Int).SetUint64(x>>i&1))
		}
	}
	switch p.Kind {
	case Sum:
		n := p.elements() / 2
		split(values[0], n)
		split(values[0]+1<<n-1-p.Max, n)
	case SumVec:
		for _, x := range values {
			split(x, p.Bits)
		}
	case Histogram:
		for i := range p.Length {
			m = append(m, new(big.Int))
			if uint64(i) == values[0] {
				m[i].SetInt64(1)
			}
		}
	default:
		split(values[0], 1)
	}
	return m
}
