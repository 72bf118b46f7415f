package jail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A hierarchy is one tree of control groups and what it controls here. Linux
// has two kinds, which a machine may mix: a tree for each controller (v1,
// cgroups(7)), and one for all (v2, Documentation/admin-guide/cgroup-v2.rst).
type hierarchy struct {
	home        string // directory of the group that this process is in
	unified     bool   // v2
	controllers []string
}

// needed are the controllers that a Cgroup takes.
var needed = []string{"memory", "pids", "cpu"}

// hierarchies finds the trees of the needed controllers. mountinfo and own
// are /proc/self/mountinfo and /proc/self/cgroup. has reads which controllers
// a v2 group may use.
func hierarchies(mountinfo, own string, has func(dir string) []string) []hierarchy {
	var found []hierarchy
	missing := slices.Clone(needed)
	take := func(home string, unified bool, offered []string) {
		h := hierarchy{home: home, unified: unified}
		for _, c := range offered {
			if i := slices.Index(missing, c); i >= 0 {
				missing = slices.Delete(missing, i, i+1)
				h.controllers = append(h.controllers, c)
			}
		}
		if len(h.controllers) > 0 {
			found = append(found, h)
		}
	}
	for _, unified := range []bool{false, true} { // a controller in a v1 tree is not in the v2 one
		for line := range strings.Lines(mountinfo) {
			m, ok := parseMount(line)
			if !ok || m.unified != unified {
				continue
			}
			home, ok := m.home(own)
			switch {
			case !ok:
			case unified:
				take(home, true, has(home))
			default:
				take(home, false, m.options)
			}
		}
	}
	return found
}

// A mount is a line of /proc/self/mountinfo that shows control groups.
type mount struct {
	root, point string
	unified     bool
	options     []string // among them the controllers of a v1 tree
}

// parseMount reads a line of proc_pid_mountinfo(5).
func parseMount(line string) (mount, bool) {
	place, kind, ok := strings.Cut(strings.TrimSpace(line), " - ")
	p, k := strings.Fields(place), strings.Fields(kind)
	if !ok || len(p) < 5 || len(k) < 3 || (k[0] != "cgroup" && k[0] != "cgroup2") {
		return mount{}, false
	}
	return mount{root: p[3], point: p[4], unified: k[0] == "cgroup2", options: strings.Split(k[2], ",")}, true
}

// home returns the directory, in m, of the group that own names, if m shows it.
func (m mount) home(own string) (string, bool) {
	for line := range strings.Lines(own) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(part) != 3 || (part[0] == "0") != m.unified {
			continue
		}
		if !m.unified && !slices.ContainsFunc(strings.Split(part[1], ","), func(c string) bool { return slices.Contains(m.options, c) }) {
			continue
		}
		if strings.HasPrefix(part[2], "/..") { // above what a namespace shows
			return "", false
		}
		rel, err := filepath.Rel(m.root, part[2])
		if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			return "", false
		}
		return filepath.Join(m.point, rel), true
	}
	return "", false
}

// A group is the control groups of one child, one in each hierarchy. The zero
// group limits nothing.
type group struct {
	whole   bool     // limits all that is needed
	dirs    []string // to be removed
	join    []string // files by which a thread enters, v1
	leave   []string // files by which it goes home, as many
	unified *os.File // where a child is to be made, v2; or nil
}

// newGroup makes the groups of a child that may have so many bytes of memory.
// What this machine does not let us have is left out.
func newGroup(memory uint64) *group {
	g := &group{}
	mountinfo, err1 := os.ReadFile("/proc/self/mountinfo")
	own, err2 := os.ReadFile("/proc/self/cgroup")
	prefix, err3 := groupPrefix(os.Getpid())
	if err1 != nil || err2 != nil || err3 != nil {
		return g
	}
	have := 0
	for _, h := range hierarchies(string(mountinfo), string(own), offered) {
		have += g.add(h, prefix, memory)
	}
	g.whole = have == len(needed)
	return g
}

