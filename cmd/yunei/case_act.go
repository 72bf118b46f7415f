package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/suite"
)

// An acted makes the event of an act from what the case is.
type acted func(context.Context, *client.Client, verb.Case) (cases.Event, error)

// caseAct is a command for one act on a case.
func caseAct(use, short string, args cobra.PositionalArgs, flags func(*cobra.Command), make func(args []string) acted) *cobra.Command {
	var f acting
	c := &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(c *cobra.Command, args []string) error { return f.act(c, args[0], make(args)) },
	}
	f.flags(c)
	if flags != nil {
		flags(c)
	}
	return c
}

func caseSubmitCommand() *cobra.Command {
	var refs []string
	return caseAct("submit ID --ref name=FILE|DIGEST", "提交本环节所列材料 / hand in what the stage asks for", cobra.ExactArgs(1),
		func(c *cobra.Command) {
			c.Flags().StringArrayVar(&refs, "ref", nil, "材料 name=FILE|DIGEST；可重复 repeatable")
		},
		func([]string) acted {
			return func(ctx context.Context, api *client.Client, _ verb.Case) (cases.Event, error) {
				all, err := putRefs(ctx, api, refs)
				return cases.Event{Act: cases.Submit, Refs: all}, err
			}
		})
}

func caseFileCommand() *cobra.Command {
	var title string
	return caseAct("file ID NAME=FILE|DIGEST", "存入证据（未核验）/ put evidence on file, not verified so far", cobra.ExactArgs(2),
		func(c *cobra.Command) {
			c.Flags().StringVar(&title, "title", "", "题名 title (默认文件名 the file's name)")
		},
		func(args []string) acted {
			return func(ctx context.Context, api *client.Client, _ verb.Case) (cases.Event, error) {
				named, err := pairs(args[1:])
				if err != nil {
					return cases.Event{}, err
				}
				filing, err := putFiling(ctx, api, named[0][0], named[0][1], title)
				return cases.Event{Act: cases.Filed, Filing: filing}, err
			}
		})
}

func caseAttestCommand() *cobra.Command {
	var how string
	return caseAct("attest ID NAME --how 核验方式", "核验证据：写明如何核验 / say that, and how, you have verified evidence", cobra.ExactArgs(2),
		func(c *cobra.Command) { c.Flags().StringVar(&how, "how", "", "如何核验 how it was checked") },
		func(args []string) acted {
			return attested(args[1], how)
		})
}

// attested says how the last evidence of a name was verified.
func attested(name, how string) acted {
	return func(_ context.Context, _ *client.Client, v verb.Case) (cases.Event, error) {
		if how == "" {
			return cases.Event{}, errors.New("请用 --how 写明如何核验 say with --how how it was checked")
		}
		for _, e := range slices.Backward(v.Evidence) {
			if e.Name == name {
				return cases.Event{Act: cases.Attest, Filing: &e.Filing, Text: how}, nil
			}
		}
		return cases.Event{}, fmt.Errorf("办件没有证据 there is no evidence %q on file", name)
	}
}

// decision is what people say in a ruling.
type decision struct {
	verdict, reason   string
	basis, conditions []string
}

func (d *decision) flags(c *cobra.Command) {
	c.Flags().StringVar(&d.verdict, "verdict", "", "allow 同意 | conditional 附条件同意 | deny 不同意 | inconclusive 无法认定")
	c.Flags().StringVar(&d.reason, "reason", "", "理由 reason")
	c.Flags().StringArrayVar(&d.basis, "basis", nil, "依据 law:文件:条款 或 house:内部规则；可重复 law:DOCUMENT:ARTICLE or house:TEXT, repeatable")
	c.Flags().StringArrayVar(&d.conditions, "condition", nil, "条件 limit|precondition|duty:编号:内容；可重复 KIND:ID:TEXT, repeatable")
}

var verdictNames = map[string]cases.Verdict{"allow": cases.Allow, "conditional": cases.Conditional, "deny": cases.Deny, "inconclusive": cases.Inconclusive}

