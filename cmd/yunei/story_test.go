package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/yunei/yunei/examples/city"
	"github.com/yunei/yunei/examples/stage"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

var keep = flag.Bool("keep", false, "keep the stories' folders, and say where they are")

// TestStories plays the stories in testdata/script against the binaries that
// people run, each on an installation of its own. A story begins with what
// somebody wants and what must happen.
func TestStories(t *testing.T) {
	bin := binaries(t)
	programs, err := filepath.Abs("../../examples/programs/prebuilt")
	if err != nil {
		t.Fatal(err)
	}
	goCache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:      filepath.Join("testdata", "script"),
		TestWork: *keep,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			e.Setenv("PROGRAMS", programs)
			e.Setenv(atEnv, filepath.Join(e.WorkDir, "install"))
			year := calendar.DateOf(time.Now()).Year
			e.Setenv("THISYEAR", strconv.Itoa(year))
			e.Setenv("LASTYEAR", strconv.Itoa(year-1))
			e.Setenv("YEARBEFORE", strconv.Itoa(year-2))
			e.Setenv("GOCACHE", strings.TrimSpace(string(goCache))) // of `yunei program build`, in Go
			s, err := stage.New(e.WorkDir, io.Discard)
			if err != nil {
				return err
			}
			s.Bin = bin
			e.Values["story"] = &story{Stage: s, programs: programs}
			e.Defer(s.Close)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"city": cityCmd, "stage": stageCmd, "ingest": ingestCmd, "as": asCmd, "yunei": yuneiCmd, "spec": specCmd, "permit": permitCmd,
			"edit": editCmd, "flip": flipCmd, "refused": refusedCmd, "truth": truthCmd, "expire": expireCmd,
			"person": personCmd, "release": releaseCmd, "empty": emptyCmd, "up": upCmd, "down": downCmd, "signal": signalCmd, "until": untilCmd, "leased": leasedCmd, "catalogued": cataloguedCmd, "admitted": admittedCmd, "settled": settledCmd,
			"waits": waitsCmd, "coordinator": coordinatorCmd, "alter": alterCmd, "ask": askCmd, "smalldisk": smallDiskCmd, "ondisk": onDiskCmd, "tpm": tpmCmd, "opens": opensCmd, "offer": offerCmd, "people": peopleCmd, "decided": decidedCmd, "joined": joinedCmd, "claims": claimsCmd,
		},
	})
}

// binaries builds what the stories run.
func binaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "./cmd/...", "./examples/city/citygen")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the binaries: %v\n%s", err, out)
	}
	return dir
}

// A story is an installation, and what the last command came to.
type story struct {
	*stage.Stage
	programs string
	exit     int
	disk     *disk
}

func the(ts *testscript.TestScript) *story { return ts.Value("story").(*story) } //nolint:errcheck // Setup put it there

// patience is how long a story waits for what must happen.
const patience = time.Minute

// run runs a binary and takes its exit code; whether it may fail is neg.
func (s *story) run(ts *testscript.TestScript, neg bool, args ...string) {
	err := ts.Exec(args[0], args[1:]...)
	s.exit = 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		s.exit = exit.ExitCode()
	}
	switch {
	case err != nil && s.exit == 0:
		ts.Check(err)
	case err == nil && neg:
		ts.Fatalf("%s succeeded, and must not", strings.Join(args, " "))
	case err != nil && !neg:
		ts.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
}

func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// cityCmd: `city PEOPLE [FLAGS]` generates a city into city/.
func cityCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 0 && !neg, "city PEOPLE [citygen flags]")
	the(ts).run(ts, false, append([]string{"citygen", "--out", "city", "--people", args[0]}, args[1:]...)...)
}

// stageCmd: `stage [--city=CITY] [--unruled] [--since=YEARS] [--FLAG]... [NAMESPACE=RHO]...`
// makes an installation with its cast, starts it, registers everyone, and has a city's
// rules adopted and the operator licensed (since that many years ago), unless it is to be
// without. Flags are else `yunei init`'s.
func stageCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg, "stage [--FLAG]... [NAMESPACE=RHO]...")
	s := the(ts)
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		name, value, _ := strings.Cut(args[0], "=")
		switch {
		case name == "--city":
			s.City = value
		case name == "--since":
			years, err := strconv.Atoi(value)
			ts.Check(err)
			s.Since = years
		case args[0] == "--unruled":
			s.Unruled = true
		default:
			s.Init = append(s.Init, args[0])
		}
		args = args[1:]
	}
	s.Out = ts.Stdout()
	ts.Check(s.Enact(context.Background(), "health-planning,statistics", args...))
}

