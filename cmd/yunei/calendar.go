package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/governance/calendar"
)

func calendarCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "calendar",
		Short: "工作日与调休 / working days, with those that holidays move",
	}
	c.AddCommand(calendarDueCommand(), calendarYearsCommand(), calendarLoadCommand())
	return c
}

const tableUsage = "另外的年度放假安排，可重复（格式同 governance/calendar/days.csv） a further table of days, repeatable"

func calendarDueCommand() *cobra.Command {
	var from string
	var days int
	var tables []string
	c := &cobra.Command{
		Use:   "due --from DATE --days N",
		Short: "算出 N 个工作日的到期日 / when a span of N working days ends",
		Long: `自次日起算，到期日为第 N 个工作日的 24:00（北京时间）；按国务院办公厅的年度放假安排计入调休。
The first day is not counted; it is due at 24:00, UTC+8, of the Nth working day, by the State Council's yearly notices.

涉及尚未公布放假安排的年份时为“暂定”：加载该年安排后重新计算。
What touches a year without a notice is provisional, and is computed again once its table is loaded.`,
		Example: `  yunei calendar due --from 2026-02-10 --days 5
  yunei calendar due --from 2026-12-24 --days 10 --table 2027.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cal, err := calendars(tables)
			if err != nil {
				return err
			}
			start, err := calendar.ParseDate(from)
			if err != nil {
				return fmt.Errorf("--from：应为 2026-02-10 这样的日期 want a date like 2026-02-10: %w", err)
			}
			due, err := cal.Due(start, days)
			if err != nil {
				return fmt.Errorf("--days：%w", err)
			}
			return printDue(c.OutOrStdout(), cal, start, days, due)
		},
	}
	c.Flags().StringVar(&from, "from", "", "起算的日期，当日不计 the day that is not counted (YYYY-MM-DD)")
	c.Flags().IntVar(&days, "days", 0, "工作日数 working days")
	c.Flags().StringArrayVar(&tables, "table", nil, tableUsage)
	_ = c.MarkFlagRequired("from")
	_ = c.MarkFlagRequired("days")
	return c
}

func printDue(w io.Writer, cal calendar.Calendar, from calendar.Date, n int, due calendar.Due) error {
	fmt.Fprintf(w, "到期 due: %s 24:00 UTC+8（自 %s 起 %d 个工作日 working days from it）\n", due.Day, from, n)
	if due.Provisional {
		years := strings.Trim(fmt.Sprint(due.Waits), "[]")
		fmt.Fprintf(w, "暂定 provisional: %s 年放假安排尚未加载，加载后须重新计算 the notice of %s is not known; compute it again once it is\n", years, years)
	}
	for y := from.Year; y <= due.Day.Year; y++ {
		for _, at := range cal.Notices(y) {
			fmt.Fprintf(w, "依据 notice %d: %s\n", y, at)
		}
	}
	return nil
}

func calendarYearsCommand() *cobra.Command {
	var tables []string
	c := &cobra.Command{
		Use:   "years",
		Short: "列出已知放假安排的年份 / the years whose notices are known",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cal, err := calendars(tables)
			if err != nil {
				return err
			}
			for _, y := range cal.Years() {
				n, provisional := cal.Count(calendar.Date{Year: y, Month: 1, Day: 1}, calendar.Date{Year: y, Month: 12, Day: 31})
				mark := ""
				if provisional {
					mark = "（12 月暂定 December is provisional）"
				}
				fmt.Fprintf(c.OutOrStdout(), "%d  %d 个工作日 working days%s  %s\n", y, n, mark, strings.Join(cal.Notices(y), " "))
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&tables, "table", nil, tableUsage)
	return c
}

// calendars is the calendar of this version with the tables of files.
func calendars(tables []string) (calendar.Calendar, error) {
	cal := calendar.Announced()
	for _, name := range tables {
		raw, err := readBounded(name, calendar.MaxTable)
		if err != nil {
			return cal, err
		}
		if cal, err = cal.With(raw); err != nil {
			return cal, fmt.Errorf("%s: %w", name, err)
		}
	}
	return cal, nil
}

// readBounded reads a file that a person names, up to most bytes and one.
func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, most+1))
}
