package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/cmd/internal/start"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
)

func jobPreviewCommand() *cobra.Command {
	var f struct {
		access
		terms, step string
		all, json   bool
	}
	c := &cobra.Command{
		Use:   "preview --terms FILE",
		Short: "预览闸门：这项作业会被哪一条拒绝、依据、谁能处理；不运行任何作业 / what the gates would say; runs nothing",
		Long: `按条款所载城市的规则和办件，逐一询问十三个作业闸门（--step release 时为出域闸门），列出每一项的结论、依据的条款原文与
文件效力、可处理方。只查询，不登记、不运行、不消耗预算。有任一闸门不通过时退出码为 3。
Asks the thirteen gates of a job (at release, those of an output) under the rules and cases that the terms name, and lists
what each says, the article with its words and the status of its document, and who can fix it. Nothing is kept, run or
spent. The exit code is 3 if any gate stops the job.`,
		Example: "  yunei job preview --terms terms.json --at install --key me.pem\n  yunei job preview --terms terms.json --all-steps",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := readSpec(f.terms)
			if err != nil {
				return err
			}
			steps := []gates.Step{gates.Step(f.step)}
			if f.all {
				steps = []gates.Step{gates.AtSubmission, gates.AtStart, gates.AtRelease}
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			return preview(c.Context(), c.OutOrStdout(), api, t, steps, f.json)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&f.terms, "terms", "", "条款文件 the terms")
	c.Flags().StringVar(&f.step, "step", string(gates.AtSubmission), "环节 the step: submission | start | release")
	c.Flags().BoolVar(&f.all, "all-steps", false, "各环节都问 ask at every step")
	c.Flags().BoolVar(&f.json, "json", false, "以 JSON 输出 print JSON")
	_ = c.MarkFlagRequired("terms")
	return c
}

// A previewer answers for the gates: the platform's API.
type previewer interface {
	Preview(ctx context.Context, t jobs.Terms, at gates.Step) ([]gates.Verdict, error)
}

func preview(ctx context.Context, w io.Writer, api previewer, t jobs.Terms, steps []gates.Step, asJSON bool) error {
	stopped := false
	for _, at := range steps {
		all, err := api.Preview(ctx, t, at)
		if err != nil {
			return err
		}
		stopped = stopped || len(gates.Blocked(all)) > 0
		if asJSON {
			out := json.NewEncoder(w)
			out.SetEscapeHTML(false)
			if err := out.Encode(map[string]any{"step": at, "verdicts": all}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\n", stepWords[at])
		for _, v := range all {
			verdict(w, v)
		}
	}
	if stopped {
		return ended{code: 3}
	}
	return nil
}

var (
	stepWords = map[gates.Step]string{
		gates.AtSubmission: "提交时 at submission", gates.AtStart: "启动时 at start", gates.AtRelease: "出域时 at release",
	}
	marks = map[gates.State]string{gates.Passed: "✓", gates.Refused: "✗", gates.Unknown: "？", gates.Moot: "－", gates.Warned: "！"}
)

// verdict prints what one gate says, in Chinese first.
func verdict(w io.Writer, v gates.Verdict) {
	thing := ""
	if v.Thing != "" {
		thing = "（" + printable(v.Thing) + "）"
	}
	fmt.Fprintf(w, "%s %-3s %s%s\n      %s\n", marks[v.State], v.Gate, v.ZH, thing, v.EN)
	if v.Clause != "" {
		fmt.Fprintf(w, "      先依协议 by the agreement first: %s\n", printable(v.Clause))
	}
	fmt.Fprintf(w, "      依据 basis: %s / %s\n", v.Cite, v.CiteEN)
	if v.Quote != "" {
		fmt.Fprintf(w, "      原文 words: “%s”\n", v.Quote)
	}
	if name := v.Status.Name(); name.ZH != "" {
		fmt.Fprintf(w, "      效力 status: %s %s\n", name.ZH, name.EN)
	}
	if v.Blocks() {
		fmt.Fprintf(w, "      可处理方 who can fix it: %s\n", start.Parties[fault.Party(v.Who)])
	}
}

// printable is a name without anything that would move the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
