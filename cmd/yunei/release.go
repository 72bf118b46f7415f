package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/release/chart"
)

// bundleFile is what a bundle is called on disk.
const bundleFile = "bundle.json"

func releaseCommand() *cobra.Command {
	var f access
	var out string
	get := &cobra.Command{
		Use:   "get RUN",
		Short: "取回已出域的结果包 / fetch a release: the bundle and its table",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			raw, err := api.Release(c.Context(), args[0])
			if err != nil {
				return err
			}
			b, err := release.Parse(raw)
			if err != nil {
				return err
			}
			table, err := b.Table()
			if err != nil {
				return err
			}
			if err := writeTable(c.OutOrStdout(), out, table); err != nil {
				return err
			}
			if err := writeNew(filepath.Join(out, bundleFile), raw); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "已取回 fetched: %s (%d 字节 bytes), table.json, table.csv, table.svg → %s\n", bundleFile, len(raw), out)
			return nil
		},
	}
	f.flags(get)
	get.Flags().StringVar(&out, "out", "release", "写到目录 folder to write to")
	c := &cobra.Command{Use: "release", Short: "出域结果 / releases"}
	c.AddCommand(get)
	c.AddCommand(releaseFinishCommand(), releaseWithdrawCommand(), releaseImpactCommand(), releaseWithdrawalCommand(), releaseConfirmCommand())
	return c
}

func verifyCommand() *cobra.Command {
	var pinsFile, lang string
	var since asked
	c := &cobra.Command{
		Use:   "verify BUNDLE",
		Short: "离线核验结果包 / verify a bundle offline",
		Long: `只用结果包和您事先核对过的公钥清单（--pins），不联网、不信任平台，逐项核验并用文字说明证明了什么、没有证明什么。
Needs the bundle and a page of keys that you have compared with people (--pins), no network and no platform. Says check by
check what is proved, and what is not. A single changed byte makes it fail and names what broke.

结果包不能说明其后是否被收回：--online 询问平台（须有登记的密钥）；--withdrawal 离线核验一份收回通知；都没有时，只说明截至哪个检查点。
No bundle can tell whether it was withdrawn since: --online asks the platform, with a registered key; --withdrawal verifies a notice
offline; without either, it is said as of which checkpoint this holds. A withdrawn release is refused (withdrawn).`,
		Example: "  yunei verify release/bundle.json --pins pins.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			pinsRaw, err := os.ReadFile(pinsFile)
			if err != nil {
				return err
			}
			pins, err := release.ParsePins(pinsRaw)
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			report, broken := release.Verify(raw, pins)
			for _, l := range languages(lang) {
				if err := report.Print(c.OutOrStdout(), l); err != nil {
					return err
				}
			}
			if broken != nil {
				return broken
			}
			return since.withdrawn(c.Context(), c.OutOrStdout(), raw, pins, report)
		},
	}
	c.Flags().StringVar(&pinsFile, "pins", "", "公钥清单 page of keys (JSON)")
	c.Flags().StringVar(&lang, "lang", "zh", "zh | en | both")
	since.flags(c)
	c.Flags().BoolVar(&since.online, "online", false, "询问平台是否已收回 ask the platform whether it was withdrawn")
	c.Flags().StringVar(&since.file, "withdrawal", "", "收回通知 a notice of withdrawal, as yunei release withdrawal --out writes it")
	c.MarkFlagsMutuallyExclusive("online", "withdrawal")
	_ = c.MarkFlagRequired("pins")
	return c
}

func languages(l string) []release.Lang {
	switch l {
	case "en":
		return []release.Lang{release.EN}
	case "both":
		return []release.Lang{release.ZH, release.EN}
	default:
		return []release.Lang{release.ZH}
	}
}

func chartCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "chart TABLE.json",
		Short: "把结果表画成 SVG / draw a table as SVG",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			t, err := jobs.ParseCandidate(raw)
			if err != nil {
				return err
			}
			svg, err := chart.Draw(t)
			if err != nil {
				return err
			}
			return writeNew(out, svg)
		},
	}
	c.Flags().StringVar(&out, "out", "table.svg", "写到 file to write")
	return c
}

// writeTable writes a table as JSON, CSV and, if it is not too large to draw,
// SVG into a folder.
func writeTable(w io.Writer, dir string, t jobs.Candidate) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // public
		return err
	}
	err := errors.Join(
		writeNew(filepath.Join(dir, "table.json"), t.Bytes()),
		writeNew(filepath.Join(dir, "table.csv"), t.CSV()),
	)
	svg, drawn := chart.Draw(t)
	if drawn != nil {
		fmt.Fprintf(w, "表太大，未作图 the table is written, but is too large to draw\n")
		return err
	}
	return errors.Join(err, writeNew(filepath.Join(dir, "table.svg"), svg))
}

// printTable shows a table to people at a terminal.
func printTable(w io.Writer, t jobs.Candidate) error {
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for _, d := range t.Dims {
		fmt.Fprintf(tw, "%s\t", d.Title)
	}
	for _, f := range t.Figures {
		fmt.Fprintf(tw, "%s\t", f.Title)
	}
	fmt.Fprintln(tw)
	for i := range t.Items() {
		cell, codes := t.Item(i)
		for d, at := range codes {
			if at < 0 {
				fmt.Fprintf(tw, "%s\t", jobs.TotalLabel)
				continue
			}
			fmt.Fprintf(tw, "%s\t", t.Dims[d].Labels[at])
		}
		for f := range t.Figures {
			if cell == nil {
				fmt.Fprintf(tw, "%s\t", jobs.Hidden)
				continue
			}
			fmt.Fprintf(tw, "%s\t", strconv.FormatInt(cell[f], 10))
		}
		fmt.Fprintln(tw)
	}
	for _, s := range t.Statements {
		fmt.Fprintf(tw, "· %s\n  %s\n", s.ZH, s.EN)
	}
	return tw.Flush()
}
