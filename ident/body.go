package ident

import "fmt"

// A Legal is a body (a legal person or another organisation) by unified social
// credit code. The only way to hold one that is not zero is Body.
type Legal struct{ canonical string }

// Canonical returns the 18-character code.
func (l Legal) Canonical() string { return l.canonical }

// District returns the six digits of the district of registration; 100000 is
// the national authority.
func (l Legal) District() string {
	if l.canonical == "" {
		return ""
	}
	return l.canonical[2:8]
}

// Format prints the kind and never the code.
func (l Legal) Format(f fmt.State, _ rune) { write(f, "legal person") }

// bodyAlphabet holds the characters of GB 32100 in the order of their values:
// no I, O, S, V, Z.
const bodyAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// bodyValue is the value of a character of bodyAlphabet, plus one.
var bodyValue = func() (v [256]uint8) {
	for i := range len(bodyAlphabet) {
		v[bodyAlphabet[i]] = uint8(i + 1)
	}
	return v
}()

// bodyWeights are 3^(i-1) mod 31 (GB 32100).
var bodyWeights = [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}

// orgWeights are those of GB 11714, whose code is the inner nine characters.
var orgWeights = [8]int{3, 7, 9, 10, 5, 8, 4, 2}

// Body reads a unified social credit code: registering authority, class, six
// digits of district, the nine characters of a GB 11714 organisation code with
// its own check character, and a check character over all. The error wraps
// fault.Invalid.
func Body(s string) (Legal, error) {
	var b [18]byte
	if fold(s, b[:]) != len(b) {
		return Legal{}, errBodyLength
	}
	if err := readBody(b[:16]); err != nil {
		return Legal{}, err
	}
	if bodyValue[b[16]] == 0 || bodyValue[b[17]] == 0 {
		return Legal{}, errBodyAlphabet
	}
	if b[16] != orgCheck(b[8:16]) {
		return Legal{}, errBodyOrg
	}
	if b[17] != bodyCheck(b[:17]) {
		return Legal{}, errBodyCheck
	}
	return Legal{string(b[:])}, nil
}

// BodyCode returns the whole code whose first 16 characters (authority, class,
// district, eight of the organisation code, in ASCII capitals) are given. It
// demands of them what Body does.
func BodyCode(first string) (string, error) {
	if len(first) != 16 {
		return "", errBodyLength
	}
	b := append(make([]byte, 0, 18), first...)
	if err := readBody(b); err != nil {
		return "", err
	}
	b = append(b, orgCheck(b[8:16]))
	b = append(b, bodyCheck(b))
	return string(b), nil
}

// readBody checks all that the first 16 characters say.
func readBody(b []byte) error {
	for _, c := range b {
		if bodyValue[c] == 0 {
			return errBodyAlphabet
		}
	}
	if b[0] == '0' {
		return errBodyAuth
	}
	if !allDigits(b[2:8]) || !province(b[2:4]) && string(b[2:8]) != "100000" {
		return errBodyArea
	}
	return nil
}

// orgCheck is the ninth character of an organisation code. There a letter is
// worth 10 for A to 35 for Z, unlike in the code around it.
func orgCheck(b []byte) byte {
	sum := 0
	for i, w := range orgWeights {
		if isDigit(b[i]) {
			sum += w * int(b[i]-'0')
		} else {
			sum += w * int(b[i]-'A'+10)
		}
	}
	return "0X987654321"[sum%11]
}

func bodyCheck(b []byte) byte {
	sum := 0
	for i, w := range bodyWeights {
		sum += w * int(bodyValue[b[i]]-1)
	}
	return bodyAlphabet[(31-sum%31)%31]
}
