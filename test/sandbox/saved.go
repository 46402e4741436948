package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// savedFile describes a saved state, beside the folders etcd and pki.
const savedFile = "sandbox.json"

// savedState is what a saved cluster depends on outside etcd: the ports and the address that its objects name.
type savedState struct {
	Base      int             `json:"base"`
	HostIP    string          `json:"hostIP"`
	Revisions []savedRevision `json:"revisions"`
}

type savedRevision struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Port      int    `json:"port"` // the first of its ports
}

// Save copies the cluster as it is now into a new folder, from which Options.From starts another sandbox. The
// cluster goes on.
func (s *Sandbox) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := s.copyEtcd(filepath.Join(dir, "etcd")); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(dir, "pki"), os.DirFS(s.file("pki"))); err != nil {
		return err
	}
	state := savedState{Base: s.ports.base, HostIP: s.hostIP}
	for key, p := range s.revisions {
		state.Revisions = append(state.Revisions, savedRevision{Namespace: key.namespace, Name: key.name, Port: p.http})
	}
	content, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, savedFile), content, 0o644)
}

// copyEtcd copies etcd's data while etcd is paused. What is copied is what a killed etcd would leave, which it
// starts from.
func (s *Sandbox) copyEtcd(dir string) error {
	s.mu.Lock()
	etcd := s.parts[partEtcd]
	s.mu.Unlock()
	if etcd == nil {
		return errors.New("etcd does not run")
	}
	if err := etcd.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	err := os.CopyFS(dir, os.DirFS(s.etcdDir()))
	return errors.Join(err, etcd.signal(syscall.SIGCONT))
}

// readSaved reads what Save wrote and takes the ports of that cluster.
func (s *Sandbox) readSaved(dir string) error {
	content, err := os.ReadFile(filepath.Join(dir, savedFile))
	if err != nil {
		return fmt.Errorf("saved state: %w", err)
	}
	var state savedState
	if err := json.Unmarshal(content, &state); err != nil {
		return fmt.Errorf("saved state %s: %w", filepath.Join(dir, savedFile), err)
	}
	if state.HostIP != s.hostIP {
		return fmt.Errorf("saved state %s is of a machine with address %s, this one has %s: save it anew", dir, state.HostIP, s.hostIP)
	}
	if s.ports, err = takeBlock(state.Base); err != nil {
		return fmt.Errorf("saved state %s needs the %d ports from %d on: %w", dir, portsBlock, state.Base, err)
	}
	for _, r := range state.Revisions {
		n := (r.Port - state.Base - portsRevision) / 5
		s.revisions[revisionKey{namespace: r.Namespace, name: r.Name}] = s.ports.istiod(n)
	}
	return os.CopyFS(s.file("pki"), os.DirFS(filepath.Join(dir, "pki")))
}
