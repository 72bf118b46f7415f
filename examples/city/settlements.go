package city

import (
	"io"
	"strconv"
)

// Defects counts what is wrong in the rows of a file, by kind. The first four
// spellings still lead to the person; the next three do not.
type Defects struct {
	Fifteen    int `json:"fifteen_digits"`
	FullWidth  int `json:"full_width"`
	SmallX     int `json:"small_x"`
	Padded     int `json:"padded"`
	BadCheck   int `json:"bad_check_digit"`
	Blank      int `json:"blank_id"`
	Passport   int `json:"passport"`
	NoDate     int `json:"no_date"`
	NoDistrict int `json:"no_district"`
	NoCost     int `json:"no_cost"`
}

// spell appends the number as a clerk may have typed it, and says whether it
// still leads to the person.
func (p *person) spell(b []byte, d *dice, def *Defects) ([]byte, bool) {
	if p.passport {
		def.Passport++
		return append(b, p.id[:9]...), false
	}
	switch roll := d.below(100_000); {
	case roll < 500:
		def.BadCheck++
		b = append(b, p.id[:]...)
		b[len(b)-1] = '0' + (p.id[17]+1)%10 // 'X' is 88 and becomes '9'
		return b, false
	case roll < 800:
		def.Blank++
		return b, false
	case roll < 1420 && p.id[6] == '1' && p.id[7] == '9' && string(p.id[14:17]) < "996":
		def.Fifteen++
		return append(append(b, p.id[:6]...), p.id[8:17]...), true
	case roll >= 1420 && roll < 1620:
		def.FullWidth++
		for _, c := range p.id { // U+FF10 to U+FF19 and U+FF38
			b = append(b, 0xef, 0xbc, c+0x60)
		}
		return b, true
	case roll >= 1620 && roll < 1770:
		def.Padded++
		return append(append(append(b, ' '), p.id[:]...), ' '), true
	case p.id[17] == 'X' && roll%3 == 0:
		def.SmallX++
		return append(append(b, p.id[:17]...), 'x'), true
	}
	return append(b, p.id[:]...), true
}

// visitsPerPerson is the mean of a year, in tenths.
const visitsPerPerson = 75

// A clinic holds what is drawn from while the settlements are written.
type clinic struct {
	*dice
	people   []person
	patients alias
	homes    alias
	wards    [2]alias // kinds of hospital, by domain
	groups   [2][len(bandNames)][2]alias
	tally    *tally
}

func open(people []person, seed uint64, t *tally) *clinic {
	c := &clinic{dice: newDice(seed, streamSettlements), people: people, tally: t}
	weights := make([]int, len(people))
	for i := range people {
		weights[i] = people[i].visits()
	}
	c.patients = newAlias(weights)
	weights = weights[:0]
	for _, x := range districts {
		weights = append(weights, x.people)
	}
	c.homes = newAlias(weights)
	for domain := range 2 {
		weights = make([]int, len(kinds))
		for i, k := range kinds {
			weights[i] = k.weights[domain]
		}
		c.wards[domain] = newAlias(weights)
		for band := range bandNames {
			for s, sex := range []byte("MF") {
				c.groups[domain][band][s] = newAlias(groupWeights(domain, band, sex))
			}
		}
	}
	return c
}

func groupWeights(domain, band int, sex byte) []int {
	weights := make([]int, len(diagnoses))
	for i, g := range diagnoses {
		if band >= g.from && band <= g.to && (g.sex == 0 || g.sex == sex) {
			weights[i] = g.weights[domain]
		}
	}
	return weights
}

const settlementHeader = "id_number,settle_date,hospital,district,diagnosis_group,cost_fen\n"