// add makes the group in one hierarchy, and returns how many controllers
// limit it.
func (g *group) add(h hierarchy, prefix string, memory uint64) int {
	if h.unified {
		if h.home = delegated(h.home, h.controllers); h.home == "" {
			return 0
		}
	}
	sweep(h.home)
	dir, err := os.MkdirTemp(h.home, prefix+"*")
	if err != nil {
		return 0
	}
	g.dirs = append(g.dirs, dir)
	have := 0
	for _, c := range h.controllers {
		if limit(dir, settings(c, h.unified, memory)) {
			have++
		}
	}
	if h.unified {
		if g.unified, err = os.Open(dir); err != nil {
			return 0
		}
		return have
	}
	g.join, g.leave = append(g.join, filepath.Join(dir, "tasks")), append(g.leave, filepath.Join(h.home, "tasks"))
	return have
}

// A setting is a line to write to a file of a group. Some kernels are built
// without what a wish is for.
type setting struct {
	file, value string
	wish        bool
}

// maxCores is how many cores' time a child may have: its guest runs on one,
// its engine compiles on several.
const maxCores = 2

// maxTasks is how many threads a child may have: those of the runtime, and
// one for each core that the engine compiles on. jail/inner has the like.
func maxTasks() int { return 64 + runtime.NumCPU() }

// settings returns how a controller limits a child. Rows are not to reach a
// swap device, where they would outlive the run.
func settings(controller string, unified bool, memory uint64) []setting {
	bytes, period := strconv.FormatUint(memory, 10), 100_000
	tasks, quota := strconv.Itoa(maxTasks()), strconv.Itoa(maxCores*period)
	switch {
	case controller == "pids":
		return []setting{{file: "pids.max", value: tasks}}
	case controller == "memory" && unified:
		return []setting{{file: "memory.max", value: bytes}, {"memory.swap.max", "0", true}, {"memory.oom.group", "1", true}}
	case controller == "memory":
		return []setting{{file: "memory.limit_in_bytes", value: bytes}, {"memory.memsw.limit_in_bytes", bytes, true}, {"memory.swappiness", "0", true}}
	case unified:
		return []setting{{file: "cpu.max", value: quota + " " + strconv.Itoa(period)}, {"cpu.weight", strconv.Itoa(100 * maxCores), true}}
	default:
		return []setting{{file: "cpu.cfs_period_us", value: strconv.Itoa(period)}, {file: "cpu.cfs_quota_us", value: quota}, {"cpu.shares", strconv.Itoa(1024 * maxCores), true}}
	}
}

func limit(dir string, settings []setting) bool {
	ok := true
	for _, s := range settings {
		if err := put(filepath.Join(dir, s.file), s.value); err != nil && !s.wish {
			ok = false
		}
	}
	return ok
}

// put writes to a file of the kernel's, which it does not make.
func put(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// enter moves this thread, which must not be the process's first, into the v1
// groups, so that a child is born in them. Memory is charged to the group of
// a process's first thread, and stays where it was.
func (g *group) enter() bool {
	for _, f := range g.join {
		if put(f, "0") != nil { // "0" is the writing thread
			return false
		}
	}
	return true
}

// goHome moves this thread back. One that cannot go ends with its goroutine.
func (g *group) goHome() {
	for _, f := range g.leave {
		_ = put(f, "0")
	}
}

// close removes the groups, once the child has ended. The kernel may take a
// moment to see that a group is empty; what is left even so the next sweep
// takes.
func (g *group) close() {
	if g.unified != nil {
		_ = g.unified.Close()
		g.unified = nil
	}
	for _, dir := range g.dirs {
		for wait := time.Duration(0); wait < 64*time.Millisecond; wait = 2*wait + time.Millisecond {
			time.Sleep(wait)
			if err := syscall.Rmdir(dir); !errors.Is(err, syscall.EBUSY) {
				break
			}
		}
	}
	g.dirs, g.join, g.leave, g.whole = nil, nil, nil, false
}

const groupName = "yunei-jail-"

// groupPrefix is what the groups of a process's children are called by: its
// number, and when it started, because numbers come back.
func groupPrefix(pid int) (string, error) {
	started, err := startTime(pid)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%d-%s-", groupName, pid, started), nil
}

// startTime returns when a process started, in ticks since boot: the 22nd
// field of proc_pid_stat(5), the second of which is the process's to choose.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const at = 22 - 3
	if len(fields) <= at {
		return "", fmt.Errorf("reading start of process %d: %w", pid, errors.ErrUnsupported)
	}
	return fields[at], nil
}

