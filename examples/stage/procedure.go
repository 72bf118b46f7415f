package stage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// City is whose rules a stage goes by where it says nothing else: its people answer all
// that the papers of any of the five cities ask.
const City = "guiyang"

// a document is a file that a person puts on file; what is in it is the example's.
func (s *Stage) document(name string) (string, error) {
	file := s.Path("work", name+".txt")
	return file, os.WriteFile(file, []byte("示例材料 an example's document: "+name+"\n"), 0o600)
}

// documents are several, as flags that put them on file.
func (s *Stage) documents(names ...string) ([]string, error) {
	var flags []string
	for _, name := range names {
		file, err := s.document(name)
		if err != nil {
			return nil, err
		}
		flags = append(flags, "--file", name+"="+file)
	}
	return flags, nil
}

// Adopt has two officers of the bureau publish the rules that the installation
// goes by.
func (s *Stage) Adopt(ctx context.Context) error {
	for _, p := range []Person{Bureau, Deputy} {
		if err := s.As(ctx, p, "profile", "publish", s.city()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) city() string {
	if s.City == "" {
		return City
	}
	return s.City
}

// Admit takes the operator through its admission to a licence.
func (s *Stage) Admit(ctx context.Context, field string, purposes ...string) error {
	paper := s.Path("work", "admission.json")
	day := time.Now().UTC().Truncate(24 * time.Hour)
	from := day.AddDate(-s.Since, 0, 0)
	list, err := json.Marshal(purposes)
	if err != nil {
		return err
	}
	sets := []string{
		"operator=" + Operator.Org, "title=黔数运营公司", "credit_code=91350100M000100Y43", "class=company", "field=" + field, "purposes=" + string(list),
		"from=" + from.Format(time.RFC3339), "to=" + day.AddDate(s.left(), 0, 0).Format(time.RFC3339),
		"attested_until=" + day.AddDate(1, 0, 0).Format(time.RFC3339), "credit_checked=" + from.AddDate(0, 0, -7).Format(time.RFC3339), "no_bad_credit_entry=true",
	}
	if err := s.draft(ctx, Person{}, "admission", paper, sets); err != nil {
		return err
	}
	filed, err := s.documents("organisation-attestation", "credit-check", "security-commitment")
	if err != nil {
		return err
	}
	const id = "admit-qs-yy"
	open := append([]string{"case", "open", "operator.admit", "--id", id, "--title", "授权运营资格申请", "--ref", "application=" + paper}, filed...)
	if err := s.As(ctx, Operator, open...); err != nil {
		return err
	}
	if err := s.As(ctx, Bureau, "case", "decide", id, "--verdict", "allow"); err != nil {
		return err
	}
	seen := []string{"--attest", "organisation-attestation=查验原件", "--attest", "credit-check=信用平台查询"}
	if err := s.As(ctx, Deputy, append([]string{"case", "decide", id, "--verdict", "allow"}, seen...)...); err != nil {
		return err
	}
	return s.As(ctx, Bureau, "licence", "grant", "--id", "lic-1", "--case", id)
}

// left is how many years the operator's licence goes on: it is for two at least, and
// for three at most, which is as long as it may be.
func (s *Stage) left() int { return max(1, 2-s.Since) }

// draft has a paper drafted.
func (s *Stage) draft(ctx context.Context, by Person, kind, out string, sets []string, more ...string) error {
	args := append([]string{"paper", "draft", kind, "--out", out}, more...)
	for _, set := range sets {
		args = append(args, "--set", set)
	}
	if by.ID != "" {
		args = append(args, "--key", s.Key(by))
	}
	fmt.Fprintf(s.Out, "    $ yunei paper draft %s --out %s --set … （%d 项 answers）\n", kind, s.short([]string{out}), len(sets))
	_, err := s.Quiet(ctx, "yunei", args...)
	return err
}

// Catalogue takes a registered dataset through the catalogue's review.
func (s *Stage) Catalogue(ctx context.Context, officer Person, dataset, entry string, sets ...string) error {
	paper := s.Path("work", dataset+".sheet.json")
	known := []string{
		"class=general", "grade=2", "open=closed", "open_why=law", "secrecy=none", "negative=none", "registration=登记-" + dataset, "update_days=30", "gathering=physical",
		"conditions=按场景申请，在沙箱内计算", "share_reason=含个人信息", `share_basis=[{"doc":"中华人民共和国个人信息保护法","article":"第十三条"}]`,
		`open_basis=[{"doc":"中华人民共和国个人信息保护法","article":"第十三条"}]`,
		"items.*.basis=law", "items.*.law.doc=社会保险法", "items.*.law.article=第七十四条", "items.*.subject=person", "items.*.sensitive=true",
		"fields.class=医疗健康", "fields.level=第2级", "fields.open-attribute=closed", "fields.use-requirements=沙箱内使用", "fields.update-cycle=每月", "fields.type=closed",
		"fields.share-conditions=按场景申请", "fields.share-scope=授权运营", "fields.conditions=不开放", "fields.frequency=每月",
		"fields.data-officer=局首席数据官", "fields.agency=数据管理科", "fields.responsible=" + officer.Name, "fields.staff=" + officer.Name,
		"lineage.business=医保结算", "lineage.duty=医保基金管理", "lineage.system=医保核心系统", "lineage.catalogue=" + dataset, "lineage.data=结算明细",
	}
	if err := s.draft(ctx, Person{}, "sheet", paper, append(known, sets...), "--entry", entry); err != nil {
		return err
	}
	id := "entry-" + dataset
	if err := s.As(ctx, officer, "case", "open", "catalogue.review", "--id", id, "--title", "目录审核 "+dataset, "--ref", "entry="+paper); err != nil {
		return err
	}
	return s.As(ctx, Bureau, "case", "decide", id, "--verdict", "allow")
}

// Review takes a description's program through its review, once for each source
// that somebody says it was built from.
func (s *Stage) Review(ctx context.Context, program, spec string) error {
	s.going.Lock()
	defer s.going.Unlock()
	module, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(spec)
	if err != nil {
		return err
	}
	var d struct {
		Program struct {
			Review struct {
				Source string `json:"source"`
			} `json:"review"`
		} `json:"program"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	source := d.Program.Review.Source
	if source == "" {
		file, err := s.document("source")
		if err != nil {
			return err
		}
		source = digest(file)
	}
	sum := sha256.Sum256(append(module, source...))
	id := "program-" + hex.EncodeToString(sum[:6])
	if s.done[id] {
		return nil
	}
	paper := s.Path("work", id+".json")
	name := strings.TrimSuffix(filepath.Base(program), ".wasm")
	if err := s.draft(ctx, Person{}, "program", paper, nil, "--program", program, "--source", source, "--name", name, "--author", Operator.Org); err != nil {
		return err
	}
	if err := s.As(ctx, Operator, "case", "open", "program.review", "--id", id, "--title", "作业模块审查 "+name, "--ref", "program="+paper, "--ref", "source="+source); err != nil {
		return err
	}
	if err := s.As(ctx, Bureau, "case", "decide", id, "--verdict", "allow"); err != nil {
		return err
	}
	s.note(id)
	return nil
}

func (s *Stage) note(id string) {
	if s.done == nil {
		s.done = map[string]bool{}
	}
	s.done[id] = true
}

// Settle takes a description's scenario through its procedure, and writes the
// scenario's id into the description.
func (s *Stage) Settle(ctx context.Context, spec string, officers ...Person) error {
	s.going.Lock()
	defer s.going.Unlock()
	id, err := s.Scenario(ctx, spec, officers...)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(spec)
	if err != nil {
		return err
	}
	var d map[string]json.RawMessage
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	d["scenario"] = json.RawMessage(strconv.Quote(id))
	if raw, err = json.Marshal(d); err != nil {
		return err
	}
	return os.WriteFile(spec, raw, 0o600)
}

// Scenario takes what a description asks for through every stage of a scenario
// and of its agreement, once for each list of data, and returns the scenario's id:
// that of the description, or that with a number where another list had it before.
func (s *Stage) Scenario(ctx context.Context, spec string, officers ...Person) (string, error) {
	raw, err := os.ReadFile(spec)
	if err != nil {
		return "", err
	}
	var d struct {
		Scenario   string   `json:"scenario"`
		Purpose    string   `json:"purpose"`
		Recipients []string `json:"recipients"`
		Members    []struct {
			Dataset string   `json:"dataset"`
			Columns []string `json:"columns"`
		} `json:"members"`
		Join   json.RawMessage `json:"join"`
		Verify json.RawMessage `json:"verify"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return "", err
	}
	content, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	if s.scenarios == nil {
		s.scenarios = map[string]string{}
	}
	if id, ok := s.scenarios[string(content)]; ok {
		return id, nil
	}
	id := d.Scenario
	for n := 2; slices.Contains(slices.Collect(maps.Values(s.scenarios)), id); n++ {
		id = fmt.Sprintf("%s-%d", d.Scenario, n)
	}
	if err := s.applyFor(ctx, id, spec, len(d.Verify) > 0, officers); err != nil {
		return "", err
	}
	if len(d.Verify) == 0 { // a request for sharing is answered, and nothing is signed about it
		if err := s.agreeOn(ctx, id); err != nil {
			return "", err
		}
	}
	s.scenarios[string(content)] = id
	return id, nil
}

func (s *Stage) applyFor(ctx context.Context, id, spec string, asks bool, officers []Person) error {
	paper := s.Path("work", id+".scenario.json")
	plan, err := s.document("emergency-plan")
	if err != nil {
		return err
	}
	assessment, err := s.document("impact-assessment")
	if err != nil {
		return err
	}
	day := time.Now().UTC().Truncate(24 * time.Hour)
	sets := []string{
		"id=" + id, "title=医疗负担分析", "activity=public-good", "public_good=true", "class=company", "scope=区县与年龄段汇总统计", "safeguards=沙箱计算，出域审核",
		`commitments=["true","safe","compliant","security"]`, "plan=" + digest(plan), "assessment=" + digest(assessment),
		"from=" + day.Format(time.RFC3339), "to=" + day.AddDate(s.left(), 0, -1).Format(time.RFC3339),
	}
	if asks { // of a source department, as organs and public bodies may
		sets = append(sets, "class=public-body")
	}
	if err := s.draft(ctx, Operator, "scenario", paper, sets, "--spec", spec); err != nil {
		return err
	}
	filed, err := s.documents("commitment")
	if err != nil {
		return err
	}
	open := []string{"case", "open", "scenario.apply", "--id", id, "--title", "医疗负担分析", "--ref", "application=" + paper, "--ref", "dataset-list=" + paper}
	if asks {
		open = append(open, "--channel", "share")
	}
	for _, p := range officers {
		open = append(open, "--party", "provider="+p.Org)
	}
	if err := s.As(ctx, Operator, append(open, filed...)...); err != nil {
		return err
	}
	deciders := append(append([]Person{Bureau}, officers...), Deputy)
	if asks {
		deciders = officers // straight to the source department
	}
	for _, p := range deciders {
		if err := s.As(ctx, p, "case", "decide", id, "--verdict", "allow"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) agreeOn(ctx context.Context, scenario string) error {
	id := "agree-" + scenario
	head, err := s.Quiet(ctx, "yunei", "case", "show", scenario, "--head", "--key", s.Key(Operator))
	if err != nil {
		return err
	}
	plan, err := s.document("emergency-plan")
	if err != nil {
		return err
	}
	paper := s.Path("work", id+".json")
	sets := []string{"fee=free", "blanks.return=公益使用，不收费", "blanks.government=示例授权文件〔2026〕1号", "blanks.safety=等级保护，沙箱内计算", "blanks.disposal=期满销毁中间数据", "plan=" + digest(plan)}
	if err := s.draft(ctx, Operator, "agreement", paper, sets, "--scenario", s.Path("work", scenario+".scenario.json"), "--id", id, "--head", head, "--bureau", Bureau.Org, "--city", s.city()); err != nil {
		return err
	}
	filed, err := s.documents("emergency-plan", "commitment")
	if err != nil {
		return err
	}
	open := []string{"case", "open", "agreement.sign", "--id", id, "--title", "协议 " + scenario, "--ref", "agreement=" + paper, "--ref", "scenario-decision=" + head}
	if err := s.As(ctx, Operator, append(open, filed...)...); err != nil {
		return err
	}
	for _, p := range []Person{Operator, Bureau} {
		if err := s.As(ctx, p, "case", "decide", id, "--verdict", "allow"); err != nil {
			return err
		}
	}
	return nil
}

// digest is a file's, as papers name it.
func digest(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
