package hostile

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe" //nolint:depguard // the attacker makes system calls itself

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/jail/inner"
	"github.com/yunei/yunei/sandbox/wire"
)

// A takeover is what a runner does once its guest has broken out of the
// engine. The runner is this test's binary, in the real jail, with both
// filters: it loads and says so as an honest one would, and then is the
// attacker's. It is told which by the limit of rows, the one number that no
// runner has a use for.
type takeover struct {
	name, zh, en string
	act          func(areas [][]byte, l uint32) []byte // what goes out on the pipe for a batch
	want         outcome
}

// An outcome is what the parent makes of it.
type outcome int

const (
	distrusted outcome = iota // no result, and the fault is the machine's: not a word of the runner's crosses
	powerless                 // the runner got nothing: an error number for emits, or its death
	believed                  // a well-formed lie: each unit's emits are within bounds, and only a second engine tells
)

var takeovers = []takeover{
	breakout("open-a-file", "没有文件：打开 /etc/passwd", "there are no files: opens /etc/passwd", func() (uintptr, error) { return path(unix.SYS_OPEN, "/etc/passwd") }),
	breakout("read-proc", "看不到别的进程：读 /proc", "no other process is to be seen: reads its parent's memory map", func() (uintptr, error) { return openat("/proc/1/maps") }),
	breakout("read-itself", "看不到自己的环境：读 /proc/self", "not even itself is: reads its own environment", func() (uintptr, error) { return openat("/proc/self/environ") }),
	breakout("create-a-file", "没有可写之处：新建文件", "there is nowhere to write: creates a file", func() (uintptr, error) { return path(unix.SYS_CREAT, "/f") }),
	breakout("open-by-another-name", "换个调用也打不开：openat2", "another name of the call opens nothing either: openat2", func() (uintptr, error) { return path2(unix.SYS_OPENAT2, "/") }),
	breakout("network", "没有网络：网际套接字", "there is no network: a socket", func() (uintptr, error) { return sys(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0) }),
	breakout("local-socket", "没有本机套接字", "nor one to this machine: a local socket", func() (uintptr, error) { return sys(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM, 0) }),
	breakout("netlink", "没有内核套接字", "nor one to the kernel: netlink", func() (uintptr, error) { return sys(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, 0) }),
	breakout("fork", "没有子进程：fork", "no child: fork", func() (uintptr, error) { return child(unix.SYS_FORK, 0) }),
	breakout("clone", "没有子进程：clone", "no child by another name: clone", func() (uintptr, error) { return child(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) }),
	breakout("clone3", "没有子进程：clone3", "no child whose flags nobody sees: clone3", func() (uintptr, error) { return child(unix.SYS_CLONE3, 0) }),
	breakout("exec", "不能换成别的程序：execve", "it becomes no other program: execve", func() (uintptr, error) { return path(unix.SYS_EXECVE, "/bin/true") }),
	breakout("ptrace", "不能附着于父进程", "it attaches to nobody: ptrace of its parent", func() (uintptr, error) { return sys(unix.SYS_PTRACE, unix.PTRACE_ATTACH, parent(), 0) }),
	breakout("read-the-parent", "不能读父进程的内存", "nobody's memory is read: its parent's", func() (uintptr, error) { return sys(unix.SYS_PROCESS_VM_READV, parent(), vector(), 1) }),
	breakout("kill", "不能向父进程发信号", "nobody is signalled: its parent", func() (uintptr, error) { return sys(unix.SYS_KILL, parent(), 0, 0) }),
	breakout("io-uring", "不能绕过过滤：io_uring", "no way round the filter: io_uring", func() (uintptr, error) { return sys(unix.SYS_IO_URING_SETUP, 4, vector(), 0) }),
	breakout("bpf", "不能向内核装程序", "no program in the kernel: bpf", func() (uintptr, error) { return sys(unix.SYS_BPF, 0, vector(), 64) }),
	breakout("userfaultfd", "不能操纵缺页", "no page faults of its own: userfaultfd", func() (uintptr, error) { return sys(unix.SYS_USERFAULTFD, 0, 0, 0) }),
	breakout("map-code", "读到第一行之后没有新代码", "no new code once rows are read: an executable page", func() (uintptr, error) {
		p, _, e := unix.RawSyscall6(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON, ^uintptr(0), 0)
		return got(p, e)
	}),
	breakout("mount", "不能挂载", "nothing is mounted", func() (uintptr, error) { return path(unix.SYS_MOUNT, "none") }),
	breakout("unshare", "不能取得新的命名空间", "no namespace in which it would be root", func() (uintptr, error) { return sys(unix.SYS_UNSHARE, unix.CLONE_NEWUSER, 0, 0) }),
	breakout("become-root", "不能换成别的用户", "it becomes nobody else: root", func() (uintptr, error) { return sys(unix.SYS_SETRESUID, 0, 0, 0) }),
	breakout("be-dumped", "不留转储", "it leaves no dump: makes itself dumpable", func() (uintptr, error) { return sys(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0) }),
	breakout("share-memory", "不与别的进程共享内存", "no memory is shared: a segment of System V", func() (uintptr, error) { return sys(unix.SYS_SHMGET, 1, 4096, 0o1666) }),
	breakout("other-numbers", "换一套调用号也一样：x32", "the filter knows all numbers: open by that of x32", func() (uintptr, error) { return path(1<<30|unix.SYS_OPEN, "/etc/passwd") }),

	lie("too-few", "答得太少", "one answer for two units", func(a [][]byte, _ uint32) []byte { return results(len(a)-1, nil) }),
	lie("too-many", "答得太多", "three answers for two units", func(a [][]byte, _ uint32) []byte { return results(len(a)+1, nil) }),
	lie("too-many-emits", "输出超过限额", "a record more than a unit may have", func(a [][]byte, l uint32) []byte { return results(len(a), make([]byte, 16*(l+1))) }),
	lie("text", "答中夹带文字", "words behind the last answer", func(a [][]byte, _ uint32) []byte { return framed(append(results(len(a), nil), "the victim is ill"...)) }),
	lie("half-a-record", "记录不完整", "half a record", func(a [][]byte, _ uint32) []byte { return framed(append(results(len(a), nil), make([]byte, 8)...)) }),
	lie("third-outcome", "第三种结局", "an outcome that is neither good nor bad", func(a [][]byte, _ uint32) []byte { return set(results(len(a), nil), 5, 2) }),
	lie("failed-with-emits", "失败却有输出", "a unit that failed, with emits", func(a [][]byte, _ uint32) []byte { return set(results(len(a), make([]byte, 16)), 5, 0) }),
	lie("boundless", "声称有四吉字节", "a frame of four gigabytes", func([][]byte, uint32) []byte { return []byte{0xff, 0xff, 0xff, 0xff, byte(wire.Results)} }),
	lie("many-records", "声称有 2^32-1 条", "a unit with 2^32-1 records", func(a [][]byte, _ uint32) []byte {
		return set(results(len(a), nil), 6, 0xff, 0xff, 0xff, 0xff)
	}),
	lie("another-kind", "答非所问", "an answer of another kind", func(a [][]byte, _ uint32) []byte { return set(results(len(a), nil), 4, byte(wire.Ready)) }),
	lie("refusal", "事后拒绝", "a refusal, after the first row", func([][]byte, uint32) []byte { return []byte{1, 0, 0, 0, byte(wire.Refused), 1} }),
	lie("silence", "只答一半便沉默", "half an answer, then silence", func(a [][]byte, _ uint32) []byte { return results(len(a), nil)[:7] }),
	lie("death", "不答而亡", "dies without a word", func([][]byte, uint32) []byte { return nil }),
	{
		name: "mix-units", zh: "逃出引擎后以他人之名传目标：单引擎会相信，两引擎则不符",
		en:  "the units of one child are mixed: writes the victim's secret on everyone else, in well-formed answers (one engine is believed, as is said of it; two disagree)",
		act: mix, want: believed,
	},
}

