package wasm

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/serve"
	"github.com/yunei/yunei/sandbox/wire"
)

// The engine behind its pipes, but for the jail.
func TestServe(t *testing.T) {
	admitted, err := admit.Admit(prebuilt(t, "district-age-c"), granted)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := wire.AppendLoad(nil, wire.Program{Limits: granted, Keep: true, Module: admitted})
	if err != nil {
		t.Fatal(err)
	}
	if frames, err = wire.AppendUnits(frames, [][]byte{unit(t, 5), make([]byte, 40)}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	open := serve.Jail{Confine: func(jail.Stage) error { return nil }}
	if err := serve.Serve(bytes.NewReader(frames), &out, open, Load); err != nil {
		t.Fatal(err)
	}
	answers := wire.NewReader(&out)
	var payload []byte
	for _, want := range []wire.Kind{wire.Ready, wire.Compiled, wire.Results} {
		var kind wire.Kind
		if kind, payload, err = answers.Next(wire.MaxFrame); err != nil || kind != want || len(payload) == 0 {
			t.Fatalf("an answer of kind %#x and %d bytes, %v; want %#x", kind, len(payload), err, want)
		}
	}
	got, err := wire.ParseResults(nil, payload, wire.Asked{Units: 2, Emits: granted.Emits})
	want := []wire.Result{{OK: true, Emits: []abi.Emit{{Cell: 7, Value: 1}, {Cell: 7, Measure: 1, Value: 5}}}, {Emits: []abi.Emit{}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
