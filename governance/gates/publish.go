package gates

import (
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

// An Entry is what a bureau is about to put into the catalogue.
type Entry struct {
	Sheet      papers.Sheet
	By         string           // organisation that asks for it
	Registered governance.Entry // the zero Entry if the dataset is not registered yet
	Published  []papers.Sheet   // in force, of all datasets; that of this one is replaced
	Government bool             // the government is asked, as of what is on the negative list
}

// Publishable says whether an entry may be published: what stays a draft until the
// city's fields are filled in, what is registered with other columns than were
// reviewed, and an item for which another department is the source already
// (一数一源) are refused where they would be decided, and not only when a job comes
// to use them. What a text only asks to be recorded stops nothing here either.
// Whether what is written is so, is for people. The refusal is entry-lacks.
func Publishable(p profile.Profile, e Entry) error {
	s := e.Sheet
	if s.Provider != e.By || e.Registered.ID != "" && (e.Registered.ID != s.Dataset || e.Registered.Provider != e.By) {
		return unpublished(p, papers.Missing{Key: "catalogue.route", ZH: "条目不是由该数据集的提供方编制", EN: "the entry was not drawn up by the dataset's provider"})
	}
	for _, m := range s.Check(p) {
		if m.Key == "" || strict(p, m.Key) {
			return unpublished(p, m)
		}
	}
	if e.Registered.ID != "" {
		for range s.Differs(e.Registered) {
			return unpublished(p, papers.Missing{Key: "catalogue.route", ZH: "登记的字段与条目的数据项不一致", EN: "the registered columns are not the items'"})
		}
	}
	for _, m := range papers.Clashes(p, e.Published, s) {
		if strict(p, m.Key) {
			return unpublished(p, papers.Missing{Key: m.Key, ZH: "有数据项的法定数源部门已登记为另一部门，一个数据项只有一个来源", EN: "another department is registered as the source of an item, and an item has one"})
		}
	}
	was := slices.ContainsFunc(e.Published, func(o papers.Sheet) bool { return o.Dataset == s.Dataset && o.Negative == papers.Listed })
	if was != (s.Negative == papers.Listed) && !e.Government && strict(p, "negative_list.kept") {
		return unpublished(p, papers.Missing{Key: "negative_list.kept", ZH: "列入或移出负面清单须报请政府审定，提交时附负面清单材料", EN: "what comes on or off the negative list is for the government to decide; hand in the list with it"})
	}
	return nil
}

// unpublished refuses by the rule of what is missing. Nothing of the paper is in it.
func unpublished(p profile.Profile, m papers.Missing) error {
	basis, _ := p.Quoted(m.Key)
	return fault.Specify("entry-lacks", basis, fault.Provider, m.ZH, m.EN)
}
