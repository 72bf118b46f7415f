package columns

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// By says how units are gathered into groups: the batches or the blocks of a
// permit. The zero By groups nothing and is refused.
type By struct {
	Groups int    // how many there are, 1 to MaxGroups; a number of the permit
	Most   int    // units that a group keeps, those of the lowest hash; 0: all
	Secret []byte // key of the hash that assigns units, for this use alone
	Empty  bool   // groups without a unit are given, too
	Budget int    // bytes of rows to hold at a time; 0: 256 MiB. Only time and memory depend on it.
}

// MaxGroups bounds By.Groups.
const MaxGroups = 1 << 20

const groupBudget = 256 << 20

// A Group is the rows of the units of one group, one unit after the other, as
// abi.AppendUnits takes them. It is valid until the function that got it
// returns. It does not give keys away, nor which group it is, and prints as its
// kind.
type Group struct {
	Columns []abi.Column // one a column of the query
	Starts  []int        // the first row of each unit, then the number of rows
	Units   int
	LeftOut int // units beyond By.Most
	keys    [][16]byte
}

// Seed is that of the i-th unit (Unit.Seed).
func (g Group) Seed(i int, secret []byte) [32]byte { return Unit{key: g.keys[i]}.Seed(secret) }

// Format prints the kind, and no rows.
func (g Group) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "group") }

// Groups calls fn for every group of units of the version. With a unit's Seed
// under By.Secret, the first 64 bits modulo By.Groups are its group, and the
// rest is its rank there: the units of a group stand in the order of their
// ranks, of which those beyond By.Most are left out. A group therefore depends
// on nothing but the units in it. Rows of a unit beyond Query.MaxRows are left
// out first. The groups come in an order that is drawn from Query.Secret or,
// where there is none, from By.Secret.
//
// A version of more than By.Budget bytes is read several times, for some of the
// groups each; one group is always held whole, beside one shard. Errors are
// those of Units; after one, some groups may have been given.
func (v *Version) Groups(ctx context.Context, q Query, by By, fn func(Group) error) error {
	at, err := v.resolve(0, q)
	if err != nil {
		return fmt.Errorf("reading groups: %w", err)
	}
	if by.Groups < 1 || by.Groups > MaxGroups || by.Most < 0 || by.Budget < 0 || len(by.Secret) == 0 {
		return fmt.Errorf("reading groups: there is no such grouping: %w", fault.Invalid)
	}
	if by.Budget == 0 {
		by.Budget = groupBudget
	}
	s := &sieve{version: v, at: at, rows: q.MaxRows, by: by, place: order(by, q.Secret), mac: hmac.New(sha256.New, by.Secret)}
	for from, step := 0, s.guess(); from < by.Groups; {
		p, err := s.pass(ctx, from, min(from+step, by.Groups))
		if err != nil {
			return fmt.Errorf("reading groups: %w", err)
		}
		if err := p.give(ctx, fn); err != nil {
			return err
		}
		from, step = p.to, p.to-p.from
	}
	return nil
}

// order gives each group its place in a permutation under secret.
func order(by By, secret []byte) []uint32 {
	if secret == nil {
		secret = by.Secret
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("order of groups"))
	place := make([]uint32, by.Groups)
	for i := range place {
		place[i] = uint32(i) // at most MaxGroups
	}
	r := rand.New(rand.NewChaCha8([32]byte(mac.Sum(nil)))) //nolint:gosec // ChaCha8 under a secret is no weak generator
	r.Shuffle(len(place), func(i, j int) { place[i], place[j] = place[j], place[i] })
	return place
}

// A sieve reads a version for some of its groups at a time.
type sieve struct {
	version *Version
	at      []int // the columns, among the readable ones
	rows    int   // of one unit, at most
	by      By
	place   []uint32 // of each group, in the order in which they are given
	mac     hash.Hash
}

// guess is how many groups fit the budget if all are alike.
func (s *sieve) guess() int {
	const text = 32 // bytes of one, perhaps
	width := 1
	for _, c := range s.at {
		switch s.version.readable[c].ABI() {
		case abi.Int64:
			width += 8
		case abi.Utf8:
			width += text
		default:
			width += 4
		}
	}
	passes := s.version.rows*width/s.by.Budget + 1
	return max(1, s.by.Groups/passes)
}

// A member is one unit of a group: where its rows lie, and its rank.
type member struct {
	place    uint32 // of its group
	part     uint32
	from, to uint32
	hi, lo   uint64
	key      [16]byte
}

func (m member) rows() int { return int(m.to - m.from) }

func (m member) compare(o member) int {
	return cmp.Or(cmp.Compare(m.place, o.place), cmp.Compare(m.hi, o.hi), cmp.Compare(m.lo, o.lo))
}

// A pass is what one reading has gathered of the groups in places from, from+1,
// ..., to-1.
type pass struct {
	by       By
	from, to int
	parts    [][]abi.Column // what is kept of each shard
	sizes    []int          // bytes of each part
	members  []member       // in the order of their parts
	units    []uint32       // of each place, also those not kept
}

// pass reads all shards once. Its groups may be fewer than asked for.
func (s *sieve) pass(ctx context.Context, from, to int) (*pass, error) {
	p := &pass{by: s.by, from: from, to: to, units: make([]uint32, to-from)}
	for shard, group := range s.version.groups {
		if group < 0 {
			continue
		}
		d, err := s.version.decode(ctx, shard, s.at)
		if err != nil {
			return nil, fmt.Errorf("shard %d: %w", shard, err)
		}
		p.take(s, d)
		p.fit()
	}
	if len(p.parts) == 0 {
		p.parts = append(p.parts, s.version.none(s.at))
	}
	return p, nil
}

