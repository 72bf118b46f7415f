package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A piece is a signed text with its line of the ledger.
type piece struct {
	row  string
	raw  []byte
	line int
}

// inOrder collects the pieces of a table in the order of the ledger.
func (m *maker) inOrder(ctx context.Context, table string, digest func([]byte) (suite.Digest, error)) ([]piece, error) {
	var all []piece
	err := m.each(ctx, table, func(row string, raw []byte) error {
		d, err := digest(raw)
		if err != nil {
			return err
		}
		line, err := m.logged(d)
		if err == nil {
			all = append(all, piece{row, raw, line})
		}
		return err
	})
	slices.SortStableFunc(all, func(a, b piece) int { return cmp.Compare(a.line, b.line) })
	return all, err
}

func bytesOf(raw []byte) (suite.Digest, error) { return suite.DigestOf(raw), nil }

func receiptOf(raw []byte) (suite.Digest, error) {
	r, err := receipt.Parse(raw)
	return r.Digest(), err
}

// rules has the statements for versions put those into force.
func (m *maker) rules(ctx context.Context) error {
	texts := map[suite.Digest][]byte{}
	if err := m.Records.Each(ctx, "profiles", "body", func(_, body string) error {
		texts[suite.DigestOf([]byte(body))] = []byte(body)
		return nil
	}); err != nil {
		return err
	}
	all, err := m.inOrder(ctx, "publications", receiptOf)
	if err != nil {
		return err
	}
	var inUse profile.Frozen
	for _, p := range all {
		if err := m.took("publications", p.row, p.raw, m.publish(ctx, p.raw, texts, &inUse)); err != nil {
			return err
		}
	}
	m.reg, err = m.to.Register(ctx, m.Root)
	return err
}

func (m *maker) publish(ctx context.Context, raw []byte, texts map[suite.Digest][]byte, inUse *profile.Frozen) error {
	var p governance.Publication
	r, err := m.statement(raw, governance.Publish, &p)
	if err != nil {
		return err
	}
	if _, err := m.person(r.By(), governance.RoleBureau); err != nil {
		return err
	}
	version, err := profile.Open(texts[p.Change.Next.Digest], p.Change.Next)
	if err != nil {
		return err
	}
	before, err := m.to.Publications(ctx, p.Change.Next.Digest, p.Change.Prior.Digest)
	if err != nil {
		return writing(err)
	}
	enact := m.reg.Published(*inUse, p.Change, append(before, r), p.At) == nil
	if enact {
		*inUse = p.Change.Next
	}
	return writing(m.to.PutPublication(ctx, version, p.Change.Prior.Digest, r, enact, p.At))
}

func (m *maker) calendars(ctx context.Context) error {
	all, err := m.inOrder(ctx, "calendars", bytesOf)
	if err != nil {
		return err
	}
	for _, p := range all {
		err := func() error {
			h, err := m.asked(p.raw, verb.CalendarLoad)
			if err != nil {
				return err
			}
			if _, err := m.person(h.By, governance.RoleBureau); err != nil {
				return err
			}
			var v verb.Calendar
			if err := h.Read(&v); err != nil {
				return err
			}
			return writing(m.to.PutCalendar(ctx, v.Table, p.raw, h.At))
		}()
		if err := m.took("calendars", p.row, p.raw, err); err != nil {
			return err
		}
	}
	return nil
}

// papers are put as such or with the statement that hands a report in, which is
// then what the ledger has.
func (m *maker) papers(ctx context.Context) error {
	return m.each(ctx, "paper_puts", func(_ string, raw []byte) error {
		h, body, logged, err := m.paper(raw)
		if err != nil {
			return err
		}
		at := m.logged
		if h.Verb == verb.ReportFile {
			at = m.line // that the report itself is on record, its own row says
		}
		if _, err := at(logged); err != nil {
			return err
		}
		if m.people[h.By].ID == "" {
			return fmt.Errorf("signed by nobody who is registered: %w", fault.Denied)
		}
		_, err = m.to.PutPaper(ctx, h.By, body, raw)
		return writing(err)
	})
}

func (m *maker) paper(raw []byte) (h verb.Heard, body []byte, logged suite.Digest, err error) {
	if h, err = m.asked(raw, verb.PaperPut, verb.ReportFile); err != nil {
		return h, nil, "", err
	}
	if h.Verb == verb.PaperPut {
		var p verb.Paper
		err = h.Read(&p)
		return h, p.Body, suite.DigestOf(raw), err
	}
	var in verb.Handed
	if err = h.Read(&in); err != nil {
		return h, nil, "", err
	}
	logged, err = receiptOf(in.Receipt)
	return h, in.Paper, logged, err
}

// consents follow from papers: whichever was put, and each time that one took the
// place of another.
func (m *maker) consents(ctx context.Context) error {
	all, err := m.inOrder(ctx, "consents", bytesOf)
	if err != nil {
		return err
	}
	have := map[int]bool{}
	for _, p := range all {
		have[p.line] = true
	}
	err = m.Records.Each(ctx, "paper_puts", "envelope", func(row, raw string) error {
		line, logged := m.first[suite.DigestOf([]byte(raw))]
		if logged && !have[line] {
			all = append(all, piece{row, []byte(raw), line})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b piece) int { return cmp.Compare(a.line, b.line) })
	for _, p := range all {
		if err := m.took("consents", p.row, p.raw, m.consent(ctx, p.raw)); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) consent(ctx context.Context, raw []byte) error {
	h, body, _, err := m.paper(raw)
	if err != nil {
		return err
	}
	if kind, err := papers.KindOf(body); err != nil || kind != papers.KindConsent {
		return nil //nolint:nilerr // another paper, or none: not a consent
	}
	said, err := api.ConsentOf(m.reg, m.people[h.By], body)
	if err != nil {
		return err
	}
	switch old, err := m.to.Consents.Get(ctx, said.ID); {
	case err == nil && old.Value == suite.DigestOf(body):
		return nil // told again
	case err != nil && !errors.Is(err, fault.NotFound):
		return writing(err)
	}
	return put(ctx, m.to.Consents, said.ID, said.Dataset, suite.DigestOf(body), raw)
}
