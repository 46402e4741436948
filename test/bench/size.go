package main

import "fmt"

// size is how large a mesh is.
type size struct{ namespaces, services, pods int } // services a namespace, pods a service

// large is the mesh of the project's figures (200 namespaces, 800 services,
// 3,200 pods, 800 VirtualServices), or so many times that.
func large(times int) size { return size{namespaces: 200 * times, services: 4, pods: 4} }

// String tells the mesh in numbers.
func (s size) String() string {
	services := s.namespaces * s.services
	return fmt.Sprintf("%d namespaces, %d services, %d VirtualServices, %d injected pods",
		s.namespaces, services, services, services*s.pods)
}

// key names the copy of a mesh of this size in the cache; another name goes
// with other objects.
func (s size) key() string {
	return fmt.Sprintf("mesh-with-endpoints-%d-%d-%d", s.namespaces, s.services, s.pods)
}
