package route

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// ChangeAnnotation says on an object which change of its service's history
// wrote it last. No key of ours holds "istio.io", or istiod would push all of
// its configuration for it (istio.io/istio 1.29.1,
// pilot/pkg/bootstrap/config_compare.go: needsPush).
const ChangeAnnotation = "mesh.kubectl/route-change"

// HistoryName is the name of the ConfigMap, in the service's namespace, that
// holds the service's history.
func HistoryName(service string) string { return "mesh-route-history-" + service }

// What a history keeps at most.
const (
	maxEntries = 10
	maxBytes   = 900_000 // of all entries; the API server takes 1 MiB
)

// State is how far a change is.
type State string

// The states.
const (
	Pending    State = "pending"     // begun, and perhaps interrupted
	Done       State = "done"        // written
	RolledBack State = "rolled-back" // failed in the middle; as before
	Undone     State = "undone"      // taken back later
)

// Entry is one change of how a service is routed.
type Entry struct {
	Revision int           `json:"revision"`
	At       time.Time     `json:"at"`
	By       string        `json:"by,omitempty"` // as the API server calls the user
	Verb     string        `json:"verb"`
	Args     []string      `json:"args,omitempty"` // as they were typed
	Reason   string        `json:"reason,omitempty"`
	State    State         `json:"state"`
	Undoes   []int         `json:"undoes,omitempty"` // the revisions that it takes back
	Objects  []EntryObject `json:"objects"`          // in the order in which they are written
}

// EntryObject is one object that a change writes, without what the API server
// keeps for itself.
type EntryObject struct {
	Ref    mesh.Ref       `json:"ref"`
	Write  mesh.Write     `json:"write"`
	Before map[string]any `json:"-"` // nil: it was not there
	After  map[string]any `json:"-"` // nil: it is deleted
}

// Command is what was typed: "shift reviews v2=20".
func (e Entry) Command() string { return strings.TrimSpace(e.Verb + " " + strings.Join(e.Args, " ")) }

// Mark is the value of ChangeAnnotation.
func (e Entry) Mark() string {
	text, err := json.Marshal(struct {
		Rev  int    `json:"rev"`
		By   string `json:"by,omitempty"`
		At   string `json:"at"`
		Verb string `json:"verb"`
	}{e.Revision, e.By, e.At.UTC().Format(time.RFC3339), e.Verb})
	if err != nil {
		return "" // numbers and strings can always be encoded
	}
	return string(text)
}

// History is what is known of a service's changes, the oldest first.
type History []Entry

// Next is the number of the next revision.
func (h History) Next() int {
	if len(h) == 0 {
		return 1
	}
	return h[len(h)-1].Revision + 1
}

// Find returns a revision's entry; nil where there is none.
func (h History) Find(revision int) *Entry {
	for i := range h {
		if h[i].Revision == revision {
			return &h[i]
		}
	}
	return nil
}

// Unfinished returns the last change if it was begun and not brought to an end;
// nil otherwise.
func (h History) Unfinished() *Entry {
	if len(h) == 0 || h[len(h)-1].State != Pending {
		return nil
	}
	return &h[len(h)-1]
}

// stored is an entry as it stands in the ConfigMap: readable but for the
// objects, which are gzip in base64.
type stored struct {
	Entry
	Content string `json:"content"`
}

const entryKey = "revision-"

// DecodeHistory reads the data of the ConfigMap.
func DecodeHistory(data map[string]string) (History, error) {
	var h History
	for key, text := range data {
		number, ours := strings.CutPrefix(key, entryKey)
		revision, err := strconv.Atoi(number)
		if !ours || err != nil {
			continue
		}
		var s stored
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return nil, fmt.Errorf("revision %d of the history cannot be read: %w", revision, err)
		}
		if err := s.unpack(); err != nil {
			return nil, fmt.Errorf("revision %d of the history cannot be read: %w", revision, err)
		}
		s.Revision = revision
		h = append(h, s.Entry)
	}
	slices.SortFunc(h, func(a, b Entry) int { return cmp.Compare(a.Revision, b.Revision) })
	return h, nil
}

// Encode writes the data of the ConfigMap: the last entries, and fewer where
// they are large. The error says that the newest alone is too large.
func (h History) Encode() (map[string]string, error) {
	data := map[string]string{}
	size := 0
	for n, e := range slices.Backward(h[max(0, len(h)-maxEntries):]) {
		s := stored{Entry: e}
		if err := s.pack(); err != nil {
			return nil, err
		}
		text, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		key := entryKey + strconv.Itoa(e.Revision)
		size += len(key) + len(text)
		if size > maxBytes {
			if n == min(len(h), maxEntries)-1 {
				return nil, fmt.Errorf("the change is too large for the history: %d bytes, of at most %d", size, maxBytes)
			}
			break
		}
		data[key] = string(text)
	}
	return data, nil
}

func (s *stored) pack() error {
	var content [][2]map[string]any
	for _, o := range s.Objects {
		content = append(content, [2]map[string]any{o.Before, o.After})
	}
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	s.Content = base64.StdEncoding.EncodeToString(out.Bytes())
	return nil
}

func (s *stored) unpack() error {
	raw, err := base64.StdEncoding.DecodeString(s.Content)
	if err != nil {
		return err
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(r, 64<<20))
	if err != nil {
		return err
	}
	var content [][2]json.RawMessage
	if err := json.Unmarshal(text, &content); err != nil {
		return err
	}
	if len(content) != len(s.Objects) {
		return fmt.Errorf("it names %d objects and holds %d", len(s.Objects), len(content))
	}
	for i := range content {
		// Whole numbers must stay whole to be compared with what the API server says.
		if err := utiljson.Unmarshal(content[i][0], &s.Objects[i].Before); err != nil {
			return err
		}
		if err := utiljson.Unmarshal(content[i][1], &s.Objects[i].After); err != nil {
			return err
		}
	}
	return nil
}

// Recorded is an object as a history keeps it: what somebody wrote, without
// what the API server keeps for itself; nil for nil.
func Recorded(o *unstructured.Unstructured) map[string]any {
	if o == nil {
		return nil
	}
	c := runtime.DeepCopyJSON(o.Object)
	delete(c, "status")
	meta, ok := c["metadata"].(map[string]any)
	if !ok {
		return c
	}
	for _, key := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
		delete(meta, key)
	}
	if annotations, ok := meta["annotations"].(map[string]any); ok {
		delete(annotations, core.LastAppliedConfigAnnotation)
		if len(annotations) == 0 {
			delete(meta, "annotations")
		}
	}
	return c
}
