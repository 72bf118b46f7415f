package columns

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

func TestSchema(t *testing.T) {
	s := parseSchema(t, settlements)
	again := parseSchema(t, string(s.Bytes()))
	if s.Digest() != again.Digest() || s.Digest().Hex() == "" {
		t.Error("the one spelling has another digest")
	}
	var names []string
	for _, c := range s.Readable() {
		if c.ABI() == 0 {
			t.Errorf("column %s has no type for a guest", c.Name)
		}
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "day ward cost period note birth_month sex" {
		t.Errorf("readable: %s", got)
	}
	if (Column{Type: PersonID, Role: DirectIdentifier}).ABI() != 0 || (Column{Type: Text, Role: DirectIdentifier}).ABI() != 0 || s.Readable()[6].ABI() != abi.Code {
		t.Error("a type for a guest is wrong")
	}
}

func TestRefusedSchemas(t *testing.T) {
	edit := func(old, now string) string {
		out := strings.Replace(settlements, old, now, 1)
		if out == settlements {
			t.Fatalf("%s is not in the schema", old)
		}
		return out
	}
	for name, raw := range map[string]string{
		"nothing":                    ``,
		"more after the end":         settlements + `{}`,
		"an unknown field":           edit(`"name":"settlement"`, `"title":"x"`),
		"a bad name":                 edit(`"name":"settlement"`, `"name":"A B"`),
		"no columns":                 `{"columns":[],"unit":{"namespace":"row","column":""}}`,
		"a bad column name":          edit(`"name":"cost"`, `"name":"费用"`),
		"the name of the key":        edit(`"name":"cost"`, `"name":"_unit_hi"`),
		"a column twice":             edit(`"name":"cost"`, `"name":"day"`),
		"an unknown type":            edit(`"int64"`, `"float"`),
		"an unknown role":            edit(`"measure"`, `"other"`),
		"no codes":                   edit(`"codes":["A","B","C"],"labels":["甲","乙","丙"],`, ``),
		"a code twice":               edit(`["A","B","C"]`, `["A","B","A"]`),
		"an empty code":              edit(`["A","B","C"]`, `["A","B",""]`),
		"a code with a space":        edit(`["A","B","C"]`, `["A","B"," C"]`),
		"a label short":              edit(`"乙","丙"`, `"乙"`),
		"codes of a number":          edit(`"type":"int64"`, `"type":"int64","codes":["1"]`),
		"no namespace":               edit(`natural-person`, ``),
		"another namespace":          edit(`natural-person`, `legal-person`),
		"a row with an identifier":   edit(`natural-person`, `row`),
		"no such unit column":        edit(`"column":"id_number"`, `"column":"id"`),
		"a unit that is no number":   edit(`"column":"id_number"`, `"column":"note"`),
		"an identifier that is kept": edit(`"type":"body_id","role":"direct_identifier"`, `"type":"body_id","role":"quasi_identifier"`),
		"a unit that is kept":        edit(`"type":"person_id","role":"direct_identifier"`, `"type":"person_id","role":"frame"`),
		"a second unit":              edit(`"type":"body_id","role":"direct_identifier"`, `"type":"body_id","role":"unit"`),
		"an unknown derivation":      edit(`"sex"`, `"age"`),
		"a derivation twice":         edit(`"sex"`, `"birth_month"`),
		"a derivation over a column": edit(`"name":"cost"`, `"name":"sex"`),
		"a derivation from a body":   `{"columns":[{"name":"u","type":"body_id","role":"unit"},{"name":"n","type":"int64","role":"measure"}],"unit":{"namespace":"legal-person","column":"u"},"derived":["sex"]}`,
		"nothing left to read":       `{"columns":[{"name":"u","type":"body_id","role":"unit"}],"unit":{"namespace":"legal-person","column":"u"}}`,
	} {
		if s, err := ParseSchema([]byte(raw)); !errors.Is(err, fault.Invalid) || len(s.Columns) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseSchema(bytes.Repeat([]byte(" "), maxSchema+1)); !errors.Is(err, fault.Invalid) {
		t.Errorf("a long schema: %v", err)
	}
}

func FuzzParseSchema(f *testing.F) {
	f.Add([]byte(settlements))
	f.Add([]byte(`{"columns":[{"name":"n","type":"int64","role":"measure"}],"unit":{"namespace":"row","column":""}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseSchema(raw)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseSchema(s.Bytes())
		if err != nil || again.Digest() != s.Digest() {
			t.Fatalf("the one spelling does not read back: %v", err)
		}
	})
}
