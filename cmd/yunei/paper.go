package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

func paperCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "paper",
		Short: "办件材料：起草、自查、生成协议文本 / the papers of cases: draft, check, write an agreement",
		Long: `材料是目录条目、准入申请、场景与数据清单、协议、作业模块材料、报告、同意书。起草和自查不需要联网，也不提交任何内容。
Papers are catalogue entries, applications for a licence, scenarios with their list of datasets, agreements, programs' papers, reports and
consents. Drafting and checking need no network and hand nothing in.`,
	}
	c.AddCommand(paperNewCommand(), paperDraftCommand(), paperCheckCommand(), paperShowCommand(), paperDiffCommand(), paperTextCommand(), paperDigestCommand(), paperFmtCommand(), paperDueCommand(), paperPutCommand(), paperGetCommand())
	return c
}

const cityFlag = "城市：guiyang、dongguan、wuxi、shijiazhuang、chongming，或一个 .yaml 文件 the city, or a .yaml file"

func kindList() string {
	var all []string
	for _, k := range papers.Kinds() {
		all = append(all, string(k))
	}
	return strings.Join(all, "|")
}

func paperNewCommand() *cobra.Command {
	var city, channel string
	c := &cobra.Command{
		Use:   "new KIND --city CITY",
		Short: "起草一份材料，注明该城市的要求 / a draft, with what the city asks for",
		Long: "KIND: " + kindList() + `

以 // 开头的行是说明，定稿时由 yunei paper fmt 去掉；〔待填〕之处须填写或删去。
Lines that begin with // are comments, which yunei paper fmt takes out; 〔待填〕 is to be filled in or taken out.`,
		Example: "  yunei paper new sheet --city guiyang > sheet.json\n  yunei paper new scenario --city dongguan --channel share > scenario.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := rulesOf(city)
			if err != nil {
				return err
			}
			kind := papers.Kind(args[0])
			raw, err := papers.Blank(p, kind, channel)
			if err == nil {
				raw, err = papers.Indented(raw)
			}
			if err != nil {
				return fmt.Errorf("KIND：%s：%w", kindList(), err)
			}
			w := c.OutOrStdout()
			fmt.Fprintf(w, "// %s %s %s\n", p.City().ZH, p.ID(), badge(p))
			for _, r := range papers.Asks(p, kind, channel) {
				askedFor(w, p, r)
			}
			_, err = w.Write(raw)
			return err
		},
	}
	c.Flags().StringVar(&city, "city", "guiyang", cityFlag)
	c.Flags().StringVar(&channel, "channel", profile.ByOperation, "用数渠道 channel: share|open|authop")
	return c
}

// askedFor writes a rule as a comment of a draft.
func askedFor(w io.Writer, p profile.Profile, r profile.Rule) {
	k, ok := profile.KeyOf(r.Key)
	if !ok {
		return
	}
	zh, _ := k.Show(r.Value)
	cite := "内部规则（非法定）"
	if r.Source == profile.Law && len(r.Basis) > 0 {
		cite, _ = p.Cite(r.Basis[0])
	}
	words := ""
	if list := r.Value.List(); k.Type == profile.Words && len(list) > 0 {
		words = " [" + strings.Join(list, " ") + "]"
	}
	fmt.Fprintf(w, "// %s：%s%s —— %s\n", k.Name.ZH, zh, words, cite)
}

// readPaper reads a paper or a draft, in its one spelling.
func readPaper(file string) ([]byte, papers.Kind, error) {
	raw, err := readBounded(filepath.Clean(file), 2*papers.MaxSize)
	if err != nil {
		return nil, "", err
	}
	if raw, err = papers.Fmt(raw); err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	kind, err := papers.KindOf(raw)
	return raw, kind, err
}

// readPaperAs reads a paper of a kind.
func readPaperAs[T any](file string, want papers.Kind) (T, error) {
	var zero T
	raw, _, err := readPaper(file)
	if err != nil {
		return zero, err
	}
	body, err := papers.Read[T](raw, want)
	if err != nil {
		return zero, fmt.Errorf("%s: %w", file, err)
	}
	return body, nil
}

func paperTextCommand() *cobra.Command {
	var city, out string
	c := &cobra.Command{
		Use:   "text AGREEMENT SCENARIO --city CITY",
		Short: "生成协议文本 / write the text of an agreement",
		Long: `按协议和场景所填内容生成文本：同样的内容得出同样的字节。出自条款的注明条款和文件状态，其余注明为内部规则（非法定）。
The text that the blanks make: the same bytes for the same blanks. What an article asks for cites it with the status of its document; the rest is
marked as a rule of the house.

--sealed 另写出载明文本摘要的协议材料，供提交。
--sealed also writes the agreement with the digest of its text, to be handed in.`,
		Example: "  yunei paper text agreement.json scenario.json --city guiyang --sealed agreement.paper > agreement.txt",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := rulesOf(city)
			if err != nil {
				return err
			}
			a, err := readPaperAs[papers.Agreement](args[0], papers.KindAgreement)
			if err != nil {
				return err
			}
			s, err := readPaperAs[papers.Scenario](args[1], papers.KindScenario)
			if err != nil {
				return err
			}
			if out != "" {
				raw, err := papers.Bytes(papers.KindAgreement, a.Sealed(s, p))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Clean(out), raw, 0o600); err != nil {
					return err
				}
			}
			_, err = c.OutOrStdout().Write(papers.Text(a, s, p))
			return err
		},
	}
	c.Flags().StringVar(&city, "city", "guiyang", cityFlag)
	c.Flags().StringVar(&out, "sealed", "", "写出载明文本摘要的协议材料 write the agreement with the digest of its text here")
	return c
}

func paperDigestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "digest FILE",
		Short: "材料的摘要，办件以此引用 / the digest by which a case names a paper",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			raw, _, err := readPaper(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), suite.DigestOf(raw))
			return err
		},
	}
}

func paperFmtCommand() *cobra.Command {
	var draft bool
	c := &cobra.Command{
		Use:   "fmt FILE",
		Short: "写成唯一的写法 / write a paper in its one spelling",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			raw, _, err := readPaper(args[0])
			if err == nil && draft {
				raw, err = papers.Indented(raw)
			}
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(raw)
			return err
		},
	}
	c.Flags().BoolVar(&draft, "indent", false, "分行，供修改 over many lines, to be edited")
	return c
}

// incomplete is the exit of a paper that lacks something.
func incomplete(n int) error {
	return ended{code: 3, err: errors.New("材料不齐 " + fmt.Sprintf("%d 处 things are missing", n))}
}
