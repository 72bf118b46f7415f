package api

import (
	"context"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
)

// calls refuses an agreement that calls a body or a dataset by another name than the
// register has for it: people sign what its text says, and its text says the name.
func (s *Server) calls(ctx context.Context, reg governance.Register, k *cases.Case, e cases.Event) error {
	if k == nil || k.Opening().Kind != "agreement.sign" {
		return nil
	}
	for _, ref := range e.Refs {
		if ref.Name != "agreement" {
			continue
		}
		a, ok, err := read[papers.Agreement](ctx, s, ref.Digest, papers.KindAgreement)
		if err != nil || !ok {
			return err // gate G4 rests on no paper that nobody has
		}
		for id, name := range a.Names {
			if name != reg.Orgs[id].Title && name != reg.Catalogue[id].Title {
				return fault.Refuse("agreement-names", governance.House)
			}
		}
	}
	return nil
}
