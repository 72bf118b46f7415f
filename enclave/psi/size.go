package psi

// What a caller allows a list, or an answer, to have before it reads one.

// Lists is how many lists a side sends, and has answered: A one for each of B's
// cells, B one.
func (j *Join) Lists(of Role) int { return j.terms.lists(of) }

// ListSize is the size in bytes of a list of a side's, blinded or answered.
func (j *Join) ListSize(of Role) int64 {
	f := j.form(kindBlinded, of, 0)
	return headerSize + int64(f.n)*int64(f.record)
}

// MaxAnswer is the most bytes that a trustee's answer has. How many it has
// tells how many cells have somebody.
func (j *Join) MaxAnswer() int {
	return j.terms.Cells*(j.terms.A.Slots+j.terms.B.Slots)*pointSize + proofSize
}

// HasSlots reports whether the join has totals, and so holders that answer.
func (j *Join) HasSlots() bool { return j.key != nil }
