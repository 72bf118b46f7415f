// Package miniotest starts a real MinIO server for a test, on a port of the
// loopback address that was free and in a folder that goes with the test. The
// binary is that of build/minio.sh; MinIO is under the AGPL, so it is a
// program beside ours and never linked.
package miniotest

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/yunei/yunei/storage/minio"
)

// binary is what build/minio.sh leaves in the cache.
const binary = "yunei/minio-7aac2a2c5b7c"

// Start starts a server and returns the way to a new bucket of it. The test
// fails when there is no binary. The server ends with the test.
func Start(t testing.TB) minio.Config {
	t.Helper()
	c := minio.Config{Endpoint: freePort(t), Bucket: "test"}
	key := minio.Credentials{ID: rand.Text(), Secret: rand.Text()}
	c.Credentials = func() (minio.Credentials, error) { return key, nil }
	run(t, c.Endpoint, key)
	if err := minio.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func run(t testing.TB, endpoint string, key minio.Credentials) {
	t.Helper()
	home := t.TempDir()
	// Not t.Context(), which ends before the cleanups that may need the server.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path(t), "server",
		"--quiet", "--address", endpoint, filepath.Join(home, "data"))
	cmd.Env = []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "MINIO_BROWSER=off", "MINIO_UPDATE=off",
		"MINIO_ROOT_USER=" + key.ID, "MINIO_ROOT_PASSWORD=" + key.Secret,
	}
	var said output
	cmd.Stdout, cmd.Stderr = &said, &said
	// Should the test's process be killed, the server goes too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the signal comes when the thread that started it ends
		err := cmd.Start()
		if started <- err; err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("starting MinIO: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended                //nolint:errcheck // it was killed
	})
	await(t, endpoint, ended, &said)
}

// await waits until the server answers, for a minute at most.
func await(t testing.TB, endpoint string, ended chan error, said *output) {
	t.Helper()
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 600 {
		select {
		case err := <-ended:
			ended <- err // for the cleanup
			t.Fatalf("MinIO ended at once: %v\n%s", err, said)
		case <-time.After(100 * time.Millisecond):
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+endpoint+"/minio/health/ready", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		if err := resp.Body.Close(); err == nil && resp.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("MinIO does not answer\n%s", said)
}

func path(t testing.TB) string {
	t.Helper()
	p := os.Getenv("MINIO_BIN")
	if p == "" {
		cache := os.Getenv("XDG_CACHE_HOME")
		if cache == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				t.Fatal(err)
			}
			cache = filepath.Join(home, ".cache")
		}
		p = filepath.Join(cache, binary)
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("there is no MinIO server here: run build/minio.sh, or set MINIO_BIN (%v)", err)
	}
	return p
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

// An output keeps what the server said while it is being read.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(o.b.String())
}
