package city

import (
	"fmt"
	"os"
)

// An entry is a line of a code list.
type entry struct {
	Code string `json:"code"`
	ZH   string `json:"zh"`
	EN   string `json:"en"`
}

// A district, with its share of the people in 10,000 and how many in 10,000 of
// the adults there are employees. Xifeng and Xiuwen are far smaller here than
// they are, so that small cells occur.
type district struct {
	entry
	people, employees int
}

var districts = [...]district{
	{entry{"520102", "南明区", "Nanming"}, 2300, 6000},
	{entry{"520103", "云岩区", "Yunyan"}, 2350, 6200},
	{entry{"520111", "花溪区", "Huaxi"}, 1900, 4800},
	{entry{"520112", "乌当区", "Wudang"}, 573, 4200},
	{entry{"520113", "白云区", "Baiyun"}, 880, 5200},
	{entry{"520115", "观山湖区", "Guanshanhu"}, 1150, 6400},
	{entry{"520121", "开阳县", "Kaiyang"}, 380, 2400},
	{entry{"520122", "息烽县", "Xifeng"}, 12, 2200},
	{entry{"520123", "修文县", "Xiuwen"}, 50, 2300},
	{entry{"520181", "清镇市", "Qingzhen"}, 405, 3000},
}

// bandNames are the age bands; bandEdges their upper edges, not included.
var (
	bandNames = [...]string{"0-17", "18-34", "35-49", "50-64", "65-79", "80+"}
	bandEdges = [...]int{18, 35, 50, 65, 80}
)

func bandOf(age int) int {
	for i, edge := range bandEdges {
		if age < edge {
			return i
		}
	}
	return len(bandEdges)
}

// areas are the districts in which citizen numbers were given, with weights:
// the city, the province around it, and where its migrants come from. Some of
// the codes have since been merged away, as in any register.
var areas = []struct {
	code   string
	weight int
}{
	{"520102", 130},
	{"520103", 140},
	{"520111", 90},
	{"520112", 45},
	{"520113", 40},
	{"520115", 15},
	{"520121", 40},
	{"520122", 25},
	{"520123", 30},
	{"520181", 45},
	{"522101", 40},
	{"522401", 45},
	{"522422", 35},
	{"522501", 40},
	{"522601", 25},
	{"522701", 25},
	{"520201", 25},
	{"510102", 12},
	{"510524", 14},
	{"500101", 14},
	{"430421", 16},
	{"430524", 12},
	{"360121", 6},
	{"330324", 10},
	{"350128", 6},
	{"440106", 5},
	{"420106", 5},
	{"410105", 5},
	{"530102", 8},
	{"450102", 5},
	{"320102", 3},
	{"310105", 3},
	{"110105", 3},
	{"210102", 2},
	{"370102", 3},
	{"610102", 2},
	{"810000", 1},
	{"830000", 1},
}

// A hospital has a level, 3 the highest, and serves one domain or both.
type hospital struct {
	entry
	District string   `json:"district"`
	Level    int      `json:"level"`
	Domains  []string `json:"domains"`
}

// kinds are the hospitals that each district has, with the weight that they
// have with the insured of a and b. The first two of the list of all
// hospitals serve the whole city.
var kinds = [...]struct {
	zh, en  string
	level   int
	weights [2]int
}{
	{"人民医院", "People's Hospital", 3, [2]int{35, 30}},
	{"中医医院", "Hospital of Chinese Medicine", 2, [2]int{20, 20}},
	{"职工医院", "Employees' Hospital", 2, [2]int{25, 0}},
	{"社区卫生服务中心", "Community Health Centre", 1, [2]int{20, 20}},
	{"乡镇卫生院", "Township Health Centre", 1, [2]int{0, 30}},
}

const cityHospitals = 2

var hospitals = func() []hospital {
	both := []string{"a", "b"}
	list := []hospital{
		{entry{"H52010300001", "市第一人民医院", "First People's Hospital of the City"}, "520103", 3, both},
		{entry{"H52010200001", "市妇幼保健院", "Women's and Children's Hospital of the City"}, "520102", 3, both},
	}
	for _, d := range districts {
		for i, k := range kinds {
			h := hospital{entry{fmt.Sprintf("H%s%05d", d.Code, 11+i), d.ZH + k.zh, d.EN + " " + k.en}, d.Code, k.level, both}
			if k.weights[0] == 0 {
				h.Domains = both[1:]
			} else if k.weights[1] == 0 {
				h.Domains = both[:1]
			}
			list = append(list, h)
		}
	}
	return list
}()

// A diagnosis group is in the manner of CHS-DRG; codes and figures are ours.
// Weights are in a million settlements of those whom the group concerns.
type diagnosis struct {
	entry
	weights  [2]int // in a and b
	sex      byte   // 'M', 'F', or 0 for both
	from, to int    // age bands
	median   int64  // cost in fen
	sigma    int64  // of the logarithm to base 2, 16 bits of fraction
}

