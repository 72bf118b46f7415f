package main

import (
	"context"
	"errors"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/flow"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
)

// way shows the flow of runs to the API, and, of what the rules do not let out, the
// gates that stop it.
type way struct {
	*flow.Flow
	server *api.Server
}

func (w *way) Submit(ctx context.Context, permit jobs.Permit, start receipt.Receipt, program []byte) error {
	return w.Flow.Submit(ctx, permit, start, program)
}

// Past is what was said in a run, without whose turn it is: whoever is asked that
// looks at the duties of the operator, and those at its runs.
func (w *way) Past(_ context.Context, run string) (verb.View, error) {
	v, err := w.View(run)
	if err != nil {
		return verb.View{}, err
	}
	return past(v), nil
}

func (w *way) State(ctx context.Context, run string) (verb.View, error) {
	v, err := w.View(run)
	if err != nil {
		return verb.View{}, err
	}
	out := past(v)
	if v.Err() != nil {
		return out, nil //nolint:nilerr // what is wrong with the run is the answer
	}
	out.Turn, out.Waits = w.Turn(v)
	if out.Waits == string(party.Ruled) {
		if out.Rules, err = w.server.Stopped(ctx, v); err != nil {
			return verb.View{}, err
		}
	}
	out.Replays = flow.Replays(v)
	return out, nil
}

func past(v *msg.View) verb.View {
	out := verb.View{State: flow.State(v)}
	if out.State == jobs.Failed {
		if out.Refusal = v.Refused(); out.Refusal == "" {
			out.Refusal = v.Dead()
		}
	}
	if v.Err() != nil {
		out.Refusal = fault.Show(v.Err()).Code
		return out // what is wrong with the run is the answer
	}
	if out.State == jobs.Stopped {
		out.Refusal = "rejected"
	}
	if out.Refusal == "budget" {
		out.Short = v.Short()
	}
	if out.State == jobs.Answered {
		if said, ok := v.Receipt(0, msg.Checked, v.Sites()[0]); ok {
			out.Answer = said.Bytes()
		}
	}
	out.Debits = governance.Debits(v)
	return out
}

func (w *way) Candidate(ctx context.Context, run string) (verb.Candidate, error) {
	v, err := w.View(run)
	if err != nil {
		return verb.Candidate{}, err
	}
	said, ok := v.Receipt(0, msg.Candidate, v.Terms().Gate.Name)
	if !ok {
		return verb.Candidate{}, fault.NotFound
	}
	letter, err := w.Flow.Candidate(ctx, v)
	if err != nil {
		return verb.Candidate{}, err
	}
	return verb.Candidate{Statement: said.Bytes(), Letter: letter}, nil
}

func (w *way) Vote(ctx context.Context, run string, vote receipt.Receipt) error {
	return w.Flow.Vote(ctx, run, vote)
}

func (w *way) Bundle(ctx context.Context, run string) ([]byte, error) {
	raw, err := w.Flow.Bundle(ctx, run)
	if errors.Is(err, fault.NotFound) {
		return nil, fault.NotFound
	}
	return raw, err
}
