package psi

import (
	"iter"

	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// A Commitment is to a set of numbers, which its provider signs as a fact about
// a dataset version: see package set.
type Commitment = set.Commitment

// Commit commits to ids: canonical numbers of the namespace, rising, each once.
func Commit(namespace string, salt suite.Salt, ids iter.Seq2[string, error]) (Commitment, error) {
	return set.Commit(namespace, salt, ids)
}
