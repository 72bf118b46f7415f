package register

// narrow converts between integer types where the value is known to fit:
// counts and places are bounded by maxUnits and its like before they get here,
// what a segment says is bounded where it is read, and values of the field are
// below 2^61.
func narrow[To, From int | int32 | int64 | uint16 | uint32 | uint64](x From) To { return To(x) }
