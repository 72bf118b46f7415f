package jail

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/yunei/yunei/fault"
)

// The variants go from strict to lax, and the laxest makes no namespace: it is
// what a container that forbids them still lets us have.
func TestVariantsFallBack(t *testing.T) {
	for name, c := range map[string]struct {
		uid    int
		spaces []Level
		become []int
	}{
		"root": {
			0,
			[]Level{User | othersHave | CgroupNS, User | othersHave, othersHave | CgroupNS, othersHave, 0},
			[]int{nobodyInside, nobodyInside, nobody, nobody, nobody},
		},
		"a user": {1000, []Level{User | othersHave | CgroupNS, User | othersHave, 0}, []int{-1, -1, -1}},
	} {
		got := variants(c.uid, c.uid)
		if len(got) != len(c.spaces) {
			t.Fatalf("%s: %d variants, want %d", name, len(got), len(c.spaces))
		}
		for i, v := range got {
			if v.spaces != c.spaces[i] || v.become != c.become[i] || (v.spaces == 0) != (v.attr.Cloneflags == 0) {
				t.Errorf("%s, variant %d: %v as %d with flags %#x", name, i, v.spaces, v.become, v.attr.Cloneflags)
			}
		}
	}
}

func TestForbidden(t *testing.T) {
	if !forbidden(&os.PathError{Op: "fork/exec", Err: syscall.EPERM}) || forbidden(syscall.ENOENT) || forbidden(errors.New("x")) {
		t.Error("what is forbidden is not told from what is wrong")
	}
}

func TestStartOfNothing(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	if _, err := Start("/nonexistent", 1<<30, null, null); !errors.Is(err, fault.Internal) {
		t.Errorf("starting nothing: %v", err)
	}
}

func TestConfineKnowsItsStages(t *testing.T) {
	if err := Confine(0); !errors.Is(err, fault.Internal) {
		t.Errorf("the zero stage: %v", err)
	}
}

func TestLevel(t *testing.T) {
	if Level(0).Has(Basic) || !Full.Has(Basic) || Basic.Has(Full) || !Strict.Has(Full) || Full.Has(Strict) || !Basic.Has(0) {
		t.Error("Has is not the order of sets")
	}
	if got := (Basic | PID | Cgroup).String(); got != "pid no-new-privs rlimits seccomp cgroup" {
		t.Errorf("String = %q", got)
	}
	if Strict != 1<<len(parts)-1 {
		t.Error("a part has no name, or is in no level")
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]Level{"basic": Basic, "full": Full, "": Full, "strict": Strict} {
		if got, err := ParseLevel(name); got != want || err != nil {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"none", "Full", "0", "full "} {
		if got, err := ParseLevel(name); got != 0 || !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
}
