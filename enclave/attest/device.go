package attest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// DefaultTPM is the kernel's TPM with its resource manager.
const DefaultTPM = "/dev/tpmrm0"

const (
	ekCertIndex = 0x01c00002 // of RSA 2048 (TCG EK Credential Profile, 2.2.1.4)
	nvChunk     = 512
	perPCRRead  = 8
)

// A TPMDevice is a TPM and the attestation key in it: a primary key of the
// endorsement hierarchy, so that the same TPM makes the same key again and
// nothing is stored. It is of use to one goroutine at a time, and is not
// interrupted while the TPM works.
type TPMDevice struct {
	tpm    transport.TPMCloser
	pcrs   []int // to quote, in ascending order
	x, y   []byte
	handle tpm2.TPMHandle
	name   tpm2.TPM2BName
}

func isTPM(path string) bool {
	if path == "" {
		path = DefaultTPM
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode()&(os.ModeDevice|os.ModeSocket) != 0
}

// OpenTPM opens the TPM at a device or a unix socket, DefaultTPM if path is "",
// and makes its attestation key. The error is of kind NotFound where there is none.
func OpenTPM(path string) (*TPMDevice, error) {
	if path == "" {
		path = DefaultTPM
	}
	info, err := os.Stat(path)
	if err != nil || !isTPM(path) {
		return nil, fmt.Errorf("opening the TPM: this machine has none there: %w", fault.NotFound)
	}
	d := &TPMDevice{pcrs: quotedPCRs}
	if info.Mode()&os.ModeSocket != 0 {
		d.tpm, err = linuxudstpm.Open(path)
	} else {
		d.tpm, err = linuxtpm.Open(path)
	}
	if err != nil {
		return nil, broken(fault.NotFound, "opening the TPM", err)
	}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, d.tpm.Close())
	}
	return d, nil
}

func (d *TPMDevice) load() error {
	made, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)},
		InPublic:      tpm2.New2B(akTemplate(nil, nil)),
	}.Execute(d.tpm)
	if err != nil {
		return broken(fault.Internal, "making the attestation key", err)
	}
	d.handle, d.name = made.ObjectHandle, made.Name
	public, err := made.OutPublic.Contents()
	if err != nil {
		return errors.Join(broken(fault.Internal, "reading the attestation key", err), d.flush(d.handle))
	}
	point, err := public.Unique.ECC()
	if err != nil {
		return errors.Join(broken(fault.Internal, "reading the attestation key", err), d.flush(d.handle))
	}
	d.x, d.y = point.X.Buffer, point.Y.Buffer
	return nil
}

func (d *TPMDevice) flush(h tpm2.TPMHandle) error {
	if _, err := (tpm2.FlushContext{FlushHandle: h}).Execute(d.tpm); err != nil {
		return broken(fault.Internal, "unloading a key from the TPM", err)
	}
	return nil
}

// Close unloads the attestation key and lets go of the TPM.
func (d *TPMDevice) Close() error { return errors.Join(d.flush(d.handle), d.tpm.Close()) }

// Type returns TPM.
func (*TPMDevice) Type() Type { return TPM }

// Measure extends a register by a binary's digest, as whatever starts the binary
// does before it starts it. A register that has this value already is left; one
// that has another is a Conflict: only a restart of the machine undoes it.
func (d *TPMDevice) Measure(pcr int, program suite.Digest) error {
	want, err := extended(program)
	if err != nil {
		return fmt.Errorf("measuring a program: %w", err)
	}
	got, err := d.read([]int{pcr})
	if err != nil {
		return err
	}
	if slices.Equal(got, want) {
		return nil
	}
	if !slices.Equal(got, make([]byte, pcrSize)) {
		return fmt.Errorf("measuring a program: PCR %d was extended by something else: %w", pcr, fault.Conflict)
	}
	raw, err := hex.DecodeString(program.Hex())
	if err != nil {
		return fmt.Errorf("measuring a program: %w", fault.Invalid)
	}
	_, err = tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: tpm2.TPMHandle(pcr), Auth: tpm2.PasswordAuth(nil)},
		Digests: tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{
			{HashAlg: tpm2.TPMAlgSHA256, Digest: raw},
		}},
	}.Execute(d.tpm)
	if err != nil {
		return broken(fault.Internal, "measuring a program", err)
	}
	return nil
}

