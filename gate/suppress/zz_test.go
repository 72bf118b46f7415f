package suppress
import ("testing";"time";"slices")
func TestZZ(t *testing.T){
 c:=newCensus(t,[]int{3,3},3,12,false)
 c.published=func([]int64,[]bool) bool {return false}
 t0:=time.Now(); gs:=c.groups(); t.Log(len(gs),time.Since(t0))
 var est float64; big:=0.0
 for _,g:=range gs { if !slices.Contains(g.hidden,true) {continue}; n:=0.0; for _,tb:=range g.tables { k:=1.0; for i,x:=range tb { if x==3&&g.hidden[i] {k*=10} }; n+=k}; est+=n; big=max(big,n) }
 t.Log("tables",est,"largest",big)
 var sum tally; t0=time.Now()
 for i,g:=range gs { if slices.Contains(g.hidden,true)&&i%40==0 {c.count(t,g,&sum)} }
 t.Log(sum,time.Since(t0))
}
