package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// writeBack writes changed texts into their files, all or none: each is
// written beside its file first, and only when all are there do they take
// their places; when one cannot, those before it are put back.
func writeBack(ctx context.Context, results []edited) (err error) {
	var plans []*replacement
	defer func() {
		for _, p := range plans {
			p.clean()
		}
	}()
	for _, r := range results {
		if !r.changed() {
			continue
		}
		p, err := prepare(r.file, r.after.bytes())
		if p != nil {
			plans = append(plans, p)
		}
		if err != nil {
			return fmt.Errorf("%w; no file was changed", err)
		}
	}
	for i, p := range plans {
		err := ctx.Err()
		if err == nil {
			err = p.take()
		}
		if err == nil {
			continue
		}
		for _, done := range slices.Backward(plans[:i]) {
			err = errors.Join(err, done.restore())
		}
		return fmt.Errorf("%w; no file was changed", err)
	}
	return nil
}

// replacement is a file's next content, beside it.
type replacement struct{ file, next, last string }

func prepare(name string, text []byte) (*replacement, error) {
	file, err := filepath.EvalSymlinks(name) // the file is replaced, and not the link to it
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return nil, err
	}
	p := &replacement{file: file, next: f.Name(), last: f.Name() + ".last"}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	return p, err
}

// take puts the next content in the file's place. The last stays beside it.
func (p *replacement) take() error {
	if err := os.Link(p.file, p.last); err != nil {
		return err
	}
	return os.Rename(p.next, p.file)
}

func (p *replacement) restore() error { return os.Rename(p.last, p.file) }

// clean removes what is left beside the file.
func (p *replacement) clean() {
	_ = os.Remove(p.next)
	_ = os.Remove(p.last)
}
