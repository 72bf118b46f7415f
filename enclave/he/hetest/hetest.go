// Package hetest is package he for tests that hold whole lists of ciphertexts,
// by modulus and chunk, which the product does not.
package hetest

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A List is ciphertexts, or answers to them, by modulus and chunk.
type List = [][][]byte

// Keep returns a list that is to be filled, and what fills it.
func Keep() (List, he.Sink) {
	list := make(List, he.Moduli)
	return list, func(m, _ int, b []byte) error {
		list[m] = append(list[m], slices.Clone(b))
		return nil
	}
}

// From gives a list, as far as it goes.
func From(list List) he.Source {
	return func(m, c int) ([]byte, error) {
		if m >= len(list) || c >= len(list[m]) {
			return nil, fmt.Errorf("the list ends before modulus %d, chunk %d: %w", m, c, fault.Invalid)
		}
		return list[m][c], nil
	}
}

// Encrypt encrypts values under a public key.
func Encrypt(key []byte, values []int64) (List, error) {
	list, to := Keep()
	return list, he.Encrypt(key, values, to)
}

// Answer has a member answer a sum.
func Answer(m *he.Member, active []int, receiver []byte, sum List) (List, error) {
	if len(sum) != he.Moduli {
		return nil, fmt.Errorf("a sum of %d moduli: %w", len(sum), fault.Invalid)
	}
	list, to := Keep()
	if err := m.Answer(active, receiver, len(sum[0]), From(sum), to); err != nil {
		return nil, err
	}
	return list, nil
}

// Open opens a sum with the members' answers.
func Open(r *he.Receiver, sum List, answers map[int]List, slots int, bound int64) ([]int64, error) {
	return r.Open(func(m, c int) ([]byte, error) {
		ct, err := From(sum)(m, c)
		if err != nil {
			return nil, err
		}
		var all [][]byte
		for _, list := range answers {
			b, err := From(list)(m, c)
			if err != nil {
				return nil, err
			}
			all = append(all, b)
		}
		return he.Switch(ct, all...)
	}, slots, bound)
}

// Digests names the ciphertexts of a list.
func Digests(list List) msg.Parts {
	named := make(msg.Parts, len(list))
	for m, chunks := range list {
		for _, b := range chunks {
			named[m] = append(named[m], suite.DigestOf(b))
		}
	}
	return named
}