// ingestCmd: `ingest [NAME]` takes city/a and city/b in and registers them as
// NAME-a and NAME-b.
func ingestCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) < 2 && !neg, "ingest [NAME]")
	s, name := the(ts), "settlement"
	if len(args) == 1 {
		name = args[0]
	}
	for domain, officer := range map[string]stage.Person{"a": stage.OfficerA, "b": stage.OfficerB} {
		entry := name + "-" + domain + ".entry.json"
		s.run(ts, false, "yunei", "dataset", "add", "--site", "install/site-"+domain, "--name", name+"-"+domain, "--version", "2025",
			"--schema", "city/schema/settlement.json", "--csv", "city/"+domain+"/settlement.csv", "--title", "结算", "--entry", entry)
		s.run(ts, false, "yunei", "dataset", "register", "--entry", entry, "--key", s.Key(officer))
		s.Out = ts.Stdout()
		ts.Check(s.Catalogue(context.Background(), officer, name+"-"+domain, s.Path(entry)))
	}
}

// admittedCmd: `admitted` takes the operator through its admission to a licence.
func admittedCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "admitted")
	s := the(ts)
	s.Out = ts.Stdout()
	ts.Check(s.Admit(context.Background(), "医疗健康", "health-planning", "statistics"))
}

// cataloguedCmd: `catalogued OFFICER ENTRY [PATH=VALUE]...` takes a registered
// dataset through the catalogue's review, with other answers on its sheet.
func cataloguedCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "catalogued OFFICER ENTRY [PATH=VALUE]...")
	s := the(ts)
	var e governance.Entry
	ts.Check(readJSON(ts.MkAbs(args[1]), &e))
	s.Out = ts.Stdout()
	ts.Check(s.Catalogue(context.Background(), somebody(ts, args[0]), e.ID, ts.MkAbs(args[1]), args[2:]...))
}

func somebody(ts *testscript.TestScript, id string) stage.Person {
	i := slices.IndexFunc(stage.People, func(p stage.Person) bool { return p.ID == id })
	if i < 0 {
		ts.Fatalf("%s is not of the cast", id)
	}
	return stage.People[i]
}

// settledCmd: `settled ID [OFFICER]...` takes ID.spec.json through the review of
// its program, its scenario and the agreement, so that terms may be drafted of it.
func settledCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 0 && !neg, "settled ID [OFFICER]...")
	s, file := the(ts), ts.MkAbs(args[0]+".spec.json")
	s.Out = ts.Stdout()
	var t struct{ Program jobs.Program }
	ts.Check(readJSON(file, &t))
	ctx := context.Background()
	if t.Program.Name != "" {
		ts.Check(s.Review(ctx, s.program(t.Program.Name), file))
	}
	officers := []stage.Person{stage.OfficerA, stage.OfficerB}
	if len(args) > 1 {
		officers = nil
		for _, id := range args[1:] {
			officers = append(officers, somebody(ts, id))
		}
	}
	ts.Check(s.Settle(ctx, file, officers...))
}

// asCmd: `as PERSON ARGS...` runs yunei with that person's key. NAME=@FILE stands for
// what is in a file.
func asCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1, "as PERSON ARGS...")
	s := the(ts)
	fromFiles(ts, args)
	s.run(ts, neg, append(append([]string{"yunei"}, args[1:]...), "--key", s.Path("keys", args[0]+".pem"))...)
}

// yuneiCmd: `yunei ARGS...` runs yunei without a key, as for files and folders
// of one's own.
func yuneiCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1, "yunei ARGS...")
	the(ts).run(ts, neg, append([]string{"yunei"}, args...)...)
}

// personCmd: `person ID NAME ORG ROLE` gives somebody a key, unless they have
// one, and registers them.
func personCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 4, "person ID NAME ORG ROLE")
	s := the(ts)
	file := s.Path("keys", args[0]+".pem")
	if _, err := os.Stat(file); err != nil {
		s.run(ts, false, "yunei", "key", "new", file)
	}
	key, err := readKey(file)
	ts.Check(err)
	s.run(ts, neg, "yunei", "user", "add", "--id", args[0], "--name", args[1], "--org", args[2], "--role", args[3],
		"--public", string(key.Public()), "--key", s.Path("keys", stage.Root+".pem"))
}

// specCmd: `spec ID sdc|dp [PATH=VALUE]...` writes ID.spec.json, a description
// of the study of visits by district and age band.
func specCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "spec ID sdc|dp [PATH=VALUE]...")
	ts.Check(the(ts).spec(args[0], jobs.Mode(args[1]), args[2:]))
}

