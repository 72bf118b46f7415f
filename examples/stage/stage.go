// Package stage sets up an installation with its people for the examples and
// tells, in the terminal, what each of them does. Everything that happens,
// happens through the binaries, by the commands that are printed: whoever
// wants to do it by hand can.
//
// On one machine the separation between the parties is simulated; the stage
// says so. It generates keys for people in files, as each would on a computer
// of their own.
package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Stage is an installation in a folder.
type Stage struct {
	Dir string
	Bin string
	Out io.Writer
	// Init is what else `yunei init` is told.
	Init []string
	City string // whose rules; "" is City
	// Unruled leaves it to the story to adopt rules and to license the operator.
	Unruled bool
	Since   int // how many years ago the operator's licence began, two at most

	going     sync.Mutex        // one procedure at a time
	done      map[string]bool   // what was reviewed
	scenarios map[string]string // ids, by what was applied for

	start time.Time
	up    *exec.Cmd
	logs  *os.File
	step  int
}

// A Person is somebody with a key of their own.
type Person struct{ ID, Name, Org, Role string }

// An Org is an organisation.
type Org struct{ ID, Title, Kind string }

// The cast of every example.
var (
	Bureau   = Person{"bureau-officer", "林主任", "dsj", "bureau-officer"}
	Deputy   = Person{"deputy", "何副主任", "dsj", "bureau-officer"}
	OfficerA = Person{"officer-a", "陈处长", "ybj-zg", "provider-officer"}
	OfficerB = Person{"officer-b", "吴处长", "ybj-jm", "provider-officer"}
	Operator = Person{"operator", "赵经理", "qs-yy", "operator"}
	Checker1 = Person{"checker-1", "孙审核", "dsj", "output-checker"}
	Checker2 = Person{"checker-2", "周审核", "ybj-zg", "output-checker"}

	People = []Person{Bureau, Deputy, OfficerA, OfficerB, Operator, Checker1, Checker2}
	Orgs   = []Org{
		{"dsj", "市大数据局", "bureau"},
		{"ybj-zg", "市医保局（职工医保）", "provider"},
		{"ybj-jm", "市医保局（居民医保）", "provider"},
		{"qs-yy", "黔数运营公司", "operator"},
	}
)

// Root is the key that registers people; the bureau's officer keeps it.
const Root = "root"

// New empties dir and opens a stage there. The binaries are those beside the
// running one.
func New(dir string, out io.Writer) (*Stage, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	for _, sub := range []string{"install", "keys", "work"} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			return nil, err
		}
	}
	for _, sub := range []string{"keys", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	return &Stage{Dir: dir, Bin: filepath.Dir(self), Out: out, start: time.Now()}, nil
}

// Say begins a step of the story.
func (s *Stage) Say(zh, en string) {
	s.step++
	fmt.Fprintf(s.Out, "\n%2d. [%5.1f s] %s\n              %s\n", s.step, time.Since(s.start).Seconds(), zh, en)
}

// Note prints a line of a step.
func (s *Stage) Note(format string, args ...any) {
	fmt.Fprintf(s.Out, "    "+format+"\n", args...)
}

// Path is a file of the stage's.
func (s *Stage) Path(parts ...string) string {
	return filepath.Join(append([]string{s.Dir}, parts...)...)
}

// Key is a person's key file.
func (s *Stage) Key(p Person) string { return s.Path("keys", p.ID+".pem") }

// Do runs a binary and prints the command and what it said.
func (s *Stage) Do(ctx context.Context, binary string, args ...string) error {
	fmt.Fprintf(s.Out, "    $ %s %s\n", binary, s.short(args))
	cmd := s.command(ctx, binary, args)
	w := &indented{w: s.Out}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", binary, s.short(args), err)
	}
	return nil
}

