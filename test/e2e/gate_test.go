//go:build sandbox

package e2e_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// gate stands before the API server and holds one of the writes that pass.
type gate struct {
	mu    sync.Mutex
	count int   // of the writes that have come
	hold  *hold // nil: nothing is held
}

// hold is the write to be held: the one at this place, before the API server has it or before its answer is passed on.
type hold struct {
	place    int
	answered bool
	held     chan string   // gets what is held
	release  chan struct{} // closed: it goes on
}

// arm begins to count anew and holds the write at this place; none for 0.
func (g *gate) arm(place int, answered bool) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count = 0
	g.hold = &hold{place: place, answered: answered, held: make(chan string, 1), release: make(chan struct{})}
	return g.hold
}

// writes is how many have come since the gate was armed.
func (g *gate) writes() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// through counts a request that writes, and returns the hold that is for it.
func (g *gate) through(r *http.Request) *hold {
	if !changes(r) {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count++
	if g.hold != nil && g.hold.place == g.count {
		return g.hold
	}
	return nil
}

// before is the gate as a handler. What is held whose client goes away is not passed on.
func (g *gate) before(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := g.through(r)
		if h == nil {
			api.ServeHTTP(w, r)
			return
		}
		if !h.answered {
			if h.wait(r) {
				api.ServeHTTP(w, r)
			}
			return
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		if !h.wait(r) {
			return
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // a client that has gone gets no answer
	})
}

// wait reports whether the request was released before its client went away.
func (h *hold) wait(r *http.Request) bool {
	h.held <- r.Method + " " + r.URL.Path
	select {
	case <-r.Context().Done():
		return false
	case <-h.release:
		return true
	}
}

// changes tells whether a request changes an object: dry runs, reviews of who may what, and port-forwards do not.
func changes(r *http.Request) bool {
	switch {
	case r.Method == http.MethodGet, r.Method == http.MethodHead, r.Method == http.MethodOptions:
		return false
	case !strings.Contains(r.URL.Path, "/namespaces/"), strings.HasSuffix(r.URL.Path, "/portforward"), r.URL.Query().Has("dryRun"):
		return false
	case r.Method != http.MethodDelete:
		return true
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && !bytes.Contains(body, []byte(`"dryRun":["All"]`))
}
