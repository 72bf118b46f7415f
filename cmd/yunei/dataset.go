package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	numbers "github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/roll"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

func datasetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dataset",
		Short: "数据集：域内入库与目录登记 / datasets: taken in inside the domain, then registered in the catalogue",
	}
	c.AddCommand(datasetAddCommand(), datasetRegisterCommand())
	return c
}

type datasetFlags struct {
	site, name, version, schema, csv, entry, title string

	joinable, verifiable bool

	set *numbers.Commitment // of what was taken in
	box suite.BoxKey
}

func datasetAddCommand() *cobra.Command {
	var f datasetFlags
	c := &cobra.Command{
		Use:   "add",
		Short: "在域内入库一个 CSV / take a CSV in, inside the domain",
		Long: `在数据域自己的机器上运行：校验每一行，由有效身份证号派生出生年月与性别，再以密钥化的单位标识替换身份证号，
按单位排序写成 Parquet，加密后存入本域；版本一经写入不再改变。文件有错则什么也不留下。
Runs on the domain's own machine. Checks every row (errors name line and column), derives birth month and sex from a valid
number and then replaces it by a keyed unit key that no guest sees, sorts by unit, writes sealed Parquet under a version
that never changes. A file with a mistake leaves nothing behind.

--joinable 时，另将规范化的标识号加密存于本域，并在登记文件中载明其承诺（根与人数），此版本方可用于隐私求交。
With --joinable the canonical numbers are kept as well, sealed, in the domain, and the entry carries a commitment to them (a root and
how many there are): only such a version can be in a private join.

--verifiable 时，登记文件载明本域的核实公钥，此版本方可用于核实、比对（yunei check）；不另存任何标识号。
With --verifiable the entry carries the domain's key for queries: only such a version can be verified against (yunei check). No number is
kept for it.`,
		Example: "  yunei dataset add --site DIR/site-a --name settlement-a --version 2025 --schema schema.json --csv a.csv --title 职工医保结算 --entry a.entry.json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return f.add(c.Context(), c.OutOrStdout()) },
	}
	c.Flags().StringVar(&f.site, "site", "", "数据域的目录 the domain's folder")
	c.Flags().StringVar(&f.name, "name", "", "数据集标识 name of the dataset")
	c.Flags().StringVar(&f.version, "version", "", "版本 version")
	c.Flags().StringVar(&f.schema, "schema", "", "数据项定义 schema (JSON)")
	c.Flags().StringVar(&f.csv, "csv", "", "CSV 文件（UTF-8）file")
	c.Flags().StringVar(&f.title, "title", "", "中文名称 title for people")
	c.Flags().StringVar(&f.entry, "entry", "", "写出目录登记文件 write the public catalogue entry here")
	c.Flags().BoolVar(&f.joinable, "joinable", false, "可用于隐私求交 keep the numbers, and commit to them, for private joins")
	c.Flags().BoolVar(&f.verifiable, "verifiable", false, "可用于核实、比对 offer verification of claims")
	for _, name := range []string{"site", "name", "version", "schema", "csv"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func (f *datasetFlags) add(ctx context.Context, out io.Writer) error {
	var cfg domain.Config
	if err := folder.ReadConfig(f.site, &cfg); err != nil {
		return err
	}
	if f.joinable && cfg.Custodian != nil { // the numbers would lie there under the site's own key
		return errors.New("本域的数据密钥由密钥保管进程保管，目前不支持 --joinable；请去掉该选项入库 a custodian keeps this domain's data keys, and joins are not supported with one; take the version in without --joinable")
	}
	if f.verifiable {
		if cfg.Custodian != nil { // it counts runs, and a run is a batch of claims
			return errors.New("本域的数据密钥由密钥保管进程保管，目前不支持 --verifiable；请去掉该选项入库 a custodian keeps this domain's data keys, and verification is not supported with one; take the version in without --verifiable")
		}
		box, err := domain.VerifyBox(f.site)
		if err != nil {
			return err
		}
		f.box = box.Public()
	}
	raw, err := os.ReadFile(f.schema)
	if err != nil {
		return err
	}
	schema, err := columns.ParseSchema(raw)
	if err != nil {
		return err
	}
	in, err := os.Open(f.csv)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	start := time.Now()
	m, err := f.ingest(ctx, cfg, schema, in, out)
	if err == nil && cfg.Custodian != nil {
		err = f.keepSchema(ctx, cfg, raw)
	}
	if err != nil {
		return explain(err)
	}
	took := time.Since(start)
	fmt.Fprintf(out, "已入库 taken in: %s@%s  %d 行 rows, %d 个单位 units, %d 个分片 shards, %.0f 行/秒 rows/s\n",
		f.name, f.version, m.Public.Rows, m.Profile.Units, m.Public.Shards, float64(m.Public.Rows)/took.Seconds())
	for _, reason := range slices.Sorted(maps.Keys(m.Profile.SetAside)) {
		fmt.Fprintf(out, "  搁置 set aside (仅提供方可见 for the provider only): %d 行 rows, %s\n", m.Profile.SetAside[reason], why(reason))
	}
	if f.set != nil {
		fmt.Fprintf(out, "  可隐私求交 joinable: %d 个标识 numbers, 根 root %s\n", f.set.Size, f.set.Root)
	}
	if f.entry == "" {
		return nil
	}
	return writeJSON(f.entry, f.catalogueEntry(cfg, schema, m))
}

// rules says in both languages why a row has no valid unit, by the rule that
// package ident names.
var rules = map[string]string{
	"length": "长度不符 length", "characters": "含非法字符 characters", "province": "地区码无效 province", "date of birth": "出生日期无效 date of birth",
	"check digit": "校验码不符 check digit", "century of a 15-digit number": "15 位号码世纪不明 century of a 15-digit number",
	"registering authority": "登记管理部门码无效 registering authority", "district of registration": "登记地区码无效 district of registration",
	"organisation code": "主体标识码校验不符 organisation code", "check character": "校验码不符 check character",
	columns.AsideMissing: "标识号缺失 missing", columns.AsideUnborn: "出生日期晚于交付日 " + columns.AsideUnborn,
}

func why(reason string) string {
	for rule, text := range rules {
		if reason == rule || strings.Contains(reason, strconv.Quote(rule)) {
			return text
		}
	}
	return reason
}

// explain turns a full disk into the refusal that says what to do.
func explain(err error) error {
	if errors.Is(err, fault.Exhausted) {
		return errors.Join(fault.Refuse("disk-full", ""), err)
	}
	return err
}

// ingest pipes the CSV through columns and seal into the domain's store: the
// store shows the object only when all of it was good.
func (f *datasetFlags) ingest(ctx context.Context, cfg domain.Config, schema columns.Schema, in *os.File, out io.Writer) (columns.Manifest, error) {
	var m columns.Manifest
	store, err := domain.OpenStore(ctx, f.site, cfg)
	if err != nil {
		return m, err
	}
	key, err := domain.DatasetKey(f.site, cfg)
	if err != nil {
		return m, err
	}
	unit, err := domain.UnitKey(f.site)
	if err != nil {
		return m, err
	}
	name, err := columns.Name(f.name, f.version)
	if err != nil {
		return m, err
	}
	src, finish, err := progress(in, out)
	if err != nil {
		return m, err
	}
	defer finish()
	options, draft := columns.Options{Day: time.Now()}, &roll.Draft{}
	if f.joinable {
		if err := numbers.CheckNamespace(schema.Unit.Namespace); err != nil {
			return m, err
		}
		options.Number = draft.Add
	}
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		var err error
		m, err = columns.Ingest(ctx, src, schema, unit, pw, options)
		_ = pw.CloseWithError(err) // never fails
		done <- err
	}()
	err = seal.Put(ctx, store, key, name, pr)
	_ = pr.CloseWithError(io.ErrClosedPipe) // never fails
	if ingested := <-done; ingested != nil && !errors.Is(ingested, io.ErrClosedPipe) {
		return m, ingested
	}
	if err == nil && f.joinable {
		f.set, err = f.keepRoll(ctx, cfg, schema, draft)
	}
	return m, err
}

// keepSchema puts the schema beside a version that the site cannot open without
// its custodian, under the site's own key.
func (f datasetFlags) keepSchema(ctx context.Context, cfg domain.Config, schema []byte) error {
	store, err := domain.OpenStore(ctx, f.site, cfg)
	if err != nil {
		return err
	}
	key, err := domain.SealKey(f.site)
	if err != nil {
		return err
	}
	name, err := columns.SchemaName(f.name, f.version)
	if err != nil {
		return err
	}
	return seal.Put(ctx, store, key.Public(), name, bytes.NewReader(schema))
}

// progress shows a bar while a file is read, on a terminal only.
func progress(in *os.File, out io.Writer) (io.Reader, func(), error) {
	info, err := in.Stat()
	if err != nil {
		return nil, nil, err
	}
	if f, ok := out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return in, func() {}, nil
	}
	p := mpb.New(mpb.WithOutput(out))
	bar := p.AddBar(info.Size(), mpb.PrependDecorators(decor.Name("读取 reading ")), mpb.AppendDecorators(decor.Percentage()), mpb.BarRemoveOnComplete())
	return bar.ProxyReader(in), func() { bar.Abort(true); p.Wait() }, nil
}

