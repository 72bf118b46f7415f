package sheet

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/yunei/yunei/fault"
)

// A File is a name, for errors, and bytes.
type File struct {
	Name string
	Body io.Reader
}

// at is an error that says where and what to do. line 0 is the whole file,
// column "" the whole line.
func at(file string, line int, column, zh, en string) error {
	where := file
	if line > 0 {
		where += fmt.Sprintf(" 第 %d 行 line %d", line, line)
	}
	if column != "" {
		where += fmt.Sprintf("，列 column %q", column)
	}
	return fmt.Errorf("%s: %s / %s: %w", where, zh, en, fault.Invalid)
}

// rows reads a file row by row, CSV with a header or a JSON array of flat
// objects with the same keys.
type rows struct {
	file   string
	header []string
	read   func() ([]string, int, error) // io.EOF at the end
	count  *counted
	hash   hash.Hash
	odd    []Oddity
}

// counted counts bytes and stops at a bound.
type counted struct {
	in   io.Reader
	n    int64
	most int64
}

var errLong = errors.New("too long")

func (c *counted) Read(p []byte) (int, error) {
	if c.n >= c.most {
		return 0, errLong
	}
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// records stops at a record that is too long, so that one quote that is never
// closed does not take a whole file into memory.
type records struct {
	in     io.Reader
	quoted bool
	n      int
}

func (r *records) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	for _, b := range p[:n] {
		switch {
		case b == '"':
			r.quoted = !r.quoted
		case b == '\n' && !r.quoted:
			r.n = 0
		}
		if r.n++; r.n > maxRecord {
			return 0, errRecord
		}
	}
	return n, err
}

var errRecord = errors.New("a record too long")

func open(f File, most int64) (*rows, error) {
	r := &rows{file: f.Name, hash: sha256.New()}
	r.count = &counted{in: io.TeeReader(f.Body, r.hash), most: most}
	in := bufio.NewReader(r.count)
	if start, _ := in.Peek(3); bytes.Equal(start, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3) // a byte order mark, as spreadsheets write it
		r.odd = append(r.odd, Oddity{Line: 1, ZH: "有字节顺序标记（BOM）", EN: "has a byte order mark"})
	}
	start, err := first(in)
	if err != nil {
		return nil, at(f.Name, 0, "", "文件是空的", "the file is empty")
	}
	if start == '[' || start == '{' {
		err = r.json(in)
	} else {
		err = r.csv(in)
	}
	if err != nil {
		return nil, err
	}
	return r, r.checkHeader()
}

// first is the first byte that is not space.
func first(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\n' && b != '\r' && b != '\t' {
			return b, in.UnreadByte()
		}
	}
}

func (r *rows) csv(in io.Reader) error {
	c := csv.NewReader(&records{in: in})
	c.ReuseRecord = true
	header, err := c.Read()
	if err != nil {
		return r.broken(err)
	}
	r.header = slices.Clone(header)
	r.read = func() ([]string, int, error) {
		fields, err := c.Read()
		if err == io.EOF {
			return nil, 0, io.EOF
		}
		if err != nil {
			return nil, 0, r.broken(err)
		}
		line, _ := c.FieldPos(0)
		return fields, line, nil
	}
	return nil
}

func (r *rows) broken(err error) error {
	if errors.Is(err, errLong) {
		mib := r.count.most >> 20
		return at(r.file, 0, "", fmt.Sprintf("文件超过 %d MiB", mib), fmt.Sprintf("the file is longer than %d MiB", mib))
	}
	if errors.Is(err, errRecord) {
		return at(r.file, 0, "", "有一行超过 64 KiB，可能是引号没有成对", "a line of more than 64 KiB, perhaps for a quote that is not closed")
	}
	p, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return at(r.file, 0, "", "无法读取："+err.Error(), "cannot be read: "+err.Error())
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return at(r.file, p.Line, "", fmt.Sprintf("列数与表头的 %d 列不同；检查逗号和引号", len(r.header)), fmt.Sprintf("not as many fields as the header's %d; look for commas and quotes", len(r.header)))
	}
	return at(r.file, p.Line, "", "引号不成对；含引号的字段须整体加引号并把引号写两次", "a quote out of place; quote the whole field and double the quote within it")
}

