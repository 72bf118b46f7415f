package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/twin"
)

// readSpec reads the description that `scenario draft` takes, or the terms
// that it makes. It is strict: a field that is spelled wrong would otherwise be
// left out without a word, and missed only when everyone has signed.
func readSpec(file string) (jobs.Terms, error) {
	var t jobs.Terms
	raw, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return t, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return t, specError(file, raw, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return t, fmt.Errorf("%s: 说明文件之后还有内容 there is more after the end: %w", file, fault.Invalid)
	}
	return t, nil
}

// specError says in which line a spec is wrong, and how.
func specError(file string, raw []byte, err error) error {
	line := func(offset int64) int { return 1 + bytes.Count(raw[:min(int(offset), len(raw))], []byte("\n")) }
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%s 第 %d 行 line %d: 不是正确的 JSON not JSON: %w: %w", file, line(e.Offset), line(e.Offset), err, fault.Invalid)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s 第 %d 行 line %d: %s 应为 %s，却是 %s should be %s, not %s: %w", file, line(e.Offset), line(e.Offset), e.Field, e.Type, e.Value, e.Type, e.Value, fault.Invalid)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		at := line(int64(max(0, bytes.Index(raw, []byte(name)))))
		return fmt.Errorf("%s 第 %d 行 line %d: 没有名为 %s 的字段，请检查拼写 there is no field %s; is it spelled right?: %w", file, at, at, name, name, fault.Invalid)
	}
	return fmt.Errorf("%s: %w: %w", file, err, fault.Invalid)
}

// A rehearsed spec: the terms as they would be applied for, with stand-ins for
// what only the register knows, and the public schema of each member's data.
type rehearsed struct {
	terms   jobs.Terms
	schemas []columns.Schema // one for each member
	rows    []int64          // the catalogue's figure, 0 if it is not known
	notes   []jobs.Statement // what is still missing for an application
}

// rehearse completes a spec. schemas are local files by dataset ("" for every
// dataset that is not named); the rest is asked of the catalogue, if there is
// one.
func rehearse(t jobs.Terms, module []byte, schemas map[string]string, catalogue func() ([]governance.Entry, error)) (rehearsed, error) {
	r := rehearsed{terms: t}
	r.terms.Program.Digest, r.terms.Program.Size = suite.DigestOf(module), len(module)
	if len(t.Members) == 0 {
		return r, fmt.Errorf("说明文件没有 members：请写明用哪个数据集的哪些列 the spec has no members: say which dataset and which columns: %w", fault.Invalid)
	}
	var d verb.Directory
	for i := range r.terms.Members {
		m := &r.terms.Members[i]
		e, s, err := describe(*m, t.Shape.Namespace, schemas, catalogue)
		if err != nil {
			return r, err
		}
		if err := checkColumns(*m, s); err != nil {
			return r, err
		}
		r.schemas = append(r.schemas, s)
		r.rows = append(r.rows, rowsOf(e, m.Version))
		d.Catalogue = append(d.Catalogue, e)
	}
	fillCodes(&r.terms, d)
	fillSlots(&r.terms, d)
	r.standIn()
	fillProtection(&r.terms, d)
	r.standInUnits()
	if err := gate.Admit(r.terms); err != nil {
		if _, ok := errors.AsType[fault.Refusal](err); ok {
			return r, err
		}
		return r, fmt.Errorf("按此说明文件起草的条款会被拒绝 terms drafted from this spec would be refused:\n  · %s: %w", strings.ReplaceAll(trimKinds(err), "\n", "\n  · "), fault.Invalid)
	}
	return r, nil
}

// trimKinds leaves out what only programs read.
func trimKinds(err error) string {
	s := strings.TrimPrefix(err.Error(), "admitting terms: ")
	return strings.ReplaceAll(s, ": "+string(fault.Invalid), "")
}

// describe finds the public description of a member's dataset.
func describe(m jobs.Member, namespace string, schemas map[string]string, catalogue func() ([]governance.Entry, error)) (governance.Entry, columns.Schema, error) {
	file, ok := schemas[m.Dataset]
	if !ok {
		file, ok = schemas[""]
	}
	if ok {
		raw, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			return governance.Entry{}, columns.Schema{}, err
		}
		s, err := columns.ParseSchema(raw)
		if err != nil {
			return governance.Entry{}, s, fmt.Errorf("%s: %w", file, err)
		}
		if s.Unit.Namespace != namespace {
			return governance.Entry{}, s, fmt.Errorf("%s 的隐私单位是 %s，说明文件的 shape.namespace 却是 %q its unit is not the spec's: %w", file, s.Unit.Namespace, namespace, fault.Invalid)
		}
		e := datasetFlags{name: m.Dataset, version: m.Version}.catalogueEntry(domain.Config{}, s, columns.Manifest{Public: columns.Public{Schema: s.Digest()}})
		return e, s, nil
	}
	all, err := catalogue()
	if err != nil {
		return governance.Entry{}, columns.Schema{}, fmt.Errorf("%w\n  数据集 %s 的结构未知：用 --schema %s=schema.json 给出本地文件，或用 --at 与 --key 从目录读取\n  what dataset %s looks like is not known: give a local file with --schema, or read the catalogue with --at and --key",
			err, m.Dataset, m.Dataset, m.Dataset)
	}
	i := slices.IndexFunc(all, func(e governance.Entry) bool { return e.ID == m.Dataset })
	if i < 0 {
		return governance.Entry{}, columns.Schema{}, fmt.Errorf("目录中没有数据集 %s there is no such dataset in the catalogue: %w", m.Dataset, fault.Refuse("uncatalogued", ""))
	}
	s, err := twin.Schema(all[i], namespace)
	return all[i], s, err
}