// catalogueEntry is what the provider's officer registers: public facts only.
func (f datasetFlags) catalogueEntry(cfg domain.Config, s columns.Schema, m columns.Manifest) governance.Entry {
	e := governance.Entry{
		ID: f.name, Title: f.title, Provider: cfg.Provider.Org, Domain: cfg.Domain, Share: governance.Conditional, Schema: m.Public.Schema,
		Versions: []governance.Version{{ID: f.version, Rows: int64(m.Public.Rows), At: time.Now().UTC().Truncate(time.Second), Set: f.set, Quality: rated(m), Box: f.box}},
	}
	if e.Title == "" {
		e.Title = f.name
	}
	for _, c := range s.Columns {
		e.Columns = append(e.Columns, governance.Column{Name: c.Name, Type: string(c.Type), Role: governance.Part(c.Role), Codes: c.Codes, Labels: c.Labels})
	}
	declared := map[string]bool{}
	for _, c := range s.Columns {
		declared[c.Name] = true
	}
	for _, c := range s.Readable() {
		if !declared[c.Name] { // derived from the number before it was dropped
			e.Columns = append(e.Columns, governance.Column{Name: c.Name, Type: string(c.Type), Role: governance.QuasiIdentifier, Codes: c.Codes, Labels: c.Labels})
		}
	}
	return e
}

