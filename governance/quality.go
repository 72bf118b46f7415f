package governance

// Quality is what a provider publishes of how good a version is, in whole
// percent. The counts behind it stay in the domain.
type Quality struct {
	Completeness int `json:"completeness"` // rows that name a person or body at all
	Validity     int `json:"validity"`     // of those, rows whose number is well formed
}

// fewestRated is how many rows a version takes to be rated: a percent is then
// ten rows, the smallest count that goes out elsewhere.
const fewestRated = 1000

// QualityOf rates a version by its rows, those set aside because nothing names
// their unit, and those set aside because what does is not valid. It is nil
// where there are too few rows for a percent to hide any of them, or a count is
// negative. Only what is whole is 100: less is rounded to 99 at most.
func QualityOf(rows, missing, invalid int64) *Quality {
	const most = 1 << 40 // no product below overflows
	if rows < 0 || missing < 0 || invalid < 0 || rows > most || missing > most || invalid > most || rows+invalid < fewestRated {
		return nil
	}
	return &Quality{percent(rows+invalid, missing), percent(rows, invalid)}
}

// percent is how many of both are good, rounded.
func percent(good, bad int64) int {
	all := good + bad
	p := (200*good + all) / (2 * all)
	if bad > 0 {
		p = min(p, 99)
	}
	return int(p)
}

// whole reports whether the rates are rates.
func (q *Quality) whole() bool {
	return q == nil || q.Completeness >= 0 && q.Completeness <= 100 && q.Validity >= 0 && q.Validity <= 100
}

func sameQuality(a, b *Quality) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
