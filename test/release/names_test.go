package release_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/test/release"
)

const (
	root = "../.."
	tag  = "v1.2.3"
)

func load(t *testing.T) *release.Config {
	t.Helper()
	c, err := release.Load(root)
	require.NoError(t, err)
	return c
}

func TestSixPlatformsAreReleased(t *testing.T) {
	var names []string
	c := load(t)
	for _, p := range c.Platforms() {
		name, err := c.ArchiveName(tag, p)
		require.NoError(t, err)
		names = append(names, name)
	}
	assert.Equal(t, []string{
		"kubectl-mesh_v1.2.3_linux_amd64.tar.gz", "kubectl-mesh_v1.2.3_linux_arm64.tar.gz",
		"kubectl-mesh_v1.2.3_darwin_amd64.tar.gz", "kubectl-mesh_v1.2.3_darwin_arm64.tar.gz",
		"kubectl-mesh_v1.2.3_windows_amd64.zip", "kubectl-mesh_v1.2.3_windows_arm64.zip",
	}, names)
}

// krewManifest is what of krew's manifest is looked at (krew v0.5.0,
// pkg/index/types.go).
type krewManifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string         `json:"version"`
		Homepage         string         `json:"homepage"`
		ShortDescription string         `json:"shortDescription"`
		Description      string         `json:"description"`
		Caveats          string         `json:"caveats"`
		Platforms        []krewPlatform `json:"platforms"`
	} `json:"spec"`
}

type krewPlatform struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	URI    string `json:"uri"`
	Sha256 string `json:"sha256"`
	Bin    string `json:"bin"`
}

// fakeArchives writes small files under the archives' names.
func fakeArchives(t *testing.T, c *release.Config) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range c.Platforms() {
		name, err := c.ArchiveName(tag, p)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
	}
	return dir
}

func rendered(t *testing.T, c *release.Config, dir, base string, platforms []release.Platform) krewManifest {
	t.Helper()
	text, err := c.Manifest(root, tag, dir, base, platforms)
	require.NoError(t, err)
	var m krewManifest
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &m))
	return m
}

func TestKrewManifestNamesTheArchivesOfTheRelease(t *testing.T) {
	c := load(t)
	dir := fakeArchives(t, c)
	m := rendered(t, c, dir, "", c.Platforms())
	assert.Equal(t, "krew.googlecontainertools.github.com/v1alpha2", m.APIVersion)
	assert.Equal(t, "Plugin", m.Kind)
	assert.Equal(t, "mesh", m.Metadata.Name)
	assert.Equal(t, tag, m.Spec.Version)
	assert.LessOrEqual(t, len(m.Spec.ShortDescription), 50, "krew's reviewers ask for this")
	for _, line := range strings.Split(m.Spec.Description, "\n") {
		assert.LessOrEqual(t, len(line), 80, line)
	}

	var want []krewPlatform
	for _, p := range c.Platforms() {
		name, err := c.ArchiveName(tag, p)
		require.NoError(t, err)
		sum, err := release.Sum(filepath.Join(dir, name))
		require.NoError(t, err)
		one := krewPlatform{URI: "https://github.com/kubectl-mesh/kubectl-mesh/releases/download/" + tag + "/" + name, Sha256: sum, Bin: c.Binary(p)}
		one.Selector.MatchLabels = map[string]string{"os": p.OS, "arch": p.Arch}
		want = append(want, one)
	}
	assert.Equal(t, want, m.Spec.Platforms)
}

func TestKrewManifestOfOnePlatformFromAnotherPlace(t *testing.T) {
	c := load(t)
	one, err := c.Choose([]string{"windows/arm64"})
	require.NoError(t, err)
	m := rendered(t, c, fakeArchives(t, c), "http://127.0.0.1:1", one)
	require.Len(t, m.Spec.Platforms, 1)
	assert.Equal(t, "http://127.0.0.1:1/kubectl-mesh_v1.2.3_windows_arm64.zip", m.Spec.Platforms[0].URI)
	assert.Len(t, m.Spec.Platforms[0].Sha256, 64)
}

func TestKrewManifestWithoutItsArchives(t *testing.T) {
	c := load(t)
	_, err := c.Manifest(root, tag, t.TempDir(), "", c.Platforms())
	assert.ErrorContains(t, err, "kubectl-mesh_v1.2.3_linux_amd64.tar.gz")
}

func TestPlatformThatIsNotReleased(t *testing.T) {
	_, err := load(t).Choose([]string{"linux/s390x"})
	assert.ErrorContains(t, err, "platform linux/s390x: use one of")
}

func TestReadmesNameArchivesThatAreReleased(t *testing.T) {
	c := load(t)
	archive := regexp.MustCompile(`kubectl-mesh_[\w.${}-]+?\.(?:tar\.gz|zip)`)
	var names []string
	for _, p := range c.Platforms() {
		name, err := c.ArchiveName("${TAG}", p)
		require.NoError(t, err)
		names = append(names, name)
	}
	for _, page := range []string{"README.md", "krew/README.md", "CONTRIBUTING.md", "SECURITY.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		for _, found := range archive.FindAllString(string(text), -1) {
			assert.Contains(t, names, found, page)
		}
	}
}

// What the cask and the image take must be in the archives, or beside them.
func TestCaskAndImageTakeWhatIsThere(t *testing.T) {
	c := load(t)
	var inArchive, sources []string
	for _, f := range c.Archives[0].Files {
		sources = append(sources, f.Source)
		inArchive = append(inArchive, path.Join(f.Destination, path.Base(f.Source)))
	}
	for _, cask := range c.Casks {
		for _, file := range append(slices.Collect(maps.Values(cask.Completions)), cask.Manpages...) {
			assert.True(t, slices.ContainsFunc(inArchive, func(pattern string) bool {
				ok, err := path.Match(pattern, file)
				return ok && err == nil
			}), "%s is not in the archives: %v", file, inArchive)
		}
	}
	for _, image := range c.Images {
		for _, file := range image.ExtraFiles {
			assert.Contains(t, sources, file)
		}
		for _, p := range image.Platforms {
			_, err := c.Choose([]string{p})
			assert.NoError(t, err)
		}
		text, err := os.ReadFile(filepath.Join(root, image.Dockerfile))
		require.NoError(t, err)
		assert.Contains(t, string(text), "USER 65532:65532")
	}
	for _, must := range []string{"LICENSE", "NOTICE", "README.md", "plugins.yaml", "dist/THIRD_PARTY_LICENSES.txt"} {
		assert.Contains(t, sources, must)
	}
}

// The workflows and hooks call targets that the Makefile has.
func TestWorkflowsCallTargetsThatAreThere(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	called := load(t).Before.Hooks
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yaml"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &map[string]any{}), file)
		for _, run := range regexp.MustCompile(`run: (make .*)`).FindAllStringSubmatch(string(text), -1) {
			called = append(called, run[1])
		}
		for _, use := range regexp.MustCompile(`uses: (\S+)`).FindAllStringSubmatch(string(text), -1) {
			assert.Regexp(t, `@v\d+\.\d+\.\d+$`, use[1], "%s: pin the whole version", file)
		}
	}
	require.NotEmpty(t, called)
	for _, call := range called {
		target := strings.Fields(call)[1]
		assert.Regexp(t, `(?m)^`+regexp.QuoteMeta(target)+`:`, string(makefile), call)
	}
}
