package msg

import (
	"strconv"
	"strings"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// MayPost reports whether a party may post on a subject of the board: its own
// statements and leases, its own cosignatures of checkpoints, and bulk under its own
// name, which nobody takes for what it is named by before they have digested it. Where a statement is
// logged, what the permit is and the checkpoints themselves are the
// coordinator's to say. What a statement is worth still follows from its
// signature alone; this keeps a party from being where another's belongs.
func MayPost(party, subject string) bool {
	if p, err := ParseSubject(subject); err == nil {
		return p.Party == party && p.Kind != Logged && p.Kind != Permit
	}
	if by, _, err := ParseLeaseSubject(subject); err == nil {
		return by == party
	}
	f := strings.Split(subject, ".")
	switch {
	case len(f) == 4 && f[0] == "ledger" && jobs.ID(party) == nil:
		size, err := strconv.ParseUint(f[1], 10, 62)
		return err == nil && subject == CosignatureSubject(size, party)
	case len(f) == 4 && f[0] == "blob" && f[2] == party && jobs.ID(party) == nil:
		part, err := strconv.ParseUint(f[3], 10, 16)
		return err == nil && strconv.FormatUint(part, 10) == f[3] && suite.Digest("sha256:"+f[1]).Hex() != ""
	default:
		return false
	}
}
