package identifier

import (
	"slices"
	"strings"
	"unicode"

	"github.com/yunei/yunei/ident"
)

// A word is a run of letters and digits. What lies before it is its gap: the
// one character, 'x' for two or three that are no letters, 0 for anything else.
type word struct {
	text string
	gap  rune
	zero bool // the digits after "0."
}

const longGap = 'x'

// split finds the words.
func split(t []rune) []word {
	var out []word
	last := 0 // end of the word before
	for i := 0; i < len(t); i++ {
		if !isWord(t[i]) {
			continue
		}
		end := i
		for end < len(t) && isWord(t[end]) {
			end++
		}
		w := word{text: string(t[i:end]), gap: gapOf(t[last:i])}
		w.zero = w.gap == '.' && len(out) > 0 && out[len(out)-1].text == "0"
		out = append(out, w)
		i, last = end, end
	}
	return out
}

// gapOf is the gap that some characters make. Letters of any script part words.
func gapOf(between []rune) rune {
	switch {
	case len(between) > 3 || slices.ContainsFunc(between, unicode.IsLetter):
		return 0
	case len(between) == 1:
		return between[0]
	default:
		return longGap
	}
}

// alone recognises what stands in one word.
func (w word) alone() Kind {
	if passport(w.text) {
		return Passport
	}
	for i := 0; i+18 <= len(w.text); i++ {
		if person(w.text[i : i+18]) {
			return Person
		}
		if body(w.text[i : i+18]) {
			return Body
		}
	}
	if digest(w.text) || w.zero {
		return None
	}
	for run := range strings.FieldsFuncSeq(w.text, isLetter) {
		if k := number(run); k != None {
			return k
		}
	}
	return None
}

// number recognises a whole run of digits.
func number(s string) Kind {
	switch {
	case len(s) == 15 && person(s):
		return Person
	case mobile(s) || len(s) == 13 && s[:2] == "86" && mobile(s[2:]) || len(s) == 15 && s[:4] == "0086" && mobile(s[4:]):
		return Mobile
	case len(s) > 3 && landline(s[:3], s[3:]), len(s) > 4 && landline(s[:4], s[4:]):
		return Landline
	case card(s):
		return Card
	default:
		return None
	}
}

// A joint is words that lie close together, as one.
type joint struct {
	text  string
	sizes []int
	same  bool // one character stands in every gap, and people part numbers by it
	gap   rune
	whole bool // no further number lies beside it
}

// together recognises what the words from i on make.
func together(words []word, i int) Kind {
	j := joint{text: words[i].text, sizes: []int{len(words[i].text)}, same: true}
	before := i > 0 && words[i].gap != 0 && digits(words[i-1].text)
	for k, w := range words[i+1:] {
		if w.gap == 0 || len(j.text) >= 19 {
			return None
		}
		j.gap = words[i+1].gap
		j.same = j.same && w.gap == j.gap && strings.ContainsRune(" -._/", w.gap)
		j.text += w.text
		j.sizes = append(j.sizes, len(w.text))
		after := i+k+2 < len(words) && words[i+k+2].gap != 0 && digits(words[i+k+2].text)
		j.whole = !before && !after
		if kind := j.kind(); kind != None {
			return kind
		}
	}
	return None
}

// kind recognises letters and digits in groups, as people write them: other
// groups are lists of figures.
func (j joint) kind() Kind {
	n, number := len(j.text), digits(j.text)
	single := len(j.sizes) == n && j.whole
	area := j.text[:j.sizes[0]]
	switch {
	case n == 18 && person(j.text):
		return Person
	case n == 18 && body(j.text) && (!number || j.same && strings.IndexByte("159", j.text[0]) >= 0):
		return Body
	case n == 9 && len(j.sizes) == 2 && j.same && j.sizes[0] < 3 && passport(j.text):
		return Passport
	case !number:
		return None
	case len(j.sizes) <= 3 && landline(area, j.text[len(area):]):
		return Landline
	case !j.same:
		return None
	case n == 15 && slices.Equal(j.sizes, []int{6, 6, 3}) && person(j.text):
		return Person
	case mobile(j.text) && (single || oneOf(j.sizes, mobileGroups) || j.gap == ' ' && slices.Equal(j.sizes, []int{3, 8})):
		return Mobile
	case card(j.text) && (single || oneOf(j.sizes, cardGroups)):
		return Card
	default:
		return None
	}
}

