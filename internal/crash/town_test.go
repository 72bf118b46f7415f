package crash

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/examples/stage"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/suite"
)

// A town is an installation of binaries that can be told to die, with `yunei
// up` to start them again.
type town struct {
	*stage.Stage
	client  *client.Client // the operator's
	board   *bus.Board
	pins    release.Pins
	program string
	daemons []string
	queries int          // that were permitted in mode dp
	log     bytes.Buffer // what the people did

	want map[jobs.Mode]still
	seen map[string]string // the exact vector of a site and mode
}

// A still is what an undisturbed run released.
type still struct{ table jobs.Candidate }

func permitOf(mode jobs.Mode) string { return "permit-" + string(mode) }

// binaries builds the product with the tag crash. They stay in the user's
// cache, where the next build finds them up to date.
func binaries(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	tree := fnv.New32a()
	_, _ = tree.Write([]byte(root)) // a hash does not fail
	bin := filepath.Join(cache, "yunei", "crash-"+strconv.FormatUint(uint64(tree.Sum32()), 16))
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "crash", "-o", bin+string(filepath.Separator), "./cmd/...", "./examples/city/citygen")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the binaries: %v\n%s", err, out)
	}
	return bin
}

// found makes a town of some people in two domains, with a permit of each mode.
func found(t *testing.T) *town {
	t.Helper()
	ctx := t.Context()
	w := &town{want: map[jobs.Mode]still{}, seen: map[string]string{}}
	var err error
	if w.Stage, err = stage.New(t.TempDir(), &w.log); err != nil {
		t.Fatal(err)
	}
	w.Bin = binaries(t)
	t.Cleanup(func() {
		w.Close()
		if t.Failed() {
			raw, _ := os.ReadFile(w.Path("work", "up.log")) // as far as there is one
			t.Logf("the daemons said:\n%s", raw[max(0, len(raw)-20_000):])
		}
	})
	source, err := os.ReadFile(filepath.Join("..", "..", "examples", "programs", "district-age-c", "main.c"))
	if err != nil {
		t.Fatal(err)
	}
	w.program = filepath.Join("..", "..", "examples", "programs", "prebuilt", "district-age-c.wasm")
	steps := []func() error{
		func() error { return w.Do(ctx, "citygen", "--people", "1200", "--seed", "5", "--out", w.Path("city")) },
		func() error { return w.Enact(ctx, "health-planning", "natural-person="+budget) },
		func() error { return w.ingest(ctx) },
		func() error { return w.permit(ctx, terms(jobs.SDC, suite.DigestOf(source))) },
		func() error { return w.connect(ctx) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("founding the town: %v\n%s", err, &w.log)
		}
	}
	t.Cleanup(w.board.Close)
	return w
}

func (w *town) ingest(ctx context.Context) error {
	for domain, officer := range map[string]stage.Person{"a": stage.OfficerA, "b": stage.OfficerB} {
		entry := w.Path("work", domain+".entry.json")
		if err := w.Do(ctx, "yunei", "dataset", "add", "--site", w.Path("install", "site-"+domain), "--name", "settlement-"+domain, "--version", "2025",
			"--schema", w.Path("city", "schema", "settlement.json"), "--csv", w.Path("city", domain, "settlement.csv"), "--title", "结算", "--entry", entry); err != nil {
			return err
		}
		if err := w.As(ctx, officer, "dataset", "register", "--entry", entry); err != nil {
			return err
		}
		if err := w.Catalogue(ctx, officer, "settlement-"+domain, entry); err != nil {
			return err
		}
	}
	return nil
}

// another is a permit for a query of its own: a repeated one would get the stored
// answer, and nothing would be computed that a site could die of.
func (w *town) another(t *testing.T) string {
	t.Helper()
	w.queries++
	spec := terms(jobs.DP, "")
	spec.ID = fmt.Sprintf("%s-%d", spec.ID, w.queries)
	spec.Limits.Fuel += uint64(w.queries)
	if err := w.permit(t.Context(), spec); err != nil {
		t.Fatalf("granting another permit: %v\n%s", err, &w.log)
	}
	return spec.ID
}

func (w *town) permit(ctx context.Context, spec jobs.Terms) error {
	raw, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	file := w.Path("work", spec.ID+".spec.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return err
	}
	return w.Decide(ctx, file, w.program, spec.ID)
}

// budget is what each domain allows, in rho.
const budget = "1000"

