package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is the newest one of CHANGELOG.md.
const version = "0.9.0"

// commit is set by builds that leave out what the version control says:
// go build -ldflags "-X nightjar/internal/cli.commit=..."
var commit string

// builtFrom is the commit that the program was built from, with -dirty if the files differed from
// it.
func builtFrom() string {
	if commit != "" {
		return commit
	}
	revision, dirty := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
	}
	return revision + dirty
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version, the commit that it was built from, and the version of Go",
		Action: func(c *cli.Context) error {
			p.say("nightjar %s\ncommit %s\n%s", version, builtFrom(), runtime.Version())
			return nil
		},
	}
}