var (
	mobileGroups = [][]int{{3, 4, 4}, {3, 3, 5}, {3, 5, 3}, {7, 4}, {3, 2, 2, 2, 2}}
	cardGroups   = [][]int{{4, 4, 4, 4}, {4, 4, 4, 4, 1}, {4, 4, 4, 4, 2}, {4, 4, 4, 4, 3}, {6, 10}, {6, 11}, {6, 12}, {6, 13}}
)

func oneOf(sizes []int, groups [][]int) bool {
	return slices.ContainsFunc(groups, func(g []int) bool { return slices.Equal(sizes, g) })
}

func body(s string) bool {
	_, err := ident.Body(s)
	return err == nil
}

// lastYear of birth that is looked for: no later one has a number yet, and each
// century more would make one random number in 30,000 look like a person.
// Fifteen ones are well formed, and a placeholder.
const lastYear = 2099

func person(s string) bool {
	p, err := ident.Person(s)
	year, _ := p.Birth()
	return err == nil && year <= lastYear && strings.Trim(s, s[:1]) != ""
}

// mobile: 11 digits from 13 to 19; a round figure is an amount.
func mobile(s string) bool {
	return len(s) == 11 && s[0] == '1' && s[1] >= '3' && digits(s) && !strings.HasSuffix(s, "000000")
}

// landline: an area code, 010, 02x or 0xxx, and seven or eight digits from 2 to
// 8 that are not a date.
func landline(area, local string) bool {
	if len(local) != 7 && len(local) != 8 || !digits(area+local) || local[0] < '2' || local[0] > '8' || date(local) {
		return false
	}
	switch {
	case len(area) == 3:
		return area == "010" || area[:2] == "02"
	case len(area) == 4:
		return area[0] == '0' && area[1] >= '3'
	default:
		return false
	}
}

// card: 16 to 19 digits that begin as bank cards do, with Luhn's check digit.
// Timestamps begin with 1 or 2.
func card(s string) bool {
	if len(s) < 16 || len(s) > 19 || !digits(s) || strings.IndexByte("345689", s[0]) < 0 {
		return false
	}
	sum := 0
	for i := range s {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// passport: an ordinary (E, G), diplomatic (D, DE), service (S, SE) or public
// affairs (P, PE) passport, a permit for Hong Kong, Macao or Taiwan (C, W, H,
// M, L, T). A letter and a date is a code of something else.
func passport(s string) bool {
	if len(s) != 9 && len(s) != 11 || isDigit(rune(s[0])) {
		return false
	}
	rest := strings.TrimLeft(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	switch letters := s[:len(s)-len(rest)]; {
	case !digits(rest) || date(rest) || strings.Trim(rest, rest[:min(1, len(rest))]) == "":
		return false // eight times one digit is a placeholder
	case len(s) == 11:
		return letters == "H" || letters == "M"
	case len(letters) == 1:
		return strings.IndexByte("EGDSPCWHMLT", letters[0]) >= 0
	default:
		return len(letters) == 2 && (letters[0] == 'E' || letters[0] == 'C' || letters == "DE" || letters == "SE" || letters == "PE")
	}
}

// date reports whether eight digits are like a day of the years 1900 to 2099.
func date(s string) bool {
	return len(s) == 8 && (s[:2] == "19" || s[:2] == "20") && s[4:6] >= "01" && s[4:6] <= "12" && s[6:] >= "01" && s[6:] <= "31"
}

// digest reports whether a word is that of a digest or a key in hex.
func digest(s string) bool {
	return len(s) >= 32 && strings.Trim(s, "0123456789ABCDEF") == "" && !digits(s)
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
