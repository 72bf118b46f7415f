package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
)

func profileCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "profile",
		Short: "各城市的规则：查看、比较、与原文核对 / the rules of cities: show, compare, hold against the texts",
	}
	c.AddCommand(profileListCommand(), profileShowCommand(), profileDiffCommand(), profileLintCommand(), profilePublishCommand(), profileInForceCommand())
	return c
}

// rulesOf is the profile of a city of this version, or of a file.
func rulesOf(name string) (profile.Profile, error) {
	if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
		return profiles.Get(name)
	}
	raw, err := readBounded(name, profiles.MaxFile)
	if err != nil {
		return profile.Profile{}, err
	}
	p, err := profiles.Load(raw)
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

const rulesUsage = "\n\nCITY：" + "guiyang、dongguan、wuxi、shijiazhuang、chongming，或一个 .yaml 文件 one of these, or a .yaml file"

// badge is the status of a profile's documents, which stands wherever a rule
// of it is cited.
func badge(p profile.Profile) string {
	var all []string
	today := time.Now().In(calendar.Shanghai)
	for _, d := range p.Documents() {
		n := d.At(today).Name()
		all = append(all, n.ZH+" "+n.EN)
	}
	return "【" + strings.Join(all, "、") + "】"
}

func profileListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "列出各城市的规则 / list the cities",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := profiles.All()
			if err != nil {
				return err
			}
			for _, p := range all {
				head(c.OutOrStdout(), p)
			}
			return nil
		},
	}
}

func head(w io.Writer, p profile.Profile) {
	f, n := p.Frozen(), p.City()
	law, house, none := p.Count()
	fmt.Fprintf(w, "%s %s (%s) v%d %s\n", n.ZH, n.EN, f.ID, f.Version, badge(p))
	for _, d := range p.Documents() {
		fmt.Fprintf(w, "  《%s》%s\n", d.Title.ZH, d.Title.EN)
	}
	fmt.Fprintf(w, "  法定 law %d，内部规则（非法定）house %d，未规定 none %d\n  %s\n", law, house, none, f.Digest)
}

func profileShowCommand() *cobra.Command {
	var key string
	var all, rows, gates, raw bool
	c := &cobra.Command{
		Use:     "show CITY",
		Short:   "查看规则的取值、依据和原文 / show values, bases and quotes",
		Long:    "逐条列出规则：取值、法定或内部规则（非法定）、条款和原文引文，并标明文件的效力状态。\nEach rule: value, law or house, article and quote, with the status of the document." + rulesUsage,
		Example: "  yunei profile show guiyang --key share.reply_wd\n  yunei profile show dongguan --gates",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := rulesOf(args[0])
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			switch {
			case raw:
				_, err := w.Write(append(p.Bytes(), '\n'))
				return err
			case rows:
				head(w, p)
				showRows(w, p)
			case gates:
				head(w, p)
				showGates(w, p)
			default:
				return showRules(w, p, key, all)
			}
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "只看一项 one key")
	c.Flags().BoolVar(&all, "all", false, "包括未规定的项 also the keys without a rule")
	c.Flags().BoolVar(&rows, "rows", false, "按条款列出软件如何执行 by article, and how far the software goes")
	c.Flags().BoolVar(&gates, "gates", false, "按闸门列出依据 the basis of each gate")
	c.Flags().BoolVar(&raw, "json", false, "输出规范形式（摘要即其摘要） the canonical form, which the digest is of")
	c.MarkFlagsMutuallyExclusive("key", "all", "rows", "gates", "json")
	return c
}

func showRules(w io.Writer, p profile.Profile, key string, all bool) error {
	if key != "" {
		r, err := p.Rule(key)
		if err != nil {
			return fmt.Errorf("没有 %q 这一项 there is no such key: %w", key, err)
		}
		showRule(w, p, r)
		return nil
	}
	head(w, p)
	for _, r := range p.Rules() {
		if all || !r.Value.None() {
			fmt.Fprintln(w)
			showRule(w, p, r)
		}
	}
	return nil
}

