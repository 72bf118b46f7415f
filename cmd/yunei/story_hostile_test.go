package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	blobs "github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// A coordinator is whoever owns yuneid's disk: its key and its records. It asks no API and obeys no rule of governance; the operator's
// people may be with it, and no provider is.
type coordinator struct {
	*story
	key   suite.PrivateKey
	board *bus.Board
	recs  *records.Records
}

func (s *story) takeOver(ctx context.Context) (*coordinator, error) {
	home := s.Path("install", "yuneid")
	in, err := readInstall(s.Path("install"))
	if err != nil {
		return nil, err
	}
	c := &coordinator{story: s}
	if c.key, err = folder.Key(home); err != nil {
		return nil, err
	}
	if c.recs, err = records.Open(ctx, filepath.Join(home, "records.db")); err != nil {
		return nil, err
	}
	if c.board, err = bus.Dial(ctx, bus.Config{Addr: in.Board, Key: c.key, Pin: c.key.Public()}); err != nil {
		return nil, errors.Join(err, c.recs.Close())
	}
	return c, nil
}

func (c *coordinator) close() { c.board.Close(); _ = c.recs.Close() }

const coordinatorUsage = "coordinator starts RUN PERMIT [--by PERSON] [--sign] [--own-keys] [--start FIELD=VALUE]... [PATH=VALUE]..., or coordinator votes RUN"

// coordinatorCmd is the hostile coordinator.
//
// `coordinator starts RUN PERMIT` posts the permit that it has and a start of
// RUN straight on the board, begins a round, and waits until every site has
// answered. PATH=VALUE changes the terms, whose decisions stay as they are;
// --sign takes all decisions anew with its own key; --own-keys names its own
// keys for those who decide, and signs with them. The start is signed by the
// operator, or --by PERSON, and --start changes it.
//
// `coordinator votes RUN` votes in the checkers' places.
func coordinatorCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, coordinatorUsage)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := the(ts).takeOver(ctx)
	ts.Check(err)
	defer c.close()
	c.exit = 0
	switch {
	case args[0] == "votes" && len(args) == 2:
		ts.Check(c.votes(ctx, args[1]))
	case args[0] == "starts" && len(args) > 2:
		f, err := c.forge(ctx, args[1], args[2], args[3:])
		ts.Check(err)
		ts.Check(c.post(ctx, f))
		ts.Check(c.answers(ctx, f.run, ts.Stdout()))
	default:
		need(ts, false, coordinatorUsage)
	}
}

// A forgery is what the coordinator puts on the board as a run.
type forgery struct {
	run           string
	terms         jobs.Terms
	permit, start []byte
}

func (c *coordinator) forge(ctx context.Context, run, permit string, args []string) (forgery, error) {
	rec, err := c.recs.Permits.Get(ctx, permit)
	if err != nil {
		return forgery{}, fmt.Errorf("permit %s: %w", permit, err)
	}
	by, sign, own := "operator", false, false
	var terms, start []string
	for ; len(args) > 0; args = args[1:] {
		switch args[0] {
		case "--sign":
			sign = true
		case "--own-keys":
			own = true
		case "--by":
			by, args = args[1], args[1:]
		case "--start":
			start, args = append(start, args[1]), args[1:]
		default:
			terms = append(terms, args[0])
		}
	}
	f := forgery{run: run}
	bundle := rec.Value
	if f.terms, err = altered[jobs.Terms](bundle.Terms, terms); err != nil {
		return f, err
	}
	signers := map[suite.PublicKey]suite.PrivateKey{}
	if own {
		if signers, err = c.ownKeys(&f.terms); err != nil {
			return f, err
		}
	}
	bundle.Terms = f.terms.Bytes()
	if sign || own {
		if bundle.Decisions, err = c.decisions(f.terms, signers); err != nil {
			return f, err
		}
	}
	if f.permit, err = json.Marshal(bundle); err != nil {
		return f, err
	}
	key, ok := signers[f.terms.Operator.Key]
	if !ok {
		if key, err = readKey(c.Path("keys", by+".pem")); err != nil {
			return f, err
		}
	}
	f.start, err = begin(key, f.terms, run, start)
	return f, err
}

