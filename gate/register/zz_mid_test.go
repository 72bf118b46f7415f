package register
import ("testing";"math/rand/v2";"fmt";"os";"runtime/pprof")
func TestMid(t *testing.T) {
	n, towns, releases := 600_000, 1200, 200
	rng := rand.New(rand.NewPCG(1, 1))
	f := newFrame(rng, n, towns)
	all := designs()
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	r := New()
	for k := range releases {
		d := all[k%len(all)]
		if d.region > 1 && k%2 == 0 { d.region = 0; d.width = 10; d.sex=0 }
		s := f.run(fmt.Sprint("r", k), d, k%2 == 0)
		if _, err := r.Add(s.rel, s.given); err != nil { t.Fatal(err) }
		r.Hide(s.rel.ID, nil)
	}
	cand := f.run("candidate", design{0, 0, 2, 0, 4}, true)
	o, _ := os.Create("/tmp/mid.prof"); pprof.StartCPUProfile(o); defer pprof.StopCPUProfile()
	for range 3 {
		p := params; p.Work = 1<<33; p.off = checks{domains:true,pair:true,dominance:true,span:true}
		c := used()
		fd, err := r.Test(cand.rel, cand.given, p)
		t.Log(fd.Verdict, fd.Reasons, fd.Work, used()-c, err, fd.Atoms)
	}
}