// permitCmd: `permit ID sdc|dp [PATH=VALUE]...` takes a spec through every
// decision to a permit.
func permitCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "permit ID sdc|dp [PATH=VALUE]...")
	s, id := the(ts), args[0]
	fromFiles(ts, args[2:])
	ts.Check(s.spec(id, jobs.Mode(args[1]), args[2:]))
	s.Out = ts.Stdout()
	var t struct{ Program jobs.Program }
	ts.Check(readJSON(s.Path(id+".spec.json"), &t))
	ts.Check(s.Decide(context.Background(), s.Path(id+".spec.json"), s.program(t.Program.Name), id))
}

func (s *story) program(name string) string { return filepath.Join(s.programs, name+".wasm") }

// editCmd: `edit FILE PATH=VALUE...` changes fields of a JSON file; a value
// @FILE is that file's.
func editCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "edit FILE PATH=VALUE...")
	fromFiles(ts, args)
	raw, err := edited([]byte(ts.ReadFile(args[0])), args[1:])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

// fromFiles puts a file's content in the place of each @FILE.
func fromFiles(ts *testscript.TestScript, edits []string) {
	for i, e := range edits {
		if path, file, ok := strings.Cut(e, "=@"); ok {
			edits[i] = path + "=" + strings.TrimSpace(ts.ReadFile(file))
		}
	}
}

// edited sets fields of a JSON document. A path is of names and indexes; a
// value is JSON, or else a string; "+5s" is that time from now.
func edited(raw []byte, edits []string) ([]byte, error) {
	var doc any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	for _, e := range edits {
		path, text, ok := strings.Cut(e, "=")
		if !ok {
			return nil, fmt.Errorf("%s: want PATH=VALUE", e)
		}
		var value any = text
		if d, err := time.ParseDuration(text); err == nil && strings.ContainsAny(text, "+-") {
			value = time.Now().Add(d).UTC().Truncate(time.Second)
		} else if err := json.Unmarshal([]byte(text), &value); err != nil {
			value = text
		}
		var err error
		if doc, err = set(doc, strings.Split(path, "."), value); err != nil {
			return nil, fmt.Errorf("%s: %w", e, err)
		}
	}
	return json.MarshalIndent(doc, "", " ")
}

func set(doc any, path []string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	switch at := doc.(type) {
	case map[string]any:
		next, err := set(at[path[0]], path[1:], value)
		at[path[0]] = next
		return at, err
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i > len(at) {
			return nil, fmt.Errorf("no element %s", path[0])
		}
		if i == len(at) {
			at = append(at, nil)
		}
		at[i], err = set(at[i], path[1:], value)
		return at, err
	default:
		return nil, fmt.Errorf("nothing at %s", path[0])
	}
}

// flipCmd: `flip FROM TO TEXT` copies a file with one byte changed: the first
// after TEXT.
func flipCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 3 && !neg, "flip FROM TO TEXT")
	raw := []byte(ts.ReadFile(args[0]))
	i := strings.Index(string(raw), args[2])
	if i < 0 || i+len(args[2]) >= len(raw) {
		ts.Fatalf("%s has no %q", args[0], args[2])
	}
	at := &raw[i+len(args[2])]
	switch *at++; *at {
	case ':', '[', '{': // past a digit or a letter
		*at -= 2
	case ',': // past base64's '+'
		*at = '/'
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), raw, 0o600))
}

// refusedCmd: `refused CODE` demands that the command before was refused with
// that code of package fault's table, in both languages, and said who can fix
// it.
func refusedCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "refused CODE")
	want, ok := errors.AsType[fault.Refusal](fault.Refuse(fault.Code(args[0]), ""))
	if !ok || string(want.Code) != args[0] {
		ts.Fatalf("%s is no code of package fault", args[0])
	}
	said := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	who := party(want.Who)
	if strings.HasPrefix(args[0], "gate-") {
		who = "可处理方 who can fix it: " // each reason of a gate has its own
	}
	for _, s := range []string{fmt.Sprintf("[%s/%s]", want.Kind, want.Code), want.ZH, want.EN, who} {
		if !strings.Contains(said, s) {
			ts.Fatalf("not refused with %q: %s\n%s", args[0], s, said)
		}
	}
	if s := the(ts); s.exit != 3 {
		ts.Fatalf("exit code %d, want 3", s.exit)
	}
}