// sweep removes the groups of parents that have been killed. The kernel does
// not remove a group with anybody in it.
func sweep(home string) {
	list, err := os.ReadDir(home)
	if err != nil {
		return
	}
	for _, e := range list {
		pid, started, ours := cut(e.Name())
		if !ours {
			continue
		}
		if now, err := startTime(pid); err != nil || now != started {
			_ = syscall.Rmdir(filepath.Join(home, e.Name()))
		}
	}
}

// cut returns whose child's group a name is.
func cut(name string) (pid int, started string, ours bool) {
	rest, ours := strings.CutPrefix(name, groupName)
	part := strings.Split(rest, "-")
	if !ours || len(part) != 3 {
		return 0, "", false
	}
	pid, err := strconv.Atoi(part[0])
	return pid, part[1], err == nil
}

// offered reads which controllers the v2 group at dir may use.
func offered(dir string) []string {
	list, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(list))
}

// leaf is where a process goes in a v2 group that has been delegated to it:
// a group with processes cannot have controlled groups below it.
const leaf = "yunei-main"

// delegated returns the v2 group in which children's groups may be made, with
// the controllers switched on there, or nothing. That is our own group if we
// are alone in it, and go into a leaf of it; or the one above, if we are in
// such a leaf already (systemd's DelegateSubgroup= makes one).
func delegated(own string, controllers []string) string {
	if above := filepath.Dir(own); (filepath.Base(own) == leaf || marked(above)) && switchOn(above, controllers) {
		return above
	}
	if !isOurs(own) {
		return ""
	}
	if switchOn(own, controllers) { // the root of the tree
		return own
	}
	procs, err := os.ReadFile(filepath.Join(own, "cgroup.procs"))
	if err != nil || strings.TrimSpace(string(procs)) != strconv.Itoa(os.Getpid()) {
		return ""
	}
	below := filepath.Join(own, leaf)
	if err := os.Mkdir(below, 0o755); err != nil && !errors.Is(err, os.ErrExist) { //nolint:gosec // as the kernel makes them: groups are no secret
		return ""
	}
	if put(filepath.Join(below, "cgroup.procs"), "0") != nil || !switchOn(own, controllers) {
		return ""
	}
	return own
}

// isOurs reports whether the v2 group at dir has been delegated to us: it is
// marked so, or we are not root and may write it, or it is a root, above which
// there is none.
func isOurs(dir string) bool {
	if unix.Access(filepath.Join(dir, "cgroup.subtree_control"), unix.W_OK) != nil {
		return false
	}
	if os.Getuid() != 0 || marked(dir) {
		return true
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(dir), "cgroup.procs"))
	return errors.Is(err, os.ErrNotExist)
}

// marked reports whether systemd has marked the group as delegated
// (systemd.resource-control(5), Delegate=).
func marked(dir string) bool {
	var value [1]byte
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, value[:]); err == nil && n == 1 && value[0] == '1' {
			return true
		}
	}
	return false
}

func switchOn(dir string, controllers []string) bool {
	file := filepath.Join(dir, "cgroup.subtree_control")
	on, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	have := strings.Fields(string(on))
	for _, c := range controllers {
		if !slices.Contains(have, c) && put(file, "+"+c) != nil {
			return false
		}
	}
	return true
}