func (d *decision) ruling(v verb.Case) (*cases.Ruling, error) {
	r := &cases.Ruling{On: v.Matter, Verdict: verdictNames[d.verdict], Reason: d.reason}
	if r.Verdict == "" {
		return nil, errors.New("--verdict：allow、conditional、deny、inconclusive 之一 one of them")
	}
	for _, b := range d.basis {
		source, rest, _ := strings.Cut(b, ":")
		doc, article, _ := strings.Cut(rest, ":")
		switch cases.Source(source) {
		case cases.Law:
			r.Basis = append(r.Basis, cases.Basis{Source: cases.Law, Doc: doc, Article: article})
		case cases.House:
			r.Basis = append(r.Basis, cases.Basis{Source: cases.House, Text: rest})
		default:
			return nil, fmt.Errorf("--basis %q：应为 law:文件:条款 或 house:内部规则 want law:DOCUMENT:ARTICLE or house:TEXT", b)
		}
	}
	for _, k := range d.conditions {
		f := strings.SplitN(k, ":", 3)
		if len(f) != 3 {
			return nil, fmt.Errorf("--condition %q：应为 类别:编号:内容 want KIND:ID:TEXT", k)
		}
		r.Conditions = append(r.Conditions, cases.Condition{ID: f[1], Kind: cases.ConditionKind(f[0]), Text: f[2]})
	}
	slices.SortFunc(r.Conditions, func(a, b cases.Condition) int { return cmp.Compare(a.ID, b.ID) })
	return r, nil
}

func caseDecideCommand() *cobra.Command {
	var f acting
	var d decision
	var seen []string
	c := &cobra.Command{
		Use:   "decide ID --verdict VERDICT",
		Short: "作出决定（不同意须载明依据）/ decide; a refusal cites its basis",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			named, err := pairs(seen)
			if err != nil {
				return err
			}
			for _, e := range named { // each is a statement of its own
				if err := f.act(c, args[0], attested(e[0], e[1])); err != nil {
					return err
				}
			}
			return f.act(c, args[0], func(_ context.Context, _ *client.Client, v verb.Case) (cases.Event, error) {
				r, err := d.ruling(v)
				return cases.Event{Act: cases.Decide, Ruling: r}, err
			})
		},
		Example: `  yunei case decide s-1 --verdict allow --key officer.pem
  yunei case decide admit-1 --verdict allow --attest credit-check=信用平台查询 --key officer.pem
  yunei case decide s-1 --verdict conditional --condition 'limit:scope:仅限 2025 年数据' --key officer.pem
  yunei case decide s-1 --verdict deny --basis 'law:贵阳贵安办法:第二十二条' --reason 超出履职需要 --key officer.pem`,
	}
	f.flags(c)
	d.flags(c)
	c.Flags().StringArrayVar(&seen, "attest", nil, "先核验证据 NAME=如何核验；可重复 first say how evidence was verified, repeatable")
	return c
}

// A ballot is what a sealed vote opens to, kept beside the key.
type ballot struct {
	Ruling cases.Ruling `json:"ruling"`
	Salt   suite.Salt   `json:"salt"`
}

// file is where the vote of one stage and round is kept.
func (f *acting) ballot(v verb.Case) string {
	return filepath.Join(f.key+".votes", fmt.Sprintf("case-%s-%s-%d.json", v.ID, v.Stage, v.Round))
}

