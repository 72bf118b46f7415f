package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// maxPrograms is how many programs one key may announce.
const maxPrograms = 256

// announceProgram lets the bytes of one digest and size come in.
func announceProgram(ctx context.Context, s *Server, c *call) (any, error) {
	var p jobs.Program
	if err := c.Read(&p); err != nil {
		return nil, err
	}
	if c.user.Role != governance.RoleOperator {
		return nil, fault.Refuse("role", governance.House)
	}
	if p.Digest.Hex() == "" || p.Size < 1 {
		return nil, fault.Invalid
	}
	if p.Size > verb.MaxProgram {
		return nil, fault.Refuse("too-large", governance.House)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	all, err := s.Records.Programs.List(ctx, "")
	if err != nil {
		return nil, err
	}
	mine := 0
	id := p.Digest.Hex() + " " + string(c.By)
	for _, rec := range all {
		if rec.ID == id && rec.Value.Size == p.Size {
			return verb.None{}, nil
		}
		if strings.HasSuffix(rec.ID, " "+string(c.By)) {
			mine++
		}
	}
	if mine >= maxPrograms {
		return nil, fault.Exhausted
	}
	rec := records.Record[jobs.Program]{ID: id, Revision: 1, Parent: p.Digest.Hex(), Value: p, Envelope: c.Envelope}
	return verb.None{}, s.Records.Programs.Put(ctx, rec)
}

// upload takes the bytes of a program that was announced, and no others.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) (any, error) {
	ctx, d := r.Context(), suite.Digest("sha256:"+r.PathValue("digest"))
	if d.Hex() == "" {
		return nil, fault.Refuse("upload", governance.House)
	}
	announced, err := s.Records.Programs.List(ctx, d.Hex())
	if err != nil {
		return nil, err
	}
	sizes := map[int]bool{}
	most := 0
	for _, rec := range announced {
		sizes[rec.Value.Size] = true
		most = max(most, rec.Value.Size)
	}
	if most == 0 || r.ContentLength >= 0 && !sizes[int(r.ContentLength)] {
		return nil, fault.Refuse("upload", governance.House)
	}
	if err := take(s.uploads); err != nil {
		return nil, err
	}
	defer leave(s.uploads)
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	if err != nil {
		return nil, tooLarge(err)
	}
	if !sizes[len(b)] || suite.DigestOf(b) != d {
		return nil, fault.Refuse("upload", governance.House)
	}
	name, err := programName(d)
	if err != nil {
		return nil, err
	}
	if err := s.Programs.Put(ctx, name, bytes.NewReader(b)); err != nil && !errors.Is(err, fault.Conflict) {
		return nil, err
	}
	return verb.None{}, nil
}

func programName(d suite.Digest) (storage.Name, error) {
	return storage.NewName("programs/"+d.Hex(), "1")
}

// programOf is what a run needs: of a join or a verification, nothing.
func (s *Server) programOf(ctx context.Context, t jobs.Terms, d suite.Digest) ([]byte, error) {
	if !t.HasProgram() {
		return nil, nil
	}
	return s.program(ctx, d)
}

// program reads an uploaded program back.
func (s *Server) program(ctx context.Context, d suite.Digest) ([]byte, error) {
	name, err := programName(d)
	if err != nil {
		return nil, err
	}
	o, err := s.Programs.Open(ctx, name)
	if errors.Is(err, fault.NotFound) {
		return nil, fault.Refuse("program-missing", governance.House)
	}
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size(), verb.MaxProgram)))
	if err != nil {
		return nil, fmt.Errorf("reading a program: %w", err)
	}
	if suite.DigestOf(b) != d {
		return nil, fmt.Errorf("reading a program: %w", fault.Tampered)
	}
	return b, nil
}

