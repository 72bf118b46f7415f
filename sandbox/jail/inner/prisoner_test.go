package inner

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/sandbox/jail"
)

// killed is what becomes of an attempt that is an alarm.
const killed = "killed"

// An attempt is one way to get out, or to learn something. The rest says what
// must come of it: before any filter, in a whole jail and in one without
// namespaces; while loading; and while running. "a|b" is either, nothing is
// no claim, and no try.
type attempt struct {
	name                          string
	try                           func() string
	start, bare, loading, running string
}

// call is an attempt with no more to it than a system call.
func call(trap uintptr, args ...uintptr) func() string {
	return func() string { return raw(trap, args...) }
}

func path(trap uintptr, name string, args ...uintptr) func() string {
	return func() string { return raw(trap, append([]uintptr{text(name)}, args...)...) }
}

// opens is an attempt to get a descriptor, which is not kept.
func opens(try func() string) func() string {
	return func() string {
		got := try()
		var fd int
		if n, _ := fmt.Sscanf(got, "got %d", &fd); n == 1 {
			_ = syscall.Close(fd)
		}
		return got
	}
}

const here = ^uintptr(99) // AT_FDCWD

// self is a small piece of this process's memory, for calls that want some.
var self [4096]byte

func mem() uintptr { return uintptr(unsafe.Pointer(&self)) }

func family(f uintptr) attempt {
	return attempt{fmt.Sprintf("socket of family %d", f), call(syscall.SYS_SOCKET, f, syscall.SOCK_STREAM, 0), "", "", killed, killed}
}

var parent = os.Getppid

