package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

func caseReadCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "read ID",
		Short: "通读办件的材料，并在本机按办件所依据的规则自查 / read a case's papers, and check them here by the rules that it goes by",
		Long: `取回办件所指的每份材料，核对摘要，逐项列出内容，再在您自己的电脑上按办件立案时的规则核对：缺什么、依据哪一条。协议另列出全文。
只核对是否齐全和合乎形式，不判断所写是否属实；有缺项时退出码为 3。
Fetches each paper that the case names, holds it to its digest, says what it says, and checks it on your own machine by the rules that the
case goes by: what is missing, and by which article. Of an agreement the text is shown, too. Completeness and form are checked, not truth.
Exits with 3 if anything is missing.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, v, err := f.look(c.Context(), args[0])
			if err != nil {
				return err
			}
			frozen := profile.Frozen(v.Opening.Profile)
			rules, err := api.Rules(c.Context(), &frozen)
			if err != nil {
				return err
			}
			r := reading{api: api, rules: rules, w: c.OutOrStdout()}
			for _, ref := range v.Refs {
				if err := r.read(c.Context(), ref); err != nil {
					return fmt.Errorf("%s %s: %w", ref.Name, ref.Digest, err)
				}
			}
			if r.lacks > 0 {
				return incomplete(r.lacks)
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

// A reading is of the papers of one case, each once.
type reading struct {
	api   *client.Client
	rules profile.Profile
	w     io.Writer
	seen  map[suite.Digest]string
	lacks int
}

func (r *reading) read(ctx context.Context, ref cases.Ref) error {
	if r.seen == nil {
		r.seen = map[suite.Digest]string{}
	}
	if before := r.seen[ref.Digest]; before != "" {
		fmt.Fprintf(r.w, "\n## %s\n与 %s 为同一份 the same as %s\n", ref.Name, before, before)
		return nil
	}
	r.seen[ref.Digest] = ref.Name
	fmt.Fprintf(r.w, "\n## %s\n", ref.Name)
	if ref.Name == "scenario-decision" {
		fmt.Fprintf(r.w, "场景办件终结时的摘要，协议以此为据 the head of the scenario's case, which the agreement rests on\n  %s\n", ref.Digest)
		return nil
	}
	raw, err := paperHeld(ctx, r.api, ref.Digest)
	if errors.Is(err, fault.NotFound) {
		fmt.Fprintf(r.w, "平台未存此件，请向提交人索取，以摘要核对 not kept by the platform; ask who handed it in, and hold it to the digest\n  %s\n", ref.Digest)
		return nil
	}
	if err != nil {
		return err
	}
	kind, err := papers.KindOf(raw)
	if errors.Is(err, fault.Invalid) {
		_, err = fmt.Fprintf(r.w, "不是表单材料，原件 not a form; the document as it is: yunei paper get %s --out FILE\n", ref.Digest)
		return err
	}
	if err != nil {
		return err
	}
	if err := showPaper(r.w, raw); err != nil {
		return err
	}
	return r.check(ctx, raw, kind)
}

// check holds a paper to the rules, and an agreement to its scenario.
func (r *reading) check(ctx context.Context, raw []byte, kind papers.Kind) error {
	f := paperCheck{rules: r.rules, now: time.Now()}
	f.known = papers.Known{Now: f.now, Sheets: map[string]papers.Sheet{}, Consents: map[string]papers.Consent{}}
	if kind == papers.KindAgreement {
		if err := r.agreement(ctx, raw, &f); err != nil {
			return err
		}
	}
	missing, notes, err := f.check(r.w, raw, kind)
	if err != nil {
		return err
	}
	for _, m := range notes {
		showMissing(r.w, "提示 note", m)
	}
	for n, m := range missing {
		showMissing(r.w, fmt.Sprintf("缺 missing %d.", n+1), m)
	}
	if len(missing) == 0 {
		fmt.Fprintf(r.w, "本机自查 checked here：%s %s 齐备 nothing is missing\n", r.rules.City().ZH, badge(r.rules))
	}
	r.lacks += len(missing)
	return nil
}

// agreement finds the scenario that an agreement is on, and writes its text.
func (r *reading) agreement(ctx context.Context, raw []byte, f *paperCheck) error {
	a, err := papers.Read[papers.Agreement](raw, papers.KindAgreement)
	if err != nil {
		return err
	}
	about, err := r.api.Case(ctx, a.Scenario)
	if err != nil {
		return fmt.Errorf("场景办件 the scenario's case %s: %w", a.Scenario, err)
	}
	f.head = string(about.Head)
	s, err := paperNamed(ctx, r.api, about, "application")
	if err != nil {
		return err
	}
	f.scenario = &s
	if f.licence, err = r.licence(ctx, a); err != nil {
		return err
	}
	text := papers.Text(a, s, r.rules)
	if suite.DigestOf(text) != a.Text {
		fmt.Fprintln(r.w, "协议所载文本摘要与所填内容生成的文本不符，不要签署 the digest of the text is not that of the text which the blanks make: do not sign")
		r.lacks++
		return nil
	}
	_, err = r.w.Write(text)
	return err
}

// licence is what the register has the operator licensed for, over the agreement's
// term if there is one that covers it; nil if none is.
func (r *reading) licence(ctx context.Context, a papers.Agreement) (*papers.Admission, error) {
	dir, err := r.api.Directory(ctx)
	if err != nil {
		return nil, err
	}
	var found *papers.Admission
	for _, l := range dir.Licences {
		if l.Operator != a.Operator || found != nil && (a.From.Before(l.NotBefore) || a.To.After(l.NotAfter)) {
			continue
		}
		found = &papers.Admission{Operator: l.Operator, From: l.NotBefore, To: l.NotAfter, Purposes: l.Purposes}
	}
	return found, nil
}

// paperNamed is the scenario that a case names.
func paperNamed(ctx context.Context, api *client.Client, v verb.Case, name string) (papers.Scenario, error) {
	for _, ref := range v.Refs {
		if ref.Name != name {
			continue
		}
		raw, err := paperHeld(ctx, api, ref.Digest)
		if err != nil {
			return papers.Scenario{}, err
		}
		return papers.Read[papers.Scenario](raw, papers.KindScenario)
	}
	return papers.Scenario{}, fmt.Errorf("办件 case %s 没有 has no %s: %w", v.ID, name, fault.NotFound)
}

// paperHeld fetches bytes and holds them to their digest.
func paperHeld(ctx context.Context, api *client.Client, d suite.Digest) ([]byte, error) {
	raw, err := api.Paper(ctx, d)
	if err != nil {
		return nil, err
	}
	if suite.DigestOf(raw) != d {
		return nil, errors.New("平台给出的不是该摘要的材料 the platform gave other bytes than the digest's")
	}
	return raw, nil
}
