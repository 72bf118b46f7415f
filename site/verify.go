package site

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/suite"
)

// A run of a verification (jobs.Verify) is one query. The site opens the claims,
// charges them to the operator, for ever and before a row is read, reads the
// whole version whoever is asked about, holds the answer back until the run's
// slot and seals it to whoever asked. A crash costs the query and gives none for
// free: what was charged is answered after it, once, under the same charge.
//
// The day is that of the site's own clock at Beijing, and never goes back: a
// clock that is set back is on the day of the last charge.

// charged is the kind of the journal of verifications: what a query was charged,
// by run.
const charged receipt.Kind = "verify"

// A charge is what one query cost.
type charge struct {
	Permit   suite.Digest `json:"permit"`
	Operator string       `json:"operator"` // organisation
	Dataset  string       `json:"dataset"`
	Asked    int          `json:"asked"` // claims
	Day      string       `json:"day"`
	Daily    int          `json:"daily"` // claims of the operator on the dataset that day, these included
	Spent    int          `json:"spent"` // claims under the permit, these included
}

// queries are the claims that runs have asked and, once it is known, what holds of
// them, in memory only, until they are said.
type queries struct {
	sync.Mutex
	of map[string][]bool
}

// advanceVerify takes a query from its claims to its answer.
func (s *Site) advanceVerify(ctx context.Context, v *msg.View) error {
	if s.Remembers(v.ID(), 0, msg.Checked) {
		return s.Again(ctx, v.ID(), 0, msg.Checked)
	}
	if err := v.Permit().At(s.Now()); err != nil { // charged in time, and then down for long
		return s.end(ctx, v, expired)
	}
	m, err := s.member(v.Terms())
	if err != nil {
		return s.refuse(ctx, v, err)
	}
	claims, err := s.mayVerify(ctx, v, m)
	if err != nil {
		return s.refuse(ctx, v, err)
	}
	if err := s.Stands(v); err != nil { // a query that may not be answered now is not charged
		return err
	}
	paid, err := s.charge(v, m)
	if err != nil {
		return s.refuse(ctx, v, err)
	}
	if !s.Remembers(v.ID(), 0, used) {
		if err := s.book(v); err != nil {
			return s.refuse(ctx, v, err)
		}
	}
	if err := s.begin(v, computing); err != nil {
		return err
	}
	holds, err := s.holdsOf(ctx, v, m, claims)
	if err != nil {
		return err
	}
	if err := s.hold(v, computing); err != nil {
		return err
	}
	if err := s.Stands(v); err != nil { // reading took its time
		return err
	}
	answer := v.Terms().Verify.Answer(holds)
	sealed, err := claims.Reply.Seal(jobs.AnswerInfo(v.ID(), v.Permit().Digest()), answer.Bytes())
	if err != nil {
		return err
	}
	err = s.Say(ctx, msg.Checked, msg.CheckedBody{
		Of: v.Of(0, s.Name), Asked: paid.Asked, Day: paid.Day, Daily: paid.Daily, Spent: paid.Spent, Answer: sealed,
	})
	if err == nil {
		s.forgetQuery(v.ID())
	}
	return err
}

// mayVerify opens the claims of a query that this domain could answer. What it
// refuses follows from the terms, the schema and the claims alone.
func (s *Site) mayVerify(ctx context.Context, v *msg.View, m jobs.Member) (jobs.Claims, error) {
	t := v.Terms()
	if s.Keeper != nil || t.Verify.Box != s.Box.Public() { // a custodian counts runs, not claims
		return jobs.Claims{}, fault.Refuse("verify-offer", "")
	}
	schema, err := s.schema(ctx, m)
	if err != nil {
		return jobs.Claims{}, err
	}
	run := v.Run()
	plain, err := s.Box.Open(jobs.ClaimsInfo(v.ID(), v.Permit().Digest()), run.Claims)
	if err != nil {
		return jobs.Claims{}, fault.Refuse("verify-claims", "")
	}
	claims, err := jobs.ParseClaims(plain, t, run.Asked)
	if err != nil {
		return jobs.Claims{}, err
	}
	for i, name := range m.Columns {
		at := slices.IndexFunc(schema.Readable(), func(c columns.Column) bool { return c.Name == name })
		if at < 0 || schema.Readable()[at].Type != columns.Code {
			return jobs.Claims{}, fault.Refuse("verify-offer", "")
		}
		for _, c := range claims.Claims {
			if c.Codes[i] != "" && !slices.Contains(schema.Readable()[at].Codes, c.Codes[i]) {
				return jobs.Claims{}, fault.Refuse("verify-claims", "")
			}
		}
	}
	return claims, nil
}

