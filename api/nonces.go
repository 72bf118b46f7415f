package api

import (
	"sync"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

// maxNonces is how many requests of one key are remembered; more in the time
// that they must be remembered for are refused, never forgotten.
const maxNonces = 4096

// nonces remembers which requests were heard, for as long as their time would
// let them be heard again. It forgets when the server stops, which is why a
// request from before the start is not heard either.
type nonces struct {
	start time.Time
	mu    sync.Mutex
	seen  map[suite.PublicKey]map[string]time.Time // until when
}

func newNonces(start time.Time) nonces {
	return nonces{start: start, seen: map[suite.PublicKey]map[string]time.Time{}}
}

// take refuses a nonce that key has used. Only known keys come here, so that
// their number bounds the memory.
func (n *nonces) take(key suite.PublicKey, nonce string, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	mine := n.seen[key]
	if mine == nil {
		mine = map[string]time.Time{}
		n.seen[key] = mine
	}
	if until, ok := mine[nonce]; ok && !now.After(until) {
		return fault.Refuse("request-replay", governance.House)
	}
	if len(mine) >= maxNonces {
		for old, until := range mine {
			if now.After(until) {
				delete(mine, old)
			}
		}
	}
	if len(mine) >= maxNonces {
		return fault.Exhausted
	}
	mine[nonce] = now.Add(2 * Skew)
	return nil
}