// begin is the start of a run, signed with key.
func begin(key suite.PrivateKey, t jobs.Terms, run string, edits []string) ([]byte, error) {
	raw, err := json.Marshal(jobs.Run{ID: run, Permit: t.Digest(), Purpose: t.Purpose, Program: t.Program.Digest, At: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return nil, err
	}
	r, err := altered[jobs.Run](raw, edits)
	if err != nil {
		return nil, err
	}
	signed, err := receipt.Sign(key, jobs.Start, receipt.About("run/"+run+"/0", t.Digest()), r)
	return signed.Bytes(), err
}

func altered[T any](raw []byte, edits []string) (t T, err error) {
	if raw, err = edited(raw, edits); err != nil {
		return t, err
	}
	return t, json.Unmarshal(raw, &t)
}

// ownKeys puts keys of the coordinator's own in the place of everyone who
// decides: the first provider's is that with which it signs as yuneid.
func (c *coordinator) ownKeys(t *jobs.Terms) (map[suite.PublicKey]suite.PrivateKey, error) {
	keys := map[suite.PublicKey]suite.PrivateKey{}
	places := []*suite.PublicKey{&t.Operator.Key, &t.Bureau.Key}
	for i := range t.Members {
		places = append(places, &t.Members[i].Provider.Key)
	}
	for i, place := range places {
		key := c.key
		if i != 2 {
			var err error
			if key, err = suite.NewPrivateKey(); err != nil {
				return nil, err
			}
		}
		*place, keys[key.Public()] = key.Public(), key
	}
	// A process and a person never share a key, even in a forgery.
	process, err := suite.NewPrivateKey()
	t.Coordinator.Key = process.Public()
	return keys, err
}

// decisions takes every decision on the terms with the signers at hand, and
// with yuneid's key where there is none.
func (c *coordinator) decisions(t jobs.Terms, signers map[suite.PublicKey]suite.PrivateKey) ([]json.RawMessage, error) {
	who := []struct {
		kind receipt.Kind
		jobs.Signer
	}{{jobs.Apply, t.Operator}, {jobs.Agree, t.Operator}, {jobs.Agree, t.Bureau}}
	for _, m := range t.Members {
		who = append(who, struct {
			kind receipt.Kind
			jobs.Signer
		}{jobs.Grant, m.Provider})
	}
	var all []json.RawMessage
	for _, w := range who {
		key, ok := signers[w.Key]
		if !ok {
			key = c.key
		}
		r, err := receipt.Sign(key, w.kind, receipt.About("terms/"+t.ID, t.Digest()), jobs.Decision{Terms: t.Digest(), Org: w.Org, At: time.Now().UTC()})
		if err != nil {
			return nil, err
		}
		all = append(all, r.Bytes())
	}
	return all, nil
}

func (c *coordinator) post(ctx context.Context, f forgery) error {
	module, err := os.ReadFile(c.program(f.terms.Program.Name))
	if err != nil {
		return err
	}
	if err := blobs.Put(ctx, c.board, msg.Coordinator, module); err != nil {
		return err
	}
	if err := c.board.Post(ctx, msg.Subject(f.run, 0, msg.Permit, msg.Coordinator), f.permit); err != nil {
		return err
	}
	if err := c.board.Post(ctx, msg.Subject(f.run, 0, jobs.Start, msg.Operator), f.start); err != nil {
		return err
	}
	subject, r, err := msg.Say(c.key, msg.Round, msg.RoundBody{Of: msg.Of{Run: f.run, Round: 1, Permit: f.terms.Digest(), Party: "yuneid"}})
	if err != nil {
		return err
	}
	return c.board.Post(ctx, subject, r.Bytes())
}

// answers waits until every site has refused or taken part, gives the others
// time to be fooled, and tells what each party said.
func (c *coordinator) answers(ctx context.Context, run string, w io.Writer) error {
	in, err := readInstall(c.Path("install"))
	if err != nil {
		return err
	}
	sites := 0
	for _, d := range in.Daemons {
		if d.Binary == "yunei-site" {
			sites++
		}
	}
	for {
		said, err := c.said(ctx, run)
		if err != nil {
			return err
		}
		if len(said["site"]) >= sites {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the sites did not answer: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	time.Sleep(500 * time.Millisecond)
	said, err := c.said(ctx, run)
	if err != nil {
		return err
	}
	for _, raw := range said["site"] {
		c.tell(w, raw)
	}
	for _, raw := range said["trustee"] {
		fmt.Fprintf(w, "%s took part: %s\n", raw.place.Party, raw.place.Kind)
	}
	return nil
}

type statement struct {
	place msg.Place
	data  []byte
}

// said lists the statements of sites and trustees in a run.
func (c *coordinator) said(ctx context.Context, run string) (map[string][]statement, error) {
	all := map[string][]statement{}
	for item, err := range c.board.All(ctx, "run."+run+".>") {
		if err != nil {
			return nil, err
		}
		p, err := msg.ParseSubject(item.Subject)
		if err != nil {
			return nil, err
		}
		what, _, _ := strings.Cut(p.Party, "-")
		all[what] = append(all[what], statement{p, item.Data})
	}
	return all, nil
}

func (c *coordinator) tell(w io.Writer, s statement) {
	var b msg.RefusalBody
	r, err := receipt.Parse(s.data)
	if err != nil || r.Read(msg.Refusal, &b) != nil {
		fmt.Fprintf(w, "%s took part: %s\n", s.place.Party, s.place.Kind)
		return
	}
	c.say(w, s.place.Party, fault.Show(fault.Refuse(fault.Code(b.Code), "")))
}

// votes posts approvals in the checkers' places.
func (c *coordinator) votes(ctx context.Context, run string) error {
	raw, err := c.board.Get(ctx, msg.Subject(run, 0, msg.Candidate, "gate"))
	if err != nil {
		return err
	}
	r, err := receipt.Parse(raw)
	if err != nil {
		return err
	}
	var body msg.CandidateBody
	if err := r.Read(msg.Candidate, &body); err != nil {
		return err
	}
	for i := range jobs.Votes {
		of := msg.Of{Run: run, Permit: body.Permit, Party: msg.Checker(i)}
		vote := msg.Vote{Candidate: body.Candidate, Record: body.Record, Recipients: []string{"qs-yy"}, Approve: true}
		salt, err := suite.NewSalt()
		if err != nil {
			return err
		}
		commit := msg.VoteCommitBody{Of: of, Vote: suite.Commit(salt, of.Bind(vote.Bytes()))}
		for kind, body := range map[receipt.Kind]msg.Body{msg.VoteCommit: commit, msg.VoteOpen: msg.VoteOpenBody{Of: of, Vote: vote, Salt: salt}} {
			subject, r, err := msg.Say(c.key, kind, body)
			if err != nil {
				return err
			}
			if err := c.board.Post(ctx, subject, r.Bytes()); err != nil {
				return err
			}
		}
	}
	time.Sleep(500 * time.Millisecond) // for the flow to be fooled
	return nil
}

const askUsage = "ask PERSON directory [late|twice|altered|elsewhere], ask PERSON upload FILE, ask PERSON start|vote RUN PERMIT, ask PERSON misdecide PERMIT"

// askCmd speaks to the API as no yunei would: with a request that is old, was
// altered on its way, sent twice, or sent to another verb; with bytes that
// nobody announced; with a start whose program was never sent; with a vote in the
// first checker's place; with a decision about other terms.
func askCmd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 2, askUsage)
	s := the(ts)
	s.exit = 0
	var p place
	ts.Check(readJSON(s.Path("install", placeFile), &p))
	key, err := readKey(s.Path("keys", args[0]+".pem"))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var said error
	switch args[1] {
	case "directory":
		said = p.directory(ctx, key, args[2])
	case "upload":
		said = p.send(ctx, http.MethodPut, verb.BlobPath+suite.DigestOf([]byte(ts.ReadFile(args[2]))).Hex(), []byte(ts.ReadFile(args[2])))
	case "start", "misdecide", "vote":
		c, err := p.client(key)
		ts.Check(err)
		said = s.misuse(ctx, c, key, args)
	default:
		need(ts, false, askUsage)
	}
	r, refused := errors.AsType[fault.Refusal](said)
	if said != nil && !refused {
		ts.Check(said)
	}
	if refused != neg {
		ts.Fatalf("refused: %v, want %v", refused, neg)
	}
	if refused {
		s.say(ts.Stderr(), "yuneid", r)
	}
}

// directory asks for the directory in an odd way.
func (p place) directory(ctx context.Context, key suite.PrivateKey, how string) error {
	at := time.Now()
	if how == "late" {
		at = at.Add(-10 * time.Minute)
	}
	r, err := verb.Sign(key, verb.DirectoryGet, p.Installation, at, bytes.NewReader([]byte("sixteen bytes...")), verb.None{})
	if err != nil {
		return err
	}
	raw, path := r.Bytes(), verb.Path+string(verb.DirectoryGet)
	switch how {
	case "twice":
		if err := p.send(ctx, http.MethodPost, path, raw); err != nil {
			return err
		}
	case "altered": // the first of the signature's characters
		i := bytes.Index(raw, []byte(`"sig":"`)) + len(`"sig":"`)
		raw = bytes.Clone(raw)
		raw[i] = 'A' + (raw[i]-'A'+1)%26
	case "elsewhere":
		path = verb.Path + string(verb.JobList)
	}
	return p.send(ctx, http.MethodPost, path, raw)
}

func (p place) send(ctx context.Context, method, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, p.API+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	over, err := client.HTTP(p.API, p.Key)
	if err != nil {
		return err
	}
	resp, err := over.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var r fault.Refusal
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return err
	}
	return r
}

