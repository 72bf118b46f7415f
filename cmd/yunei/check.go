package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "核实、比对：向数源部门提出、取回答复 / verification: ask the source department, fetch the answer",
		Long: `对不予共享的数据，数源部门按授权凭据逐条答复“是否一致”，或只答复一致的条数；不提供任何数据。
标识号与所称内容在本机加密，只有该数据域能打开；答复只有提出者能打开；平台只见条数。
On data that are not shared the source department says, claim by claim, whether it is so, or only how many are. Claims are sealed
here to the domain, answers to whoever asks; the platform sees how many claims there are, and no more.`,
	}
	c.AddCommand(checkAskCommand(), checkAnswerCommand(), checkStatusCommand())
	return c
}

// fillVerify completes the description of a verification: the domain's box as its
// provider has registered it, and one member.
func fillVerify(t *jobs.Terms, d verb.Directory) error {
	v := t.Verify
	for _, m := range t.Members {
		for _, e := range d.Catalogue {
			for _, version := range e.Versions {
				if e.ID == m.Dataset && version.ID == m.Version && v.Box == "" {
					v.Box = version.Box
				}
			}
		}
	}
	if v.Box == "" {
		return fault.Refuse("verify-offer", governance.House)
	}
	v.Batch = cmp.Or(v.Batch, min(jobs.MaxClaims, v.Daily, v.Most))
	t.Trustees.Quorum = cmp.Or(t.Trustees.Quorum, 2) // it witnesses leases, as of every permit
	t.KMin, t.Shape.Namespace = cmp.Or(t.KMin, 1), cmp.Or(t.Shape.Namespace, jobs.NaturalPerson)
	return nil
}

// verifyWords says what a verification tells whom, for who decides on it.
func verifyWords(w io.Writer, t jobs.Terms) {
	v := t.Verify
	if v == nil {
		return
	}
	m := t.Members[0]
	what := [2]string{"逐条答复一致或不一致", "each claim is answered yes or no"}
	if v.Kind == jobs.Count {
		what = [2]string{fmt.Sprintf("每批至少 %d 条，只答复一致的条数，少于 %d 条的只答复“少于 %d”", v.MinCount, v.MinCount, v.MinCount), fmt.Sprintf("a batch has at least %d claims, and only how many hold is told; fewer than %d is told as that", v.MinCount, v.MinCount)}
	}
	columns := "仅标识号是否在册 whether a number is registered, and no column"
	if len(m.Columns) > 0 {
		columns = strings.Join(m.Columns, ", ")
	}
	fmt.Fprintf(w, "  核实、比对 verification: %s %s@%s; 可核实 claimable: %s\n", m.Domain, m.Dataset, m.Version, columns)
	for _, line := range [][2]string{
		what,
		{fmt.Sprintf("每日至多 %d 条（%s 对该数据集合计，北京时间），共至多 %d 条，每批至多 %d 条", v.Daily, t.Operator.Org, v.Most, v.Batch), fmt.Sprintf("at most %d claims a day (of %s on the dataset, Beijing time), %d in all, %d a batch", v.Daily, t.Operator.Org, v.Most, v.Batch)},
		{"查无此人与内容不符同样答复“不一致”；任何数据都不提供", "nobody of that number and other values are the same no; no value is ever given"},
		{fmt.Sprintf("掌握标识号者可逐一试探：缺 4 位数字的号码经校验码约有 1000 种可能，按每日条数至少 %d 天试完，且总条数以内方可", (1000+v.Daily-1)/v.Daily), fmt.Sprintf("whoever has identifiers can test them: with four digits unknown about 1,000 numbers are left by the check character, at least %d days of claims, and no more than there are in all", (1000+v.Daily-1)/v.Daily)},
		{"平台只见每次查询的条数，不见标识号与答复", "the platform sees how many claims a query has, no identifier and no answer"},
	} {
		fmt.Fprintf(w, "    %s\n    %s\n", line[0], line[1])
	}
}

// showChecked says what a query was charged.
func showChecked(w io.Writer, t jobs.Terms, j verb.Job) {
	b, err := j.Checked(t, j.Run)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "  核实 %d 条 claims; %s: 当日 that day %d/%d; 累计 in all %d/%d\n", b.Asked, b.Day, b.Daily, t.Verify.Daily, b.Spent, t.Verify.Most)
}