func (r *rows) checkHeader() error {
	if len(r.header) > MaxColumns {
		return at(r.file, 1, "", fmt.Sprintf("超过 %d 列", MaxColumns), fmt.Sprintf("more than %d columns", MaxColumns))
	}
	for i, h := range r.header {
		if h == "" {
			return at(r.file, 1, "", fmt.Sprintf("第 %d 列没有名称", i+1), fmt.Sprintf("column %d has no name", i+1))
		}
		if err := r.text(h, 1); err != nil {
			return err
		}
		if slices.Index(r.header, h) != i {
			return at(r.file, 1, h, "列名重复", "the name of two columns")
		}
	}
	return nil
}

// json reads an array of flat objects. Every object has the keys of the first,
// in whatever order.
func (r *rows) json(in io.Reader) error {
	lines := &lineCount{in: in}
	d := json.NewDecoder(lines)
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return at(r.file, 1, "", "JSON 应为对象的数组：[{\"列\":值,…},…]", "JSON must be an array of objects: [{\"column\":value,…},…]")
	}
	names, values, err := r.object(d, lines)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return at(r.file, 0, "", "没有一行", "there are no rows")
		}
		return err
	}
	r.header = names
	pending, line := values, lines.line(d.InputOffset())
	r.read = func() ([]string, int, error) {
		if pending != nil {
			out := pending
			pending = nil
			return out, line, nil
		}
		names, values, err := r.object(d, lines)
		if err != nil {
			return nil, 0, err
		}
		line := lines.line(d.InputOffset())
		out := make([]string, len(r.header))
		if len(names) != len(out) {
			return nil, 0, at(r.file, line, "", "此对象的键与第一个对象不同", "this object has not the keys of the first")
		}
		for i, n := range names {
			k := slices.Index(r.header, n)
			if k < 0 {
				return nil, 0, at(r.file, line, n, "第一个对象没有此键", "the first object has no such key")
			}
			out[k] = values[i]
		}
		return out, line, nil
	}
	return nil
}

func (r *rows) object(d *json.Decoder, lines *lineCount) (names, values []string, err error) {
	bad := func(zh, en string) ([]string, []string, error) {
		return nil, nil, at(r.file, lines.line(d.InputOffset()), "", zh, en)
	}
	if !d.More() {
		if t, err := d.Token(); err != nil || t != json.Delim(']') {
			return bad("JSON 没有结束", "JSON that does not end")
		}
		if _, err := d.Token(); err != io.EOF {
			return bad("数组之后还有内容", "there is more after the array")
		}
		return nil, nil, io.EOF
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return bad("应为对象", "want an object")
	}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok || len(names) == MaxColumns {
			return bad("不是 JSON，或键太多", "not JSON, or too many keys")
		}
		if slices.Contains(names, name) {
			return bad(fmt.Sprintf("键 %q 重复", name), fmt.Sprintf("key %q twice", name))
		}
		value, err := d.Token()
		if err != nil {
			return bad("不是 JSON", "not JSON")
		}
		names = append(names, name)
		switch v := value.(type) {
		case nil:
			values = append(values, "")
		case string:
			values = append(values, v)
		case json.Number:
			values = append(values, v.String())
		default:
			return bad(fmt.Sprintf("%s 的值应为文字、数字或 null", name), fmt.Sprintf("the value of %s must be a text, a number or null", name))
		}
	}
	_, err = d.Token()
	if err != nil {
		return bad("对象没有结束", "an object that does not end")
	}
	return names, values, nil
}

// lineCount knows the line of each offset of what went through it, by
// remembering where lines begin only up to what was asked last.
type lineCount struct {
	in    io.Reader
	seen  int64
	marks []int64
	n     int
}

func (l *lineCount) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	for i, b := range p[:n] {
		if b == '\n' && len(l.marks) < maxRecord {
			l.marks = append(l.marks, l.seen+int64(i))
		}
	}
	l.seen += int64(n)
	return n, err
}

func (l *lineCount) line(offset int64) int {
	k := 0
	for k < len(l.marks) && l.marks[k] < offset {
		k++
	}
	l.n, l.marks = l.n+k, l.marks[k:]
	return l.n + 1
}

// text checks a name or a code: short, valid, visible. What is merely not in
// NFC is noted as an oddity.
func (r *rows) text(s string, line int) error {
	if !utf8.ValidString(s) {
		return at(r.file, line, "", "不是 UTF-8；另存为 UTF-8 编码", "not UTF-8; save the file as UTF-8")
	}
	if utf8.RuneCountInString(s) > MaxText {
		return at(r.file, line, "", fmt.Sprintf("文字超过 %d 个字符", MaxText), fmt.Sprintf("a text of more than %d characters", MaxText))
	}
	for _, c := range s {
		if unicode.IsControl(c) || c == utf8.RuneError {
			return at(r.file, line, "", fmt.Sprintf("文字中有控制字符 %U；删去", c), fmt.Sprintf("control character %U in a text; take it out", c))
		}
	}
	return nil
}

