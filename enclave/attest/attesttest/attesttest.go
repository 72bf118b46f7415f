// Package attesttest boots software TPMs for tests (Debian's swtpm, see
// build/swtpm.sh). A TPM of it is real in all but its maker, a local authority
// that the test trusts.
package attesttest

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// A Machine is a TPM that was just powered on: its registers are zeros. It
// answers one connection at a time.
type Machine struct {
	Socket  string
	Roots   [][]byte // certificate of its maker, DER
	Between [][]byte // of the authority that signed its endorsement key
}

// Boot makes a TPM and powers it on; the end of the test powers it off.
func Boot(tb testing.TB) Machine {
	tb.Helper()
	m, off, err := Start(tb.Context(), tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(off)
	return m
}

// Start makes a TPM in an empty folder with swtpm_setup, which has a local
// authority certify its endorsement key, and powers it on until off is called.
func Start(ctx context.Context, dir string) (m Machine, off func(), err error) {
	if err := setup(ctx, dir); err != nil {
		return Machine{}, nil, fmt.Errorf("making a software TPM (build/swtpm.sh as root installs swtpm and swtpm-tools): %w", err)
	}
	m.Socket = filepath.Join(dir, "s")
	for name, to := range map[string]*[][]byte{"swtpm-localca-rootca-cert.pem": &m.Roots, "cert.pem": &m.Between} {
		raw, err := os.ReadFile(filepath.Join(dir, "ca", name))
		if err != nil {
			return Machine{}, nil, fmt.Errorf("making a software TPM: %w", err)
		}
		block, _ := pem.Decode(raw)
		if block == nil {
			return Machine{}, nil, fmt.Errorf("making a software TPM: %s is no PEM", name)
		}
		*to = [][]byte{block.Bytes}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "swtpm", "socket", "--tpm2", "--server", "type=unixio,path="+m.Socket,
		"--tpmstate", "dir="+filepath.Join(dir, "state"), "--flags", "not-need-init,startup-clear")
	if err := cmd.Start(); err != nil {
		return Machine{}, nil, fmt.Errorf("powering a software TPM on: %w", err)
	}
	off = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // whoever is killed does not end well
	}
	for range 500 {
		if info, err := os.Stat(m.Socket); err == nil && info.Mode()&os.ModeSocket != 0 {
			return m, off, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	off()
	return Machine{}, nil, errors.New("powering a software TPM on: it does not make its socket")
}

func setup(ctx context.Context, dir string) error {
	localca, err := exec.LookPath("swtpm_localca")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"setup.conf": fmt.Sprintf("create_certs_tool = %[2]s\ncreate_certs_tool_config = %[1]s/ca.conf\ncreate_certs_tool_options = %[1]s/ca.options\nactive_pcr_banks = sha256\n", dir, localca),
		"ca.conf":    fmt.Sprintf("statedir = %[1]s/ca\nsigningkey = %[1]s/ca/key.pem\nissuercert = %[1]s/ca/cert.pem\ncertserial = %[1]s/ca/serial\n", dir),
		"ca.options": "--platform-manufacturer yunei\n--platform-version 1\n--platform-model test\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, d := range []string{"state", "ca"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	args := []string{"--tpm2", "--tpmstate", filepath.Join(dir, "state"), "--create-ek-cert", "--config", filepath.Join(dir, "setup.conf")}
	if os.Getuid() == 0 {
		args = append(args, "--runas", "root") // it would be tss, which may not look into the folder
	}
	if out, err := exec.CommandContext(ctx, "swtpm_setup", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Extend extends a register by a digest, while nobody else is connected.
func (m Machine) Extend(tb testing.TB, pcr int, digest [32]byte) {
	tb.Helper()
	tpm, err := linuxudstpm.Open(m.Socket)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: tpm2.TPMHandle(pcr), Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: digest[:]}}},
	}.Execute(tpm)
	if err := errors.Join(err, tpm.Close()); err != nil {
		tb.Fatal(err)
	}
}