// A question is a query that is not answered yet, as it is kept beside its
// answers: who has the file can open the answer.
type question struct {
	Application string `json:"application"`
	Run         string `json:"run"`
	Box         []byte `json:"box"`
}

func queryFile(out string) string { return out + ".query" }

func checkAskCommand() *cobra.Command {
	var f access
	var application, run, file, out string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "ask",
		Short: "提出一批核实、比对并等待答复 / ask a batch of claims and wait for the answer",
		Long: `CSV 首列为标识号，其余列名须为授权凭据列明的数据项，取值为代码；空白即不核实该项。答复写入 --out；等待期间另存 OUT.query，
中断后以 yunei check answer 取回。被拒绝的请求不计条数，但占用授权凭据的一次使用；已受理的，即使域节点中断也计。
The first column of the CSV is the identifier; the others are columns of the permit, with codes; an empty cell claims nothing. Answers
are written to --out; until then OUT.query is kept, with which yunei check answer fetches them. A refused query is charged no claim, but is one of the permit's uses; one that was taken
is charged, also if the site dies over it.`,
		Example: "  yunei check ask --application residence --csv claims.csv --out answers.csv --key me.pem",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			a, err := api.Application(c.Context(), application)
			if err != nil {
				return err
			}
			if a.Terms.Verify == nil {
				return fault.Refuse("verify-claims", "")
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			rows, claims, err := readClaims(file, a.Terms)
			if err != nil {
				return err
			}
			q := question{Application: application, Run: cmp.Or(run, "check-"+strings.ToLower(rand.Text()[:10]))}
			start, err := q.start(a.Terms, claims)
			if err != nil {
				return err
			}
			r, err := receipt.Sign(key, jobs.Start, receipt.About("run/"+start.ID+"/0", start.Permit), start)
			if err != nil {
				return err
			}
			if err := q.keep(out); err != nil {
				return err
			}
			if _, err := api.SubmitJob(c.Context(), application, r); err != nil {
				if _, refused := errors.AsType[fault.Refusal](err); refused {
					return errors.Join(err, os.Remove(queryFile(out)))
				}
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			return q.await(ctx, c.OutOrStdout(), api, a.Terms, rows, out)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&application, "application", "", "场景申请 application (its permit is complete)")
	c.Flags().StringVar(&file, "csv", "", "待核实的 CSV claims")
	c.Flags().StringVar(&out, "out", "", "写出答复 write the answers here")
	c.Flags().StringVar(&run, "run", "", "查询标识 name of the query (默认随机 random by default)")
	c.Flags().DurationVar(&timeout, "timeout", time.Hour, "最长等待 how long to wait")
	for _, name := range []string{"application", "csv", "out"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func checkAnswerCommand() *cobra.Command {
	var f access
	var file, out string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "answer",
		Short: "取回此前查询的答复 / fetch the answer to a query that was asked before",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var q question
			if err := readJSON(queryFile(out), &q); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			a, err := api.Application(c.Context(), q.Application)
			if err != nil {
				return err
			}
			rows, _, err := readClaims(file, a.Terms)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			return q.await(ctx, c.OutOrStdout(), api, a.Terms, rows, out)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&file, "csv", "", "当时的 CSV the claims that were asked")
	c.Flags().StringVar(&out, "out", "", "当时的 --out the --out of then, beside which OUT.query is")
	c.Flags().DurationVar(&timeout, "timeout", time.Hour, "最长等待 how long to wait")
	for _, name := range []string{"csv", "out"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func checkStatusCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "status APPLICATION",
		Short: "列出各次查询及条数，操作方与提供方均可见 / list queries and what they were charged, for the operator and the provider",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			a, err := api.Application(c.Context(), args[0])
			if err != nil {
				return err
			}
			all, err := api.Jobs(c.Context())
			if err != nil {
				return err
			}
			verifyWords(c.OutOrStdout(), a.Terms)
			for _, j := range all {
				if j.Application != args[0] {
					continue
				}
				show(c.OutOrStdout(), j)
				showChecked(c.OutOrStdout(), a.Terms, j)
				if j.Refusal != "" {
					no := fault.Show(fault.Refuse(j.Refusal, ""))
					fmt.Fprintf(c.OutOrStdout(), "  %s\n  %s\n", no.ZH, no.EN)
				}
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

// readClaims reads a CSV of claims, and its rows as they stand.
func readClaims(file string, t jobs.Terms) (rows [][]string, claims []jobs.Claim, err error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close() //nolint:errcheck // read only
	if rows, err = csv.NewReader(in).ReadAll(); err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w: %w", file, err, fault.Invalid)
	}
	if t.Verify == nil || len(rows) < 2 || len(rows)-1 > t.Verify.Batch {
		return nil, nil, fault.Refuse("verify-claims", "")
	}
	at := make([]int, len(rows[0])) // of the permit's columns
	for i, name := range rows[0] {
		at[i] = slices.Index(t.Members[0].Columns, strings.TrimSpace(name))
		if i > 0 && at[i] < 0 {
			return nil, nil, fault.Refuse("column", "")
		}
	}
	for line, row := range rows[1:] {
		id, err := jobs.Canonical(t.Shape.Namespace, row[0])
		if err != nil {
			return nil, nil, fmt.Errorf("%s 第 %d 行 line %d: %w: %w", file, line+2, line+2, err, fault.Refuse("verify-claims", ""))
		}
		one := jobs.Claim{ID: id, Codes: make([]string, len(t.Members[0].Columns))}
		for i, code := range row[1:] {
			one.Codes[at[i+1]] = strings.TrimSpace(code)
		}
		claims = append(claims, one)
	}
	return rows, claims, nil
}

// start seals the claims to the domain and draws the box that the answer comes
// to.
func (q *question) start(t jobs.Terms, claims []jobs.Claim) (jobs.Run, error) {
	box, err := suite.NewBox()
	if err != nil {
		return jobs.Run{}, err
	}
	if q.Box, err = box.Bytes(); err != nil {
		return jobs.Run{}, err
	}
	plain, err := jobs.Claims{Reply: box.Public(), Claims: claims}.Bytes(t)
	if err != nil {
		return jobs.Run{}, err
	}
	run := jobs.Run{ID: q.Run, Permit: t.Digest(), Purpose: t.Purpose, At: time.Now().UTC().Truncate(time.Second), Asked: len(claims)}
	run.Claims, err = t.Verify.Box.Seal(jobs.ClaimsInfo(q.Run, run.Permit), plain)
	return run, err
}

// keep writes the query down, where there is none yet.
func (q *question) keep(out string) error {
	raw, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("keeping a query: %w", err)
	}
	f, err := os.OpenFile(queryFile(out), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Sync(), f.Close())
}

// await waits for the answer, opens it and writes it beside the claims.
func (q *question) await(ctx context.Context, w io.Writer, api *client.Client, t jobs.Terms, rows [][]string, out string) error {
	if err := await(ctx, w, api, q.Run, jobs.Answered); err != nil {
		if _, refused := errors.AsType[fault.Refusal](err); refused {
			return errors.Join(err, os.Remove(queryFile(out)))
		}
		return err
	}
	j, err := api.Job(ctx, q.Run)
	if err != nil {
		return err
	}
	said, err := j.Checked(t, q.Run)
	if err != nil {
		return err
	}
	box, err := suite.ParseBox(q.Box)
	if err != nil {
		return err
	}
	plain, err := box.Open(jobs.AnswerInfo(q.Run, t.Digest()), said.Answer)
	if err != nil {
		return err
	}
	a, err := jobs.ParseAnswers(plain, *t.Verify, len(rows)-1)
	if err != nil {
		return err
	}
	if err := writeAnswers(out, rows, a, *t.Verify); err != nil {
		return err
	}
	showChecked(w, t, j)
	fmt.Fprintf(w, "已答复 answered: %s\n", out)
	return os.Remove(queryFile(out))
}

// writeAnswers writes the claims with what holds of each, or how many hold.
func writeAnswers(out string, rows [][]string, a jobs.Answers, v jobs.Verify) error {
	var table [][]string
	if a.Kind == jobs.Count {
		n := strconv.Itoa(a.Count)
		if a.Few {
			n = "<" + strconv.Itoa(v.MinCount)
		}
		table = [][]string{{"asked", "holds"}, {strconv.Itoa(len(rows) - 1), n}}
	} else {
		table = append(table, append(slices.Clone(rows[0]), "holds"))
		for i, row := range rows[1:] {
			table = append(table, append(slices.Clone(row), map[bool]string{true: "yes", false: "no"}[a.Holds[i]]))
		}
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(csv.NewWriter(f).WriteAll(table), f.Sync(), f.Close())
}