// Quiet runs a binary and returns what it printed; it prints nothing unless
// the command fails.
func (s *Stage) Quiet(ctx context.Context, binary string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := s.command(ctx, binary, args)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", binary, s.short(args), err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

func (s *Stage) command(ctx context.Context, binary string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, binary), args...) //nolint:gosec // our own binaries, with the stage's own arguments
	cmd.Env = append(os.Environ(), "YUNEI_AT="+s.Path("install"))
	return cmd
}

// short leaves out the stage's own folder, for the eye.
func (s *Stage) short(args []string) string {
	var out []string
	for _, a := range args {
		a = strings.ReplaceAll(a, s.Dir+string(filepath.Separator), "")
		if len(a) > 60 && strings.Contains(a, "ed25519:") {
			a = a[:strings.Index(a, "ed25519:")+16] + "…"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}

// As runs `yunei` as a person: with their key.
func (s *Stage) As(ctx context.Context, p Person, args ...string) error {
	return s.Do(ctx, "yunei", append(args, "--key", s.Key(p))...)
}

// An indented writer puts four spaces before every line.
type indented struct {
	w   io.Writer
	mid bool
}

func (i *indented) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if !i.mid {
			if _, err := io.WriteString(i.w, "      "); err != nil {
				return 0, err
			}
		}
		if _, err := i.w.Write(line); err != nil {
			return 0, err
		}
		i.mid = !bytes.HasSuffix(line, []byte("\n"))
	}
	return len(p), nil
}

// Enact makes the keys, the installation and its processes, and registers
// everyone; Close ends what runs.
func (s *Stage) Enact(ctx context.Context, purposes string, budget ...string) error {
	s.Say("各方在各自的电脑上生成密钥（平台之外保管）", "everyone makes a key on a computer of their own, outside the platform")
	public := map[string]string{}
	for _, p := range append(People, Person{ID: Root}) {
		key, err := s.Quiet(ctx, "yunei", "key", "new", s.Key(p))
		if err != nil {
			return err
		}
		public[p.ID] = key
	}
	s.Note("%d 把密钥 keys: %s …", len(public), public[Bureau.ID][:24])
	s.Say("建立并启动一套安装：yuneid、两个数据域的 yunei-site、三个 yunei-trustee、yunei-gate（同机运行，各方分离为模拟）",
		"make an installation and start it: seven processes (on one machine the separation of parties is simulated)")
	args := []string{"init", "--dir", s.Path("install"), "--bureau", "dsj=" + public[Root], "--provider", "a=ybj-zg=" + public[OfficerA.ID], "--provider", "b=ybj-jm=" + public[OfficerB.ID]}
	args = append(args, s.Init...)
	for _, b := range budget {
		args = append(args, "--budget", b)
	}
	if err := s.Do(ctx, "yunei", args...); err != nil {
		return err
	}
	if err := s.Up(ctx); err != nil {
		return err
	}
	s.Say("大数据局登记机构、人员与进程", "the bureau registers organisations, people and processes")
	return s.register(ctx, public, purposes)
}

func (s *Stage) register(ctx context.Context, public map[string]string, purposes string) error {
	root := s.Key(Person{ID: Root})
	for _, o := range Orgs {
		if _, err := s.Quiet(ctx, "yunei", "org", "add", "--key", root, "--id", o.ID, "--title", o.Title, "--kind", o.Kind); err != nil {
			return err
		}
		s.Note("机构 org   %-8s %s", o.ID, o.Title)
	}
	for _, p := range People {
		if _, err := s.Quiet(ctx, "yunei", "user", "add", "--key", root, "--id", p.ID, "--name", p.Name, "--org", p.Org, "--role", p.Role, "--public", public[p.ID]); err != nil {
			return err
		}
		s.Note("人员 user  %-16s %s，%s（%s）", p.ID, p.Name, p.Role, p.Org)
	}
	if err := s.Do(ctx, "yunei", "org", "enrol", "--key", root); err != nil {
		return err
	}
	if s.Unruled {
		return nil
	}
	s.Say("大数据局两人采用一个城市的规则；运营方经准入办件取得授权", "two officers adopt a city's rules; the operator is licensed by a case of its own")
	if err := s.Adopt(ctx); err != nil {
		return err
	}
	return s.Admit(ctx, "医疗健康", strings.Split(purposes, ",")...)
}