// note remembers how a text departs from the one form.
func (r *rows) note(s string, line int, column string) {
	const most = 50
	if len(r.odd) == most {
		return
	}
	if !norm.NFC.IsNormalString(s) {
		r.odd = append(r.odd, Oddity{line, column, fmt.Sprintf("%q 不是 NFC 形式", s), fmt.Sprintf("%q is not in NFC", s), true})
	}
	if strings.TrimSpace(s) != s {
		r.odd = append(r.odd, Oddity{line, column, fmt.Sprintf("%q 首尾有空白", s), fmt.Sprintf("%q begins or ends with space", s), true})
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			r.odd = append(r.odd, Oddity{line, column, fmt.Sprintf("%q 中有看不见的字符 %U", s, c), fmt.Sprintf("%q holds %U, which cannot be seen", s, c), true})
			break
		}
	}
}

// A number is an exact decimal.
type number struct {
	n      int64 // without its point
	places int
}

// parse reads a decimal number in ordinary spelling: digits, a point, a minus.
// It says in why what is wrong, in both languages, and notes what is merely
// not the one spelling.
func parse(s string) (v number, odd [2]string, why [2]string) {
	bad := func(zh, en string) (number, [2]string, [2]string) { return number{}, odd, [2]string{zh, en} }
	body, minus := strings.CutPrefix(s, "-")
	if b, plus := strings.CutPrefix(body, "+"); plus && !minus {
		body, odd = b, [2]string{"写了加号", "has a plus sign"}
	}
	whole, part, point := strings.Cut(body, ".")
	if whole == "" || point && part == "" || !digits(whole) || !digits(part) {
		zh, en := "应为普通写法的数，如 1234.5", "write a plain number such as 1234.5"
		switch {
		case strings.ContainsAny(s, ",，"):
			zh, en = "去掉千位分隔符", "take the thousands separators out"
		case strings.ContainsAny(s, "eE"):
			zh, en = "不要用指数写法", "do not use exponents"
		case strings.Contains(s, "%"):
			zh, en = "去掉百分号，写成数", "write a number without a percent sign"
		}
		return bad(fmt.Sprintf("%q 不是数：%s", short(s), zh), fmt.Sprintf("%q is not a number: %s", short(s), en))
	}
	if len(part) > MaxPlaces {
		if strings.Trim(part[MaxPlaces:], "0") != "" {
			return bad(fmt.Sprintf("%q 的小数超过 %d 位；先取整", short(s), MaxPlaces), fmt.Sprintf("%q has more than %d decimals; round it first", short(s), MaxPlaces))
		}
		part, odd = part[:MaxPlaces], [2]string{"小数末尾的零过多", "has too many decimals"}
	}
	if len(whole) > 1 && whole[0] == '0' {
		odd = [2]string{"前面有多余的零", "has leading zeros"}
	}
	for _, c := range whole + part {
		if v.n > MaxValue {
			break
		}
		v.n = v.n*10 + int64(c-'0')
	}
	if v.n > MaxValue {
		return bad(fmt.Sprintf("%q 超过 10^15；换用较大的计量单位", short(s)), fmt.Sprintf("%q is beyond 10^15; use a larger unit", short(s)))
	}
	v.places = len(part)
	if minus {
		if v.n == 0 {
			odd = [2]string{"负零", "is minus zero"}
		}
		v.n = -v.n
	}
	return v, odd, why
}

func digits(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' }) < 0
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// to is the number in units of 10^-places; ok is false beyond MaxValue.
func (v number) to(places int) (int64, bool) {
	n := v.n
	for range places - v.places {
		if n > MaxValue || n < -MaxValue {
			return 0, false
		}
		n *= 10
	}
	return n, n <= MaxValue && n >= -MaxValue
}

// Add adds, and reports whether nothing overflowed.
func add(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}

// missing reports whether a field of microdata holds no value.
func missing(s string) bool {
	switch s {
	case "", "NA", "NaN", "null", "NULL":
		return true
	}
	return false
}

// hidden reports whether a field of a table is one that is not shown.
func hidden(s string) bool {
	switch s {
	case "", HiddenMark:
		return true
	}
	return false
}
