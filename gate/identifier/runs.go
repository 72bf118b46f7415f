package identifier

import "strings"

// email finds local@domain.tld.
func email(t []rune) Kind {
	for i, r := range t {
		if r == '@' && i > 0 && isWord(t[i-1]) && domain(t[i+1:]) {
			return Email
		}
	}
	return None
}

// domain reports whether t begins with two labels, the last of them letters.
func domain(t []rune) bool {
	labels, n, letters := 0, 0, true // n characters of the last label
	for _, r := range t {
		switch {
		case r == '.' && n > 0:
			labels, n, letters = labels+1, 0, true
			continue
		case isDigit(r) || r == '-' && n > 0:
			letters = false
		case !isLetter(r):
			return false
		}
		if n++; labels > 0 && letters && n >= 2 {
			return true
		}
	}
	return false
}

// provinces are the characters that a plate begins with (GA 36).
const provinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

// plate finds a province, the letter of an office, and the number: five
// characters, or six for a car of new energy, whose first or last is a letter.
func plate(t []rune) Kind {
	for i, r := range t {
		if !strings.ContainsRune(provinces, r) {
			continue
		}
		rest := skip(t[i+1:])
		if len(rest) == 0 || !isLetter(rest[0]) || rest[0] == 'I' {
			continue
		}
		rest = skip(rest[1:])
		n := 0
		for n < len(rest) && n < 7 && isWord(rest[n]) {
			n++
		}
		number := string(rest[:n])
		special := n == 4 && n < len(rest) && strings.ContainsRune("挂学警港澳试超领", rest[n])
		if digitsIn(number) >= 2 && !strings.ContainsAny(number, "IO") && (n == 5 || special && digitsIn(number) >= 3 || n == 6 && newEnergy(number)) {
			return Plate
		}
	}
	return None
}

// skip drops one space, dash or dot.
func skip(t []rune) []rune {
	if len(t) > 0 && strings.ContainsRune(" -.", t[0]) {
		return t[1:]
	}
	return t
}

func digitsIn(s string) (n int) {
	for _, r := range s {
		if isDigit(r) {
			n++
		}
	}
	return n
}

func newEnergy(s string) bool {
	const classes = "ABCDEFGHJK"
	return strings.Contains(classes, s[:1]) && digits(s[2:]) || digits(s[:5]) && strings.Contains(classes, s[5:])
}

// zone finds the second line of the machine-readable zone of a passport (ICAO
// 9303 part 4): number, nationality, birth, sex and expiry, with check digits.
func zone(t []rune) Kind {
	const line = 44
	inRun := 0
	for i, r := range t {
		if inRun++; !isWord(r) && r != '<' {
			inRun = 0
		}
		if inRun >= line && checked(t[i+1-line:i+1]) {
			return Passport
		}
	}
	return None
}

func checked(l []rune) bool {
	if l[20] != 'M' && l[20] != 'F' && l[20] != '<' || !isDigit(l[13]) || !isDigit(l[18]) {
		return false
	}
	return check(l[:9]) == l[9] && check(l[13:19]) == l[19] && check(l[21:27]) == l[27]
}

// check is the check digit of part 3: weights 7, 3, 1; A is 10, < is 0.
func check(s []rune) rune {
	sum := rune(0)
	for i, r := range s {
		v := rune(0)
		switch {
		case isDigit(r):
			v = r - '0'
		case isLetter(r):
			v = r - 'A' + 10
		}
		sum += v * rune([]int{7, 3, 1}[i%3]) //nolint:gosec // a small weight
	}
	return '0' + sum%10
}
