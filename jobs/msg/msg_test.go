package msg

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

func TestSubject(t *testing.T) {
	for _, p := range []Place{{"r-1", 0, Permit, Coordinator}, {"r-1", MaxRounds, KeyCommit, "site-a"}, {strings.Repeat("r", 63), 1, VoteCommit, strings.Repeat("p", 63)}} {
		got, err := ParseSubject(Subject(p.Run, p.Round, p.Kind, p.Party))
		if err != nil || got != p {
			t.Errorf("%v came back as %v, %v", p, got, err)
		}
	}
	logged := LoggedSubject("r-1", suite.DigestOf(nil))
	if p, err := ParseSubject(logged); err != nil || p.Kind != Logged || p.Round != 0 {
		t.Errorf("%s is %v, %v", logged, p, err)
	}
	for _, bad := range []string{
		"", "run", "run.r-1.1.commit", "run.r-1.1.commit.a.b", "ruN.r-1.1.commit.a", "run..1.commit.a", "run.r-1.01.commit.a",
		"run.r-1.+1.commit.a", "run.r-1.-1.commit.a", "run.r-1.5.commit.a", "run.r-1.99999999999999999999.commit.a", "run.r-1.x.commit.a",
		"run.R.1.commit.a", "run.r-1.1.*.a", "run.r-1.1.commit.>", "run.r-1.1.commit.", "run.r-1.1.commit.a\n", "run.r-1.1..a",
		"run." + strings.Repeat("r", 64) + ".1.commit.a",
	} {
		if p, err := ParseSubject(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q is read as %v, %v", bad, p, err)
		}
	}
}

func TestCheckpointSubject(t *testing.T) {
	for _, size := range []uint64{0, 1, 1<<62 - 1} {
		if got, err := ParseCheckpointSubject(CheckpointSubject(size)); err != nil || got != size {
			t.Errorf("%d came back as %d, %v", size, got, err)
		}
	}
	for _, bad := range []string{"", "ledger.1", "ledger.1.cosign", "ledger.-1.checkpoint", "ledger.4611686018427387904.checkpoint", "ledger.x.checkpoint", "ledger.1.checkpoint.t", CosignatureSubject(1, "trustee-1")} {
		if size, err := ParseCheckpointSubject(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q is read as %d, %v", bad, size, err)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	f.Add(Subject(run, 1, Commit, "site-a"))
	f.Add("run.r-1.01.commit.a")
	f.Add(CheckpointSubject(7))
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParseSubject(s); err == nil && Subject(p.Run, p.Round, p.Kind, p.Party) != s {
			t.Fatalf("%q has another spelling: %v", s, p)
		}
		if _, err := ParseCheckpointSubject(s); err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
	})
}

// What a commitment is about is part of it: no two parties, rounds, runs or
// permits share one, and no list of parts reads as another.
func TestBind(t *testing.T) {
	seen := map[string]string{}
	for _, o := range []Of{
		{"r-1", 1, "sha256:00", "site-a"},
		{"r-1", 1, "sha256:00", "site-b"},
		{"r-1", 2, "sha256:00", "site-a"},
		{"r-2", 1, "sha256:00", "site-a"},
		{"r-1", 1, "sha256:01", "site-a"},
	} {
		for name, p := range map[string]Parts{
			"two moduli": {{"sha256:aa"}, {"sha256:bb"}},
			"swapped":    {{"sha256:bb"}, {"sha256:aa"}},
			"two chunks": {{"sha256:aa", "sha256:bb"}},
			"one":        {{"sha256:aa"}},
			"later":      {{}, {"sha256:aa"}},
		} {
			text := string(o.Bind(p.Bytes()))
			if other, ok := seen[text]; ok {
				t.Errorf("%v %s binds as %s", o, name, other)
			}
			seen[text] = name
		}
	}
}

func TestVoteHasOneSpelling(t *testing.T) {
	v := Vote{Candidate: "c", Record: "r", Recipients: []string{"x"}, Approve: true, Reason: "y"}
	if string(v.Bytes()) != `{"candidate":"c","record":"r","recipients":["x"],"approve":true,"reason":"y"}` {
		t.Errorf("%s", v.Bytes())
	}
	other := v
	other.Recipients = slices.Concat(v.Recipients, []string{"z"})
	if slices.Equal(v.Bytes(), other.Bytes()) {
		t.Error("the recipients are no part of a vote")
	}
}
