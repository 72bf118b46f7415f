// Command mainjob is the whole product on a generated city: settlements of two
// medical insurance schemes in two domains, a licensed operator's WASM program,
// an encrypted sum, an automatic gate, two output checkers' votes, and a signed
// release that is verified offline; once in mode sdc under a named source
// review, once unreviewed in mode dp.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/yunei/yunei/examples/stage"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

func main() {
	people := flag.Int("people", 200_000, "居民数 people of the generated city")
	small := flag.Int("small", 2_000, "Go 程序对照所用的小城居民数（0 为不做）people of the small city that the Go program runs on, 0 for none")
	seed := flag.Uint64("seed", 7, "种子 seed")
	out := flag.String("out", "out/demo", "输出目录 folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *people, *small, *seed, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "错误 error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, people, small int, seed uint64, out string) error {
	s, err := stage.New(out, os.Stdout)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Fprintln(s.Out, "域内 yunei: 原始数据不出域、数据可用不可见 — raw data never leaves its domain")
	s.Say(fmt.Sprintf("生成一座 %d 人的城市（种子 %d）：两个医保数据域的结算数据", people, seed), "generate a city: settlements in two domains")
	if err := s.Do(ctx, "citygen", "--people", strconv.Itoa(people), "--seed", strconv.FormatUint(seed, 10), "--out", s.Path("city")); err != nil {
		return err
	}
	if err := s.Enact(ctx, "health-planning,statistics"); err != nil {
		return err
	}
	if err := ingest(ctx, s, "city", "settlement"); err != nil {
		return err
	}
	cProgram := filepath.Join(s.Bin, "..", "examples", "programs", "prebuilt", "district-age-c.wasm")
	sdc, dp, err := bothModes(ctx, s, cProgram)
	if err != nil {
		return err
	}
	if small > 0 {
		if err := twoLanguages(ctx, s, small, seed, cProgram); err != nil {
			return err
		}
	}
	return finale(ctx, s, sdc, dp)
}

// ingest takes both domains' settlements in and registers them.
func ingest(ctx context.Context, s *stage.Stage, city, dataset string) error {
	s.Say("每个数据域在本域内入库：校验、派生出生年月、以密钥化单位标识替换身份证号、排序、加密", "each domain takes its data in, inside the domain: checks, derives, replaces the ID number, sorts, seals")
	for _, d := range []struct {
		domain, title string
		officer       stage.Person
	}{{"a", "职工医保结算", stage.OfficerA}, {"b", "居民医保结算", stage.OfficerB}} {
		name := dataset + "-" + d.domain
		entry := s.Path("work", name+".entry.json")
		if err := s.Do(ctx, "yunei", "dataset", "add", "--site", s.Path("install", "site-"+d.domain), "--name", name, "--version", "2025",
			"--schema", s.Path(city, "schema", "settlement.json"), "--csv", s.Path(city, d.domain, "settlement.csv"), "--title", d.title, "--entry", entry); err != nil {
			return err
		}
		if err := s.As(ctx, d.officer, "dataset", "register", "--entry", entry); err != nil {
			return err
		}
		if err := s.Catalogue(ctx, d.officer, name, entry); err != nil {
			return err
		}
	}
	return nil
}

// bothModes runs the same program once reviewed in sdc and once unreviewed in
// dp. It returns how long each took from submit to candidate.
func bothModes(ctx context.Context, s *stage.Stage, program string) (sdc, dp time.Duration, err error) {
	s.Say("许可一（sdc）：程序经具名源码审查；精确求和，小于 10 人的单元不出域",
		"permit one (sdc): the program's source was reviewed by name; exact sums, cells of fewer than 10 people stay in")
	source, err := sourceOf(s, "district-age-c/main.c")
	if err != nil {
		return 0, 0, err
	}
	if err := permit(ctx, s, Spec("permit-sdc", "settlement", jobs.SDC, "district-age-c", source), program); err != nil {
		return 0, 0, err
	}
	if sdc, err = s.Run(ctx, "permit-sdc", program, "run-sdc"); err != nil {
		return 0, 0, err
	}
	s.Say("大数据局请各域在域内用第二引擎复算这次运行；每域只回一个签名比特", "the bureau has every domain compute that run again, inside it and on the second engine; each signs one bit")
	if err := s.As(ctx, stage.Bureau, "job", "replay", "run-sdc"); err != nil {
		return 0, 0, err
	}
	s.Say("许可二（dp）：同一程序，未经审查；每个数据域加离散高斯噪声，先在本域账本扣减隐私预算，再读第一行",
		"permit two (dp): the same program, unreviewed; every domain adds discrete Gaussian noise and debits its own journal before the first row is read")
	if err := permit(ctx, s, Spec("permit-dp", "settlement", jobs.DP, "district-age-c", ""), program); err != nil {
		return 0, 0, err
	}
	s.Note("  两次的结果都只在授权凭据规定的时段出现：出现的时间不透露程序算了多久。")
	s.Note("  Either result appears at a slot of its permit's, so that the time does not tell how long the program took.")
	dp, err = s.Run(ctx, "permit-dp", program, "run-dp")
	return sdc, dp, err
}

// finale shows both tables, says what the difference between the modes is,
// and verifies both bundles.
func finale(ctx context.Context, s *stage.Stage, sdc, dp time.Duration) error {
	s.Say("结果表（sdc 与 dp 并列）", "the released tables side by side")
	if err := sideBySide(s); err != nil {
		return err
	}
	s.Note("sdc：数值经四舍五入，“*” 为不出域；它保护的前提是程序如实统计，故须具名审查。")
	s.Note("     values are rounded, \"*\" stays in; it relies on a program that counts what it says, hence the review by name.")
	s.Note("dp ：每个单元都有噪声，任何程序、无论作者意图如何，结果对任何一个人的依赖都有上限。")
	s.Note("     every cell has noise; for any program, whatever its author wants, the result depends on one person by at most a stated bound.")
	s.Say("离线核验两个结果包（只用事先核对过的公钥）", "verify both bundles offline, with keys compared beforehand and nothing else")
	for _, run := range []string{"run-dp", "run-sdc"} {
		if err := s.Verify(ctx, run); err != nil {
			return err
		}
	}
	s.Note("")
	s.Note("自提交到候选 from submit to candidate: sdc %.1f s, dp %.1f s", sdc.Seconds(), dp.Seconds())
	s.Note("结果 results: %s, %s", s.Path("release-run-sdc"), s.Path("release-run-dp"))
	return nil
}

// sourceOf is the digest of the source that a reviewer has read.
func sourceOf(s *stage.Stage, file string) (suite.Digest, error) {
	raw, err := os.ReadFile(filepath.Join(s.Bin, "..", "examples", "programs", filepath.FromSlash(file)))
	return suite.DigestOf(raw), err
}

func permit(ctx context.Context, s *stage.Stage, spec jobs.Terms, program string) error {
	raw, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return err
	}
	file := s.Path("work", spec.ID+".spec.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return err
	}
	return s.Decide(ctx, file, program, spec.ID)
}

