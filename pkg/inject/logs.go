package inject

import (
	"fmt"

	"istio.io/istio/pkg/log"
)

// Logs sets up Istio's logger, which is one for the process and writes to
// stdout until this is called: it goes to stderr, and says nothing unless
// verbose. Call it once, before anything of Istio runs. What istiod refuses is
// in results and not only in its log.
func Logs(verbose bool) error {
	o := log.DefaultOptions()
	o.OutputPaths = []string{"stderr"}
	level := log.NoneLevel
	if verbose {
		level = log.InfoLevel
	}
	for name := range log.Scopes() {
		o.SetDefaultOutputLevel(name, level)
	}
	if err := log.Configure(o); err != nil {
		return fmt.Errorf("set up istio's logger: %w", err)
	}
	return nil
}