// submitJob starts a run. The use of the permit is spent, durably, before the
// way hears of the run; the same start again goes to the way again.
func submitJob(ctx context.Context, s *Server, c *call) (any, error) {
	in, start, err := inner(c)
	if err != nil {
		return nil, err
	}
	t, err := s.terms(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	raw, err := s.permit(ctx, c, t)
	if errors.Is(err, fault.NotFound) {
		return nil, fault.Refuse("permit-incomplete", c.reg.Rules.Basis(governance.KeyAgreement))
	}
	if err != nil {
		return nil, err
	}
	permit, err := jobs.OpenPermit(raw, c.reg.Pins(t, c.now))
	if err != nil {
		return nil, err
	}
	used, err := s.used(ctx, permit, start)
	if err != nil {
		return nil, err
	}
	run, err := c.reg.MayStart(permit, start, used, c.now)
	if err != nil {
		return nil, err
	}
	if err := s.free(ctx, c.reg, t, c.now); err != nil {
		return nil, err
	}
	if err := s.passes(ctx, c.reg, t, gates.AtStart, used, nil, c.now); err != nil {
		return nil, err
	}
	program, err := s.programOf(ctx, t, run.Program)
	if err != nil {
		return nil, err
	}
	rec := records.Record[jobs.Run]{ID: run.ID, Revision: 1, Parent: t.ID, Value: run, Envelope: start.Bytes()}
	switch err := s.Records.Runs.PutAmong(ctx, rec, t.Uses); {
	case errors.Is(err, fault.Conflict):
		return nil, fault.Refuse("registered", governance.House)
	case full(err):
		return nil, fault.Refuse("permit-spent", governance.House)
	case err != nil:
		return nil, err
	}
	if err := s.Way.Submit(ctx, permit, start, program); err != nil {
		return nil, err
	}
	return s.job(ctx, c, t, rec)
}

// Resume gives the way the runs that are on record and that it may not have
// heard of: the platform may have died between the two. Call it before Serve.
// A run that cannot be given is logged, and is nobody else's trouble.
func (s *Server) Resume(ctx context.Context) error {
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return fmt.Errorf("resuming runs: %w", err)
	}
	apps, err := s.Records.Applications.List(ctx, "")
	if err != nil {
		return fmt.Errorf("resuming runs: %w", err)
	}
	for _, app := range apps {
		runs, err := s.Records.Runs.List(ctx, app.ID)
		if err != nil {
			return fmt.Errorf("resuming runs: %w", err)
		}
		for _, rec := range runs {
			if err := s.resume(ctx, reg.Pins(app.Value.Terms, s.Now()), app.ID, rec); err != nil {
				s.Log.LogAttrs(ctx, slog.LevelError, "resuming a run", slog.String("run", rec.ID), slog.String("error", err.Error()))
			}
		}
	}
	return nil
}

func (s *Server) resume(ctx context.Context, pins jobs.Pins, application string, rec records.Record[jobs.Run]) error {
	kept, err := s.Records.Permits.Get(ctx, application)
	if err != nil {
		return err
	}
	permit, err := jobs.OpenPermit(kept.Envelope, pins)
	if err != nil {
		return err
	}
	start, err := receipt.Parse(rec.Envelope)
	if err != nil {
		return err
	}
	program, err := s.programOf(ctx, permit.Terms(), rec.Value.Program)
	if err != nil {
		return err
	}
	return s.Way.Submit(ctx, permit, start, program)
}

// full reports whether a record was refused because its parent has as many as
// it may have, and not for want of disk.
func full(err error) bool {
	return errors.Is(err, fault.Exhausted) && fault.Show(err).Code != "disk-full"
}

// used counts the runs of a permit, leaving out start itself.
func (s *Server) used(ctx context.Context, p jobs.Permit, start receipt.Receipt) (int, error) {
	all, err := s.Records.Runs.List(ctx, p.Terms().ID)
	if err != nil {
		return 0, err
	}
	return len(slices.DeleteFunc(all, func(r records.Record[jobs.Run]) bool { return bytes.Equal(r.Envelope, start.Bytes()) })), nil
}

// run returns a run and its terms, if the caller may.
func (s *Server) run(ctx context.Context, id string, may func(jobs.Terms) bool) (records.Record[jobs.Run], jobs.Terms, error) {
	rec, err := s.Records.Runs.Get(ctx, id)
	if err != nil {
		return rec, jobs.Terms{}, err
	}
	app, err := s.Records.Applications.Get(ctx, rec.Parent)
	if err != nil {
		return rec, jobs.Terms{}, err
	}
	if !may(app.Value.Terms) {
		return rec, jobs.Terms{}, fault.NotFound
	}
	return rec, app.Value.Terms, nil
}

func (c *call) sees(t jobs.Terms) bool          { return governance.Sees(c.user, t) }
func (c *call) seesCandidate(t jobs.Terms) bool { return governance.SeesCandidate(c.user, t) }
func (c *call) receives(t jobs.Terms) bool      { return governance.Receives(c.user, t) }

