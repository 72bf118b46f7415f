// Command realdata runs the product on a file that nobody here made: bird
// strikes reported to the FAA, as npm's vega-datasets ships them. A row is a
// unit, the mode is dp, and one domain holds the file. The true answer is
// printed beside the noisy one, which only a demonstration may do.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/yunei/yunei/examples/stage"
	"github.com/yunei/yunei/jobs"
)

func main() {
	file := flag.String("csv", "out/vega/birdstrikes.csv", "vega-datasets 的 birdstrikes.csv (make demo-real 会取回 fetches it)")
	out := flag.String("out", "out/demo-real", "输出目录 folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *file, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "错误 error:", err)
		os.Exit(1)
	}
}

// The study: incidents and cost by year and phase of flight.
const (
	firstYear, years = 1990, 13
	clip             = 20_000 // dollars of one incident, at most
)

var (
	phases = []string{"Approach", "Climb", "Descent", "Landing Roll", "Parked", "Take-off run", "Taxi"}
	labels = []string{"进近", "爬升", "下降", "着陆滑跑", "停放", "起飞滑跑", "滑行"}
)

func run(ctx context.Context, file, out string) error {
	s, err := stage.New(out, os.Stdout)
	if err != nil {
		return err
	}
	defer s.Close()
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("请先运行 make demo-real run `make demo-real`: %w", err)
	}
	fmt.Fprintln(s.Out, "域内 yunei：在他人制作的真实数据上运行 — on a file that nobody here made: FAA bird strikes, vega-datasets 3.2.1")
	if err := s.Enact(ctx, "statistics", "row=3"); err != nil {
		return err
	}
	if err := ingest(ctx, s, raw); err != nil {
		return err
	}
	s.Say("许可（dp，一行为一个单位）：按年与飞行阶段统计事故数与费用；程序未经审查", "permit (dp, a row is a unit): incidents and cost by year and phase of flight; the program is unreviewed")
	spec := s.Path("work", "birds.spec.json")
	text, err := json.MarshalIndent(terms(), "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(spec, text, 0o600); err != nil {
		return err
	}
	program := filepath.Join(s.Bin, "..", "examples", "programs", "prebuilt", "year-code-c.wasm")
	if err := s.Decide(ctx, spec, program, "birds", stage.OfficerA); err != nil {
		return err
	}
	if _, err := s.Run(ctx, "birds", program, "run-birds"); err != nil {
		return err
	}
	s.Say("离线核验", "verify offline")
	if err := s.Verify(ctx, "run-birds"); err != nil {
		return err
	}
	return compare(s, raw)
}

