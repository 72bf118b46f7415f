package psi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// A Disclosure is what B's provider signs so that A is told which of its
// people are in B: A learns that of every number it asks about, and the size
// of B's set; B learns the size of A's, and nobody else anything. It is the
// one thing in this package that names people, and no join implies it.
//
// It goes by the verifiable OPRF of RFC 9497, ristretto255-SHA512: B holds a
// key for this job, evaluates A's blinded numbers with a proof by chunk that
// it is that key, and gives A the sorted outputs of its own set. What binds
// what A asks to A's set, and B's outputs to B's, is each site's program alone:
// a domain that is not honest asks about any Asker.Size numbers.
type Disclosure struct {
	Job       string     `json:"job"`
	Namespace string     `json:"namespace"`
	By        string     `json:"by"` // B's domain
	Set       Commitment `json:"set"`
	To        string     `json:"to"` // A's domain
	Asker     Commitment `json:"asker"`
}

// MaxQuestion is how many numbers are asked about at a time.
const MaxQuestion = 512

var verifiable = oprf.SuiteRistretto255

func (d Disclosure) check() error {
	for _, s := range []string{d.Job, d.By, d.To} {
		if err := jobs.ID(s); err != nil {
			return fmt.Errorf("reading a disclosure: %w", err)
		}
	}
	if d.By == d.To {
		return fmt.Errorf("reading a disclosure: %s to itself: %w", d.By, fault.Invalid)
	}
	if err := set.CheckNamespace(d.Namespace); err != nil {
		return fmt.Errorf("reading a disclosure: %w", err)
	}
	for _, c := range []Commitment{d.Set, d.Asker} {
		if err := c.Check(); err != nil {
			return fmt.Errorf("reading a disclosure: %w", err)
		}
	}
	return nil
}

func (d Disclosure) digest() ([sha256.Size]byte, error) {
	raw, err := json.Marshal(d)
	return sha256.Sum256(append([]byte("yunei psi disclosure v1\n"), raw...)), err
}

func (d Disclosure) form() (form, error) {
	sum, err := d.digest()
	return newForm(sum, kindMembers, byte(B), 0, 0, d.Set.Size), err
}

// input is what the function is evaluated on.
func (d Disclosure) input(id string) []byte {
	return fmt.Appendf(nil, "yunei psi member v1\n%s\n%s\n%s", d.Job, d.Namespace, id)
}

// A Discloser is B's side: the key is in memory only, and is erased when it
// has written its outputs and answered Asker.Size numbers.
type Discloser struct {
	d    Disclosure
	once Once

	mu      sync.Mutex
	key     *oprf.PrivateKey // nil once erased
	asked   int
	written bool
}

// Disclose draws a key. Without a journal nothing is disclosed.
func Disclose(d Disclosure, once Once) (*Discloser, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if once == nil {
		return nil, fmt.Errorf("disclosing without a journal: %w", fault.Invalid)
	}
	key, err := oprf.GenerateKey(verifiable, rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("drawing a key: %w: %w", err, fault.Internal)
	}
	return &Discloser{d: d, once: once, key: key}, nil
}

// Key is the public key, 32 bytes, which B states before A asks.
func (d *Discloser) Key() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key == nil {
		return nil, fmt.Errorf("the key is gone: %w", fault.Conflict)
	}
	return d.key.Public().MarshalBinary()
}

// Members writes the outputs of B's whole set, sorted, for A; see Side.Blind
// for the arguments and errors.
func (d *Discloser) Members(ctx context.Context, salt suite.Salt, set iter.Seq2[string, error], tmp Scratch, w io.Writer) (suite.Digest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key == nil || d.written {
		return "", fmt.Errorf("disclosing: the set was given, or the key is gone: %w", fault.Conflict)
	}
	f, err := d.d.form()
	if err != nil {
		return "", fmt.Errorf("disclosing: %w", err)
	}
	sorted := &sorter{record: f.record, scratch: tmp}
	server := oprf.NewVerifiableServer(verifiable, d.key)
	err = chunks(ctx, d.d.Namespace, salt, d.d.Set, set, f.chunk(), func(ids []string) error {
		out := make([]byte, len(ids)*f.record)
		err := parallel(len(ids), func(i int) error {
			output, err := server.FullEvaluate(d.d.input(ids[i]))
			copy(out[i*f.record:(i+1)*f.record], output)
			return err
		})
		if err != nil {
			return err
		}
		return sorted.add(out)
	})
	if err == nil {
		err = d.once.do(ctx, d.d.Job, "disclose/members")
	}
	if err != nil {
		return "", fmt.Errorf("disclosing: %w", err)
	}
	d.written = true
	defer d.finish()
	return writeList(w, f, sorted)
}

