package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// publishes holds a decision to publish an entry against what the city asks of
// entries and against those that are published. Without its paper there is nothing
// to publish: whoever could bring it later would have had it looked at by nobody.
func (s *Server) publishes(ctx context.Context, reg governance.Register, k *cases.Case, e cases.Event, now time.Time) error {
	if !allows(k, e, entryReview) {
		return nil
	}
	rules, err := s.Records.Profile(ctx, profile.Frozen(k.Opening().Profile))
	if err != nil {
		return err
	}
	sheet, ok, err := paperOf[papers.Sheet](ctx, s, k, "entry", papers.KindSheet)
	if err != nil {
		return err
	}
	if !ok {
		return fault.Specify("entry-lacks", rules.Basis("catalogue.route"), fault.Provider, "条目材料未提交到平台", "its paper is not on file")
	}
	published, err := s.rivals(ctx, source{s, reg, now}, sheet)
	if err != nil {
		return err
	}
	_, government := k.Ref("negative-list")
	return gates.Publishable(rules, gates.Entry{
		Sheet: sheet, By: k.Opener().Org, Registered: reg.Catalogue[sheet.Dataset], Published: published, Government: government,
	})
}

// recording holds a decision to record a consent against what the city wants people to
// be told first. The consent is of the provider that opened the case, on data of its
// own, and its paper is on file.
func (s *Server) recording(ctx context.Context, reg governance.Register, k *cases.Case, e cases.Event) error {
	if !allows(k, e, consentRecord) {
		return nil
	}
	rules, err := s.Records.Profile(ctx, profile.Frozen(k.Opening().Profile))
	if err != nil {
		return err
	}
	said, ok, err := paperOf[papers.Consent](ctx, s, k, "consent", papers.KindConsent)
	if err != nil {
		return err
	}
	if by := k.Opener().Org; !ok || !said.Withdrawn.IsZero() || by == "" || reg.Catalogue[said.Dataset].Provider != by {
		return fault.Specify("consent-lacks", rules.Basis("consent.outside_law"), fault.Provider, "同意书未提交到平台，已撤回，或不涉及本单位的数据集", "its paper is not on file, is taken back, or is on no dataset of the provider's")
	}
	for _, m := range said.Check(rules) {
		return fault.Specify("consent-lacks", m.Cite, fault.Provider, m.ZH, m.EN)
	}
	return nil
}

// rivals are the sheets in force that a new one has to agree with: that of its own
// dataset, and those that name an item of its list.
func (s *Server) rivals(ctx context.Context, src source, sheet papers.Sheet) ([]papers.Sheet, error) {
	var all []papers.Sheet
	seen := map[string]bool{}
	for after := ""; ; {
		rows, err := s.Records.Sheets(ctx, after, records.MaxPage)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			after = string(row.Paper)
			if seen[row.Dataset] {
				continue
			}
			other, ok, err := read[papers.Sheet](ctx, s, row.Paper, papers.KindSheet)
			if err != nil {
				return nil, err
			}
			if !ok || row.Dataset != sheet.Dataset && !together(other, sheet) {
				continue
			}
			seen[row.Dataset] = true
			now, ok, err := src.sheet(ctx, row.Dataset, src.reg.Catalogue[row.Dataset].Provider)
			if err != nil {
				return nil, err
			}
			if ok {
				all = append(all, now)
			}
		}
		if len(rows) < records.MaxPage {
			return all, nil
		}
	}
}

// together reports whether two sheets name one item.
func together(a, b papers.Sheet) bool {
	codes := map[string]bool{}
	for _, i := range a.Items {
		codes[i.Code] = true
	}
	return slices.ContainsFunc(b.Items, func(i papers.Item) bool { return codes[i.Code] })
}

// lock puts into the ledger which paper was published by which case, before the
// case that publishes it is kept.
func (s *Server) lock(ctx context.Context, k *cases.Case) error {
	l, err := LockOf(ctx, s.Records, k)
	if err != nil || l == nil {
		return err
	}
	return s.log(ctx, l.Digest)
}

// LockOf is what stands in the ledger of an entry that a case has published, nil of
// any other case.
func LockOf(ctx context.Context, recs *records.Records, k *cases.Case) (*verb.Lock, error) {
	outcome, _ := k.Outcome()
	d, ok := k.Ref("entry")
	if k.Opening().Kind != entryReview || outcome != cases.Approved || !ok {
		return nil, nil //nolint:nilnil // nothing is locked
	}
	raw, err := recs.Paper(ctx, d)
	if errors.Is(err, fault.NotFound) {
		return nil, nil //nolint:nilnil // published before papers had to be on file; gate G6 lets nobody use it
	}
	if err != nil {
		return nil, err
	}
	l, err := papers.LockOf(k.ID(), k.Head(), raw)
	if err != nil {
		return nil, err
	}
	line, err := l.Bytes()
	if err != nil {
		return nil, err
	}
	out := &verb.Lock{Lock: l, Digest: suite.DigestOf(line)}
	out.ZH, out.EN = papers.NotConnected{}.Name()
	return out, nil
}
