package e2e_test

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a file of testdata. The comments at its top say what it breaks, then, a line each:
//
//	# family: NAME          what it belongs to; with " short" behind it, the one that stands for its family
//	# cluster: untouched    it changes nothing in the cluster, which need not go back to its baseline
type script struct {
	folder, file, family string
	short, untouched     bool
}

// folders are the folders of testdata, in the order in which they run.
func folders() []string {
	return []string{"failures", "doubles", "healthy", "reliability", "cli", "inject", "enable", "status", "route"}
}

func findScripts(t *testing.T) []script {
	t.Helper()
	var all []script
	for _, folder := range folders() {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
		require.NoError(t, err)
		require.NotEmpty(t, files, folder)
		for _, file := range files {
			all = append(all, readHeader(t, folder, file))
		}
	}
	return all
}

func readHeader(t *testing.T, folder, file string) script {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	s := script{folder: folder, file: file}
	lines := bufio.NewScanner(f)
	for lines.Scan() && strings.HasPrefix(lines.Text(), "#") {
		name, value, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(lines.Text(), "#")), ": ")
		switch name {
		case "family":
			s.family, s.short = strings.CutSuffix(value, " short")
		case "cluster":
			require.Equal(t, "untouched", value, file)
			s.untouched = true
		}
	}
	require.NoError(t, lines.Err(), file)
	return s
}

// TestEveryFamilyHasAShortScript holds that a short run leaves no family out.
func TestEveryFamilyHasAShortScript(t *testing.T) {
	families := map[string]int{}
	for _, s := range findScripts(t) {
		assert.NotEmpty(t, s.family, "%s has no line # family: NAME", s.file)
		families[s.family] += 0
		if s.short {
			families[s.family]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		assert.Equal(t, 1, families[name], "short scripts of family %s", name)
	}
}
