package jail

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	v1Memory = "33 31 0:29 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
	v1CPU    = "34 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
	v1Pids   = "35 31 0:31 /docker/abc /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids\n"
	v2       = "36 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	noise    = "22 28 0:21 / /proc rw,nosuid - proc proc rw\nbroken line\n\n1 2 - cgroup\n"
)

// A machine may have its controllers in trees of the old kind, in the new one,
// in some of each, or show us a part of a tree in which we are not.
func TestHierarchies(t *testing.T) {
	all := cmp.AllowUnexported(hierarchy{})
	for name, c := range map[string]struct {
		mounts, own string
		has         []string
		want        []hierarchy
	}{
		"nothing": {noise, "", nil, nil},
		"old": {
			noise + v1Memory + v1CPU + v1Pids, "5:memory:/a/b\n4:cpu,cpuacct:/c\n3:pids:/docker/abc/d:e\n0::/f\n", nil,
			[]hierarchy{
				{home: "/sys/fs/cgroup/memory/a/b", controllers: []string{"memory"}},
				{home: "/sys/fs/cgroup/cpu,cpuacct/c", controllers: []string{"cpu"}},
				{home: "/sys/fs/cgroup/pids/d:e", controllers: []string{"pids"}},
			},
		},
		"new": {
			v2, "0::/user.slice\n",
			[]string{"cpuset", "cpu", "io", "memory", "pids"},
			[]hierarchy{{home: "/sys/fs/cgroup/unified/user.slice", unified: true, controllers: []string{"cpu", "memory", "pids"}}},
		},
		"some of each": {
			v2 + v1Memory, "5:memory:/\n0::/x\n",
			[]string{"memory", "pids"},
			[]hierarchy{
				{home: "/sys/fs/cgroup/memory", controllers: []string{"memory"}},
				{home: "/sys/fs/cgroup/unified/x", unified: true, controllers: []string{"pids"}},
			},
		},
		"elsewhere":      {v1Pids, "3:pids:/docker/other\n", nil, nil},
		"outside of all": {v1Memory, "5:memory:/../..\n", nil, nil},
	} {
		got := hierarchies(c.mounts, c.own, func(string) []string { return c.has })
		if diff := cmp.Diff(c.want, got, all); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// In a tree of the new kind we make groups where we have been given to, and
// nowhere else: not beside us, unless we are in our own leaf.
func TestDelegated(t *testing.T) {
	want := []string{"memory"}
	dir := tree(t, map[string]string{
		"top/cgroup.procs": "", "top/cgroup.subtree_control": "memory",
		"top/mine/cgroup.procs": "", "top/mine/cgroup.subtree_control": "",
		"top/mine/" + leaf + "/cgroup.procs":              strconv.Itoa(os.Getpid()),
		"top/mine/" + leaf + "/cgroup.subtree_control":    "",
		"top/shut/cgroup.procs":                           "",
		"top/mine/" + leaf + "/below/cgroup.procs":        "",
		"top/mine/" + leaf + "/below/deeper/cgroup.procs": "",
	})
	for own, home := range map[string]string{
		"top":                            "top",      // above which there is none
		"top/mine/" + leaf:               "top/mine", // stepped down already
		"top/shut":                       "",         // cannot hold groups
		"top/mine/" + leaf + "/below":    "",
		"top/mine/none":                  "",
		"top/mine/" + leaf + "/none/one": "",
	} {
		if home != "" {
			home = filepath.Join(dir, home)
		}
		if got := delegated(filepath.Join(dir, own), want); got != home {
			t.Errorf("in %s: groups are made in %q, want %q", own, got, home)
		}
	}
}

// What must be limited is, or is said not to be; what is wished for may fail.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		controller string
		unified    bool
		file, want string
	}{
		{"memory", true, "memory.max", "4096"},
		{"memory", false, "memory.limit_in_bytes", "4096"},
		{"pids", true, "pids.max", strconv.Itoa(maxTasks())},
		{"pids", false, "pids.max", strconv.Itoa(maxTasks())},
		{"cpu", true, "cpu.max", "200000 100000"},
		{"cpu", false, "cpu.cfs_quota_us", "200000"},
	} {
		list := settings(c.controller, c.unified, 4096)
		if limit(t.TempDir(), list) {
			t.Errorf("%s: a kernel without its files limits it", c.controller)
		}
		files := map[string]string{}
		for _, s := range list {
			if !s.wish {
				files[s.file] = ""
			}
		}
		dir := tree(t, files)
		ok := limit(dir, list)
		got, err := os.ReadFile(filepath.Join(dir, c.file))
		if string(got) != c.want || !ok || err != nil {
			t.Errorf("%s (v2 %v): %s is %q, %v", c.controller, c.unified, c.file, got, err)
		}
	}
}

// The groups of the dead go, those of the living and of others stay.
func TestSweep(t *testing.T) {
	mine, err := groupPrefix(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	_, living, _ := cut(mine)
	names := []string{
		mine + "1", "other", groupName + "x-1-1", groupName + "1",
		fmt.Sprintf("%s%d-%s-1", groupName, os.Getpid(), living+"0"), // our number, in another life
		fmt.Sprintf("%s%d-%s-2", groupName, 1<<30, living),           // beyond all numbers
	}
	dir := t.TempDir()
	for _, n := range names {
		if err := os.Mkdir(filepath.Join(dir, n), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sweep(dir)
	sweep(filepath.Join(dir, "nonexistent"))
	for i, n := range names {
		if _, err := os.Stat(filepath.Join(dir, n)); (err == nil) != (i < 4) {
			t.Errorf("%s: %v", n, err)
		}
	}
}
