package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// waitsCmd: `waits PERSON RUN PARTY WHAT` asks as that person until the run
// waits for the party, and why is told: held, lease or clock.
func waitsCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 4 && !neg && stands[args[3]] != "", "waits PERSON RUN PARTY held|lease|clock")
	s := the(ts)
	var out bytes.Buffer
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out.Reset()
		cmd := exec.Command(filepath.Join(s.Bin, "yunei"), "job", "show", args[1], "--key", s.Path("keys", args[0]+".pem"))
		cmd.Dir, cmd.Stdout, cmd.Stderr = s.Path(), &out, &out
		cmd.Env = append(cmd.Environ(), atEnv+"="+ts.Getenv(atEnv))
		if err := cmd.Run(); err == nil && strings.Contains(out.String(), "waits for "+args[2]+"\n") && strings.Contains(out.String(), stands[args[3]]) {
			return
		}
	}
	ts.Fatalf("%s never waited for %s by %s: %s", args[1], args[2], args[3], out.String())
}
