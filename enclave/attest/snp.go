package attest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/client"
	"github.com/google/go-sev-guest/kds"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/validate"
	"github.com/google/go-sev-guest/verify"
	amd "github.com/google/go-sev-guest/verify/trust"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

const (
	maxCert      = 8 << 10
	maxCertTable = 64 << 10
	snpQuote     = abi.ReportSize + maxCertTable
)

// snp appraises an AMD report: first that it is AMD's, then what it says.
func (v *Verifier) snp(parts [][]byte, data [64]byte, now time.Time) (Result, error) {
	signed, err := v.snpSigned(parts, now)
	if err != nil {
		return Result{}, err
	}
	image, err := snpImage(v.policy.SNP, signed.GetReport())
	if err != nil {
		return Result{}, err
	}
	if err := holdSNP(v.policy.SNP, signed, data); err != nil {
		return Result{}, err
	}
	return Result{
		measurement: image.Measurement, tcb: measured(reportedTCB(signed.GetReport())),
		revocationUnchecked: v.policy.SNP.WithoutCRL,
	}, nil
}

// snpSigned reads a report whose every byte is as the format has it, and whose
// signature is by a VCEK that AMD's root vouches for.
func (v *Verifier) snpSigned(parts [][]byte, now time.Time) (*spb.Attestation, error) {
	if len(parts) != 2 || len(parts[0]) != abi.ReportSize || len(parts[1]) > maxCert {
		return nil, fmt.Errorf("not a report and a certificate: %w", fault.Invalid)
	}
	report, err := abi.ReportToProto(parts[0])
	if err != nil {
		return nil, broken(fault.Tampered, "reading the report", err)
	}
	// The library checks the signature over what it has read: bytes that it reads
	// over must not differ.
	if again, err := abi.ReportToAbiBytes(report); err != nil || !bytes.Equal(again, parts[0]) {
		return nil, fmt.Errorf("the report has bytes that mean nothing: %w", fault.Tampered)
	}
	// A VLEK is the cloud's own key, and of no chip: only a VCEK will do.
	if info, err := abi.ParseSignerInfo(report.GetSignerInfo()); err != nil || info.SigningKey != abi.VcekReportSigner {
		return nil, fmt.Errorf("not signed by a chip's own key: %w", fault.Denied)
	}
	vcek, err := v.vcek(parts[1], report)
	if err != nil {
		return nil, err
	}
	signed := &spb.Attestation{Report: report, CertificateChain: &spb.CertificateChain{VcekCert: vcek}}
	return signed, v.snpSignature(signed, now)
}

// reportedTCB is REPORTED_TCB with the bytes in the order of the report. What a
// byte counts differs between product lines; that more is newer does not.
func reportedTCB(r *spb.Report) []byte {
	return binary.LittleEndian.AppendUint64(nil, r.GetReportedTcb())
}

// vcek is the certificate that came with the report, or the collateral's for the
// chip and its TCB.
func (v *Verifier) vcek(given []byte, report *spb.Report) ([]byte, error) {
	if len(given) > 0 {
		return given, nil
	}
	for _, der := range v.collateral.AMD.VCEKs {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			continue
		}
		exts, err := kds.VcekCertificateExtensions(cert)
		if err == nil && bytes.Equal(exts.HWID, report.GetChipId()) && uint64(exts.TCBVersion) == report.GetReportedTcb() {
			return der, nil
		}
	}
	return nil, fmt.Errorf("no VCEK certificate of this chip at this TCB: %w", fault.Denied)
}

func (v *Verifier) snpSignature(signed *spb.Attestation, now time.Time) error {
	lines := map[string][]*amd.AMDRootCerts{}
	for line, certs := range v.roots.amd {
		lines[line] = []*amd.AMDRootCerts{{ProductLine: line, ProductCerts: certs, CRL: v.amdCRL(certs, now)}}
	}
	err := verify.SnpAttestation(signed, &verify.Options{
		DisableCertFetching: true, Getter: noNetwork{}, Now: now, TrustedRoots: lines,
		CheckRevocations: false, // below, with a kind of its own
	})
	if err != nil {
		return broken(fault.Tampered, "checking AMD's signature", err)
	}
	if v.policy.SNP.WithoutCRL {
		return nil
	}
	err = verify.SnpAttestation(signed, &verify.Options{
		DisableCertFetching: true, Getter: noNetwork{}, Now: now, TrustedRoots: lines, CheckRevocations: true,
	})
	if err != nil {
		return broken(fault.Denied, "checking AMD's revocation list", err)
	}
	return nil
}

