package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func jobCommand() *cobra.Command {
	c := &cobra.Command{Use: "job", Short: "作业：提交与查看 / jobs: submit and watch"}
	c.AddCommand(jobPreviewCommand(), submitCommand(), jobShowCommand(), jobListCommand(), jobWaitCommand(), jobReplayCommand())
	return c
}

func submitCommand() *cobra.Command {
	var f access
	var application, program, run, purpose string
	var wait bool
	c := &cobra.Command{
		Use:   "submit",
		Short: "按授权凭据启动一次运行 / start one run under a permit",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			a, err := api.Application(c.Context(), application)
			if err != nil {
				return err
			}
			var module []byte
			start := jobs.Run{ID: run, Permit: a.Terms.Digest(), Purpose: purpose, At: time.Now().UTC().Truncate(time.Second)}
			if a.Terms.Verify != nil {
				return errors.New("核实、比对须以 yunei check ask 提出 ask a verification with yunei check ask")
			}
			if a.Terms.Join == nil {
				if program == "" {
					return errProgram
				}
				if module, err = os.ReadFile(program); err != nil {
					return err
				}
				start.Program = suite.DigestOf(module)
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			if start.ID == "" {
				start.ID = "run-" + strings.ToLower(rand.Text()[:10])
			}
			if start.Purpose == "" {
				start.Purpose = a.Terms.Purpose
			}
			r, err := receipt.Sign(key, jobs.Start, receipt.About("run/"+start.ID+"/0", start.Permit), start)
			if err != nil {
				return err
			}
			if module != nil {
				if _, err := api.PutProgram(c.Context(), a.Terms.Program.Name, module); err != nil {
					return err
				}
			}
			j, err := api.SubmitJob(c.Context(), application, r)
			if err != nil {
				return err
			}
			show(c.OutOrStdout(), j)
			if wait {
				return await(c.Context(), c.OutOrStdout(), api, start.ID, jobs.CandidateReady)
			}
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&application, "application", "", "场景申请 application (its permit is complete)")
	c.Flags().StringVar(&program, "program", "", "程序 WASM module (隐私求交无程序 a private join has none)")
	c.Flags().StringVar(&run, "run", "", "运行标识 name of the run (默认随机 random by default)")
	c.Flags().StringVar(&purpose, "purpose", "", "目的代码 purpose (默认取授权凭据 the permit's by default)")
	c.Flags().BoolVar(&wait, "wait", false, "等待到候选结果 wait for the candidate")
	_ = c.MarkFlagRequired("application")
	return c
}

var states = map[jobs.State]string{
	jobs.Refused: "已拒绝 refused", jobs.Permitted: "计算中 computing", jobs.Computed: "已封存 sealed", jobs.Summed: "已求和 summed",
	jobs.CandidateReady: "待出域审核 awaiting output checking", jobs.Approved: "已通过 approved", jobs.Released: "已出域 released",
	jobs.Failed: "已失败 failed", jobs.Stopped: "已终止 stopped", jobs.Answered: "已答复 answered",
}

// stands says why a run may not go on now, by what it waits for.
var stands = map[string]string{
	"held":  "已中止：所列域的提供方，或主管部门（bureau）的决定，中止了本次运行所涉事项，解除后继续 HELD: the provider of that domain, or an order of the bureau, holds something of this run; it goes on when that is lifted",
	"lease": "没有所列域 24 小时内、经见证的“未中止”声明，各方不继续 no witnessed statement of no hold, at most 24 h old, of whoever is listed: nobody goes on without",
	"rules": "表决已通过，但城市规则的闸门不放行（见下），满足后继续 approved, and a gate of the city's rules does not let it out (below); it goes on when that is put right",
	"clock": "协调方时钟落后于账本见证时间 the coordinator's clock is behind the witnessed time",
}

func show(w io.Writer, j verb.Job) {
	fmt.Fprintf(w, "运行 run %s: %s", j.Run, states[j.State])
	if len(j.Turn) > 0 {
		fmt.Fprintf(w, "; 等待 waits for %s", strings.Join(j.Turn, ", "))
	}
	fmt.Fprintln(w)
	if why, ok := stands[j.Waits]; ok {
		fmt.Fprintf(w, "  %s\n", why)
	}
	for _, v := range j.Rules {
		fmt.Fprintf(w, "    %s %s %s\n      %s\n", v.Gate, v.ZH, v.EN, v.Cite)
	}
	for _, o := range j.Orders {
		fmt.Fprintf(w, "  中止决定 order %s: %s\n", o.ID, told(o))
	}
	if j.Short != nil && budget.Told(*j.Short).Check() == nil {
		told := budget.Told(*j.Short)
		fmt.Fprintf(w, "  %s\n  %s\n", told.ZH(), told.EN())
	}
	for _, domain := range slices.Sorted(maps.Keys(j.Debits)) {
		d := j.Debits[domain]
		fmt.Fprintf(w, "  预算 budget %s: rho %s (此前 before %s, 此后 after %s)", domain, d.Cost, d.Before, d.After)
		if d.Stored != "" {
			fmt.Fprintf(w, "; 已存答案 stored answer of %s", d.Stored)
		}
		fmt.Fprintln(w)
	}
	for _, site := range slices.Sorted(maps.Keys(j.Replays)) {
		fmt.Fprintf(w, "  域内复算 replayed by %s: %s\n", site, map[bool]string{true: "一致 agrees", false: "不一致 DISAGREES"}[j.Replays[site]])
	}
}

func jobReplayCommand() *cobra.Command {
	var f access
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "replay RUN",
		Short: "请各域在域内以第二引擎复算，每域只回一个签名比特 / have every domain compute a run again, inside it and on the second engine",
		Long: `由大数据部门发起。各域用 yunei-replay（wazero，不含 wasmer）在域内对同一数据版本重新计算，
与当时结果的承诺比对，只签名答复“一致”或“不一致”；数值不出域，不消耗预算，授权到期后不再复算。
Asked for by the bureau. Every domain computes the run again on the same versions, holds the cube against the commitment that it
kept, and signs one bit. No value leaves, nothing is spent, and a permit that has ended ends replays too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			j, err := api.Job(c.Context(), args[0])
			if err != nil {
				return err
			}
			a, err := api.Application(c.Context(), j.Application)
			if err != nil {
				return err
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			of := msg.Of{Run: args[0], Permit: a.Terms.Digest(), Party: msg.Bureau}
			_, request, err := msg.Say(key, msg.Replay, msg.ReplayBody{Of: of})
			if err != nil {
				return err
			}
			if j, err = api.Replay(c.Context(), args[0], request); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			for len(j.Replays) < len(a.Terms.Members) {
				select {
				case <-ctx.Done():
					show(c.OutOrStdout(), j)
					return ctx.Err()
				case <-time.After(200 * time.Millisecond):
				}
				if j, err = api.Job(ctx, args[0]); err != nil {
					return err
				}
			}
			show(c.OutOrStdout(), j)
			if slices.Contains(slices.Collect(maps.Values(j.Replays)), false) {
				return fault.Refuse("engines", "")
			}
			return nil
		},
	}
	f.flags(c)
	c.Flags().DurationVar(&timeout, "timeout", time.Hour, "最长等待 how long to wait")
	return c
}

// await follows a run until it has come to want, and returns the refusal with
// which it ended if it cannot any more.
func await(ctx context.Context, w io.Writer, api *client.Client, run string, want jobs.State) error {
	var last string
	for pause := 200 * time.Millisecond; ; pause = min(pause*11/10, 2*time.Second) {
		j, err := api.Job(ctx, run)
		if err != nil {
			return err
		}
		if now := fmt.Sprint(j.State, j.Turn, j.Waits); now != last {
			show(w, j)
			last = now
		}
		switch {
		case j.State == jobs.Failed || j.State == jobs.Stopped || j.State == jobs.Refused:
			code := j.Refusal
			if code == "" {
				code = "internal"
			}
			return fault.Refuse(code, "")
		case j.State >= want:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func jobShowCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "查看一次运行 / show a run",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			j, err := api.Job(c.Context(), args[0])
			if err != nil {
				return err
			}
			show(c.OutOrStdout(), j)
			if a, err := api.Application(c.Context(), j.Application); err == nil { // not everybody may see the terms
				joinWords(c.OutOrStdout(), a.Terms)
				verifyWords(c.OutOrStdout(), a.Terms)
				showChecked(c.OutOrStdout(), a.Terms, j)
			}
			if j.Refusal != "" {
				return fault.Refuse(j.Refusal, "")
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func jobListCommand() *cobra.Command {
	var f access
	c := &cobra.Command{
		Use:   "list",
		Short: "列出可见的运行 / list the runs that you may see",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			all, err := api.Jobs(c.Context())
			if err != nil {
				return err
			}
			for _, j := range all {
				show(c.OutOrStdout(), j)
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func jobWaitCommand() *cobra.Command {
	var f access
	var until string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "wait RUN",
		Short: "跟随一次运行 / follow a run until it is a candidate, or released",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var want jobs.State
			if err := want.UnmarshalText([]byte(until)); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			return await(ctx, c.OutOrStdout(), api, args[0], want)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&until, "until", "candidate", "computed | summed | candidate | approved | released")
	c.Flags().DurationVar(&timeout, "timeout", time.Hour, "最长等待 how long to wait")
	return c
}
