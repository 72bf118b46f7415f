package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// An inquest is the files of a recheck, as a gate and two sites made them.
type inquest struct {
	*testing.T
	*governancetest.Town
	dir   string
	terms jobs.Terms
	set   msg.Set
	box   suite.Box
}

func newInquest(t *testing.T) *inquest {
	t.Helper()
	q := &inquest{T: t, Town: governancetest.NewTown(t), dir: t.TempDir()}
	q.terms = q.Terms()
	q.terms.Mode, q.terms.Threshold = jobs.SDC, 10
	q.terms.Program.Review = &jobs.Review{Reviewer: "a reader"}
	q.set = msg.Set{Members: []string{"site-hospital", "site-transit"}, Key: suite.DigestOf([]byte("key"))}
	var err error
	q.box, err = suite.NewBox()
	q.must(err)
	secret, err := q.box.Bytes()
	q.must(err)
	q.write("box.key", []byte(hex.EncodeToString(secret)))
	q.write(termsFile, q.terms.Bytes())
	return q
}

func (q *inquest) must(err error) {
	q.Helper()
	if err != nil {
		q.Fatal(err)
	}
}

func (q *inquest) path(name string) string { return filepath.Join(q.dir, name) }

func (q *inquest) write(name string, raw []byte) {
	q.Helper()
	q.must(os.WriteFile(q.path(name), raw, 0o600))
}

// domain is what a domain of so many units a cell seals, and goes by.
func (q *inquest) domain(units [2]int64) (sealed []int64, testimony []byte) {
	q.Helper()
	s := q.terms.Shape
	table, err := evidence.New(s.Lists(), s.Cells(), 0)
	q.must(err)
	cube := jobs.NewCube(s, q.terms.Pairs())
	for cell, n := range units {
		for range n {
			q.must(table.Add(uint32(cell), nil, nil))
		}
		cube.Values[cell] = n
	}
	sealed, err = gate.Protect(q.terms, cube, table, gate.Found{}, rand.Reader)
	q.must(err)
	return sealed, gate.Testify(table, gate.Found{})
}

// judge writes what the gate makes of the sum of a and b.
func (q *inquest) judge(a, b []int64) {
	q.Helper()
	sum := make([]int64, len(a))
	for i := range sum {
		sum[i] = a[i] + b[i]
	}
	c, record, err := gate.Judge(q.terms, sum)
	q.must(err)
	c, err = c.ForRun("r-1")
	q.must(err)
	salt, blind := suite.Salt{5}, suite.Salt{7}
	body := q.Ballot("r-1", q.terms)
	body.Set, body.Verdict = q.set, string(record.Verdict)
	body.Candidate, body.Record = suite.Commit(salt, c.Bytes()), suite.Commit(blind, record.Bytes())
	statement := q.Sign(q, "gate", msg.Candidate, body.About(), body)
	q.write(candidateFile, c.Bytes())
	q.write(recordFile, record.Bytes())
	_ = os.Remove(q.path(statementFile)) // none yet, or that of another lie
	q.must(writeJSON(q.path(statementFile), signedRecord{statement.Bytes(), salt, blind}))
}

// seal writes a site's packet.
func (q *inquest) seal(site, file string, testimony []byte, set msg.Set) {
	q.Helper()
	of := msg.Of{Run: "r-1", Permit: q.terms.Digest(), Party: site}
	o := msg.Opened{Of: of, Salt: suite.Salt{6}, Evidence: testimony}
	confirm := msg.ConfirmBody{Of: of, Set: set, Evidence: msg.CommitEvidence(of, o.Salt, testimony)}
	confirm.Round = 1
	gone := msg.DisclosedBody{Of: of, Recipient: "audit", Evidence: confirm.Evidence}
	o.Confirm = q.Sign(q, site, msg.Confirm, confirm.About(), confirm).Bytes()
	o.Disclosed = q.Sign(q, site, msg.Disclosed, gone.About(), gone).Bytes()
	raw, err := msg.SealPacket(q.box.Public(), o)
	q.must(err)
	q.write(file, raw)
}

func (q *inquest) recheck(files ...string) (string, error) {
	var evidence []string
	for _, f := range files {
		evidence = append(evidence, q.path(f))
	}
	var out strings.Builder
	err := recheckFlags{record: q.path(recordFile), box: q.path("box.key"), evidence: evidence}.run(&out)
	return out.String(), err
}

// From files alone a stranger comes to what the gate said, or finds that it
// lied, though every signature of the lie holds.
func TestRecheck(t *testing.T) {
	q := newInquest(t)
	thin, thinSays := q.domain([2]int64{4, 30})
	fine, fineSays := q.domain([2]int64{40, 30})
	q.seal("site-hospital", "a", thinSays, q.set)
	q.seal("site-transit", "b", fineSays, q.set)

	q.judge(thin, fine)
	out, err := q.recheck("a", "b")
	if err != nil || strings.Contains(out, "DIFFERS") || !strings.Contains(out, "site-hospital: 标记 flagged 1，其中被展示 of them shown 0") {
		t.Errorf("an honest gate: %v\n%s", err, out)
	}
	if out, err := q.recheck("a"); err != nil || !strings.Contains(out, "evidence is missing") {
		t.Errorf("half of the evidence: %v\n%s", err, out)
	}
	for name, files := range map[string][]string{"the same twice": {"a", "a"}, "no evidence": {candidateFile}} {
		if _, err := q.recheck(files...); err == nil {
			t.Errorf("%s: it holds", name)
		}
	}

	q.judge(fine, fine) // and says it of the same set
	for _, files := range [][]string{{"a", "b"}, {"a"}} {
		out, err := q.recheck(files...)
		if r, ok := errors.AsType[fault.Refusal](err); !ok || r.Code != "recheck" || !strings.Contains(out, "of them shown 1") {
			t.Errorf("a gate that lied, by %v: %v\n%s", files, err, out)
		}
	}

	q.judge(thin, fine)
	q.seal("site-transit", "b", fineSays, msg.Set{Members: q.set.Members, Key: suite.DigestOf([]byte("another key"))})
	if _, err := q.recheck("a", "b"); !errors.Is(err, fault.Tampered) {
		t.Errorf("evidence of another opening: %v", err)
	}
	q.must(os.WriteFile(q.path(candidateFile), []byte("{}"), 0o600))
	if _, err := q.recheck("a"); !errors.Is(err, fault.Tampered) {
		t.Errorf("another candidate: %v", err)
	}
}