// amdCRL is the latest of the given lists that the root signed and that is in
// force, nil if there is none.
func (v *Verifier) amdCRL(certs *amd.ProductCerts, now time.Time) *x509.RevocationList {
	var best *x509.RevocationList
	for _, der := range v.collateral.AMD.CRLs {
		crl, err := x509.ParseRevocationList(der)
		if err != nil || crl.CheckSignatureFrom(certs.Ark) != nil || now.Before(crl.ThisUpdate) || !now.Before(crl.NextUpdate) {
			continue
		}
		if best == nil || crl.ThisUpdate.After(best.ThisUpdate) {
			best = crl
		}
	}
	return best
}

func snpImage(p jobs.SNPPolicy, r *spb.Report) (jobs.SNPImage, error) {
	for _, i := range p.Images {
		if is(i.Measurement, r.GetMeasurement()) && is(i.HostData, r.GetHostData()) {
			return i, nil
		}
	}
	return jobs.SNPImage{}, fmt.Errorf("a guest of another measurement: %w", fault.Denied)
}

// holdSNP holds what a signed report says against the policy. Debug and migration
// are never allowed, nor firmware that could still be taken back.
func holdSNP(p jobs.SNPPolicy, signed *spb.Attestation, data [64]byte) error {
	if !bytes.Equal(signed.GetReport().GetReportData(), data[:]) {
		return fmt.Errorf("the report is about another binding: %w", fault.Denied)
	}
	if !atLeast(p.MinTCB, reportedTCB(signed.GetReport())) {
		return fmt.Errorf("TCB %x is older than %s: %w", reportedTCB(signed.GetReport()), p.MinTCB, fault.Denied)
	}
	err := validate.SnpAttestation(signed, &validate.Options{
		GuestPolicy: abi.SnpPolicy{SMT: p.SMT}, ReportData: data[:], VMPL: &p.VMPL,
	})
	if err != nil {
		return broken(fault.Denied, "checking what the report says", err)
	}
	return nil
}

// noNetwork answers for AMD's key service that it is not there.
type noNetwork struct{}

// Get refuses.
func (noNetwork) Get(string) ([]byte, error) {
	return nil, fmt.Errorf("nothing is fetched: %w", fault.Denied)
}

// GetContext refuses.
func (n noNetwork) GetContext(_ context.Context, url string) ([]byte, error) { return n.Get(url) }

// An snpAttester asks the processor through the kernel.
type snpAttester struct {
	quote func(data [64]byte) ([]byte, error)
}

// OpenSNP returns the attester of an AMD SEV-SNP guest, which asks for reports of
// the given privilege level. The error is of kind NotFound elsewhere.
func OpenSNP(vmpl uint) (Attester, error) {
	p, err := client.GetLeveledQuoteProvider()
	if err != nil {
		return nil, fmt.Errorf("opening the SEV-SNP guest device: this machine has none: %w", fault.NotFound)
	}
	return snpAttester{func(d [64]byte) ([]byte, error) { return p.GetRawQuoteAtLevel(d, vmpl) }}, nil
}

// Type returns SNP.
func (snpAttester) Type() Type { return SNP }

// Attest has the binding reported.
func (a snpAttester) Attest(b Binding) (Evidence, error) {
	if err := b.Check(); err != nil {
		return Evidence{}, err
	}
	raw, err := a.quote(b.Data())
	if err != nil {
		return Evidence{}, broken(fault.Internal, "asking for an SEV-SNP report", err)
	}
	if len(raw) < abi.ReportSize || len(raw) > snpQuote {
		return Evidence{}, fmt.Errorf("asking for an SEV-SNP report: got %d bytes: %w", len(raw), fault.Internal)
	}
	report, table := raw[:abi.ReportSize], raw[abi.ReportSize:]
	return Evidence{Type: SNP, Binding: b, Parts: [][]byte{report, certOf(table, vcekGUID)}}, nil
}

// vcekGUID is 63da758d-e664-4564-adc5-f4b93be8accd as a table has it (GHCB
// specification, 4.1.8.1).
var vcekGUID = [16]byte{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd}

// certOf finds a certificate in the table that the host adds to a report, nil if
// it is not there whole. The library's own reader adds offset and length in 32
// bits and makes room for the length.
func certOf(table []byte, guid [16]byte) []byte {
	const entry = 24 // GUID, offset, length
	for at := 0; at+entry <= len(table); at += entry {
		row := table[at : at+entry]
		if len(bytes.Trim(row, "\x00")) == 0 {
			return nil // the end
		}
		from, n := uint64(binary.LittleEndian.Uint32(row[16:])), uint64(binary.LittleEndian.Uint32(row[20:]))
		if bytes.Equal(row[:16], guid[:]) && n <= maxCert && from+n <= uint64(len(table)) {
			return bytes.Clone(table[from : from+n])
		}
	}
	return nil
}
