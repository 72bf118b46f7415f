// Command yunei-replay hosts one guest for a site as yunei-runner does, on the
// other engine: so that a shard can be computed twice, and sealed only if both
// agree. It is started by package sandbox, jailed before its first line, and
// speaks frames on its standard input and output. It reads no argument, no
// file and no environment, opens nothing, and has nothing to say to a person;
// by hand it only exits.
package main

import (
	"os"
	"runtime"

	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/jail/inner"
	"github.com/yunei/yunei/sandbox/serve"
	"github.com/yunei/yunei/sandbox/wazero"
)

func main() {
	runtime.GOMAXPROCS(1) // one guest, one core; sites start as many as they have
	os.Exit(run())
}

func run() int {
	if inner.Level() == 0 {
		return 2
	}
	here := serve.Jail{Level: inner.Level(), Confine: jail.Confine}
	if err := serve.Serve(os.Stdin, os.Stdout, here, wazero.Load); err != nil {
		return 1
	}
	return 0
}
