package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

var (
	districts = []string{"荔湾区", "越秀区", "海珠区", "天河区", "白云区", "黄埔区", "番禺区", "花都区", "南沙区", "从化区", "增城区"}
	ages      = []string{"0–17 岁", "18–39 岁", "40–59 岁", "60 岁以上"}
	months    = []string{"一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"}
)

func dim(name, title string, labels []string) jobs.Dim {
	d := jobs.Dim{Name: name, Title: title, Labels: labels}
	for i := range labels {
		d.Codes = append(d.Codes, fmt.Sprintf("c%d", i))
	}
	return d
}

// sample fills a candidate of these dims with values that look like counts,
// every seventh cell hidden in mode sdc.
func sample(mode jobs.Mode, dims ...jobs.Dim) jobs.Candidate {
	c := jobs.Candidate{
		Format: jobs.CandidateFormat, Terms: suite.DigestOf([]byte("t")), Run: "run-7", Mode: mode, Namespace: jobs.NaturalPerson,
		Title: "门诊人数、门诊费用（按区县、年龄段）", Dims: dims,
		Figures: []jobs.Figure{{Name: "units", Title: "门诊人数（人）", Round: 5}, {Name: "cost", Title: "门诊费用（万元）", Round: 10}},
		Statements: []jobs.Statement{
			{ZH: "所示单元格中，每个数据域或者没有个体，或者不少于 10 个；未展示的单元格一律记作“*”，不说明原因，也不发布合计。", EN: "x"},
			{ZH: "本结果的闸门运行在未经硬件证明的主机上，主管部门系统管理员可读取精确合计值。", EN: "x"},
			{ZH: "本结果仅含两个数据域，任何一方都可以减去自己的部分而得到另一方的部分（含另一方的取整或噪声）。所附证明说明程序合规、内容完整，不说明各数据域提供的原始数据属实。", EN: "x"},
		},
	}
	if mode == jobs.DP {
		c.Privacy = &jobs.Privacy{Rho: "1/40", Epsilon: "1.0141", Delta: "1e-6"}
		for i, v := range []int64{8000, 20_000} {
			c.Figures[i].Round = 0
			c.Figures[i] = c.Figures[i].WithVariance(big.NewInt(v))
		}
	}
	cells := 1
	for _, d := range dims {
		cells *= len(d.Codes)
	}
	for i := range cells {
		v := int64(900*math.Abs(math.Sin(float64(i)*1.7)))*5 - 300
		if mode == jobs.SDC {
			v = max(v, 0)
		}
		c.Cells = append(c.Cells, jobs.Cell{v, v * 14})
		if mode == jobs.SDC && i%7 == 3 {
			c.Cells[i] = nil
		}
	}
	return c
}

var samples = map[string]jobs.Candidate{
	"bars":      sample(jobs.SDC, dim("district", "区县", districts)),
	"groups":    sample(jobs.DP, dim("district", "区县", districts[:6]), dim("age", "年龄段", ages)),
	"heat":      sample(jobs.SDC, dim("district", "区县", districts), dim("month", "月份", months)),
	"heat-deep": sample(jobs.DP, dim("district", "区县", districts[:4]), dim("age", "年龄段", ages), dim("month", "月份", append(months[:11:11], "十二月（含补报数据）"))),
}

// Every drawing is well-formed XML, the same each time, and says what is
// hidden, how exact it is and what the statements say.
func TestDraw(t *testing.T) {
	for name, c := range samples {
		t.Run(name, func(t *testing.T) {
			svg, err := Draw(c)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := Draw(c)
			if !bytes.Equal(svg, again) {
				t.Error("two drawings of one candidate")
			}
			texts := wellFormed(t, svg)
			for _, want := range []string{"门诊人数（人）", "门诊费用（万元）", "荔湾区", "run-7"} {
				if !strings.Contains(texts, want) {
					t.Errorf("does not say %s", want)
				}
			}
			for _, s := range c.Statements {
				if !strings.Contains(strings.ReplaceAll(texts, "\n", ""), strings.ReplaceAll(s.ZH[:30], " ", "")) && !strings.Contains(texts, s.ZH[:30]) {
					t.Errorf("does not say %s", s.ZH)
				}
			}
			fills := bytes.Count(svg, []byte(`fill="url(#hatch-`))
			if c.Mode == jobs.SDC && fills < 2*len(c.Cells)/8 || c.Mode == jobs.DP && strings.Contains(texts, "*\n") {
				t.Errorf("%d hatched cells of %d", fills, len(c.Cells))
			}
		})
	}
}

