package whole

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/yunei/yunei/examples/stage"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/release"
)

const (
	threshold = 10    // of units; it is the house's
	budget    = "3/5" // of each domain's people, in rho
)

// A town is an installation of three domains with its people.
type town struct {
	*stage.Stage
	pins release.Pins
	log  diary

	listed map[string]bool // datasets whose entry is reviewed

	mu   sync.Mutex
	told string // what an operator reads of a run that the checkers turned down
}

// A diary is what the people did, many at a time.
type diary struct {
	sync.Mutex
	bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.Lock()
	defer d.Unlock()
	return d.Buffer.Write(p)
}

// The third domain, beside those of every example.
var (
	officerC = stage.Person{ID: "officer-c", Name: "郑处长", Org: "wjw", Role: "provider-officer"}
	orgC     = stage.Org{ID: "wjw", Title: "市卫健委", Kind: "provider"}
	cast     = append(slices.Clip(stage.People), officerC)
	orgs     = append(slices.Clip(stage.Orgs), orgC)
	officers = map[string]stage.Person{"a": stage.OfficerA, "b": stage.OfficerB, "c": officerC}
	checkers = []stage.Person{stage.Checker1, stage.Checker2}
)

// binaries builds the product. They stay in the user's cache, where the next
// build finds them up to date.
func binaries(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	tree := fnv.New32a()
	_, _ = tree.Write([]byte(root)) // a hash does not fail
	bin := filepath.Join(cache, "yunei", "attacked-"+strconv.FormatUint(uint64(tree.Sum32()), 16))
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator), "./cmd/...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the binaries: %v\n%s", err, out)
	}
	return bin
}

// found makes a town, whose daemons run until the test is over.
func found(t *testing.T) *town {
	t.Helper()
	w := &town{}
	var err error
	if w.Stage, err = stage.New(t.TempDir(), &w.log); err != nil {
		t.Fatal(err)
	}
	w.Bin = binaries(t)
	t.Cleanup(func() {
		w.Close()
		if t.Failed() {
			raw, _ := os.ReadFile(w.Path("work", "up.log")) // as far as there is one
			t.Logf("the people and the daemons:\n%s\n%s", w.log.Bytes()[max(0, w.log.Len()-5_000):], raw[max(0, len(raw)-5_000):])
		}
	})
	if err := w.enact(t.Context()); err != nil {
		t.Fatalf("founding the town: %v", err)
	}
	return w
}

// enact is Stage.Enact for three domains.
func (w *town) enact(ctx context.Context) error {
	root := w.Key(stage.Person{ID: stage.Root})
	public := map[string]string{}
	for _, p := range append(slices.Clip(cast), stage.Person{ID: stage.Root}) {
		key, err := w.Quiet(ctx, "yunei", "key", "new", w.Key(p))
		if err != nil {
			return err
		}
		public[p.ID] = key
	}
	args := []string{"init", "--dir", w.Path("install"), "--bureau", "dsj=" + public[stage.Root], "--budget", jobs.NaturalPerson + "=" + budget}
	for _, domain := range []string{"a", "b", "c"} {
		args = append(args, "--provider", domain+"="+officers[domain].Org+"="+public[officers[domain].ID])
	}
	if err := w.Do(ctx, "yunei", args...); err != nil {
		return err
	}
	if err := w.Up(ctx); err != nil {
		return err
	}
	for _, o := range orgs {
		if _, err := w.Quiet(ctx, "yunei", "org", "add", "--key", root, "--id", o.ID, "--title", o.Title, "--kind", o.Kind); err != nil {
			return err
		}
	}
	for _, p := range cast {
		if _, err := w.Quiet(ctx, "yunei", "user", "add", "--key", root, "--id", p.ID, "--name", p.Name, "--org", p.Org, "--role", p.Role, "--public", public[p.ID]); err != nil {
			return err
		}
	}
	if err := w.Do(ctx, "yunei", "org", "enrol", "--key", root); err != nil {
		return err
	}
	if err := w.Adopt(ctx); err != nil {
		return err
	}
	if err := w.Admit(ctx, "医疗健康", "statistics"); err != nil {
		return err
	}
	raw, err := os.ReadFile(w.Path("install", "pins.json"))
	if err != nil {
		return err
	}
	w.pins, err = release.ParsePins(raw)
	return err
}

// ingest takes people in as a version of a domain's dataset, and registers it
// after those that are there.
func (w *town) ingest(ctx context.Context, dataset, domain, version string, people []person) error {
	name := w.Path("work", dataset+"-"+domain+"-"+version)
	for suffix, raw := range map[string][]byte{".csv": csv(people), ".schema.json": schema.Bytes()} {
		if err := os.WriteFile(name+suffix, raw, 0o600); err != nil {
			return err
		}
	}
	if err := w.Do(ctx, "yunei", "dataset", "add", "--site", w.Path("install", "site-"+domain), "--name", dataset+"-"+domain, "--version", version,
		"--schema", name+".schema.json", "--csv", name+".csv", "--title", "就诊", "--entry", name+".entry.json"); err != nil {
		return err
	}
	if err := w.As(ctx, officers[domain], "dataset", "register", "--entry", name+".entry.json"); err != nil || w.listed[dataset+domain] {
		return err
	}
	if w.listed == nil {
		w.listed = map[string]bool{}
	}
	w.listed[dataset+domain] = true // another version needs no further review
	return w.Catalogue(ctx, officers[domain], dataset+"-"+domain, name+".entry.json")
}

// quoted is the code in what the command line says of a refusal.
var quoted = regexp.MustCompile(`refused \[[a-z]+/([a-z-]+)\]`)

