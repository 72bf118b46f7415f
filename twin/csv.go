package twin

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/yunei/yunei/storage/columns"
)

// CSV writes the twin as a provider would deliver it: the schema's columns,
// identifiers included, so that it can be ingested under the same schema.
// Nothing may stand in such a file beside its rows; it is told for synthetic
// by its identifiers, whose district does not exist, by its texts, and by what
// whoever writes it puts beside it (Mark).
func (t *Twin) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	record := make([]string, len(t.schema.Columns))
	for i, c := range t.schema.Columns {
		record[i] = c.Name
	}
	if err := out.Write(record); err != nil {
		return fmt.Errorf("writing a twin: %w", err)
	}
	err := t.each(func(_ int, rows [][]value) error {
		for _, r := range rows {
			for i := range record {
				record[i] = t.columns[i].spell(r[i])
			}
			if err := out.Write(record); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing a twin: %w", err)
	}
	out.Flush()
	return out.Error()
}

// Mark is what goes beside a twin's CSV.
func (t *Twin) Mark() string {
	return fmt.Sprintf(`合成数据：由公开的数据项定义与代码表按种子生成，不含任何真实记录。
证件号码符合 GB 11643、GB 32100 的校验规则，但其行政区划（后四位 %s）不存在，不属于任何人或单位。
SYNTHETIC: drawn from the public schema and its code lists by a seed; no real record is in it.
The identifiers pass the checks of GB 11643 and GB 32100, but their district (ending in %s) does not exist: they are nobody's.
schema %s
dataset %q seed %d units %d rows %d
`, nowhere, nowhere, t.schema.Digest(), t.options.Dataset, t.options.Seed, t.units, t.rows)
}

func (c *column) spell(v value) string {
	if v.null {
		return ""
	}
	switch c.Type {
	case columns.Code:
		return c.Codes[v.n]
	case columns.Int64:
		return strconv.FormatInt(v.n, 10)
	case columns.Date:
		return time.Unix(v.n*secondsADay, 0).UTC().Format(time.DateOnly)
	case columns.Month:
		return time.Date(1970, time.January+time.Month(v.n), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
	default:
		return v.s
	}
}