// Ages are the bands of the study, by their upper edges in years.
var (
	edges = []int32{18, 35, 50, 65, 80}
	bands = []string{"0-17", "18-34", "35-49", "50-64", "65-79", "80+"}
)

// reference is December 2025 in months since January 1970.
const reference = (2025-1970)*12 + 11

// Spec is the description of the study's terms; `yunei scenario draft` fills in
// the keys, the digests and the districts.
func Spec(id, dataset string, mode jobs.Mode, program string, source suite.Digest) jobs.Terms {
	const districts = 10
	var params bytes.Buffer
	for _, v := range []int32{districts, int32(len(bands)), reference} { //nolint:gosec // six
		_ = binary.Write(&params, binary.LittleEndian, v) // a buffer does not fail
	}
	_ = binary.Write(&params, binary.LittleEndian, edges)
	t := jobs.Terms{
		ID: id, Scenario: "medical-burden", Purpose: "health-planning",
		Program: jobs.Program{Name: program},
		Params:  params.Bytes(),
		KMin:    2, Mode: mode, Uses: 5,
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson,
			Dims: []jobs.Dim{
				{Name: "district", Title: "区县"},
				{Name: "age_band", Title: "年龄段", Codes: bands, Labels: []string{"0–17 岁", "18–34 岁", "35–49 岁", "50–64 岁", "65–79 岁", "80 岁及以上"}},
			},
			Units: jobs.Measure{Name: "persons", Title: "人数", Lo: 0, Hi: 1, Round: 5},
			Measures: []jobs.Measure{
				{Name: "visits", Title: "就诊次数", Lo: 0, Hi: 50, Round: 5},
				{Name: "cost_fen", Title: "费用（分）", Lo: 0, Hi: 5_000_000, Round: 100_000},
			},
			L0: 2,
		},
		Limits:     jobs.Limits{Fuel: 2_000_000, Memory: 64, Input: 64 << 10, Rows: 512, Emits: 4096},
		Trustees:   jobs.Trustees{Quorum: 2},
		Recipients: []string{"qs-yy"},
	}
	for _, d := range []string{"a", "b"} {
		t.Members = append(t.Members, jobs.Member{Dataset: dataset + "-" + d, Version: "2025", Columns: []string{"district", "birth_month", "cost_fen"}, Budget: jobs.Budget{Rho: "2"}})
	}
	protect(&t, source)
	return t
}

