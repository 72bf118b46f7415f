package evidence

import (
	"math/big"

	"github.com/yunei/yunei/gate/params"
)

// A Record is a row of an output that may be about one unit: its
// quasi-identifiers, its sensitive values, and the unit, "" if rows are all
// there is to count.
type Record struct {
	Quasi     string
	Sensitive string
	Unit      string
}

// Anonymity is the k and the distinct l of records: the fewest units, and the
// fewest different sensitive values, of those that share quasi-identifiers. Of
// no records both are 0.
func Anonymity(records []Record) (k, l int64) {
	type class struct {
		rows      int64
		units     map[string]bool
		sensitive map[string]bool
	}
	classes := map[string]*class{}
	for _, r := range records {
		c := classes[r.Quasi]
		if c == nil {
			c = &class{units: map[string]bool{}, sensitive: map[string]bool{}}
			classes[r.Quasi] = c
		}
		if r.Unit == "" {
			c.rows++
		} else {
			c.units[r.Unit] = true
		}
		c.sensitive[r.Sensitive] = true
	}
	for _, c := range classes {
		n, v := c.rows+int64(len(c.units)), int64(len(c.sensitive))
		if k == 0 || n < k {
			k = n
		}
		if l == 0 || v < l {
			l = v
		}
	}
	return k, l
}

// Records is C30: enough units share the quasi-identifiers of each row, and
// they do not all have the same sensitive value.
func Records(records []Record, p params.Parameters) Finding {
	k, l := Anonymity(records)
	s := Pass
	if len(records) > 0 && (k < p.Records || l < p.Diversity) {
		s = Fail
	}
	return say("C30", p, s, words{
		Pass: {"不含逐条记录，或各行的准标识符均由足够多的个体共有，敏感值不单一。", "no row is a record, or enough units share its quasi-identifiers, with different sensitive values"},
		Fail: {"有的行的准标识符仅由少数个体共有，或其敏感值单一。", "too few units share the quasi-identifiers of some rows, or all of them have one sensitive value"},
	}, map[string]int64{"k": k, "l": l})
}

// An Author is who chose the figures of an output. The zero Author is a
// program without review.
type Author int

// The authors.
const (
	Unreviewed Author = iota // a program that nobody answers for
	Reviewed                 // a program whose reviewers answer for what its figures mean
	Declared                 // the host, by a query that was declared
)

// Reach is figures that can take so many different values each as they are
// shown, hidden included.
type Reach struct {
	Figures int64
	Values  *big.Int
}

// Log is an upper bound of the number of different outputs, in bits: no more
// than a 64th of a bit a figure above it, and rounded up.
func Log(reach []Reach) int64 {
	const fine = 64
	total := new(big.Int)
	for _, r := range reach {
		if r.Figures < 1 || r.Values == nil || r.Values.Cmp(big.NewInt(2)) < 0 {
			continue
		}
		power := new(big.Int).Exp(r.Values, big.NewInt(fine), nil)
		bits := big.NewInt(int64(power.Sub(power, big.NewInt(1)).BitLen())) // log2, rounded up
		total.Add(total, bits.Mul(bits, big.NewInt(r.Figures)))
	}
	total.Add(total, big.NewInt(fine-1)).Rsh(total, 6)
	return clamp(total)
}

// Bits is C31: what an output can carry that its author chose, with what the
// year's earlier ones carried, in bits. A declared query chooses nothing, and a
// program without review has no bits at all. What a reviewed program can carry
// beyond the year's bits is left to people: its reviewers answer for it.
func Bits(author Author, reach []Reach, spent int64, p params.Parameters) Finding {
	bits := Log(reach)
	s := Pass
	switch author {
	case Declared:
		bits = 0
	case Reviewed:
		if spent < 0 || bits > p.Bits-min(spent, p.Bits) {
			s = Review
		}
	default:
		s = Block
	}
	return say("C31", p, s, words{
		Pass:   {"数值由声明的查询得出，或其信息量在年度限额之内。", "the figures are a declared query's, or what they can carry is within the year's bits"},
		Review: {"经审阅的程序所能携带的信息量超出年度限额，由审核员判断。", "a reviewed program's figures can carry more than the year's bits: for the output checkers"},
		Block:  {"未经审阅的程序不得以本模式输出其选定的数值。", "a program without review has no bits in this mode"},
	}, map[string]int64{"bits": bits, "spent": spent})
}

// Graded is C35, for people: the grade of a result follows that of the data,
// the strictest of them (就高从严), until the bureau sets another; a result
// about very many units is looked at for its scale, though nobody can be told
// from it. These are house rules: the record cites no article for them.
func Graded(grades []int, units int64, p params.Parameters) Finding {
	highest := 0
	for _, g := range grades {
		highest = max(highest, g)
	}
	w := words{Review: {
		"结果暂按来源数据的最高级别管理，由主管部门评定；请一并核对能否由汇总资料推断单个对象的身份。",
		"until the bureau sets its grade, the result has the highest of its sources'; whether the identity of a single subject can be inferred from the aggregate is to be looked at as well",
	}}
	scale := int64(0)
	if units >= p.ScaleUnits {
		scale = 1
		w[Review] = [2]string{
			w[Review][0] + "涉及对象数量大，应考虑规模因素。",
			w[Review][1] + "; it is about so many units that its scale is to be considered",
		}
	}
	return say("C35", p, Review, w, map[string]int64{"grade": int64(highest), "scale": scale})
}
