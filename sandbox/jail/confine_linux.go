package jail

import (
	"fmt"
	"os"
	"syscall"

	seccomp "github.com/elastic/go-seccomp-bpf"

	"github.com/yunei/yunei/fault"
)

// A Stage is a turn in a runner's life.
type Stage int

// The stages that Confine knows.
const (
	Loading Stage = iota + 1 // reads and compiles a module: may map code
	Running                  // reads rows: no new code, and no further filter
)

// allowed are the system calls that Go's runtime, the C library and the
// engine make when nothing is wrong: memory, threads of this process, signals
// among them, time, randomness, and the files that are open already.
var allowed = []string{
	"read", "write", "close",
	"munmap", "madvise", "mremap", "brk",
	"futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "gettid", "getpid",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
	"nanosleep", "clock_nanosleep", "clock_gettime", "gettimeofday", "getrandom",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2",
	"exit", "exit_group",
}

// newSpaces are the flags of clone that make namespaces.
const newSpaces = syscall.CLONE_NEWNS | 0x02000000 /* cgroup */ | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC |
	syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET

const setName = 15 // PR_SET_NAME

func when(name string, conditions ...seccomp.Condition) seccomp.NameWithConditions {
	return seccomp.NameWithConditions{Name: name, Conditions: conditions}
}

func arg(n uint32, op seccomp.Operation, v uint64) seccomp.Condition {
	return seccomp.Condition{Argument: n, Operation: op, Value: v}
}

// policy returns the filter of a stage. It is an allow-list: what is not named
// is answered with EPERM, clone3 with ENOSYS, so that the C library falls back
// to clone, whose flags can be seen.
func policy(s Stage, pid int) seccomp.Policy {
	names := allowed
	conditional := []seccomp.NameWithConditions{
		when("clone", arg(0, seccomp.BitsSet, syscall.CLONE_THREAD), arg(0, seccomp.BitsNotSet, newSpaces)),
		when("tgkill", arg(0, seccomp.Equal, uint64(pid))), //nolint:gosec // os.Getpid's, above 0
		when("prctl", arg(0, seccomp.Equal, setName)),
	}
	if s == Running {
		conditional = append(conditional,
			when("mmap", arg(2, seccomp.BitsNotSet, syscall.PROT_EXEC)),
			when("mprotect", arg(2, seccomp.BitsNotSet, syscall.PROT_EXEC)))
	} else {
		names = append([]string{"mmap", "mprotect", "seccomp"}, names...)
	}
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // with EPERM
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionAllow, Names: names, NamesWithCondtions: conditional},
			{Action: seccomp.ActionErrno | seccomp.Action(syscall.ENOSYS), Names: []string{"clone3"}},
		},
	}
}

// Confine installs the filter of a stage on every thread of this process. It
// cannot be undone, and filters add up. An error is a fault.Internal, and
// leaves the process unfit to go on. no_new_privs must be set already.
func Confine(s Stage) error {
	if s != Loading && s != Running {
		return fmt.Errorf("confining: no such stage: %w", fault.Internal)
	}
	err := seccomp.LoadFilter(seccomp.Filter{Flag: seccomp.FilterFlagTSync, Policy: policy(s, os.Getpid())})
	if err != nil {
		return fmt.Errorf("confining: %w: %w", err, fault.Internal)
	}
	return nil
}
