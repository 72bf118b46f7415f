package attest

import (
	"errors"
	"fmt"
	"time"

	"github.com/yunei/yunei/fault"
)

const (
	releaseDomain = "yunei key release v1\x00"
	maxDataKey    = 4 << 10
)

// info is the occasion that a released key is sealed for: the whole binding, so
// that neither side can take the letter for another's.
func (b Binding) info() string {
	d := b.Data()
	return releaseDomain + string(d[:])
}

// Once is a relying party's journal of the nonces that it has answered.
type Once interface {
	// Spend records, durably and before it returns, that the nonce is answered.
	// It reports an error of kind Conflict if it was, and any error if it cannot
	// tell.
	Spend(n Nonce) error
}

// Release verifies evidence against the challenge and seals dataKey, up to 4 KiB,
// to the key bound in it. The nonce is spent before anything is sealed: a crash
// between the two costs a new challenge, and never a second answer. Nothing is
// spent on evidence that does not hold. Errors are those of Verify, Invalid for
// no data key, and Conflict for a nonce that was answered.
func (v *Verifier) Release(once Once, c Challenge, evidence, dataKey []byte, now time.Time) ([]byte, Result, error) {
	if once == nil || len(dataKey) == 0 || len(dataKey) > maxDataKey {
		return nil, Result{}, fmt.Errorf("releasing a key: no journal, or a data key of %d bytes: %w", len(dataKey), fault.Invalid)
	}
	r, err := v.Verify(evidence, c, now)
	if err != nil {
		return nil, Result{}, fmt.Errorf("releasing a key: %w", err)
	}
	if err := r.binding.Key.Check(); err != nil {
		return nil, Result{}, fmt.Errorf("releasing a key: the evidence binds none to seal it to: %w", err)
	}
	if err := once.Spend(c.Nonce); err != nil {
		if errors.Is(err, fault.Conflict) {
			return nil, Result{}, fmt.Errorf("releasing a key: the nonce was answered: %w", err)
		}
		return nil, Result{}, fmt.Errorf("releasing a key: journal: %w", err)
	}
	sealed, err := r.binding.Key.seal(r.binding.info(), dataKey)
	if err != nil {
		return nil, Result{}, fmt.Errorf("releasing a key: %w", err)
	}
	return sealed, r, nil
}