// rated is what of a version's quality the entry says: rates, where they hide
// every single row.
func rated(m columns.Manifest) *governance.Quality {
	var invalid int64
	for reason, n := range m.Profile.SetAside {
		if reason != columns.AsideMissing {
			invalid += int64(n)
		}
	}
	return governance.QualityOf(int64(m.Public.Rows), int64(m.Profile.SetAside[columns.AsideMissing]), invalid)
}

func datasetRegisterCommand() *cobra.Command {
	var f access
	var entry string
	c := &cobra.Command{
		Use:   "register",
		Short: "由数据提供方的负责人登记目录 / the provider's officer registers it in the catalogue",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var e governance.Entry
			if err := readJSON(entry, &e); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			d, err := api.Directory(c.Context())
			if err != nil {
				return err
			}
			if err := api.AddEntry(c.Context(), after(e, d.Catalogue)); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "已登记 registered: %s %s\n", e.ID, e.Title)
			return nil
		},
	}
	f.flags(c)
	c.Flags().StringVar(&entry, "entry", "", "dataset add 写出的登记文件 file written by dataset add")
	_ = c.MarkFlagRequired("entry")
	return c
}

// after puts the versions of an entry behind those that the catalogue has
// already, for a data set that gets another one.
func after(e governance.Entry, catalogue []governance.Entry) governance.Entry {
	i := slices.IndexFunc(catalogue, func(old governance.Entry) bool { return old.ID == e.ID })
	if i < 0 {
		return e
	}
	all := slices.Clone(catalogue[i].Versions)
	for _, v := range e.Versions {
		if !slices.ContainsFunc(all, func(old governance.Version) bool { return old.ID == v.ID }) {
			all = append(all, v)
		}
	}
	e.Versions = all
	return e
}

func readJSON(file string, v any) error {
	raw, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("reading %s: %w: %w", file, err, fault.Invalid)
	}
	return nil
}
