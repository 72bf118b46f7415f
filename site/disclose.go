package site

import (
	"context"
	"errors"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/suite"
)

// In mode sdc a site keeps, sealed, what it went by when it flagged cells, and
// commits to it when it confirms the set. It is exact, and stays in the domain,
// but for one way: the provider's officer signs a consent that names the run, a
// recipient and the recipient's box. The site journals that, says it on the
// board, waits until the ledger holds it, and only then seals the evidence to
// that box. The platform gets none of it.

// A testimony is what a site went by, and the salt of its commitment to that.
type testimony struct {
	Salt     suite.Salt `json:"salt"`
	Evidence []byte     `json:"evidence"`
}

func testimonyName(run string) (storage.Name, error) {
	return storage.NewName("runs/"+run+"/evidence", "1")
}

// testify keeps what the site goes by in a run. What is kept first stands: it
// is what the site's partial was made of.
func (s *Site) testify(ctx context.Context, v *msg.View, evidence []byte) error {
	name, err := testimonyName(v.ID())
	if err != nil {
		return err
	}
	s.Hook("evidence:before")
	_, err = keep(ctx, s, name, testimony{}, func() (testimony, error) {
		salt, err := suite.NewSalt()
		return testimony{salt, evidence}, err
	})
	s.Hook("evidence:after")
	if err != nil {
		return fmt.Errorf("keeping what the site went by: %w", err)
	}
	return nil
}

// testified is the site's commitment to what it went by in a run.
func (s *Site) testified(ctx context.Context, v *msg.View) (suite.Commitment, error) {
	t, err := s.testimony(ctx, v.ID())
	if err != nil {
		return "", err
	}
	defer clear(t.Evidence)
	return msg.CommitEvidence(v.Of(0, s.Name), t.Salt, t.Evidence), nil
}

func (s *Site) testimony(ctx context.Context, run string) (testimony, error) {
	var t testimony
	name, err := testimonyName(run)
	if err != nil {
		return t, err
	}
	if err := s.get(ctx, name, &t); err != nil {
		return t, fmt.Errorf("reading what the site went by: %w", err)
	}
	return t, nil
}

// ErrUnlogged says that a disclosure was said on the board, and that the ledger
// does not hold it yet: ask again.
var ErrUnlogged = errors.New("the ledger does not hold the disclosure yet")

// consented is the kind of the journal's entries of consents.
const consented receipt.Kind = "consent"

// Disclose gives the evidence of a run to whom the provider's officer lets have
// it: a packet sealed to the box that the consent names. The same consent again
// makes another packet of the same, and no second statement. Errors: refusals
// (consent, no-evidence, disclosures), or ErrUnlogged.
func (s *Site) Disclose(ctx context.Context, raw []byte) ([]byte, error) {
	c, consent, err := msg.OpenConsent(raw, s.Provider)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, fault.Refuse("consent", ""))
	}
	v, err := s.look(ctx, c.Run)
	if err != nil {
		return nil, err
	}
	confirm, err := s.vouched(v, c)
	if err != nil {
		return nil, err
	}
	t, err := s.testimony(ctx, v.ID())
	if errors.Is(err, fault.NotFound) {
		return nil, fault.Refuse("no-evidence", "")
	}
	if err != nil {
		return nil, err
	}
	defer clear(t.Evidence)
	of := v.Of(0, s.Name)
	commitment := msg.CommitEvidence(of, t.Salt, t.Evidence)
	if err := s.confirmedAs(confirm, commitment); err != nil {
		return nil, err
	}
	said, err := s.disclosed(ctx, v, consent, c.Recipient, commitment)
	if err != nil {
		return nil, err
	}
	return msg.SealPacket(c.Box, msg.Opened{Of: of, Salt: t.Salt, Evidence: t.Evidence, Confirm: confirm.Bytes(), Disclosed: said.Bytes()})
}

