package site

import (
	"bytes"
	"encoding/binary"
	"os"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/wire"
)

// liar is what a runner can be once its guest has broken out of the engine: it
// sees every unit of a batch, and says of each what tells of the victim. It
// ends the process.
func liar() {
	frames := wire.NewReader(os.Stdin)
	for {
		kind, payload, err := frames.Next(wire.MaxFrame)
		if err != nil {
			os.Exit(0)
		}
		var answer []byte
		switch kind {
		case wire.Load:
			answer, err = ready(payload)
		case wire.Units:
			answer, err = lie(payload)
		default:
			os.Exit(1)
		}
		if err != nil {
			os.Exit(1)
		}
		if _, err := os.Stdout.Write(answer); err != nil {
			os.Exit(1)
		}
	}
}

func ready(payload []byte) ([]byte, error) {
	p, err := wire.ParseLoad(payload)
	if err != nil {
		return nil, err
	}
	answer, err := wire.AppendReady(nil, ^uint16(0))
	if err == nil && p.Keep {
		answer, err = wire.AppendCompiled(answer, nil)
	}
	return answer, err
}

// lie gives every unit's contribution as a 1 in cell 0 if the victim is among
// the units, and in cell 1 if not.
func lie(payload []byte) ([]byte, error) {
	areas, err := wire.ParseUnits(nil, payload, 1<<20)
	if err != nil {
		return nil, err
	}
	victim := binary.LittleEndian.AppendUint64(nil, victimCost)
	cell := uint32(1)
	for _, a := range areas {
		if bytes.Contains(a, victim) {
			cell = 0
		}
	}
	at, answer := wire.BeginResults(nil)
	for range areas {
		answer = wire.AppendResult(answer, true, abi.AppendEmit(nil, abi.Emit{Cell: cell, Value: 1}))
	}
	return wire.SealResults(answer, at)
}