// word is the code with which something was refused; any other error is one.
func word(err error) (fault.Code, error) {
	if err == nil {
		return "", nil
	}
	m := quoted.FindStringSubmatch(err.Error())
	if m == nil {
		return "", err
	}
	return fault.Code(m[1]), nil
}

// program is the guest, with so many bytes more that say nothing.
func (w *town) program(padded int) (string, error) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "programs", "prebuilt", "sums-c.wasm"))
	if err != nil || padded > 100 {
		return "", fmt.Errorf("padding a program with %d bytes: %w", padded, err)
	}
	if padded > 0 { // a custom section named x
		raw = append(append(raw, 0, byte(1+padded), 1, 'x'), make([]byte, padded-1)...)
	}
	file := w.Path("work", fmt.Sprintf("sums-%d.wasm", padded))
	return file, os.WriteFile(file, raw, 0o600)
}

// apply takes a question through every decision to a permit of its own.
func (w *town) apply(ctx context.Context, id, attack string, q question) (program string, err error) {
	raw, err := json.Marshal(w.spec(id, attack, q))
	if err != nil {
		return "", err
	}
	file := w.Path("work", id+".spec.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return "", err
	}
	if program, err = w.program(q.padded); err != nil {
		return "", err
	}
	var grant []stage.Person
	for _, d := range q.members {
		grant = append(grant, officers[d])
	}
	return program, w.Decide(ctx, file, program, id, grant...)
}

// An answer is what an attacker gets to see of a run: a table, or the word in
// which it ended.
type answer struct {
	run   string
	table *jobs.Candidate
	word  fault.Code
}

// run asks a question for real, and votes as people do who are fooled: for
// whatever they may vote for.
func (w *town) run(ctx context.Context, id, attack string, q question) (answer, error) {
	a := answer{run: id}
	program, err := w.apply(ctx, id, attack, q)
	if err != nil {
		return a, err
	}
	_, err = w.Quiet(ctx, "yunei", "job", "submit", "--application", id, "--program", program, "--run", id, "--wait", "--key", w.Key(stage.Operator))
	if a.word, err = word(err); a.word != "" || err != nil {
		return a, err
	}
	if err := w.vote(ctx, id, q.declined); err != nil {
		return a, err
	}
	_, err = w.Quiet(ctx, "yunei", "job", "wait", id, "--until", "released", "--timeout", "1m", "--key", w.Key(stage.Operator))
	if a.word, err = word(err); err != nil {
		return a, err
	}
	if a.word != "" {
		_, err := w.Quiet(ctx, "yunei", "release", "get", id, "--out", w.Path("release-"+id), "--key", w.Key(stage.Operator))
		if code, err := word(err); code == "" {
			return a, fmt.Errorf("a run that ended with %s can be fetched: %w", a.word, err)
		}
		return a, w.tells(ctx, id)
	}
	return a, w.fetch(ctx, &a)
}

// tells demands that an operator reads the same of every run that ends at the
// checkers, whether the gate blocked it or they did not like it.
func (w *town) tells(ctx context.Context, run string) error {
	list, err := w.Quiet(ctx, "yunei", "job", "list", "--key", w.Key(stage.Operator))
	if err != nil {
		return err
	}
	_, told, ok := strings.Cut(list, "run "+run+": ")
	told, _, _ = strings.Cut(told, "运行 run ")
	told = strings.TrimSpace(told)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told == "" {
		w.told = told
	}
	if !ok || w.told != told {
		return fmt.Errorf("the operator is told %q of %s, and %q of another that was turned down", told, run, w.told)
	}
	return nil
}

// ballot is how people vote who are fooled. A candidate that is blocked they
// cannot let out; it must show them nothing.
func (w *town) ballot(ctx context.Context, run string, declined bool) ([]string, error) {
	dir := w.Path("candidate-" + run)
	said, err := w.Quiet(ctx, "yunei", "candidate", run, "--out", dir, "--key", w.Key(stage.Checker1))
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "table.json"))
	if err != nil {
		return nil, err
	}
	c, err := jobs.ParseCandidate(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.Contains(said, "verdict: block"):
		for i := range c.Items() {
			if cell, _ := c.Item(i); cell != nil {
				return nil, fmt.Errorf("%s is blocked, and shows item %d", run, i)
			}
		}
		return []string{"--reject", "other"}, nil
	case declined:
		return []string{"--reject", "too-detailed"}, nil
	case strings.Contains(said, "verdict: fail"):
		return []string{"--approve", "--exception", "safe-in-context"}, nil
	default:
		return []string{"--approve"}, nil
	}
}

// vote takes both checkers' votes.
func (w *town) vote(ctx context.Context, run string, declined bool) error {
	ballot, err := w.ballot(ctx, run, declined)
	if err != nil {
		return err
	}
	for _, args := range [][]string{append([]string{"vote", run}, ballot...), {"vote", "open", run}} {
		var both sync.WaitGroup
		errs := make([]error, len(checkers))
		for i, c := range checkers {
			both.Go(func() {
				_, errs[i] = w.Quiet(ctx, "yunei", append(slices.Clip(args), "--key", w.Key(c))...)
			})
		}
		both.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// fetch gets a bundle, and believes it only if it verifies.
func (w *town) fetch(ctx context.Context, a *answer) error {
	dir := w.Path("release-" + a.run)
	if _, err := w.Quiet(ctx, "yunei", "release", "get", a.run, "--out", dir, "--key", w.Key(stage.Operator)); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "bundle.json"))
	if err != nil {
		return err
	}
	if _, err := release.Verify(raw, w.pins); err != nil {
		return err
	}
	b, err := release.Parse(raw)
	if err != nil {
		return err
	}
	table, err := b.Table()
	a.table = &table
	return err
}
