package jail

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
)

// A rule says what becomes of a system call whose arguments pass every check.
type rule struct {
	call   int
	checks []check
	then   uint32
}

// A check looks at the lower half of an argument: descriptors, process numbers
// and flags are 32 bits wide to the kernel as well.
type check struct {
	arg  uint32
	jump uint16 // unix.BPF_JEQ or unix.BPF_JSET
	with int
	want bool // what the jump must answer
}

func first(v int) check            { return check{0, unix.BPF_JEQ, v, true} }
func has(arg uint32, v int) check  { return check{arg, unix.BPF_JSET, v, true} }
func lack(arg uint32, v int) check { return check{arg, unix.BPF_JSET, v, false} }

// Offsets into struct seccomp_data (seccomp(2)).
const (
	dataCall = 0
	dataArch = 4
	dataArgs = 16
)

var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// assemble returns the program that applies the first rule that fits, and
// otherwise last. A call by another architecture's numbers is an alarm. Every
// rule stands for itself and loads what it looks at: no jump leaves it, and no
// argument is left behind where the next expects the number of the call.
func assemble(arch uint32, rules []rule, last uint32) []unix.SockFilter {
	program := []unix.SockFilter{load(dataArch), jump(unix.BPF_JEQ, arch, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS)}
	for _, r := range rules {
		size := uint8(2*len(r.checks) + 1)                                                     //nolint:gosec // a handful
		program = append(program, load(dataCall), jump(unix.BPF_JEQ, uint32(r.call), 0, size)) //nolint:gosec // the kernel's numbers
		for i, c := range r.checks {
			yes, no := uint8(0), size-uint8(2*i)-2
			if !c.want {
				yes, no = no, yes
			}
			program = append(program, load(dataArgs+8*c.arg+half), jump(c.jump, uint32(c.with), yes, no)) //nolint:gosec // as check says
		}
		program = append(program, ret(r.then))
	}
	return append(program, ret(last))
}

// half is where the lower half of a 64-bit argument is; both architectures are
// little-endian.
const half = 0

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

func jump(test uint16, with uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: with}
}

func ret(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

// install filters the system calls of every thread from now on.
func install(rules []rule, last uint32) error {
	arch, ok := architectures[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("filtering system calls of %s: %w", runtime.GOARCH, fault.Internal)
	}
	program := assemble(arch, rules, last)
	p := unix.SockFprog{Len: uint16(len(program)), Filter: unsafe.SliceData(program)} //nolint:gosec // some hundreds
	//nolint:gosec // the kernel's interface
	thread, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&p)))
	runtime.KeepAlive(program)
	if e != 0 {
		return fmt.Errorf("filtering system calls: %w: %w", e, fault.Internal)
	}
	if thread != 0 {
		return fmt.Errorf("filtering system calls: a thread cannot follow: %w", fault.Internal)
	}
	return nil
}
