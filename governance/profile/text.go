package profile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
)

// MaxSource bounds the text of a document, in bytes.
const MaxSource = 1 << 20

// An Article of a text.
type Article struct {
	Number     int
	Paragraphs []Paragraph
}

// A Paragraph (款) and its items (项). A list of items without words before it
// is a paragraph whose text is empty.
type Paragraph struct {
	Text  string
	Items []string
}

var (
	bookmark = regexp.MustCompile(`^(?:\[bookmark:[^\]]{0,60}\]\s*)+`)
	heading  = regexp.MustCompile(`^第([一二三四五六七八九十百]{1,7})[条條](?:【[^】]{0,60}】|[\s\p{Zs}])[\s\p{Zs}]*(.*)$`)
	chapter  = regexp.MustCompile(`^第[一二三四五六七八九十]{1,3}[章节節](?:[\s\p{Zs}]|$)`)
	item     = regexp.MustCompile(`^[（(]([一二三四五六七八九十]{1,3})[）)]`)
)

// Articles splits the text of a regulation, one paragraph a line. An article
// begins where the next number stands at the head of a line (第三条 ...), so that
// a reference in running text is none; headings of chapters belong to none.
// The text ends before the line ends, if there is one. Errors are of kind
// Exhausted (too large) or Invalid: not UTF-8, or no article.
func Articles(text []byte, ends string) ([]Article, error) {
	if len(text) > MaxSource {
		return nil, fmt.Errorf("splitting a text: %d bytes: %w", len(text), fault.Exhausted)
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("splitting a text: not UTF-8: %w", fault.Invalid)
	}
	var all []Article
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(bookmark.ReplaceAllString(strings.TrimSpace(line), ""))
		switch {
		case ends != "" && line == ends:
			return whole(all)
		case line == "" || chapter.MatchString(line):
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil && numeral(m[1]) == len(all)+1 {
			all = append(all, Article{Number: len(all) + 1, Paragraphs: []Paragraph{{Text: m[2]}}})
			continue
		}
		if len(all) > 0 {
			all[len(all)-1].add(line)
		}
	}
	return whole(all)
}

func whole(all []Article) ([]Article, error) {
	if len(all) == 0 {
		return nil, fmt.Errorf("splitting a text: no article: %w", fault.Invalid)
	}
	return all, nil
}

// add gives the article a further line: an item of the last paragraph if its
// number is the next one, else a paragraph.
func (a *Article) add(line string) {
	last := &a.Paragraphs[len(a.Paragraphs)-1]
	if m := item.FindStringSubmatch(line); m != nil && numeral(m[1]) == len(last.Items)+1 {
		last.Items = append(last.Items, line)
		return
	}
	a.Paragraphs = append(a.Paragraphs, Paragraph{Text: line})
}

const digits = "一二三四五六七八九"

// numeral reads a Chinese number up to 999, 0 for anything else.
func numeral(s string) int {
	n, at := 0, 0
	for _, r := range s {
		switch i := strings.IndexRune(digits, r); {
		case i >= 0:
			at = i/utf8.RuneLen(r) + 1
		case r == '十':
			n, at = n+max(at, 1)*10, 0
		case r == '百':
			n, at = n+max(at, 1)*100, 0
		}
	}
	return n + at
}

// chinese writes a number from 1 to 999.
func chinese(n int) string {
	digit := func(d int) string { return string([]rune(digits)[d-1]) }
	s := ""
	if n >= 100 {
		s += digit(n/100) + "百"
		if n%100 > 0 && n%100 < 10 {
			s += "零"
		}
	}
	if t := n / 10 % 10; t > 1 || t == 1 && n > 100 {
		s += digit(t) + "十"
	} else if t == 1 {
		s += "十"
	}
	if n%10 > 0 {
		s += digit(n % 10)
	}
	return s
}

// place names a basis: 第二十二条第二款, Art. 22(2).
func place(b Basis) (zh, en string) {
	zh, en = "第"+chinese(b.Article)+"条", "Art. "+strconv.Itoa(b.Article)
	if b.Paragraph > 1 {
		zh, en = zh+"第"+chinese(b.Paragraph)+"款", en+" para. "+strconv.Itoa(b.Paragraph)
	}
	if b.Item > 0 {
		zh, en = zh+"第（"+chinese(b.Item)+"）项", en+" item "+strconv.Itoa(b.Item)
	}
	return zh, en
}
