package ident

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// MinKey is the shortest key, in bytes, that UnitKey accepts.
const MinKey = 16

// UnitKey returns the key under which a domain groups the rows of one privacy
// unit: HMAC-SHA256 under the domain's key of the namespace, preceded by its
// length in eight bytes, and the canonical identifier; the first 16 bytes of
// it. The same person has unrelated keys in two domains and in two namespaces.
// Citizen numbers are few enough to try them all, so that the result is as
// secret as key is; a key shorter than MinKey is a bug of ours, and panics.
func UnitKey(key []byte, namespace, canonical string) [16]byte {
	if len(key) < MinKey {
		panic("ident: unit key drawn under a key that is too short")
	}
	buf := make([]byte, 0, 96)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(namespace)))
	buf = append(buf, namespace...)
	buf = append(buf, canonical...)
	mac := hmac.New(sha256.New, key)
	mac.Write(buf)
	return [16]byte(mac.Sum(nil)[:16])
}
