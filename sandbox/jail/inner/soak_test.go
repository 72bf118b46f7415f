package inner

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yunei/yunei/sandbox/jail"
)

// groups lists the control groups that were made for children of a process.
func groups(t *testing.T, parent int) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), fmt.Sprintf("yunei-jail-%d-", parent)) {
			found = append(found, path)
		}
		return nil // others' groups come and go meanwhile
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A child is in groups of its own from its first instruction on, alone, and
// its parent is not in them with any thread.
func TestGroups(t *testing.T) {
	p, to, from, err := start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = to.Close(), from.Close() }()
	defer p.Kill()
	found := groups(t, os.Getpid())
	if (len(found) > 0) != p.Spaces.Has(jail.Cgroup) {
		t.Errorf("level %v with the groups %v", p.Spaces, found)
	}
	limited := 0
	for _, dir := range found {
		procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil || len(strings.Fields(string(procs))) != 1 {
			t.Errorf("%s: the processes %q, %v", dir, procs, err)
		}
		for _, file := range []string{"memory.limit_in_bytes", "memory.max"} {
			if most, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
				limited++
				if string(most) != "1073741824\n" {
					t.Errorf("%s: %s", file, most)
				}
			}
		}
	}
	if len(found) > 0 && limited != 1 {
		t.Errorf("memory is limited %d times", limited)
	}
	threads, err := filepath.Glob("/proc/self/task/*/cgroup")
	if err != nil || len(threads) == 0 {
		t.Fatal(threads, err)
	}
	for _, file := range threads {
		if in, err := os.ReadFile(file); err == nil && strings.Contains(string(in), "yunei-jail") {
			t.Errorf("a thread of the parent is in\n%s", in)
		}
	}
}

// holdOne starts a child that writes to where this process does.
func holdOne() {
	in, to, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	p, err := jail.Start(self, 1<<30, in, os.Stdout)
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, p.Spaces)
	<-p.Ended()
	_ = to.Close()
}

// A parent that is killed takes its child with it; its groups, which it cannot
// remove any more, go when the next child starts.
func TestKilledParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self, hold)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(out)
	level, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if got := groups(t, parent.Process.Pid); (len(got) > 0) != strings.Contains(level, " cgroup\n") {
		t.Errorf("level %s with the groups %v", level, got)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(said); err != nil || len(rest) > 0 { // ends when the child has, too
		t.Errorf("%q, %v", rest, err)
	}
	_ = parent.Wait() // killed
	// A process that is ending has shut its files a moment before it leaves its
	// groups.
	const most = 100
	for i := range most {
		p, to, from, err := start()
		if err != nil {
			t.Fatal(err)
		}
		p.Kill()
		_, _ = to.Close(), from.Close()
		left := groups(t, parent.Process.Pid)
		if len(left) == 0 {
			return
		}
		if i == most-1 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// held counts what a process can leave behind, by name.
func held(t *testing.T) map[string]int {
	t.Helper()
	count := func(pattern string) int {
		list, err := filepath.Glob(pattern)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		return len(list)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	children := 0
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // of another process, which has ended
		}
		after := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if after[1] == fmt.Sprint(os.Getpid()) {
			children++
		}
	}
	return map[string]int{
		"processes": children, "mounts": strings.Count(string(mounts), "\n"), "groups": len(groups(t, os.Getpid())),
		"descriptors": count("/proc/self/fd/*"), "threads": count("/proc/self/task/*"),
	}
}

// Children that are killed at once, while they wait, or that end by themselves
// or by an alarm, leave nothing. Threads are the runtime's, and few.
func TestSoak(t *testing.T) {
	n := 100
	if os.Getenv("YUNEI_PROVE") == "1" {
		n = 2000
	}
	one := func(i int) {
		p, to, from, err := start()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = to.Close(), from.Close() }()
		orders := [][]string{nil, {"nothing"}, {"close", "running", "@"}, {"ptrace", "running", "@"}}
		order := orders[i%len(orders)]
		if _, err := to.WriteString(strings.Join(order, "\t")); err != nil && order != nil {
			t.Fatal(err)
		}
		if len(order) < 3 {
			p.Kill()
		}
		<-p.Ended()
		if p.Alarm() != (i%len(orders) == 3) {
			t.Errorf("child %d: alarm is %v", i, p.Alarm())
		}
	}
	for i := range 8 { // what the first ones make, the runtime keeps
		one(i)
	}
	before := held(t)
	for i := range n {
		one(i)
	}
	after := held(t)
	t.Log(after)
	const threads = "threads"
	if after[threads] > before[threads]+8 {
		t.Errorf("%d threads, %d before", after[threads], before[threads])
	}
	delete(before, threads)
	delete(after, threads)
	for what, were := range before {
		if after[what] > were {
			t.Errorf("%d %s, %d before", after[what], what, were)
		}
	}
}
