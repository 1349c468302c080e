package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

type named struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
}

type user struct {
	ID        uint64  `json:"id"`
	Username  string  `json:"username"`
	Superuser bool    `json:"is_superuser"`
	Password  bool    `json:"has_password"`
	Groups    []named `json:"groups"`
}

// errNotFound is the error of find if no row has the name.
var errNotFound = errors.New("not found")

// find returns the row of a list that a query parameter selects by name.
func find[T any](ctx context.Context, n *client.Client, path, parameter, name string) (*T, error) {
	var found *T
	err := client.Each(ctx, n, path, url.Values{parameter: {name}}, func(v *T) error { found = v; return nil })
	if err == nil && found == nil {
		err = errNotFound
	}
	return found, err
}

func findUser(ctx context.Context, n *client.Client, name string) (*user, error) {
	u, err := find[user](ctx, n, "/api/users/", "username", name)
	if err == errNotFound {
		err = fmt.Errorf("there is no user %s", name)
	}
	return u, err
}

func findGroup(ctx context.Context, n *client.Client, name string) (*named, error) {
	g, err := find[named](ctx, n, "/api/groups/?all=true", "name", name)
	if err == errNotFound {
		err = fmt.Errorf("there is no group %s", name)
		if n.As != "" {
			err = fmt.Errorf("%w that %s can see: users see only the groups of which they are members", err, n.As)
		}
	}
	return g, err
}

func findGroups(ctx context.Context, n *client.Client, names []string) ([]named, error) {
	groups := []named{}
	for _, name := range names {
		g, err := findGroup(ctx, n, name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, *g)
	}
	return groups, nil
}

func groupFlag(p *[]string, usage string) cli.Flag { return listFlag(p, "group", usage) }

func passwordFlag(p *bool) cli.Flag {
	return boolFlag(p, "password-stdin",
		"read the password from standard input; default: print a random one")
}

// password reads the password from standard input if given is set. Otherwise it returns a random
// one, which the caller shows.
func (p *program) password(ctx context.Context, given bool) (password string, show bool, err error) {
	if !given {
		return randomPassword(), true, nil
	}
	password, err = p.firstLine(ctx)
	if err == nil && password == "" {
		err = errors.New("the password on standard input is empty")
	}
	return password, false, err
}

// showPassword prints a random password. Nothing else goes to standard output.
func (p *program) showPassword(name, password string) {
	p.note("password of %s (shown only now):", printable(name))
	p.say("%s", password)
}

// randomPassword returns at least 128 random bits as letters and digits that look different.
func randomPassword() string { return rand.Text() }

// userOptions are the flags of user add.
type userOptions struct {
	superuser, password bool
	groups              []string
}

func (p *program) userCommand() *cli.Command {
	var o userOptions
	var given bool // passwd reads the password from standard input
	return &cli.Command{
		Name: "user", Usage: "manage users",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "add a user", ArgsUsage: "NAME",
				Description: "nightjar user add astro --group Observers   prints a random password\n" +
					"nightjar user add astro --password-stdin < password.txt",
				Flags: []cli.Flag{
					boolFlag(&o.superuser, "superuser", "the user may see and do everything"),
					groupFlag(&o.groups, "add the user to `GROUP`; may be repeated"),
					passwordFlag(&o.password),
				},
				Action: p.asClient([]string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						return p.addUser(ctx, n, args[0], &o)
					}),
			},
			p.inviteCommand(),
			{
				Name: "list", Usage: "list the users",
				Action: p.asClient(nil,
					func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
						header := []string{"ID", "NAME", "GROUPS", "NOTES"}
						return printList(ctx, p, n, "/api/users/", nil, header, func(u *user) ([]string, error) {
							var notes []string
							if u.Superuser {
								notes = append(notes, "superuser")
							}
							if !u.Password {
								notes = append(notes, "without a password")
							}
							return []string{fmt.Sprint(u.ID), u.Username, names(u.Groups),
								strings.Join(notes, ", ")}, nil
						})
					}),
			},
			{
				Name: "passwd", Usage: "set a new password, and end the user's sessions", ArgsUsage: "NAME",
				Description: "nightjar user passwd astro",
				Flags:       []cli.Flag{passwordFlag(&given)},
				Action: p.asClient([]string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						u, err := findUser(ctx, n, args[0])
						if err != nil {
							return err
						}
						password, show, err := p.password(ctx, given)
						if err != nil {
							return err
						}
						err = n.Call(ctx, http.MethodPatch, fmt.Sprintf("/api/users/%d/", u.ID),
							map[string]string{"password": password}, nil)
						if err == nil && show {
							p.showPassword(args[0], password)
						}
						return err
					}),
			},
			{
				Name: "remove", Usage: "delete a user and their tokens; what the user created stays", ArgsUsage: "NAME",
				Description: "nightjar user remove astro",
				Action: p.asClient([]string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						u, err := findUser(ctx, n, args[0])
						if err != nil {
							return err
						}
						return n.Call(ctx, http.MethodDelete, fmt.Sprintf("/api/users/%d/", u.ID), nil, nil)
					}),
			},
		},
	}
}

