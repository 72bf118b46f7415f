package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// claimsCmd: `claims FILE N=DISTRICT...` writes what is claimed of nobodies: that
// the N-th lives in a district or, with none, is registered at all.
func claimsCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "claims FILE N=DISTRICT...")
	withDistrict := !strings.HasSuffix(args[1], "=")
	lines := "id_number"
	if withDistrict {
		lines += ",district"
	}
	lines += "\n"
	for _, a := range args[1:] {
		n, district, _ := strings.Cut(a, "=")
		i, err := strconv.Atoi(n)
		ts.Check(err)
		lines += nobody(i)
		if withDistrict {
			lines += "," + district
		}
		lines += "\n"
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(lines), 0o600))
}
