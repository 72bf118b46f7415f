package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// drafted is what a draft is made from and where it goes.
type drafted struct {
	out  string
	sets []string
}

func (d *drafted) flags(c *cobra.Command) {
	c.Flags().StringVar(&d.out, "out", "", "写出材料 write the paper here")
	c.Flags().StringArrayVar(&d.sets, "set", nil, "填写一项：路径=值，值为 JSON 或文字 fill one thing in: path=value, the value JSON or else text")
	_ = c.MarkFlagRequired("out")
}

// write fills in what was asked for and writes the paper in its one spelling.
func (d *drafted) write(c *cobra.Command, kind papers.Kind, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for _, set := range d.sets {
		if raw, err = setField(raw, set); err != nil {
			return err
		}
	}
	if raw, err = json.Marshal(map[string]any{"paper": kind, "body": json.RawMessage(raw)}); err != nil {
		return err
	}
	paper, err := papers.Fmt(raw)
	if err != nil {
		return err
	}
	if err := writeNew(d.out, paper); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "已起草 drafted: %s (%s)\n  摘要 digest: %s\n  核对 check: yunei paper check %s --city CITY\n", d.out, kind, suite.DigestOf(paper), d.out)
	return nil
}

// setField sets one field of a JSON document: names and indexes with dots, and a
// value that is JSON or else a text. A list's end is its length; * is all of it.
func setField(raw []byte, edit string) ([]byte, error) {
	path, text, ok := strings.Cut(edit, "=")
	if !ok {
		return nil, fmt.Errorf("--set %s: 应为 路径=值 want path=value: %w", edit, fault.Invalid)
	}
	var doc, value any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		value = text
	}
	doc, err := setAt(doc, strings.Split(path, "."), value)
	if err != nil {
		return nil, fmt.Errorf("--set %s: %w", edit, err)
	}
	return json.Marshal(doc)
}

func setAt(doc any, path []string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	switch at := doc.(type) {
	case nil:
		return setAt(map[string]any{}, path, value)
	case map[string]any:
		next, err := setAt(at[path[0]], path[1:], value)
		at[path[0]] = next
		return at, err
	case []any:
		if path[0] == "*" {
			for i := range at {
				next, err := setAt(at[i], path[1:], value)
				if err != nil {
					return nil, err
				}
				at[i] = next
			}
			return at, nil
		}
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i > len(at) {
			return nil, fmt.Errorf("%s: 没有这一项 there is no such item: %w", path[0], fault.Invalid)
		}
		if i == len(at) {
			at = append(at, nil)
		}
		at[i], err = setAt(at[i], path[1:], value)
		return at, err
	default:
		return nil, fmt.Errorf("%s: 没有下一层 there is nothing below: %w", path[0], fault.Invalid)
	}
}

func paperDraftCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "draft",
		Short: "由已有事实起草材料，由人补全 / draft a paper from what is known, for a person to complete",
		Long: `起草不代答：是否涉密、是否个人信息、依据何法，须由填报人以 --set 填写。每次都写成唯一的拼写形式，摘要即其身份。
A draft answers nothing that only a person can: whether data are secret or personal, and on which law they rest, is for --set.
What is written is the one spelling of the paper; its digest is its name.`,
	}
	c.AddCommand(draftSheetCommand(), draftAdmissionCommand(), draftScenarioCommand(), draftAgreementCommand(), draftProgramCommand())
	return c
}

func draftSheetCommand() *cobra.Command {
	var d drafted
	var entry string
	c := &cobra.Command{
		Use:   "sheet",
		Short: "目录条目，由 dataset add 的登记文件 / an entry of the catalogue, from the file of dataset add",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var e governance.Entry
			if err := readJSON(entry, &e); err != nil {
				return err
			}
			return d.write(c, papers.KindSheet, papers.DraftSheet(e))
		},
	}
	d.flags(c)
	c.Flags().StringVar(&entry, "entry", "", "dataset add 写出的登记文件 file written by dataset add")
	_ = c.MarkFlagRequired("entry")
	return c
}

func draftAdmissionCommand() *cobra.Command {
	var d drafted
	c := &cobra.Command{
		Use:   "admission",
		Short: "授权运营资格申请 / an application for a licence",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			day := time.Now().UTC().Truncate(24 * time.Hour)
			return d.write(c, papers.KindAdmission, papers.Admission{From: day, To: day.AddDate(1, 0, 0)})
		},
	}
	d.flags(c)
	return c
}

