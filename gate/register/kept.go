package register

// Kept names the object, in the domain's own store, that holds the Finding of a
// run as JSON.
func Kept(run string) string { return "runs/" + run + "/finding" }
