package start

import (
	"fmt"
	"io"

	"github.com/yunei/yunei/fault"
)

// Parties are those who can put a refusal right, as people read them.
var Parties = map[fault.Party]string{
	fault.Operator: "授权运营方 operator", fault.Provider: "数据提供方 provider", fault.Bureau: "大数据部门 bureau",
	fault.Checker: "出域审核员 output checker", fault.Platform: "平台运维方 platform", fault.Nobody: "无 nobody",
}

// Refused prints a refusal as every command does.
func Refused(w io.Writer, r fault.Refusal) {
	fmt.Fprintf(w, "拒绝 refused [%s/%s]\n  %s\n  %s\n  可处理方 who can fix it: %s\n", r.Kind, r.Code, r.ZH, r.EN, Parties[r.Who])
	if r.Basis != "" {
		fmt.Fprintf(w, "  依据 basis: %s\n", Basis(r.Basis))
	}
}

// Basis is what a refusal rests on, for people: of the word that stands for our own
// rules, what it means.
func Basis(basis string) string {
	if basis == "house" {
		return "本地文件未规定，内部规则（非法定） the city's text says nothing: a rule of the house, not law"
	}
	return basis
}