// protect sets what the mode asks for: in sdc a review and a threshold, in dp
// the variance of the noise, a third of rho = 3/10 for each measure.
func protect(t *jobs.Terms, source suite.Digest) {
	if t.Mode == jobs.SDC {
		t.Threshold = 10
		t.Program.Review = &jobs.Review{Reviewer: "王工（示例评审人）", Source: source, Report: "examples/programs/README.md"}
		return
	}
	// rho of a measure is (D^2 * L0 * C^2) / (2 sigma^2), here 1/10.
	variance := func(c int64) uint64 { return uint64(4 * 2 * c * c * 10 / 2) } //nolint:gosec // positive
	t.Shape.Units.Sigma = variance(1)
	for i, m := range t.Shape.Measures {
		t.Shape.Measures[i].Sigma = variance(m.Hi)
	}
}

func table(s *stage.Stage, run string) (jobs.Candidate, error) {
	raw, err := os.ReadFile(s.Path("release-"+run, "table.json"))
	if err != nil {
		return jobs.Candidate{}, err
	}
	return jobs.ParseCandidate(raw)
}

func sideBySide(s *stage.Stage) error {
	a, err := table(s, "run-sdc")
	if err != nil {
		return err
	}
	b, err := table(s, "run-dp")
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "    %-8s %-8s %28s %34s\n", "区县", "年龄段", "sdc 人数/次数/费用(元)", "dp 人数/次数/费用(元)")
	for i := range a.Cells {
		at := a.Codes(i)
		fmt.Fprintf(s.Out, "    %-8s %-8s %30s %34s\n", a.Dims[0].Labels[at[0]], bands[at[1]], figures(a.Cells[i]), figures(b.Cells[i]))
	}
	s.Note("图 charts: %s, %s", s.Path("release-run-sdc", "table.svg"), s.Path("release-run-dp", "table.svg"))
	return nil
}

func figures(c jobs.Cell) string {
	if c == nil {
		return jobs.Hidden
	}
	return fmt.Sprintf("%d / %d / %d", c[0], c[1], c[2]/100)
}

// twoLanguages runs the Go and the C program on a small city: the tables must
// be the same.
func twoLanguages(ctx context.Context, s *stage.Stage, people int, seed uint64, cProgram string) error {
	s.Say(fmt.Sprintf("同一研究的 Go 程序（wasip1）在 %d 人的小城上运行，须与 C 程序得到同一张表", people), "the same study written in Go runs on a small city, and must give the same table as the C program")
	if err := s.Do(ctx, "citygen", "--people", strconv.Itoa(people), "--seed", strconv.FormatUint(seed+1, 10), "--out", s.Path("small")); err != nil {
		return err
	}
	if err := ingest(ctx, s, "small", "small"); err != nil {
		return err
	}
	goProgram := filepath.Join(s.Bin, "district-age-go.wasm")
	start := time.Now()
	for _, p := range []struct{ id, module, source string }{{"small-c", cProgram, "district-age-c/main.c"}, {"small-go", goProgram, "district-age-go/main.go"}} {
		source, err := sourceOf(s, p.source)
		if err != nil {
			return err
		}
		spec := Spec("permit-"+p.id, "small", jobs.SDC, "district-age", source)
		spec.Limits.Memory, spec.Limits.Fuel = 1024, 200_000_000
		if err := permit(ctx, s, spec, p.module); err != nil {
			return err
		}
		if _, err := s.Run(ctx, spec.ID, p.module, "run-"+p.id); err != nil {
			return err
		}
	}
	a, err := table(s, "run-small-c")
	if err != nil {
		return err
	}
	b, err := table(s, "run-small-go")
	if err != nil {
		return err
	}
	left, _ := json.Marshal(a.Cells)  // plain integers
	right, _ := json.Marshal(b.Cells) // plain integers
	if !bytes.Equal(left, right) {
		return errors.New("两个程序（C 与 Go）的结果不同 the two programs' tables differ")
	}
	s.Note("两张表相同 the tables are the same (%d 个单元 cells, %.1f s)", len(a.Cells), time.Since(start).Seconds())
	return nil
}
