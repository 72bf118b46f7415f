package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/jobs"
)

func releaseImpactCommand() *cobra.Command {
	var f access
	var dataset, out string
	c := &cobra.Command{
		Use:   "impact --dataset ID",
		Short: "影响清单：数据集进入过哪些运行、成果在谁手里 / what data went into: every run, and who has what came of it",
		Long: `列出您可见的、用到该数据集的每一次运行：进行到哪一步；已出域的，收回时会要求哪些单位确认，以及由其制成的产品。
用作收回处置办件（withdraw.dispose）的 impact-list；只列平台有记录的，平台之外的留存由各接收方说明。
Every run that you may see and that uses the dataset: how far it is, and of one that is out whom a withdrawal asks to confirm, with the
products made of it. It is the impact-list of a case of withdrawal. What was copied outside the platform is not in it.`,
		Example: "  yunei release impact --dataset settlement-b --out impact.txt --key officer.pem",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			var list bytes.Buffer
			if err := impact(c.Context(), &list, api, dataset, time.Now()); err != nil {
				return err
			}
			if out != "" {
				if err := writeNew(out, list.Bytes()); err != nil {
					return err
				}
			}
			_, err = list.WriteTo(c.OutOrStdout())
			return err
		},
	}
	f.flags(c)
	c.Flags().StringVar(&dataset, "dataset", "", "数据集 the dataset")
	c.Flags().StringVar(&out, "out", "", "写到文件 write it here, too")
	_ = c.MarkFlagRequired("dataset")
	return c
}

// impact writes the list, the runs in the order of their names.
func impact(ctx context.Context, w io.Writer, api *client.Client, dataset string, now time.Time) error {
	runs, err := api.Jobs(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "影响清单 impact list: %s（截至 as of %s）\n", dataset, now.UTC().Format(time.RFC3339))
	terms := map[string]jobs.Terms{}
	for _, j := range runs {
		t, known := terms[j.Application]
		if !known {
			a, err := api.Application(ctx, j.Application)
			if err != nil {
				return err
			}
			t = a.Terms
			terms[t.ID] = t
		}
		i := slices.IndexFunc(t.Members, func(m jobs.Member) bool { return m.Dataset == dataset })
		if i < 0 {
			continue
		}
		fmt.Fprintf(w, "运行 run %s: %s；版本 version %s；场景 scenario %s；运营方 operator %s；授权凭据 permit %s\n",
			j.Run, states[j.State], t.Members[i].Version, t.Scenario, t.Operator.Org, t.Digest())
		if j.State != jobs.Released {
			continue
		}
		out, err := api.Withdrawal(ctx, j.Run)
		if err != nil {
			return err
		}
		for _, r := range out.Asked {
			fmt.Fprintf(w, "  接收方 recipient %s: %s\n", r.Org, confirmations[r.Status])
		}
		for _, p := range out.Lineage {
			fmt.Fprintf(w, "  衍生产品 product %s: %s（%s）；接收方 recipients %s\n", p.ID, p.Title, p.Type, strings.Join(p.Recipients, ", "))
		}
	}
	return nil
}