// wellFormed reads a drawing to its end, refuses elements and attributes that
// could act, and returns its texts.
func wellFormed(t *testing.T, svg []byte) string {
	t.Helper()
	may := map[string]bool{"svg": true, "title": true, "desc": true, "defs": true, "pattern": true, "rect": true, "line": true, "text": true}
	var b strings.Builder
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			if !may[x.Name.Local] {
				t.Errorf("element %s", x.Name.Local)
			}
			for _, a := range x.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			b.Write(x)
			b.WriteByte('\n')
		}
	}
}

// Markup in titles and labels stays text.
func TestTextIsEscaped(t *testing.T) {
	const evil = `</text><script>alert("1")</script>&'`
	for _, c := range samples {
		c.Title, c.Run = evil, ""
		c.Statements = []jobs.Statement{{ZH: evil, EN: evil}}
		c.Figures = append([]jobs.Figure{}, c.Figures...)
		c.Figures[0].Title = evil
		c.Dims = append([]jobs.Dim{}, c.Dims...)
		for i := range c.Dims {
			c.Dims[i].Title = evil
			c.Dims[i].Labels = append([]string{evil}, c.Dims[i].Labels[1:]...)
		}
		svg, err := Draw(c)
		if err != nil {
			t.Fatal(err)
		}
		if texts := wellFormed(t, svg); !strings.Contains(texts, "alert") {
			t.Error("the text is gone")
		}
	}
}

// The ends: nothing shown, all alike, the largest values, one cell.
func TestEdges(t *testing.T) {
	one := dim("a", "甲", []string{"一"})
	for _, v := range []int64{0, 5, 1<<62 - 1, math.MaxInt64, math.MinInt64} {
		c := sample(jobs.DP, one, dim("b", "乙", months))
		for i := range c.Cells {
			c.Cells[i] = jobs.Cell{v, -(v / 2)}
		}
		for _, c := range []jobs.Candidate{c, bare(c, one)} {
			svg, err := Draw(c)
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, svg)
		}
	}
	c := sample(jobs.SDC, one)
	c.Cells[0] = nil
	svg, err := Draw(c)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
}

func bare(c jobs.Candidate, d jobs.Dim) jobs.Candidate {
	c.Dims, c.Cells = []jobs.Dim{d}, c.Cells[:1]
	return c
}

func TestRefusals(t *testing.T) {
	many := make([]string, 401)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, c := range map[string]jobs.Candidate{
		"nothing":         {},
		"too many rows":   sample(jobs.SDC, dim("a", "甲", many)),
		"too many across": sample(jobs.SDC, dim("a", "甲", many[:2]), dim("b", "乙", many[:61])),
		"too many cells":  sample(jobs.SDC, dim("a", "甲", many[:300]), dim("b", "乙", many[:50])),
	} {
		if _, err := Draw(c); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGroup(t *testing.T) {
	for v, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "−1,234,567", math.MinInt64: "−9,223,372,036,854,775,808"} {
		if got := group(v); got != want {
			t.Errorf("group(%d) = %s", v, got)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, l := range wrap("数据可用不可见，原始数据不出域。数据可用不可见，原始数据不出域。", 120, 12) {
		if measure(l, 12) > 120 || strings.ContainsRune("，。", []rune(l)[0]) {
			t.Errorf("line %q", l)
		}
	}
	if got := fit("非常非常长的标签", 60, 12); measure(got, 12) > 60 || !strings.HasSuffix(got, "…") {
		t.Errorf("fit gives %q", got)
	}
}