// attempts is sorted by what is wanted: files, network, processes, privileges,
// the kernel's larger interfaces, memory, descriptors; then what is there.
var attempts = []attempt{
	{"open", opens(path(syscall.SYS_OPEN, "/etc/passwd", syscall.O_RDONLY)), "ENOENT", "EACCES|got", "EPERM", "EPERM"},
	{"openat", opens(func() string { return raw(syscall.SYS_OPENAT, here, text("/proc/self/maps"), 0) }), "ENOENT", "EACCES|got", "EPERM", "EPERM"},
	{"openat2", opens(func() string { return raw(unix.SYS_OPENAT2, here, text("/etc/passwd"), mem(), 24) }), "ENOENT", "EACCES|got", "EPERM", "EPERM"},
	{"open a path only", opens(path(syscall.SYS_OPEN, "/etc", unix.O_PATH)), "ENOENT", "", "EPERM", "EPERM"},
	{"create", opens(path(syscall.SYS_OPEN, "/f", syscall.O_CREAT|syscall.O_RDWR, 0o600)), "EROFS|EACCES", "EACCES", "EPERM", "EPERM"},
	{"make a file without a name", opens(path(syscall.SYS_OPEN, "/", unix.O_TMPFILE|syscall.O_RDWR, 0o600)), "EROFS|EACCES", "EACCES", "EPERM", "EPERM"},
	{"make a folder", path(syscall.SYS_MKDIR, "/d", 0o700), "EROFS|EACCES", "EACCES", "EPERM", "EPERM"},
	{"files of the root", root, "0|permission denied", "", "operation not permitted", "operation not permitted"},
	{"status of a file", path(syscall.SYS_STAT, "/proc/1/status"), "ENOENT", "", "EPERM", "EPERM"},
	{"open by handle", call(unix.SYS_OPEN_BY_HANDLE_AT, 0, 0, 0), "EPERM|EFAULT", "EPERM|EFAULT", killed, killed},

	family(syscall.AF_UNIX), family(syscall.AF_INET), family(syscall.AF_INET6), family(syscall.AF_NETLINK),
	family(syscall.AF_PACKET), family(unix.AF_VSOCK), family(unix.AF_ALG), family(unix.AF_XDP),
	{"connect to loopback", loopback, "network is unreachable|permission denied", "connection refused|permission denied", "", ""},
	{"connect to an abstract socket", abstract, "connection refused|operation not permitted", "operation not permitted|connected", "", ""},
	{"socketpair", call(syscall.SYS_SOCKETPAIR, syscall.AF_UNIX, syscall.SOCK_STREAM, 0, 0), "", "", killed, killed},

	{"fork", func() string { return fork(syscall.SYS_FORK) }, "", "", "EPERM", "EPERM"},
	{"clone", func() string { return fork(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD)) }, "", "", "EPERM", "EPERM"},
	{"clone3", func() string { return fork(unix.SYS_CLONE3) }, "", "", "ENOSYS", "ENOSYS"},
	{"clone of a thread", call(syscall.SYS_CLONE, syscall.CLONE_THREAD|syscall.CLONE_SIGHAND|syscall.CLONE_VM, 0), "", "", "", "EPERM"},
	// With arguments out of reach, so that it ends this test in no case.
	{"execve", path(syscall.SYS_EXECVE, "/bin/true", 1, 0), "ENOENT", "EACCES|EFAULT", killed, killed},
	{"execute memory", func() string {
		fd, _, _ := syscall.RawSyscall(unix.SYS_MEMFD_CREATE, text("image"), 0, 0)
		defer func() { _ = syscall.Close(int(fd)) }()
		return raw(unix.SYS_EXECVEAT, fd, text(""), 1, 0, unix.AT_EMPTY_PATH)
	}, "EACCES|EFAULT", "EACCES|EFAULT", killed, killed},
	{"ptrace", func() string { return raw(syscall.SYS_PTRACE, unix.PTRACE_ATTACH, uintptr(parent())) }, "ESRCH|EPERM", "EPERM", killed, killed},
	{"read the parent", func() string { return raw(unix.SYS_PROCESS_VM_READV, uintptr(parent()), one(), 1, one(), 1) }, "ESRCH|EPERM", "EPERM", killed, killed},
	{"write the parent", func() string { return raw(unix.SYS_PROCESS_VM_WRITEV, uintptr(parent()), one(), 1, one(), 1) }, "ESRCH|EPERM", "EPERM", killed, killed},
	{"a handle on the parent", opens(func() string { return raw(unix.SYS_PIDFD_OPEN, uintptr(parent()), 0) }), "EINVAL", "", "EPERM", "EPERM"},
	{"kill the parent", func() string { return raw(syscall.SYS_KILL, uintptr(parent()), 0) }, "", "EPERM|got", "EPERM", "EPERM"},
	{"signal the parent", func() string {
		return raw(syscall.SYS_TGKILL, uintptr(parent()), uintptr(parent()), 0)
	}, "EINVAL", "EPERM|got", "EPERM", "EPERM"},

	{"mount", func() string { return raw(syscall.SYS_MOUNT, text("none"), text("/"), text("tmpfs"), 0, 0) }, "EPERM", "EPERM", killed, killed},
	{"unmount", path(syscall.SYS_UMOUNT2, "/", syscall.MNT_DETACH), "EPERM|EINVAL", "EPERM", killed, killed},
	{"fsopen", opens(path(unix.SYS_FSOPEN, "tmpfs", 0)), "EPERM", "EPERM", "EPERM", "EPERM"},
	{"pivot_root", func() string { return raw(syscall.SYS_PIVOT_ROOT, text("/"), text("/")) }, "EPERM", "EPERM", killed, killed},
	{"chroot", path(syscall.SYS_CHROOT, "/"), "EPERM", "EPERM", killed, killed},
	{"unshare", call(syscall.SYS_UNSHARE, syscall.CLONE_NEWNS), "EPERM", "EPERM", killed, killed},
	{"setns", call(unix.SYS_SETNS, 0, 0), "EINVAL", "EINVAL", killed, killed},
	{"become root", call(syscall.SYS_SETRESUID, 0, 0, 0), "EPERM|got 0", "EPERM", killed, killed},
	{"raise a limit", func() string { return raw(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, limits(64), 0) }, "EPERM", "EPERM", "EPERM", "EPERM"},
	{"be dumped", call(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 1), "", "", "EPERM", "EPERM"},
	{"outlive the parent", call(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, 0), "", "", "EPERM", "EPERM"},
	{"another filter", call(unix.SYS_SECCOMP, 2, 0), "", "", "", "EPERM"},
	{"personality", call(syscall.SYS_PERSONALITY, 0x0400000), "", "", "EPERM", "EPERM"},

	{"bpf", call(unix.SYS_BPF, 0, mem(), 64), "EPERM|EINVAL", "EPERM|EINVAL", killed, killed},
	{"io_uring", call(unix.SYS_IO_URING_SETUP, 1, 0), "", "", killed, killed},
	{"userfaultfd", call(unix.SYS_USERFAULTFD, 0), "", "", killed, killed},
	{"perf events", call(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0), "", "", killed, killed},
	{"keyctl", call(unix.SYS_KEYCTL, 0, 0, 0), "", "", killed, killed},
	{"a key", call(unix.SYS_ADD_KEY, 0, 0, 0, 0, 0), "", "", killed, killed},
	{"shared memory", call(syscall.SYS_SHMGET, 1, 4096, 0o1600), "", "", "EPERM", "EPERM"},
	{"a message queue", call(syscall.SYS_MSGGET, 1, 0o1600), "", "", "EPERM", "EPERM"},
	{"semaphores", call(syscall.SYS_SEMGET, 1, 1, 0o1600), "", "", "EPERM", "EPERM"},
	{"a POSIX queue", opens(path(unix.SYS_MQ_OPEN, "q", syscall.O_CREAT|syscall.O_RDWR, 0o600, 0)), "EMFILE|EACCES|ENOSYS", "EMFILE|EACCES|ENOSYS", "EPERM", "EPERM"},
	{"a timer", call(unix.SYS_TIMER_CREATE, 0, 0, mem()), "", "", "EPERM", "EPERM"},
	{"a timer's file", call(unix.SYS_TIMERFD_CREATE, 0, 0), "", "", "EPERM", "EPERM"},
	{"an interval timer", call(unix.SYS_SETITIMER, 0, 0, 0), "", "", "EPERM", "EPERM"},
	{"type into a terminal", call(syscall.SYS_IOCTL, 0, unix.TIOCSTI, 0), "ENOTTY|EPERM|EIO", "", "EPERM", "EPERM"},

	{"map code", func() string { return mapping(syscall.PROT_READ | syscall.PROT_EXEC) }, "got", "got", "got", "EPERM"},
	{"map data", func() string { return mapping(syscall.PROT_READ | syscall.PROT_WRITE) }, "got", "got", "got", "got"},
	{"make data code", protect, "", "", "got 0", "EPERM"},
	{"map a file", call(syscall.SYS_MMAP, 0, 4096, syscall.PROT_READ, syscall.MAP_PRIVATE, 0), "ENODEV", "ENODEV", "ENODEV", "EPERM"},
	{"more memory than is granted", func() string {
		return raw(syscall.SYS_MMAP, 0, 2<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
	}, "ENOMEM", "ENOMEM", "ENOMEM", "ENOMEM"},
	{"more space than there is", func() string {
		return raw(syscall.SYS_MMAP, 0, 64<<30, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE, ^uintptr(0))
	}, "ENOMEM", "ENOMEM", "ENOMEM", "ENOMEM"},
	{"lock memory", func() string { return raw(syscall.SYS_MLOCK, mem(), 4096) }, "EPERM|ENOMEM", "EPERM|ENOMEM", "EPERM", "EPERM"},

	{"a file without a name", path(unix.SYS_MEMFD_CREATE, "image", 0), "", "", "EPERM", "EPERM"},
	{"close", call(syscall.SYS_CLOSE, 7), "EBADF", "EBADF", "EBADF", "EPERM"},
	{"duplicate", call(syscall.SYS_DUP, 1), "", "", "EPERM", "EPERM"},
	{"a pipe", path(syscall.SYS_PIPE2, "12345678", 0), "", "", "EPERM", "EPERM"},
	{"an event", call(syscall.SYS_EVENTFD2, 0, 0), "", "", "", "EPERM"},
	{"an epoll", call(syscall.SYS_EPOLL_CREATE1, 0), "", "", "", "EPERM"},
	{"read from elsewhere", func() string { return raw(syscall.SYS_READ, 1, mem(), 1) }, "EBADF", "EBADF", "EBADF", "EPERM"},
	{"write elsewhere", func() string { return raw(syscall.SYS_WRITE, 2, mem(), 1) }, "EBADF", "EBADF|EPIPE", "EBADF|EPIPE", "EPERM"},
	{"write to the input", func() string { return raw(syscall.SYS_WRITE, 0, mem(), 1) }, "EBADF", "EBADF", "EBADF", "EPERM"},
	{"an inherited descriptor", call(syscall.SYS_FCNTL, inherited, syscall.F_GETFD), "EBADF", "EBADF", "EPERM", "EPERM"},

	{"descriptors", descriptors, "0 1 2", "0 1 2", "", ""},
	{"capabilities", capabilities, "[{0 0 0} {0 0 0}]", "[{0 0 0} {0 0 0}]", "", ""},
	{"bounding set", call(syscall.SYS_PRCTL, syscall.PR_CAPBSET_READ, unix.CAP_SYS_ADMIN), "got 0", "got 0|got 1", "", ""},
	{"no_new_privs", call(syscall.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS), "got 1", "got 1", "", ""},
	{"dumpable", call(syscall.SYS_PRCTL, syscall.PR_GET_DUMPABLE), "got 0", "got 0", "", ""},
	{"dies with its parent", func() string { return atDeath }, "got 0 9", "got 0 9", "", ""},
	{"environment", func() string { return fmt.Sprint(len(os.Environ())) }, "0", "0", "0", "0"},
	{"limits", rlimits, "core 0 file 0 files 5 lock 0 queue 0 data 1073741824 space 35433480192", "core 0 file 0 files 5 lock 0 queue 0 data 1073741824 space 35433480192", "", ""},
	{"threads, timers and memory", runtimeWorks, "works", "works", "works", "works"}, // what must go on
}