// breakout is a takeover that makes one system call and tells what it got.
func breakout(name, zh, en string, try func() (uintptr, error)) takeover {
	return takeover{name: name, zh: zh, en: en, want: powerless, act: func(areas [][]byte, _ uint32) []byte {
		value := int64(0) // the call went through
		if _, err := try(); err != nil {
			value = 1
			if e, ok := errors.AsType[unix.Errno](err); ok {
				value = int64(e)
			}
		}
		return results(len(areas), abi.AppendEmit(nil, rec{Cell: 1, Value: value}))
	}}
}

func lie(name, zh, en string, act func([][]byte, uint32) []byte) takeover {
	return takeover{name: name, zh: "答复受限且不可信：" + zh, en: "an answer is read under bounds: " + en, act: act}
}

func sys(trap uintptr, a, b, c uintptr) (uintptr, error) {
	r, _, e := unix.RawSyscall(trap, a, b, c)
	return got(r, e)
}

func got(r uintptr, e unix.Errno) (uintptr, error) {
	if e != 0 {
		return 0, e
	}
	return r, nil
}

func path(trap uintptr, name string) (uintptr, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return 0, err
	}
	return sys(trap, uintptr(unsafe.Pointer(p)), 0, 0)
}

func path2(trap uintptr, name string) (uintptr, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return 0, err
	}
	how := unix.OpenHow{}
	r, _, e := unix.RawSyscall6(trap, ^uintptr(99), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
	return got(r, e)
}

func openat(name string) (uintptr, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return 0, err
	}
	return sys(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(p)), 0)
}

// child must not let a copy of Go's runtime live.
func child(trap, flags uintptr) (uintptr, error) {
	pid, _, e := unix.RawSyscall(trap, flags, 0, 0)
	if e == 0 && pid == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return got(pid, e)
}

func parent() uintptr { return uintptr(os.Getppid()) }

var page [4096]byte

// vector is memory for calls that want some.
func vector() uintptr { return uintptr(unsafe.Pointer(&page)) }

// results is a Results frame with the same records for every unit.
func results(units int, records []byte) []byte {
	at, frame := wire.BeginResults(nil)
	for range units {
		frame = wire.AppendResult(frame, true, records)
	}
	frame, _ = wire.SealResults(frame, at)
	return frame
}