// none are columns without a row.
func (v *Version) none(at []int) []abi.Column {
	out := make([]abi.Column, len(at))
	for i, c := range at {
		out[i].Type = v.readable[c].ABI()
	}
	return out
}

// take adds a shard's units that are of this pass.
func (p *pass) take(s *sieve, d *decoded) {
	var key, sum [sha256.Size]byte
	first := len(p.members)
	for _, unit := range d.spans {
		binary.BigEndian.PutUint64(key[:8], uint64(d.hi[unit.from]))   //nolint:gosec // bits
		binary.BigEndian.PutUint64(key[8:16], uint64(d.lo[unit.from])) //nolint:gosec // bits
		s.mac.Reset()
		s.mac.Write(key[:16])
		s.mac.Sum(sum[:0])
		group := binary.BigEndian.Uint64(sum[:8]) % uint64(p.by.Groups) //nolint:gosec // positive
		place := s.place[group]
		if int(place) < p.from || int(place) >= p.to {
			continue
		}
		p.units[int(place)-p.from]++
		p.members = append(p.members, member{
			place: place, part: uint32(len(p.parts)), //nolint:gosec // shards are few
			from: uint32(unit.from), to: uint32(unit.from + min(unit.to-unit.from, s.rows)), //nolint:gosec // at most MaxRows
			hi: binary.BigEndian.Uint64(sum[8:16]), lo: binary.BigEndian.Uint64(sum[16:24]), key: [16]byte(key[:16]),
		})
	}
	p.parts, p.sizes = append(p.parts, d.columns), append(p.sizes, 0)
	p.keep(len(p.parts)-1, p.members[first:])
}

// keep lets go of the rows of a part that are not of the given members, which
// are all of its members.
func (p *pass) keep(part int, members []member) {
	old, rows := p.parts[part], 0
	for _, m := range members {
		rows += m.rows()
	}
	if len(old) > 0 && rows < length(&old[0]) {
		fresh := make([]abi.Column, len(old))
		for i := range old {
			fresh[i] = gathered(&old[i], members, rows)
		}
		at := uint32(0)
		for i := range members {
			n := members[i].to - members[i].from
			members[i].from, members[i].to = at, at+n
			at += n
		}
		p.parts[part] = fresh
	}
	const one = 48 // bytes of a member
	p.sizes[part] = one * len(members)
	for i := range p.parts[part] {
		p.sizes[part] += size(&p.parts[part][i])
	}
}

// fit lets go of groups, the last first, and of units that their groups will
// not keep, until what is left is within the budget.
func (p *pass) fit() {
	for p.size() > p.by.Budget {
		if !p.crop() {
			if p.to-p.from == 1 {
				return
			}
			p.to = p.from + (p.to-p.from)/2
		}
		p.members = slices.DeleteFunc(p.members, func(m member) bool { return int(m.place) >= p.to })
		rest := p.members
		for part := range p.parts {
			n := 0
			for n < len(rest) && int(rest[n].part) == part {
				n++
			}
			p.keep(part, rest[:n])
			rest = rest[n:]
		}
	}
}

func (p *pass) size() int {
	n := 0
	for _, size := range p.sizes {
		n += size
	}
	return n
}

// crop lets go of members beyond Most of their groups, and says whether there
// were any.
func (p *pass) crop() bool {
	if p.by.Most == 0 {
		return false
	}
	before := len(p.members)
	slices.SortFunc(p.members, member.compare)
	n := 0 // of the group, so far
	last := -1
	p.members = slices.DeleteFunc(p.members, func(m member) bool {
		if int(m.place) != last {
			n, last = 0, int(m.place)
		}
		n++
		return n > p.by.Most
	})
	slices.SortFunc(p.members, func(a, b member) int { return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.from, b.from)) })
	return len(p.members) < before
}

// give calls fn for the groups of the pass.
func (p *pass) give(ctx context.Context, fn func(Group) error) error {
	slices.SortFunc(p.members, member.compare)
	g := Group{Columns: make([]abi.Column, len(p.parts[0]))}
	rest := p.members
	for place := p.from; place < p.to; place++ {
		if ctx.Err() != nil {
			return fmt.Errorf("reading groups: %w", ctx.Err())
		}
		n := 0
		for n < len(rest) && int(rest[n].place) == place {
			n++
		}
		members := rest[:n]
		rest = rest[n:]
		if n == 0 && !p.by.Empty {
			continue
		}
		if p.by.Most > 0 {
			members = members[:min(n, p.by.Most)]
		}
		p.fill(&g, members)
		g.LeftOut = int(p.units[place-p.from]) - g.Units
		if err := fn(g); err != nil {
			return err
		}
	}
	return nil
}

// fill makes g of the rows of members.
func (p *pass) fill(g *Group, members []member) {
	g.Units, g.Starts = len(members), append(g.Starts[:0], 0)
	rows := 0
	g.keys = g.keys[:0]
	for _, m := range members {
		g.keys = append(g.keys, m.key)
		rows += m.rows()
		g.Starts = append(g.Starts, rows)
	}
	for i := range g.Columns {
		to := &g.Columns[i]
		to.Type, to.Valid = p.parts[0][i].Type, nil
		to.I32, to.I64, to.Str = to.I32[:0], to.I64[:0], to.Str[:0]
		for _, m := range members {
			appendRows(to, &p.parts[m.part][i], m)
		}
		if slices.ContainsFunc(members, func(m member) bool { return p.parts[m.part][i].Valid != nil }) {
			for _, m := range members {
				to.Valid = appendValid(to.Valid, &p.parts[m.part][i], m)
			}
			if !slices.Contains(to.Valid, false) {
				to.Valid = nil
			}
		}
	}
}
