// Command release makes on this machine what a release is made of: "archives"
// the archives and checksums, "manifest" krew's manifest; "verify" has krew
// check and install them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// asked is what was asked for.
type asked struct {
	config    *release.Config
	root      string
	tag       string
	names     []string
	from      string
	platforms []release.Platform
}

// folder is where the archives of a tag are.
func (a *asked) folder() string {
	if a.from != "" {
		return a.from
	}
	return filepath.Join(a.root, "dist", "release", a.tag)
}

func newCommand() *cobra.Command {
	a := &asked{}
	root := &cobra.Command{
		Use: "release", Short: "What a release is made of, made on this machine",
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			var err error
			if a.root, err = filepath.Abs(a.root); err != nil {
				return err
			}
			if a.config, err = release.Load(a.root); err != nil {
				return err
			}
			a.platforms, err = a.config.Choose(a.names)
			return err
		},
	}
	root.PersistentFlags().StringVar(&a.root, "root", ".", "folder of the repository")
	root.PersistentFlags().StringVar(&a.tag, "tag", "v0.0.0", "tag of the release")
	root.PersistentFlags().StringSliceVar(&a.names, "platforms", nil, "platforms, for example linux/amd64 (default all)")
	root.PersistentFlags().StringVar(&a.from, "from", "", "folder of the archives (default dist/release/TAG)")
	root.AddCommand(newBuild(a), newArchives(a), newManifest(a), newLicences(a), newVerify(a), newSize())
	return root
}

func newBuild(a *asked) *cobra.Command {
	return &cobra.Command{
		Use: "build", Short: "Compile the program for each platform, minutes each when cold", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := a.build(c.Context())
			return err
		},
	}
}

// build compiles for each platform and returns the programs in their order.
func (a *asked) build(ctx context.Context) ([]string, error) {
	var programs []string
	for i, p := range a.platforms {
		fmt.Printf("building for %s (%d of %d)\n", p, i+1, len(a.platforms))
		began := time.Now()
		program, err := a.config.Compile(ctx, a.root, a.tag, p)
		if err != nil {
			return nil, err
		}
		fmt.Printf("built for %s in %s\n", p, time.Since(began).Round(time.Second))
		if err := measure(program); err != nil {
			return nil, err
		}
		programs = append(programs, program)
	}
	return programs, nil
}

// maxSize is what a stripped program must stay under, in bytes.
const maxSize = 100_000_000

// measure says how large a program is, and fails where it is too large.
func measure(program string) error {
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %.1f MB\n", program, float64(info.Size())/1e6)
	if info.Size() >= maxSize {
		return fmt.Errorf("%s has %d bytes; a release's program stays under %d", program, info.Size(), maxSize)
	}
	return nil
}

func newSize() *cobra.Command {
	return &cobra.Command{
		Use: "size PROGRAM ...", Short: "Fail where a program is too large to be released", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, program := range args {
				if err := measure(program); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func newArchives(a *asked) *cobra.Command {
	return &cobra.Command{
		Use: "archives", Short: "Build, and pack the archives with their checksums", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			at, err := commitTime(c.Context(), a.root)
			if err != nil {
				return err
			}
			programs, err := a.build(c.Context())
			if err != nil {
				return err
			}
			var archives []string
			for i, p := range a.platforms {
				archive, err := a.config.Pack(a.root, a.folder(), a.tag, programs[i], p, at)
				if err != nil {
					return err
				}
				archives = append(archives, archive)
				fmt.Println("packed", archive)
			}
			return release.WriteSums(filepath.Join(a.folder(), a.config.Checksum.Name), archives)
		},
	}
}

// commitTime is the time of the last commit, which the files of an archive get.
func commitTime(ctx context.Context, root string) (time.Time, error) {
	cmd := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("the time of the last commit: %w", err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

func newManifest(a *asked) *cobra.Command {
	return &cobra.Command{
		Use: "manifest", Short: "Write krew's manifest, with the checksums of the archives", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := a.config.Manifest(a.root, a.tag, a.folder(), "", a.platforms)
			if err != nil {
				return err
			}
			file := filepath.Join(a.folder(), "mesh.yaml")
			fmt.Println("wrote", file)
			return os.WriteFile(file, []byte(text), 0o644)
		},
	}
}

func newLicences(a *asked) *cobra.Command {
	return &cobra.Command{
		Use: "licences FILE", Short: "Write the licences of everything that is linked in", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(filepath.Dir(args[0]), 0o755); err != nil {
				return err
			}
			f, err := os.Create(args[0])
			if err != nil {
				return err
			}
			return errors.Join(a.config.Licences(c.Context(), a.root, a.config.Platforms(), f), f.Close())
		},
	}
}

func newVerify(a *asked) *cobra.Command {
	var tools, kubectl string
	c := &cobra.Command{
		Use: "verify", Short: "Have krew check the manifest and install the archives", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			check := &release.Check{
				Config: a.config, Root: a.root, Folder: a.folder(), Tag: a.tag, Platforms: a.platforms, Log: os.Stdout,
				Krew: filepath.Join(tools, "krew"), Validator: filepath.Join(tools, "validate-krew-manifest"), Kubectl: kubectl,
			}
			return check.Run(c.Context())
		},
	}
	c.Flags().StringVar(&tools, "tools", "", "folder with krew and validate-krew-manifest")
	c.Flags().StringVar(&kubectl, "kubectl", "kubectl", "kubectl to run the plugin with")
	return c
}