// framed gives a frame that was added to its length again.
func framed(frame []byte) []byte {
	frame, _ = wire.SealResults(frame, 0)
	return frame
}

func set(frame []byte, at int, values ...byte) []byte {
	copy(frame[at:], values)
	return frame
}

// mix tells the victim's secret, its second cost, of everyone but the victim.
func mix(areas [][]byte, _ uint32) []byte {
	secret := int64(0)
	for _, b := range areas {
		if a, err := abi.ParseArea(b); err == nil && a.Rows > 1 && a.Cols[2].Int64(0) == 666 {
			secret = a.Cols[2].Int64(1)
		}
	}
	return results(len(areas), abi.AppendEmit(nil, rec{Cell: 1, Value: secret}))
}

// prisoner is the runner.
func prisoner() {
	runtime.GOMAXPROCS(1) // as in any runner
	if jail.Confine(jail.Loading) != nil {
		return
	}
	in := wire.NewReader(os.Stdin)
	_, payload, err := in.Next(wire.MaxFrame)
	if err != nil {
		return
	}
	p, err := wire.ParseLoad(payload)
	if err != nil || jail.Confine(jail.Running) != nil {
		return
	}
	ready, _ := wire.AppendReady(nil, uint16(inner.Level()|jail.Seccomp))
	if p.Keep {
		ready, _ = wire.AppendCompiled(ready, nil)
	}
	_, _ = os.Stdout.Write(ready)
	for {
		_, payload, err := in.Next(wire.MaxFrame)
		if err != nil {
			return
		}
		areas, _ := wire.ParseUnits(nil, payload, p.Limits.Input)
		answer := takeovers[p.Limits.Rows-1].act(areas, p.Limits.Emits)
		if answer == nil {
			return
		}
		_, _ = os.Stdout.Write(answer)
	}
}

// The attacker has the runner, both filters are on, and the parent believes
// nothing that it need not.
func TestTakeovers(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range takeovers {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			l := granted
			l.Rows = uint32(i + 1)
			r := start(t, sandbox.Config{Runner: self, Module: newGuest(honest).bytes(), Limits: l, Least: jail.Basic, Load: patience, Wall: 2 * time.Second})
			got, err := r.Map(t.Context(), [][]byte{unit(667, 1), unit(666, 42)})
			switch a.want {
			case distrusted:
				check(t, got, err)
			case believed:
				if err != nil || show(got[0]) != "[{1 0 0 42}]" {
					t.Errorf("%v, %v", got, err)
				}
			case powerless:
				if err != nil { // the filter has ended the process
					check(t, got, err)
				} else if e := syscall.Errno(got[0].Emits[0].Value); e == 0 || e == syscall.EFAULT {
					t.Errorf("the call was made: %v", e)
				}
			}
		})
	}
}

// check holds that nothing was believed, and that the error tells no more than
// a machine's failure would.
func check(t *testing.T, got []sandbox.Result, err error) {
	t.Helper()
	if got != nil || fault.Of(err) != fault.Internal || errors.Is(err, fault.Guest) || errors.Is(err, fault.Tampered) {
		t.Errorf("believed as %v, %v", got, err)
	}
}

// With one engine a runner that was taken over leaks: everyone's emits tell
// the victim's secret, within all bounds. The second engine computes something
// else, and then nothing is sealed.
func TestTwoEnginesTell(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := granted
	l.Rows = uint32(len(takeovers)) // mix is the last
	units := [][]byte{unit(667, 1), unit(666, 42), unit(668, 1)}
	module := newGuest(honest).bytes()
	taken := cube(t, start(t, sandbox.Config{Runner: self, Module: module, Limits: l, Least: jail.Basic, Load: patience}), units)
	if taken.At(1, 1) != int64(len(units))*42 {
		t.Errorf("the runner that was taken over tells %v", taken.Values)
	}
	for engine, runner := range runners {
		sound := cube(t, start(t, sandbox.Config{Runner: runner, Module: module, Limits: l, Least: jail.Basic, Load: patience}), units)
		if taken.Equal(sound) {
			t.Errorf("%s agrees with a runner that was taken over", engine)
		}
	}
}

// A module that takes long to compile is given up when its time is over, and
// nobody waits for longer: three thousand loops over as many locals.
func TestSlowToCompile(t *testing.T) {
	var loops []byte
	for i := range uint64(3000) {
		loops = append(loops, loop(local(i), i32c(1), i32add, op(0x22, i), brIf(0))...)
	}
	module := newGuest(honest).fn(tVoid, string(repeat(3000, []byte{i32})), loops).bytes()
	for engine, runner := range runners {
		began := time.Now()
		r, err := sandbox.Start(t.Context(), sandbox.Config{Runner: runner, Module: module, Limits: granted, Least: jail.Basic, Load: 10 * time.Millisecond})
		if err == nil {
			r.Close()
			t.Errorf("%s compiles in no time", engine)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s gives up after %v", engine, took)
		}
	}
}