// dialysis is the group for which a few come twice a week.
const dialysis = 14

var diagnoses = []diagnosis{
	{entry{"OP1", "普通门诊", "outpatient, general"}, [2]int{420_000, 450_000}, 0, 0, 5, 11_000, 80_000},
	{entry{"OP2", "门诊慢性病", "outpatient, chronic disease"}, [2]int{260_000, 200_000}, 0, 2, 5, 26_000, 70_000},
	{entry{"OP3", "门诊口腔", "outpatient, dental"}, [2]int{60_000, 25_000}, 0, 0, 5, 28_000, 90_000},
	{entry{"OP4", "急诊", "emergency"}, [2]int{40_000, 45_000}, 0, 0, 5, 35_000, 85_000},
	{entry{"BR2", "脑缺血性疾患", "cerebral ischaemia"}, [2]int{9_000, 11_000}, 0, 2, 5, 880_000, 55_000},
	{entry{"CB3", "晶体手术", "lens surgery"}, [2]int{5_000, 5_000}, 0, 3, 5, 520_000, 30_000},
	{entry{"DT1", "中耳炎及上呼吸道感染", "otitis and upper respiratory infection"}, [2]int{20_000, 35_000}, 0, 0, 3, 45_000, 70_000},
	{entry{"ES3", "呼吸系统感染", "respiratory infection"}, [2]int{18_000, 30_000}, 0, 0, 5, 460_000, 55_000},
	{entry{"ET2", "尘肺", "pneumoconiosis"}, [2]int{900, 300}, 'M', 2, 5, 950_000, 50_000},
	{entry{"FM2", "经皮冠状动脉支架植入", "coronary stent"}, [2]int{2_500, 1_500}, 0, 2, 5, 4_200_000, 35_000},
	{entry{"FV2", "高血压", "hypertension"}, [2]int{22_000, 20_000}, 0, 2, 5, 420_000, 50_000},
	{entry{"GZ1", "消化系统疾患", "digestive disorders"}, [2]int{15_000, 15_000}, 0, 0, 5, 510_000, 60_000},
	{entry{"IU2", "颈腰背疾患", "neck and back disorders"}, [2]int{16_000, 10_000}, 0, 1, 5, 480_000, 50_000},
	{entry{"KS1", "糖尿病", "diabetes"}, [2]int{17_000, 15_000}, 0, 1, 5, 560_000, 50_000},
	{entry{"LL1", "肾透析", "dialysis"}, [2]int{1_200, 1_200}, 0, 1, 5, 42_000, 20_000},
	{entry{"MZ1", "男性生殖系统疾患", "male reproductive disorders"}, [2]int{3_000, 2_500}, 'M', 1, 5, 610_000, 55_000},
	{entry{"NZ1", "女性生殖系统疾患", "female reproductive disorders"}, [2]int{7_000, 6_000}, 'F', 1, 4, 590_000, 55_000},
	{entry{"OR1", "阴道分娩", "vaginal delivery"}, [2]int{4_000, 3_000}, 'F', 1, 2, 480_000, 25_000},
	{entry{"OC1", "剖宫产", "caesarean delivery"}, [2]int{3_000, 2_500}, 'F', 1, 2, 920_000, 25_000},
	{entry{"PS4", "新生儿及婴儿疾患", "disorders of the newborn and infant"}, [2]int{0, 9_000}, 0, 0, 0, 680_000, 80_000},
	{entry{"RE1", "恶性肿瘤化学治疗", "chemotherapy"}, [2]int{6_000, 5_000}, 0, 1, 5, 720_000, 70_000},
	{entry{"RU1", "恶性肿瘤靶向及免疫治疗", "targeted and immune therapy of tumours"}, [2]int{1_200, 700}, 0, 1, 5, 2_400_000, 75_000},
	{entry{"TU1", "精神障碍", "mental disorders"}, [2]int{2_500, 3_500}, 0, 0, 5, 900_000, 60_000},
	{entry{"VJ1", "创伤", "injuries"}, [2]int{8_000, 10_000}, 0, 0, 5, 620_000, 90_000},
	{entry{"WZ1", "烧伤", "burns"}, [2]int{250, 400}, 0, 0, 5, 800_000, 110_000},
	{entry{"SB9", "布鲁氏菌病", "brucellosis"}, [2]int{6, 14}, 0, 1, 4, 650_000, 50_000},
	{entry{"BR9", "运动神经元病", "motor neurone disease"}, [2]int{8, 6}, 0, 2, 5, 1_300_000, 60_000},
	{entry{"PX9", "遗传代谢病", "inborn errors of metabolism"}, [2]int{0, 10}, 0, 0, 0, 2_200_000, 70_000},
	{entry{"XR1", "罕见病特殊用药", "special drugs for rare diseases"}, [2]int{4, 4}, 0, 0, 3, 42_000_000, 60_000},
}

