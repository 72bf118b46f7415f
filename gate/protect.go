package gate

import (
	"fmt"
	"io"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
)

// A Found is what a domain's register of earlier releases says of a run: that
// it must not be released beside them, or that it cannot tell; and which items
// of its own are not to be shown together with the others.
type Found struct {
	Refuse, Review bool
	Hide           []int32
}

// Protect is what a domain seals of a run of mode sdc: its cube, a flag for
// each item that its own units make unsafe, where there are margins its largest
// contributions, and what its register found. Flags are blinded (Blind), so
// that no other domain can lift them.
func Protect(terms jobs.Terms, cube *jobs.Cube, table *evidence.Table, found Found, random io.Reader) ([]int64, error) {
	p, err := Rules(terms)
	if err != nil {
		return nil, err
	}
	return protect(terms, p, cube, table, found, random)
}

func protect(terms jobs.Terms, p params.Parameters, cube *jobs.Cube, table *evidence.Table, found Found, random io.Reader) ([]int64, error) {
	if terms.Mode != jobs.SDC {
		return nil, fmt.Errorf("protecting exact sums in mode %q: %w", terms.Mode, fault.Denied)
	}
	values := append([]int64(nil), cube.Values...)
	flags := evidence.Flags(evidence.Judge(table, p), table.Items())
	for _, i := range found.Hide {
		if int(i) < len(flags) {
			flags[i] = 1
		}
	}
	firewall := []int64{0, 0}
	for i, set := range []bool{found.Refuse, found.Review} {
		if set {
			firewall[i] = 1
		}
	}
	for _, f := range [][]int64{flags, firewall} {
		if err := Blind(f, random); err != nil {
			return nil, err
		}
	}
	values = append(values, flags...)
	if terms.Peaks() {
		for _, peaks := range evidence.Peaks(table) {
			values = append(values, peaks...)
		}
	}
	return append(values, firewall...), nil
}

// maxFlag is the largest number that a domain flags a cell with. Fifty of them
// stay within 62 bits.
const maxFlag = 1 << 56

// Blind turns a domain's flags (0, or 1 for a cell to be hidden), in place,
// into numbers that no other domain can cancel: 0 stays, and a flag becomes
// random in 1..2^56. A flag of 1 could be lifted by another domain's -1, which
// leaves a sum of 0. The numbers belong to a partial: a retry seals
// the same.
func Blind(flags []int64, random io.Reader) error {
	s := noise.NewSource(random)
	defer s.Erase()
	for i, f := range flags {
		if f == 0 {
			continue
		}
		r, err := s.Below(maxFlag)
		if err != nil {
			return fmt.Errorf("blinding flags: %w", err)
		}
		flags[i] = 1 + int64(r) //nolint:gosec // at most 2^56
	}
	return nil
}
