package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	numbers "github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/roll"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// keepRoll seals the numbers of a version beside it, in the domain, and returns
// what the provider is to register of them.
func (f datasetFlags) keepRoll(ctx context.Context, cfg domain.Config, schema columns.Schema, draft *roll.Draft) (*numbers.Commitment, error) {
	store, err := domain.OpenStore(ctx, f.site, cfg)
	if err != nil {
		return nil, err
	}
	key, err := domain.SealKey(f.site)
	if err != nil {
		return nil, err
	}
	name, err := roll.Name(f.name, f.version)
	if err != nil {
		return nil, err
	}
	salt, err := suite.NewSalt()
	if err != nil {
		return nil, err
	}
	var c numbers.Commitment
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		var err error
		c, err = draft.Write(schema.Unit.Namespace, salt, pw)
		_ = pw.CloseWithError(err) // never fails
		done <- err
	}()
	err = seal.Put(ctx, store, key.Public(), name, pr)
	_ = pr.CloseWithError(io.ErrClosedPipe) // never fails
	if written := <-done; written != nil && !errors.Is(written, io.ErrClosedPipe) {
		return nil, written
	}
	return &c, err
}

// fillJoin completes the description of a join: what the providers have
// registered of the versions' numbers, a table of one cell where no codes are
// asked for, and the codes of the second member's column otherwise.
func fillJoin(t *jobs.Terms, d verb.Directory) error {
	if len(t.Members) != 2 {
		return fmt.Errorf("隐私求交须恰有两个数据集 a join is of two datasets: %w", fault.Invalid)
	}
	for i, to := range []*numbers.Commitment{&t.Join.A, &t.Join.B} {
		m := t.Members[i]
		for _, e := range d.Catalogue {
			at := slices.IndexFunc(e.Versions, func(v governance.Version) bool { return v.ID == m.Version })
			if e.ID != m.Dataset || at < 0 {
				continue
			}
			if e.Versions[at].Set == nil {
				return fault.Refuse("join-set", governance.House)
			}
			if to.Root == "" {
				*to = *e.Versions[at].Set
			}
			if i == 1 && t.Join.Cells != "" && len(t.Shape.Dims) == 0 {
				t.Shape.Dims = cellsOf(e, t.Join.Cells)
			}
		}
	}
	if len(t.Shape.Dims) == 0 {
		t.Shape.Dims = []jobs.Dim{{Name: "both", Title: "范围", Codes: []string{"all"}, Labels: []string{"两方共有"}}}
	}
	t.KMin, t.Shape.L0, t.Mode = cmp.Or(t.KMin, 2), cmp.Or(t.Shape.L0, 1), cmp.Or(t.Mode, jobs.SDC)
	if t.Trustees.Quorum == 0 {
		t.Trustees.Quorum = len(t.Trustees.Members)
	}
	return nil
}

// cellsOf is the dim of a column's codes, and of those who have none.
func cellsOf(e governance.Entry, column string) []jobs.Dim {
	for _, c := range e.Columns {
		if c.Name == column && len(c.Codes) > 0 {
			labels := c.Labels
			if len(labels) == 0 {
				labels = c.Codes
			}
			return []jobs.Dim{{Name: c.Name, Title: cmp.Or(c.Title, c.Name), Codes: append(slices.Clone(c.Codes), jobs.NoCode), Labels: append(slices.Clone(labels), "未列明")}}
		}
	}
	return nil
}

// joinWords says what a join tells whom, for who decides on it and who waits.
func joinWords(w io.Writer, t jobs.Terms) {
	if t.Join == nil {
		return
	}
	a, b := t.Members[0], t.Members[1]
	fmt.Fprintf(w, "  隐私求交 private join: A %s %s@%s (%d 人 numbers), B %s %s@%s (%d 人 numbers)\n", a.Domain, a.Dataset, a.Version, t.Join.A.Size, b.Domain, b.Dataset, b.Version, t.Join.B.Size)
	for _, line := range [][2]string{
		{"双方互知登记的人数和发布的结果；都不知道哪些人同时在两方", "each domain learns how many the other registered, and what is released; neither learns who is in both"},
		{"密钥托管方得知各单元格确切的共有人数，不知道合计值", "trustees learn exactly how many are in both, cell by cell, and no total"},
		{"关口得知确切的共有人数和合计值" + map[bool]string{true: "", false: "，其主机管理员也能读到"}[t.Gate.ConfidentialAgainstHost()], "the gate learns exact counts and totals" + map[bool]string{true: "", false: ", and so could the administrator of its host"}[t.Gate.ConfidentialAgainstHost()]},
		{fmt.Sprintf("共有人数少于 %d 时只答复“共有人数过少”", t.Threshold), fmt.Sprintf("with fewer than %d in both the run says that, and no more", t.Threshold)},
		{"同一对数据集只能以完全相同的查询再次求交", "the two datasets are joined again by the very same query only"},
	} {
		fmt.Fprintf(w, "    %s\n    %s\n", line[0], line[1])
	}
}
