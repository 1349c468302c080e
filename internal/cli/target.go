package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/internal/client"
	"nightjar/sky"
)

type target struct {
	ID          uint64   `json:"id"`
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	RA          *float64 `json:"ra"`
	Dec         *float64 `json:"dec"`
	Permissions string   `json:"permissions"`
	Aliases     []named  `json:"aliases"`
	Groups      []shared `json:"group_rights"` // only if asked for
}

// findTarget finds a target by its name, an alias or its id, in this order.
func findTarget(ctx context.Context, n *client.Client, text string) (*target, error) {
	var byName, byAlias *target
	err := client.Each(ctx, n, "/api/targets/", url.Values{"name": {text}}, func(t *target) error {
		if t.Name == text {
			byName = t
		}
		for _, a := range t.Aliases {
			if a.Name == text {
				byAlias = t
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case byName != nil:
		return byName, nil
	case byAlias != nil:
		return byAlias, nil
	}
	if id, err := strconv.ParseUint(text, 10, 63); err == nil {
		var t target
		err := n.Call(ctx, http.MethodGet, targetPath(id), nil, &t)
		var refused *client.Refusal
		if err == nil || !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
			return &t, err
		}
	}
	return nil, &noTarget{text}
}

// noTarget is the error of findTarget if there is no such target.
type noTarget struct{ name string }

func (e *noTarget) Error() string { return "there is no target " + e.name }

func targetPath(id uint64) string { return fmt.Sprintf("/api/targets/%d/", id) }

// targetOptions are the flags of target add.
type targetOptions struct {
	ra, dec         string
	aliases, groups []string
	can             []string
	query           // has the permissions
}

func (p *program) targetCommand() *cli.Command {
	o, q := targetOptions{query: *newQuery()}, newQuery()
	var can []string
	var yes bool
	// withGroup returns the action of share and unshare.
	withGroup := func(act func(ctx context.Context, n *client.Client, t *target, g *named) error) cli.ActionFunc {
		return p.asClient([]string{"NAME", "GROUP"},
			func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
				t, err := findTarget(ctx, n, args[0])
				if err != nil {
					return err
				}
				g, err := findGroup(ctx, n, args[1])
				if err != nil {
					return err
				}
				return act(ctx, n, t, g)
			})
	}
	return &cli.Command{
		Name: "target", Usage: "manage targets",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "add a sidereal target", ArgsUsage: "NAME",
				Description: "nightjar target add 'SN 2026abc' --ra 13:47:02.1 --dec -12:30:00 --alias ZTF26abcdefg\n" +
					"nightjar target add M31 --ra 10.6847 --dec 41.269 --permissions open --as astro\n" +
					"nightjar target add 'SN 2026abd' --ra '13:47:02.1 -12:30:00'   both, as they are copied",
				Flags: []cli.Flag{
					textFlag(&o.ra, "ra",
						"right ascension (ICRS) in `DEGREES`, or in hours as 13:47:02.1; or both coordinates"),
					textFlag(&o.dec, "dec", "declination (ICRS) in `DEGREES`, or as -12:30:00 or '12:30:00 S'"),
					listFlag(&o.aliases, "alias", "another `NAME` of the target; may be repeated"),
					groupFlag(&o.groups, "share the target with `GROUP`, which may view it; may be repeated"),
					canFlag(&o.can, "what the groups may do: `RIGHTS` out of view, change and delete, separated by "+
						"commas; may be repeated"),
					o.flag("permissions", "permissions",
						"`WHO` else may see the target: PRIVATE (nobody), PUBLIC (users) or OPEN (anyone)"),
					p.asFlag(),
				},
				Action: func(c *cli.Context) error {
					ra, dec, err := o.place()
					if err != nil {
						return usageError(c, "%v", err)
					}
					if len(o.can) > 0 && len(o.groups) == 0 {
						return usageError(c, "--can needs --group")
					}
					return p.asClient([]string{"NAME"},
						func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
							return o.nameFlag(c, p.addTarget(ctx, n, args[0], ra, dec, &o))
						})(c)
				},
			},
			{
				Name: "list", Usage: "list the targets",
				Description: "nightjar target list --name 2026ab",
				Flags: []cli.Flag{q.flag("name", "name",
					"only targets with `PART` in their name or an alias"), p.asFlag()},
				Action: p.asClient(nil,
					func(ctx context.Context, c *cli.Context, n *client.Client, _ []string) error {
						q.Set("order", "name")
						q.Set("fields", "id,name,ra,dec,permissions,aliases,group_rights")
						header := []string{"ID", "NAME", "RA", "DEC", "PERMISSIONS", "ALIASES", "GROUPS"}
						return printList(ctx, p, n, "/api/targets/", q.Values, header,
							func(t *target) ([]string, error) {
								return []string{fmt.Sprint(t.ID), t.Name, degrees(t.RA), degrees(t.Dec),
									t.Permissions, names(t.Aliases), sharedNames(t.Groups)}, nil
							})
					}),
			},
			{
				Name: "share", Usage: "let a group view a target, or change or delete it", ArgsUsage: "NAME GROUP",
				Description: "nightjar target share 'SN 2026abc' Observers   view it, and nothing else\n" +
					"nightjar target share 'SN 2026abc' Observers --can change   view and change it, and add data\n" +
					"nightjar target share 'SN 2026abc' Observers --can change,delete",
				Flags: []cli.Flag{canFlag(&can, "`RIGHTS` of the group: view, change and delete, separated by commas; "+
					"change and delete include view; may be repeated; default: view")},
				Action: withGroup(func(ctx context.Context, n *client.Client, t *target, g *named) error {
					return p.shareTarget(ctx, n, t, g, can)
				}),
			},
			{
				Name: "unshare", Usage: "take a group's permissions on a target away", ArgsUsage: "NAME GROUP",
				Description: "nightjar target unshare 'SN 2026abc' Observers",
				Action: withGroup(func(ctx context.Context, n *client.Client, t *target, g *named) error {
					err := n.Call(ctx, http.MethodDelete, sharePath(t, g), nil, nil)
					if isMissing(err) {
						err = fmt.Errorf("%s has no permissions on %s", printable(g.Name), printable(t.Name))
					}
					return err
				}),
			},
			{
				Name: "remove", Usage: "delete a target with its data products, files and datums", ArgsUsage: "NAME",
				Description: "nightjar target remove 'SN 2026abc'   asks first, on a terminal\n" +
					"nightjar target remove 'SN 2026abc' --yes",
				Flags: []cli.Flag{&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Destination: &yes,
					Usage: "do not ask"}},
				Action: p.asClient([]string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						t, err := findTarget(ctx, n, args[0])
						if err != nil {
							return err
						}
						if !yes {
							err = p.confirmRemoval(ctx, n, t)
						}
						if err != nil {
							return err
						}
						return n.Call(ctx, http.MethodDelete, targetPath(t.ID), nil, nil)
					}),
			},
		},
	}
}

