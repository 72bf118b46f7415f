package identifier

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FindBytes looks at bytes that need not be text: at what of them is UTF-8 or
// ASCII, as Find does, and at every eight of them as a number in either order.
func FindBytes(b []byte) (Kind, bool) {
	if k, ok := Find(string(b)); ok {
		return k, true
	}
	for i := 0; i+8 <= len(b); i++ {
		for _, n := range []uint64{binary.LittleEndian.Uint64(b[i:]), binary.BigEndian.Uint64(b[i:])} {
			const least, most = 1e17, 1e18 // of 18 digits
			if n >= least && n < most && person(strconv.FormatUint(n, 10)) {
				return Person, true
			}
		}
	}
	return None, false
}

// shortest is a mobile number in base64 without padding.
const shortest = 15

// decoded is the text that stands in a text as base64 or hex, once: what it
// holds is not decoded again.
func decoded(text string) []string {
	var out []string
	for _, extra := range []string{"+/", "-_"} {
		for token := range strings.FieldsFuncSeq(text, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(extra, r)
		}) {
			if len(token) < shortest {
				continue
			}
			encoding := base64.RawStdEncoding
			if extra == "-_" {
				encoding = base64.RawURLEncoding
			}
			if raw, err := encoding.DecodeString(token); err == nil && utf8.Valid(raw) {
				out = append(out, string(raw))
			}
			if raw, err := hex.DecodeString(token); err == nil && utf8.Valid(raw) {
				out = append(out, string(raw))
			}
		}
	}
	return out
}