func caseSealCommand() *cobra.Command {
	var f acting
	var d decision
	c := &cobra.Command{
		Use:   "seal ID --verdict VERDICT",
		Short: "密封表决：到齐后再开启 / cast a sealed vote, to be opened once all are in",
		Long: `密封所用的随机数保存在密钥文件旁的 .votes 目录；遗失则无法开启，须重新表决。
The salt is kept beside your key file, in the folder NAME.votes; without it the vote cannot be opened.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.act(c, args[0], func(_ context.Context, _ *client.Client, v verb.Case) (cases.Event, error) { return f.seal(v, d) })
		},
	}
	f.flags(c)
	d.flags(c)
	return c
}

// seal writes a vote and its salt down before it commits to them; a vote that is
// there already stands.
func (f *acting) seal(v verb.Case, d decision) (cases.Event, error) {
	key, err := readKey(f.key)
	if err != nil {
		return cases.Event{}, err
	}
	r, err := d.ruling(v)
	if err != nil {
		return cases.Event{}, err
	}
	kept := ballot{Ruling: *r}
	if err := readJSON(f.ballot(v), &kept); errors.Is(err, os.ErrNotExist) {
		if kept.Salt, err = suite.NewSalt(); err != nil {
			return cases.Event{}, err
		}
		if err := os.MkdirAll(filepath.Dir(f.ballot(v)), 0o700); err != nil {
			return cases.Event{}, err
		}
		if err := writeJSON(f.ballot(v), kept); err != nil {
			return cases.Event{}, err
		}
	} else if err != nil {
		return cases.Event{}, err
	}
	if kept.Ruling.Verdict != r.Verdict || kept.Ruling.On != r.On {
		return cases.Event{}, fmt.Errorf("%s 已有另一表决 another vote is kept there", f.ballot(v))
	}
	return cases.Event{Act: cases.Seal, Sealed: suite.Commit(kept.Salt, cases.Ballot(v.ID, v.Stage, v.Round, key.Public(), kept.Ruling))}, nil
}

func caseUnsealCommand() *cobra.Command {
	var f acting
	c := &cobra.Command{
		Use:   "unseal ID",
		Short: "开启您的密封表决 / open your sealed vote",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.act(c, args[0], func(_ context.Context, _ *client.Client, v verb.Case) (cases.Event, error) {
				var kept ballot
				if err := readJSON(f.ballot(v), &kept); err != nil {
					return cases.Event{}, fmt.Errorf("没有找到您在此环节的密封表决 no sealed vote of yours at this stage is here: %w", err)
				}
				return cases.Event{Act: cases.Unseal, Ruling: &kept.Ruling, Salt: &kept.Salt}, nil
			})
		},
	}
	f.flags(c)
	return c
}

// items reads --item flags: an id, with a text after "=" if there is one.
func items(args []string) []cases.Item {
	var all []cases.Item
	for _, a := range args {
		id, text, _ := strings.Cut(a, "=")
		all = append(all, cases.Item{ID: id, Text: text})
	}
	slices.SortFunc(all, func(a, b cases.Item) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func caseReturnCommand() *cobra.Command {
	var list []string
	return caseAct("return ID --item 编号=须补正的内容", "退回补正：一次性告知全部事项，时限暂停 / return for correction, with one list of all that is missing; the term stands still", cobra.ExactArgs(1),
		func(c *cobra.Command) {
			c.Flags().StringArrayVar(&list, "item", nil, "补正事项 id=text；可重复 repeatable")
		},
		func([]string) acted {
			return func(context.Context, *client.Client, verb.Case) (cases.Event, error) {
				return cases.Event{Act: cases.Return, Items: items(list)}, nil
			}
		})
}

func caseResubmitCommand() *cobra.Command {
	var list, refs []string
	return caseAct("resubmit ID --item 编号=答复", "逐项答复并再次提交 / answer every item and hand in again", cobra.ExactArgs(1),
		func(c *cobra.Command) {
			c.Flags().StringArrayVar(&list, "item", nil, "答复 id=text，每项一次 one for each item")
			c.Flags().StringArrayVar(&refs, "ref", nil, "更换的材料 name=FILE|DIGEST that changed；可重复 repeatable")
		},
		func([]string) acted {
			return func(ctx context.Context, api *client.Client, _ verb.Case) (cases.Event, error) {
				all, err := putRefs(ctx, api, refs)
				return cases.Event{Act: cases.Resubmit, Items: items(list), Refs: all}, err
			}
		})
}

func caseFulfilCommand() *cobra.Command {
	var title string
	return caseAct("fulfil ID CONDITION FILE|DIGEST", "确认前提条件已满足 / confirm that a precondition is met, and by which document", cobra.ExactArgs(3),
		func(c *cobra.Command) { c.Flags().StringVar(&title, "title", "", "题名 title") },
		func(args []string) acted {
			return func(ctx context.Context, api *client.Client, _ verb.Case) (cases.Event, error) {
				filing, err := putFiling(ctx, api, "proof", args[2], title)
				return cases.Event{Act: cases.Fulfil, Condition: args[1], Filing: filing}, err
			}
		})
}

func caseText(use, short string, what cases.Act) *cobra.Command {
	var text string
	return caseAct(use, short, cobra.ExactArgs(1),
		func(c *cobra.Command) { c.Flags().StringVar(&text, "text", "", "说明 why") },
		func([]string) acted {
			return func(context.Context, *client.Client, verb.Case) (cases.Event, error) {
				if text == "" && what == cases.Escalate {
					return cases.Event{}, errors.New("请用 --text 说明提级的理由 say why with --text")
				}
				return cases.Event{Act: what, Text: text}, nil
			}
		})
}

func caseEscalateCommand() *cobra.Command {
	return caseText("escalate ID --text 理由", "提级办理 / escalate: to who is above, or for being overdue", cases.Escalate)
}

func caseWithdrawCommand() *cobra.Command {
	return caseText("withdraw ID", "撤回办件 / withdraw what you opened", cases.Withdraw)
}
