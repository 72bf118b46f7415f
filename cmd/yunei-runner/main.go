// Command yunei-runner hosts one guest for a site: it is started by package
// sandbox, jailed before its first line, and speaks frames on its standard
// input and output. It reads no argument, no file and no environment, opens
// nothing, and has nothing to say to a person; by hand it only exits.
package main

import (
	"os"
	"runtime"

	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/jail/inner"
	"github.com/yunei/yunei/sandbox/serve"
	"github.com/yunei/yunei/sandbox/wasm"
)

// The main thread is kept from the guest: its stack is as large as whoever
// started this process made it, the others' are as jail/inner says.
func init() { runtime.LockOSThread() }

func main() {
	runtime.GOMAXPROCS(1) // one guest, one core; sites start as many runners as they have
	code := make(chan int)
	go func() {
		runtime.LockOSThread()
		code <- run()
	}()
	os.Exit(<-code)
}

func run() int {
	if inner.Level() == 0 {
		return 2
	}
	here := serve.Jail{Level: inner.Level(), Confine: jail.Confine}
	if err := serve.Serve(os.Stdin, os.Stdout, here, wasm.Load); err != nil {
		return 1
	}
	return 0
}
