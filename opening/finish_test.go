package opening

import (
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

// die plays until the gate comes to a point beside its journal, and starts it
// anew.
func (s *stage) die(at string) {
	s.Helper()
	s.gate.Crash = func(point string) {
		if point == at {
			panic(point)
		}
	}
	func() {
		defer func() {
			if recover() != at {
				s.Errorf("the gate did not die at %s", at)
			}
		}()
		s.play()
	}()
	s.restart("gate")
}

// A gate that died of having found something says again what it had found, and
// not that it died.
func TestGateDiesEnding(t *testing.T) {
	s := newStage(t, jobs.DP, nil)
	s.sites["site-hospital"].values = []int64{5, -7, 30, 2}
	s.sites["site-transit"].values = []int64{40, 0, 1 << 50, 0}
	s.begin(1)
	s.die("dead:after")
	s.quiet()
	s.wantDead("tampered")
}

// A candidate that is out, with its letter, stands: a gate that is started
// anew before it sees its own words says them again, and does not call the run
// dead, whatever it is shown: not of the letter either.
func TestGateDiesWithCandidate(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	s.quiet()
	s.show("gate", msg.Subject(run, 0, msg.Candidate, "gate"), nil)
	s.restart("gate")
	s.quiet()
	s.wantSaid(0, msg.Dead)
	s.wantSaid(0, msg.Candidate, "gate")

	s = sdc(t)
	s.begin(1)
	s.die("candidate:after")
	s.quiet()
	s.wantSaid(0, msg.Dead)
	s.wantSaid(0, msg.Candidate, "gate")

	s = sdc(t)
	s.begin(1)
	s.die("candidate:before")
	s.quiet()
	s.wantDead("run-dead")
}

// Nothing is opened that is not paid for: a member's debit beyond the cap that
// its provider signed ends the run before any share is used.
func TestUnpaid(t *testing.T) {
	s := newStage(t, jobs.DP, func(t *jobs.Terms) { t.Members[0].Budget.Rho = "1/1000" })
	s.sites["site-hospital"].values = []int64{5, -7, 30, 2}
	s.sites["site-transit"].values = []int64{10, 1, -4, 3}
	s.begin(1)
	s.quiet()
	s.wantDead("tampered")
	if s.gate.opened(run) {
		t.Error("the sum was opened")
	}
}
