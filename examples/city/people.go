package city

import (
	"fmt"

	"github.com/yunei/yunei/ident"
)

// How often someone sees a doctor, compared with others of that age.
const (
	rarely = iota
	usually
	often
	dialysed
)

// neverMoved is a month of change that the year does not reach.
const neverMoved = 13

// A person lives in one district and is insured in one domain, or in one
// after the other.
type person struct {
	id        [18]byte // canonical number; of a foreigner nine characters of passport
	passport  bool
	male      bool
	district  uint8 // index of districts
	second    uint8 // where else: the district of work or of the parents, or the same
	band      uint8 // index of bandNames
	habit     uint8
	first     uint8    // domain at the start of the year: 0 is a, 1 is b
	moved     uint8    // month in which the domain became the other, or neverMoved
	bornDay   int16    // day of 2025 of the birth, from 0; -1 if born before
	age       int16    // completed years in December 2025
	employers [2]int32 // before and from the month newJob; -1 for none
	newJob    uint8
	base      int32 // monthly contribution base in yuan
}

// domain returns where the person is insured in a month (1 to 12).
func (p *person) domain(month int) uint8 {
	if month >= int(p.moved) {
		return 1 - p.first
	}
	return p.first
}

// ages are the inhabitants in 10,000 by group of five years.
var ages = []int{520, 600, 620, 590, 640, 760, 900, 830, 700, 680, 740, 700, 560, 440, 320, 200, 120, 55, 20, 5}

// settle draws the inhabitants and their employers.
func settle(n int, seed uint64) ([]person, []employer) {
	d := newDice(seed, streamPeople)
	shares := make([]int, len(districts))
	for i, x := range districts {
		shares[i] = x.people
	}
	from := make([]int, len(areas))
	for i, x := range areas {
		from[i] = x.weight
	}
	home, age, area := newAlias(shares), newAlias(ages), newAlias(from)
	firms, jobs := found(d, n)
	people := make([]person, n)
	taken := make(map[[18]byte]struct{}, n)
	for i := range people {
		p := &people[i]
		p.district = uint8(home.draw(d)) //nolint:gosec // ten districts
		if p.second = p.district; d.in(2500) {
			p.second = uint8(home.draw(d)) //nolint:gosec // ten districts
		}
		years := 5*age.draw(d) + d.below(5)
		if i%4999 == 7 {
			years = 100 + d.below(7)
		}
		p.age, p.band = int16(years), uint8(bandOf(years)) //nolint:gosec // at most 106
		p.male = d.in(maleShare(years))
		for {
			p.number(d, areas[area.draw(d)].code)
			if _, dup := taken[p.id]; !dup {
				break
			}
		}
		taken[p.id] = struct{}{}
		p.insure(d)
		p.employ(d, &jobs)
	}
	return people, firms
}

func maleShare(age int) int {
	switch {
	case age < 20:
		return 5300
	case age < 60:
		return 5100
	case age < 80:
		return 4800
	default:
		return 4000
	}
}

// monthEnds are the days of 2025 before each month and after the last.
var monthEnds = [...]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

// number draws the citizen number; two people in a thousand are foreigners
// and have a passport instead.
func (p *person) number(d *dice, area string) {
	month := d.below(12)
	day := d.below(monthEnds[month+1] - monthEnds[month])
	year := 2025 - int(p.age)
	p.bornDay = -1
	if year == 2025 {
		p.bornDay = int16(monthEnds[month] + day) //nolint:gosec // below 365
	}
	seq := 2 * d.below(499)
	if p.male {
		seq++
	} else {
		seq += 2
	}
	if p.passport = d.in(20); p.passport {
		p.id = [18]byte{}
		copy(p.id[:], fmt.Sprintf("E%08d", d.below(100_000_000)))
		return
	}
	b := make([]byte, 0, 18)
	b = append(b, area...)
	b = digits(b, year, 4)
	b = digits(b, month+1, 2)
	b = digits(b, day+1, 2)
	b = digits(b, seq, 3)
	check, err := ident.PersonCheck(string(b))
	if err != nil {
		panic(err) // 17 digits were just written
	}
	p.id = [18]byte(append(b, check))
}

// digits appends n in decimal, width digits wide.
func digits(b []byte, n, width int) []byte {
	for i := range width {
		div := 1
		for range width - 1 - i {
			div *= 10
		}
		b = append(b, byte('0'+n/div%10))
	}
	return b
}

// insure draws the domain: children, most students and most people of the
// country are insured as residents.
func (p *person) insure(d *dice) {
	p.first, p.moved = 1, neverMoved
	share := districts[p.district].employees
	switch {
	case p.age < 16:
		share = 0
	case p.age < 18:
		share /= 50
	case p.age < 23:
		share /= 4
	case p.age >= 60:
		share = share * 8 / 10
	}
	if d.in(share) {
		p.first = 0
	}
	if p.age >= 18 && p.age < 70 && d.in(800) {
		p.moved = uint8(3 + d.below(8)) //nolint:gosec // March to October
	}
	switch {
	case d.in(3500):
		p.habit = rarely
	case d.in(1400):
		p.habit = often
	case p.age >= 18 && d.in(90):
		p.habit = dialysed
	default:
		p.habit = usually
	}
}

// visits is the weight of the person among all who see a doctor.
func (p *person) visits() int {
	byBand := [...]int{30, 30, 40, 75, 125, 140}
	w := byBand[p.band]
	if p.age < 5 {
		w = 65
	}
	switch p.habit {
	case rarely:
		return w
	case often:
		return 12 * w
	case dialysed:
		return 40*60 + 4*w
	default:
		return 4 * w
	}
}