func raw(trap uintptr, args ...uintptr) string {
	var a [6]uintptr
	copy(a[:], args)
	r, _, e := syscall.RawSyscall6(trap, a[0], a[1], a[2], a[3], a[4], a[5])
	if e != 0 {
		return unix.ErrnoName(e)
	}
	return fmt.Sprint("got ", r)
}

func text(s string) uintptr {
	p, _ := syscall.BytePtrFromString(s)
	return uintptr(unsafe.Pointer(p))
}

func limits(n uint64) uintptr {
	return uintptr(unsafe.Pointer(&syscall.Rlimit{Cur: n, Max: n}))
}

// one is the address of a vector of one byte.
func one() uintptr { return uintptr(unsafe.Pointer(&syscall.Iovec{Base: &self[0], Len: 1})) }

func root() string {
	list, err := os.ReadDir("/")
	if err != nil {
		return errors.Unwrap(err).Error()
	}
	return fmt.Sprint(len(list))
}

func connect(domain int, to syscall.Sockaddr) string {
	fd, err := syscall.Socket(domain, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Connect(fd, to); err != nil {
		return err.Error()
	}
	return "connected"
}

func loopback() string {
	return connect(syscall.AF_INET, &syscall.SockaddrInet4{Port: 1, Addr: [4]byte{127, 0, 0, 1}})
}

// address is an abstract socket on which the parent listens.
var address string

func abstract() string { return connect(syscall.AF_UNIX, &syscall.SockaddrUnix{Name: address}) }

// fork must not let a child of Go's runtime live.
func fork(trap uintptr, args ...uintptr) string {
	var a [3]uintptr
	copy(a[:], args)
	pid, _, e := syscall.RawSyscall(trap, a[0], a[1], a[2])
	if e != 0 {
		return unix.ErrnoName(e)
	}
	if pid == 0 {
		_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return "got a child"
}

func mapping(protection uintptr) string {
	got := raw(syscall.SYS_MMAP, 0, 4096, protection, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
	got, _, _ = strings.Cut(got, " ")
	return got
}

func protect() string {
	at, _, e := syscall.RawSyscall6(syscall.SYS_MMAP, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
	if e != 0 {
		return "no memory"
	}
	return raw(syscall.SYS_MPROTECT, at, 4096, syscall.PROT_READ|syscall.PROT_EXEC)
}

// descriptors lists those that are open, before Go has made any of its own.
var descriptors = sync.OnceValue(func() string {
	var open []string
	for fd := range uintptr(1 << 12) {
		if strings.HasPrefix(raw(syscall.SYS_FCNTL, fd, syscall.F_GETFD), "got") {
			open = append(open, fmt.Sprint(fd))
		}
	}
	return strings.Join(open, " ")
})

func capabilities() string {
	head, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	if err := unix.Capget(&head, &data[0]); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%x", data)
}

func rlimits() string {
	var words []string
	for _, l := range []struct {
		name string
		what int
	}{
		{"core", unix.RLIMIT_CORE},
		{"file", unix.RLIMIT_FSIZE},
		{"files", unix.RLIMIT_NOFILE},
		{"lock", unix.RLIMIT_MEMLOCK},
		{"queue", unix.RLIMIT_MSGQUEUE},
		{"data", unix.RLIMIT_DATA},
		{"space", unix.RLIMIT_AS},
	} {
		var got unix.Rlimit
		if err := unix.Getrlimit(l.what, &got); err != nil || got.Cur != got.Max {
			return fmt.Sprint(l.name, ": ", err, got)
		}
		words = append(words, fmt.Sprint(l.name, " ", got.Max))
	}
	return strings.Join(words, " ")
}

// runtimeWorks has goroutines sleep, allocate, stay long in the kernel and
// collect garbage, all at once: the filters must leave the runtime enough.
func runtimeWorks() string {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 10 {
				switch i % 4 {
				case 0:
					time.Sleep(100 * time.Microsecond)
				case 1:
					kept = make([]byte, 1<<20)
				case 2: // not a raw one: the processor is handed on meanwhile
					t := syscall.Timespec{Nsec: 100_000}
					_, _, _ = syscall.Syscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
				case 3:
					runtime.GC()
				}
			}
		})
	}
	all.Wait()
	return "works"
}

var kept []byte

// atDeath is the signal that comes when the parent dies. It is asked of the
// first thread, which has it, and on which variables are initialised.
var atDeath = func() string {
	var signal int32
	got := raw(syscall.SYS_PRCTL, syscall.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&signal)))
	return got + fmt.Sprint(" ", signal)
}()

