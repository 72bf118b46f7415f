package register

// Kept names the object, in the domain's own store, that holds the Finding of a
// run as JSON.
func Kept(run string) string { return "runs/" + run + "/finding" }

// Has reports whether a release is on record, and was not withdrawn.
func (r *Register) Has(id string) bool {
	_, err := r.find(id)
	return err == nil
}
