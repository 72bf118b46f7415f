package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

func paperDueCommand() *cobra.Command {
	var city, kind, from string
	var tables []string
	c := &cobra.Command{
		Use:   "due --city CITY --change law|duty|element --from DATE SHEET...",
		Short: "法律、职能或目录要素变更后，目录须在何时前更新 / by when a change of law calls for an update of entries",
		Long: `该城市不以此种变更为更新情形的，不起算。另列出各条目按更新周期在何日前为新。
Where the city's text does not count such a change, nothing is owed. Also says until when data updated on that day are fresh by each entry's cycle.`,
		Example: "  yunei paper due --city guiyang --change law --from 2026-02-10 sheet.json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := rulesOf(city)
			if err != nil {
				return err
			}
			cal, err := calendars(tables)
			if err != nil {
				return err
			}
			d, err := calendar.ParseDate(from)
			if err != nil {
				return fmt.Errorf("--from：应为 2026-02-10 这样的日期 want a date like 2026-02-10: %w", err)
			}
			return updates(c.OutOrStdout(), p, cal, papers.Change{Kind: kind, At: d.Start()}, args)
		},
	}
	c.Flags().StringVar(&city, "city", "guiyang", cityFlag)
	c.Flags().StringVar(&kind, "change", "law", "变更 what changed: law|duty|element")
	c.Flags().StringVar(&from, "from", "", "变更之日，当日不计 the day of the change, which is not counted (YYYY-MM-DD)")
	c.Flags().StringArrayVar(&tables, "table", nil, tableUsage)
	_ = c.MarkFlagRequired("from")
	return c
}

// updates writes what a change calls for on entries, and how long data of its
// day are fresh.
func updates(w io.Writer, p profile.Profile, cal calendar.Calendar, ch papers.Change, files []string) error {
	var sheets []papers.Sheet
	for _, file := range files {
		s, err := readPaperAs[papers.Sheet](file, papers.KindSheet)
		if err != nil {
			return err
		}
		sheets, ch.Datasets = append(sheets, s), append(ch.Datasets, s.Dataset)
	}
	owed, err := ch.Owes(p, cal)
	if err != nil {
		return fmt.Errorf("--change law|duty|element：%w", err)
	}
	fmt.Fprintf(w, "%s %s %s\n", p.City().ZH, p.ID(), badge(p))
	if len(owed) == 0 {
		fmt.Fprintf(w, "该城市不因此更新目录 nothing is owed: %s\n   依据 basis: %s\n", ch.Kind, basisText(p.Basis("catalogue.update_triggers")))
	}
	for _, u := range owed {
		mark := ""
		if u.Due.Provisional {
			mark = "（暂定 provisional：" + strings.Trim(fmt.Sprint(u.Due.Waits), "[]") + "）"
		}
		fmt.Fprintf(w, "%s 目录更新 update: %s 24:00 UTC+8%s（%d 个工作日 working days）\n   依据 basis: %s\n", u.Dataset, u.Due.Day, mark, u.Days, basisText(u.Basis))
	}
	for _, s := range sheets {
		f, err := papers.Freshness(ch.At, s.Cycle(), cal, ch.At)
		if err != nil {
			fmt.Fprintf(w, "%s 未载明更新周期 no update cycle\n", s.Dataset)
			continue
		}
		last := f.Until.In(calendar.Shanghai).Add(-time.Second).Format(time.DateOnly)
		fmt.Fprintf(w, "%s 数据更新 fresh until: %s 24:00 UTC+8（周期 %d 日 days）\n", s.Dataset, last, s.UpdateDays)
	}
	return nil
}

// basisText is a basis for people: house is said in words.
func basisText(basis string) string {
	if basis == string(profile.House) {
		return "内部规则（非法定） a rule of the house, not law"
	}
	return basis
}