// chunks gives a committed set by the chunk; what is left after the last is
// given once the commitment was found to hold.
func chunks(ctx context.Context, namespace string, salt suite.Salt, c Commitment, numbers iter.Seq2[string, error], size int, give func(ids []string) error) error {
	t := set.NewTree(namespace, salt, c.Size)
	ids := make([]string, 0, size)
	for id, err := range numbers {
		if err == nil {
			err = t.Add(id)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("number %d: %w", t.Len(), err)
		}
		if ids = append(ids, id); len(ids) == size {
			if err := give(ids); err != nil {
				return err
			}
			ids = ids[:0]
		}
	}
	if err := t.Is(c); err != nil || len(ids) == 0 {
		return err
	}
	return give(ids)
}

// Evaluate answers one question: points in, points and a proof out. The first
// is journalled before it is answered. More numbers in all than A's set has
// are refused with fault.Exhausted.
func (d *Discloser) Evaluate(ctx context.Context, question []byte) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key == nil {
		return nil, fmt.Errorf("evaluating: the key is gone: %w", fault.Conflict)
	}
	points, err := parsePoints(question)
	if err != nil {
		return nil, fmt.Errorf("evaluating: %w", err)
	}
	if len(points) > d.d.Asker.Size-d.asked {
		return nil, fmt.Errorf("evaluating: more than %d numbers: %w", d.d.Asker.Size, fault.Exhausted)
	}
	if d.asked == 0 {
		if err := d.once.do(ctx, d.d.Job, "disclose/evaluate"); err != nil {
			return nil, fmt.Errorf("evaluating: %w", err)
		}
	}
	d.asked += len(points)
	defer d.finish()
	return evaluate(d.key, points)
}

// parsePoints reads 1 to MaxQuestion points.
func parsePoints(b []byte) ([]group.Element, error) {
	if len(b) == 0 || len(b)%pointSize != 0 || len(b) > MaxQuestion*pointSize {
		return nil, fmt.Errorf("%d bytes are not 1 to %d points: %w", len(b), MaxQuestion, fault.Invalid)
	}
	points := make([]group.Element, len(b)/pointSize)
	err := parallel(len(points), func(i int) (err error) {
		points[i], err = parsePoint(b[i*pointSize : (i+1)*pointSize])
		return err
	})
	return points, err
}

func joinPoints(points []group.Element) []byte {
	b := make([]byte, len(points)*pointSize)
	for i, p := range points {
		putPoint(b[i*pointSize:], p)
	}
	return b
}

func evaluate(key *oprf.PrivateKey, points []group.Element) ([]byte, error) {
	e, err := oprf.NewVerifiableServer(verifiable, key).Evaluate(&oprf.EvaluationRequest{Elements: points})
	if err != nil {
		return nil, fmt.Errorf("evaluating: %w: %w", err, fault.Internal)
	}
	proof, err := e.Proof.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("evaluating: %w: %w", err, fault.Internal)
	}
	return append(joinPoints(e.Elements), proof...), nil
}

// finish erases the key when all was asked and given.
func (d *Discloser) finish() {
	if d.written && d.asked == d.d.Asker.Size {
		d.key = nil
	}
}

// Erase drops the key.
func (d *Discloser) Erase() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.key = nil
}

// Format prints no more than what a Discloser is, for every verb.
func (d *Discloser) Format(f fmt.State, _ rune) { fmt.Fprint(f, "psi.Discloser") }

// An Exchange carries a question to B and brings its answer.
type Exchange func(ctx context.Context, question []byte) (answer []byte, err error)

// A Stated is what B stated before it was asked: its key, and the digest of
// its outputs.
type Stated struct {
	Key     []byte
	Members suite.Digest
}

// Ask is A's side: it asks about its whole committed set, which it reads twice,
// and reads B's outputs. It returns, for each of the set in its order, whether
// that person is in B. An answer whose proof does not hold under the key that
// B stated is refused with fault.Tampered.
func Ask(ctx context.Context, d Disclosure, b Stated, salt suite.Salt, set iter.Seq2[string, error], exchange Exchange, members io.Reader, tmp Scratch) ([]bool, error) {
	in, err := ask(ctx, d, b, salt, set, exchange, members, tmp)
	if err != nil {
		return nil, fmt.Errorf("asking: %w", err)
	}
	return in, nil
}

