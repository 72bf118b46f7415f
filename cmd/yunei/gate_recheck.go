package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/suite"
)

// The files of a gate's record, as `yunei gate record` writes them.
const (
	recordFile    = "record.json"
	candidateFile = "candidate.json"
	termsFile     = "terms.json"
	statementFile = "statement.json"
)

// recheckCommands are those by which a gate's record is made again from what
// the domains went by.
func recheckCommands() []*cobra.Command {
	return []*cobra.Command{gateRecordCommand(), gateBoxCommand(), gateConsentCommand(), gateEvidenceCommand(), gateRecheckCommand()}
}

// A signedRecord is the gate's own statement, and the salt that its
// commitments open with.
type signedRecord struct {
	Statement json.RawMessage `json:"statement"`
	Salt      suite.Salt      `json:"salt"`
	Blind     suite.Salt      `json:"blind"`
}

func gateRecordCommand() *cobra.Command {
	var f access
	var out string
	c := &cobra.Command{
		Use:   "record RUN",
		Short: "审核员或主管部门取出闸门的检查记录 / a checker or the bureau fetches the gate's record",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			t, err := termsOf(c.Context(), api, args[0])
			if err != nil {
				return err
			}
			candidate, _, err := candidateOf(c.Context(), api, args[0])
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o700); err != nil {
				return err
			}
			err = errors.Join(
				writeSecret(filepath.Join(out, recordFile), candidate.Letter.Record),
				writeSecret(filepath.Join(out, candidateFile), candidate.Letter.Candidate),
				writeSecret(filepath.Join(out, termsFile), t.Bytes()),
				writeJSON(filepath.Join(out, statementFile), signedRecord{candidate.Statement, candidate.Letter.Salt, candidate.Letter.Blind}),
			)
			if err != nil {
				return err
			}
			return done(c, "检查记录已写到 the gate's record is in", out)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&out, "out", "record", "写到目录 folder to write to")
	return c
}

func gateBoxCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "box FILE",
		Short: "生成收取证据的信箱密钥；公钥写到 FILE.pub / make a box that evidence is sealed to; its public key goes to FILE.pub",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			box, err := suite.NewBox()
			if err != nil {
				return err
			}
			secret, err := box.Bytes()
			if err != nil {
				return err
			}
			err = errors.Join(
				writeSecret(args[0], []byte(hex.EncodeToString(secret))),
				writeNew(args[0]+".pub", []byte(box.Public())),
			)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), box.Public())
			return nil
		},
	}
}

func readBox(file string) (suite.Box, error) {
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return suite.Box{}, fmt.Errorf("reading a box: %w", err)
	}
	raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return suite.Box{}, fmt.Errorf("reading a box: not hex: %w", fault.Invalid)
	}
	return suite.ParseBox(raw)
}