// look reads what stands on the board of a run that nothing is under way in.
func (s *Site) look(ctx context.Context, run string) (*msg.View, error) {
	board := map[string][]byte{}
	for item, err := range s.Board.All(ctx, "run."+run+".>") {
		if err != nil {
			return nil, fmt.Errorf("reading the board: %w", err)
		}
		board[item.Subject] = item.Data
	}
	v, err := msg.NewView(run, board, s.Pins)
	if errors.Is(err, fault.NotFound) {
		return nil, fault.Refuse("no-evidence", "")
	}
	return v, err
}

// vouched checks that a consent is about a run that this site took part in,
// under this permit, and that has come to a candidate; it returns the site's
// confirmation of the set that was opened.
func (s *Site) vouched(v *msg.View, c msg.ConsentBody) (receipt.Receipt, error) {
	if v.Err() != nil || c.Run != v.ID() || c.Permit != v.Permit().Digest() {
		return receipt.Receipt{}, fault.Refuse("consent", "")
	}
	var permit string
	if s.kept(v, used, &permit) != nil || permit != string(c.Permit) || v.Terms().Mode != jobs.SDC {
		return receipt.Receipt{}, fault.Refuse("no-evidence", "")
	}
	candidate, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, v.Terms().Gate.Name)
	if err != nil {
		return receipt.Receipt{}, fault.Refuse("no-evidence", "")
	}
	for n := 1; n <= v.Round(); n++ {
		b, err := msg.Read[msg.ConfirmBody](v, n, msg.Confirm, s.Name)
		if err == nil && b.Set.Equal(candidate.Set) {
			r, _ := v.Receipt(n, msg.Confirm, s.Name)
			return r, nil
		}
	}
	return receipt.Receipt{}, fault.Refuse("no-evidence", "")
}

// confirmedAs checks that what is kept is what the site confirmed: anything
// else has been changed on its own disk.
func (s *Site) confirmedAs(confirm receipt.Receipt, c suite.Commitment) error {
	var b msg.ConfirmBody
	if err := confirm.Read(msg.Confirm, &b); err != nil {
		return err
	}
	if b.Evidence != c {
		return fmt.Errorf("the evidence that is kept is not what was confirmed: %w", fault.Tampered)
	}
	return nil
}

// disclosed journals a consent and says on the board that the evidence goes
// out, and returns the statement once the ledger holds it.
func (s *Site) disclosed(ctx context.Context, v *msg.View, consent receipt.Receipt, recipient string, c suite.Commitment) (receipt.Receipt, error) {
	s.books.Lock()
	defer s.books.Unlock()
	n, err := s.disclosure(v, consent.Digest())
	if err != nil {
		return receipt.Receipt{}, err
	}
	s.Hook("consent:before")
	if _, err := s.Journal.Once(string(consented), string(consent.Digest()), string(consent.Bytes())); err != nil {
		return receipt.Receipt{}, fmt.Errorf("journalling a consent: %w", err)
	}
	s.Hook("consent:after")
	body := msg.DisclosedBody{Of: v.Of(n, s.Name), Consent: consent.Digest(), Recipient: recipient, Evidence: c}
	if err := s.Say(ctx, msg.Disclosed, body); err != nil {
		return receipt.Receipt{}, err
	}
	said, ok := v.Receipt(n, msg.Disclosed, s.Name)
	if !ok {
		return receipt.Receipt{}, ErrUnlogged
	}
	return said, nil
}

// disclosure is the number under which a consent is carried out: the one that
// it has in the journal, or the next.
func (s *Site) disclosure(v *msg.View, consent suite.Digest) (int, error) {
	for n := 0; n <= msg.MaxRounds; n++ {
		r, err := s.Recall(v.ID(), n, msg.Disclosed)
		if errors.Is(err, fault.NotFound) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		var b msg.DisclosedBody
		if err := r.Read(msg.Disclosed, &b); err != nil {
			return 0, err
		}
		if b.Consent == consent {
			return n, nil
		}
	}
	return 0, fault.Refuse("disclosures", "")
}
