package cases

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/yunei/yunei/suite"
)

//go:embed tables/*.yaml
var embedded embed.FS

// Tables are procedures by digest. A case is folded with the table that it was
// opened under, and so an older version of a table stays beside the newer.
type Tables map[suite.Digest]Table

// Procedures reads the tables that this program holds.
func Procedures() (Tables, error) {
	files, err := fs.Glob(embedded, "tables/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("reading the tables: %w", err)
	}
	all := Tables{}
	for _, name := range files {
		raw, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the tables: %w", err)
		}
		t, err := ParseTable(raw)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		all[t.Digest()] = t
	}
	return all, nil
}

// Newest is the table by which a case of a kind is opened now, unless there is
// another for the way that its data come (Way).
func (ts Tables) Newest(kind string) (Table, error) {
	var best Table
	for _, t := range ts {
		if t.Kind == kind && t.Channel == "" && t.Version > best.Version {
			best = t
		}
	}
	if best.Version == 0 {
		return Table{}, refuse("case-table")
	}
	return best, nil
}

// Way is the newest table of a kind for data that come by a channel along a
// route, such as share by bureau and provider.
func (ts Tables) Way(kind, channel string, route []string) (Table, error) {
	var best Table
	for _, t := range ts {
		if t.Kind == kind && t.Channel != "" && t.Channel == channel && slices.Equal(t.Route, route) && t.Version > best.Version {
			best = t
		}
	}
	if best.Version == 0 {
		return Table{}, refuse("case-table")
	}
	return best, nil
}

// All lists the newest tables of a kind, for every way of it, that without a
// channel first.
func (ts Tables) All(kind string) []Table {
	best := map[string]Table{}
	for _, t := range ts {
		way := t.Channel + " " + strings.Join(t.Route, " ")
		if t.Kind == kind && t.Version > best[way].Version {
			best[way] = t
		}
	}
	var all []Table
	for _, way := range slices.Sorted(maps.Keys(best)) {
		all = append(all, best[way])
	}
	return all
}

// Kinds lists the procedures that there are.
func (ts Tables) Kinds() []string {
	kinds := map[string]bool{}
	for _, t := range ts {
		kinds[t.Kind] = true
	}
	return slices.Sorted(maps.Keys(kinds))
}
