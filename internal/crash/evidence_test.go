package crash

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/seal"
)

// sites of the town.
var sites = []string{"site-a", "site-b"}

// check looks at a run that has ended: at its release, at what everyone's
// journal says of it, and at what is on the board.
func (w *town) check(t *testing.T, run string, r row, got outcome) {
	t.Helper()
	if got.code != r.end.code && (got.code != "" || len(r.end.rounds) == 0) {
		t.Fatalf("the run ended with %q, want %q or a release in round %v", got.code, r.end.code, r.end.rounds)
	}
	said := w.said(t, run) // before the journals, which are ahead of it
	books := map[string]*journal.Journal{}
	for _, name := range w.daemons {
		books[name] = w.journal(t, name)
	}
	w.evidence(t, books, said)
	w.once(t, books, run, r, got)
	if got.code != "" {
		w.unreleased(t, books, said, run, got.code)
		return
	}
	w.opened(t, books, said, run, r)
	w.same(t, run, r.mode, got.table)
}

// journal reads a copy of a daemon's journal: the daemon has the journal.
func (w *town) journal(t *testing.T, name string) *journal.Journal {
	t.Helper()
	raw, err := os.ReadFile(w.Path("install", name, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(file, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // a copy
	return j
}

// said reads what the daemons have said in a run.
func (w *town) said(t *testing.T, run string) map[msg.Place]receipt.Receipt {
	t.Helper()
	said := map[msg.Place]receipt.Receipt{}
	for item, err := range w.board.All(t.Context(), "run."+run+".>") {
		if err != nil {
			t.Fatal(err)
		}
		p, err := msg.ParseSubject(item.Subject)
		if err != nil || !slices.Contains(w.daemons, p.Party) || p.Kind == msg.Permit {
			continue
		}
		if said[p], err = receipt.Parse(item.Data); err != nil {
			t.Fatal(err)
		}
	}
	return said
}

// evidence: nothing was said that is not, in these very bytes, in the journal
// of who said it.
func (w *town) evidence(t *testing.T, books map[string]*journal.Journal, said map[msg.Place]receipt.Receipt) {
	t.Helper()
	for p, r := range said {
		var raw json.RawMessage
		if err := books[p.Party].Get(string(p.Kind), msg.Subject(p.Run, p.Round, p.Kind, p.Party), &raw); err != nil || !bytes.Equal(raw, r.Bytes()) {
			t.Errorf("%v is not in the journal as it is on the board: %v", p, err)
		}
	}
}

// once: a site books, debits and signs a run once, a trustee answers once in
// a round, the gate opens once.
func (w *town) once(t *testing.T, books map[string]*journal.Journal, run string, r row, got outcome) {
	t.Helper()
	for _, s := range sites {
		uses, debits := 1, 0
		if s == "site-a" && got.code == poor.code {
			uses = 0
		}
		if r.mode == jobs.DP {
			debits = uses
		}
		if n := count(books[s], "used", msg.Subject(run, 0, "used", s)); n > uses || n < uses && got.code == "" {
			t.Errorf("%s has used the permit %d times, want %d", s, n, uses)
		}
		if n := count(books[s], "debited", run); n > debits || n < debits && got.code == "" {
			t.Errorf("%s has debited the run %d times, want %d", s, n, debits)
		}
		if n := count(books[s], "set", run); n > 1 {
			t.Errorf("%s has signed %d sets", s, n)
		}
		w.spent(t, s, books[s])
	}
	for name, book := range books {
		for round := range msg.MaxRounds + 1 {
			if n := count(book, string(msg.Answer), msg.Subject(run, round, msg.Answer, name)); n > 1 {
				t.Errorf("%s has answered %d times in round %d", name, n, round)
			}
		}
	}
	if n := count(books["gate"], "opened", run); n > 1 {
		t.Errorf("the gate has opened %d times", n)
	}
}

func count(j *journal.Journal, kind, key string) (n int) {
	for _, e := range j.All(kind) {
		if e.Key == key {
			n++
		}
	}
	return n
}

// spent: a site's debits go on from one another without a gap, so that none
// was forgotten or taken twice.
func (w *town) spent(t *testing.T, site string, j *journal.Journal) {
	t.Helper()
	at := "0"
	for _, e := range j.All("debited") {
		var d msg.Debit
		if err := e.Decode(&d); err != nil {
			t.Fatal(err)
		}
		if d.Before != at {
			t.Errorf("%s: a debit begins at %s, and the one before it ended at %s", site, d.Before, at)
		}
		at = d.After
	}
}

// unreleased: a run that ended early was opened by nobody but a gate that says
// that it died of it, and has no release.
func (w *town) unreleased(t *testing.T, books map[string]*journal.Journal, said map[msg.Place]receipt.Receipt, run, code string) {
	t.Helper()
	if _, ok := said[msg.Place{Run: run, Kind: msg.Release, Party: "yuneid"}]; ok {
		t.Error("a run that ended early is released")
	}
	_, gate := said[msg.Place{Run: run, Kind: msg.Dead, Party: "gate"}]
	_, coordinator := said[msg.Place{Run: run, Kind: msg.Dead, Party: "yuneid"}]
	if code == deadCode && !gate && !coordinator {
		t.Error("nobody has said that the run is dead")
	}
	if n := count(books["gate"], "opened", run); n == 1 && !gate {
		t.Error("the gate has opened a run that ended, and does not say so")
	}
}

// opened: the run was opened once, in the round whose sum the candidate names
// and that the row wants; every site signed the same members in every round.
func (w *town) opened(t *testing.T, books map[string]*journal.Journal, said map[msg.Place]receipt.Receipt, run string, r row) {
	t.Helper()
	var at string
	if err := books["gate"].Get("opened", run, &at); err != nil {
		t.Fatal(err)
	}
	var c msg.CandidateBody
	if err := said[msg.Place{Run: run, Kind: msg.Candidate, Party: "gate"}].Read(msg.Candidate, &c); err != nil {
		t.Fatal(err)
	}
	round := 0
	for p, s := range said {
		if p.Kind == msg.Dead {
			t.Errorf("%s calls a released run dead", p.Party)
		}
		if p.Kind == msg.Sum && s.Digest() == c.Sum {
			round = p.Round
		}
	}
	if at != fmt.Sprintf("%s/%d", run, round) || !slices.Contains(r.end.rounds, round) {
		t.Errorf("the journal says that %s was opened, the candidate is of round %d, want one of %v", at, round, r.end.rounds)
	}
	debits := map[string]*msg.Debit{}
	for p, s := range said {
		if p.Kind != msg.Confirm {
			continue
		}
		var b msg.ConfirmBody
		if err := s.Read(msg.Confirm, &b); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.Set.Members, sites) {
			t.Errorf("%s has signed the set %v", p.Party, b.Set.Members)
		}
		if d := debits[p.Party]; d != nil && *d != *b.Debit {
			t.Errorf("%s has confirmed two debits", p.Party)
		}
		debits[p.Party] = b.Debit
	}
}

// same: the release is what an undisturbed run of the permit released. In mode
// dp, where every run has noise of its own, it is the sum of what the sites
// keep, and what a site keeps is the exact vector and the noise that it drew
// first.
func (w *town) same(t *testing.T, run string, mode jobs.Mode, table jobs.Candidate) {
	t.Helper()
	var sum []int64
	for _, site := range sites {
		partial := w.vector(t, site, run, "partial")
		sum = add(sum, partial, 1)
		var exact []int64
		if mode == jobs.DP {
			exact = add(slices.Clone(partial), w.vector(t, site, run, "noise"), -1)
		} else {
			exact = flagged(partial, table.Items()+2)
		}
		key := site + " " + string(mode)
		if was, ok := w.seen[key]; ok && was != fmt.Sprint(exact) {
			t.Errorf("%s did not come to the exact vector of the other runs:\n%v\n%v", site, was, exact)
		}
		w.seen[key] = fmt.Sprint(exact)
	}
	if mode == jobs.DP {
		w.sums(t, sum, table)
		return
	}
	want, ok := w.want[mode]
	if !ok {
		w.shows(t, table)
		return
	}
	table.Run, want.table.Run = "", ""
	if !bytes.Equal(table.Bytes(), want.table.Bytes()) {
		t.Errorf("the table is not that of the undisturbed run:\n%s\n%s", table.CSV(), want.table.CSV())
	}
}

// flagged makes a 1 of each flag of the last n slots (of the items, and what the
// register says), which is blinded anew in
// every run. The very last, by which a register says that it cannot tell, is left
// out: it is set beside any run whose end is not known yet.
func flagged(partial []int64, n int) []int64 {
	plain := slices.Clone(partial)
	for i := len(plain) - n; i < len(plain); i++ {
		plain[i] = min(plain[i], 1)
	}
	if n > 0 {
		plain[len(plain)-1] = 0
	}
	return plain
}

// shows: the undisturbed table shows enough for a comparison to mean anything.
func (w *town) shows(t *testing.T, table jobs.Candidate) {
	t.Helper()
	shown := 0
	for _, c := range table.Cells {
		if c != nil && c[0] > 0 {
			shown++
		}
	}
	if shown < len(table.Cells)/2 {
		t.Fatalf("only %d of %d cells are shown", shown, len(table.Cells))
	}
}

// sums: the released figures are the sums of what the sites keep.
func (w *town) sums(t *testing.T, sum []int64, table jobs.Candidate) {
	t.Helper()
	n := len(table.Cells)
	if len(sum) != n*len(table.Figures) {
		t.Fatalf("the sites keep %d values of %d", len(sum), n*len(table.Figures))
	}
	for i, cell := range table.Cells {
		for f := range table.Figures {
			if cell[f] != sum[f*n+i] {
				t.Fatalf("cell %d, figure %d: %d is released, and the sites keep %d", i, f, cell[f], sum[f*n+i])
			}
		}
	}
}

func add(to, v []int64, sign int64) []int64 {
	if to == nil {
		to = make([]int64, len(v))
	}
	for i := range v {
		to[i] += sign * v[i]
	}
	return to
}

// vector reads what a site keeps of a run, as its officer could.
func (w *town) vector(t *testing.T, site, run, what string) []int64 {
	t.Helper()
	folder := w.Path("install", site)
	text, err := os.ReadFile(filepath.Join(folder, "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.ParsePrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	store, err := dir.Open(filepath.Join(folder, "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // read only
	name, err := storage.NewName("runs/"+run+"/"+what, "1")
	if err != nil {
		t.Fatal(err)
	}
	values, err := read(t.Context(), store, key, name)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func read(ctx context.Context, store storage.Store, key seal.PrivateKey, name storage.Name) ([]int64, error) {
	o, err := seal.Get(ctx, store, key, name)
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	values := make([]int64, o.Size()/8)
	return values, binary.Read(io.NewSectionReader(o, 0, o.Size()), binary.LittleEndian, values)
}

// noRunner: no guest outlives the site that it worked for.
func (w *town) noRunner(t *testing.T) {
	t.Helper()
	eventually(t, "the guests to end", func() bool {
		names, err := filepath.Glob("/proc/[0-9]*/exe")
		if err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(names, func(name string) bool {
			exe, err := os.Readlink(name)
			return err == nil && strings.HasPrefix(exe, filepath.Join(w.Bin, "yunei-runner"))
		})
	})
}