// Up starts the installation and waits until it answers.
func (s *Stage) Up(ctx context.Context) error {
	var err error
	if s.logs, err = os.Create(s.Path("work", "up.log")); err != nil {
		return err
	}
	s.up = s.command(ctx, "yunei", []string{"up", "--dir", s.Path("install")})
	s.up.Cancel = func() error { return s.up.Process.Signal(syscall.SIGTERM) }
	s.up.WaitDelay = 20 * time.Second
	ready, w := io.Pipe()
	s.up.Stdout, s.up.Stderr = w, s.logs
	fmt.Fprintf(s.Out, "    $ yunei up --dir install &\n")
	if err := s.up.Start(); err != nil {
		return err
	}
	line := make([]byte, 512)
	n, err := ready.Read(line)
	if err != nil {
		return errors.Join(errors.New("yunei up 没有启动 did not start; see "+s.logs.Name()), err)
	}
	s.Note("  %s", strings.TrimSpace(string(line[:n])))
	go io.Copy(io.Discard, ready) //nolint:errcheck // nothing more is wanted
	return nil
}

// Close ends the installation's processes.
func (s *Stage) Close() {
	if s.up == nil || s.up.Process == nil {
		return
	}
	_ = s.up.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = s.up.Wait()
	_ = s.logs.Close()
}

// Decide takes an application through every decision to a complete permit. The
// officers are the providers', by default those of both domains.
func (s *Stage) Decide(ctx context.Context, spec, program, id string, officers ...Person) error {
	if len(officers) == 0 {
		officers = []Person{OfficerA, OfficerB}
	}
	terms := s.Path("work", id+".terms.json")
	if program != "" {
		if err := s.Review(ctx, program, spec); err != nil {
			return err
		}
	}
	if err := s.Settle(ctx, spec, officers...); err != nil {
		return err
	}
	if err := s.As(ctx, Operator, "scenario", "draft", "--spec", spec, "--program", program, "--out", terms); err != nil {
		return err
	}
	if err := s.As(ctx, Operator, "scenario", "apply", "--terms", terms); err != nil {
		return err
	}
	for _, p := range officers {
		if err := s.As(ctx, p, "decide", "grant", id); err != nil {
			return err
		}
	}
	if err := s.As(ctx, Operator, "decide", "agree", id); err != nil {
		return err
	}
	return s.As(ctx, Bureau, "decide", "agree", id)
}

// Run starts a run and takes its candidate through both votes to a release
// that is verified offline. It returns how long submit to candidate took.
func (s *Stage) Run(ctx context.Context, application, program, run string) (time.Duration, error) {
	start := time.Now()
	if err := s.As(ctx, Operator, "job", "submit", "--application", application, "--program", program, "--run", run, "--wait"); err != nil {
		return 0, err
	}
	took := time.Since(start)
	s.Note("  自提交到候选结果 from submit to candidate: %.1f s", took.Seconds())
	for _, c := range []Person{Checker1, Checker2} {
		if err := s.As(ctx, c, "vote", run, "--approve"); err != nil {
			return took, err
		}
	}
	for _, c := range []Person{Checker1, Checker2} {
		if err := s.As(ctx, c, "vote", "open", run); err != nil {
			return took, err
		}
	}
	if err := s.As(ctx, Operator, "job", "wait", run, "--until", "released", "--timeout", "1m"); err != nil {
		return took, err
	}
	return took, s.As(ctx, Operator, "release", "get", run, "--out", s.Path("release-"+run))
}

// Verify verifies a run's bundle offline, with the pinned keys alone.
func (s *Stage) Verify(ctx context.Context, run string) error {
	return s.Do(ctx, "yunei", "verify", s.Path("release-"+run, "bundle.json"), "--pins", s.Path("install", "pins.json"), "--lang", "both")
}
