package cases

import (
	"fmt"
	"strings"
	"time"
)

// A Line is one act of the case's history, for people.
type Line struct {
	At    time.Time `json:"at"`
	By    string    `json:"by"` // user
	Org   string    `json:"org"`
	Act   Act       `json:"act"`
	Stage string    `json:"stage,omitempty"`
	ZH    string    `json:"zh"`
	EN    string    `json:"en"`
	Basis []Basis   `json:"basis,omitempty"`
}

var actWords = map[Act][2]string{
	Start: {"立案", "opened the case"}, Submit: {"提交", "handed in"}, Decide: {"作出决定", "decided"}, Seal: {"提交密封表决", "cast a sealed vote"},
	Unseal: {"开启表决", "opened the vote"}, Return: {"一次性告知补正", "returned for correction, with one list"}, Resubmit: {"补正后再次提交", "answered, and handed in again"},
	Escalate: {"提级办理", "escalated"}, Withdraw: {"撤回", "withdrew"}, Filed: {"存入证据", "filed"}, Attest: {"核验证据", "verified"}, Fulfil: {"确认前提条件已满足", "confirmed a precondition as met"},
}

var verdictWords = map[Verdict][2]string{
	Allow: {"同意", "allow"}, Conditional: {"附条件同意", "allow with conditions"}, Deny: {"不同意", "deny"}, Inconclusive: {"无法认定（不放行）", "inconclusive, which blocks"},
}

// Lines are the history as a person may read it. Whoever asked for a decision
// reads of blind votes nothing but what came of them.
func (c *Case) Lines(p Person) []Line {
	var all []Line
	for _, h := range c.history {
		if (h.Act == Seal || h.Act == Unseal) && c.ours(p) {
			continue
		}
		all = append(all, c.line(h))
	}
	return all
}

func (c *Case) line(h happening) Line {
	l := Line{At: h.At, By: h.who.ID, Org: h.who.Org, Act: h.Act, Stage: h.Stage}
	zh, en := []string{actWords[h.Act][0]}, []string{actWords[h.Act][1]}
	say := func(z, e string) { zh, en = append(zh, z), append(en, e) }
	if s, ok := c.table.Stage(h.Stage); ok {
		say("环节："+s.ZH, "at: "+s.EN)
	}
	if h.Opening != nil {
		say(c.table.ZH+"："+h.Opening.Title, c.table.EN+": "+h.Opening.Title)
	}
	for _, r := range h.Refs {
		say(fmt.Sprintf("%s %s", r.Name, r.Digest), fmt.Sprintf("%s %s", r.Name, r.Digest))
	}
	if f := h.Filing; f != nil {
		status := [2]string{"未核验", "not verified"}
		if h.Act == Attest {
			status = [2]string{"已核验", "verified"}
		}
		say(fmt.Sprintf("%s（%s，%s）%s", f.Title, f.Name, status[0], f.Digest), fmt.Sprintf("%s (%s, %s) %s", f.Title, f.Name, status[1], f.Digest))
	}
	if r := h.Ruling; r != nil {
		l.Basis = r.Basis
		say(verdictWords[r.Verdict][0], verdictWords[r.Verdict][1])
		if r.Reason != "" {
			say("理由："+r.Reason, "reason: "+r.Reason)
		}
		for _, b := range r.Basis {
			say("依据："+b.String(), "basis ("+string(b.Source)+"): "+b.String())
		}
		for _, k := range r.Conditions {
			say("条件："+k.Text, "condition: "+k.Text)
		}
	}
	for _, item := range h.Items {
		say(strings.TrimSpace(item.ID+" "+item.Text), strings.TrimSpace(item.ID+" "+item.Text))
	}
	if h.Condition != "" {
		say("条件 "+h.Condition, "condition "+h.Condition)
	}
	if h.Text != "" {
		say("说明："+h.Text, "note: "+h.Text)
	}
	l.ZH, l.EN = strings.Join(zh, "；"), strings.Join(en, "; ")
	return l
}
