package prio

import "sync"

// Memory is a Seen in memory, and forgets with it: for tests, and for an
// aggregator that never begins a task anew. The zero Memory has seen nothing.
type Memory struct {
	mu   sync.Mutex
	seen map[TaskID]map[ID]struct{}
}

// Once implements Seen.
func (m *Memory) Once(task TaskID, ids []ID) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[TaskID]map[ID]struct{}{}
	}
	known := m.seen[task]
	if known == nil {
		known = map[ID]struct{}{}
		m.seen[task] = known
	}
	fresh := make([]bool, len(ids))
	for i, id := range ids {
		_, old := known[id]
		fresh[i] = !old
		known[id] = struct{}{}
	}
	return fresh, nil
}
