package jail

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
)

// A Stage is a turn in a runner's life.
type Stage int

// The stages that Confine knows.
const (
	Loading Stage = iota + 1 // reads and compiles a module: may map code and make threads
	Running                  // reads rows: makes nothing but memory, and no further filter
)

// always are the system calls that Go's runtime, the C library and the engine
// make at any time when nothing is wrong.
var always = []int{
	unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_SCHED_YIELD, // threads wait for each other
	unix.SYS_MADVISE, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_BRK, // memory; what mmap and mprotect may do is below
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, // a guest's trap is a signal
	unix.SYS_GETPID, unix.SYS_CLOCK_GETTIME, unix.SYS_RESTART_SYSCALL,
	// What a thread begins with: one that has been made may begin after the
	// filter is there, and the C library aborts if it may not.
	unix.SYS_RSEQ, unix.SYS_SET_ROBUST_LIST, unix.SYS_GETTID,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// loading are those that end when the first row is read.
var loading = []int{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_MMAP, unix.SYS_MPROTECT, unix.SYS_SECCOMP,
	unix.SYS_SCHED_GETAFFINITY, // how many threads to compile on
	unix.SYS_CLOCK_NANOSLEEP, unix.SYS_GETTIMEOFDAY, unix.SYS_GETRANDOM,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, // Go's runtime learns to wait
}

// alarms are what no honest runner attempts at any stage, and no library
// underneath tries for its own reasons: they end the process, so that whoever
// has got out of the engine has one wrong move, and it shows.
var alarms = []int{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD,
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_SENDTO, unix.SYS_SENDMSG,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_SETUID, unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_CAPSET,
}

// newSpaces are the flags of clone that make namespaces.
const newSpaces = others | syscall.CLONE_NEWUSER | unix.CLONE_NEWCGROUP

// What becomes of what no rule names: libraries try this and that and live
// without, and a new version of one should not end a run.
const refused = unix.SECCOMP_RET_ERRNO | uint32(syscall.EPERM)

// rules returns the filter of a stage: an allow-list, and what it answers
// otherwise than by refused. clone3 does not exist, so that the C library
// falls back to clone, whose flags can be seen.
func rules(s Stage, pid int, w waiting) []rule {
	var list []rule
	allow := func(call int, checks ...check) { list = append(list, rule{call, checks, unix.SECCOMP_RET_ALLOW}) }
	for _, call := range always {
		allow(call)
	}
	allow(unix.SYS_TGKILL, first(pid)) // the runtime preempts its own threads
	if s == Loading {
		for _, call := range loading {
			allow(call)
		}
		allow(unix.SYS_CLONE, has(0, syscall.CLONE_THREAD), lack(0, newSpaces))
		allow(unix.SYS_PRCTL, first(unix.PR_SET_NAME))
	} else {
		for _, fd := range []int{0, w.event} {
			allow(unix.SYS_READ, first(fd))
		}
		for _, fd := range []int{1, w.event} {
			allow(unix.SYS_WRITE, first(fd))
		}
		allow(unix.SYS_EPOLL_PWAIT, first(w.poll))
		allow(unix.SYS_MMAP, lack(2, syscall.PROT_EXEC), has(3, syscall.MAP_ANON))
		allow(unix.SYS_MPROTECT, lack(2, syscall.PROT_EXEC))
	}
	list = append(list, rule{unix.SYS_CLONE3, nil, unix.SECCOMP_RET_ERRNO | uint32(syscall.ENOSYS)})
	for _, call := range alarms {
		list = append(list, rule{call, nil, unix.SECCOMP_RET_KILL_PROCESS})
	}
	return list
}

// Confine installs the filter of a stage on every thread of this process. It
// cannot be undone, and filters add up. An error is a fault.Internal, and
// leaves the process unfit to go on. no_new_privs must be set already.
//
// From Running on there are no new threads and no new descriptors: Confine has
// the runtime make those that it may come to need, while the module is loaded.
// So GOMAXPROCS must not rise later on.
func Confine(s Stage) error {
	var w waiting
	switch s {
	case Loading:
		spareThreads()
	case Running:
		var ok bool
		if w, ok = ready(); !ok {
			return fmt.Errorf("confining: the runtime waits on nothing that we know: %w", fault.Internal)
		}
	default:
		return fmt.Errorf("confining: no such stage: %w", fault.Internal)
	}
	if err := install(rules(s, os.Getpid(), w), refused); err != nil {
		return fmt.Errorf("confining: %w", err)
	}
	return nil
}

// waiting is where Go's runtime waits when it has nothing to do: on an epoll
// of its own, which it wakes by an eventfd.
type waiting struct{ poll, event int }

// spare is how many idle threads the runtime is left with, beside those that
// run Go. With one processor it takes one when a goroutine stays long in the
// engine or in a read, and another while the first is stopping. Without any it
// would die, which is a machine's failure and not a unit's.
const spare = 4

// spared is done when the runtime has its spare threads.
var spared sync.WaitGroup

// spareThreads has the runtime make threads, and does not wait for it.
func spareThreads() {
	var held sync.WaitGroup
	n := runtime.GOMAXPROCS(0) + spare
	held.Add(n)
	for range n {
		spared.Go(func() {
			runtime.LockOSThread() // so that each takes a thread
			held.Done()
			held.Wait()
			runtime.UnlockOSThread() // and leaves it to all
		})
	}
}

// ready waits for the threads, has the runtime make its epoll, and finds it.
func ready() (waiting, bool) {
	spared.Wait()
	// A timer is what the runtime makes its epoll for. While we sleep all
	// threads come to rest.
	time.Sleep(100 * time.Microsecond)
	return findWaiting(files)
}

// files is one more than the highest descriptor; jail/inner has the limit.
const files = 5

// findWaiting looks among descriptors 3 to below for an epoll, and what it
// watches: it refuses to watch the same again.
func findWaiting(below int) (waiting, bool) {
	for poll := 3; poll < below; poll++ {
		for event := 3; event < below; event++ {
			if event != poll && unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, event, &unix.EpollEvent{}) == unix.EEXIST {
				return waiting{poll, event}, true
			}
		}
	}
	return waiting{}, false
}
