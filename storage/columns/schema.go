package columns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/suite"
)

// A Type says what a cell of the CSV may hold. The zero Type holds nothing.
type Type string

// The types. An empty cell is missing, whatever the type; spaces around a cell
// do not count.
const (
	PersonID Type = "person_id" // citizen number, GB 11643; never readable
	BodyID   Type = "body_id"   // unified social credit code, GB 32100; never readable
	Date     Type = "date"      // 2025-03-04 or 20250304
	Int64    Type = "int64"     // a whole number in ASCII digits
	Code     Type = "code"      // one of the column's codes
	Text     Type = "text"      // UTF-8, at most MaxText bytes
	Month    Type = "month"     // 2025-03 or 202503
)

// A Role says what a column may tell about a person (GB/T 37964).
type Role string

// The roles. Columns of the first two are dropped when the unit key is made.
const (
	DirectIdentifier Role = "direct_identifier" // 直接标识符
	UnitIdentifier   Role = "unit"              // the direct identifier that names the unit
	QuasiIdentifier  Role = "quasi_identifier"  // 准标识符
	Measure          Role = "measure"           // what is summed
	Frame            Role = "frame"             // an attacker is assumed to know it
)

// A Column is one column of the CSV. Codes is a closed list, from a standard
// or signed by the provider; it is never gathered from the rows, because a rare
// code would tell that someone bears it.
type Column struct {
	Name     string   `json:"name"`
	Type     Type     `json:"type"`
	Role     Role     `json:"role"`
	Codes    []string `json:"codes,omitempty"`
	Labels   []string `json:"labels,omitempty"` // none, or one a code
	Required bool     `json:"required,omitempty"`
}

// A UnitBy says what a privacy unit is: the namespace (jobs.NaturalPerson,
// jobs.LegalPerson or jobs.Row) and the column that identifies it, "" for Row.
type UnitBy struct {
	Namespace string `json:"namespace"`
	Column    string `json:"column"`
}

// The columns that can be derived from a citizen number before it is dropped.
const (
	BirthMonth = "birth_month" // a Month
	Sex        = "sex"         // a Code: M, F
)

// A Schema declares a dataset. It is public. Required on the unit's column
// changes nothing: a row without an identifier is set aside.
type Schema struct {
	Name    string   `json:"name,omitempty"`
	Columns []Column `json:"columns"`
	Unit    UnitBy   `json:"unit"`
	Derived []string `json:"derived,omitempty"`
}

var nameRE = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// ParseSchema reads and checks a schema. Every error is of kind Invalid.
func ParseSchema(raw []byte) (Schema, error) {
	if len(raw) > maxSchema {
		return Schema{}, fmt.Errorf("reading a schema: more than %d bytes: %w", maxSchema, fault.Invalid)
	}
	var s Schema
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Schema{}, fmt.Errorf("reading a schema: %w: %w", err, fault.Invalid)
	}
	if len(bytes.TrimSpace(raw[dec.InputOffset():])) > 0 {
		return Schema{}, fmt.Errorf("reading a schema: more after the end: %w", fault.Invalid)
	}
	if err := s.Check(); err != nil {
		return Schema{}, fmt.Errorf("reading a schema: %w", err)
	}
	return s, nil
}

// Bytes is the one spelling of the schema.
func (s Schema) Bytes() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("columns: a schema cannot be marshalled: " + err.Error()) // plain data only
	}
	return b
}

// Digest names the schema.
func (s Schema) Digest() suite.Digest { return suite.DigestOf(s.Bytes()) }

// Check reports what is wrong with the schema, as an error of kind Invalid.
func (s Schema) Check() error {
	if err := s.check(); err != nil {
		return fmt.Errorf("schema: %w: %w", err, fault.Invalid)
	}
	return nil
}

