package attest

import (
	"bytes"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/go-sev-guest/verify/testdata"
	tdxtest "github.com/google/go-tdx-guest/testing"
	tdxdata "github.com/google/go-tdx-guest/testing/testdata"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// prove switches the full forms of the tests on.
var prove = os.Getenv("YUNEI_PROVE") == "1"

// The samples are of these days: an EPYC Milan's report, whose VCEK is of 2022
// and lives seven years; a Sapphire Rapids' quote with Intel's collateral of the
// summer of 2023.
var (
	milanDay = time.Date(2023, 7, 1, 0, 0, 0, 0, time.UTC)
	spDay    = time.Date(2023, 7, 1, 1, 0, 0, 0, time.UTC)
)

func verifier(tb testing.TB, p Policy, c Collateral) *Verifier {
	tb.Helper()
	v, err := NewVerifier(p, c)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func wantKind(tb testing.TB, what string, err error, kind fault.Kind) {
	tb.Helper()
	if err == nil || fault.Of(err) != kind {
		tb.Errorf("%s: %v, want kind %q", what, err, kind)
	}
}

func milan() [][]byte {
	return [][]byte{bytes.Clone(testdata.AttestationBytes[:0x4a0]), bytes.Clone(testdata.VcekBytes)}
}

func milanPolicy() Policy {
	r := milan()[0]
	return Policy{Types: []Type{SNP}, Life: time.Minute, SNP: jobs.SNPPolicy{
		Images: []jobs.SNPImage{{Measurement: measured(r[0x90:0xc0])}},
		MinTCB: measured(r[0x180:0x188]), SMT: true, WithoutCRL: true,
	}}
}

// sapphire is the quote without the 39 bytes that its authors put behind it ("extra
// bytes"), which are no part of it.
func sapphire() [][]byte { return [][]byte{bytes.Clone(tdxdata.RawQuote[:len(tdxdata.RawQuote)-39])} }

func sapphirePolicy() Policy {
	body := tdxdata.RawQuote[48:632]
	at := func(i int) string {
		if len(bytes.Trim(body[i:i+48], "\x00")) == 0 {
			return ""
		}
		return measured(body[i : i+48])
	}
	return Policy{Types: []Type{TDX}, Life: time.Minute, TDX: jobs.TDXPolicy{
		Images: []jobs.TDXImage{{
			MRTD: at(136), ConfigID: at(184), Owner: at(232), OwnerConfig: at(280),
			RTMR: [4]string{at(328), at(376), at(424), at(472)},
		}},
		MinTCB: measured(body[:16]), MinEvaluation: 1, SeptVE: true,
	}}
}

func intel(tb testing.TB) IntelCollateral {
	tb.Helper()
	chain := func(header map[string][]string, name string) []byte {
		text, err := url.QueryUnescape(header[name][0])
		if err != nil {
			tb.Fatal(err)
		}
		return []byte(text)
	}
	return IntelCollateral{
		TCBInfo: tdxdata.TcbInfoBody, TCBInfoChain: chain(tdxtest.TcbInfoHeader, "Tcb-Info-Issuer-Chain"),
		QEIdentity: tdxdata.QeIdentityBody, QEIdentityChain: chain(tdxtest.QeIdentityHeader, "Sgx-Enclave-Identity-Issuer-Chain"),
		PCKCRL: tdxdata.PckCrlBody, PCKCRLChain: chain(tdxtest.PckCrlHeader, "Sgx-Pck-Crl-Issuer-Chain"),
		RootCRL: tdxdata.RootCrlBody,
	}
}
