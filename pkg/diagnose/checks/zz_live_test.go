package checks_test
import ("testing";"fmt";"os";"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose";"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks";"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster";"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh";"strings";"time")
func TestZZLive(t *testing.T){
 if os.Getenv("LIVE")=="" {t.Skip()}
 s,_,err:=cluster.ReadFiles(t.Context(),cluster.FileQuery{Paths:[]string{os.Getenv("LIVE")}})
 if err!=nil{t.Fatal(err)}
 t0:=time.Now()
 r:=diagnose.Run(s,checks.All(),diagnose.Options{Injector:injector(s),Scope:diagnose.Scope{}})
 fmt.Println("took",time.Since(t0), len(mesh.Workloads(s)))
 for _,f:=range r.Findings { if p:=os.Getenv("ONLY"); p!="" && !strings.Contains(f.ID,p) {continue}; fmt.Println(f.Severity,f.ID,"| by:",f.CausedBy,"\n   ",f.Message); for _,e:=range f.Evidence{fmt.Println("     -",e)}; for _,x:=range f.Fix{fmt.Println("     $",x.Run,"#",x.Say)} }
}
