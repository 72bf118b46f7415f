package msg

import (
	"fmt"
	"strings"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A run of a join goes down the same list of statements, with other things
// behind some of them: a hello shows a trustee's share of the key that values
// are encrypted to, and the box for what the sites answer; the gate's receiver
// has both, too; what sites commit to and reveal are blinded lists; Joined
// comes between the reveals and the sum, which names what was matched and not
// what it came to; and nobody says key-commit, key-open or key.

type (
	// JoinedBody names what a site has answered to the other's lists: sealed,
	// one for each of them, with a letter to each holder that opens them. The
	// other site can open none.
	JoinedBody struct {
		Of
		Lists   []suite.Digest          `json:"lists"`
		Letters map[string]suite.Digest `json:"letters"` // by the holder's name
	}
	// A JoinLetter opens sealed lists, and names what is to be in them. It
	// travels sealed to a holder's box.
	JoinLetter struct {
		Keys  [][]byte       `json:"keys"`
		Lists []suite.Digest `json:"lists"`
	}
)

// JoinName is the name of a round of a join in everything that is made for it.
func (v *View) JoinName(round int) string {
	d := suite.DigestOf(fmt.Appendf(nil, "yunei join round v1 %s %d %s", v.id, round, v.permit.Digest()))
	return "join-" + d.Hex()[:40]
}

// Holders are the names of those who hold a share of a join's key: the gate and
// all trustees.
func (v *View) Holders() []string { return append([]string{v.Terms().Gate.Name}, v.Trustees()...) }

// joinKey names the key of a round of a join: by what every trustee has shown
// of it. The gate's part of it is the receiver's.
func (v *View) joinKey(round int) (suite.Digest, bool) {
	hellos, ok := All[HelloBody](v, round, Hello, v.Trustees())
	if !ok {
		return "", false
	}
	for _, h := range hellos {
		if len(h.Share) == 0 {
			return "", false
		}
	}
	var all []string
	for _, d := range v.Digests(round, Hello, v.Trustees()) {
		all = append(all, string(d))
	}
	return suite.DigestOf([]byte("yunei join key v1\n" + strings.Join(all, "\n"))), true
}

// Answers returns what every site has answered, once the set is confirmed and
// revealed, in the permit's order; so many lists each as the other has shown.
func (v *View) Answers(round int) ([]JoinedBody, bool) {
	parts, ok, err := v.Revealed(round)
	if !ok || err != nil {
		return nil, false
	}
	all, ok := All[JoinedBody](v, round, Joined, v.Sites())
	if !ok || len(parts) != len(all) {
		return nil, false
	}
	for i, b := range all {
		other := parts[len(parts)-1-i]
		if len(other) != 1 || len(b.Lists) != len(other[0]) {
			return nil, false
		}
	}
	return all, true
}

// AnsweredParts names what the sites have answered, as a gate's sum does.
func AnsweredParts(all []JoinedBody) Parts {
	var p Parts
	for _, b := range all {
		p = append(p, b.Lists)
	}
	return p
}

// JoinInfo binds a letter about answered lists to its round, and to who wrote
// it to whom.
func JoinInfo(v *View, round int, from, to string) string {
	return fmt.Sprintf("yunei join letter v1 %s %d %s %s %s", v.ID(), round, v.Permit().Digest(), from, to)
}

// evident reports whether a member's confirmation commits to evidence of its
// own: in mode sdc, but not of a join, where no site sees what comes out.
func evident(t jobs.Terms) bool { return t.Mode == jobs.SDC && t.Join == nil }
