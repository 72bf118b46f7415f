package city

import (
	"cmp"
	"slices"
)

// Truth is what truth.json holds: the answers that the files, read with care,
// lead to.
//
// A row counts if its identifier is valid and its district is there; a missing
// cost is a visit that cost nothing. A cell is a district and an age band, the
// age being whole years from the month of birth to Reference. A unit is a
// canonical citizen number; it is distinct within a domain.
type Truth struct {
	People     int        `json:"people"`
	Seed       uint64     `json:"seed"`
	Reference  string     `json:"reference_month"`
	Districts  []string   `json:"districts"`
	Bands      []string   `json:"bands"`
	Bounds     Bounds     `json:"bounds"`
	A          Domain     `json:"a"`
	B          Domain     `json:"b"`
	Union      Answers    `json:"union"`
	Employment Employment `json:"employment"`
}

// A Domain is the truth about the settlements of one domain.
type Domain struct {
	Rows    int     `json:"rows"`
	Used    int     `json:"rows_used"`
	Defects Defects `json:"defects"`
	Answers
}

// Answers hold all cells, by district and then by band (canonical order).
// Exact ones know no bounds; of Bounded ones a unit gives only its first
// Bounds.Cells cells in that order, and in each its clipped total. In the
// union Persons is the sum over the domains, Distinct counts once who is in
// both; in a domain they are the same.
type Answers struct {
	Persons  int    `json:"persons"`
	Distinct int    `json:"distinct_persons"`
	Exact    []Cell `json:"exact"`
	Bounded  []Cell `json:"bounded"`
}

// A Cell is one line of Answers.
type Cell struct {
	District string `json:"district"`
	Band     string `json:"band"`
	Persons  int    `json:"persons"`
	Distinct int    `json:"distinct_persons"`
	Visits   int64  `json:"visits"`
	CostFen  int64  `json:"cost_fen"`
}

// A holding is what one person has in one district of one domain.
type holding struct {
	next     int32 // the person's next one, or -1
	domain   uint8
	district uint8
	visits   int64
	cost     int64
}

// A tally sums the rows per person while they are written.
type tally struct {
	heads    []int32 // of each person, -1 for none
	holdings []holding
	rows     [2]int
	used     [2]int
	defects  [2]Defects
}

func newTally(people int) *tally {
	t := &tally{heads: make([]int32, people)}
	for i := range t.heads {
		t.heads[i] = -1
	}
	return t
}

// add notes a row; district is -1 if it is missing.
func (t *tally) add(person int, domain uint8, district int, cost int64, known bool) {
	t.rows[domain]++
	if !known || district < 0 {
		return
	}
	t.used[domain]++
	at := t.heads[person]
	for at >= 0 && (t.holdings[at].domain != domain || int(t.holdings[at].district) != district) {
		at = t.holdings[at].next
	}
	if at < 0 {
		at = int32(len(t.holdings))                                                                                //nolint:gosec // at most 20 a person
		t.holdings = append(t.holdings, holding{next: t.heads[person], domain: domain, district: uint8(district)}) //nolint:gosec // ten districts, -1 went above
		t.heads[person] = at
	}
	t.holdings[at].visits++
	t.holdings[at].cost += cost
}

// fill adds up the holdings of all people.
func (t *tally) fill(truth *Truth, people []person) {
	truth.A = Domain{Rows: t.rows[0], Used: t.used[0], Defects: t.defects[0], Answers: blank()}
	truth.B = Domain{Rows: t.rows[1], Used: t.used[1], Defects: t.defects[1], Answers: blank()}
	truth.Union = blank()
	domains := [2]*Answers{&truth.A.Answers, &truth.B.Answers}
	var mine []holding
	for i := range people {
		mine = mine[:0]
		for at := t.heads[i]; at >= 0; at = t.holdings[at].next {
			mine = append(mine, t.holdings[at])
		}
		if len(mine) == 0 {
			continue
		}
		slices.SortFunc(mine, func(x, y holding) int {
			return cmp.Or(cmp.Compare(x.domain, y.domain), cmp.Compare(x.district, y.district))
		})
		truth.Union.Distinct++
		var exact, bounded [len(districts)]bool // already counted in the union
		rank := 0
		for j, h := range mine {
			if rank++; j == 0 || h.domain != mine[j-1].domain {
				rank = 1
				domains[h.domain].Persons++
				domains[h.domain].Distinct++
				truth.Union.Persons++
			}
			cell := int(h.district)*len(bandNames) + int(people[i].band)
			book(domains[h.domain].Exact, truth.Union.Exact, cell, h.visits, h.cost, &exact[h.district])
			if rank <= truth.Bounds.Cells {
				book(domains[h.domain].Bounded, truth.Union.Bounded, cell,
					min(h.visits, truth.Bounds.Visits), min(h.cost, truth.Bounds.CostFen), &bounded[h.district])
			}
		}
	}
}

func blank() Answers {
	cells := make([]Cell, 0, len(districts)*len(bandNames))
	for _, d := range districts {
		for _, band := range bandNames {
			cells = append(cells, Cell{District: d.Code, Band: band})
		}
	}
	return Answers{Exact: cells, Bounded: slices.Clone(cells)}
}

// book adds one person's part to a cell of the domain and of the union; seen
// says whether the union has the person in that cell from another domain.
func book(domain, union []Cell, cell int, visits, cost int64, seen *bool) {
	for _, c := range []*Cell{&domain[cell], &union[cell]} {
		c.Persons++
		c.Visits += visits
		c.CostFen += cost
	}
	domain[cell].Distinct++
	if !*seen {
		union[cell].Distinct++
	}
	*seen = true
}
