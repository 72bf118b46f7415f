package msg

// A run of a verification (jobs.Verify) is one query: the operator's start has
// the claims, sealed to the domain, and the domain's site answers once. Nobody
// else has a turn: a View of such a run takes no other statement of anybody, so
// that neither trustee nor gate is ever called into it.

// CheckedBody says that a query was answered, what it was charged, and what the
// operator has used. What the answer is only the operator can open.
type CheckedBody struct {
	Of
	Asked  int    `json:"asked"`  // claims of the query
	Day    string `json:"day"`    // at Beijing, by the site's clock: 2027-03-01
	Daily  int    `json:"daily"`  // claims of the operator on the dataset that day, these included
	Spent  int    `json:"spent"`  // claims under the permit, these included
	Answer []byte `json:"answer"` // jobs.Answers, sealed to the query's own box
}

// Answered returns a run's answer, if its site has given it.
func (v *View) Answered() (CheckedBody, bool) {
	if v.err != nil || v.Terms().Verify == nil {
		return CheckedBody{}, false
	}
	b, err := Read[CheckedBody](v, 0, Checked, v.Sites()[0])
	return b, err == nil
}
