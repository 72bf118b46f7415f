package cases

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"

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

// Newest is the table by which a case of a kind is opened now.
func (ts Tables) Newest(kind string) (Table, error) {
	var best Table
	for _, t := range ts {
		if t.Kind == kind && t.Version > best.Version {
			best = t
		}
	}
	if best.Version == 0 {
		return Table{}, refuse("case-table")
	}
	return best, nil
}

// Kinds lists the procedures that there are.
func (ts Tables) Kinds() []string {
	kinds := map[string]bool{}
	for _, t := range ts {
		kinds[t.Kind] = true
	}
	return slices.Sorted(maps.Keys(kinds))
}
