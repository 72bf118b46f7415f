package cases

import (
	"fmt"
	"slices"
	"strings"
)

// Diagram draws the table in Mermaid's language for state diagrams. What is not
// in the table is not in the drawing.
func (t Table) Diagram() string {
	var b strings.Builder
	id := func(s string) string { return strings.ReplaceAll(s, "-", "_") }
	b.WriteString("stateDiagram-v2\n")
	for _, s := range t.Stages {
		fmt.Fprintf(&b, "    %s: %s<br/>%s\n", id(s.ID), s.ZH, s.owners())
	}
	for _, e := range t.Ends {
		fmt.Fprintf(&b, "    %s: %s\n", id(e.ID), e.ZH)
	}
	fmt.Fprintf(&b, "    [*] --> %s\n", id(t.Stages[0].ID))
	for _, s := range t.Stages {
		for _, way := range s.exits() {
			label := string(way.edge)
			switch {
			case way.edge == "":
				label = "return, corrected at " + id(s.Return.By)
			case way.edge == OnEscalate && s.Ascent == WhenLate:
				label = "escalate if late"
			case way.ref != "":
				label += " with " + way.ref
			}
			fmt.Fprintf(&b, "    %s --> %s: %s\n", id(s.ID), id(way.to), label)
		}
	}
	for _, e := range t.Ends {
		fmt.Fprintf(&b, "    %s --> [*]\n", id(e.ID))
	}
	return b.String()
}

// owners says whose turn it is at the stage, and how many of them.
func (s Stage) owners() string {
	var all []string
	for _, o := range s.Owners {
		who := string(o.Seat)
		if o.Each {
			who = "each " + who
		}
		all = append(all, who)
	}
	join := " or "
	if s.Work == Sign {
		join = " and "
	}
	text := strings.Join(all, join)
	if n := s.people(); n > 1 {
		text += fmt.Sprintf(", %d people", n)
	}
	if s.Blind {
		text += ", blind"
	}
	return text
}

// Rows are the stages as lines of a Markdown table.
func (t Table) Rows() string {
	var b strings.Builder
	b.WriteString("| stage | who | clock (key) | on file | verified | a refusal cites | kept apart |\n|---|---|---|---|---|---|---|\n")
	for _, s := range t.Stages {
		apart := string(s.Apart)
		if len(s.Barred) > 0 {
			apart += ", not who acted at " + strings.Join(s.Barred, ", ")
		}
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s | %s | %s | %s |\n", s.ZH, s.ID, s.owners(), code(s.Clock), strings.Join(slices.Concat(s.Refs, s.Evidence), ", "),
			strings.Join(s.Verified, ", "), s.Basis, apart)
	}
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
