package twin

import (
	"fmt"
	"time"

	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/storage/columns"
)

// nowhere is the part of a district code below the province. GB/T 2260 numbers
// the prefectures of a province from 01, and keeps 90 for what is under it
// directly: none has 99, so no number of a living person has it.
const nowhere = "9999"

// provinces of GB/T 2260 on the mainland.
var provinces = []int{11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65}

// oldest is how many years before the end of the window somebody may be born.
const oldest = 105

// sequences is how many people of one day and district GB 11643 can number.
const sequences = 999

// A holder is the person or body that a unit is: the same in all datasets of
// a seed, and never the same as another.
type holder struct {
	index    int
	born     int64 // day
	sequence int
	home     []value // see Twin.homes
}

func (t *Twin) holder(i int) holder {
	class := i % (sequences * len(provinces)) // who differ in district or sequence number
	end := time.Unix(t.to*secondsADay, 0).UTC()
	first := dayOf(time.Date(end.Year()-oldest, time.January, 1, 0, 0, 0, 0, time.UTC))
	span := t.to - first + 1
	day := newDice(t.options.Seed, "born", class).below(span)
	switch class {
	case 0: // on the last day
		day = span - 1
	case 1: // as long ago as can be
		day = 0
	case 2: // on a leap day
		day = dayOf(time.Date((end.Year()-30)/4*4, time.February, 29, 0, 0, 0, 0, time.UTC)) - first
	}
	day = (day + int64(i/(sequences*len(provinces)))) % span // whoever is of the same class is born on another day
	return holder{index: i, born: first + day, sequence: 500*i%sequences + 1}
}

// sex is the index of the derived code: 0 for M, 1 for F.
func (h holder) sex() int64 { return int64(1 - h.sequence%2) }

func (h holder) identifier(t columns.Type) string {
	province := provinces[h.index/sequences%len(provinces)]
	if t == columns.BodyID {
		code, err := ident.BodyCode(fmt.Sprintf("91%02d%sT%07d", province, nowhere, h.index%10_000_000))
		if err != nil {
			panic("twin: " + err.Error()) // 16 good characters
		}
		return code
	}
	number := fmt.Sprintf("%02d%s%s%03d", province, nowhere, time.Unix(h.born*secondsADay, 0).UTC().Format("20060102"), h.sequence)
	check, err := ident.PersonCheck(number)
	if err != nil {
		panic("twin: " + err.Error()) // 17 digits
	}
	return number + string(check)
}
