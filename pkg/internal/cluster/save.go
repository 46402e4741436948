package cluster

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Save writes a recording of a snapshot, which ReadFiles reads back: YAML
// documents, the first of which is the Header. The others are objects, each a
// line of JSON (which is YAML too), since that is read many times faster.
//
// A snapshot that Read or ReadFiles returned holds no secrets; one that was
// made otherwise is reduced on the way.
func Save(w io.Writer, s *mesh.Snapshot) error {
	out := bufio.NewWriterSize(w, 64<<10)
	header, err := yaml.Marshal(Header{
		APIVersion: recordingGroup + "/" + recordingVersion, Kind: recordingKind,
		Time: s.Time, Source: s.Source, Read: s.Read, Gaps: s.Gaps, Facts: s.Facts,
	})
	if err != nil {
		return err
	}
	if _, err := out.Write(header); err != nil {
		return err
	}
	r := newReducer()
	for _, i := range mesh.Kinds() {
		for _, o := range s.Objects(i.Kind) {
			if err := saveObject(out, i, r.reduce(o.DeepCopyObject())); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

func saveObject(out io.Writer, i mesh.Info, o runtime.Object) error {
	if o == nil {
		return nil
	}
	if i.Typed {
		o.GetObjectKind().SetGroupVersionKind(i.Object)
	}
	line, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("%s: %w", i.Kind, err)
	}
	_, err = fmt.Fprintf(out, "---\n%s\n", line)
	return err
}

// SaveFile saves to a file, packed with gzip when its name ends in .gz. The
// file is replaced when all is written, and only its owner may read it.
func SaveFile(name string, s *mesh.Snapshot) (err error) {
	// A temporary file is its owner's alone from the start.
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("cannot write to folder %s: %w", filepath.Dir(name), path.Err) // the temporary name says nothing
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(f.Name())))
		}
	}()
	if err := saveTo(f, s, strings.HasSuffix(name, ".gz")); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func saveTo(w io.Writer, s *mesh.Snapshot, pack bool) error {
	if !pack {
		return Save(w, s)
	}
	z := gzip.NewWriter(w)
	if err := Save(z, s); err != nil {
		return err
	}
	return z.Close()
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
