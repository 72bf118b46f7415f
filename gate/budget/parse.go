package budget

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/yunei/yunei/fault"
)

// capRE is a cap as people write one: NAMESPACE/KIND/NAME=RHO. It lets no
// exponent through, on which big.Rat would work as long as it asks.
var capRE = regexp.MustCompile(`^([a-z0-9][a-z0-9-]{0,62})/(operator|scenario|year)/(\*|[a-z0-9][a-z0-9-]{0,62})=([0-9]{1,64}([./][0-9]{1,64})?)$`)

var yearRE = regexp.MustCompile(`^[1-9][0-9]{3}$`)

// ParseCap reads a cap beside that of the namespace, such as
//
//	natural-person/operator/acme=1/2
//	natural-person/scenario/*=1/4
//	natural-person/year/2027=1
//
// where * is for each operator, scenario or year by itself. The error is of kind
// Invalid.
func ParseCap(s string) (Cap, error) {
	f := capRE.FindStringSubmatch(s)
	if f == nil {
		return Cap{}, fmt.Errorf("reading a cap: want NAMESPACE/operator|scenario|year/NAME=RHO: %w", fault.Invalid)
	}
	if Kind(f[2]) == Year && f[3] != Each && !yearRE.MatchString(f[3]) {
		return Cap{}, fmt.Errorf("reading a cap: want a year of four digits, or *: %w", fault.Invalid)
	}
	rho, ok := new(big.Rat).SetString(f[4])
	if !ok {
		return Cap{}, fmt.Errorf("reading a cap: a fraction of nothing: %w", fault.Invalid)
	}
	return Cap{Namespace: f[1], Kind: Kind(f[2]), Name: f[3], Rho: rho}, nil
}

// ParseCaps reads a list of caps.
func ParseCaps(all []string) ([]Cap, error) {
	var caps []Cap
	for _, s := range all {
		c, err := ParseCap(strings.TrimSpace(s))
		if err != nil {
			return nil, err
		}
		caps = append(caps, c)
	}
	return caps, nil
}
