package jail

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"github.com/yunei/yunei/fault"
)

// A Process is a jailed child.
type Process struct {
	// Spaces are the namespaces that it was made in.
	Spaces Level

	child *os.Process
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

// A variant is one way to make a child, from the strictest on.
type variant struct {
	spaces Level
	become int // user inside, -1 to stay
	attr   syscall.SysProcAttr
}

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
		return []variant{user, bare}
	}
	user.become, bare.become = nobodyInside, nobody
	return []variant{user, {othersHave, nobody, syscall.SysProcAttr{Cloneflags: others}}, bare}
}

// Start starts the program at path in the strictest variant that this kernel
// lets this user have, with in and out as its standard input and output and
// nothing else. data limits its private memory, in bytes. The child dies with
// this process. An error is a fault.Internal.
func Start(path string, data uint64, in, out *os.File) (*Process, error) {
	var err error
	for _, v := range variants(os.Getuid(), os.Getgid()) {
		var p *Process
		if p, err = v.start(path, data, in, out); err == nil {
			return p, nil
		}
		if !forbidden(err) {
			break
		}
	}
	return nil, fmt.Errorf("starting jailed child: %w: %w", err, fault.Internal)
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

func (v variant) start(path string, data uint64, in, out *os.File) (*Process, error) {
	attr := v.attr
	attr.Pdeathsig = syscall.SIGKILL
	cmd := &exec.Cmd{
		Path:        path,
		Args:        []string{Argv0, strconv.FormatUint(data, 10), strconv.Itoa(v.become), strconv.Itoa(int(v.spaces))},
		Env:         []string{},
		Dir:         "/",
		Stdin:       in,
		Stdout:      out,
		SysProcAttr: &attr,
	}
	p := &Process{Spaces: v.spaces, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread that made the child ends,
		// not the process (prctl(2)): so it stays with the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.child = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is the guest's to choose, and tells nothing
			close(p.ended)
		}
	}()
	return p, <-started
}

// Kill ends the child, at once and without asking it, and waits until it has.
func (p *Process) Kill() {
	_ = p.child.Kill() // an error says that it has ended
	<-p.ended
}

// Ended is closed when the child has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }
