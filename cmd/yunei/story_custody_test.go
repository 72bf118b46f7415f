package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/seal"
)

// opensCmd: `opens FOLDER STORE VERSION` demands that a folder has a key, in
// whatever form, that opens a version of a store; `! opens` that it has none. Every
// 32 bytes that lie in a file there are tried, as they are and as hexadecimal
// digits, as the private key and as the version's own.
func opensCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 3, "opens FOLDER STORE dataset@version")
	store, err := dir.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	path, version, _ := strings.Cut(args[2], "@")
	name, err := columns.Name(path, version)
	ts.Check(err)
	header, err := seal.GetHeader(context.Background(), store, name)
	ts.Check(err)
	tried, found := 0, false
	try := func(raw []byte) {
		for i := 0; i+seal.KeySize <= len(raw) && !found; i++ {
			tried++
			if key, err := seal.ParsePrivateKey(raw[i : i+seal.KeySize]); err == nil {
				_, err = key.Unwrap(header, name)
				found = found || err == nil
			}
			if key, err := seal.ParseDataKey(raw[i : i+seal.KeySize]); err == nil {
				_, err = seal.GetWith(context.Background(), store, key, name)
				found = found || err == nil
			}
		}
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.Contains(file, "/store/") || strings.Contains(file, "/cache/") {
			return nil // sealed, or compiled programs
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if text := bytes.TrimSpace(raw); len(text) == 2*seal.KeySize {
			if bare, err := hex.DecodeString(string(text)); err == nil {
				raw = bare
			}
		}
		try(raw[:min(len(raw), 1<<13)])
		return nil
	}))
	if found == neg || tried == 0 {
		ts.Fatalf("%s opens %s: %v, after %d tries", args[0], args[2], found, tried)
	}
}
