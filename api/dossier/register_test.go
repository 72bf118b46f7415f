package dossier

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/suite"
)

var place = Place{Installation: "city"}

// said is a town as its people registered it.
func said(tb testing.TB, town *governancetest.Town) verb.Registered {
	tb.Helper()
	ask := func(who string, v verb.Verb, body any) json.RawMessage { return request(tb, town.Keys[who], v, body) }
	var r verb.Registered
	for _, id := range slices.Sorted(maps.Keys(town.Orgs)) {
		r.Orgs = append(r.Orgs, ask("root", verb.OrgAdd, town.Orgs[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(town.Users)) {
		r.Users = append(r.Users, ask("root", verb.UserAdd, town.Users[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(town.Processes)) {
		r.Processes = append(r.Processes, ask("root", verb.ProcessAdd, town.Processes[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(town.Catalogue)) {
		r.Catalogue = append(r.Catalogue, ask(town.Catalogue[id].Provider+"-officer", verb.CatalogueAdd, town.Catalogue[id]))
	}
	r.Licences = append(r.Licences, ask("bureau-officer", verb.LicenceGrant, town.Licences["l-1"]))
	return r
}

func request(tb testing.TB, key suite.PrivateKey, v verb.Verb, body any) json.RawMessage {
	tb.Helper()
	r, err := verb.Sign(key, v, place.Installation, governancetest.Now, strings.NewReader(strings.Repeat("n", 16)), body)
	if err != nil {
		tb.Fatal(err)
	}
	return r.Bytes()
}

// A register is what people signed for, and each registration by whom it takes.
func TestRegistered(t *testing.T) {
	town := governancetest.NewTown(t)
	at := Place{Root: town.Root, Installation: place.Installation}
	g, err := Registered(said(t, town), at)
	if err != nil || len(g.Orgs) != len(town.Orgs) || len(g.Users) != len(town.Users) || len(g.Processes) != len(town.Processes) || len(g.Catalogue) != 2 || len(g.Licences) != 1 {
		t.Fatalf("%d %d %d %d %d, %v", len(g.Orgs), len(g.Users), len(g.Processes), len(g.Catalogue), len(g.Licences), err)
	}
	for id, u := range town.Users {
		if g.Users[id].Key != u.Key || g.Users[id].Role != u.Role || g.Users[id].Org != u.Org {
			t.Errorf("%s is %+v", id, g.Users[id])
		}
	}
	new := governance.User{ID: "new", Name: "新人", Org: "bureau", Role: governance.RoleBureau, Key: town.Stranger(t).Public(), NotAfter: governancetest.Now.AddDate(1, 0, 0)}
	gone := town.Processes["gate"]
	for name, edit := range map[string]func(*verb.Registered){
		"a user by the coordinator": func(r *verb.Registered) {
			r.Users = append(r.Users, request(t, town.Keys["yuneid"], verb.UserAdd, new))
		},
		"a user by an officer": func(r *verb.Registered) {
			r.Users = append(r.Users, request(t, town.Keys["bureau-officer"], verb.UserAdd, new))
		},
		"a user twice":                 func(r *verb.Registered) { r.Users = append(r.Users, r.Users[0]) },
		"an organisation as a user":    func(r *verb.Registered) { r.Users = append(r.Users, r.Orgs[0]) },
		"people without organisations": func(r *verb.Registered) { r.Orgs = nil },
		"an entry without its officer": func(r *verb.Registered) {
			r.Catalogue[0] = request(t, town.Keys["transit-officer"], verb.CatalogueAdd, town.Catalogue["hospital-visits"])
		},
		"a licence by an operator": func(r *verb.Registered) {
			r.Licences[0] = request(t, town.Keys["op"], verb.LicenceGrant, town.Licences["l-1"])
		},
		"a licence twice": func(r *verb.Registered) { r.Licences = append(r.Licences, r.Licences[0]) },
		"a process by an officer": func(r *verb.Registered) {
			r.Processes[0] = request(t, town.Keys["bureau-officer"], verb.ProcessAdd, gone)
		},
		"a process revoked by somebody": func(r *verb.Registered) {
			r.Processes[0] = request(t, town.Keys["op"], verb.ProcessRevoke, verb.Name{ID: "gate"})
		},
		"a changed byte": func(r *verb.Registered) {
			r.Users[0] = json.RawMessage(strings.Replace(string(r.Users[0]), `"sig":"`, `"sig":"A`, 1))
		},
		"no request at all": func(r *verb.Registered) { r.Users[0] = json.RawMessage(`{}`) },
	} {
		r := said(t, town)
		edit(&r)
		if _, err := Registered(r, at); fault.Show(err).Code != "register-unsigned" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Registered(said(t, town), Place{Root: town.Keys["yuneid"].Public(), Installation: place.Installation}); fault.Show(err).Code != "register-unsigned" {
		t.Errorf("by another root key: %v", err)
	}
	many := verb.Registered{Users: make([]json.RawMessage, maxSaid+1)}
	if _, err := Registered(many, at); !errors.Is(err, fault.Exhausted) {
		t.Errorf("too many: %v", err)
	}
	r := said(t, town)
	i := slices.IndexFunc(slices.Sorted(maps.Keys(town.Processes)), func(n string) bool { return n == "gate" })
	r.Processes[i] = request(t, town.Keys["root"], verb.ProcessRevoke, verb.Name{ID: "gate"})
	if g, err := Registered(r, at); err != nil || g.Processes["gate"].Key != "" {
		t.Errorf("a revoked process is %+v, %v", g.Processes["gate"], err)
	}
	r.Processes[i] = request(t, town.Keys["root"], verb.ProcessAccept, verb.Accept{Process: gone, Fingerprint: "1"})
	if g, err := Registered(r, at); err != nil || g.Processes["gate"].Key != gone.Key {
		t.Errorf("an enrolled process is %+v, %v", g.Processes["gate"], err)
	}
}

// Whatever the platform sends, a register holds nobody whom the root key has not
// signed for.
func FuzzRegistered(f *testing.F) {
	town := governancetest.NewTown(f)
	at := Place{Root: town.Root, Installation: place.Installation}
	whole := said(f, town)
	for _, r := range []verb.Registered{whole, {}, {Users: whole.Users}, {Orgs: whole.Orgs, Users: whole.Users[:1]}} {
		raw, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r verb.Registered
		if json.Unmarshal(raw, &r) != nil {
			return
		}
		g, err := Registered(r, at)
		if err != nil && (len(g.Users) > 0 || g.Root != "") {
			t.Errorf("refused, and given as %d users", len(g.Users))
		}
		for id, u := range g.Users {
			if town.Users[id].Key != u.Key {
				t.Errorf("%s has key %s", id, u.Key)
			}
		}
	})
}