// misuse speaks to the API with a receipt that yunei would not make.
func (s *story) misuse(ctx context.Context, api *client.Client, key suite.PrivateKey, args []string) error {
	id := args[len(args)-1]
	a, err := api.Application(ctx, id)
	if err != nil {
		return err
	}
	if args[1] == "start" {
		raw, err := begin(key, a.Terms, args[2], nil)
		if err != nil {
			return err
		}
		start, err := receipt.Parse(raw)
		if err != nil {
			return err
		}
		_, err = api.SubmitJob(ctx, id, start)
		return err
	}
	if args[1] == "vote" {
		of := msg.Of{Run: args[2], Permit: a.Terms.Digest(), Party: msg.Checker(0)}
		_, vote, err := msg.Say(key, msg.VoteCommit, msg.VoteCommitBody{Of: of, Vote: suite.Commit(suite.Salt{}, []byte("yes"))})
		if err != nil {
			return err
		}
		return api.CommitVote(ctx, args[2], vote)
	}
	other := suite.DigestOf([]byte("other terms"))
	r, err := receipt.Sign(key, jobs.Grant, receipt.About("terms/"+id, other), jobs.Decision{Terms: other, Org: "ybj-zg", At: time.Now().UTC()})
	if err != nil {
		return err
	}
	_, err = api.Decide(ctx, id, r)
	return err
}
