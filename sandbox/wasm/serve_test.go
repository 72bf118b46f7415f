package wasm

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

// A log records the stages at which Serve shuts the jail.
type log []jail.Stage

func (l *log) confine(s jail.Stage) error {
	*l = append(*l, s)
	return nil
}

func TestServe(t *testing.T) {
	admitted, err := admit.Admit(prebuilt(t, "district-age-c"), granted)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := wire.AppendLoad(nil, granted, admitted)
	if err != nil {
		t.Fatal(err)
	}
	if frames, err = wire.AppendUnits(frames, [][]byte{unit(t, 5), make([]byte, 40)}); err != nil {
		t.Fatal(err)
	}
	var stages log
	var out bytes.Buffer
	if err := Serve(bytes.NewReader(frames), &out, Jail{Level: jail.Caps, Confine: stages.confine}); err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(stages, log{jail.Loading, jail.Running}) {
		t.Errorf("the jail was shut at %v", stages)
	}
	answers := wire.NewReader(&out)
	kind, payload, err := answers.Next(2)
	if err != nil || kind != wire.Ready {
		t.Fatalf("first answer of kind %#x, %v", kind, err)
	}
	if level, err := wire.ParseReady(payload); err != nil || jail.Level(level) != jail.Caps|jail.Seccomp {
		t.Errorf("ready at level %v, %v", jail.Level(level), err)
	}
	kind, payload, err = answers.Next(wire.ResultsSize(2, granted.Emits))
	if err != nil || kind != wire.Results {
		t.Fatalf("second answer of kind %#x, %v", kind, err)
	}
	got, err := wire.ParseResults(nil, payload, 2, granted.Emits)
	want := []wire.Result{{OK: true, Emits: []abi.Emit{{Cell: 7, Value: 1}, {Cell: 7, Measure: 1, Value: 5}}}, {Emits: []abi.Emit{}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// A jail that does not shut means that nothing is read; a module that does not
// load, that no row is.
func TestServeRefuses(t *testing.T) {
	load, err := wire.AppendLoad(nil, granted, []byte("(module)"))
	if err != nil {
		t.Fatal(err)
	}
	var stages log
	for name, c := range map[string]struct {
		jail Jail
		want wire.Reason
	}{
		"no jail":       {Jail{}, wire.RefusedJail},
		"a broken jail": {Jail{Confine: func(jail.Stage) error { return fault.Internal }}, wire.RefusedJail},
		"a bad module":  {Jail{Confine: stages.confine}, wire.RefusedGuest},
	} {
		var out bytes.Buffer
		in := bytes.NewReader(load)
		if err := Serve(in, &out, c.jail); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if (c.want == wire.RefusedJail) != (in.Len() == len(load)) {
			t.Errorf("%s: %d of %d bytes were left unread", name, in.Len(), len(load))
		}
		kind, payload, err := wire.NewReader(&out).Next(1)
		if err != nil || kind != wire.Refused || payload[0] != byte(c.want) {
			t.Errorf("%s: answered with kind %#x, %v, %v", name, kind, payload, err)
		}
	}
	if err := Serve(bytes.NewReader(nil), &bytes.Buffer{}, Jail{Confine: stages.confine}); !errors.Is(err, fault.Invalid) {
		t.Errorf("an empty input: %v", err)
	}
}
