package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/dossier"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
)

// Before a key here signs for terms, what they rest on is checked here, from what
// people have signed (package api/dossier): the platform's word is enough for
// nothing that a signature can say.

// opened gets the dossier of terms and checks it against the root key that a
// person has given to this machine.
func (a *access) opened(ctx context.Context, api *client.Client, t jobs.Terms) (*dossier.Dossier, error) {
	p, err := a.place()
	if err != nil {
		return nil, err
	}
	return dossier.Open(ctx, api, dossier.Place{Root: p.Root, Installation: p.Installation}, t)
}

// weighed asks the gates over a dossier and says on the screen what was checked
// here, and what was not.
func weighed(ctx context.Context, w io.Writer, d *dossier.Dossier, running bool) error {
	found, word, err := d.Ask(ctx, running, time.Now())
	if err != nil {
		return err
	}
	showDossier(w, d, found, word)
	return nil
}

func showDossier(w io.Writer, d *dossier.Dossier, found []gates.Verdict, word []dossier.Word) {
	u := d.Terms.Under
	fmt.Fprintln(w, "本机核对 checked on this machine, from signatures:")
	fmt.Fprintf(w, "  名册 register: %d 个单位 organisations, %d 人 people（根公钥签署 by the root key）\n", len(d.Register.Orgs), len(d.Register.Users))
	fmt.Fprintf(w, "  规则 rules: %s 第 %d 版 version %d（两名主管部门人员签署公布 two officers of the bureau published it）\n", u.City, u.Version, u.Version)
	for _, c := range d.Cases {
		fmt.Fprintf(w, "  办件 case %s（%s）: %d 个签名 signatures, 已同意 approved, %s\n", c.ID(), c.Table().ZH, len(c.Receipts()), c.Head())
	}
	on := map[string]bool{}
	for _, x := range word {
		for _, g := range x.Gates {
			on[g] = true
		}
	}
	var pass, moot, rest []string
	for _, g := range gates.OfJob() {
		here := func(s gates.State) bool {
			return slices.ContainsFunc(found, func(v gates.Verdict) bool { return v.Gate == g && v.State == s })
		}
		switch {
		case on[g]:
			rest = append(rest, g)
		case here(gates.Passed):
			pass = append(pass, g)
		case here(gates.Moot):
			moot = append(moot, g)
		}
	}
	for _, line := range []struct {
		what string
		of   []string
	}{
		{"通过 pass", pass},
		{"不涉及 ask nothing here", moot},
		{"本机未见不符，另凭平台所称 nothing is against it here, but they rest on the platform's word too", rest},
	} {
		if len(line.of) > 0 {
			fmt.Fprintf(w, "  闸门 gates: %s: %s\n", line.what, strings.Join(line.of, " "))
		}
	}
	for _, v := range found {
		if v.State == gates.Warned {
			fmt.Fprintf(w, "  注意 note: %s %s %s %s\n", v.Gate, v.ZH, v.EN, v.Thing)
		}
	}
	fmt.Fprintln(w, "凭平台所称，本机不能核对 taken from the platform's word, and not checked here:")
	for _, x := range word {
		of := ""
		if len(x.Gates) > 0 {
			of = "（" + strings.Join(x.Gates, " ") + "）"
		}
		fmt.Fprintf(w, "  - %s %s%s\n", x.ZH, x.EN, of)
	}
}
