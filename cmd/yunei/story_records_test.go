package main

import (
	"database/sql"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // what is changed behind the coordinator's back
)

// alterCmd: `alter STATEMENT` has somebody with the coordinator's disk change its
// records by one SQL statement.
func alterCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "alter STATEMENT")
	db, err := sql.Open("sqlite", ts.MkAbs("install/yuneid/records.db"))
	ts.Check(err)
	defer db.Close() //nolint:errcheck // the statement is done or has failed
	done, err := db.Exec(args[0])
	ts.Check(err)
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("%s: %d rows, %v", args[0], n, err)
	}
}
