package records

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

type (
	profileRow struct {
		bun.BaseModel `bun:"table:profiles,alias:p"`

		Digest, ID string
		Version    int64
		Body       string
	}
	publicationRow struct {
		bun.BaseModel `bun:"table:publications,alias:u"`

		Digest, Key, Prior, Envelope string
	}
	enactmentRow struct {
		bun.BaseModel `bun:"table:enactments,alias:e"`

		Seq    int64
		Digest string
		At     int64
	}
	calendarRow struct {
		bun.BaseModel `bun:"table:calendars,alias:c"`

		Seq, At        int64
		Body, Envelope string
	}
)

// PutPublication keeps an officer's statement for a version of the city's rules
// with the version itself. With enact the version is in force from then on. The
// same statement again is no error.
func (r *Records) PutPublication(ctx context.Context, p profile.Profile, prior suite.Digest, statement receipt.Receipt, enact bool, at time.Time) error {
	f := p.Frozen()
	err := r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
		n, err := tx.NewSelect().Model((*profileRow)(nil)).Where("digest = ?", f.Digest).Count(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			row := profileRow{Digest: string(f.Digest), ID: f.ID, Version: int64(f.Version), Body: string(p.Bytes())}
			if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
				return err
			}
		}
		said := publicationRow{Digest: string(f.Digest), Key: string(statement.By()), Prior: string(prior), Envelope: string(statement.Bytes())}
		if _, err := tx.NewInsert().Model(&said).Exec(ctx); err != nil {
			return err
		}
		if !enact {
			return nil
		}
		seq, err := tx.NewSelect().Model((*enactmentRow)(nil)).Count(ctx)
		if err != nil {
			return err
		}
		row := enactmentRow{Seq: seq + 1, Digest: string(f.Digest), At: at.Unix()}
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping a publication: %w", kind(err))
	}
	return nil
}

// Publications are the statements for a version in the place of another, as kept.
func (r *Records) Publications(ctx context.Context, next, prior suite.Digest) ([]receipt.Receipt, error) {
	return r.publications(ctx, next, &prior)
}

// PublicationsOf are all statements for a version, in whosever place.
func (r *Records) PublicationsOf(ctx context.Context, next suite.Digest) ([]receipt.Receipt, error) {
	return r.publications(ctx, next, nil)
}

func (r *Records) publications(ctx context.Context, next suite.Digest, prior *suite.Digest) ([]receipt.Receipt, error) {
	var have []publicationRow
	q := r.db.NewSelect().Model(&have).Where("digest = ?", next).Order("key", "prior")
	if prior != nil {
		q = q.Where("prior = ?", *prior)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("reading publications: %w", err)
	}
	var all []receipt.Receipt
	for _, p := range have {
		rec, err := receipt.Parse([]byte(p.Envelope))
		if err != nil {
			return nil, fmt.Errorf("reading publications: %w", err)
		}
		all = append(all, rec)
	}
	return all, nil
}

// InForce is the version of the city's rules that new cases are opened under. As
// long as nothing is published it is of kind NotFound.
func (r *Records) InForce(ctx context.Context) (profile.Profile, error) {
	var e enactmentRow
	err := r.db.NewSelect().Model(&e).Order("seq DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return profile.Profile{}, fmt.Errorf("reading the rules in force: %w", fault.NotFound)
	}
	if err != nil {
		return profile.Profile{}, fmt.Errorf("reading the rules in force: %w", err)
	}
	return r.profile(ctx, suite.Digest(e.Digest))
}

// Profile is a version that a case keeps, whether or not it is in force now; one
// that nobody enacted is of kind NotFound.
func (r *Records) Profile(ctx context.Context, want profile.Frozen) (profile.Profile, error) {
	n, err := r.db.NewSelect().Model((*enactmentRow)(nil)).Where("digest = ?", want.Digest).Count(ctx)
	if err != nil {
		return profile.Profile{}, fmt.Errorf("reading a profile: %w", err)
	}
	if n == 0 {
		return profile.Profile{}, fmt.Errorf("reading profile %.40q: never in force here: %w", want.ID, fault.NotFound)
	}
	p, err := r.profile(ctx, want.Digest)
	if err == nil && p.Frozen() != want {
		return profile.Profile{}, fmt.Errorf("reading profile %.40q: another profile: %w", want.ID, fault.Tampered)
	}
	return p, err
}

// profile reads a version by its digest, once: what a digest names never changes,
// and every request asks for the rules in force.
func (r *Records) profile(ctx context.Context, d suite.Digest) (profile.Profile, error) {
	if p, ok := r.rules.Load(d); ok {
		return p.(profile.Profile), nil //nolint:errcheck,forcetypeassert // nothing else is kept there
	}
	p, err := r.readProfile(ctx, d)
	if err == nil {
		r.rules.Store(d, p)
	}
	return p, err
}

func (r *Records) readProfile(ctx context.Context, d suite.Digest) (profile.Profile, error) {
	var have profileRow
	err := r.db.NewSelect().Model(&have).Where("digest = ?", d).Scan(ctx)
	if err != nil {
		return profile.Profile{}, fmt.Errorf("reading a profile: %w", err)
	}
	return profile.Open([]byte(have.Body), profile.Frozen{ID: have.ID, Version: int(have.Version), Digest: d})
}

// Enacted lists the versions that are or were in force, in their order.
func (r *Records) Enacted(ctx context.Context) ([]profile.Frozen, error) {
	var have []profileRow
	err := r.db.NewRaw("SELECT p.digest, p.id, p.version, '' AS body FROM enactments AS e JOIN profiles AS p ON p.digest = e.digest ORDER BY e.seq").Scan(ctx, &have)
	if err != nil {
		return nil, fmt.Errorf("listing the versions of the rules: %w", err)
	}
	var all []profile.Frozen
	for _, p := range have {
		all = append(all, profile.Frozen{ID: p.ID, Version: int(p.Version), Digest: suite.Digest(p.Digest)})
	}
	return all, nil
}
