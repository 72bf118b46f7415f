package check

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/sheet"
)

var update = flag.Bool("update", false, "write examples/gatecheck/peers.csv anew")

// The rules of others, as they publish them, on the cells of the example.
// ACRO (acro/acro_tables.py: agg_threshold, agg_p_percent, agg_nk with its
// default parameters 10, 0.1 and (2, 0.9)) goes by the records of a cell. The
// SDC Handbook's usual minimum frequency of 3 and its p% rule, which tau-Argus
// offers with a holding variable, go by units.
func TestPeers(t *testing.T) {
	c := city(t, nil)
	records := map[string][]int64{}
	raw, err := csv.NewReader(open(t, "micro.csv").Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range raw[1:] {
		tenths, err := strconv.ParseInt(strings.Replace(r[3], ".", "", 1), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []string{r[1], sheet.Total} {
			for _, b := range []string{r[2], sheet.Total} {
				records[a+","+b] = append(records[a+","+b], tenths)
			}
		}
	}
	r := run(t, c)
	var got bytes.Buffer
	got.WriteString("district,sector,records,enterprises,acro,handbook,yunei\n")
	for i, row := range c.Table.Rows {
		label := strings.Join(c.Table.Grid.Label(row.Item), ",")
		vals := records[label]
		slices.Sort(vals)
		slices.Reverse(vals)
		units := c.Facts.Cells[1][row.Item]
		var ours []string
		for _, id := range []string{"C05", "C07", "C08", "C10"} {
			if slices.ContainsFunc(of(t, r, id).Places, func(p Place) bool { return p.Row == i && p.Column == 1 }) {
				ours = append(ours, id)
			}
		}
		line := []string{label, strconv.Itoa(len(vals)), strconv.FormatInt(units.N, 10), acroSays(vals), handbookSays(units), said(ours)}
		got.WriteString(strings.Join(line, ",") + "\n")
	}
	file := filepath.Join(examples, "peers.csv")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("peers.csv is not what the rules come to:\n%s", got.String())
	}
}

func said(names []string) string {
	if len(names) == 0 {
		return "ok"
	}
	return strings.Join(names, " ")
}

func acroSays(vals []int64) string {
	total := int64(0)
	for _, v := range vals {
		total += v
	}
	var names []string
	if len(vals) < 10 {
		names = append(names, "threshold")
	}
	if float64(total-vals[0]-vals[1])/float64(vals[0]) < 0.1 {
		names = append(names, "p-ratio")
	}
	if float64(vals[0]+vals[1])/float64(total) > 0.9 {
		names = append(names, "nk-rule")
	}
	return said(names)
}

func handbookSays(c sheet.Cell) string {
	var names []string
	if c.N < 3 {
		names = append(names, "frequency")
	}
	if evidence.Close(c.Sum, c.Top[:], 10, 1) {
		names = append(names, "p%")
	}
	return said(names)
}