// settlements writes the year day by day, each row to the file of the domain
// in which the person was insured on that day.
func settlements(people []person, seed uint64, files [2]io.Writer, t *tally) error {
	c := open(people, seed, t)
	for _, w := range files {
		if _, err := io.WriteString(w, settlementHeader); err != nil {
			return err
		}
	}
	rows := int64(len(people)) * visitsPerPerson / 10
	var total, sofar, done int64
	for day := range 365 {
		total += int64(dayWeight(day))
	}
	line := make([]byte, 0, 160)
	for day := range 365 {
		sofar += int64(dayWeight(day))
		month := monthOf(day)
		date := string(digits(digits([]byte("2025-"), month, 2), 100+day-monthEnds[month-1]+1, 2))
		date = date[:7] + "-" + date[7:]
		for until := rows * sofar / total; done < until; done++ {
			i := c.patient(day)
			domain := people[i].domain(month)
			line = c.row(line[:0], i, domain, date)
			if _, err := files[domain].Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// dayWeight is how busy a day of 2025 is: fewer come on Saturdays and Sundays,
// at the Spring Festival and in the golden week, more in winter.
func dayWeight(day int) int {
	w := 100
	switch (day + 3) % 7 { // 1 January was a Wednesday
	case 6:
		w = 75
	case 0:
		w = 60
	}
	switch {
	case day >= 27 && day < 35:
		w = w * 3 / 10
	case day >= monthEnds[9] && day < monthEnds[9]+8:
		w = w * 6 / 10
	case day < 60 || day >= monthEnds[11]:
		w = w * 115 / 100
	}
	return w
}

func monthOf(day int) int {
	month := 1
	for day >= monthEnds[month] {
		month++
	}
	return month
}

// patient draws who comes: anyone who is born by then.
func (c *clinic) patient(day int) int {
	for range 64 {
		if i := c.patients.draw(c.dice); int(c.people[i].bornDay) <= day {
			return i
		}
	}
	for i := range c.people { // a city of infants
		if c.people[i].bornDay <= 0 {
			return i
		}
	}
	return 0
}

// row appends one settlement, and tells the tally of it.
func (c *clinic) row(b []byte, i int, domain uint8, date string) []byte {
	p, def := &c.people[i], &c.tally.defects[domain]
	b, known := p.spell(b, c.dice, def)
	b = append(b, ',')
	if c.in(100) {
		def.NoDate++
	} else {
		b = append(b, date...)
	}
	group := c.group(p, domain)
	h := c.hospital(p, domain)
	b = append(append(b, ','), hospitals[h].Code...)
	b = append(b, ',')
	where := c.where(p)
	if c.in(100) {
		def.NoDistrict++
		where = -1
	} else {
		b = append(b, districts[where].Code...)
	}
	b = append(append(b, ','), diagnoses[group].Code...)
	b = append(b, ',')
	cost := c.cost(group, hospitals[h].Level, domain)
	if c.in(100) {
		def.NoCost++
		cost = 0
	} else {
		b = strconv.AppendInt(b, cost, 10)
	}
	c.tally.add(i, domain, where, cost, known)
	return append(b, '\n')
}

// where draws the district of a settlement: mostly where the person lives, at
// times the second one, seldom any.
func (c *clinic) where(p *person) int {
	switch roll := c.below(1000); {
	case roll < 3:
		return c.homes.draw(c.dice)
	case roll < 200:
		return int(p.second)
	default:
		return int(p.district)
	}
}

func (c *clinic) group(p *person, domain uint8) int {
	if p.habit == dialysed && c.in(8000) {
		return dialysis
	}
	sex := 1
	if p.male {
		sex = 0
	}
	return c.groups[domain][p.band][sex].draw(c.dice)
}

func (c *clinic) hospital(p *person, domain uint8) int {
	if c.in(1800) {
		return c.below(cityHospitals)
	}
	return cityHospitals + int(p.district)*len(kinds) + c.wards[domain].draw(c.dice)
}

// maxCost is the most that one settlement costs, 3,000,000 yuan.
const maxCost = 300_000_000

// cost draws a log-normal cost; of a hundred settlements and a half one lies in
// a Pareto tail of index 1.4, where single rows rule a sum.
func (c *clinic) cost(group, level int, domain uint8) int64 {
	g := &diagnoses[group]
	x := g.sigma * c.normal() >> 16
	if c.in(150) {
		x += 2<<16 + c.exponential()*5/7
	}
	median := g.median * [...]int64{0, 60, 100, 140}[level] / 100
	if domain == 0 {
		median = median * 115 / 100
	}
	return scale(median, x, maxCost)
}
