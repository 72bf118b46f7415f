package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func candidateCommand() *cobra.Command {
	var f access
	var out string
	c := &cobra.Command{
		Use:   "candidate RUN",
		Short: "审核员查看候选结果（即拟出域的原样）/ an output checker looks at what would be released, byte for byte",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			candidate, body, err := candidateOf(c.Context(), api, args[0])
			if err != nil {
				return err
			}
			t, err := jobs.ParseCandidate(candidate.Letter.Candidate)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "闸门结论 the gate's verdict: %s\n", verdicts[body.Verdict])
			if out != "" {
				return writeTable(c.OutOrStdout(), out, t)
			}
			return printTable(c.OutOrStdout(), t)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&out, "out", "", "写到目录 write table.json, table.csv and table.svg into this folder")
	return c
}

// verdicts says what the gate's verdict leaves to people; one that is not here
// leaves nothing to them.
var verdicts = map[string]string{ //nolint:gosec // "pass" is a verdict
	"pass":   "pass 通过：由您决定 the checks passed; it is yours to decide",
	"review": "review 待人工判断：由您决定 some checks are for people; it is yours to decide",
	"fail":   "fail 未通过：同意须注明例外理由 a check failed; approving takes an exception of the list (--exception)",
	"block":  "block 阻断：不能放行 blocked; no vote releases it",
}

// candidateOf gets a candidate and checks, here, that the permit's gate signed
// it: a checker need not believe the platform.
func candidateOf(ctx context.Context, api *client.Client, run string) (verb.Candidate, msg.CandidateBody, error) {
	t, err := termsOf(ctx, api, run)
	if err != nil {
		return verb.Candidate{}, msg.CandidateBody{}, err
	}
	candidate, err := api.Candidate(ctx, run)
	if err != nil {
		return verb.Candidate{}, msg.CandidateBody{}, err
	}
	body, err := candidate.Open(t, run)
	return candidate, body, err
}

func termsOf(ctx context.Context, api *client.Client, run string) (jobs.Terms, error) {
	j, err := api.Job(ctx, run)
	if err != nil {
		return jobs.Terms{}, err
	}
	a, err := api.Application(ctx, j.Application)
	return a.Terms, err
}

type voteFlags struct {
	access
	approve   bool
	reject    string
	exception string
}

func voteCommand() *cobra.Command {
	var f voteFlags
	c := &cobra.Command{
		Use:   "vote RUN --approve | --reject REASON, then: vote open RUN",
		Short: "出域审核表决：先密封，两票到齐后开启 / vote on a candidate: sealed first, opened when both are in",
		Long: `表决绑定候选结果的原样、检查记录、授权凭据与接收方。先提交密封的表决；两名审核员都提交后各自开启（vote open）。
密封所用的随机数保存在密钥文件旁的 .votes 目录。不得审核本单位提交的作业；第三票被拒绝。
A vote is bound to the candidate's very bytes, the gate's record, the permit and the recipients. It is sealed first, and opened
once both are in, so that nobody votes after another. The salt is kept beside your key file, in the folder NAME.votes.
闸门结论为 fail 的，同意须注明例外理由（--exception）；为 block 的，任何表决都不能放行。
Where the gate's verdict is fail, approving takes an exception of the list; where it is block, no vote releases it.
不同意的原因 reasons to reject: ` + strings.Join(governance.Reasons[1:], ", ") + `
例外理由 exceptions:` + exceptions(),
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.seal(c, args[0]) },
	}
	f.flags(c)
	c.Flags().BoolVar(&f.approve, "approve", false, "同意出域 approve")
	c.Flags().StringVar(&f.reject, "reject", "", "不同意及原因 reject, with a reason of the list")
	c.Flags().StringVar(&f.exception, "exception", "", "例外理由 why a failed candidate may go out, of the list; with --approve")
	c.MarkFlagsMutuallyExclusive("approve", "reject")
	open := &cobra.Command{
		Use:   "open RUN",
		Short: "开启已密封的表决 / open your sealed vote",
		Args:  cobra.ExactArgs(1),
		RunE:  func(c *cobra.Command, args []string) error { return f.open(c, args[0]) },
	}
	f.flags(open)
	c.AddCommand(open)
	return c
}

// exceptions lists what may be named, one a line.
func exceptions() string {
	var b strings.Builder
	for _, e := range governance.Exceptions {
		fmt.Fprintf(&b, "\n  %-16s %s %s", e.Code, e.ZH, e.EN)
	}
	return b.String()
}

// A kept vote is what its commitment opens to.
type keptVote struct {
	Vote msg.Vote   `json:"vote"`
	Salt suite.Salt `json:"salt"`
}

