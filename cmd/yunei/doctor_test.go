package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/jail"
)

// machineHas reports whether this machine gives the runners in bin a level: a
// story that needs more than the basic one asks first.
func machineHas(ctx context.Context, bin string, level jail.Level) bool {
	return examine(ctx, bin, bin, level).Reached
}

// Every part of the strictest jail is explained once, in both languages, with
// what to do when it is not there.
func TestDoctorKnowsEveryPart(t *testing.T) {
	var all jail.Level
	for _, p := range jailParts {
		if all&p.bit != 0 || p.bit == 0 {
			t.Errorf("%s is explained twice, or is nothing", p.EN)
		}
		all |= p.bit
		r, ok := cures[p.cure]
		if !ok || !han(p.AgainstZH) || han(p.EN+p.AgainstEN+r.en) || !han(r.zh) {
			t.Errorf("%s: a text is missing or in the wrong language", p.EN)
		}
		for _, f := range r.facts {
			if strings.Contains(f, ".") && f != "cgroup.controllers" && !strings.Contains(r.en, f) {
				t.Errorf("%s: %s is shown and not explained", p.EN, f)
			}
		}
	}
	if all != jail.Strict {
		t.Errorf("not explained: %v", jail.Strict&^all)
	}
}

func han(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

func TestIdleIsAdmitted(t *testing.T) {
	if _, err := admit.Admit(idle(), limits.Limits{Fuel: 1 << 10, Memory: 1, Input: 1 << 10, Rows: 1, Emits: 1}); err != nil {
		t.Error(err)
	}
}

// With the runners of this tree, the level is what they say when they run; the
// text, the JSON and the verdict agree.
func TestDoctor(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator), "../yunei-runner", "../yunei-replay")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the runners: %v\n%s", err, out)
	}
	for _, least := range []jail.Level{jail.Basic, jail.Full, jail.Strict} {
		e := examine(t.Context(), bin, bin, least)
		if e.Cores < 1 || e.Memory == 0 || e.Free == 0 || !strings.HasPrefix(e.Kernel, "Linux ") {
			t.Errorf("the machine is %+v", e)
		}
		if !slices.Contains(e.Evidence, jobs.Software) {
			t.Errorf("a gate could show %v", e.Evidence)
		}
		reached := true
		for _, p := range e.Parts {
			reached = reached && (p.There || !p.Wanted)
		}
		for _, r := range e.Runners {
			if !r.Starts || !r.level.Has(jail.Basic) || r.Error != "" {
				t.Errorf("%s: %+v", r.Name, r)
			}
		}
		if e.Reached != reached || reached != machineHas(t.Context(), bin, least) || (e.verdict() == nil) != reached {
			t.Errorf("%v: reached is %v, the parts say %v", least, e.Reached, reached)
		}
		agree(t, e)
	}
}

func agree(t *testing.T, e examination) {
	t.Helper()
	var text, raw bytes.Buffer
	if err := errors.Join(e.show(&text, false), e.show(&raw, true)); err != nil {
		t.Fatal(err)
	}
	var back examination
	if err := json.Unmarshal(raw.Bytes(), &back); err != nil || back.Reached != e.Reached || len(back.Parts) != len(jailParts) {
		t.Errorf("%v\n%s", err, raw.String())
	}
	if strings.Contains(text.String(), "未达到 not reached") == e.Reached {
		t.Error(text.String())
	}
	for _, p := range e.Parts {
		if strings.Contains(text.String(), mark(p.There)+" "+p.ZH) != true || !strings.Contains(text.String(), p.AgainstEN) {
			t.Errorf("%s is not told\n%s", p.Part, text.String())
		}
	}
}

// A runner that is missing, or that is not one, gives no jail: exit code 3.
func TestDoctorWithoutRunners(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "yunei-replay"), []byte("#!/bin/false\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	e := examine(t.Context(), bin, bin, jail.Basic)
	for _, r := range e.Runners {
		if r.Starts || r.Error == "" || r.Level != "none" {
			t.Errorf("%+v", r)
		}
	}
	if e.Reached || len(e.Levels) > 0 || !errors.Is(e.verdict(), fault.Denied) || report(e.verdict()) != 3 {
		t.Errorf("reached %v, %v", e.Levels, e.verdict())
	}
	var text bytes.Buffer
	if err := e.show(&text, false); err != nil || !strings.Contains(text.String(), "nothing is known") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// What is lacking is told once, with the settings that decide.
func TestDoctorCures(t *testing.T) {
	e := examination{Facts: map[string]string{"lsm": "capability,yama"}, Runners: []checkedRunner{{Name: "a", Starts: true, level: jail.UTS}}}
	e.judge(jail.Full)
	var text bytes.Buffer
	if err := e.show(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range cures {
		if strings.Count(text.String(), c.zh) != 1 || strings.Count(text.String(), c.en) != 1 {
			t.Errorf("not told once: %s", c.en)
		}
	}
	if !strings.Contains(text.String(), "lsm = capability,yama") || e.Reached {
		t.Error(text.String())
	}
	agree(t, e)
}

// A daemon that has stopped for its clock is named, and doctor is not content.
func TestDoctorClock(t *testing.T) {
	dir := t.TempDir()
	if got := clocks(dir); len(got) != 0 {
		t.Errorf("%v are behind", got)
	}
	site := filepath.Join(dir, "site-a")
	if err := errors.Join(os.Mkdir(site, 0o700), os.WriteFile(filepath.Join(site, folder.ClockFile), []byte("7h0m0s"), 0o600)); err != nil {
		t.Fatal(err)
	}
	e := examination{Reached: true, Behind: clocks(dir)}
	var b strings.Builder
	e.write(&b)
	if !strings.Contains(b.String(), "site-a") || !strings.Contains(b.String(), "7h0m0s") || fault.Show(e.verdict()).Code != "clock" {
		t.Errorf("%v: %s", e.verdict(), b.String())
	}
	if got := clocks(site); got["site-a"] != "7h0m0s" {
		t.Errorf("of the daemon's own folder: %v", got)
	}
}
