package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/suite"
)

func paperShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show FILE",
		Short:   "通读一份材料 / read a paper aloud, field by field",
		Example: "  yunei paper show scenario.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			raw, _, err := readPaper(args[0])
			if err != nil {
				return err
			}
			return showPaper(c.OutOrStdout(), raw)
		},
	}
}

func paperDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "diff EARLIER LATER",
		Short:   "逐项列出两份材料的不同 / in what two papers differ, field by field",
		Example: "  yunei paper diff scenario-1.json scenario-2.json",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			was, kind, err := readPaper(args[0])
			if err != nil {
				return err
			}
			is, other, err := readPaper(args[1])
			if err != nil {
				return err
			}
			if kind != other {
				return fmt.Errorf("两份材料不是同一类 the papers are a %s and a %s", kind, other)
			}
			return showEdits(c.OutOrStdout(), was, is)
		},
	}
}

func showPaper(w io.Writer, raw []byte) error {
	kind, err := papers.KindOf(raw)
	if err != nil {
		return err
	}
	lines, err := papers.Lines(raw)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s %s（%s）%s\n", kind.Name().ZH, kind.Name().EN, kind, suite.DigestOf(raw))
	for _, l := range lines {
		fmt.Fprintf(w, "  %s %s：%s\n", l.Name.ZH, l.Name.EN, l.Text)
	}
	return nil
}

func showEdits(w io.Writer, was, is []byte) error {
	old, err := papers.Lines(was)
	if err != nil {
		return err
	}
	now, err := papers.Lines(is)
	if err != nil {
		return err
	}
	edits := papers.Edits(old, now)
	for _, e := range edits {
		fmt.Fprintf(w, "%s %s（%s）\n", e.Name.ZH, e.Name.EN, e.Path)
		if e.Was != "" {
			fmt.Fprintf(w, "  原 was：%s\n", e.Was)
		}
		if e.Is != "" {
			fmt.Fprintf(w, "  现 is： %s\n", e.Is)
		}
	}
	if len(edits) == 0 {
		fmt.Fprintln(w, "没有不同 nothing differs")
	}
	return nil
}