// A sector of GB/T 4754-2017, its share of the employed in 10,000, the number
// of its employers (0: in proportion), and the share in 10,000 of the largest
// of them (0: as Zipf has it).
type sector struct {
	entry
	weight, employers, largest int
}

var sectors = [...]sector{
	{entry{"A", "农、林、牧、渔业", "agriculture, forestry, fishing"}, 60, 0, 0},
	{entry{"B", "采矿业", "mining"}, 150, 2, 9300},
	{entry{"C", "制造业", "manufacturing"}, 1900, 0, 0},
	{entry{"D", "电力、热力、燃气及水生产和供应业", "electricity, heat, gas, water"}, 220, 3, 8600},
	{entry{"E", "建筑业", "construction"}, 1250, 0, 0},
	{entry{"F", "批发和零售业", "wholesale and retail"}, 1050, 0, 0},
	{entry{"G", "交通运输、仓储和邮政业", "transport, storage, post"}, 520, 0, 4200},
	{entry{"H", "住宿和餐饮业", "accommodation and catering"}, 420, 0, 0},
	{entry{"I", "信息传输、软件和信息技术服务业", "information and software"}, 560, 0, 3000},
	{entry{"J", "金融业", "finance"}, 380, 9, 3800},
	{entry{"K", "房地产业", "real estate"}, 300, 0, 0},
	{entry{"L", "租赁和商务服务业", "leasing and business services"}, 560, 0, 0},
	{entry{"M", "科学研究和技术服务业", "research and technical services"}, 260, 0, 0},
	{entry{"N", "水利、环境和公共设施管理业", "water, environment, public facilities"}, 150, 5, 5500},
	{entry{"O", "居民服务、修理和其他服务业", "household and other services"}, 170, 0, 0},
	{entry{"P", "教育", "education"}, 880, 0, 0},
	{entry{"Q", "卫生和社会工作", "health and social work"}, 560, 0, 2500},
	{entry{"R", "文化、体育和娱乐业", "culture, sport, entertainment"}, 110, 4, 6000},
	{entry{"S", "公共管理、社会保障和社会组织", "public administration"}, 500, 0, 0},
}

// A column of a dataset, as a provider declares it.
type column struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Role   string   `json:"role"`
	Codes  []string `json:"codes,omitempty"`
	Labels []string `json:"labels,omitempty"`
}

type unit struct {
	Namespace string `json:"namespace"`
	Column    string `json:"column"`
}

type schema struct {
	Columns []column `json:"columns"`
	Unit    unit     `json:"unit"`
	Derived []string `json:"derived"`
}

func coded(name, role string, list []entry) column {
	c := column{Name: name, Type: "code", Role: role}
	for _, line := range list {
		c.Codes = append(c.Codes, line.Code)
		c.Labels = append(c.Labels, line.ZH)
	}
	return c
}

// codesOf takes the code lines out of a list.
func codesOf[T any](list []T, code func(T) entry) []entry {
	out := make([]entry, len(list))
	for i, x := range list {
		out[i] = code(x)
	}
	return out
}

// lists writes the code lists and the schemas that refer to them.
func lists(root *os.Root) error {
	ds := codesOf(districts[:], func(d district) entry { return d.entry })
	hs := codesOf(hospitals, func(h hospital) entry { return h.entry })
	gs := codesOf(diagnoses, func(g diagnosis) entry { return g.entry })
	ss := codesOf(sectors[:], func(s sector) entry { return s.entry })
	person := unit{Namespace: "natural-person", Column: "id_number"}
	derived := []string{"birth_month", "sex"}
	settlement := schema{Unit: person, Derived: derived, Columns: []column{
		{Name: "id_number", Type: "person_id", Role: "direct_identifier"},
		{Name: "settle_date", Type: "date", Role: "quasi_identifier"},
		coded("hospital", "quasi_identifier", hs),
		coded("district", "frame", ds),
		coded("diagnosis_group", "quasi_identifier", gs),
		{Name: "cost_fen", Type: "int64", Role: "measure"},
	}}
	employment := schema{Unit: person, Derived: derived, Columns: []column{
		{Name: "id_number", Type: "person_id", Role: "direct_identifier"},
		{Name: "employer_uscc", Type: "body_id", Role: "direct_identifier"},
		coded("sector", "quasi_identifier", ss),
		{Name: "month", Type: "month", Role: "quasi_identifier"},
		{Name: "base_fen", Type: "int64", Role: "measure"},
	}}
	for _, f := range []struct {
		name string
		v    any
	}{
		{"codes/district.json", ds},
		{"codes/hospital.json", hospitals},
		{"codes/diagnosis_group.json", gs},
		{"codes/sector.json", ss},
		{"schema/settlement.json", settlement},
		{"schema/employment.json", employment},
	} {
		if err := write(root, f.name, jsonOf(f.v)); err != nil {
			return err
		}
	}
	return nil
}