func (s Schema) check() error {
	if s.Name != "" && jobs.ID(s.Name) != nil {
		return errors.New("name: want lower-case letters, digits and hyphens")
	}
	if len(s.Columns) == 0 || len(s.Columns) > MaxColumns {
		return fmt.Errorf("%d columns, want 1 to %d", len(s.Columns), MaxColumns)
	}
	seen := map[string]bool{}
	for i, c := range s.Columns {
		if !nameRE.MatchString(c.Name) || seen[c.Name] {
			return fmt.Errorf("column %d: not a name of its own", i+1)
		}
		seen[c.Name] = true
		if err := c.check(c.Name == s.Unit.Column); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	for _, name := range s.Derived {
		if name != BirthMonth && name != Sex || seen[name] {
			return fmt.Errorf("derived: want %s or %s, once, and no column of that name", BirthMonth, Sex)
		}
		seen[name] = true
	}
	if err := s.checkUnit(); err != nil {
		return err
	}
	if len(s.Readable()) == 0 {
		return errors.New("no column is left once the direct identifiers are dropped")
	}
	return nil
}

func (s Schema) checkUnit() error {
	var want Type
	switch s.Unit.Namespace {
	case jobs.NaturalPerson:
		want = PersonID
	case jobs.LegalPerson:
		want = BodyID
	case jobs.Row:
		if s.Unit.Column != "" || len(s.Derived) > 0 {
			return errors.New("unit: a row has no identifier to name or to derive from")
		}
		return nil
	default:
		return fmt.Errorf("unit: the namespace is not one of %s, %s, %s", jobs.NaturalPerson, jobs.LegalPerson, jobs.Row)
	}
	i := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == s.Unit.Column })
	if i < 0 || s.Columns[i].Type != want {
		return fmt.Errorf("unit: namespace %s needs a column of type %s", s.Unit.Namespace, want)
	}
	if len(s.Derived) > 0 && want != PersonID {
		return fmt.Errorf("derived: only namespace %s has what to derive from", jobs.NaturalPerson)
	}
	return nil
}

func (c Column) check(unit bool) error {
	switch c.Role {
	case DirectIdentifier:
	case UnitIdentifier:
		if !unit {
			return fmt.Errorf("role %s belongs to the unit's column", UnitIdentifier)
		}
	case QuasiIdentifier, Measure, Frame:
		if unit || c.Type == PersonID || c.Type == BodyID {
			return fmt.Errorf("an identifier has role %s", DirectIdentifier)
		}
	default:
		return errors.New("the role is unknown")
	}
	switch c.Type {
	case PersonID, BodyID, Date, Int64, Text, Month:
		if len(c.Codes) > 0 || len(c.Labels) > 0 {
			return fmt.Errorf("codes belong to type %s", Code)
		}
		return nil
	case Code:
		return c.checkCodes()
	default:
		return errors.New("the type is unknown")
	}
}

func (c Column) checkCodes() error {
	if len(c.Codes) == 0 || len(c.Codes) > MaxCodes {
		return fmt.Errorf("%d codes, want 1 to %d", len(c.Codes), MaxCodes)
	}
	if len(c.Labels) != 0 && len(c.Labels) != len(c.Codes) {
		return errors.New("want a label for each code, or none")
	}
	seen := make(map[string]bool, len(c.Codes))
	for i, code := range c.Codes {
		if code == "" || len(code) > 64 || !utf8.ValidString(code) || strings.TrimSpace(code) != code || seen[code] {
			return fmt.Errorf("code %d: empty, longer than 64 bytes, with spaces around it, or not the first of its kind", i+1)
		}
		seen[code] = true
	}
	return nil
}

// dropped reports whether the column ends with the ingest.
func (c Column) dropped() bool { return c.Role == DirectIdentifier || c.Role == UnitIdentifier }

// optional reports whether a cell of the column may be missing.
func (c Column) optional() bool { return !c.Required }

// ABI is the type in which a guest gets the column; 0 for one that is never
// readable.
func (c Column) ABI() abi.Type {
	switch {
	case c.dropped():
		return 0
	case c.Type == Int64:
		return abi.Int64
	case c.Type == Date:
		return abi.Date
	case c.Type == Code:
		return abi.Code
	case c.Type == Month:
		return abi.Month
	case c.Type == Text:
		return abi.Utf8
	default:
		return 0
	}
}

// Readable lists the columns that can be read from a version, in its order:
// those of the schema that are not dropped, then the derived ones. A permit may
// grant these and no other.
func (s Schema) Readable() []Column {
	var list []Column
	for _, c := range s.Columns {
		if !c.dropped() {
			list = append(list, c)
		}
	}
	for _, name := range s.Derived {
		c := Column{Name: name, Type: Month, Role: QuasiIdentifier, Required: true}
		if name == Sex {
			c.Type, c.Codes, c.Labels = Code, []string{"M", "F"}, []string{"男", "女"}
		}
		list = append(list, c)
	}
	return list
}
