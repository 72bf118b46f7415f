package main

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// offerCmd: `offer BINARY FOLDER PIN TOKEN` has a daemon on a machine of its own
// offer its key to the story's coordinator; the last two are files.
func offerCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 4, "offer BINARY FOLDER PIN TOKEN")
	var p place
	s := the(ts)
	ts.Check(readJSON(s.Path("install", placeFile), &p))
	s.run(ts, neg, args[0], "enrol", "--dir", args[1], "--url", p.API, "--pin", strings.TrimSpace(ts.ReadFile(args[2])), "--token-file", args[3])
}