// say writes a refusal as the command line does, for what spoke otherwise.
func (s *story) say(w io.Writer, who string, r fault.Refusal) {
	fmt.Fprintf(w, "%s: 拒绝 refused [%s/%s]\n  %s\n  %s\n  %s\n", who, r.Kind, r.Code, r.ZH, r.EN, party(r.Who))
	s.exit = 3
}

// releaseCmd: `release [--exception CODE] RUN...` takes runs through both votes to a release in a
// folder of the run's name.
func releaseCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 0 && !neg, "release [--exception CODE] RUN...")
	s := the(ts)
	vote := []string{"--approve"}
	if args[0] == "--exception" {
		vote, args = append(vote, args[0], args[1]), args[2:]
	}
	as := func(p stage.Person, args ...string) {
		s.run(ts, false, append(append([]string{"yunei"}, args...), "--key", s.Key(p))...)
	}
	checkers := []stage.Person{stage.Checker1, stage.Checker2}
	for _, run := range args {
		as(stage.Operator, "job", "wait", run, "--until", "candidate", "--timeout", "1m")
		for _, c := range checkers {
			as(c, append([]string{"vote", run}, vote...)...)
		}
		for _, c := range checkers {
			as(c, "vote", "open", run)
		}
		as(stage.Operator, "job", "wait", run, "--until", "released", "--timeout", "1m")
		as(stage.Operator, "release", "get", run, "--out", run)
	}
}

// emptyCmd: `empty FOLDER` demands that there is no file below a folder.
func emptyCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "empty FOLDER")
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(file string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return fmt.Errorf("%s was left behind", file)
		}
		return err
	}))
}

// expireCmd: `expire ID` waits until the permit's time has passed.
func expireCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "expire ID")
	var t jobs.Terms
	ts.Check(readJSON(the(ts).Path("work", args[0]+".terms.json"), &t))
	time.Sleep(time.Until(t.NotAfter))
}

// upCmd: `up` starts the installation again; `up weak` starts it where the
// kernel forbids user namespaces.
func upCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 0 || args[0] == "weak"), "up [weak]")
	s := the(ts)
	s.Out = ts.Stdout()
	if len(args) == 1 {
		bin := s.Bin
		defer func() { s.Bin = bin }()
		s.Bin = s.Path("weak")
		ts.Check(os.Mkdir(s.Bin, 0o700))
		ts.Check(os.WriteFile(filepath.Join(s.Bin, "yunei"), fmt.Appendf(nil, weak, filepath.Join(bin, "yunei")), 0o700))
	}
	ts.Check(s.Up(context.Background()))
}

// weak runs yunei in a user namespace in which there may be no further one.
const weak = `#!/bin/sh
real=%q
unshare -Ur true || exec "$real" "$@"
exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" "$@"' "$real" "$@"
`

func downCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "down")
	the(ts).Close()
}

// signalCmd: `signal STOP|CONT|KILL DAEMON...` signals daemons of the story's
// own installation.
func signalCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "signal STOP|CONT|KILL DAEMON...")
	sig, ok := map[string]syscall.Signal{"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "KILL": syscall.SIGKILL}[args[0]]
	need(ts, ok, "signal STOP|CONT|KILL DAEMON...")
	for _, name := range args[1:] {
		pid, err := the(ts).pid(name)
		ts.Check(err)
		ts.Check(syscall.Kill(pid, sig))
	}
}

// pid finds a daemon by its folder, which is in this story's work directory.
func (s *story) pid(daemon string) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err == nil && strings.HasSuffix(string(raw), "\x00--dir\x00"+s.Path("install", daemon)+"\x00") {
			return strconv.Atoi(filepath.Base(filepath.Dir(f)))
		}
	}
	return 0, fmt.Errorf("%s does not run", daemon)
}

// untilCmd: `until FILE TEXT` waits until a file holds a text.
func untilCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "until FILE TEXT")
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(raw), args[1]) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s never held %q", args[0], args[1])
		}
	}
}

// leasedCmd: `leased SITE` waits until a site has said that it holds nothing, and
// the coordinator has logged that: whoever stops a site before holds up every run.
func leasedCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "leased SITE")
	untilCmd(ts, false, []string{
		filepath.Join("install", "yuneid", "board", "jetstream", "$G", "streams", "BOARD", "msgs", "1.blk"), msg.LeaseLoggedSubject(args[0], 1),
	})
}

