//go:build sandbox

package e2e_test

// proxies plays the pods' Envoys: "sandbox proxies on|off|wait", "sandbox proxies lag NS/NAME DURATION", and hold,
// refuse, silent or release NS/NAME, the name being that of a pod or of a Deployment.
func (w *world) proxies(args []string) error {
	_, err := w.sandbox.ProxyCommand(w.ctx, args...)
	return err
}
