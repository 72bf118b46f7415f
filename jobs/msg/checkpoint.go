package msg

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/yunei/yunei/fault"
)

// Checkpoint is what the coordinator posts for trustees to witness: a signed
// checkpoint of the ledger, and the proof that it extends the tree of the
// checkpoint that was posted before it.
type Checkpoint struct {
	Note        []byte   `json:"note"`
	Before      uint64   `json:"before"` // size of the tree before, 0 for none
	Consistency [][]byte `json:"consistency"`
}

// CheckpointSubject is where a checkpoint of that size stands on the board.
func CheckpointSubject(size uint64) string { return fmt.Sprintf("ledger.%d.checkpoint", size) }

// CosignatureSubject is where a trustee's cosignature stands.
func CosignatureSubject(size uint64, trustee string) string {
	return fmt.Sprintf("ledger.%d.cosign.%s", size, trustee)
}

// ParseCheckpointSubject reads the size out of a CheckpointSubject.
func ParseCheckpointSubject(subject string) (uint64, error) {
	f := strings.Split(subject, ".")
	if len(f) != 3 || f[0] != "ledger" || f[2] != "checkpoint" {
		return 0, fmt.Errorf("reading a subject: %w", fault.Invalid)
	}
	size, err := strconv.ParseUint(f[1], 10, 62)
	if err != nil {
		return 0, fmt.Errorf("reading a subject: size: %w", fault.Invalid)
	}
	return size, nil
}

// Witnesses is how many of so many trustees must have cosigned a checkpoint
// before it counts: all but one, at least two.
func Witnesses(trustees int) int { return max(trustees-1, 2) }
