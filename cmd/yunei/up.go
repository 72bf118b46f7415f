package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
)

func upCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "up",
		Short: "在本机启动一套完整的安装 / start a whole installation on this machine",
		Long: `启动 yunei init 所建安装的全部进程：yuneid、每个数据域一个 yunei-site、三个 yunei-trustee、一个 yunei-gate。
进程退出会被重新启动；Ctrl-C 结束全部。只监听本机回环地址。
Starts every process of an installation made by ` + "`yunei init`" + `, starts again one that ends, and ends all on Ctrl-C.
On one machine the separation between parties is SIMULATED: whoever is root here is all of them.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return up(c.Context(), dir, c.OutOrStdout()) },
	}
	c.Flags().StringVar(&dir, "dir", "", "安装目录 folder of the installation")
	_ = c.MarkFlagRequired("dir")
	return c
}

func up(ctx context.Context, dir string, out io.Writer) error {
	in, err := readInstall(dir)
	if err != nil {
		return err
	}
	bin, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	logs := &tail{w: os.Stderr}
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, d := range in.Daemons {
		wg.Go(func() { keepUp(ctx, filepath.Join(filepath.Dir(bin), d.Binary), filepath.Join(dir, d.Name), logs) })
		if i == 0 {
			if err := awaitAPI(ctx, in); err != nil {
				cancel()
				return err
			}
		}
	}
	fmt.Fprintf(out, "域内已启动 yunei is up: %d 个进程 processes, API %s\n", len(in.Daemons), in.API)
	<-ctx.Done()
	return nil
}

// keepUp runs a daemon and starts it again when it ends, until ctx does.
func keepUp(ctx context.Context, binary, dir string, logs io.Writer) {
	for ctx.Err() == nil {
		cmd := exec.CommandContext(ctx, binary, "--dir", dir) //nolint:gosec // a daemon beside this binary, its folder
		cmd.Stderr = logs
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 5 * time.Second
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		if err := runLocked(cmd); err != nil && ctx.Err() == nil {
			fmt.Fprintf(logs, "%s: %v; 重新启动 starting it again\n", filepath.Base(dir), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// runLocked runs cmd from a thread that lives as long as it does: the parent
// death signal is the thread's, not the process's.
func runLocked(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- cmd.Run()
	}()
	return <-done
}

// awaitAPI waits until the coordinator answers.
func awaitAPI(ctx context.Context, in install) error {
	h, err := client.HTTP(in.API, in.coordinator())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if answers(ctx, h, in.API) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("yuneid 未在 30 秒内启动 did not start within 30 s; its reason stands above")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func answers(ctx context.Context, h *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := h.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil // any answer will do
}

// A tail takes what several daemons log to one place, a write at a time.
type tail struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}