func (p *program) addTarget(ctx context.Context, n *client.Client, name string, ra, dec float64,
	o *targetOptions) error {
	in := map[string]any{"name": name, "type": archive.Sidereal, "ra": ra, "dec": dec}
	var aliases []map[string]string
	var groups []map[string]any
	for _, s := range o.aliases {
		aliases = append(aliases, map[string]string{"name": s})
	}
	for _, s := range o.groups {
		if _, err := findGroup(ctx, n, s); err != nil { // for a superuser the API would create the group
			return err
		}
		group := rightsBody(o.can)
		group["name"] = s
		groups = append(groups, group)
	}
	if aliases != nil {
		in["aliases"] = aliases
	}
	if groups != nil {
		in["groups"] = groups
	}
	if s := o.Get("permissions"); s != "" {
		in["permissions"] = strings.ToUpper(s)
	}
	var t target
	err := n.Call(ctx, http.MethodPost, "/api/targets/", in, &t)
	if err != nil {
		return err
	}
	p.say("target %d: %s, %.5f %+.5f (%s %s)", t.ID, printable(t.Name), ra, dec, sky.FormatRA(ra), sky.FormatDec(dec))
	return nil
}

// place returns the coordinates of a new target in degrees. Without --dec, --ra has both.
func (o *targetOptions) place() (ra, dec float64, err error) {
	switch {
	case o.ra == "" && o.dec == "":
		return 0, 0, errors.New("--ra and --dec are missing")
	case o.ra == "":
		return 0, 0, errors.New("--ra is missing")
	case o.dec == "":
		if ra, dec, err = sky.ParsePair(o.ra); err != nil {
			return 0, 0, fmt.Errorf("--dec is missing: %w", err)
		}
		return ra, dec, nil
	}
	if ra, err = sky.ParseRA(o.ra); err != nil {
		if _, _, both := sky.ParsePair(o.ra); both == nil {
			return 0, 0, errors.New("--ra has both coordinates, and --dec is given too: leave out one of them")
		}
		return 0, 0, fmt.Errorf("--ra: %w", err)
	}
	if dec, err = sky.ParseDec(o.dec); err != nil {
		return 0, 0, fmt.Errorf("--dec: %w", err)
	}
	return ra, dec, nil
}

func degrees(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}