// truthCmd: `truth TABLE TRUTH` holds a released table of the generated city
// against what the generator knows: in sdc each cell is hidden where a domain
// has 1 to 9 persons, otherwise only where a few dominate its costs or nearly
// all have one visit (which is fewer cells than are shown), and within rounding
// of the truth where it is shown; in dp every cell is within 6 of the stated standard deviations,
// which the deviations as a whole bear out.
func truthCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "truth TABLE TRUTH")
	table, err := jobs.ParseCandidate([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	var truth city.Truth
	ts.Check(readJSON(ts.MkAbs(args[1]), &truth))
	if len(table.Cells) != len(truth.Union.Bounded) {
		ts.Fatalf("%d cells, want %d", len(table.Cells), len(truth.Union.Bounded))
	}
	hidden, values, squares := 0, 0, 0.0
	for i, cell := range table.Cells {
		want := truth.Union.Bounded[i]
		if table.Mode == jobs.SDC {
			small := few(truth.A.Bounded[i]) || few(truth.B.Bounded[i])
			if small && cell != nil {
				ts.Fatalf("cell %s %s is shown", want.District, want.Band)
			}
			if cell == nil {
				hidden++
				if !small {
					values++
				}
				continue
			}
		}
		for f, v := range []int64{int64(want.Persons), want.Visits, want.CostFen} {
			off := deviation(ts, table.Figures[f], cell[f]-v)
			squares += off * off
		}
	}
	if shown := len(table.Cells) - hidden; values > shown {
		ts.Fatalf("%d cells are hidden for their values, %d are shown", values, shown)
	}
	n := float64(3 * len(table.Cells))
	if table.Mode == jobs.DP && math.Abs(squares/n-1) > 6*math.Sqrt(2/n) {
		ts.Fatalf("the noise has %.2f times the stated variance", squares/n)
	}
	fmt.Fprintf(ts.Stdout(), "%d cells, %d hidden\n", len(table.Cells), hidden)
}

func few(c city.Cell) bool { return c.Persons > 0 && c.Persons < 10 }

// deviation is how far a figure is off, in its standard deviations or, where
// there are none, in its rounding base, and fails beyond what may be.
func deviation(ts *testscript.TestScript, f jobs.Figure, off int64) float64 {
	if f.SD == "" {
		if 2*max(off, -off) > f.Round {
			ts.Fatalf("%s: off by %d, rounded to %d", f.Name, off, f.Round)
		}
		return 0
	}
	sd, err := strconv.ParseFloat(f.SD, 64)
	ts.Check(err)
	if math.Abs(float64(off)) > 6*sd {
		ts.Fatalf("%s: off by %d, sd %s", f.Name, off, f.SD)
	}
	return float64(off) / sd
}

// A disk is a file system of few bytes: a tmpfs that a process of a user
// namespace of its own has mounted, or, where those are forbidden, a folder
// and a limit on the size of files.
type disk struct {
	size int64
	real bool
}

// smallDiskCmd: `smalldisk BYTES` makes one and sets $DISK.
func smallDiskCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "smalldisk BYTES")
	size, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	s, dir := the(ts), ts.MkAbs("disk")
	ts.Check(os.Mkdir(dir, 0o700))
	s.disk = &disk{size: size}
	holder := exec.Command("sh", "-c", `mount -t tmpfs -o size="$1",mode=0700 tmpfs "$2" && echo mounted && exec cat`, "sh", args[0], dir)
	holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	in, err := holder.StdinPipe()
	ts.Check(err)
	out, err := holder.StdoutPipe()
	ts.Check(err)
	if err := holder.Start(); err == nil {
		ts.Defer(func() { _ = in.Close(); _ = holder.Wait() })
		said := make([]byte, 16)
		n, _ := out.Read(said)
		s.disk.real = strings.HasPrefix(string(said[:n]), "mounted")
	}
	if s.disk.real {
		dir = filepath.Join("/proc", strconv.Itoa(holder.Process.Pid), "root", dir)
	}
	ts.Logf("a tmpfs: %v", s.disk.real)
	ts.Setenv("DISK", dir)
}

// onDiskCmd: `ondisk ARGS...` runs a command under the disk's limit.
func onDiskCmd(ts *testscript.TestScript, neg bool, args []string) {
	s := the(ts)
	need(ts, len(args) > 0 && s.disk != nil, "smalldisk BYTES, then: ondisk ARGS...")
	if !s.disk.real {
		free := s.disk.size
		ts.Check(filepath.Walk(ts.Getenv("DISK"), func(_ string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				free -= info.Size()
			}
			return err
		}))
		args = slices.Concat([]string{"prlimit", "--fsize=" + strconv.FormatInt(max(free, 0), 10)}, args)
	}
	s.run(ts, neg, args...)
}