// job says where a run stands, in words of closed lists only. A run that the
// way does not know yet is permitted, and waits for the way.
func (s *Server) job(ctx context.Context, c *call, t jobs.Terms, rec records.Record[jobs.Run]) (verb.Job, error) {
	j := verb.Job{Run: rec.ID, Application: t.ID, View: verb.View{State: jobs.Permitted, Waits: "compute"}}
	v, err := s.Way.State(ctx, rec.ID)
	if errors.Is(err, fault.NotFound) {
		return j, nil
	}
	if err != nil {
		return verb.Job{}, err
	}
	j.View = verb.View{State: v.State}
	if governance.Replays(c.user, t) {
		j.Replays = v.Replays
	}
	if slices.Contains(verb.Waits, v.Waits) {
		j.Waits = v.Waits
	}
	for _, who := range v.Turn {
		if party(t, who) {
			j.Turn = append(j.Turn, who)
		}
	}
	if v.Refusal != "" {
		j.Refusal = fault.Show(fault.Refuse(v.Refusal, "")).Code
	}
	if short := v.Short; short != nil && budget.Told(*short).Check() == nil {
		j.Short = short
	}
	j.Debits = v.Debits
	if j.Waits == "held" {
		if j.Orders, err = s.holding(ctx, t, c.now); err != nil {
			return verb.Job{}, err
		}
	}
	j.Answer = v.Answer
	j.Rules = v.Rules
	return j, nil
}

// party reports whether who is a party's name on the board under the terms.
func party(t jobs.Terms, who string) bool {
	names := []string{t.Gate.Name, t.Coordinator.Name, msg.Bureau}
	for _, m := range t.Members {
		names = append(names, m.Site.Name)
	}
	for _, p := range t.Trustees.Members {
		names = append(names, p.Name)
	}
	for i := range t.Checkers {
		names = append(names, msg.Checker(i))
	}
	return slices.Contains(names, who)
}

// replayJob asks for a run to be computed again. The domains decide for
// themselves whether the permit still lets them.
func replayJob(ctx context.Context, s *Server, c *call) (any, error) {
	in, request, err := inner(c)
	if err != nil {
		return nil, err
	}
	rec, t, err := s.run(ctx, in.ID, c.sees)
	if err != nil {
		return nil, err
	}
	if !governance.Replays(c.user, t) {
		return nil, fault.Refuse("role", governance.House)
	}
	v, err := s.Way.State(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case v.State < jobs.CandidateReady || v.State > jobs.Released:
		return nil, fault.Refuse("replay-early", governance.House)
	case c.now.After(t.NotAfter):
		return nil, fault.Refuse("permit-expired", governance.House)
	case t.Join != nil: // its keys are gone: there is nothing to compute again
		return nil, fault.Refuse("conflict", governance.House)
	}
	if err := s.Way.Replay(ctx, rec.ID, request); err != nil {
		return nil, err
	}
	return s.job(ctx, c, t, rec)
}

func showJob(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	rec, t, err := s.run(ctx, name.ID, c.sees)
	if err != nil {
		return nil, err
	}
	return s.job(ctx, c, t, rec)
}

func listJobs(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	apps, err := s.Records.Applications.List(ctx, "")
	if err != nil {
		return nil, err
	}
	list := []verb.Job{}
	for _, app := range apps {
		if !c.sees(app.Value.Terms) {
			continue
		}
		runs, err := s.Records.Runs.List(ctx, app.ID)
		if err != nil {
			return nil, err
		}
		for _, rec := range runs {
			j, err := s.job(ctx, c, app.Value.Terms, rec)
			if err != nil {
				return nil, err
			}
			list = append(list, j)
		}
	}
	return list, nil
}

func getRelease(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	rec, t, err := s.run(ctx, name.ID, c.receives)
	if err != nil {
		return nil, err
	}
	if err := s.stillOut(ctx, c.reg, rec.ID); err != nil {
		return nil, err
	}
	if err := s.goesTo(ctx, c, t); err != nil {
		return nil, err
	}
	v, err := s.Way.State(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	if v.State != jobs.Released {
		return nil, fault.Conflict
	}
	raw, err := s.Way.Bundle(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	return rawReply(raw), nil
}
