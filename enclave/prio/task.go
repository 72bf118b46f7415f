package prio

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Kind says what is added. The zero Kind adds nothing.
type Kind uint8

// The kinds, by the numbers of draft-irtf-cfrg-vdaf.
const (
	Count     Kind = iota + 1 // one 0 or 1
	Sum                       // one number of 0 to Max
	SumVec                    // Length numbers of Bits bits
	Histogram                 // one of Length buckets
)

// String returns the draft's name.
func (k Kind) String() string {
	if k < Count || k > Histogram {
		return "no kind"
	}
	return [...]string{"Prio3Count", "Prio3Sum", "Prio3SumVec", "Prio3Histogram"}[k-1]
}

// A Role is the place of an aggregator. The two differ in what their share of a
// report looks like and in nothing else. The zero Role is none.
type Role uint8

// The roles.
const (
	Leader Role = iota + 1
	Helper
)

// String returns the role's name, as it stands in what letters are bound to.
func (r Role) String() string {
	if !r.ok() {
		return "no role"
	}
	return [...]string{"leader", "helper"}[r-1]
}

func (r Role) ok() bool    { return r == Leader || r == Helper }
func (r Role) index() int  { return int(r) - 1 }
func (r Role) other() Role { return Leader + Helper - r }

// Bounds of a task: house values, so that one report stays below 5 MB and a sum
// within 63 bits.
const (
	MaxElements = 1 << 18 // field elements of a contribution: Length, times Bits for SumVec
	MaxReports  = 1 << 22
	MaxTotal    = 1 << 62 // MaxBatch times the largest number
	MinReports  = 2       // a batch of one is somebody's contribution
)

// An Agent is an aggregator as a task names it.
type Agent struct {
	Name string
	Key  suite.PublicKey // signs its messages
	Box  suite.BoxKey    // opens its shares of reports
}

// Params are a task as somebody wrote it; New checks them. What a kind does not
// use is zero.
type Params struct {
	Kind   Kind
	Length int    // SumVec, Histogram
	Bits   int    // SumVec: numbers are below 2^Bits
	Max    uint64 // Sum: the largest number
	Offset uint64 // Sum, SumVec: is added to a value to make it a number of 0 or more
	Chunk  int    // SumVec, Histogram: elements in one call of the proof's gadget; see Chunk

	MinBatch, MaxBatch int // accepted reports that a sum needs, and that it takes at most

	Permit suite.Digest
	Run    string
	Round  int // from 1 on
	Group  int // which of several tasks of the round, from 1 on; 0 for the only one

	// Reports are of a time in [NotBefore, NotAfter), rounded down to
	// Precision, so that none tells when exactly its sender was there.
	NotBefore, NotAfter time.Time
	Precision           time.Duration

	Agents    [2]Agent     // leader, helper
	Collector suite.BoxKey // the gate's, which aggregate shares are sealed to
}

// A TaskID names a task: the digest of its encoding.
type TaskID [32]byte

// String returns 64 hex digits.
func (id TaskID) String() string { return hex.EncodeToString(id[:]) }

// A Task is parameters that were found to hold together. The zero Task is none.
type Task struct {
	p  Params
	id TaskID
	sizes
}

// New checks parameters. Errors are of kind Invalid.
func New(p Params) (Task, error) {
	if err := errors.Join(p.checkKind(), p.checkBatch(), p.checkTime(), p.checkParties()); err != nil {
		return Task{}, fmt.Errorf("making a task: %w: %w", err, fault.Invalid)
	}
	t := Task{p: p, sizes: p.sizes()}
	t.id = digest(append([]byte("yunei prio task v1\n"), t.Bytes()...))
	return t, nil
}

// Params is what the task was made of.
func (t Task) Params() Params { return t.p }

// ID names the task.
func (t Task) ID() TaskID { return t.id }

func (t Task) check() error {
	if t.p.Kind == 0 {
		return fmt.Errorf("no task: %w", fault.Denied)
	}
	return nil
}

// agent is the aggregator in a role.
func (t Task) agent(r Role) Agent { return t.p.Agents[r.index()] }

// context is the application's part of every domain separation in the VDAF
// (draft-irtf-cfrg-vdaf-14, section 6.2.1): shares and proofs made for one task
// fail in every other.
func (t Task) context() []byte { return append([]byte("yunei prio v1\n"), t.id[:]...) }

// largest is the most that one report adds to one entry.
func (p Params) largest() uint64 {
	switch p.Kind {
	case Sum:
		return p.Max
	case SumVec:
		return 1<<p.Bits - 1
	default:
		return 1
	}
}

func (p Params) checkKind() error {
	vector, number := p.Kind == SumVec || p.Kind == Histogram, p.Kind == Sum || p.Kind == SumVec
	switch {
	case p.Kind < Count || p.Kind > Histogram:
		return errors.New("kind: want Count, Sum, SumVec or Histogram")
	case !vector && (p.Length != 0 || p.Chunk != 0), p.Kind != SumVec && p.Bits != 0, p.Kind != Sum && p.Max != 0, !number && p.Offset != 0:
		return fmt.Errorf("%v: a parameter that is not of this kind", p.Kind)
	case vector && (p.Length < 1 || p.Length > MaxElements), p.Kind == Histogram && p.Length < 2:
		return errors.New("length: too few entries or too many")
	case p.Kind == SumVec && (p.Bits < 1 || p.Bits > 61 || p.Length*p.Bits > MaxElements):
		return fmt.Errorf("bits: want 1 to 61, and at most %d in all", MaxElements)
	case p.Kind == Sum && (p.Max < 1 || p.Max >= MaxTotal):
		return errors.New("max: want 1 or more, and less than 2^62")
	case p.Offset > p.largest():
		return errors.New("offset: no value could be above 0")
	case vector && (p.Chunk < 1 || p.Chunk > p.elements()):
		return errors.New("chunk: want 1 to the elements of a contribution")
	}
	return nil
}