// charge enters what a query costs, once; what an earlier attempt has entered
// stands.
func (s *Site) charge(v *msg.View, m jobs.Member) (charge, error) {
	s.books.Lock()
	defer s.books.Unlock()
	t := v.Terms()
	var paid charge
	switch err := s.Journal.Get(string(charged), v.ID(), &paid); {
	case err == nil && paid.Permit != v.Permit().Digest():
		return charge{}, fmt.Errorf("the query was charged under another permit: %w", fault.Tampered)
	case !errors.Is(err, fault.NotFound):
		return paid, err
	}
	if s.uses(v) >= t.Uses {
		return charge{}, fault.Refuse("permit-spent", "")
	}
	paid = charge{
		Permit: v.Permit().Digest(), Operator: t.Operator.Org, Dataset: m.Dataset,
		Asked: v.Run().Asked, Day: jobs.Day(s.Now()), Daily: v.Run().Asked, Spent: v.Run().Asked,
	}
	if err := s.addPast(&paid); err != nil {
		return charge{}, err
	}
	switch {
	case paid.Spent > t.Verify.Most:
		return charge{}, fault.Refuse("verify-spent", "")
	case paid.Daily > t.Verify.Daily:
		return charge{}, fault.Refuse("verify-rate", "")
	}
	s.Hook("verify:before")
	if _, err := s.Journal.Once(string(charged), v.ID(), paid); err != nil {
		return charge{}, fmt.Errorf("charging a query: %w", err)
	}
	s.Hook("verify:after")
	return paid, nil
}

// addPast adds to a charge what was charged before: that day under any permit of
// the operator's on the dataset, and under this permit on any day.
func (s *Site) addPast(now *charge) error {
	var all []charge
	for _, e := range s.Journal.All(string(charged)) {
		var c charge
		if err := e.Decode(&c); err != nil {
			return fmt.Errorf("reading the journal of verifications: %w: %w", err, fault.Tampered)
		}
		all = append(all, c)
		now.Day = max(now.Day, c.Day) // of one length, and so in the order of time
	}
	for _, c := range all {
		if c.Operator == now.Operator && c.Dataset == now.Dataset && c.Day == now.Day {
			now.Daily += c.Asked
		}
		if c.Permit == now.Permit {
			now.Spent += c.Asked
		}
	}
	return nil
}

// holdsOf is which claims of a query hold. It is read once while the site lives.
func (s *Site) holdsOf(ctx context.Context, v *msg.View, m jobs.Member, claims jobs.Claims) ([]bool, error) {
	s.queries.Lock()
	have, ok := s.queries.of[v.ID()]
	s.queries.Unlock()
	if ok {
		return have, nil
	}
	select { // beside no run's guest
	case s.cpu <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.cpu }()
	have, err := s.lookUp(ctx, v, m, claims.Claims)
	if err != nil {
		return nil, err
	}
	s.queries.Lock()
	defer s.queries.Unlock()
	if s.queries.of == nil {
		s.queries.of = map[string][]bool{}
	}
	s.queries.of[v.ID()] = have
	return have, nil
}

func (s *Site) forgetQuery(run string) {
	s.queries.Lock()
	defer s.queries.Unlock()
	clear(s.queries.of[run])
	delete(s.queries.of, run)
}

// lookUp reads the version through, a shard at a time, and finds for each claim
// whether a row of that unit has all its codes.
func (s *Site) lookUp(ctx context.Context, v *msg.View, m jobs.Member, claims []jobs.Claim) ([]bool, error) {
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return nil, err
	}
	defer closeData()
	secret, space := s.derive("verification of "+v.ID()), v.Terms().Shape.Namespace
	about := map[[32]byte][]int{}
	for i, c := range claims {
		name := columns.SeedOf(ident.UnitKey(s.Unit, space, c.ID), secret)
		about[name] = append(about[name], i)
	}
	q := columns.Query{Columns: m.Columns, MaxRows: math.MaxInt32}
	if len(q.Columns) == 0 { // whether there is a row at all; a column has to be read
		q.Columns = []string{version.Schema().Readable()[0].Name}
	}
	codes := codesOf(version.Schema(), m.Columns)
	holds := make([]bool, len(claims))
	for shard := range version.Shards() {
		err := version.Units(ctx, shard, q, func(u columns.Unit) error {
			for _, i := range about[u.Seed(secret)] {
				holds[i] = rowHas(u, codes, claims[i])
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading for a verification: %w", err)
		}
	}
	return holds, nil
}

// codesOf are the code lists of columns.
func codesOf(s columns.Schema, names []string) [][]string {
	var all [][]string
	for _, name := range names {
		for _, c := range s.Readable() {
			if c.Name == name {
				all = append(all, c.Codes)
			}
		}
	}
	return all
}

// rowHas reports whether one row of the unit has all codes of the claim.
func rowHas(u columns.Unit, codes [][]string, c jobs.Claim) bool {
	for row := range u.Rows {
		has := true
		for i, list := range codes {
			col := u.Columns[i]
			is := (col.Valid == nil || col.Valid[row]) && list[col.I32[row]] == c.Codes[i]
			has = has && (is || c.Codes[i] == "")
		}
		if has {
			return true
		}
	}
	return false
}
