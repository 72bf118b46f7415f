package papers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
)

// Unfilled stands in a draft where something is to be written. A check takes it
// for nothing.
const Unfilled = "〔待填〕"

// Kinds lists the kinds of papers.
func Kinds() []Kind {
	return []Kind{KindSheet, KindAdmission, KindScenario, KindAgreement, KindProgram, KindReport, KindConsent}
}

// asks lists the keys that a kind of paper answers to, whatever the channel.
var asks = map[Kind]string{
	KindSheet: "secrets.refused negative_list.kept share.types share.type_each share.conditional_basis share.not_shared_basis share.no_extra_conditions " +
		"open.types open.closed open.conditional_when open.unlock open.list_fields catalogue.fields catalogue.lineage org.officers security.grading catalogue.not_gathered_basis " +
		"source.unique source.register identifier.person identifier.body consent.outside_law personal.basis authop.registration catalogue.update_wd catalogue.update_triggers",
	KindAdmission: "authop.licence authop.term_max_years security.attestation grant.qualified purpose.bound",
	KindScenario:  "channel.kinds purpose.bound grant.least grant.joins output.recipients personal.assessment consent.third_party purpose.change",
	KindAgreement: "grant.signed purpose.bound output.recipients",
	KindProgram:   "program.review security.vendor vendor.no_onward",
	KindReport:    "share.feedback authop.risk_report authop.drill share.disposal authop.quality_feedback",
	KindConsent:   "consent.outside_law consent.notice",
}

// by lists the keys that a scenario and its agreement answer to by a channel.
var by = map[Kind]map[string]string{
	KindScenario: {
		profile.BySharing: "share.users share.demand_fields share.commitments share.university_purposes share.company_purposes share.purpose_bound share.onward_forbidden",
		profile.ByOpening: "open.application_fields open.applicant open.commitment", profile.ByOperation: "authop.one_application authop.one_list authop.application_fields",
	},
	KindAgreement: {
		profile.BySharing: "share.purpose_bound share.onward_forbidden", profile.ByOpening: "open.agreement open.agreement_fields",
		profile.ByOperation: "authop.one_agreement authop.agreement_parties authop.agreement_fields authop.one_plan",
	},
}

// Asks lists the rules of a city that a kind of paper, by a channel, is held to.
func Asks(p profile.Profile, kind Kind, channel string) []profile.Rule {
	var all []profile.Rule
	for key := range strings.FieldsSeq(asks[kind] + " " + by[kind][channel]) {
		if r, err := p.Rule(key); err == nil && r.Enforced() {
			all = append(all, r)
		}
	}
	return all
}

// Blank is a draft of a kind of paper with the words that the city asks for,
// nothing filled in. Another kind is of kind Invalid.
func Blank(p profile.Profile, kind Kind, channel string) ([]byte, error) {
	c := &checker{p: p}
	todo := func(words ...string) map[string]string {
		m := map[string]string{}
		for _, w := range words {
			if !slices.Contains(structured, w) && w != "share-conditions" && w != "conditions" && w != "term" {
				m[w] = Unfilled
			}
		}
		return m
	}
	law := []Citation{{Unfilled, Unfilled}}
	var body any
	switch kind {
	case KindSheet:
		s := Sheet{
			Fields: todo(slices.Concat(c.words("org.officers"), c.words("catalogue.fields"), c.words("open.list_fields"))...), Lineage: todo(c.words("catalogue.lineage")...),
			ShareBasis: law, ShareReason: Unfilled, Conditions: Unfilled, OpenWhy: Unfilled, OpenBasis: law,
			Items: []Item{{Column: Unfilled, Identifier: Unfilled, Law: &law[0]}},
		}
		if c.has("share.not_shared_basis", "filing") {
			s.Filing = Unfilled
		}
		if p.Yes("authop.registration") {
			s.Registration = Unfilled
		}
		if p.Yes("catalogue.not_gathered_basis") {
			s.Gathering = Unfilled
		}
		body = s
	case KindAdmission:
		body = Admission{Purposes: []string{Unfilled}, Reason: Unfilled}
	case KindScenario:
		body = Scenario{
			Channel: channel, Sources: []string{Unfilled}, Datasets: []Use{{Unfilled, []string{Unfilled}, Unfilled}}, Format: Unfilled, Mode: InSandbox,
			Recipients: []string{Unfilled}, Commitments: []string{}, Assessment: Unfilled,
		}
	case KindAgreement:
		key := map[string]string{profile.ByOperation: "authop.agreement_fields", profile.ByOpening: "open.agreement_fields"}[channel]
		blanks := todo(c.words(key)...)
		if channel == profile.ByOperation && c.has("authop.agreement_parties", "government") {
			blanks["government"] = Unfilled
		}
		body = Agreement{Purposes: []string{Unfilled}, Recipients: []string{Unfilled}, Blanks: blanks, Plan: Unfilled}
	case KindProgram:
		body = Program{}
	case KindReport:
		body = Report{Scenario: Unfilled}
	case KindConsent:
		body = Consent{Purposes: []string{Unfilled}, Notice: todo(c.words("consent.notice")...)}
	default:
		return nil, fmt.Errorf("writing a draft of %.20q: no such paper: %w", kind, fault.Invalid)
	}
	return Bytes(kind, body)
}

// Fmt brings a paper, or a draft with lines of comment that begin with //, to
// its one spelling. Unknown fields are refused. Errors are of kind Invalid or
// Exhausted.
func Fmt(raw []byte) ([]byte, error) {
	if len(raw) > 2*MaxSize {
		return nil, fmt.Errorf("reading a draft of %d bytes: %w", len(raw), fault.Exhausted)
	}
	var bare bytes.Buffer
	for line := range bytes.Lines(raw) {
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("//")) { // no text of JSON goes over a line
			bare.Write(line)
		}
	}
	p, err := open(bare.Bytes())
	if err != nil {
		return nil, err
	}
	switch p.Kind {
	case KindSheet:
		return spelled[Sheet](p)
	case KindAdmission:
		return spelled[Admission](p)
	case KindScenario:
		return spelled[Scenario](p)
	case KindAgreement:
		return spelled[Agreement](p)
	case KindProgram:
		return spelled[Program](p)
	case KindReport:
		return spelled[Report](p)
	case KindConsent:
		return spelled[Consent](p)
	default:
		return nil, fmt.Errorf("reading a draft of %.20q: no such paper: %w", p.Kind, fault.Invalid)
	}
}

func spelled[T any](p paper) ([]byte, error) {
	var body T
	if err := strict(p.Body, &body); err != nil {
		return nil, fmt.Errorf("reading a draft: %w: %w", err, fault.Invalid)
	}
	return Bytes(p.Kind, body)
}

// Indented is a paper for people to write in: the same, over many lines.
func Indented(raw []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("writing a draft: %w: %w", err, fault.Invalid)
	}
	return append(out.Bytes(), '\n'), nil
}
