package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Fonts that have Chinese characters on the common systems.
const fonts = `'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif`

// A drawing collects shapes. Every text and attribute goes through escape.
type drawing struct {
	body  bytes.Buffer
	hatch string // the id of the pattern of hidden cells
}

type anchor string

const (
	start  anchor = "start"
	middle anchor = "middle"
	end    anchor = "end"
)

const bold = `font-weight="600"`

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes all
	return b.String()
}

// n writes a coordinate to a tenth of a pixel.
func n(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// text draws s with its baseline at y; attributes are literals of this package.
func (d *drawing) text(x, y, size float64, fill string, a anchor, s string, attributes ...string) {
	if s == "" {
		return
	}
	fmt.Fprintf(&d.body, `<text x="%s" y="%s" font-size="%s" fill="%s" text-anchor="%s" %s>%s</text>`+"\n",
		n(x), n(y), n(size), fill, a, strings.Join(attributes, " "), escape(s))
}

func (d *drawing) rect(x, y, w, h float64, fill, title string) {
	fmt.Fprintf(&d.body, `<rect x="%s" y="%s" width="%s" height="%s" rx="2" fill="%s">`, n(x), n(y), n(max(w, 0)), n(max(h, 0)), fill)
	if title != "" {
		fmt.Fprintf(&d.body, "<title>%s</title>", escape(title))
	}
	d.body.WriteString("</rect>\n")
}

func (d *drawing) hatched(x, y, w, h float64) {
	fmt.Fprintf(&d.body, `<rect x="%s" y="%s" width="%s" height="%s" rx="2" fill="url(#%s)" stroke="#b8c2cd" stroke-width="0.8"/>`+"\n",
		n(x), n(y), n(max(w, 0)), n(max(h, 0)), escape(d.hatch))
}

func (d *drawing) rule(x1, y1, x2, y2 float64, stroke string) {
	fmt.Fprintf(&d.body, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s"/>`+"\n", n(x1), n(y1), n(x2), n(y2), stroke)
}

// file is the whole drawing, with a title and a description for those who do
// not see it.
func (d *drawing) file(w, h float64, title, desc string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" font-family="%s">
<title>%s</title>
<desc>%s</desc>
<defs><pattern id="%s" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#f4f6f8"/><line x1="0" y1="0" x2="0" y2="6" stroke="#aab4c0" stroke-width="2"/></pattern></defs>
<rect width="100%%" height="100%%" fill="%s"/>
`, n(w), n(h), n(w), n(h), fonts, escape(title), escape(desc), escape(d.hatch), canvas)
	b.Write(d.body.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// em is the width of a character in its font size: Chinese characters and
// full-width forms take a square.
func em(r rune) float64 {
	switch {
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0x2014 && r <= 0x2026 || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff60:
		return 1
	case unicode.IsUpper(r) || r == '%' || r == 'm' || r == 'w':
		return 0.72
	}
	return 0.56
}

func measure(s string, size float64) float64 {
	w := 0.0
	for _, r := range s {
		w += em(r)
	}
	return w * size
}

// fit shortens s to a width.
func fit(s string, room, size float64) string {
	if measure(s, size) <= room {
		return s
	}
	w := size // of the ellipsis
	for i, r := range s {
		if w += em(r) * size; w > room {
			return s[:i] + "…"
		}
	}
	return s
}

// wrap breaks s into lines of a width: before any Chinese character that may
// begin a line, and at spaces.
func wrap(s string, room, size float64) []string {
	var lines []string
	runes := []rune(s)
	for len(runes) > 0 {
		stop, w := 0, 0.0
		for stop < len(runes) && w+em(runes[stop])*size <= room {
			w += em(runes[stop]) * size
			stop++
		}
		stop = max(stop, 1)
		for cut := stop; stop < len(runes) && cut > stop/2; cut-- {
			if breaks(runes[cut-1], runes[cut]) {
				stop = cut
				break
			}
		}
		lines = append(lines, strings.TrimSpace(string(runes[:stop])))
		runes = runes[stop:]
	}
	return lines
}

func breaks(before, after rune) bool {
	if strings.ContainsRune("，。、；：）”》！？%…", after) || strings.ContainsRune("（“《", before) {
		return false
	}
	return before == ' ' || em(after) == 1 || em(before) == 1
}

// group writes an integer with commas between thousands.
func group(v int64) string {
	s := strconv.FormatInt(v, 10)
	sign := ""
	if v < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
