package gates_test

import (
	"bytes"
	"testing"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
)

// A city that adopts the next version of its rules does not undo the agreements that
// were signed under the one before: their text names that version, and stays.
func TestNextVersion(t *testing.T) {
	for _, city := range profiles.IDs() {
		source, err := profiles.Source(city)
		if err != nil {
			t.Fatal(err)
		}
		next, err := profiles.Load(bytes.Replace(source, []byte("\nversion: 1\n"), []byte("\nversion: 2\n"), 1))
		if err != nil {
			t.Fatal(err)
		}
		f := gatestest.New(t, city, profile.ByOperation).Facts()
		before, now := f.Profile, next.Frozen()
		f.Profile = next
		f.Terms.Under.Version, f.Terms.Under.Rules = now.Version, now.Digest
		if all := gates.Blocked(gates.Check(f, gates.AtStart)); len(all) == 0 || all[0].Gate != "G4" {
			t.Errorf("%s: the version that was signed under is not at hand: %s", city, told(all))
		}
		f.Agreed = before
		if all := gates.Blocked(gates.Check(f, gates.AtStart)); len(all) > 0 {
			t.Errorf("%s: %s", city, told(all))
		}
		f.Agreed = next
		if all := gates.Blocked(gates.Check(f, gates.AtStart)); len(all) == 0 {
			t.Errorf("%s: another version than that of the case was taken for it", city)
		}
	}
}