// Attest quotes the registers over the binding.
func (d *TPMDevice) Attest(b Binding) (Evidence, error) {
	if err := b.Check(); err != nil {
		return Evidence{}, err
	}
	extra := qualifying(b)
	quoted, err := tpm2.Quote{
		SignHandle:     tpm2.AuthHandle{Handle: d.handle, Name: d.name, Auth: tpm2.PasswordAuth(nil)},
		QualifyingData: tpm2.TPM2BData{Buffer: extra[:]},
		InScheme:       tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
		PCRSelect:      sha256Bank(d.pcrs),
	}.Execute(d.tpm)
	if err != nil {
		return Evidence{}, broken(fault.Internal, "asking for a TPM's quote", err)
	}
	sig, err := quoted.Signature.Signature.ECDSA()
	if err != nil {
		return Evidence{}, broken(fault.Internal, "asking for a TPM's quote", err)
	}
	values, err := d.read(d.pcrs)
	if err != nil {
		return Evidence{}, err
	}
	return Evidence{Type: TPM, Binding: b, Parts: [][]byte{
		d.x, d.y, quoted.Quoted.Bytes(), sig.SignatureR.Buffer, sig.SignatureS.Buffer, values,
	}}, nil
}

func sha256Bank(pcrs []int) tpm2.TPMLPCRSelection {
	s := selection(pcrs)
	return tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{{Hash: tpm2.TPMAlgSHA256, PCRSelect: s[:]}}}
}

// read returns the registers, of ascending index, one after the other. A TPM
// gives eight at a time.
func (d *TPMDevice) read(pcrs []int) ([]byte, error) {
	var all []byte
	for some := range slices.Chunk(pcrs, perPCRRead) {
		got, err := tpm2.PCRRead{PCRSelectionIn: sha256Bank(some)}.Execute(d.tpm)
		if err != nil {
			return nil, broken(fault.Internal, "reading PCRs", err)
		}
		if len(got.PCRValues.Digests) != len(some) {
			return nil, fmt.Errorf("reading PCRs: got %d of %d: %w", len(got.PCRValues.Digests), len(some), fault.Internal)
		}
		for _, v := range got.PCRValues.Digests {
			all = append(all, v.Buffer...)
		}
	}
	return all, nil
}

// Candidate is what to show for enrolment. The error is of kind NotFound if the
// TPM's maker left no certificate in it.
func (d *TPMDevice) Candidate() (Candidate, error) {
	der, err := d.certificate()
	return Candidate{EK: der, X: d.x, Y: d.y}, err
}

func (d *TPMDevice) certificate() ([]byte, error) {
	public, err := tpm2.NVReadPublic{NVIndex: tpm2.TPMHandle(ekCertIndex)}.Execute(d.tpm)
	if err != nil {
		return nil, broken(fault.NotFound, "reading the endorsement certificate", err)
	}
	about, err := public.NVPublic.Contents()
	if err != nil {
		return nil, broken(fault.Internal, "reading the endorsement certificate", err)
	}
	index := tpm2.NamedHandle{Handle: ekCertIndex, Name: public.NVName}
	var der []byte
	for len(der) < int(about.DataSize) {
		got, err := tpm2.NVRead{
			AuthHandle: tpm2.AuthHandle{Handle: ekCertIndex, Name: public.NVName, Auth: tpm2.PasswordAuth(nil)}, NVIndex: index,
			Size: uint16(min(nvChunk, int(about.DataSize)-len(der))), Offset: uint16(len(der)),
		}.Execute(d.tpm)
		if err != nil {
			return nil, broken(fault.Internal, "reading the endorsement certificate", err)
		}
		if len(got.Data.Buffer) == 0 {
			break
		}
		der = append(der, got.Data.Buffer...)
	}
	return der, nil
}

// Activate answers an enrolment: the TPM gives out the secret if the credential
// is for its endorsement key and its attestation key (TPM2_ActivateCredential).
func (d *TPMDevice) Activate(c Credential) (secret []byte, err error) {
	ek, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)},
		InPublic:      tpm2.New2B(tpm2.RSAEKTemplate),
	}.Execute(d.tpm)
	if err != nil {
		return nil, broken(fault.Internal, "making the endorsement key", err)
	}
	defer func() { err = errors.Join(err, d.flush(ek.ObjectHandle)) }()
	got, err := tpm2.ActivateCredential{
		ActivateHandle: tpm2.AuthHandle{Handle: d.handle, Name: d.name, Auth: tpm2.PasswordAuth(nil)},
		KeyHandle:      tpm2.AuthHandle{Handle: ek.ObjectHandle, Name: ek.Name, Auth: tpm2.Policy(tpm2.TPMAlgSHA256, 16, ekPolicy)},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: c.Blob},
		Secret:         tpm2.TPM2BEncryptedSecret{Buffer: c.Secret},
	}.Execute(d.tpm)
	if err != nil {
		return nil, broken(fault.Denied, "answering an enrolment", err)
	}
	return got.CertInfo.Buffer, nil
}

// ekPolicy satisfies the endorsement key's policy: PolicySecret(TPM_RH_ENDORSEMENT).
func ekPolicy(t transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
	_, err := tpm2.PolicySecret{
		AuthHandle:    tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)},
		PolicySession: session, NonceTPM: nonce,
	}.Execute(t)
	return err
}
