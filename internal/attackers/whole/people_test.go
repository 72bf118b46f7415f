package whole

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage/columns"
)

// A person has attributes that everybody knows, and values that nobody should.
type person struct {
	id     string // citizen number
	rank   int
	square int // -1: it is not known
	rows   []visit
}

type visit struct {
	day         int
	cost, other int64
}

// at is a row's value of a column, and whether there is one.
func (v visit) at(p person, column int) (int64, bool) {
	switch column {
	case rank:
		return int64(p.rank), true
	case square:
		return int64(p.square), p.square >= 0
	case day:
		return int64(v.day - 1), true // the code's place
	case cost:
		return v.cost, true
	default:
		return v.other, true
	}
}

const (
	crowd  = 60 // people of a domain
	victim = 30 // the rank of one person of domain a, and of nobody else
	nobody = crowd
	lastOf = 31 // the day on which the victim alone came
	late   = 777
	secret = 1000 // the victim's other value
)

// A data is the people of an attack, by domain.
type data map[string][]person

// crowds are people of two domains, or of others.
func crowds(seed uint64, domains ...string) data {
	d := data{}
	for i, domain := range append(domains, "a", "b") {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		d[domain] = nil
		for n := range crowd {
			p := person{rank: n, square: n % 9}
			if n == victim && domain != "a" {
				p.rank = nobody
			}
			for range 1 + random.IntN(2) {
				p.rows = append(p.rows, visit{1 + random.IntN(30), 100 + random.Int64N(900), 100 + random.Int64N(900)})
			}
			if p.rank == victim {
				p.rows = []visit{{7, 100 + random.Int64N(900), secret}, {lastOf, late, 0}}
			}
			d[domain] = append(d[domain], p)
		}
	}
	return d
}

// squares are people of domain a, so many in each cell of 3 by 3, beside some of
// domain b of whom that is not known.
func squares(sizes ...int) data {
	d := data{}
	for cell, n := range sizes {
		for range n {
			d["a"] = append(d["a"], person{rank: len(d["a"]) % crowd, square: cell, rows: []visit{{1, 100, 100}}})
		}
	}
	for n := range 12 {
		d["b"] = append(d["b"], person{rank: n, square: -1, rows: []visit{{1, 100, 100}}})
	}
	return d
}

// number gives everyone a citizen number of nobody, born on a day of the attack's
// own, so that no two attacks share a person.
func (d data) number(attack int) error {
	for domain, people := range d {
		for i := range people {
			digits := fmt.Sprintf("1101051950%02d%02d%03d", 1+attack/28, 1+attack%28, int(domain[0]-'a')*300+i)
			check, err := ident.PersonCheck(digits)
			if err != nil {
				return err
			}
			people[i].id = digits + string(check)
		}
	}
	return nil
}

func codes(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

// schema of every dataset.
var schema = columns.Schema{
	Name: "visits",
	Columns: []columns.Column{
		{Name: "id_number", Type: columns.PersonID, Role: columns.UnitIdentifier},
		{Name: "rank", Type: columns.Code, Role: columns.Frame, Codes: codes(crowd + 1)},
		{Name: "square", Type: columns.Code, Role: columns.Frame, Codes: codes(9)},
		{Name: "day", Type: columns.Code, Role: columns.QuasiIdentifier, Codes: codes(32)[1:]},
		{Name: "cost", Type: columns.Int64, Role: columns.Measure},
		{Name: "other", Type: columns.Int64, Role: columns.Measure},
	},
	Unit: columns.UnitBy{Namespace: jobs.NaturalPerson, Column: "id_number"},
}

func csv(people []person) []byte {
	b := bytes.NewBufferString("id_number,rank,square,day,cost,other\n")
	for _, p := range people {
		cell := ""
		if p.square >= 0 {
			cell = strconv.Itoa(p.square)
		}
		for _, v := range p.rows {
			fmt.Fprintf(b, "%s,%d,%s,%d,%d,%d\n", p.id, p.rank, cell, v.day, v.cost, v.other)
		}
	}
	return b.Bytes()
}

// total is the true sum of a column over the rows that keep says.
func total(people []person, column int, keep func(person, visit) bool) (sum int64) {
	for _, p := range people {
		for _, v := range p.rows {
			if x, _ := v.at(p, column); keep(p, v) {
				sum += x
			}
		}
	}
	return sum
}

func each(person, visit) bool         { return true }
func isVictim(p person, _ visit) bool { return p.rank == victim }