// ingest renames the header's columns, touches nothing else, and takes the
// file in.
func ingest(ctx context.Context, s *stage.Stage, raw []byte) error {
	s.Say("数据域 a 入库：只改列名，行原样", "domain a takes the file in: its columns are renamed, its rows are as they came")
	header, rows, _ := bytes.Cut(raw, []byte("\n"))
	var schema struct {
		Columns []map[string]any  `json:"columns"`
		Unit    map[string]string `json:"unit"`
	}
	schema.Unit = map[string]string{"namespace": jobs.Row, "column": ""}
	var names []string
	for h := range strings.SplitSeq(strings.TrimSpace(string(header)), ",") {
		name := strings.ToLower(strings.NewReplacer(" $", "", " ", "_").Replace(h))
		names = append(names, name)
		c := map[string]any{"name": name, "type": "text", "role": "quasi_identifier"}
		switch name {
		case "flight_date":
			c["type"] = "date"
		case "phase_of_flight":
			c["type"], c["codes"], c["labels"] = "code", phases, labels
		case "cost_total":
			c["type"], c["role"] = "int64", "measure"
		}
		schema.Columns = append(schema.Columns, c)
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	file := s.Path("work", "birdstrikes.csv")
	if err := os.WriteFile(file, append([]byte(strings.Join(names, ",")+"\n"), rows...), 0o600); err != nil { //nolint:gosec // in the folder that who runs it named
		return err
	}
	if err := os.WriteFile(s.Path("work", "schema.json"), text, 0o600); err != nil {
		return err
	}
	if err := s.Do(ctx, "yunei", "dataset", "add", "--site", s.Path("install", "site-a"), "--name", "birdstrikes", "--version", "v1",
		"--schema", s.Path("work", "schema.json"), "--csv", file, "--title", "鸟击事故", "--entry", s.Path("work", "birds.entry.json")); err != nil {
		return err
	}
	entry := s.Path("work", "birds.entry.json")
	if err := s.As(ctx, stage.OfficerA, "dataset", "register", "--entry", entry); err != nil {
		return err
	}
	return s.Catalogue(ctx, stage.OfficerA, "birdstrikes", entry, "items.*.subject=thing", "items.*.sensitive=false")
}

func terms() jobs.Terms {
	var params bytes.Buffer
	for _, v := range []int32{firstYear, years, int32(len(phases))} { //nolint:gosec // seven
		_ = binary.Write(&params, binary.LittleEndian, v) // a buffer does not fail
	}
	var codes, titles []string
	for y := range years {
		codes = append(codes, strconv.Itoa(firstYear+y))
		titles = append(titles, strconv.Itoa(firstYear+y)+" 年")
	}
	return jobs.Terms{
		ID: "birds", Scenario: "bird-strikes", Purpose: "statistics", Program: jobs.Program{Name: "year-code-c"}, Params: params.Bytes(),
		Members: []jobs.Member{{Dataset: "birdstrikes", Version: "v1", Columns: []string{"flight_date", "phase_of_flight", "cost_total"}, Budget: jobs.Budget{Rho: "3"}}},
		KMin:    1, Mode: jobs.DP, Uses: 1,
		Shape: jobs.Shape{
			Namespace: jobs.Row,
			Dims: []jobs.Dim{
				{Name: "year", Title: "年", Codes: codes, Labels: titles},
				{Name: "phase", Title: "飞行阶段", Codes: phases, Labels: labels},
			},
			// A row touches one cell: rho is 1/(2 sigma^2) + clip^2/(2 sigma^2), here 1/8 and 1.
			Units:    jobs.Measure{Name: "incidents", Title: "事故数", Lo: 0, Hi: 1, Round: 1, Sigma: 4},
			Measures: []jobs.Measure{{Name: "cost", Title: "费用（美元）", Lo: 0, Hi: clip, Round: 1, Sigma: clip * clip / 2}},
			L0:       1,
		},
		Limits:     jobs.Limits{Fuel: 100_000, Memory: 16, Input: 64 << 10, Rows: 16, Emits: 16},
		Trustees:   jobs.Trustees{Quorum: 2},
		Recipients: []string{stage.Operator.Org},
	}
}

// truth counts the file itself, in Go and without the product, with the
// permit's bounds.
func truth(raw []byte) ([][2]int64, error) {
	cells := make([][2]int64, years*len(phases))
	r := csv.NewReader(bufio.NewReader(bytes.NewReader(raw)))
	if _, err := r.Read(); err != nil {
		return nil, err
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return cells, nil
		}
		if err != nil {
			return nil, err
		}
		year, err := strconv.Atoi(row[3][:4])
		if err != nil {
			return nil, err
		}
		cost, err := strconv.ParseInt(row[12], 10, 64)
		if err != nil {
			return nil, err
		}
		for i, p := range phases {
			if p == row[6] && year >= firstYear && year < firstYear+years {
				c := &cells[(year-firstYear)*len(phases)+i]
				c[0]++
				c[1] += min(cost, clip)
			}
		}
	}
}

func compare(s *stage.Stage, raw []byte) error {
	want, err := truth(raw)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(s.Path("release-run-birds", "table.json"))
	if err != nil {
		return err
	}
	got, err := jobs.ParseCandidate(text)
	if err != nil {
		return err
	}
	s.Say("出域结果与真值并列（真值仅为演示；平台上没有任何一方能看到它）", "the release beside the truth (shown for the demonstration only; no party of the platform sees it)")
	fmt.Fprintf(s.Out, "    %-6s %-14s %10s %10s %14s %14s\n", "year", "phase", "noisy", "true", "noisy $", "true $")
	var off [2]float64
	for i, cell := range got.Cells {
		at := got.Codes(i)
		fmt.Fprintf(s.Out, "    %-6s %-14s %10d %10d %14d %14d\n", got.Dims[0].Codes[at[0]], got.Dims[1].Codes[at[1]], cell[0], want[i][0], cell[1], want[i][1])
		for m := range off {
			off[m] += math.Pow(float64(cell[m]-want[i][m]), 2)
		}
	}
	n := float64(len(got.Cells))
	s.Note("均方根误差 root mean square error: 事故数 incidents %.2f (标准差 stated sd %s), 费用 cost %.0f (stated sd %s)", math.Sqrt(off[0]/n), got.Figures[0].SD, math.Sqrt(off[1]/n), got.Figures[1].SD)
	s.Note("每起事故的费用计入上限 cost of one incident counts up to: $%d", clip)
	s.Note("图 chart: %s", s.Path("release-run-birds", "table.svg"))
	return nil
}
