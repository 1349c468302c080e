package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (p *program) settingsCommand() *cli.Command {
	return &cli.Command{
		Name: "settings", Usage: "show and change the settings of the node",
		Subcommands: []*cli.Command{
			{
				Name: "get", Usage: "print all settings, or the value of one", ArgsUsage: "[NAME]",
				Description: "nightjar settings get\n" +
					"nightjar settings get permissions",
				Action: p.asClient([]string{"[NAME]"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						if len(args) == 1 {
							var s setting
							err := n.Call(ctx, http.MethodGet, settingPath(args[0]), nil, &s)
							if err == nil {
								p.say("%s", s.Value)
							}
							return noSetting(err, args[0])
						}
						return client.Each(ctx, n, "/api/settings/", nil, func(s *setting) error {
							p.say("%s = %s", s.Name, s.Value)
							return nil
						})
					}),
			},
			{
				Name: "set", Usage: "change a setting", ArgsUsage: "NAME VALUE",
				Description: "nightjar settings set tom_name 'Skalnica follow-up'\n" +
					"nightjar settings set permissions objects\n" +
					"nightjar settings set log_keep 1y   or forever",
				Action: p.asClient([]string{"NAME", "VALUE"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						err := n.Call(ctx, http.MethodPut, settingPath(args[0]),
							map[string]string{"value": args[1]}, nil)
						return noSetting(withoutField(err, "value"), args[0])
					}),
			},
		},
	}
}

func noSetting(err error, name string) error {
	return orNotFound(err, "there is no setting %s (see: nightjar settings get)", name)
}

func settingPath(name string) string { return "/api/settings/" + url.PathEscape(name) + "/" }

func (p *program) certCommand() *cli.Command {
	return &cli.Command{
		Name: "cert", Usage: "print the certificate of serve --lan, for clients to trust",
		Description: "nightjar cert > nightjar.pem",
		Action: p.asClient(nil, func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
			var got struct{ Certificate, Fingerprint string }
			if err := n.Call(ctx, http.MethodGet, "/api/node/certificate/", nil, &got); err != nil {
				return err
			}
			p.note("SHA-256 %s", got.Fingerprint)
			p.say("%s", strings.TrimSpace(got.Certificate))
			return nil
		}),
	}
}

func (p *program) statCommand() *cli.Command {
	return &cli.Command{
		Name: "stat", Usage: "print the size, contents, last backup and log head of the archive",
		Action: p.asClient(nil, func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
			var st stat
			if err := n.Call(ctx, http.MethodGet, "/api/node/", nil, &st); err != nil {
				return err
			}
			index := fmt.Sprintf("at log entry %d of %d", st.Index.Sequence, st.Sequence)
			if st.Index.Why != "" {
				index = st.Index.Why
			}
			list := [][]string{
				{"file", st.Path}, {"node", st.Node}, {"name", st.Name}, {"format", fmt.Sprint(st.Format)},
				{"size", size(st.Size) + ", " + size(st.Free) + " of it free"},
				{"permissions", st.Permissions}, {"auth_strategy", st.Strategy},
			}
			if st.DiskFree != nil {
				list = slices.Insert(list, 5, []string{"disk", size(*st.DiskFree) + " free"})
			}
			for _, name := range []string{"targets", "dataproducts", "reduceddatums", "observations"} {
				list = append(list, []string{name, fmt.Sprint(st.Counts[name])})
			}
			list = append(list, []string{"index of names", index}, []string{"head", st.Head})
			if b := st.Backup; b != nil {
				text := "none yet"
				if b.Age != nil {
					text = fmt.Sprintf("%s, %v old", b.Path, time.Duration(*b.Age)*time.Second)
				}
				if b.Why != "" {
					text += "; the last attempt FAILED: " + b.Why
				}
				list = append(list, []string{"backup", text})
			}
			if st.Failed != "" {
				list = append(list, []string{"FAILED", st.Failed + "; restart the server to write again"})
			}
			return p.table(list)
		}),
	}
}

type stat struct {
	Node        string `json:"node"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	Format      int    `json:"format"`
	Path        string `json:"path"`
	Size        int64  `json:"size"`
	Free        int64  `json:"free"`
	DiskFree    *int64 `json:"disk_free"`
	Head        string `json:"head"`
	Sequence    uint64 `json:"sequence"`
	Permissions string `json:"permissions"`
	Strategy    string `json:"auth_strategy"`
	Failed      string `json:"failed"`
	Backup      *struct {
		Age  *int64 `json:"age_seconds"`
		Path string `json:"path"`
		Why  string `json:"why"`
	} `json:"backup"`
	Index struct {
		Sequence uint64 `json:"sequence"`
		Why      string `json:"why_not"`
	} `json:"index"`
	Counts map[string]int `json:"counts"`
}

func (p *program) compactCommand() *cli.Command {
	return &cli.Command{
		Name: "compact", Usage: "drop log entries older than log_keep, and return free space to the disk; " +
			"writers wait meanwhile",
		Action: p.asClient(nil, func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
			var got struct{ Before, After int64 }
			err := p.waiting("compacting",
				func() error { return n.Call(ctx, http.MethodPost, "/api/node/compact/", nil, &got) })
			if err == nil {
				p.say("%s before, %s now", size(got.Before), size(got.After))
			}
			return err
		}),
	}
}

func (p *program) reindexCommand() *cli.Command {
	return &cli.Command{
		Name: "reindex", Usage: "rebuild the index of names; searches still work meanwhile",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return p.withClient(c, openMode{index: true}, p.reindex)
		},
	}
}

// reindex requests a new index, and waits until it is complete.
func (p *program) reindex(ctx context.Context, n *client.Client) error {
	if err := n.Call(ctx, http.MethodPost, "/api/node/reindex/", nil, nil); err != nil {
		return err
	}
	bar := p.progress("index of names")
	defer bar.end()
	for {
		var st stat
		if err := n.Call(ctx, http.MethodGet, "/api/node/", nil, &st); err != nil {
			return err
		}
		if st.Index.Why == "" && st.Index.Sequence >= st.Sequence {
			bar.end()
			p.say("the index has all names")
			return nil
		}
		bar.tell("", st.Index.Why)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
