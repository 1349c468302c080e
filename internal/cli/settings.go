package cli

import (
	"context"
	"net/http"
	"net/url"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (p *program) settingsCommand() *cli.Command {
	return &cli.Command{
		Name: "settings", Usage: "what the file says about the node",
		Subcommands: []*cli.Command{
			{
				Name: "get", Usage: "print the settings, or the value of one", ArgsUsage: "[NAME]",
				Description: "nightjar settings get\n" +
					"nightjar settings get permissions",
				Action: p.asking(false, []string{"[NAME]"},
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
				Name: "set", Usage: "change one; the change is logged", ArgsUsage: "NAME VALUE",
				Description: "nightjar settings set tom_name 'Skalnica follow-up'\n" +
					"nightjar settings set permissions objects\n" +
					"nightjar settings set log_keep 1y   older entries of the log are dropped; forever keeps all",
				Action: p.asking(true, []string{"NAME", "VALUE"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						err := n.Call(ctx, http.MethodPut, settingPath(args[0]), map[string]string{"value": args[1]}, nil)
						return noSetting(bare(err, "value"), args[0])
					}),
			},
		},
	}
}

func noSetting(err error, name string) error {
	return orNone(err, "there is no setting %s (see: nightjar settings get)", name)
}

func settingPath(name string) string { return "/api/settings/" + url.PathEscape(name) + "/" }
