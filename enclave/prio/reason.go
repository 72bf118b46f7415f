package prio

// A Reason says why a report is not counted. It is all that is told about one.
// The zero Reason is none: the report stands.
type Reason uint8

// The reasons, in the order in which they are found.
const (
	_         Reason = iota
	Malformed        // not a report's encoding
	Foreign          // made for another task
	Untimely         // not of the task's time, or of a time to come
	Unopened         // its letter does not open: altered, or sealed to another or for another place
	Unshaped         // what was sealed is not a share
	Replayed         // its number was seen before
	Unproved         // the proof does not hold
	Split            // the aggregators were not given the same
	reasons
)

// Reasons is how many reasons there are, the none that stands first among them.
const Reasons = int(reasons)

var reasonNames = [Reasons]string{"", "malformed", "foreign", "untimely", "unopened", "unshaped", "replayed", "unproved", "split"}

// String returns the reason as a word.
func (r Reason) String() string {
	if int(r) >= Reasons {
		return "unknown"
	}
	return reasonNames[r]
}

// Error returns the reason as a word.
func (r Reason) Error() string { return r.String() }

// A Tally counts rejected reports by Reason; its first entry is 0.
type Tally [Reasons]uint32

// Rejected is how many reports were not counted.
func (t Tally) Rejected() (n int) {
	for _, k := range t {
		n += int(k)
	}
	return n
}