// prisoner makes the attempts of every stage, or the one that it was told to
// make, and says what it got.
func prisoner() {
	runtime.GOMAXPROCS(1)
	descriptors()
	var order [256]byte
	n, _ := syscall.Read(0, order[:])
	words := strings.Split(string(order[:max(n, 0)]), "\t")
	if len(words) != 3 {
		for { // nothing is asked of it: it waits to be killed
			time.Sleep(time.Second)
		}
	}
	only, stage := words[0], words[1]
	address = words[2]
	tell("level: " + Level().String())
	attemptAll("start", only, stage, func(a attempt) string { return a.start + a.bare })
	confine(jail.Loading)
	attemptAll("loading", only, stage, func(a attempt) string { return a.loading })
	confine(jail.Running)
	attemptAll("running", only, stage, func(a attempt) string { return a.running })
	// Not through os: its finalizers and pollers are not what is tested.
	_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
}

func confine(s jail.Stage) {
	if err := jail.Confine(s); err != nil {
		tell(err.Error())
	}
}

func tell(line string) { _, _ = syscall.Write(1, []byte(line+"\n")) }

func attemptAll(stage, only, at string, want func(attempt) string) {
	for _, a := range attempts {
		mine := only == "" && want(a) != "" && want(a) != killed
		if mine || only == a.name && at == stage {
			tell(fmt.Sprintf("%s %s: %s", stage, a.name, a.try()))
		}
	}
}