// terms are those of visits and cost by district and two bands of age.
func terms(mode jobs.Mode, source suite.Digest) jobs.Terms {
	const districts, reference = 10, (2025-1970)*12 + 11
	var params bytes.Buffer
	_ = binary.Write(&params, binary.LittleEndian, []int32{districts, 2, reference, 50}) // a buffer does not fail
	t := jobs.Terms{
		ID: permitOf(mode), Scenario: "crash-table", Purpose: "health-planning",
		Program: jobs.Program{Name: "district-age-c"}, Params: params.Bytes(),
		KMin: 2, Mode: mode, Uses: 1000,
		Due: jobs.Slots{First: 8, Every: 1, Count: 1}, // one slot tells nothing, and so 1000 runs do not; it leaves time to die
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson,
			Dims: []jobs.Dim{
				{Name: "district", Title: "区县"},
				{Name: "age_band", Title: "年龄段", Codes: []string{"0-49", "50+"}, Labels: []string{"0–49 岁", "50 岁及以上"}},
			},
			Units:    jobs.Measure{Name: "persons", Title: "人数", Lo: 0, Hi: 1, Round: 5},
			Measures: []jobs.Measure{{Name: "visits", Title: "就诊次数", Lo: 0, Hi: 50, Round: 5}},
			L0:       2,
		},
		Limits:     limits.Limits{Fuel: 2_000_000, Memory: 64, Input: 64 << 10, Rows: 512, Emits: 4096},
		Trustees:   jobs.Trustees{Quorum: 2},
		Recipients: []string{stage.Operator.Org},
	}
	for _, d := range []string{"a", "b"} {
		t.Members = append(t.Members, jobs.Member{Dataset: "settlement-" + d, Version: "2025", Columns: []string{"district", "birth_month", "cost_fen"}, Budget: jobs.Budget{Rho: budget}})
	}
	if mode == jobs.SDC {
		t.Threshold = 10
		t.Program.Review = &jobs.Review{Reviewer: "王工", Source: source, Report: "examples/programs/README.md"}
		return t
	}
	t.Due.First = 12 // which takes longer
	t.Shape.Units.Sigma, t.Shape.Measures[0].Sigma = 400, 400*50*50
	return t
}

// connect reads what the installation made of itself.
func (w *town) connect(ctx context.Context) error {
	var in struct {
		Installation, API, Board string
		Daemons                  []struct {
			Name string
			Key  suite.PublicKey
		}
	}
	raw, err := os.ReadFile(w.Path("install", "install.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	for _, d := range in.Daemons {
		w.daemons = append(w.daemons, d.Name)
	}
	pem, err := os.ReadFile(w.Key(stage.Operator))
	if err != nil {
		return err
	}
	key, err := suite.ParsePrivateKey(pem)
	if err != nil {
		return err
	}
	pin := in.Daemons[0].Key // the coordinator's
	if w.client, err = client.New(in.API, pin, key, in.Installation, time.Now); err != nil {
		return err
	}
	if pem, err = os.ReadFile(w.Path("install", "yuneid", "key.pem")); err != nil {
		return err
	}
	own, err := suite.ParsePrivateKey(pem)
	if err != nil {
		return err
	}
	if w.board, err = bus.Dial(ctx, bus.Config{Addr: in.Board, Key: own, Pin: pin}); err != nil {
		return err
	}
	if raw, err = os.ReadFile(w.Path("install", "pins.json")); err != nil {
		return err
	}
	w.pins, err = release.ParsePins(raw)
	return err
}

// arm writes down where daemons are to die.
func (w *town) arm(t *testing.T, kill []string) {
	t.Helper()
	points := map[string]string{}
	for _, k := range kill {
		daemon, point, _ := strings.Cut(k, ":")
		points[daemon] += point + "\n"
	}
	for daemon, lines := range points {
		file := w.Path("install", daemon, "crash")
		if err := errors.Join(os.WriteFile(file+".next", []byte(lines), 0o600), os.Rename(file+".next", file)); err != nil {
			t.Fatal(err)
		}
	}
}

// armed lists the points at which nobody has died yet.
func (w *town) armed() (left []string) {
	for _, daemon := range w.daemons {
		raw, _ := os.ReadFile(w.Path("install", daemon, "crash")) // none is none
		for line := range strings.FieldsSeq(string(raw)) {
			left = append(left, daemon+":"+line)
		}
	}
	return left
}

// disarm forgets them.
func (w *town) disarm(t *testing.T) {
	t.Helper()
	for _, daemon := range w.daemons {
		if err := os.Remove(w.Path("install", daemon, "crash")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// starve starts site a with a budget that suffices for nothing, and gives it
// back for its next start.
func (w *town) starve(t *testing.T) {
	t.Helper()
	file := w.Path("install", "site-a", "config.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	less := bytes.Replace(raw, []byte(`"natural-person": "`+budget+`"`), []byte(`"natural-person": "1/1000000"`), 1)
	if bytes.Equal(less, raw) {
		t.Fatalf("no budget in %s", raw)
	}
	if err := os.WriteFile(file, less, 0o600); err != nil {
		t.Fatal(err)
	}
	was := w.processes(t)["site-a"]
	if err := syscall.Kill(was, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "site-a to have its journal again", func() bool {
		now, ok := w.processes(t)["site-a"]
		return ok && now != was && w.locked("site-a")
	})
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// locked reports whether a daemon has opened its journal, which it does after
// it has read its configuration.
func (w *town) locked(name string) bool {
	f, err := os.Open(w.Path("install", name, "journal"))
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // read only
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

// processes finds this town's daemons by the folder that each is named by.
func (w *town) processes(t *testing.T) map[string]int {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
		if len(args) != 3 || args[1] != "--dir" || filepath.Dir(args[2]) != w.Path("install") || filepath.Dir(args[0]) != w.Bin {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(args[2])] = pid
	}
	return found
}

// killAll ends every process of the town with SIGKILL.
func (w *town) killAll(t *testing.T) {
	t.Helper()
	all := w.processes(t)
	if len(all) != len(w.daemons) {
		t.Fatalf("%d of %d daemons are running: %v", len(all), len(w.daemons), all)
	}
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}

// upAgain waits until every daemon is running.
func (w *town) upAgain(t *testing.T) {
	t.Helper()
	eventually(t, "every daemon to run", func() bool { return len(w.processes(t)) == len(w.daemons) })
}

const (
	patience = 60 * time.Second
	pause    = 100 * time.Millisecond
)

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
		time.Sleep(pause)
	}
}
