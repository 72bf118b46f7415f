package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/enrol"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/storage/records"
)

// Wrong tokens that are looked at in an hour: for one name, and for all.
const (
	maxWrong    = 5
	maxWrongAll = 60
	wrongTime   = time.Hour
)

// tries counts wrong tokens. It forgets when the server stops; a token has 160 bits
// all the same, and what is kept off is noise.
type tries struct {
	mu    sync.Mutex
	since time.Time
	all   int
	wrong map[string]int // by the name of an invitation that there is
}

// left refuses a try when there were too many: for the name, or for all names
// together, by which nobody who has the right token is kept off.
func (t *tries) left(name string, right bool, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.since) >= wrongTime {
		t.since, t.all, t.wrong = now, 0, map[string]int{}
	}
	if !right && t.all >= maxWrongAll || t.wrong[name] >= maxWrong {
		return fault.Refuse("invite-tries", governance.House)
	}
	return nil
}

// count counts a wrong one; known says that there is an invitation of that name.
func (t *tries) count(name string, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all++
	if known {
		t.wrong[name]++
	}
}

// forget begins anew for a name that is invited anew.
func (t *tries) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.wrong, name)
}

// enrol hears a process that nobody knows: under a token, and for one name.
func (s *Server) enrol(w http.ResponseWriter, r *http.Request) (any, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, enrol.MaxAsk))
	if err != nil {
		return nil, tooLarge(err)
	}
	if err := take(s.gates); err != nil {
		return nil, err
	}
	defer leave(s.gates)
	_, n, statement, err := enrol.ParseAsk(raw)
	if err != nil {
		return nil, err
	}
	return verb.None{}, s.answerInvitation(r.Context(), n, statement, s.Now())
}

func (s *Server) answerInvitation(ctx context.Context, n enrol.Newcomer, statement []byte, now time.Time) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	rec, err := s.Records.Invitations.Get(ctx, n.Name)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	if err := s.tries.left(n.Name, n.Invitation == rec.Value.Token && rec.Revision > 0, now); err != nil {
		return err
	}
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return err
	}
	had := rec.Value.Newcomer != nil
	rec.Value, err = reg.Answer(rec.Value, n, s.Key, now)
	if fault.Show(err).Code == "invite-token" && err != nil {
		s.tries.count(n.Name, rec.Revision > 0)
	}
	if err != nil || had {
		return err
	}
	rec.Revision, rec.Envelope = rec.Revision+1, statement
	return s.Records.Invitations.Put(ctx, rec)
}

// invite keeps an invitation, in the place of an earlier one of the name.
func invite(ctx context.Context, s *Server, c *call) (any, error) {
	return keep(ctx, s, c, s.Records.Invitations, func(i governance.Invitation) string { return i.Name },
		func(g governance.Register, i governance.Invitation) error {
			err := g.MayInvite(c.By, i, c.now)
			if err == nil {
				s.tries.forget(i.Name)
			}
			return err
		})
}

// invited lists invitations for the bureau's person who may accept.
func invited(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	if c.By != s.Root {
		return nil, fault.Refuse("root-only", governance.House)
	}
	all, err := s.Records.Invitations.List(ctx, "")
	if err != nil {
		return nil, err
	}
	out := []verb.Invited{}
	for _, r := range all {
		i := verb.Invited{Invitation: r.Value}
		if r.Value.Newcomer != nil && !r.Value.Accepted {
			i.Statement = r.Envelope
		}
		out = append(out, i)
	}
	return out, nil
}

// accept registers who came under an invitation. The process is kept first: a crash
// between the two leaves an invitation that can be accepted no second time, for its
// key is taken.
func accept(ctx context.Context, s *Server, c *call) (any, error) {
	var body verb.Accept
	if err := c.Read(&body); err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	inv, err := s.Records.Invitations.Get(ctx, body.Process.Name)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, err
	}
	if err := reg.MayAccept(c.By, inv.Value, body.Process, body.Fingerprint, c.now); err != nil {
		return nil, err
	}
	rec := records.Record[governance.Process]{ID: body.Process.Name, Revision: 1, Value: body.Process, Envelope: c.Envelope}
	switch old, err := s.Records.Processes.Get(ctx, rec.ID); {
	case err == nil:
		rec.Revision = old.Revision + 1
	case !errors.Is(err, fault.NotFound):
		return nil, err
	}
	if err := s.Records.Processes.Put(ctx, rec); err != nil {
		return nil, err
	}
	inv.Value.Accepted, inv.Revision, inv.Envelope = true, inv.Revision+1, c.Envelope
	return verb.None{}, s.Records.Invitations.Put(ctx, inv)
}
