package jail

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/fault"
)

// A Process is a jailed child.
type Process struct {
	// Spaces is what Start knows of the child's Level: Outside at most.
	Spaces Level

	child *os.Process
	alarm bool // set before ended is closed
	ended chan struct{}
}

// nobody is the user that a child of root becomes, and its number inside a
// user namespace.
const (
	nobody       = 65534
	nobodyInside = 1
)

const (
	others     = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	othersHave = Mount | PID | Net | IPC | UTS
)

// A variant is one way to make a child.
type variant struct {
	spaces Level
	become int // user inside, -1 to stay
	attr   syscall.SysProcAttr
}

// variants lists the ways from the strictest on: with a user namespace, for
// root without, each with and without one of control groups, and with none.
func variants(uid, gid int) []variant {
	ids := func(id int) []syscall.SysProcIDMap {
		m := []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
		if uid == 0 { // only root may map more than itself
			m = append(m, syscall.SysProcIDMap{ContainerID: nobodyInside, HostID: nobody, Size: 1})
		}
		return m
	}
	user := variant{User | othersHave, -1, syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | others, UidMappings: ids(uid), GidMappings: ids(gid),
		GidMappingsEnableSetgroups: uid == 0,
	}}
	bare := variant{0, -1, syscall.SysProcAttr{}}
	if uid != 0 {
		return []variant{user.hidden(), user, bare}
	}
	user.become, bare.become = nobodyInside, nobody
	root := variant{othersHave, nobody, syscall.SysProcAttr{Cloneflags: others}}
	return []variant{user.hidden(), user, root.hidden(), root, bare}
}

// hidden returns v with a namespace of control groups.
func (v variant) hidden() variant {
	v.spaces |= CgroupNS
	v.attr.Cloneflags |= unix.CLONE_NEWCGROUP
	return v
}

// Start starts the program at path in the strictest variant that this kernel
// lets this user have, with in and out as its standard input and output and
// nothing else. data limits its memory, in bytes. The child dies with this
// process. An error is a fault.Internal.
func Start(path string, data uint64, in, out *os.File) (*Process, error) {
	p := &Process{ended: make(chan struct{})}
	started := make(chan error)
	go apart(func() {
		groups := newGroup(data)
		cmd, err := p.make(groups, func(v variant) *exec.Cmd { return v.command(path, data, in, out) })
		if err != nil {
			groups.close()
			started <- err
			return
		}
		p.child = cmd.Process
		started <- nil
		_ = cmd.Wait() // but for an alarm, how it ended is the guest's to choose, and tells nothing
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		p.alarm = ok && status.Signaled() && status.Signal() == syscall.SIGSYS
		groups.close()
		close(p.ended)
	})
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting jailed child: %w: %w", err, fault.Internal)
	}
	return p, nil
}

// apart runs f on a thread that is its own, not the process's first, and ends
// with it. The kernel sends Pdeathsig when the thread that made the child
// ends, not the process (prctl(2)): so it stays with the child. A thread may
// go into a control group alone, but with the first goes the process's memory.
func apart(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		f()
		return
	}
	running := make(chan struct{})
	go func() {
		runtime.LockOSThread() // on another thread: the first is held here
		close(running)
		f()
	}()
	<-running
	runtime.UnlockOSThread()
}

// make makes the child in the first way that works, with its groups if that
// can be.
func (p *Process) make(groups *group, command func(variant) *exec.Cmd) (cmd *exec.Cmd, err error) {
	for _, g := range []*group{groups, {}} {
		if !g.enter() {
			g.goHome()
			continue
		}
		for _, v := range variants(os.Getuid(), os.Getgid()) {
			if g.whole {
				v.spaces |= Cgroup
			}
			cmd = command(v)
			if g.unified != nil {
				cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(g.unified.Fd())
			}
			if err = cmd.Start(); err == nil || !forbidden(err) {
				g.goHome()
				p.Spaces = v.spaces
				return cmd, err
			}
		}
		g.goHome()
	}
	return nil, err
}

// forbidden reports whether err may mean that namespaces are not to be had.
func forbidden(err error) bool {
	for _, e := range []error{syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.ENOSPC, syscall.ENOSYS, syscall.EUSERS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (v variant) command(path string, data uint64, in, out *os.File) *exec.Cmd {
	attr := v.attr
	attr.Pdeathsig = syscall.SIGKILL
	return &exec.Cmd{
		Path:        path,
		Args:        []string{Argv0, strconv.FormatUint(data, 10), strconv.Itoa(v.become), strconv.Itoa(int(v.spaces))},
		Env:         []string{},
		Dir:         "/",
		Stdin:       in,
		Stdout:      out,
		SysProcAttr: &attr,
	}
}

// Kill ends the child, at once and without asking it, and waits until it has.
func (p *Process) Kill() {
	_ = p.child.Kill() // an error says that it has ended
	<-p.ended
}

// Ended is closed when the child has ended, and nothing is left of it.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Alarm waits until the child has ended, and reports whether the kernel ended
// it for a system call that no honest runner makes: somebody is out of the
// engine. Nothing follows from false.
func (p *Process) Alarm() bool {
	<-p.ended
	return p.alarm
}
