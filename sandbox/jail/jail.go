// Package jail takes from a runner's process all that its guest has no use
// for, so that a guest that breaks out of its engine is still nowhere: no
// file, no network, no other process, no privilege, and few system calls.
//
// It is shut in three turns of the key. Start, in the parent, makes the child
// in new namespaces and in a control group of its own, with an empty
// environment and no file but its two pipes. Package jail/inner, in the child
// and before Go's runtime has a second thread, empties the root, drops
// privileges, sets resource limits and renounces every file and address by
// Landlock. Confine installs system call filters: one before the module is
// looked at, a tighter one before the first row is.
//
// What a kernel or a container forbids is left out, and said: a Level names
// what was achieved, and whoever starts a runner says what it must have. The
// package trusts the kernel. It does not hide time, the load of the machine,
// or microarchitectural channels.
package jail

import (
	"fmt"
	"strings"

	"github.com/yunei/yunei/fault"
)

// A Level is the set of what a jail has achieved. The zero Level is no jail.
type Level uint16

// What a jail is made of.
const (
	User       Level = 1 << iota // own user namespace
	Mount                        // own mount namespace
	PID                          // sees no other process
	Net                          // has no network, not even loopback
	IPC                          // shares no System V or POSIX queues
	UTS                          // own host name
	Root                         // the root is an empty read-only directory
	Caps                         // no capability is held, and none can be got
	NoNewPrivs                   // execve raises nothing
	Rlimits                      // data, address space, files, core, locked memory
	Seccomp                      // both filters
	CgroupNS                     // sees no control group but its own
	Landlock                     // every right that the kernel's Landlock knows is renounced
	Cgroup                       // memory, tasks and processor time are limited for all of it together
)

// Named levels. Basic is what any Linux since 4.14 allows any user. Full is
// what Debian 12 allows any user without further ado: a whole jail, but for
// what its kernel's configuration or the service's unit may withhold. Strict
// has that as well.
const (
	Basic  = NoNewPrivs | Rlimits | Seccomp
	Full   = User | Mount | PID | Net | IPC | UTS | Root | Caps | Basic
	Strict = Full | CgroupNS | Landlock | Cgroup
)

// Outside is what the parent knows of a child's Level without asking it.
const Outside = User | Mount | PID | Net | IPC | UTS | CgroupNS | Cgroup

// ParseLevel returns the level of a name: basic, full or strict. Nothing
// means full. An error is a fault.Invalid.
func ParseLevel(name string) (Level, error) {
	switch name {
	case "basic":
		return Basic, nil
	case "full", "":
		return Full, nil
	case "strict":
		return Strict, nil
	}
	return 0, fmt.Errorf("reading level of the jail: want basic, full or strict: %w", fault.Invalid)
}

// Has reports whether l is no less than least.
func (l Level) Has(least Level) bool { return l&least == least }

var parts = [...]string{
	"user", "mount", "pid", "net", "ipc", "uts", "root", "caps", "no-new-privs", "rlimits", "seccomp",
	"cgroup-ns", "landlock", "cgroup",
}

// String names what l has.
func (l Level) String() string {
	if l == 0 {
		return "none"
	}
	var words []string
	for i, name := range parts {
		if l&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}

// Argv0 is what a child is called as; jail/inner acts on it. It is followed by
// the limit of data in bytes, the user to become (-1: stay), and what the
// parent knows of the Level, all decimal.
const Argv0 = "yunei-jailed"
