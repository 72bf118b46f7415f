// Package papers gives the documents that cases decide on: an entry of the
// catalogue (目录条目), an operator's application for a licence, a scenario with
// its one list of datasets, an agreement, a program's papers, a report that
// somebody owes, a data subject's consent. A paper is JSON of one spelling, named
// by its digest; it is signed by nobody, because the event of the case that hands
// it in is, and names that digest. What a city asks of it is its profile's to
// say: Check methods take the profile, and cite it.
//
// The package is pure. It reads bytes from anyone, within limits, and judges
// form and completeness, never whether what is written is so.
package papers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Kind says what a paper is.
type Kind string

// The kinds of papers.
const (
	KindSheet     Kind = "sheet"     // 目录条目
	KindAdmission Kind = "admission" // 授权运营资格申请
	KindScenario  Kind = "scenario"  // 应用场景申请与数据清单
	KindAgreement Kind = "agreement" // 协议
	KindProgram   Kind = "program"   // 作业模块材料
	KindReport    Kind = "report"    // 履约报告, on one of the duties
	KindConsent   Kind = "consent"   // 数据主体同意
)

// MaxSize bounds a paper, in bytes.
const MaxSize = 256 << 10

// A Class is what kind of body uses data; the cities let each use other channels
// for other ends.
type Class string

// The classes of users of data.
const (
	Organ      Class = "organ"       // 行政机关
	PublicBody Class = "public-body" // 公共管理和服务机构
	Company    Class = "company"     // 企业
	University Class = "university"  // 高校、科研院所
)

type (
	// A Citation names law by document and article.
	Citation struct {
		Doc     string `json:"doc"`
		Article string `json:"article"`
	}
	// An Item is one data item (数据项) of an entry. One lawful source answers for a
	// code (一数一源).
	Item struct {
		Code       string    `json:"code"`
		Name       string    `json:"name"`
		Column     string    `json:"column,omitempty"`     // of the dataset
		Source     string    `json:"source"`               // organisation: 法定数源部门
		Subject    string    `json:"subject"`              // person, body or thing
		Identifier string    `json:"identifier,omitempty"` // resident-id, other-id, credit-code, other-code
		Sensitive  bool      `json:"sensitive,omitempty"`
		Basis      string    `json:"basis"` // law or consent
		Law        *Citation `json:"law,omitempty"`
		Consent    string    `json:"consent,omitempty"` // id of the consent's text
	}
	// A Sheet is an entry of the catalogue as a bureau reviews it. Fields holds the
	// words of catalogue.fields and open.list_fields, Lineage those of
	// catalogue.lineage.
	Sheet struct {
		Dataset      string            `json:"dataset"`
		Provider     string            `json:"provider"`
		Fields       map[string]string `json:"fields"`
		Lineage      map[string]string `json:"lineage,omitempty"`
		Class        string            `json:"class"` // GB/T 43697-2024: general, important, core
		Grade        int               `json:"grade"` // 1 to 4
		Share        string            `json:"share"` // unconditional, conditional, not-shared
		ShareBasis   []Citation        `json:"share_basis,omitempty"`
		ShareReason  string            `json:"share_reason,omitempty"`
		Conditions   string            `json:"conditions,omitempty"`
		Filing       string            `json:"filing,omitempty"` // 备案
		Open         string            `json:"open"`             // unconditional, conditional, closed
		OpenBasis    []Citation        `json:"open_basis,omitempty"`
		OpenWhy      string            `json:"open_why,omitempty"` // of closed: a word of open.closed; of conditional: of open.conditional_when
		Unlocked     string            `json:"unlocked,omitempty"` // a word of open.unlock
		Secrecy      string            `json:"secrecy"`            // none or state-secret; nothing else is an answer
		Negative     string            `json:"negative"`           // none or listed (负面清单)
		Registration string            `json:"registration,omitempty"`
		Event        string            `json:"event,omitempty"` // the emergency (突发事件) that the data were had for, by an id
		UpdateDays   int               `json:"update_days"`     // calendar days
		// Gathering is how the platform has the data: physical (物理归集), logical
		// (逻辑接入), none (不归集), which a city may want a basis for.
		Gathering      string     `json:"gathering,omitempty"`
		GatheringBasis []Citation `json:"gathering_basis,omitempty"`
		Items          []Item     `json:"items"`
	}
	// An Admission is an application for a licence to operate.
	Admission struct {
		Operator   string    `json:"operator"`
		Title      string    `json:"title"`
		CreditCode string    `json:"credit_code"` // 统一社会信用代码, GB 32100
		Class      Class     `json:"class"`
		Field      string    `json:"field"`
		Purposes   []string  `json:"purposes"`
		From       time.Time `json:"from"`
		To         time.Time `json:"to"`
		Reason     string    `json:"reason,omitempty"`    // for a term beyond the rule
		Attested   time.Time `json:"attested_until"`      // of 等级保护 and the like
		Credit     time.Time `json:"credit_checked"`      // when
		NoBadEntry bool      `json:"no_bad_credit_entry"` // as stated by the applicant; the case's evidence says who verified
	}
	// A Use is one dataset of a scenario's list.
	Use struct {
		Dataset string   `json:"dataset"`
		Columns []string `json:"columns"`
		Rows    string   `json:"rows"` // which, in words; "全部" for all
	}
	// A Scenario is what an operator applies for: one scenario, one list.
	Scenario struct {
		ID          string       `json:"id"` // of its case
		Title       string       `json:"title"`
		Purpose     string       `json:"purpose"` // code
		Activity    string       `json:"activity"`
		PublicGood  bool         `json:"public_good"`
		Commercial  bool         `json:"commercial"` // its outputs become a product
		Channel     string       `json:"channel"`
		Applicant   string       `json:"applicant"` // organisation
		Class       Class        `json:"class"`
		Sources     []string     `json:"sources"` // provider organisations
		Datasets    []Use        `json:"datasets"`
		Joins       [][2]string  `json:"joins,omitempty"` // pairs of datasets
		Scope       string       `json:"scope"`
		Format      string       `json:"format,omitempty"`
		Safeguards  string       `json:"safeguards"`
		Mode        string       `json:"mode"` // how the data are had: 沙箱计算, 核实比对
		From        time.Time    `json:"from"`
		To          time.Time    `json:"to"`
		Recipients  []string     `json:"recipients"`
		Commitments []string     `json:"commitments"`          // words of share.commitments and "security"
		Plan        suite.Digest `json:"plan,omitempty"`       // 应急预案
		Assessment  suite.Digest `json:"assessment,omitempty"` // 个人信息保护影响评估
		Consents    []string     `json:"consents,omitempty"`   // ids of consents that it rests on
		Previous    string       `json:"previous,omitempty"`   // the scenario that this one amends
		Credit      time.Time    `json:"credit_checked,omitzero"`
		NoBadEntry  bool         `json:"no_bad_credit_entry,omitempty"`
		Reason      string       `json:"reason,omitempty"` // for what goes beyond a rule that holds in principle
	}
	// An Agreement is what bureau and operator sign for one scenario. Text is the
	// digest of the text that Text writes of it.
	Agreement struct {
		ID         string            `json:"id"` // of its case
		Scenario   string            `json:"scenario"`
		Head       suite.Digest      `json:"head"` // of the scenario's case, as it ended
		Operator   string            `json:"operator"`
		Bureau     string            `json:"bureau"`
		From       time.Time         `json:"from"`
		To         time.Time         `json:"to"`
		Purposes   []string          `json:"purposes"`
		Recipients []string          `json:"recipients"`
		Fee        string            `json:"fee"`             // free or paid
		Blanks     map[string]string `json:"blanks"`          // words of authop.agreement_fields and open.agreement_fields
		Names      map[string]string `json:"names,omitempty"` // what the register calls the bodies and datasets, by id
		Plan       suite.Digest      `json:"plan,omitempty"`
		Previous   string            `json:"previous,omitempty"`
		Text       suite.Digest      `json:"text"`
	}
	// A Program is what is known of a program's making.
	Program struct {
		Digest suite.Digest `json:"digest"`
		Name   string       `json:"name"`
		Source suite.Digest `json:"source"`
		Author string       `json:"author"` // organisation, or a vendor's name
		Vendor bool         `json:"vendor"` // a third party made it: papers are asked for
		// Papers holds the words of security.vendor, each with the digest of its document.
		Papers map[string]suite.Digest `json:"papers,omitempty"`
	}
	// A Report is what an operator owes at a time.
	Report struct {
		Duty     string       `json:"duty"` // feedback, risk-report, drill, disposal, quality, disclosure, assessment, backup, attestation
		Operator string       `json:"operator"`
		Scenario string       `json:"scenario,omitempty"`
		From     time.Time    `json:"from"`
		To       time.Time    `json:"to"`
		Text     string       `json:"text"`
		Document suite.Digest `json:"document,omitempty"`
		Failed   bool         `json:"failed,omitempty"` // what was tried (a restore, a drill) did not come off
	}
	// A Consent is what data subjects have agreed to, after they were told.
	Consent struct {
		ID        string            `json:"id"`
		Dataset   string            `json:"dataset"`
		Purposes  []string          `json:"purposes"`
		Notice    map[string]string `json:"notice"` // words of consent.notice
		Text      suite.Digest      `json:"text"`
		From      time.Time         `json:"from"`
		Withdrawn time.Time         `json:"withdrawn,omitzero"`
	}
)

