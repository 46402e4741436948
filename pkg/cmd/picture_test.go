package cmd

import (
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
)

const pictures = "docs/img/"

// allPictures are the runs that README shows, as they are typed at the top of
// the sources, by file.
func allPictures() map[string]string {
	return map[string]string{"doctor.svg": "kubectl mesh doctor -A -f test/recordings/2-istiod-has-no-endpoints.yaml.gz"}
}

// TestPicturesAreCurrent draws what the program prints: a picture that says
// something else fails.
func TestPicturesAreCurrent(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	t.Setenv("NO_COLOR", "")
	files := &golden.Files{}
	t.Chdir("../..")
	for file, command := range allPictures() {
		args := append(words(t, strings.TrimPrefix(command, "kubectl mesh ")), "--color=always")
		_, out, errOut := kubectlMesh(t, "", args...)
		require.Empty(t, errOut)
		drawn := svg(command, out)
		assert.Equal(t, "$ "+command+"\n"+plain(out), textOf(t, drawn), "the text in the picture is that of the run")
		files.Check(t, filepath.Join(pictures, file), drawn)
	}
	files.Unused(t, pictures+"*.svg")
}

// The measures of a picture, in pixels.
const (
	charWidth  = 8.4
	lineHeight = 19
	margin     = 20
	titleBar   = 34
)

// svg draws a terminal that shows a command and what it printed, with the
// colours that it printed.
func svg(command, out string) string {
	lines := append([]string{"\x1b[1m$ " + command + "\x1b[0m"}, strings.Split(strings.TrimRight(out, "\n"), "\n")...)
	columns := 0
	for _, l := range lines {
		columns = max(columns, utf8.RuneCountInString(plain(l)))
	}
	width, height := float64(columns)*charWidth+2*margin, titleBar+len(lines)*lineHeight+margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" aria-label="%s">
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d4d4d4; white-space: pre }
.b { font-weight: bold; fill: #ffffff } .d { fill: #8b949e }
.r { fill: #ff7b72 } .g { fill: #56d364 } .y { fill: #e3b341 } .c { fill: #76e3ea }
</style>
<rect width="100%%" height="100%%" rx="8" fill="#161b22"/>
<circle cx="20" cy="18" r="6" fill="#ff5f56"/><circle cx="40" cy="18" r="6" fill="#ffbd2e"/><circle cx="60" cy="18" r="6" fill="#27c93f"/>
`, width, height, width, height, html.EscapeString(command))
	for i, l := range lines {
		fmt.Fprintf(&b, `<text x="%d" y="%d" xml:space="preserve">%s</text>`+"\n", margin, titleBar+i*lineHeight+lineHeight-5, spans(l))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// sgr is how a terminal is told a colour.
var sgr = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// spans turns a line with colours into the elements of a text.
func spans(line string) string {
	class := map[string]string{"1": "b", "2": "d", "31": "r", "32": "g", "33": "y", "36": "c"}
	var b strings.Builder
	open := ""
	for at := 0; at < len(line); {
		m := sgr.FindStringSubmatchIndex(line[at:])
		end := len(line)
		if m != nil {
			end = at + m[0]
		}
		if text := html.EscapeString(line[at:end]); text != "" && open != "" {
			fmt.Fprintf(&b, `<tspan class="%s">%s</tspan>`, open, text)
		} else {
			b.WriteString(text)
		}
		if m == nil {
			break
		}
		open = class[line[at+m[2]:at+m[3]]]
		at += m[1]
	}
	return b.String()
}

// plain is text without colours.
func plain(text string) string { return sgr.ReplaceAllString(text, "") }

// textOf reads the lines of text off a picture.
func textOf(t *testing.T, drawn string) string {
	t.Helper()
	var b strings.Builder
	depth := 0
	for d := xml.NewDecoder(strings.NewReader(drawn)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return b.String()
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local == "text" {
				depth++
			}
		case xml.EndElement:
			if e.Name.Local == "text" {
				depth--
				b.WriteString("\n")
			}
		case xml.CharData:
			if depth > 0 {
				b.Write(e)
			}
		}
	}
}
