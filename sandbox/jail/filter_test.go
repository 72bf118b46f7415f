package jail

import (
	"math/rand/v2"
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// attempted is a system call as a filter sees it.
type attempted struct {
	call, arch uint32
	args       [6]uint64
}

func (a attempted) at(offset uint32) uint32 {
	switch offset {
	case dataCall:
		return a.call
	case dataArch:
		return a.arch
	default:
		return uint32(a.args[(offset-dataArgs)/8])
	}
}

// interpret runs a program as the kernel does.
func interpret(t *testing.T, program []unix.SockFilter, a attempted) uint32 {
	t.Helper()
	var acc uint32
	for i := 0; i < len(program); i++ {
		p := program[i]
		var yes bool
		switch p.Code {
		case unix.BPF_RET | unix.BPF_K:
			return p.K
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			acc = a.at(p.K)
			continue
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			yes = acc == p.K
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			yes = acc&p.K != 0
		default:
			t.Fatalf("instruction %d: code %#x", i, p.Code)
		}
		if yes {
			i += int(p.Jt)
		} else {
			i += int(p.Jf)
		}
	}
	t.Fatal("the program has no end")
	return 0
}

// meant is what rules say, read plainly.
func meant(list []rule, a attempted) uint32 {
	for _, r := range list {
		fits := a.call == uint32(r.call)
		for _, c := range r.checks {
			got, with := uint32(a.args[c.arg]), uint32(c.with)
			fits = fits && c.want == (c.jump == unix.BPF_JEQ && got == with || c.jump == unix.BPF_JSET && got&with != 0)
		}
		if fits {
			return r.then
		}
	}
	return refused
}

// The programs do what the rules mean, whatever the arguments: also when one
// of them is the number of another system call.
func TestFilters(t *testing.T) {
	const seed = 20
	random := rand.New(rand.NewPCG(seed, seed))
	arch := architectures[runtime.GOARCH]
	for _, s := range []Stage{Loading, Running} {
		list := rules(s, os.Getpid(), waiting{3, 4})
		program := assemble(arch, list, refused)
		if len(program) > 4096 { // BPF_MAXINSNS
			t.Fatalf("stage %d: %d instructions", s, len(program))
		}
		for call := range uint32(512) {
			for range 200 {
				a := attempted{call: call, arch: arch}
				for i := range a.args {
					a.args[i] = []uint64{uint64(random.IntN(8)), uint64(random.IntN(512)), uint64(os.Getpid()), random.Uint64()}[random.IntN(4)]
				}
				if got, want := interpret(t, program, a), meant(list, a); got != want {
					t.Fatalf("stage %d: %+v gives %#x, want %#x", s, a, got, want)
				}
			}
		}
		for name, a := range map[string]attempted{
			"another architecture": {call: unix.SYS_READ, arch: unix.AUDIT_ARCH_I386},
			"execve":               {call: unix.SYS_EXECVE, arch: arch},
		} {
			if got := interpret(t, program, a); got != unix.SECCOMP_RET_KILL_PROCESS {
				t.Errorf("stage %d: %s gives %#x", s, name, got)
			}
		}
		const x32 = 1 << 30
		if got := interpret(t, program, attempted{call: x32 | unix.SYS_GETPID, arch: arch}); got != refused {
			t.Errorf("stage %d: a call of the x32 kind gives %#x", s, got)
		}
	}
}

// What a stage lets through, where arguments decide.
func TestRules(t *testing.T) {
	const pid = 77
	thread := uint64(syscall.CLONE_THREAD | syscall.CLONE_VM | syscall.CLONE_SIGHAND)
	for _, c := range []struct {
		call             int
		args             [6]uint64
		loading, running bool
	}{
		{unix.SYS_READ, [6]uint64{0}, true, true},
		{unix.SYS_READ, [6]uint64{1}, true, false},
		{unix.SYS_READ, [6]uint64{4}, true, true},
		{unix.SYS_WRITE, [6]uint64{1}, true, true},
		{unix.SYS_WRITE, [6]uint64{2}, true, false},
		{unix.SYS_WRITE, [6]uint64{0}, true, false},
		{unix.SYS_WRITE, [6]uint64{1 << 32}, true, false},
		{unix.SYS_TGKILL, [6]uint64{pid}, true, true},
		{unix.SYS_TGKILL, [6]uint64{1}, false, false},
		{unix.SYS_CLONE, [6]uint64{thread}, true, false},
		{unix.SYS_CLONE, [6]uint64{uint64(syscall.SIGCHLD)}, false, false},
		{unix.SYS_CLONE, [6]uint64{unix.SYS_MMAP}, false, false},
		{unix.SYS_CLONE, [6]uint64{thread | syscall.CLONE_NEWNET}, false, false},
		{unix.SYS_MMAP, [6]uint64{0, 1, syscall.PROT_READ, syscall.MAP_PRIVATE | syscall.MAP_ANON}, true, true},
		{unix.SYS_MMAP, [6]uint64{0, 1, syscall.PROT_READ, syscall.MAP_PRIVATE}, true, false},
		{unix.SYS_MMAP, [6]uint64{0, 1, syscall.PROT_EXEC, syscall.MAP_PRIVATE | syscall.MAP_ANON}, true, false},
		{unix.SYS_MPROTECT, [6]uint64{0, 1, syscall.PROT_READ | syscall.PROT_EXEC}, true, false},
		{unix.SYS_MPROTECT, [6]uint64{0, 1, syscall.PROT_READ | syscall.PROT_WRITE}, true, true},
		{unix.SYS_PRCTL, [6]uint64{unix.PR_SET_NAME}, true, false},
		{unix.SYS_PRCTL, [6]uint64{unix.PR_SET_DUMPABLE}, false, false},
		{unix.SYS_EPOLL_PWAIT, [6]uint64{3}, true, true},
		{unix.SYS_EPOLL_PWAIT, [6]uint64{0}, true, false},
		{unix.SYS_SECCOMP, [6]uint64{}, true, false},
		{unix.SYS_CLOSE, [6]uint64{}, true, false},
		{unix.SYS_OPENAT, [6]uint64{}, false, false},
		{unix.SYS_PKEY_MPROTECT, [6]uint64{}, false, false},
		{unix.SYS_MEMFD_CREATE, [6]uint64{}, false, false},
		{unix.SYS_SHMAT, [6]uint64{}, false, false},
	} {
		a := attempted{call: uint32(c.call), args: c.args}
		for s, want := range map[Stage]bool{Loading: c.loading, Running: c.running} {
			if got := meant(rules(s, pid, waiting{3, 4}), a) == unix.SECCOMP_RET_ALLOW; got != want {
				t.Errorf("stage %d lets call %d with %v through: %v", s, c.call, c.args, got)
			}
		}
	}
}
