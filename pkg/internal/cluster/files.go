package cluster

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// maxInput bounds what is read of one file, unpacked, in bytes; a packed file
// of zeros must not take the machine's memory.
const maxInput = 2 << 30

var errTooLarge = errors.New("too large, unpacked; read parts of it by themselves") // never written to

// FileQuery says which files to read.
type FileQuery struct {
	Paths     []string         // files, folders (with those below), "-" for Stdin; what is packed with gzip is unpacked
	Stdin     io.Reader        // what "-" stands for
	Namespace string           // of objects that name none; "default" when empty
	Now       func() time.Time // the clock, asked only when the files tell no time; time.Now when nil
}

// ReadFiles reads objects from files: YAML and JSON, several documents in a
// file, Lists, folders and the output of kubectl cluster-info dump, and
// recordings (see Save). Kinds that snapshots do not hold are passed over, as
// are logs, Secrets and, in folders, documents that are no objects. Of two
// objects of the same kind, namespace and name the last stands. Objects are
// ordered by namespace and name.
//
// Problems are the documents that could not be read, each an error that names
// file, document and line, also those whose name, namespace or labels no API
// server would take; the rest is read nevertheless, and the kinds that a
// broken document seems to hold are gaps. The error is for a file that cannot
// be opened, a recording of another format, and the end of ctx.
//
// A recording's header says what was read. Without one, a kind of which the
// files hold an object counts as read, in all namespaces, and every other is a
// gap. Where there are several recordings, only what all of them read counts.
//
// Time is the header's; without one, the newest moment that the objects tell
// (created, changed, seen), so that the same files give the same answer on
// any day; without that, the clock's.
func ReadFiles(ctx context.Context, q FileQuery) (s *mesh.Snapshot, problems []error, err error) {
	return readFiles(ctx, q, maxInput)
}

func readFiles(ctx context.Context, q FileQuery, limit int64) (s *mesh.Snapshot, problems []error, err error) {
	if q.Namespace == "" {
		q.Namespace = "default"
	}
	if q.Now == nil {
		q.Now = time.Now
	}
	paths, err := expand(q.Paths, true)
	if err != nil {
		return nil, nil, err
	}
	f := &fileReader{limit: limit, namespace: q.Namespace, objects: newCollection(), reducer: newReducer()}
	for _, p := range paths {
		if err := f.read(ctx, p, q.Stdin); err != nil {
			return nil, nil, err
		}
	}
	s = f.objects.snapshot()
	f.describe(s)
	if s.Source == "" {
		s.Source = strings.Join(q.Paths, ", ")
	}
	if s.Time.IsZero() {
		s.Time = newest(s)
	}
	if s.Time.IsZero() {
		s.Time = q.Now().UTC().Truncate(time.Second)
	}
	return s, f.problems, nil
}

// fileReader is what was read so far.
type fileReader struct {
	limit      int64
	namespace  string
	objects    *collection
	reducer    *reducer
	problems   []error
	recordings []Header
	plain      map[mesh.Kind]bool // held by files without a header
	lost       []mesh.Gap         // what documents that could not be read may have held
}

func (f *fileReader) read(ctx context.Context, p path, stdin io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	in := stdin
	if p.name != "-" {
		file, err := os.Open(p.name)
		if err != nil {
			return fileError(p.name, err)
		}
		defer file.Close()
		in = file
	}
	if in == nil {
		return errors.New("there is no standard input to read")
	}
	in, err := unpacked(in)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	limited := &io.LimitedReader{R: in, N: f.limit}
	file := &openFile{fileReader: f, path: p}
	err = split(limited, func(d document) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return file.document(d)
	})
	if err == nil && limited.N <= 0 {
		err = errTooLarge
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w", p, err)
	}
	file.done()
	return nil
}

// unpacked looks at the first bytes and not at the name, since standard input
// has none.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	start, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	return gzip.NewReader(b)
}
