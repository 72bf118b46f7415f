package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// spec writes ID.spec.json: the study of visits and cost by district and age
// band, as an operator would describe it, with what a story wants otherwise.
func (s *story) spec(id string, mode jobs.Mode, edits []string) error {
	t := study(id, mode)
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if raw, err = edited(raw, edits); err != nil {
		return err
	}
	return os.WriteFile(s.Path(id+".spec.json"), raw, 0o600)
}

func study(id string, mode jobs.Mode) jobs.Terms {
	bands := []string{"0-17", "18-34", "35-49", "50-64", "65-79", "80+"}
	t := jobs.Terms{
		ID: id, Scenario: "medical-burden", Purpose: "health-planning", Program: jobs.Program{Name: "district-age-c"}, Params: words(10, bands),
		KMin: 2, Mode: mode, Uses: 1, Trustees: jobs.Trustees{Quorum: 2}, Recipients: []string{"qs-yy"},
		Limits: jobs.Limits{Fuel: 2_000_000, Memory: 64, Input: 64 << 10, Rows: 512, Emits: 4096},
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson, L0: 2,
			Dims:     []jobs.Dim{{Name: "district", Title: "区县"}, {Name: "age_band", Title: "年龄段", Codes: bands}},
			Units:    jobs.Measure{Name: "persons", Title: "人数", Hi: 1, Round: 5},
			Measures: []jobs.Measure{{Name: "visits", Title: "就诊次数", Hi: 50, Round: 5}, {Name: "cost_fen", Title: "费用（分）", Hi: 5_000_000, Round: 100_000}},
		},
	}
	for _, d := range []string{"a", "b"} {
		t.Members = append(t.Members, jobs.Member{Dataset: "settlement-" + d, Version: "2025", Columns: []string{"district", "birth_month", "cost_fen"}, Budget: jobs.Budget{Rho: "2"}})
	}
	if mode != jobs.DP {
		t.Threshold = 10
	}
	if mode == jobs.SDC {
		t.Program.Review = &jobs.Review{Reviewer: "王工", Source: suite.DigestOf([]byte("source")), Report: "review.md"}
		return t
	}
	// rho of a measure is (D C)^2 L0 / (2 sigma^2): a tenth each, 3/10 a run.
	variance := func(c int64) uint64 { return uint64(4 * 2 * c * c * 10 / 2) }
	t.Shape.Units.Sigma = variance(1)
	for i, m := range t.Shape.Measures {
		t.Shape.Measures[i].Sigma = variance(m.Hi)
	}
	return t
}

// words are those of the program: how many districts and bands, the month of
// reference, and the upper edges of the bands.
func words(districts int32, bands []string) []byte {
	var b bytes.Buffer
	all := []int32{districts, int32(len(bands)), (2025-1970)*12 + 11, 18, 35, 50, 65, 80}
	_ = binary.Write(&b, binary.LittleEndian, all) // a buffer does not fail
	return b.Bytes()
}
