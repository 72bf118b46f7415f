// Package identifier recognises direct identifiers in whatever is about to
// leave: titles, codes, labels, names, purposes and parameters. It knows
// numbers by their form and check digits: of persons (GB 11643, and the numbers
// on passports and travel permits), of bodies (GB 32100), of telephones, bank
// cards and number plates, and e-mail addresses; in full-width or foreign
// digits, in Chinese numerals, with spaces, dots or dashes between, and inside
// base64 or hex.
//
// It is a net against slips and lazy smuggling, no proof: a name has no form,
// and whoever may write a text can write a number in words that no rule knows.
// What a source calls its identifiers is found by package columns. A form
// that is also that of common figures is left alone: area codes, years, dates,
// amounts and codes of classifications pass. All functions are pure and take
// time linear in the text.
package identifier

// A Kind is a kind of direct identifier. The zero Kind is none.
type Kind uint8

// The kinds.
const (
	None     Kind = iota
	Person        // 公民身份号码, GB 11643
	Body          // 统一社会信用代码, GB 32100
	Mobile        // 移动电话号码
	Landline      // 固定电话号码
	Card          // 银行卡号, ISO/IEC 7812-1
	Plate         // 机动车号牌, GA 36
	Passport      // 护照或通行证号码, or a machine-readable zone, ICAO 9303
	Email         // 电子邮箱, RFC 5322
)

var names = [...][2]string{
	None:     {"无", "none"},
	Person:   {"公民身份号码", "citizen number"},
	Body:     {"统一社会信用代码", "unified social credit code"},
	Mobile:   {"移动电话号码", "mobile number"},
	Landline: {"固定电话号码", "landline number"},
	Card:     {"银行卡号", "bank card number"},
	Plate:    {"机动车号牌", "number plate"},
	Passport: {"护照或通行证号码", "passport or travel permit number"},
	Email:    {"电子邮箱", "e-mail address"},
}

func (k Kind) name(language int) string {
	if int(k) < len(names) {
		return names[k][language]
	}
	return names[None][language]
}

// ZH is the kind in Chinese.
func (k Kind) ZH() string { return k.name(0) }

// EN is the kind in English.
func (k Kind) EN() string { return k.name(1) }

// String is the kind in English.
func (k Kind) String() string { return k.EN() }

// Find returns the kind of the first identifier that is found in a text, and
// whether there is one.
func Find(text string) (Kind, bool) {
	if k := find(text); k != None {
		return k, true
	}
	for _, inner := range decoded(text) {
		if k := find(inner); k != None {
			return k, true
		}
	}
	return None, false
}

// find looks at a text as it stands.
func find(text string) Kind {
	t := fold(text)
	if k := email(t); k != None {
		return k
	}
	if k := plate(t); k != None {
		return k
	}
	if k := zone(t); k != None {
		return k
	}
	words := split(t)
	for i := range words {
		if k := words[i].alone(); k != None {
			return k
		}
		if k := together(words, i); k != None {
			return k
		}
	}
	return None
}
