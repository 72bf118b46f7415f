package city

import (
	"io"
	"slices"
	"strconv"

	"github.com/yunei/yunei/ident"
)

// An employer has a credit code and belongs to a sector.
type employer struct {
	code   string
	sector uint8
}

// jobs draw an employer: the sector, then one of its employers.
type jobs struct {
	sectors alias
	firms   [len(sectors)]alias
	first   [len(sectors)]int
}

// found draws the employers of a city of n people. In a sector their sizes
// follow Zipf's law, but for the sectors that one of them rules.
func found(d *dice, n int) ([]employer, jobs) {
	var j jobs
	var list []employer
	taken := map[string]bool{}
	shares := make([]int, len(sectors))
	for i, s := range sectors {
		shares[i] = s.weight
		count := s.employers
		if count == 0 {
			count = 3 + n*s.weight/400_000
		}
		j.first[i] = len(list)
		weights := make([]int, count)
		sum := 0
		for k := range weights {
			weights[k] = 1_000_000 / (k + 2)
			if k > 0 {
				sum += weights[k]
			}
			list = append(list, employer{creditCode(d, s.Code, taken), uint8(i)})
		}
		if s.largest > 0 {
			weights[0] = int(int64(sum) * int64(s.largest) / int64(10_000-s.largest)) // 32-bit machines too
		}
		j.firms[i] = newAlias(weights)
	}
	j.sectors = newAlias(shares)
	return list, j
}

func (j *jobs) draw(d *dice) int32 {
	s := j.sectors.draw(d)
	return int32(j.first[s] + j.firms[s].draw(d)) //nolint:gosec // far fewer than 2^31 employers
}

// creditCode draws a code: offices are registered by the office of public
// institutions (11, 12), companies by the market regulator (91).
func creditCode(d *dice, sector string, taken map[string]bool) string {
	const letters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	head := "91"
	switch sector {
	case "S":
		head = "11"
	case "P", "Q":
		head = "12"
	}
	for {
		area := districts[d.below(len(districts))].Code
		if d.in(1500) {
			area = []string{"100000", "520000", "440300", "110108"}[d.below(4)]
		}
		b := []byte(head + area + "MA")
		for range 6 {
			b = append(b, letters[d.below(len(letters))])
		}
		code, err := ident.BodyCode(string(b))
		if err != nil {
			panic(err) // all of it was drawn from the alphabet
		}
		if !taken[code] {
			taken[code] = true
			return code
		}
	}
}

// employ draws the person's work: nine of ten of working age who are ever
// insured as employees have an employer, one of ten changes it.
func (p *person) employ(d *dice, j *jobs) {
	p.employers = [2]int32{-1, -1}
	if p.age < 18 || p.age >= 60 || p.passport || p.first == 1 && p.moved == neverMoved || !d.in(9000) {
		return
	}
	e := j.draw(d)
	p.employers, p.newJob = [2]int32{e, e}, neverMoved
	if d.in(1000) {
		p.employers[1], p.newJob = j.draw(d), uint8(2+d.below(11)) //nolint:gosec // a month
	}
	// 60 % and 300 % of a mean wage bound the base of contribution.
	p.base = int32(max(4_200, scale(6_400, d.normal()*46_000>>16, 21_000))) //nolint:gosec // at most 21,000
}

// Employment is the truth about employment.csv.
type Employment struct {
	Rows      int      `json:"rows"`
	Employers int      `json:"employers"`
	BadCode   int      `json:"bad_employer_code"`
	NoBase    int      `json:"no_base"`
	Defects   Defects  `json:"defects"`
	Sectors   []Sector `json:"sectors"`
}

// A Sector sums the bases of the rows with a valid person, a valid employer
// and a base, and says how much of it the two largest employers hold.
type Sector struct {
	Sector    string `json:"sector"`
	Employers int    `json:"employers"`
	BaseFen   int64  `json:"base_fen"`
	First     int64  `json:"largest_fen"`
	Second    int64  `json:"second_fen"`
}

const employmentHeader = "id_number,employer_uscc,sector,month,base_fen\n"

// employment writes the months one after the other, each in an order of its
// own.
func employment(people []person, firms []employer, seed uint64, w io.Writer) (Employment, error) {
	d := newDice(seed, streamEmployment)
	out := Employment{Employers: len(firms)}
	held := make([]int64, len(firms))
	if _, err := io.WriteString(w, employmentHeader); err != nil {
		return out, err
	}
	line := make([]byte, 0, 160)
	for month := 1; month <= 12; month++ {
		for i := range shuffled(d, len(people)) {
			p := &people[i]
			e := p.employers[0]
			if month >= int(p.newJob) {
				e = p.employers[1]
			}
			if e < 0 || p.domain(month) != 0 {
				continue
			}
			var fen int64
			line, fen = out.row(line[:0], p, &firms[e], month, d)
			held[e] += fen
			if _, err := w.Write(line); err != nil {
				return out, err
			}
		}
	}
	out.sum(firms, held)
	return out, nil
}

// row appends one row and returns what it adds to the holding of the employer.
func (out *Employment) row(b []byte, p *person, e *employer, month int, d *dice) ([]byte, int64) {
	out.Rows++
	b, known := p.spell(b, d, &out.Defects)
	b = append(append(b, ','), e.code...)
	if d.in(30) {
		out.BadCode++
		known = false
		b[len(b)-1] = '0' + (b[len(b)-1]+1)%10 // another character, whichever it was
	}
	b = append(append(b, ','), sectors[e.sector].Code...)
	b = digits(append(b, ",2025-"...), month, 2)
	b = append(b, ',')
	if d.in(100) {
		out.NoBase++
		return append(b, '\n'), 0
	}
	fen := int64(p.base) * 100
	b = append(strconv.AppendInt(b, fen, 10), '\n')
	if !known {
		return b, 0
	}
	return b, fen
}

func (out *Employment) sum(firms []employer, held []int64) {
	for i, s := range sectors {
		line := Sector{Sector: s.Code}
		var sizes []int64
		for k, e := range firms {
			if int(e.sector) == i && held[k] > 0 {
				sizes = append(sizes, held[k])
				line.BaseFen += held[k]
			}
		}
		slices.Sort(sizes)
		line.Employers = len(sizes)
		sizes = append([]int64{0, 0}, sizes...)
		line.First, line.Second = sizes[len(sizes)-1], sizes[len(sizes)-2]
		out.Sectors = append(out.Sectors, line)
	}
}

// shuffled yields 0 to n-1, each once, in steps that are prime to n.
func shuffled(d *dice, n int) func(yield func(int) bool) {
	step := 1 + d.below(n)
	for gcd(step, n) != 1 {
		step++
	}
	at := d.below(n)
	return func(yield func(int) bool) {
		for range n {
			if !yield(at) {
				return
			}
			at = (at + step) % n
		}
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
