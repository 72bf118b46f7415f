// Package inner shuts a jail from within. A program that links it, and that
// is started by jail.Start, has an empty root, no capabilities, no_new_privs
// and its resource limits before its first line of Go runs; started in any
// other way it is left alone. It does not filter system calls (jail.Confine
// does), and trusts its arguments, which are the parent's.
package inner

// #include "inner.h"
import "C"

import "github.com/yunei/yunei/sandbox/jail"

// Level returns what has been achieved so far; 0 if this process was not
// started by jail.Start.
func Level() jail.Level { return jail.Level(C.yn_level()) }
