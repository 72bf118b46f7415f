package api

import (
	"context"
	"errors"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

// amends holds a decision for a scenario that amends another (变更) against the one
// before: that was approved, of the same applicant, by the same channel, for the
// same purpose where the city says so, and nobody else amends it meanwhile: one
// scenario has one application. Its paper has to be on file, or nobody could tell.
func (s *Server) amends(ctx context.Context, reg governance.Register, k *cases.Case, e cases.Event) error {
	if !allows(k, e, scenarioApply) {
		return nil
	}
	rules, err := s.Records.Profile(ctx, profile.Frozen(k.Opening().Profile))
	if err != nil {
		return err
	}
	unfit := func(zh, en string) error {
		return fault.Specify("scenario-unfit", rules.Basis("authop.one_application"), fault.Operator, zh, en)
	}
	is, ok, err := paperOf[papers.Scenario](ctx, s, k, "application", papers.KindScenario)
	switch {
	case err != nil:
		return err
	case !ok:
		return unfit("申请材料未提交到平台", "its paper is not on file")
	case is.Previous == "":
		return nil
	}
	before, _, err := s.Case(ctx, reg, is.Previous)
	if errors.Is(err, fault.NotFound) {
		return unfit("所变更的场景不存在", "there is no scenario that it could amend")
	}
	if err != nil {
		return err
	}
	was, ok, err := paperOf[papers.Scenario](ctx, s, before, "application", papers.KindScenario)
	if err != nil {
		return err
	}
	if o, _ := before.Outcome(); !ok || o != cases.Approved || before.Opening().Kind != scenarioApply {
		return unfit("所变更的场景未经审定", "the scenario that it amends was not approved")
	}
	for _, m := range is.Amends(rules, was) {
		return fault.Specify("scenario-unfit", m.Cite, fault.Operator, m.ZH, m.EN)
	}
	by, err := source{s: s, reg: reg}.Replaced(ctx, before)
	if err == nil && by != "" && by != k.ID() {
		err = unfit("该场景已有其他变更申请获得同意，一场景一申请", "another amendment of the scenario was approved, and one scenario has one application")
	}
	return err
}