func rowsOf(e governance.Entry, version string) int64 {
	for _, v := range e.Versions {
		if v.ID == version {
			return v.Rows
		}
	}
	return 0
}

// checkColumns says which columns there are when one is asked for that is not.
func checkColumns(m jobs.Member, s columns.Schema) error {
	var have []string
	for _, c := range s.Readable() {
		have = append(have, c.Name)
	}
	for _, name := range m.Columns {
		if slices.Contains(have, name) {
			continue
		}
		if slices.ContainsFunc(s.Columns, func(c columns.Column) bool { return c.Name == name }) {
			return fmt.Errorf("数据集 %s 的列 %s 是直接标识符 column %s is a direct identifier: %w", m.Dataset, name, name, fault.Refuse("identifier", ""))
		}
		return fmt.Errorf("数据集 %s 没有列 %q there is no column %q；可用的列 there are: %s: %w", m.Dataset, name, name, strings.Join(have, ", "), fault.Refuse("column", ""))
	}
	return nil
}

// someUnits stand in for a domain's of which the catalogue is not at hand.
const someUnits = 1 << 16

// standInUnits fills in what bounds the ranges of protection prio3, if nobody has
// said it.
func (r *rehearsed) standInUnits() {
	if !r.terms.Proved() || r.terms.Prio.Units != 0 {
		return
	}
	r.terms.Prio.Units = someUnits
	r.notes = append(r.notes, jobs.Statement{
		ZH: fmt.Sprintf("目录不在手边，试运行按每域至多 %d 个单位推算证明的范围（prio.units）；起草条款时按目录补全。", someUnits),
		EN: fmt.Sprintf("the catalogue is not at hand: the ranges that are proved are reckoned for %d units in a domain (prio.units); a draft takes the catalogue's figure.", someUnits),
	})
}

// standIn fills in what `scenario draft` takes from the register, so that the
// same checks can be made now. Keys are drawn and forgotten.
func (r *rehearsed) standIn() {
	t := &r.terms
	key := func() suite.PublicKey {
		k, err := suite.NewPrivateKey()
		if err != nil {
			panic("yunei: drawing a key: " + err.Error()) // the machine has no randomness
		}
		return k.Public()
	}
	process := func(p *jobs.Process, name string) {
		if p.Name == "" || p.Key == "" {
			*p = jobs.Process{Name: name, Key: key()}
		}
	}
	signer := func(s *jobs.Signer, org string) {
		if s.Key == "" {
			*s = jobs.Signer{Org: org, Key: key()}
		}
	}
	signer(&t.Operator, "rehearsal-operator")
	signer(&t.Bureau, "rehearsal-bureau")
	process(&t.Gate.Process, "rehearsal-gate")
	process(&t.Coordinator, "rehearsal-coordinator")
	if t.Gate.Evidence == "" {
		t.Gate.Evidence = jobs.Software
	}
	if t.Desk == "" {
		if box, err := suite.NewBox(); err == nil {
			t.Desk = box.Public()
		}
	}
	for i := len(t.Trustees.Members); i < max(2, t.Trustees.Quorum); i++ {
		t.Trustees.Members = append(t.Trustees.Members, jobs.Process{Name: fmt.Sprintf("rehearsal-trustee-%d", i+1), Key: key()})
	}
	for i := len(t.Checkers); i < jobs.Votes; i++ {
		t.Checkers = append(t.Checkers, jobs.Signer{Org: fmt.Sprintf("rehearsal-checker-%d", i+1), Key: key()})
	}
	for i := range t.Members {
		m := &t.Members[i]
		if m.Domain == "" {
			m.Domain = fmt.Sprintf("rehearsal-%d", i+1)
		}
		signer(&m.Provider, fmt.Sprintf("rehearsal-provider-%d", i+1))
		process(&m.Site, "site-"+m.Domain)
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = time.Now().UTC().Truncate(time.Second)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = t.NotBefore.AddDate(1, 0, 0)
	}
	if t.Mode == jobs.SDC && (t.Program.Review == nil || t.Program.Review.Reviewer == "") {
		t.Program.Review = &jobs.Review{Reviewer: "rehearsal"}
		r.notes = append(r.notes, jobs.Statement{
			ZH: "sdc 模式要求程序源代码经具名审阅（program.review）；申请前须补上，或改用 dp 模式。",
			EN: "mode sdc needs a named review of the program's source (program.review) before you apply; or use mode dp.",
		})
	}
}