func (f voteFlags) file(run string) string {
	return filepath.Join(f.key+".votes", run+".json")
}

// head finds the checker's place in the permit.
func (f voteFlags) head(ctx context.Context, api *client.Client, run string) (suite.PrivateKey, msg.Of, jobs.Terms, error) {
	key, err := readKey(f.key)
	if err != nil {
		return key, msg.Of{}, jobs.Terms{}, err
	}
	t, err := termsOf(ctx, api, run)
	if err != nil {
		return key, msg.Of{}, t, err
	}
	i := slices.IndexFunc(t.Checkers, func(c jobs.Signer) bool { return c.Key == key.Public() })
	if key.Public() == t.Operator.Key {
		return key, msg.Of{}, t, fault.Refuse("own-job", governance.House)
	}
	if i < 0 {
		return key, msg.Of{}, t, fault.Refuse("not-checker", governance.House)
	}
	return key, msg.Of{Run: run, Permit: t.Digest(), Party: msg.Checker(i)}, t, nil
}

func (f voteFlags) seal(c *cobra.Command, run string) error {
	if !f.approve && f.reject == "" {
		return errors.New("请选择 --approve 或 --reject 原因 choose --approve or --reject REASON")
	}
	if f.reject != "" && !slices.Contains(governance.Reasons, f.reject) {
		return fmt.Errorf("原因须为 reasons: %s", strings.Join(governance.Reasons[1:], ", "))
	}
	api, err := f.client()
	if err != nil {
		return err
	}
	key, of, t, err := f.head(c.Context(), api, run)
	if err != nil {
		return err
	}
	_, body, err := candidateOf(c.Context(), api, run)
	if err != nil {
		return err
	}
	vote := msg.Vote{Candidate: body.Candidate, Record: body.Record, Recipients: t.Recipients, Approve: f.approve, Reason: f.reject, Exception: f.exception}
	if err := governance.CheckVote(t, body, vote); err != nil {
		return err // sealed, it would never open
	}
	if f.approve {
		if err := f.permitted(c, api, t); err != nil {
			return err
		}
	}
	kept, err := f.keep(run, vote)
	if err != nil {
		return err
	}
	r, err := receipt.Sign(key, msg.VoteCommit, of.About(), msg.VoteCommitBody{Of: of, Vote: suite.Commit(kept.Salt, of.Bind(kept.Vote.Bytes()))})
	if err != nil {
		return err
	}
	if err := api.CommitVote(c.Context(), run, r); err != nil {
		return err
	}
	return done(c, "已提交密封表决 sealed vote handed in", run)
}

// permitted checks here, before an approval, that the run's permit is everybody's
// whom its terms name, and what those rest on. To reject takes no such thing.
func (f voteFlags) permitted(c *cobra.Command, api *client.Client, t jobs.Terms) error {
	d, err := f.opened(c.Context(), api, t)
	if err != nil {
		return err
	}
	raw, err := api.Permit(c.Context(), t.ID)
	if err != nil {
		return err
	}
	if err := d.Permitted(raw, time.Now()); err != nil {
		return err
	}
	return weighed(c.Context(), c.OutOrStdout(), d, true)
}

// keep writes a vote and its salt down before it is committed to; one that is
// there already stands, so that the same command can be given again.
func (f voteFlags) keep(run string, vote msg.Vote) (keptVote, error) {
	var kept keptVote
	if err := readJSON(f.file(run), &kept); err == nil {
		if !bytes.Equal(kept.Vote.Bytes(), vote.Bytes()) {
			return kept, fault.Refuse("vote-twice", governance.House) // another vote is sealed
		}
		return kept, nil
	}
	salt, err := suite.NewSalt()
	if err != nil {
		return kept, err
	}
	if err := os.MkdirAll(filepath.Dir(f.file(run)), 0o700); err != nil {
		return kept, err
	}
	kept = keptVote{vote, salt}
	return kept, writeJSON(f.file(run), kept)
}

func (f voteFlags) open(c *cobra.Command, run string) error {
	api, err := f.client()
	if err != nil {
		return err
	}
	key, of, _, err := f.head(c.Context(), api, run)
	if err != nil {
		return err
	}
	var kept keptVote
	if err := readJSON(f.file(run), &kept); err != nil {
		return fmt.Errorf("没有找到您对该运行的密封表决 no sealed vote of yours on this run is here: %w", err)
	}
	r, err := receipt.Sign(key, msg.VoteOpen, of.About(), msg.VoteOpenBody{Of: of, Vote: kept.Vote, Salt: kept.Salt})
	if err != nil {
		return err
	}
	if err := api.OpenVote(c.Context(), run, r); err != nil {
		return err
	}
	return done(c, "已开启表决 vote opened", run)
}
