package wasm
import ("testing";"os";"time";"strings")
func rss() string { b,_:=os.ReadFile("/proc/self/status"); for _,l:=range strings.Split(string(b),"\n"){ if strings.HasPrefix(l,"VmRSS"){return l}}; return ""}
func TestTmp(t *testing.T){
 g:=load(t,prebuilt(t,"district-age-c"),limits); a:=unit(t,1,2,3,4,5,6,7,8)
 for i:=0;i<3;i++{ s:=time.Now(); for j:=0;j<50000;j++{ g.Map(a)}; t.Log(rss(), time.Since(s))}
 a=unit(t)
 for i:=0;i<3;i++{ s:=time.Now(); for j:=0;j<50000;j++{ g.Map(a)}; t.Log(rss(), time.Since(s))}
}