// paper is how a paper is spelled: its kind, and what it says.
type paper struct {
	Kind Kind            `json:"paper"`
	Body json.RawMessage `json:"body"`
}

// Bytes is the one spelling of a paper.
func Bytes(kind Kind, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("writing a paper: %w", err)
	}
	out, err := json.Marshal(paper{kind, raw})
	if err != nil {
		return nil, fmt.Errorf("writing a paper: %w", err)
	}
	if len(out) > MaxSize {
		return nil, fmt.Errorf("writing a paper of %d bytes: %w", len(out), fault.Exhausted)
	}
	return out, nil
}

// KindOf says what kind of paper raw is; its body is not looked at.
func KindOf(raw []byte) (Kind, error) {
	p, err := open(raw)
	return p.Kind, err
}

func open(raw []byte) (paper, error) {
	var p paper
	if len(raw) > MaxSize {
		return p, fmt.Errorf("reading a paper of %d bytes: %w", len(raw), fault.Exhausted)
	}
	if err := strict(raw, &p); err != nil {
		return paper{}, fmt.Errorf("reading a paper: %w: %w", err, fault.Invalid)
	}
	return p, nil
}

// Read reads a paper of a kind into its struct. Another spelling, an unknown
// field or another kind is of kind Invalid.
func Read[T any](raw []byte, kind Kind) (T, error) {
	var zero, body T
	p, err := open(raw)
	if err != nil {
		return zero, err
	}
	if p.Kind != kind {
		return zero, fmt.Errorf("reading a paper: a %s, not a %s: %w", p.Kind, kind, fault.Invalid)
	}
	if err := strict(p.Body, &body); err != nil {
		return zero, fmt.Errorf("reading a paper: %w: %w", err, fault.Invalid)
	}
	if again, err := Bytes(kind, body); err != nil || !bytes.Equal(again, raw) {
		return zero, fmt.Errorf("reading a paper: not its one spelling: %w", fault.Invalid)
	}
	return body, nil
}

func strict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more after the end")
	}
	return nil
}