var modalityWords = map[profile.Modality]string{
	profile.Must: "应当 must", profile.Principle: "原则上（说明理由可例外）principle, with a reasoned override", profile.May: "可以（不强制）may, never enforced",
}

// sourceWords says who says so.
func sourceWords(p profile.Profile, r profile.Rule) string {
	switch {
	case r.Value.None():
		return "本地文件未规定 the text is silent"
	case r.Source == profile.Law:
		return "法定 law " + badge(p)
	case r.Unit != "":
		return "本地文件未规定，采用内部时限或数值（非法定）house, not law"
	default:
		return "本地文件未规定，采用内部规则（非法定）house, not law"
	}
}

func showRule(w io.Writer, p profile.Profile, r profile.Rule) {
	k, _ := profile.KeyOf(r.Key)
	fmt.Fprintf(w, "%s  %s %s\n", r.Key, k.Name.ZH, k.Name.EN)
	fmt.Fprintf(w, "  %s\n", both(k.Show(r.Value)))
	fmt.Fprintf(w, "  %s", sourceWords(p, r))
	if !r.Value.None() {
		fmt.Fprintf(w, "；%s", modalityWords[r.Modality])
	}
	if limit := both(k.Show(r.Limit)); r.Override == profile.Reasoned {
		fmt.Fprintf(w, "；例外不超过 never beyond %s", limit)
	}
	fmt.Fprintln(w)
	for _, b := range r.Basis {
		fmt.Fprintf(w, "  依据 basis: %s\n    “%s”\n", both(p.Cite(b)), b.Quote)
		if b.Reading != "" {
			fmt.Fprintf(w, "    读作 reads “%s”\n", b.Reading)
		}
	}
	if r.Note != "" {
		fmt.Fprintf(w, "  说明 note: %s\n", r.Note)
	}
}

// both joins the two languages, once where they are the same.
func both(zh, en string) string {
	if zh == en {
		return zh
	}
	return zh + " " + en
}

func showRows(w io.Writer, p profile.Profile) {
	for _, row := range p.Rows() {
		fmt.Fprintf(w, "%-8s %-2s %s\n", row.ID, row.Tier, row.Demand)
		if len(row.Keys) > 0 {
			fmt.Fprintf(w, "            %s\n", strings.Join(row.Keys, " "))
		}
	}
}

func showGates(w io.Writer, p profile.Profile) {
	for _, g := range profile.Gates() {
		fmt.Fprintln(w, g)
		seen := map[string]bool{}
		for _, channel := range []string{profile.ByOperation, profile.BySharing, profile.ByOpening} {
			for _, r := range p.Gate(g, channel) {
				if seen[r.Key] {
					continue
				}
				seen[r.Key] = true
				basis := p.Basis(r.Key)
				if basis == string(profile.House) {
					basis = "内部规则（非法定）house"
				}
				k, _ := profile.KeyOf(r.Key)
				fmt.Fprintf(w, "  %s（%s）: %s\n", r.Key, k.Name.ZH, basis)
			}
		}
	}
}

func profileDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "diff A B",
		Short:   "比较两个城市或两个版本 / compare two cities, or two versions",
		Long:    "列出取值、约束力或来源不同的各项。\nEach key whose value, modality or source differs." + rulesUsage,
		Example: "  yunei profile diff guiyang dongguan",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			a, err := rulesOf(args[0])
			if err != nil {
				return err
			}
			b, err := rulesOf(args[1])
			if err != nil {
				return err
			}
			diffRules(c.OutOrStdout(), a, b)
			return nil
		},
	}
}

func diffRules(w io.Writer, a, b profile.Profile) {
	fmt.Fprintf(w, "--- %s v%d %s\n+++ %s v%d %s\n", a.ID(), a.Frozen().Version, badge(a), b.ID(), b.Frozen().Version, badge(b))
	for _, k := range profile.Keys() {
		r, _ := a.Rule(k.Key) // every profile has every key
		s, _ := b.Rule(k.Key)
		if differ(a, b, r, s) {
			fmt.Fprintf(w, "%s  %s %s\n  - %s\n  + %s\n", k.Key, k.Name.ZH, k.Name.EN, diffLine(a, k, r), diffLine(b, k, s))
		}
	}
}

