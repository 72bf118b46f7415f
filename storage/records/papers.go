package records

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/suite"
)

// MaxPapers bounds how many papers one key puts.
const MaxPapers = 10000

type (
	paperRow struct {
		bun.BaseModel `bun:"table:papers,alias:p"`

		Digest, Body string
	}
	putRow struct {
		bun.BaseModel `bun:"table:paper_puts,alias:u"`

		Digest, Key string
		Size        int64
		Envelope    string
	}
)

func digestOf(s string) suite.Digest { return suite.Digest(s) }

// PutPaper keeps the bytes of a paper under their digest, and the request of who
// put them. A paper that the key has put before is no error. One too large, or
// one too many of the key's, is of kind Exhausted.
func (r *Records) PutPaper(ctx context.Context, key suite.PublicKey, body, envelope []byte) (suite.Digest, error) {
	if len(body) > papers.MaxSize {
		return "", fmt.Errorf("keeping a paper of %d bytes: %w", len(body), fault.Exhausted)
	}
	d := suite.DigestOf(body)
	put := putRow{Digest: string(d), Key: string(key), Size: int64(len(body)), Envelope: string(envelope)}
	err := r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
		if before, err := tx.NewSelect().Model((*putRow)(nil)).Where("digest = ?", d).Where("key = ?", key).Count(ctx); err != nil || before > 0 {
			return err
		}
		n, err := tx.NewSelect().Model((*putRow)(nil)).Where("key = ?", key).Count(ctx)
		if err != nil {
			return err
		}
		if n >= MaxPapers {
			return fault.Exhausted
		}
		there, err := tx.NewSelect().Model((*paperRow)(nil)).Where("digest = ?", d).Count(ctx)
		if err != nil {
			return err
		}
		if there == 0 {
			paper := paperRow{Digest: string(d), Body: base64.StdEncoding.EncodeToString(body)}
			if _, err := tx.NewInsert().Model(&paper).Exec(ctx); err != nil {
				return err
			}
			if sheet := sheetOf(paper.Digest, body); len(sheet) > 0 {
				if _, err := tx.NewInsert().Model(&sheet).Exec(ctx); err != nil {
					return err
				}
			}
		}
		_, err = tx.NewInsert().Model(&put).Exec(ctx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keeping a paper: %w", kind(err))
	}
	return d, nil
}

// Paper is the bytes of a digest, or NotFound. Bytes that are not the digest's
// are of kind Tampered.
func (r *Records) Paper(ctx context.Context, d suite.Digest) ([]byte, error) {
	var have paperRow
	err := r.db.NewSelect().Model(&have).Where("digest = ?", d).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading a paper: %w", fault.NotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a paper: %w", err)
	}
	body, err := base64.StdEncoding.DecodeString(have.Body)
	if err != nil || suite.DigestOf(body) != d {
		return nil, fmt.Errorf("reading a paper: not the bytes of its digest: %w", fault.Tampered)
	}
	return body, nil
}

// PutBy reports whether a key has put a paper.
func (r *Records) PutBy(ctx context.Context, d suite.Digest, key suite.PublicKey) (bool, error) {
	n, err := r.db.NewSelect().Model((*putRow)(nil)).Where("digest = ?", d).Where("key = ?", key).Count(ctx)
	if err != nil {
		return false, fmt.Errorf("reading who put a paper: %w", err)
	}
	return n > 0, nil
}
