package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		args     []string
		code     int
		out, err string
	}{
		{name: "help", args: []string{"--help"}, out: "same bytes on every machine"},
		{name: "help in Chinese", args: []string{"-h"}, out: "虚构城市"},
		{name: "no folder", code: 2, err: "--people 200000"},
		{name: "unknown flag", args: []string{"--size", "3"}, code: 2, err: "wrong arguments"},
		{name: "stray word", args: []string{"--out", dir, "x"}, code: 2, err: "wrong arguments"},
		{name: "nobody", args: []string{"--people", "0", "--out", dir}, code: 2, err: "invalid"},
		{name: "no such folder", args: []string{"--people", "3", "--out", blocked}, code: 1, err: "making the folder"},
		{name: "city", args: []string{"--people", "300", "--out", dir}, out: "b/employment.csv"},
		{name: "tiny", args: []string{"--people", "0", "--tiny", "--out", dir}, out: "malformed on purpose"},
	} {
		var out, errs strings.Builder
		code := run(c.args, &out, &errs)
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.err) {
			t.Errorf("%s: %d\n%s\n%s", c.name, code, out.String(), errs.String())
		}
	}
}
