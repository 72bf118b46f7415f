package attest

import "testing"

func BenchmarkSNP(b *testing.B) {
	v := verifier(b, milanPolicy(), Collateral{})
	for b.Loop() {
		if _, err := v.snpSigned(milan(), milanDay); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTDX(b *testing.B) {
	v := verifier(b, sapphirePolicy(), Collateral{Intel: intel(b)})
	for b.Loop() {
		if _, err := v.tdxSigned(sapphire(), spDay); err != nil {
			b.Fatal(err)
		}
	}
}
