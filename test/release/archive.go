package release

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file on its way into an archive.
type entry struct {
	source, name string
	mode         os.FileMode
}

// entries lists what goes into a platform's archive: the program and the files
// of the configuration. A pattern that matches nothing is an error.
func (c *Config) entries(root, binary string) ([]entry, error) {
	all := []entry{{binary, filepath.Base(binary), 0o755}}
	for _, f := range c.Archives[0].Files {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(f.Source)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Source, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: there is no such file; run make release-files", f.Source)
		}
		for _, file := range found {
			name := path.Join(f.Destination, filepath.Base(file))
			if !f.StripParent {
				rel, err := filepath.Rel(root, file)
				if err != nil {
					return nil, err
				}
				name = path.Join(f.Destination, filepath.ToSlash(rel))
			}
			all = append(all, entry{file, name, 0o644})
		}
	}
	slices.SortStableFunc(all[1:], func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// Pack writes a platform's archive into folder and returns the file. Every
// entry has the time given, so that the same files make the same archive. An
// archive that is newer than everything in it stays as it is.
func (c *Config) Pack(root, folder, tag, binary string, p Platform, at time.Time) (string, error) {
	name, err := c.ArchiveName(tag, p)
	if err != nil {
		return "", err
	}
	all, err := c.entries(root, binary)
	if err != nil {
		return "", err
	}
	target := filepath.Join(folder, name)
	if upToDate(target, all) {
		return target, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(folder, ".pack-")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	w := bufio.NewWriterSize(tmp, 1<<20)
	pack := packTar
	if c.format(p) == "zip" {
		pack = packZip
	}
	if err := pack(w, all, at); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return "", err
	}
	return target, os.Rename(tmp.Name(), target)
}

func upToDate(archive string, of []entry) bool {
	info, err := os.Stat(archive)
	if err != nil {
		return false
	}
	for _, e := range of {
		source, err := os.Stat(e.source)
		if err != nil || source.ModTime().After(info.ModTime()) {
			return false
		}
	}
	return true
}

func packTar(w io.Writer, all []entry, at time.Time) error {
	compressed := gzip.NewWriter(w)
	archive := tar.NewWriter(compressed)
	for _, e := range all {
		info, err := os.Stat(e.source)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: e.name, Mode: int64(e.mode), Size: info.Size(), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if err := appendFile(archive, e.source); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func packZip(w io.Writer, all []entry, at time.Time) error {
	archive := zip.NewWriter(w)
	for _, e := range all {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at.UTC()}
		header.SetMode(e.mode)
		f, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if err := appendFile(f, e.source); err != nil {
			return err
		}
	}
	return archive.Close()
}

func appendFile(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// Sum is a file's SHA-256, in hexadecimal.
func Sum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// WriteSums writes the checksums of files, by name, as sha256sum -c takes them.
func WriteSums(target string, files []string) error {
	var b strings.Builder
	for _, f := range slices.Sorted(slices.Values(files)) {
		sum, err := Sum(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, filepath.Base(f))
	}
	return os.WriteFile(target, []byte(b.String()), 0o644)
}
