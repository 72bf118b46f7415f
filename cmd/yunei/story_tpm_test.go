package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/enclave/attest/attesttest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// tpmCmd: `tpm` boots a machine with a software TPM, starts the gate's binary on
// it as a measured launcher would, enrols the TPM, and sets $TPM to its socket and
// $POLICY to what a permit demands of such a machine. `tpm bare` powers it on only, for
// people to do the rest.
func tpmCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, (len(args) == 0 || args[0] == "bare") && !neg, "tpm [bare]")
	dir := ts.MkAbs("tpm")
	ts.Check(os.Mkdir(dir, 0o700))
	m, off, err := attesttest.Start(context.Background(), dir)
	ts.Check(err)
	ts.Defer(off)
	ts.Setenv("TPM", m.Socket)
	if len(args) > 0 {
		return
	}
	raw, err := os.ReadFile(filepath.Join(the(ts).Bin, "yunei-gate"))
	ts.Check(err)
	binary := suite.DigestOf(raw)
	d, err := attest.OpenTPM(m.Socket)
	ts.Check(err)
	key, err := enrolled(m, d)
	ts.Check(errors.Join(err, d.Measure(13, binary), d.Close()))
	p := &jobs.TPMPolicy{Keys: []string{key}, Binary: 13, MinFirmware: 1}
	for _, i := range []int{0, 4, 7} {
		p.PCRs = append(p.PCRs, jobs.PCR{Index: i, Values: []string{strings.Repeat("0", 64)}})
	}
	policy, err := json.Marshal(jobs.Policy{Binary: binary, TPM: p})
	ts.Check(err)
	ts.Setenv("POLICY", string(policy))
}

// enrolled takes a TPM's key through an enrolment.
func enrolled(m attesttest.Machine, d *attest.TPMDevice) (string, error) {
	c, err := d.Candidate()
	if err != nil {
		return "", err
	}
	e, credential, err := attest.Enrol(rand.Reader, c, m.Roots, m.Between, time.Now())
	if err != nil {
		return "", err
	}
	secret, err := d.Activate(credential)
	if err != nil {
		return "", err
	}
	return e.Key(secret)
}
