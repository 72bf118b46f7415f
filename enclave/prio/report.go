package prio

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/yunei/yunei/fault"
)

// An ID is the number of a report, drawn by its client: the VDAF's nonce, and
// what a replay is known by.
type ID [idSize]byte

// String returns 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// A Report is one client's contribution, shared and sealed.
type Report struct {
	Task    TaskID
	ID      ID
	At      int64     // Unix seconds, rounded down to the task's precision
	Public  []byte    // joint randomness parts, leader's first; none for Count and Sum
	Letters [2][]byte // a share for each aggregator, leader's first
}

// Bytes is the one encoding of the report.
func (r Report) Bytes() []byte {
	b := append(r.head(begin(reportMark)), r.Public...)
	for _, letter := range r.Letters {
		b = appendLetter(b, letter)
	}
	return b
}

func (r Report) head(b []byte) []byte {
	b = append(append(b, r.Task[:]...), r.ID[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(r.At)) //nolint:gosec // ParseReport and Report let no negative one through
}

// ParseReport reads a report of the sizes of t, and of any task: whose it is
// stands in it. The report shares memory with b. Errors are of kind Invalid.
func ParseReport(t Task, b []byte) (Report, error) {
	r := read(reportMark, b)
	rep := Report{Task: r.hash(), ID: ID([idSize]byte{})}
	copy(rep.ID[:], r.take(idSize))
	rep.At = r.time().Unix()
	rep.Public = r.take(t.public)
	for i := range rep.Letters {
		rep.Letters[i] = r.letter(t.input[i])
	}
	return rep, r.done("a report")
}

// A tag stands for what both aggregators must see alike of a report: its task,
// number, time and public share.
type tag [32]byte

func (r Report) tag() tag {
	return digest(append(r.head([]byte("yunei prio report v1\n")), r.Public...))
}

// info is what a letter is bound to: the task, the report's number, time and
// public share, and who may open it.
func (r Report) info(t tag, to Role) string {
	return fmt.Sprintf("yunei prio input share v1 %s %s %s to %s", r.Task, r.ID, hex.EncodeToString(t[:]), to)
}

// A Client makes reports for one task. Its methods may be called by many
// goroutines.
type Client struct {
	task   Task
	mu     sync.Mutex
	scheme scheme
}

// NewClient makes a client of a task.
func NewClient(t Task) (*Client, error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	s, err := newScheme(t.p, t.context())
	if err != nil {
		return nil, err
	}
	return &Client{task: t, scheme: s}, nil
}

// Report shares and seals one contribution made at an instant. Values is one
// number: 0 or 1 (Count), a number (Sum), a bucket from 0 (Histogram); or Length
// numbers (SumVec). Random must be unpredictable, and is drawn from for this
// report alone. An error is of kind Invalid, and does not quote a value.
func (c *Client) Report(values []int64, at time.Time, random io.Reader) (Report, error) {
	numbers, err := c.task.p.numbers(values)
	if err != nil {
		return Report{}, fmt.Errorf("making a report: %w", err)
	}
	rep := Report{Task: c.task.id, At: c.task.p.round(at)}
	if !c.task.p.timely(rep.At) {
		return Report{}, fmt.Errorf("making a report: not of the task's time: %w", fault.Invalid)
	}
	// A buffer of its own for each report: circl keeps pointers into it.
	drawn := make([]byte, idSize+c.task.random)
	if _, err := io.ReadFull(random, drawn); err != nil {
		return Report{}, fmt.Errorf("making a report: %w", err)
	}
	defer clear(drawn)
	rep.ID = ID(drawn[:idSize])
	c.mu.Lock()
	public, inputs, err := c.scheme.shard(numbers, rep.ID, drawn[idSize:])
	c.mu.Unlock()
	if err != nil {
		return Report{}, fmt.Errorf("making a report: %w", err)
	}
	rep.Public = public
	if err := rep.seal(c.task, inputs); err != nil {
		return Report{}, fmt.Errorf("making a report: %w", err)
	}
	return rep, nil
}

// seal puts the shares into letters, and clears them.
func (r *Report) seal(t Task, inputs [2][]byte) error {
	mark := r.tag()
	for _, role := range []Role{Leader, Helper} {
		letter, err := t.agent(role).Box.Seal(r.info(mark, role), inputs[role.index()])
		if err != nil {
			return err
		}
		clear(inputs[role.index()])
		r.Letters[role.index()] = letter
	}
	return nil
}

// numbers checks values against the task, and adds the offset.
func (p Params) numbers(values []int64) ([]uint64, error) {
	want, most := 1, p.largest()
	switch p.Kind {
	case SumVec:
		want = p.Length
	case Histogram:
		most = uint64(p.Length) - 1 //nolint:gosec // New found it to be 2 or more
	default:
	}
	if len(values) != want {
		return nil, fmt.Errorf("%d values, want %d: %w", len(values), want, fault.Invalid)
	}
	numbers := make([]uint64, len(values))
	for i, v := range values {
		// Wraps for a value below -Offset, and is then above most, which is below 2^62.
		numbers[i] = uint64(v) + p.Offset //nolint:gosec // see above
		if numbers[i] > most {
			return nil, fmt.Errorf("value %d is out of range: %w", i, fault.Invalid)
		}
	}
	return numbers, nil
}

// round rounds an instant down to the precision.
func (p Params) round(at time.Time) int64 {
	step := int64(p.Precision / time.Second)
	return at.Unix() - ((at.Unix()%step)+step)%step
}

// timely reports whether a rounded time lies in the task's.
func (p Params) timely(at int64) bool {
	return at >= p.NotBefore.Unix() && at < p.NotAfter.Unix() && at%int64(p.Precision/time.Second) == 0
}
