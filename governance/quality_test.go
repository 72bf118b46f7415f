package governance

import "testing"

func TestQualityOf(t *testing.T) {
	for name, c := range map[string]struct {
		rows, missing, invalid int64
		want                   *Quality
	}{
		"all good":            {1000, 0, 0, &Quality{100, 100}},
		"one short of a rate": {999, 0, 0, nil},
		"one bad row is not hidden by rounding up": {1_000_000, 1, 1, &Quality{99, 99}},
		"rounded":            {9000, 1000, 0, &Quality{90, 100}},
		"both":               {900, 1000, 100, &Quality{50, 90}},
		"nothing is named":   {0, 5000, 0, nil},
		"nothing is valid":   {0, 0, 2000, &Quality{100, 0}},
		"negative":           {2000, -1, 0, nil},
		"too large to count": {1 << 62, 0, 0, nil},
	} {
		got := QualityOf(c.rows, c.missing, c.invalid)
		if !sameQuality(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if !got.whole() {
			t.Errorf("%s: %+v is no rate", name, got)
		}
	}
	for _, q := range []*Quality{{101, 0}, {0, 101}, {-1, 0}, {0, -1}} {
		if q.whole() {
			t.Errorf("%+v is a rate", q)
		}
	}
}

// A version that stands keeps its quality.
func TestQualityStands(t *testing.T) {
	e := Entry{ID: "a", Versions: []Version{{ID: "v1", Quality: &Quality{99, 98}}}}
	next := e
	next.Versions = []Version{{ID: "v1", Quality: &Quality{99, 98}}, {ID: "v2"}}
	if !next.extends(e) {
		t.Error("a further version is refused")
	}
	for _, q := range []*Quality{nil, {99, 99}} {
		next.Versions = []Version{{ID: "v1", Quality: q}, {ID: "v2"}}
		if next.extends(e) {
			t.Errorf("the quality of what stands became %+v", q)
		}
	}
}