func gateConsentCommand() *cobra.Command {
	var f access
	var c msg.ConsentBody
	var box, out string
	cmd := &cobra.Command{
		Use:   "consent",
		Short: "数据提供方负责人签署：同意向某单位提供某次运行在本域的判断证据 / the provider's officer lets one organisation have its domain's evidence of a run",
		Long: `证据是本域判断单元格时所依据的精确数字，平时密封在域内。同意书写明运行、接收单位与其信箱公钥，只对此有效；
域节点据此记账、上链公告，然后才把证据密封给该信箱。
Evidence is exact, and otherwise never leaves the domain. A consent names the run, the recipient and its box, and holds for
nothing else; the site journals it, says so in the ledger, and only then seals the evidence to that box.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := f.client()
			if err != nil {
				return err
			}
			t, err := termsOf(cmd.Context(), api, c.Run)
			if err != nil {
				return err
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			if raw, err := os.ReadFile(filepath.Clean(box)); err == nil {
				box = string(bytes.TrimSpace(raw))
			}
			c.Box, c.Permit, c.At = suite.BoxKey(box), t.Digest(), time.Now().UTC().Truncate(time.Second)
			for _, m := range t.Members {
				if m.Provider.Key == key.Public() {
					c.Org = m.Provider.Org
				}
			}
			if c.Org == "" {
				return fault.Refuse("consent", "")
			}
			r, err := msg.SignConsent(key, c)
			if err != nil {
				return err
			}
			if err := writeNew(out, r.Bytes()); err != nil {
				return err
			}
			return done(cmd, "同意书已写到 the consent is in", out)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&c.Run, "run", "", "运行 the run")
	cmd.Flags().StringVar(&c.Recipient, "recipient", "", "接收单位 the organisation that receives it")
	cmd.Flags().StringVar(&box, "box", "", "接收单位的信箱公钥或其文件 its public box key, or the file of it (`yunei gate box`)")
	cmd.Flags().StringVar(&out, "out", "consent.json", "写到 file to write")
	for _, name := range []string{"run", "recipient", "box"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

func gateEvidenceCommand() *cobra.Command {
	var site, run, consent, out string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "evidence",
		Short: "在域内按同意书取出密封的证据 / inside the domain, have the site seal its evidence as consented",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			raw, err := os.ReadFile(filepath.Clean(consent))
			if err != nil {
				return err
			}
			var body msg.ConsentBody
			if r, err := receipt.Parse(raw); err != nil || r.Read(msg.Consent, &body) != nil || body.Run != run {
				return fault.Refuse("consent", "")
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			packet, err := domain.AskDesk(ctx, site, raw)
			if err != nil {
				return err
			}
			if err := writeSecret(out, packet); err != nil {
				return err
			}
			return done(c, "证据已密封给 the evidence is sealed to "+body.Recipient, out)
		},
	}
	c.Flags().StringVar(&site, "site", "", "数据域的目录 the domain's folder")
	c.Flags().StringVar(&run, "run", "", "运行 the run")
	c.Flags().StringVar(&consent, "consent", "", "同意书 the consent (`yunei gate consent`)")
	c.Flags().StringVar(&out, "out", "evidence.sealed", "写到 file to write")
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "最长等待 how long to wait for the site and the ledger")
	for _, name := range []string{"site", "run", "consent"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

type recheckFlags struct {
	record, candidate, box, bundle, pins string
	evidence                             []string
	json                                 bool
}

func gateRecheckCommand() *cobra.Command {
	var f recheckFlags
	c := &cobra.Command{
		Use:   "recheck",
		Short: "离线重做闸门的判断，并与其记录逐项比对 / offline: make the gate's judgement again and hold its record against it",
		Long: `用各域经提供方同意交出的证据，按同一规则重新判断：每一项检查得到“一致”“不一致”或“无法重做”（凭某方自述）。
任何不一致都使命令失败。缺少某个域的证据时，只核对在手各域标记的单元格是否均未展示。
From the evidence that the providers let out, by the same rules: each check agrees, differs, or cannot be made again because
it rests on somebody's word. Any difference fails the command. Without every domain's evidence, it says whether what the
domains at hand flagged is hidden.`,
		Example: "  yunei gate recheck --record record/record.json --evidence a.sealed --evidence b.sealed --key box.key",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c.OutOrStdout()) },
	}
	c.Flags().StringVar(&f.record, "record", filepath.Join("record", recordFile), "闸门的检查记录 the gate's record, beside it terms.json and statement.json")
	c.Flags().StringVar(&f.candidate, "candidate", "", "候选结果 the candidate (默认与记录同目录 beside the record by default)")
	c.Flags().StringArrayVar(&f.evidence, "evidence", nil, "某一域密封的证据 one domain's sealed evidence (可重复 repeat)")
	c.Flags().StringVar(&f.box, "key", "", "信箱密钥 your box (`yunei gate box`)")
	c.Flags().StringVar(&f.bundle, "bundle", "", "结果包 the release, if there is one: the statements must be those in it (with --pins)")
	c.Flags().StringVar(&f.pins, "pins", "", "公钥清单 page of keys (JSON)")
	c.Flags().BoolVar(&f.json, "json", false, "输出 JSON")
	c.MarkFlagsRequiredTogether("bundle", "pins")
	_ = c.MarkFlagRequired("evidence")
	_ = c.MarkFlagRequired("key")
	return c
}

// A case is everything that a recheck looks at, signatures and commitments
// checked.
type recheckCase struct {
	terms       jobs.Terms
	body        msg.CandidateBody
	statement   []byte
	letter      msg.Letter
	sites       []string
	testimonies [][]byte
	confirms    [][]byte
}

func (f recheckFlags) run(w io.Writer) error {
	k, err := f.open()
	if err != nil {
		return err
	}
	if f.bundle != "" {
		if err := f.released(k); err != nil {
			return err
		}
	}
	r, err := gate.Again(k.terms, k.body.Run, k.letter.Candidate, k.letter.Record, k.testimonies)
	if err != nil {
		return err
	}
	if f.json {
		err = json.NewEncoder(w).Encode(r)
	} else {
		err = printRecheck(w, k, r)
	}
	if err == nil && !r.Holds() {
		err = fault.Refuse("recheck", "")
	}
	return err
}

// open reads the files and checks who said what: the gate of the terms
// committed to record and candidate, and each site to its evidence when it
// signed the set that the gate opened.
func (f recheckFlags) open() (recheckCase, error) {
	var k recheckCase
	dir := filepath.Dir(f.record)
	raw, err := os.ReadFile(filepath.Join(dir, termsFile))
	if err != nil {
		return k, err
	}
	if k.terms, err = jobs.ParseTerms(raw); err != nil {
		return k, err
	}
	var said signedRecord
	if err := readJSON(filepath.Join(dir, statementFile), &said); err != nil {
		return k, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, said.Statement); err != nil {
		return k, fmt.Errorf("reading the gate's statement: %w", fault.Invalid)
	}
	k.statement = compact.Bytes()
	k.letter.Salt, k.letter.Blind = said.Salt, said.Blind
	if k.letter.Record, err = os.ReadFile(f.record); err != nil {
		return k, err
	}
	if f.candidate == "" {
		f.candidate = filepath.Join(dir, candidateFile)
	}
	if k.letter.Candidate, err = os.ReadFile(f.candidate); err != nil {
		return k, err
	}
	r, err := receipt.Parse(k.statement)
	if err != nil {
		return k, err
	}
	if err := r.Read(msg.Candidate, &k.body); err != nil {
		return k, err
	}
	if _, err := (verb.Candidate{Statement: k.statement, Letter: k.letter}).Open(k.terms, k.body.Run); err != nil {
		return k, err
	}
	return k, f.unseal(&k)
}

func (f recheckFlags) unseal(k *recheckCase) error {
	box, err := readBox(f.box)
	if err != nil {
		return err
	}
	by := map[string]msg.Opened{}
	for _, file := range f.evidence {
		raw, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			return err
		}
		o, confirm, err := msg.OpenPacket(raw, box, k.terms)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if _, twice := by[o.Of.Party]; twice || o.Of.Run != k.body.Run || !confirm.Set.Equal(k.body.Set) {
			return fmt.Errorf("%s: 不是该次运行的证据，或重复 not the evidence of this run, or twice: %w", file, fault.Tampered)
		}
		by[o.Of.Party] = o
	}
	for _, m := range k.terms.Members {
		if o, ok := by[m.Site.Name]; ok {
			k.sites, k.testimonies, k.confirms = append(k.sites, m.Site.Name), append(k.testimonies, o.Evidence), append(k.confirms, o.Confirm)
		}
	}
	return nil
}

// released demands that the statements are those of a release that holds, and
// so stand in the ledger.
func (f recheckFlags) released(k recheckCase) error {
	pinsRaw, err := os.ReadFile(f.pins)
	if err != nil {
		return err
	}
	pins, err := release.ParsePins(pinsRaw)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(f.bundle)
	if err != nil {
		return err
	}
	if _, err := release.Verify(raw, pins); err != nil {
		return err
	}
	b, err := release.Parse(raw)
	if err != nil {
		return err
	}
	for _, want := range append([][]byte{k.statement}, k.confirms...) {
		if !b.Has(want) {
			return fmt.Errorf("a statement is not in the release: %w", fault.Tampered)
		}
	}
	return nil
}

var agreements = map[gate.Agreement]string{
	gate.Agrees: "一致 agrees", gate.Differs: "不一致 DIFFERS", gate.Underived: "无法重做 not re-derivable",
}

func printRecheck(w io.Writer, k recheckCase, r gate.Recheck) error {
	var b strings.Builder
	fmt.Fprintf(&b, "运行 run %s，闸门结论 verdict %s；证据 evidence: %s\n", k.body.Run, k.body.Verdict, strings.Join(k.sites, ", "))
	for i, p := range r.Parts {
		fmt.Fprintf(&b, "  %s: 标记 flagged %d，其中被展示 of them shown %d\n", k.sites[i], p.Flagged, len(p.Shown))
	}
	for _, c := range r.Checks {
		derived := ""
		if c.Derived != "" && c.Derived != c.Recorded {
			derived = " → " + string(c.Derived)
		}
		fmt.Fprintf(&b, "  %s %-26s %-16s%s %s\n", c.ID, c.Name, c.Recorded, derived, agreements[c.Comes])
	}
	fmt.Fprintf(&b, "候选结果 candidate: %s；检查记录 record: %s；单元格 cells that differ: %d\n", agreements[r.Candidate], agreements[r.Record], len(r.Items))
	if !r.Whole {
		fmt.Fprintln(&b, "缺少部分域的证据：只核对了在手各域标记的单元格。Some domains' evidence is missing: only what the others flagged was checked.")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