func draftScenarioCommand() *cobra.Command {
	var d drafted
	var f access
	var spec string
	c := &cobra.Command{
		Use:   "scenario",
		Short: "应用场景与数据清单，由运行说明 / a scenario and its one list, from the description of a run",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var t jobs.Terms
			if err := readJSON(spec, &t); err != nil {
				return err
			}
			api, err := f.client()
			if err != nil {
				return err
			}
			dir, err := api.Directory(c.Context())
			if err != nil {
				return err
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			user, ok := userOf(dir, func(u governance.User) bool { return u.Key == key.Public() })
			if !ok {
				return fault.Refuse("not-found", "")
			}
			t.Operator.Org = user.Org
			if t.NotBefore.IsZero() {
				t.NotBefore = time.Now().UTC().Truncate(24 * time.Hour)
			}
			if t.NotAfter.IsZero() {
				t.NotAfter = t.NotBefore.AddDate(1, 0, 0)
			}
			return d.write(c, papers.KindScenario, papers.DraftScenario(t, dir.Catalogue))
		},
	}
	f.flags(c)
	d.flags(c)
	c.Flags().StringVar(&spec, "spec", "", "运行说明 description (JSON)")
	_ = c.MarkFlagRequired("spec")
	return c
}

func draftAgreementCommand() *cobra.Command {
	var d drafted
	var f access
	var scenario, id, head, bureau, city, text string
	c := &cobra.Command{
		Use:   "agreement",
		Short: "协议，由已审定的场景 / an agreement, from a scenario that has passed",
		Long: `协议文本由各空格生成，材料中记载其摘要；双方签署的就是这份文本。给出 --key 时，单位和数据集写登记的名称，否则只写编号。
The text is made of the blanks, and the paper holds its digest: that is what both sides sign. With --key bodies and datasets are called as
the register calls them; without, by their ids alone.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			raw, err := os.ReadFile(scenario)
			if err != nil {
				return err
			}
			s, err := papers.Read[papers.Scenario](raw, papers.KindScenario)
			if err != nil {
				return err
			}
			p, err := profiles.Get(city)
			if err != nil {
				return err
			}
			draft := papers.DraftAgreement(id, s, suite.Digest(head), bureau)
			if f.key != "" {
				if draft.Names, err = registered(c.Context(), &f, draft.Named(s)); err != nil {
					return err
				}
			}
			blank, err := json.Marshal(draft)
			if err != nil {
				return err
			}
			for _, set := range d.sets {
				if blank, err = setField(blank, set); err != nil {
					return err
				}
			}
			var a papers.Agreement
			if err := json.Unmarshal(blank, &a); err != nil {
				return fmt.Errorf("%w: %w", err, fault.Invalid)
			}
			said := papers.Text(a, s, p)
			a.Text = suite.DigestOf(said)
			if text != "" {
				if err := writeNew(text, said); err != nil {
					return err
				}
			}
			d.sets = slices.DeleteFunc(d.sets, func(string) bool { return true }) // they are in
			return d.write(c, papers.KindAgreement, a)
		},
	}
	f.flags(c)
	d.flags(c)
	for name, v := range map[string]*string{"scenario": &scenario, "id": &id, "head": &head, "bureau": &bureau, "city": &city} {
		c.Flags().StringVar(v, name, "", map[string]string{
			"scenario": "场景材料 the scenario's paper", "id": "协议办件编号 id of the agreement's case", "head": "场景办件终结时的摘要 head of the scenario's case as it ended",
			"bureau": "主管部门机构编号 the bureau's id", "city": "城市规则 the city's rules",
		}[name])
		_ = c.MarkFlagRequired(name)
	}
	c.Flags().StringVar(&text, "text", "", "写出协议文本 write the text here")
	return c
}

// registered is what the register calls bodies and datasets.
func registered(ctx context.Context, f *access, ids []string) (map[string]string, error) {
	api, err := f.client()
	if err != nil {
		return nil, err
	}
	dir, err := api.Directory(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, o := range dir.Orgs {
		names[o.ID] = o.Title
	}
	for _, e := range dir.Catalogue {
		names[e.ID] = e.Title
	}
	maps.DeleteFunc(names, func(id, _ string) bool { return !slices.Contains(ids, id) })
	return names, nil
}

func draftProgramCommand() *cobra.Command {
	var d drafted
	var module, source, name, author string
	c := &cobra.Command{
		Use:   "program",
		Short: "作业模块材料 / a program's paper",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			wasm, err := os.ReadFile(module)
			if err != nil {
				return err
			}
			from := suite.Digest(source)
			if from.Hex() == "" {
				src, err := os.ReadFile(source)
				if err != nil {
					return err
				}
				from = suite.DigestOf(src)
			}
			return d.write(c, papers.KindProgram, papers.DraftProgram(name, wasm, from, author))
		},
	}
	d.flags(c)
	for flag, v := range map[string]*string{"program": &module, "source": &source, "name": &name, "author": &author} {
		c.Flags().StringVar(v, flag, "", map[string]string{
			"program": "程序 WASM module", "source": "源码归档或其摘要 archive of the source, or its digest", "name": "名称 name", "author": "作者（机构编号或名称） author",
		}[flag])
		_ = c.MarkFlagRequired(flag)
	}
	return c
}
