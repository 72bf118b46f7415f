package papers

import (
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A draft is a paper with what is known already filled in, for a person to
// complete, to read and to hand in under their own key. It never answers what
// only they can: whether data are secret, personal, on a negative list, or on
// which law anything rests.

// DraftSheet is a sheet of an entry of the catalogue.
func DraftSheet(e governance.Entry) Sheet {
	s := Sheet{
		Dataset: e.ID, Provider: e.Provider, Share: string(e.Share),
		Fields: map[string]string{
			"name": e.Title, "format": "表 table", "form": "结构化数据 structured", "source": e.Provider, "supplier": e.Provider,
			"collector": e.Provider, "approver": e.Provider, "share-attribute": string(e.Share), "share-type": string(e.Share), "opener": e.Provider,
		},
	}
	var titles []string
	for _, c := range e.Columns {
		name := c.Title
		if name == "" {
			name = c.Name
		}
		titles = append(titles, name)
		s.Items = append(s.Items, Item{Code: e.Provider + "/" + e.ID + "/" + c.Name, Name: name, Column: c.Name, Source: e.Provider, Subject: subjects[c.Type], Identifier: identifiers[c.Type]})
	}
	s.Fields["content"] = strings.Join(titles, "、")
	return s
}

// What a column's type says of its item; of others a person says it.
var (
	subjects    = map[string]string{"person_id": "person", "body_id": "body"}
	identifiers = map[string]string{"person_id": "resident-id", "body_id": "credit-code"}
)

// DraftScenario is a scenario of terms, complete or not: one list of what they
// name, for as long as they last.
func DraftScenario(t jobs.Terms, catalogue []governance.Entry) Scenario {
	s := Scenario{
		ID: t.Scenario, Purpose: t.Purpose, Channel: "authop", Applicant: t.Operator.Org, Mode: InSandbox, Format: "统计表 table",
		From: t.NotBefore, To: t.NotAfter, Recipients: slices.Clone(t.Recipients),
	}
	for _, m := range t.Members {
		i := slices.IndexFunc(catalogue, func(e governance.Entry) bool { return e.ID == m.Dataset })
		if i >= 0 && !slices.Contains(s.Sources, catalogue[i].Provider) {
			s.Sources = append(s.Sources, catalogue[i].Provider)
		}
		columns := slices.Clone(m.Columns)
		if (t.Join != nil || t.Verify != nil) && i >= 0 { // people are found by their numbers, which no program is given
			for _, c := range catalogue[i].Columns {
				if identifiers[c.Type] != "" && !slices.Contains(columns, c.Name) {
					columns = append(columns, c.Name)
				}
			}
		}
		s.Datasets = append(s.Datasets, Use{Dataset: m.Dataset, Columns: columns, Rows: "全部 all"})
	}
	if t.Verify != nil {
		s.Channel, s.Mode, s.Format = "share", ByCompare, "核实比对结果 answers to claims"
	}
	if t.Join != nil && len(s.Datasets) == 2 {
		s.Joins = [][2]string{{s.Datasets[0].Dataset, s.Datasets[1].Dataset}}
	}
	return s
}

// DraftAgreement is the agreement on a scenario whose case has ended with head.
// Its text is still to be set.
func DraftAgreement(id string, s Scenario, head suite.Digest, bureau string) Agreement {
	return Agreement{
		ID: id, Scenario: s.ID, Head: head, Operator: s.Applicant, Bureau: bureau, From: s.From, To: s.To,
		Purposes: []string{s.Purpose}, Recipients: slices.Clone(s.Recipients), Plan: s.Plan,
		Blanks: map[string]string{"scope": s.Scope, "term": span(s.From, s.To), "safeguards": s.Safeguards, "means": s.Mode},
	}
}

func span(from, to time.Time) string {
	return from.Format(time.DateOnly) + " 至 " + to.Format(time.DateOnly)
}

// DraftProgram is a program's paper.
func DraftProgram(name string, module []byte, source suite.Digest, author string) Program {
	return Program{Digest: suite.DigestOf(module), Name: name, Source: source, Author: author}
}