func (p *program) addUser(ctx context.Context, n *client.Client, name string, o *userOptions) error {
	password, show, err := p.password(ctx, o.password)
	if err != nil {
		return err
	}
	groups, err := findGroups(ctx, n, o.groups)
	if err != nil {
		return err
	}
	err = n.Call(ctx, http.MethodPost, "/api/users/", map[string]any{"username": name, "password": password,
		"is_superuser": o.superuser, "groups": groups}, nil)
	if err == nil && show {
		p.showPassword(name, password)
	}
	return err
}

func (p *program) groupCommand() *cli.Command {
	// member returns the action of join and leave.
	member := func(act func(ctx context.Context, n *client.Client, g *named, u *user) error) cli.ActionFunc {
		return p.asClient([]string{"GROUP", "USER"},
			func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
				g, err := findGroup(ctx, n, args[0])
				if err != nil {
					return err
				}
				u, err := findUser(ctx, n, args[1])
				if err != nil {
					return err
				}
				return act(ctx, n, g, u)
			})
	}
	return &cli.Command{
		Name: "group", Usage: "manage groups of users, with which targets are shared",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "add a group, unless it exists", ArgsUsage: "NAME",
				Description: "nightjar group add Observers",
				Action: p.asClient([]string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						return addGroup(ctx, n, args[0])
					}),
			},
			{
				Name: "list", Usage: "list the groups",
				Action: p.asClient(nil,
					func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
						header := []string{"ID", "NAME", "MEMBERS"}
						return printList(ctx, p, n, "/api/groups/?all=true", nil, header,
							func(g *named) ([]string, error) {
								var names []string
								err := client.Each(ctx, n, fmt.Sprintf("/api/groups/%d/members/?all=true", g.ID), nil,
									func(u *user) error {
										names = append(names, u.Username)
										return nil
									})
								return []string{fmt.Sprint(g.ID), g.Name, strings.Join(names, ", ")}, err
							})
					}),
			},
			{
				Name: "join", Usage: "add a user to a group", ArgsUsage: "GROUP USER",
				Description: "nightjar group join Observers astro",
				Action: member(func(ctx context.Context, n *client.Client, g *named, u *user) error {
					return n.Call(ctx, http.MethodPost, fmt.Sprintf("/api/groups/%d/members/?all=true", g.ID),
						map[string]string{"username": u.Username}, nil)
				}),
			},
			{
				Name: "leave", Usage: "remove a user from a group", ArgsUsage: "GROUP USER",
				Description: "nightjar group leave Observers astro",
				Action: member(func(ctx context.Context, n *client.Client, g *named, u *user) error {
					return n.Call(ctx, http.MethodDelete,
						fmt.Sprintf("/api/groups/%d/members/%d/?all=true", g.ID, u.ID), nil, nil)
				}),
			},
			{
				Name: "remove", Usage: "delete a group, and all that was granted to it", ArgsUsage: "NAME",
				Description: "nightjar group remove Observers",
				Action: p.asClient([]string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						g, err := findGroup(ctx, n, args[0])
						if err != nil {
							return err
						}
						return n.Call(ctx, http.MethodDelete, fmt.Sprintf("/api/groups/%d/?all=true", g.ID), nil, nil)
					}),
			},
		},
	}
}

// addGroup adds a group unless it exists.
func addGroup(ctx context.Context, n *client.Client, name string) error {
	_, err := find[named](ctx, n, "/api/groups/?all=true", "name", name)
	if err == errNotFound {
		err = n.Call(ctx, http.MethodPost, "/api/groups/?all=true", map[string]string{"name": name}, nil)
	}
	return err
}

func names(list []named) string {
	var out []string
	for _, v := range list {
		out = append(out, v.Name)
	}
	return strings.Join(out, ", ")
}
