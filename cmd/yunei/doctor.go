package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
)

func doctorCommand() *cobra.Command {
	var dir, level string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "检查本机能给程序怎样的隔离 / see what jail this machine can give a guest",
		Long: `真正启动一次 yunei-runner 和 yunei-replay，报告本机隔离的每个部分：是否具备、防范什么、不具备时如何处理。
请以运行 yunei-site 的同一用户、在同一服务单元内执行：cgroup 和命名空间的权限因用户和单元而异。
达到要求的级别时退出码为 0，否则为 3。
Really starts yunei-runner and yunei-replay, and says of each part of the jail whether it is there, what it is
against, and what to do if it is not. Run it as the user, and in the unit, that yunei-site runs as: what control
groups and namespaces are allowed depends on both. Exits with 0 if the level is reached, otherwise with 3.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			least, err := jail.ParseLevel(level)
			if err != nil {
				return err
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			e := examine(c.Context(), filepath.Dir(self), dir, least)
			if err := e.show(c.OutOrStdout(), asJSON); err != nil {
				return err
			}
			return e.verdict()
		},
	}
	c.Flags().StringVar(&level, "level", "full", "要求的隔离级别 the level wanted: basic | full | strict")
	c.Flags().StringVar(&dir, "dir", ".", "安装目录，报告其剩余空间 folder of the installation, whose free space is shown")
	c.Flags().BoolVar(&asJSON, "json", false, "以 JSON 输出 print JSON")
	return c
}

// An examination is what this machine gives a guest, and what it runs on.
type examination struct {
	Wanted    string            `json:"wanted"`  // parts, by name
	Reached   bool              `json:"reached"` // by every runner
	Levels    []string          `json:"levels"`  // the named ones that are reached
	Runners   []checkedRunner   `json:"runners"`
	Known     bool              `json:"known"` // a runner has started and said which parts are there
	Parts     []checkedPart     `json:"parts"`
	Kernel    string            `json:"kernel"`
	Cores     int               `json:"cores"`
	Memory    uint64            `json:"memoryBytes"`
	Available uint64            `json:"memoryAvailableBytes"`
	Dir       string            `json:"dir"`
	Free      uint64            `json:"dirFreeBytes"`
	Facts     map[string]string `json:"facts"`    // settings of the kernel that decide, as far as they exist
	Evidence  []jobs.Evidence   `json:"evidence"` // that a gate on this machine could show
	// Behind says which daemons in Dir have stopped because their clock is behind
	// the ledger's witnesses, and by how much.
	Behind map[string]string `json:"clockBehind,omitempty"`
}

// A checkedRunner was started with a guest that does nothing.
type checkedRunner struct {
	Name   string `json:"name"`
	Starts bool   `json:"starts"`
	Level  string `json:"level"`
	Error  string `json:"error,omitempty"`

	level jail.Level
}

// A checkedPart is one part of the jail.
type checkedPart struct {
	Part   string `json:"part"`
	There  bool   `json:"there"`
	Wanted bool   `json:"wanted"`
	part
}

// examine starts the runners that are in the folder bin.
func examine(ctx context.Context, bin, dir string, least jail.Level) examination {
	e := examination{Wanted: least.String(), Cores: runtime.NumCPU(), Dir: dir, Facts: facts(), Levels: []string{}, Evidence: attest.Detect("")}
	for _, name := range []string{"yunei-runner", "yunei-replay"} {
		e.Runners = append(e.Runners, startOnce(ctx, filepath.Join(bin, name)))
	}
	e.judge(least)
	e.machine()
	e.Behind = clocks(dir)
	return e
}

// judge fills in what follows from what the runners have said. The parts are
// those of the runners that start; the level is reached if all do.
func (e *examination) judge(least jail.Level) {
	level, all := jail.Strict, true
	for _, r := range e.Runners {
		if all = all && r.Starts; r.Starts {
			e.Known, level = true, level&r.level
		}
	}
	if !e.Known {
		level = 0
	}
	e.Reached = all && level.Has(least)
	for _, name := range []string{"basic", "full", "strict"} {
		if l, err := jail.ParseLevel(name); err == nil && all && level.Has(l) {
			e.Levels = append(e.Levels, name)
		}
	}
	for _, p := range jailParts {
		e.Parts = append(e.Parts, checkedPart{Part: p.bit.String(), There: level.Has(p.bit), Wanted: least.Has(p.bit), part: p})
	}
}

// verdict is a refusal if the level is not reached.
func (e examination) verdict() error {
	if len(e.Behind) > 0 {
		return fault.Refuse("clock", "yunei doctor")
	}
	if e.Reached {
		return nil
	}
	return fault.Refuse("jail", "yunei doctor")
}

// startOnce starts a runner and asks it what it sits in.
func startOnce(ctx context.Context, path string) checkedRunner {
	const patience = 30 * time.Second
	r := checkedRunner{Name: filepath.Base(path), Level: jail.Level(0).String()}
	if _, err := os.Stat(path); err != nil {
		r.Error = "不在 yunei 所在目录 it does not stand beside yunei"
		return r
	}
	s, err := sandbox.Start(ctx, sandbox.Config{
		Runner: path, Module: idle(), Least: jail.Seccomp, Load: patience,
		Limits: limits.Limits{Fuel: 1 << 10, Memory: 1, Input: 1 << 10, Rows: 1, Emits: 1},
	})
	if err != nil {
		r.Error = err.Error() + "（常见原因：当前用户读不到它所链接的 libwasmer.so，可用 ldd 查看 often this user cannot read libwasmer.so, which it links: see ldd）"
		return r
	}
	defer s.Close()
	r.Starts, r.level = true, s.Level()
	r.Level = r.level.String()
	return r
}

// idle is the module of a guest that does nothing: in WebAssembly's text,
//
//	(memory (export "memory") 1)
//	(func (export "yunei_abi_v1") (result i32) i32.const 0)
//	(func (export "yunei_map"))
func idle() []byte {
	section := func(id byte, content ...byte) []byte {
		return append([]byte{id, byte(len(content))}, content...) //nolint:gosec // all are below 128 bytes
	}
	export := func(name string, kind, index byte) []byte {
		return append(append([]byte{byte(len(name))}, name...), kind, index) //nolint:gosec // the names are short
	}
	const function, memory = 0, 2
	exports := bytes.Join([][]byte{
		{3}, export(abi.ExportMemory, memory, 0), export(abi.ExportInput, function, 0), export(abi.ExportMap, function, 1),
	}, nil)
	return bytes.Join([][]byte{
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, 2, 0x60, 0, 1, 0x7f, 0x60, 0, 0),
		section(3, 2, 0, 1),
		section(5, 1, 0, 1),
		section(7, exports...),
		section(10, 2, 4, 0, 0x41, 0, 0x0b, 2, 0, 0x0b),
	}, nil)
}

// machine fills in what guests run on. What cannot be read is zero.
func (e *examination) machine() {
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		e.Kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			var what string
			var kib uint64
			if _, err := fmt.Sscanf(line, "%s %d kB", &what, &kib); err != nil {
				continue
			}
			switch what {
			case "MemTotal:":
				e.Memory = kib << 10
			case "MemAvailable:":
				e.Available = kib << 10
			}
		}
	}
	var disk unix.Statfs_t
	if unix.Statfs(e.Dir, &disk) == nil {
		e.Free = disk.Bavail * uint64(disk.Bsize) //nolint:gosec // a block's size is above 0
	}
}

// facts reads the kernel's settings on which namespaces, Landlock and control
// groups depend; one that does not exist is left out.
func facts() map[string]string {
	found := map[string]string{}
	for name, file := range map[string]string{
		"kernel.unprivileged_userns_clone":             "/proc/sys/kernel/unprivileged_userns_clone",
		"user.max_user_namespaces":                     "/proc/sys/user/max_user_namespaces",
		"kernel.apparmor_restrict_unprivileged_userns": "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
		"lsm":                "/sys/kernel/security/lsm",
		"cgroup":             "/proc/self/cgroup",
		"cgroup.controllers": "/sys/fs/cgroup/cgroup.controllers",
	} {
		if text, err := os.ReadFile(file); err == nil {
			found[name] = strings.Join(strings.Fields(string(text)), " ")
		}
	}
	return found
}

func (e examination) show(out io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(e)
	}
	var b strings.Builder
	e.write(&b)
	_, err := io.WriteString(out, b.String())
	return err
}

func (e examination) write(w io.Writer) {
	const gib = 1 << 30
	fmt.Fprintf(w, "内核 kernel %s，%d 核 cores，内存 memory %.1f GiB（可用 available %.1f GiB）\n",
		e.Kernel, e.Cores, float64(e.Memory)/gib, float64(e.Available)/gib)
	fmt.Fprintf(w, "%s：剩余空间 free space %.1f GiB\n", e.Dir, float64(e.Free)/gib)
	fmt.Fprintf(w, "闸门在本机可用的证据类型 evidence that a gate here could show：%v\n", e.Evidence)
	if len(e.Evidence) > 1 { // more than software
		fmt.Fprintln(w, "  写出供审核的策略 write a policy to review：yunei-gate policy --evidence ...；登记 TPM enrol a TPM：yunei tpm --help")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Behind)) {
		fmt.Fprintf(w, "%s %s：时钟落后见证时间 clock behind the witnessed time %s；%s %s\n", mark(false), name, e.Behind[name], slow.ZH, slow.EN)
	}
	for _, r := range e.Runners {
		state := "可启动 starts"
		if !r.Starts {
			state = "不能启动 does not start: " + r.Error
		}
		fmt.Fprintf(w, "%s %s：%s\n", mark(r.Starts), r.Name, state)
	}
	if e.Known {
		e.writeParts(w)
	} else {
		fmt.Fprint(w, "\n没有一个能启动，隔离的各部分未知。\nNone of them starts: nothing is known of the parts of the jail.\n")
	}
	fmt.Fprintf(w, "\n已达到的级别 levels reached：%s\n要求 wanted：%s\n%s\n",
		cmp.Or(strings.Join(e.Levels, " "), "无 none"), e.Wanted,
		map[bool]string{true: "达到 reached", false: "未达到 not reached"}[e.Reached])
}

var slow = fault.Show(fault.Refuse("clock", ""))

// clocks lists the daemons in a folder, or of which it is the folder, that have
// stopped because of their clock.
func clocks(dir string) map[string]string {
	behind := map[string]string{}
	for _, pattern := range []string{filepath.Join(dir, folder.ClockFile), filepath.Join(dir, "*", folder.ClockFile)} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			continue // only for a bad pattern
		}
		for _, file := range files {
			if raw, err := os.ReadFile(filepath.Clean(file)); err == nil && len(raw) < 64 {
				behind[filepath.Base(filepath.Dir(file))] = string(raw)
			}
		}
	}
	return behind
}

func (e examination) writeParts(w io.Writer) {
	fmt.Fprintln(w)
	var lacking []string
	for _, p := range e.Parts {
		wanted := ""
		if !p.Wanted {
			wanted = "（本级别不要求 not asked for by this level）"
		}
		fmt.Fprintf(w, "%s %s %s [%s]%s\n", mark(p.There), p.ZH, p.EN, p.Part, wanted)
		fmt.Fprintf(w, "    防范 against：%s %s\n", p.AgainstZH, p.AgainstEN)
		if !p.There && !slices.Contains(lacking, p.cure) {
			lacking = append(lacking, p.cure)
		}
	}
	for _, name := range lacking {
		c := cures[name]
		var of []string
		for _, p := range e.Parts {
			if !p.There && p.cure == name {
				of = append(of, p.Part)
			}
		}
		fmt.Fprintf(w, "\n办法 what to do [%s]\n    %s\n    %s\n", strings.Join(of, " "), c.zh, c.en)
		for _, f := range c.facts {
			fmt.Fprintf(w, "    现为 now：%s = %s\n", f, cmp.Or(e.Facts[f], "（无 none）"))
		}
	}
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// A part is what doctor knows of one part of the jail.
type part struct {
	ZH        string `json:"zh"`
	EN        string `json:"en"`
	AgainstZH string `json:"againstZh"`
	AgainstEN string `json:"againstEn"`

	bit  jail.Level
	cure string
}

var jailParts = []part{
	{"用户命名空间", "user namespace", "逃逸后仍是主机上的用户", "being a user of the host after an escape", jail.User, "namespaces"},
	{"挂载命名空间", "mount namespace", "改动或看见主机的文件系统", "seeing or changing the host's file systems", jail.Mount, "namespaces"},
	{"进程命名空间", "process namespace", "看见、跟踪或终止其他进程", "seeing, tracing or ending other processes", jail.PID, "namespaces"},
	{"网络命名空间", "network namespace", "经任何网络送出数据，包括回环", "sending data by any network, loopback included", jail.Net, "namespaces"},
	{"IPC 命名空间", "IPC namespace", "经共享内存和消息队列与他人通信", "talking to others by shared memory and queues", jail.IPC, "namespaces"},
	{"主机名命名空间", "host name namespace", "得知或更改主机名", "learning or changing the host's name", jail.UTS, "namespaces"},
	{"空的只读根目录", "empty read-only root", "打开任何文件", "opening any file", jail.Root, "namespaces"},
	{"cgroup 命名空间", "control group namespace", "得知主机上服务和容器的名称", "learning the names of the host's services and containers", jail.CgroupNS, "namespaces"},
	{"不持有任何权能", "no capabilities", "使用特权接口", "using privileged interfaces", jail.Caps, "runner"},
	{"不得提升权限", "no_new_privs", "经 setuid 程序取得权限", "gaining privileges by a setuid program", jail.NoNewPrivs, "runner"},
	{"资源限制", "resource limits", "耗尽内存和文件、留下核心转储", "exhausting memory and files, leaving a core dump", jail.Rlimits, "runner"},
	{"系统调用过滤", "system call filters", "攻击内核；套接字、执行程序等一次即终止", "attacking the kernel; one try at a socket or at executing a program ends it", jail.Seccomp, "seccomp"},
	{"Landlock", "Landlock", "过滤和根目录失守后仍打开文件、连接端口", "files and ports, should the root and the filters fail", jail.Landlock, "landlock"},
	{"控制组", "control group", "占尽内存、线程和处理器时间，把数据换出到磁盘", "taking all memory, threads and processor time; rows in swap", jail.Cgroup, "cgroup"},
}

// A cure is what to do about a part that is not there, and the settings that
// decide.
type cure struct {
	zh, en string
	facts  []string
}

var cures = map[string]cure{
	"namespaces": {
		"允许普通用户创建命名空间：sysctl kernel.unprivileged_userns_clone=1、user.max_user_namespaces=15000；Ubuntu 24.04 起另须 kernel.apparmor_restrict_unprivileged_userns=0，或为 yunei-site 和 yunei 配置 userns 的 AppArmor 规则；容器须用允许 clone、unshare、mount 的 seccomp 配置。内核须有 CONFIG_USER_NS、PID_NS、NET_NS、CGROUPS。",
		"let users make namespaces: sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces=15000; since Ubuntu 24.04 also kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with userns for yunei-site and yunei; a container needs a seccomp profile that lets it clone, unshare and mount. The kernel needs CONFIG_USER_NS, PID_NS, NET_NS, CGROUPS.",
		[]string{"kernel.unprivileged_userns_clone", "user.max_user_namespaces", "kernel.apparmor_restrict_unprivileged_userns"},
	},
	"runner": {
		"使用本版本的 yunei-runner 和 yunei-replay；任何 Linux 均具备此项。",
		"use the yunei-runner and yunei-replay of this version; every Linux has it.",
		nil,
	},
	"seccomp": {
		"内核须为 4.14 以上并有 CONFIG_SECCOMP_FILTER；架构须为 amd64 或 arm64。",
		"Linux 4.14 or later with CONFIG_SECCOMP_FILTER, on amd64 or arm64.",
		nil,
	},
	"landlock": {
		"内核须为 5.13 以上并有 CONFIG_SECURITY_LANDLOCK=y；若 lsm 一项中没有 landlock，在内核启动参数 lsm= 的最前面加上 landlock。容器的 seccomp 配置须允许 landlock_* 调用。",
		"Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK=y; if landlock is not in lsm, put it first in the kernel's boot parameter lsm=. A container's seccomp profile must allow the landlock_* calls.",
		[]string{"lsm"},
	},
	"cgroup": {
		"在 yunei-site 的 systemd 单元中写 Delegate=memory pids cpu（systemd 254 起另写 DelegateSubgroup=main），单元内只运行它一个进程；cgroup v1 须以 root 运行。容器须以可写方式挂载自己的 cgroup。",
		"write Delegate=memory pids cpu in yunei-site's systemd unit (and DelegateSubgroup=main since systemd 254), with no other process in the unit; cgroup v1 takes root. A container needs its own cgroup mounted writable.",
		[]string{"cgroup", "cgroup.controllers"},
	},
}