// differ compares what two rules ask for, and of two versions of one city also
// where they take it from.
func differ(a, b profile.Profile, r, s profile.Rule) bool {
	if a.ID() != b.ID() {
		r.Basis, s.Basis, r.Note, s.Note = nil, nil, "", ""
	}
	r.Layer, s.Layer = "", ""
	return !bytes.Equal(indent(r), indent(s))
}

func diffLine(p profile.Profile, k profile.Key, r profile.Rule) string {
	line := both(k.Show(r.Value))
	switch {
	case r.Value.None():
		return line
	case r.Source == profile.Law:
		return line + "  " + modalityWords[r.Modality] + "  " + p.Basis(k.Key)
	default:
		return line + "  内部规则（非法定）house"
	}
}

// maxSources bounds the files that are read of a folder of texts.
const maxSources = 64

func profileLintCommand() *cobra.Command {
	var dir, file string
	c := &cobra.Command{
		Use:   "lint --sources DIR",
		Short: "将引文与法规原文核对 / hold the quotes against the texts",
		Long: `原文不随产品分发：规则文件只记其摘要。本命令在 DIR 的 .txt 文件中按摘要找到原文，核对标题、效力状态和每条法定规则的
条、款、项与引文；摘要不符的文本不采用。有任何问题时退出码为 1。
The texts are not part of the product; profiles have their digests. Of the .txt files in DIR those of the very bytes are taken;
title, status, and the article, paragraph, item and quote of every rule of law are held against them. Exit code 1 on any finding.`,
		Example: "  yunei profile lint --sources regulations",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			texts, err := readTexts(dir)
			if err != nil {
				return err
			}
			all, err := lintees(file)
			if err != nil {
				return err
			}
			found := 0
			for _, p := range all {
				found += lintOne(c.OutOrStdout(), p, texts)
			}
			fmt.Fprintf(c.OutOrStdout(), "共发现 %d 个问题 findings: %d\n", found, found)
			if found > 0 {
				return ended{code: 1}
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "sources", "", "法规原文所在目录（.txt） the folder of the texts")
	c.Flags().StringVar(&file, "profile", "", "只核对这个规则文件或城市 this file or city only")
	_ = c.MarkFlagRequired("sources")
	return c
}

func lintees(file string) ([]profile.Profile, error) {
	if file == "" {
		return profiles.All()
	}
	p, err := rulesOf(file)
	return []profile.Profile{p}, err
}

func readTexts(dir string) ([][]byte, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 || len(names) > maxSources {
		return nil, fmt.Errorf("%s：应有 1 至 %d 个 .txt 文件 want 1 to %d .txt files: %w", dir, maxSources, maxSources, fault.Invalid)
	}
	var texts [][]byte
	for _, name := range names {
		text, err := readBounded(name, profile.MaxSource)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// lintOne prints what a profile comes to, and returns the number of findings.
func lintOne(w io.Writer, p profile.Profile, texts [][]byte) int {
	head(w, p)
	quotes, tiers := 0, map[profile.Tier]int{}
	for _, r := range p.Rules() {
		quotes += len(r.Basis)
	}
	for _, row := range p.Rows() {
		tiers[row.Tier]++
	}
	fmt.Fprintf(w, "  条款 rows: C %d，C* %d，R %d，X %d；引文 quotes %d\n", tiers[profile.Construction], tiers[profile.Refusing], tiers[profile.Recorded], tiers[profile.Outside], quotes)
	found := profile.Lint(p, texts)
	for _, f := range found {
		fmt.Fprintf(w, "  ✗ %s：%s %s\n", f.Where, f.ZH, f.EN)
	}
	if len(found) == 0 {
		fmt.Fprintln(w, "  ✓ 引文与原文一致 every quote stands in the text")
	}
	return len(found)
}