func ask(ctx context.Context, d Disclosure, b Stated, salt suite.Salt, set iter.Seq2[string, error], exchange Exchange, members io.Reader, tmp Scratch) ([]bool, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	client, err := newClient(b.Key)
	if err != nil {
		return nil, err
	}
	nothing := func([]string) error { return nil }
	if err := chunks(ctx, d.Namespace, salt, d.Asker, set, MaxQuestion, nothing); err != nil {
		return nil, err
	}
	const record = pointSize + 8 // an output, and whose it is
	sorted, n := &sorter{record: record, scratch: tmp}, 0
	err = chunks(ctx, d.Namespace, salt, d.Asker, set, MaxQuestion, func(ids []string) error {
		inputs := make([][]byte, len(ids))
		for i, id := range ids {
			inputs[i] = d.input(id)
		}
		outputs, err := client.exchange(ctx, inputs, exchange)
		if err != nil {
			return err
		}
		out := make([]byte, len(ids)*record)
		for i, o := range outputs {
			copy(out[i*record:], o[:pointSize])
			binary.BigEndian.PutUint64(out[i*record+pointSize:], uint64(n+i)) //nolint:gosec // not negative
		}
		n += len(ids)
		return sorted.add(out)
	})
	if err != nil {
		return nil, err
	}
	return d.compare(members, b.Members, sorted)
}

// compare goes through A's outputs and B's list side by side, to the end of
// both.
func (d Disclosure) compare(members io.Reader, want suite.Digest, sorted *sorter) ([]bool, error) {
	f, err := d.form()
	if err != nil {
		return nil, err
	}
	l, err := openList(members, f)
	if err != nil {
		return nil, err
	}
	in := make([]bool, d.Asker.Size)
	have, err := l.next()
	if err != nil {
		return nil, err
	}
	err = sorted.each(func(record []byte) error {
		for len(have) > 0 && string(have[:pointSize]) < string(record[:pointSize]) {
			if have = have[pointSize:]; len(have) > 0 {
				continue
			}
			if have, err = l.next(); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		in[binary.BigEndian.Uint64(record[pointSize:])] = len(have) > 0 && string(have[:pointSize]) == string(record[:pointSize])
		return nil
	})
	for err == nil {
		_, err = l.next()
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return in, l.is(want)
}

// A client blinds, and takes evaluations apart.
type client struct{ oprf.VerifiableClient }

func newClient(key []byte) (client, error) {
	if _, err := parsePoint(key); err != nil {
		return client{}, fmt.Errorf("the key that was stated: %w", err)
	}
	public := new(oprf.PublicKey)
	if public.UnmarshalBinary(verifiable, key) != nil {
		return client{}, fmt.Errorf("the key that was stated: %w", fault.Invalid)
	}
	return client{oprf.NewVerifiableClient(verifiable, public)}, nil
}

func (c client) exchange(ctx context.Context, inputs [][]byte, exchange Exchange) ([][]byte, error) {
	state, request, err := c.Blind(inputs)
	if err != nil {
		return nil, fmt.Errorf("blinding: %w: %w", err, fault.Internal)
	}
	answer, err := exchange(ctx, joinPoints(request.Elements))
	if err != nil {
		return nil, err
	}
	return c.finish(state, answer, len(inputs))
}

// finish checks an answer to n numbers and returns their outputs, 64 bytes
// each, of which 32 go into lists.
func (c client) finish(state *oprf.FinalizeData, answer []byte, n int) ([][]byte, error) {
	if len(answer) != n*pointSize+proofSize {
		return nil, fmt.Errorf("an answer of %d bytes to %d numbers: %w", len(answer), n, fault.Invalid)
	}
	points, err := parsePoints(answer[:n*pointSize])
	if err != nil {
		return nil, err
	}
	proof := new(dleq.Proof)
	if proof.UnmarshalBinary(curve, answer[n*pointSize:]) != nil {
		return nil, fmt.Errorf("a proof is not two scalars: %w", fault.Invalid)
	}
	outputs, err := c.Finalize(state, &oprf.Evaluation{Elements: points, Proof: proof})
	if errors.Is(err, oprf.ErrInvalidProof) {
		return nil, fmt.Errorf("an evaluation is not under the key that was stated: %w", fault.Tampered)
	}
	if err != nil {
		return nil, fmt.Errorf("taking an evaluation apart: %w: %w", err, fault.Invalid)
	}
	return outputs, nil
}
