package gate

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	numbers "github.com/yunei/yunei/jobs/set"
)

// joinTerms are of a join of two domains by three codes and one for nobody's.
func joinTerms(t *testing.T) jobs.Terms {
	t.Helper()
	terms := governancetest.NewTown(t).Terms()
	terms.Program, terms.Params, terms.Limits, terms.Mode = jobs.Program{}, nil, jobs.Limits{}, jobs.SDC
	terms.Trustees.Quorum = 3
	terms.Join = &jobs.Join{
		A: numbers.Commitment{Root: strings.Repeat("a", 64), Size: 500}, B: numbers.Commitment{Root: strings.Repeat("b", 64), Size: 700}, Cells: "district",
	}
	terms.Members = slices.Clone(terms.Members)
	terms.Members[0].Columns, terms.Members[1].Columns = []string{"days"}, []string{"district"}
	codes := []string{"520102", "520103", "520111", jobs.NoCode}
	terms.Shape.Dims = []jobs.Dim{{Name: "district", Title: "区", Codes: codes, Labels: codes}}
	terms.Shape.Measures = []jobs.Measure{{Name: "days", Title: "天数", Hi: 30, Round: 1}}
	terms.Shape.Units.Round = 1
	if err := terms.Check(); err != nil {
		t.Fatal(err)
	}
	return terms
}

// Of a join a cell is shown with its total if it has nobody or enough people,
// and neither count nor total of any other; what nobody could check is not
// taken for checked.
func TestJudgeJoin(t *testing.T) {
	terms := joinTerms(t)
	c, record, err := Judge(terms, []int64{40, 9, 0, 10, 400, 90, 0, 301})
	if err != nil {
		t.Fatal(err)
	}
	// In the third is nobody, whom the second domain would know. The last cell's people cannot have 301 days of at most 30 each.
	want := []jobs.Cell{{40, 400}, nil, nil, nil}
	for i, cell := range c.Cells {
		if !slices.Equal(cell, want[i]) || (cell == nil) != (want[i] == nil) {
			t.Errorf("cell %d: %v, want %v", i, cell, want[i])
		}
	}
	if record.Verdict != Review {
		t.Errorf("verdict %s", record.Verdict)
	}
	status := map[string]Status{}
	for _, check := range record.Checks {
		status[check.ID] = check.Status
	}
	for id, want := range map[string]Status{"C05": Pass, "C07": NotPerformed, "C08": NotPerformed, "C10": NotPerformed, "C25": Review} {
		if status[id] != want {
			t.Errorf("%s: %s, want %s", id, status[id], want)
		}
	}
	if _, err := ParseRecord(record.Bytes()); err != nil {
		t.Error(err)
	}
	words := ""
	for _, s := range c.Statements {
		words += s.EN + "\n"
	}
	for _, say := range []string{"neither domain nor the platform learns who is in both", "administrator could read the exact counts", "500 and 700"} {
		if !strings.Contains(words, say) {
			t.Errorf("the statements do not say %q:\n%s", say, words)
		}
	}
	if strings.Contains(words, "could subtract its own part") || strings.Contains(words, "program's source") {
		t.Error("the statements are of a sum")
	}
}

// A cell of nobody is not told from a cell of few.
func TestJudgeJoinNobody(t *testing.T) {
	terms := joinTerms(t)
	var told [][]byte
	for few := range terms.Threshold {
		c, _, err := Judge(terms, []int64{40, few, 30, 50, 400, few, 300, 500})
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, c.Bytes())
		if !bytes.Equal(told[0], told[few]) {
			t.Errorf("with %d in a cell the candidate differs from that with none", few)
		}
	}
}

// A result that tells that nearly all of a set are in the other fails.
func TestJudgeJoinGroup(t *testing.T) {
	terms := joinTerms(t)
	terms.Join.B.Size = 129
	for last, want := range map[int64]Status{50: Fail, 49: Review} {
		_, record, err := Judge(terms, []int64{40, 0, 30, last, 400, 0, 300, 500})
		if err != nil {
			t.Fatal(err)
		}
		if record.Verdict != want {
			t.Errorf("%d of 129 shown: %s, want %s", 70+last, record.Verdict, want)
		}
	}
}

// Sets that cannot have enough people in common are refused before anything is
// read, and a vector of another length is nobody's.
func TestJudgeJoinRefusals(t *testing.T) {
	terms := joinTerms(t)
	if _, _, err := Judge(terms, make([]int64, 7)); !errors.Is(err, fault.Tampered) {
		t.Errorf("a short vector: %v", err)
	}
	terms.Join.A.Size = int(terms.Threshold) - 1
	if err := Admit(terms); fault.Show(err).Code != "join-set" {
		t.Errorf("a small set: %v", err)
	}
}
