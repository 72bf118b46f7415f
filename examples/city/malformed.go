package city

import "io"

// Malformed writes a settlement.csv that no reader should let through: its
// header and first row are well formed, and each row after them breaks one
// rule of the schema or of RFC 4180.
func Malformed(w io.Writer) error {
	const good = "11010519491231002X"
	rows := []string{
		good + ",2025-03-04,H52010300001,520103,OP1,12000",
		good + ",2025-03-04,H52010300001,520103,OP1",                     // a field too few
		good + ",2025-03-04,H52010300001,520103,OP1,12000,7",             // a field too many
		good + ",2025-02-30,H52010300001,520103,OP1,12000",               // no such day
		good + ",04/03/2025,H52010300001,520103,OP1,12000",               // no date of the schema
		good + ",2025-03-04,H99999999999,520103,OP1,12000",               // no such hospital
		good + ",2025-03-04,H52010300001,520199,OP1,12000",               // no such district
		good + ",2025-03-04,H52010300001,520103,\xb8\xd0\xc3\xb0,12000",  // GBK, not UTF-8
		good + ",2025-03-04,H52010300001,520103,OP1,120.50",              // no integer
		good + ",2025-03-04,H52010300001,520103,OP1,9223372036854775808", // past int64
		good + ",2025-03-04,H52010300001,520103,OP1,=1+1",                // a formula
		good + ",2025-03-04,\"H52010300001,520103,OP1,12000",             // a quote that is not closed
	}
	if _, err := io.WriteString(w, settlementHeader); err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := io.WriteString(w, row+"\n"); err != nil {
			return err
		}
	}
	return nil
}
