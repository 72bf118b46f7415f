package attest

import (
	"os"

	"github.com/google/go-sev-guest/client"
)

// The kernel's guest driver makes this device, whether or not configfs-tsm is
// what quotes are then asked of.
const tdxDevice = "/dev/tdx_guest"

// Detect tells which types of evidence this machine could make. Path is a TPM's
// device or socket, DefaultTPM if "". Software is always among them.
func Detect(path string) []Type {
	var found []Type
	if _, err := client.GetLeveledQuoteProvider(); err == nil {
		found = append(found, SNP)
	}
	if isTDX() {
		found = append(found, TDX)
	}
	if isTPM(path) {
		found = append(found, TPM)
	}
	return append(found, Software)
}

func isTDX() bool {
	info, err := os.Stat(tdxDevice)
	return err == nil && info.Mode()&os.ModeDevice != 0
}