func (p Params) checkBatch() error {
	if p.MinBatch < MinReports || p.MaxBatch < p.MinBatch || p.MaxBatch > MaxReports {
		return fmt.Errorf("batch: want %d to %d reports, the smallest first", MinReports, MaxReports)
	}
	if p.Bits > 61 || p.Bits < 0 {
		return nil // checkKind says so
	}
	if hi, total := bits.Mul64(uint64(p.MaxBatch), p.largest()); hi != 0 || total > MaxTotal { //nolint:gosec // found to be above 0
		return errors.New("batch: the largest sum is above 2^62")
	}
	return nil
}

func (p Params) checkTime() error {
	step := int64(p.Precision / time.Second)
	if step < 1 || step > 1<<31 || time.Duration(step)*time.Second != p.Precision {
		return errors.New("precision: want whole seconds")
	}
	for _, at := range []time.Time{p.NotBefore, p.NotAfter} {
		if at.Unix() < 0 || at.Unix() > 1<<40 || at.Nanosecond() != 0 || at.Unix()%step != 0 {
			return errors.New("not_before, not_after: want multiples of the precision")
		}
	}
	if !p.NotBefore.Before(p.NotAfter) {
		return errors.New("not_before must be before not_after")
	}
	return nil
}

func (p Params) checkParties() error {
	if err := jobs.ID(p.Run); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	if p.Permit.Hex() == "" || p.Round < 1 || p.Round > 255 || p.Group < 0 || p.Group > 255 {
		return errors.New("permit, round, group: want a digest, 1 to 255, and 0 to 255")
	}
	a, b := p.Agents[0], p.Agents[1]
	if a.Name == b.Name || a.Key == b.Key || a.Box == b.Box || p.Collector == a.Box || p.Collector == b.Box {
		return errors.New("aggregators and collector: two are the same, or share a key")
	}
	for _, agent := range p.Agents {
		if err := jobs.ID(agent.Name); err != nil {
			return fmt.Errorf("aggregator: %w", err)
		}
		if _, err := suite.ParsePublicKey(string(agent.Key)); err != nil {
			return err
		}
		if err := agent.Box.Check(); err != nil {
			return err
		}
	}
	return p.Collector.Check()
}

// Bytes is the one encoding of the task.
func (t Task) Bytes() []byte {
	p := t.p
	permit, err := hex.DecodeString(p.Permit.Hex())
	if err != nil {
		panic("prio: a digest of the suite is not hex")
	}
	b := append(begin(taskMark), byte(p.Kind))
	for _, n := range []uint64{
		uint64(p.Length), uint64(p.Bits), p.Max, p.Offset, uint64(p.Chunk), uint64(p.MinBatch), uint64(p.MaxBatch), //nolint:gosec // New found them to be 0 or more
		uint64(p.Round), uint64(p.NotBefore.Unix()), uint64(p.NotAfter.Unix()), uint64(p.Precision / time.Second), //nolint:gosec // likewise
	} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = appendText(append(b, permit...), p.Run)
	for _, a := range p.Agents {
		b = appendText(appendText(appendText(b, a.Name), string(a.Key)), string(a.Box))
	}
	b = appendText(b, string(p.Collector))
	if p.Group != 0 { // the only task of a round is spelled as it always was
		b = append(b, byte(p.Group)) //nolint:gosec // New found it to be at most 255
	}
	return b
}

// ParseTask reads what Bytes wrote. Errors are of kind Invalid.
func ParseTask(b []byte) (Task, error) {
	r := read(taskMark, b)
	p := Params{Kind: Kind(r.u8())}
	p.Length, p.Bits = r.count(), r.count()
	p.Max, p.Offset = r.u64(), r.u64()
	p.Chunk, p.MinBatch, p.MaxBatch, p.Round = r.count(), r.count(), r.count(), r.count()
	p.NotBefore, p.NotAfter = r.time(), r.time()
	p.Precision = time.Duration(r.count()) * time.Second
	p.Permit = suite.Digest("sha256:" + hex.EncodeToString(r.take(32)))
	p.Run = r.text()
	for i := range p.Agents {
		p.Agents[i] = Agent{r.text(), suite.PublicKey(r.text()), suite.BoxKey(r.text())}
	}
	p.Collector = suite.BoxKey(r.text())
	if len(r.b) > 0 {
		p.Group = int(r.u8())
		r.bad = r.bad || p.Group == 0
	}
	if err := r.done("a task"); err != nil {
		return Task{}, err
	}
	return New(p)
}

// count takes a number that fits an int anywhere.
func (r *reader) count() int {
	n := r.u64()
	if n > 1<<31-1 {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) time() time.Time {
	n := r.u64()
	if n > 1<<40 {
		r.bad = true
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}
