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

// errNone is what find says when there is nothing of the name.
var errNone = errors.New("not found")

// find finds the one row of a list whose name is asked for by a query parameter.
func find[T any](ctx context.Context, n *client.Client, path, parameter, name string) (*T, error) {
	var found *T
	err := client.Each(ctx, n, path, url.Values{parameter: {name}}, func(v *T) error { found = v; return nil })
	if err == nil && found == nil {
		err = errNone
	}
	return found, err
}

func findUser(ctx context.Context, n *client.Client, name string) (*user, error) {
	u, err := find[user](ctx, n, "/api/users/", "username", name)
	if err == errNone {
		err = fmt.Errorf("there is no user %s", name)
	}
	return u, err
}

func findGroup(ctx context.Context, n *client.Client, name string) (*named, error) {
	g, err := find[named](ctx, n, "/api/groups/?all=true", "name", name)
	if err == errNone {
		err = fmt.Errorf("there is no group %s", name)
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
		"read the password from standard input, instead of making a random one and printing it")
}

// password is the one that standard input gives, or a random one that is to be shown.
func (p *program) password(ctx context.Context, given bool) (password string, show bool, err error) {
	if !given {
		return randomPassword(), true, nil
	}
	password, err = p.firstLine(ctx)
	if err == nil && password == "" {
		err = errors.New("standard input holds no password")
	}
	return password, false, err
}

// showPassword prints a password that was made, with nothing else on standard output.
func (p *program) showPassword(name, password string) {
	p.note("password of %s, shown this once:", printable(name))
	p.say("%s", password)
}

// randomPassword has 128 bits, in letters and digits that are not mistaken for each other.
func randomPassword() string { return rand.Text() }

// userOptions are those of a new user.
type userOptions struct {
	superuser, password bool
	groups              []string
}

func (p *program) userCommand() *cli.Command {
	var o userOptions
	var given bool // the new password of passwd
	return &cli.Command{
		Name: "user", Usage: "those who may sign in",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "add a user", ArgsUsage: "NAME",
				Description: "nightjar user add astro --group Observers   makes a password and prints it\n" +
					"nightjar user add astro --password-stdin < password.txt",
				Flags: []cli.Flag{
					boolFlag(&o.superuser, "superuser", "sees and may do everything"),
					groupFlag(&o.groups, "put the user into `GROUP`; may be given several times"),
					passwordFlag(&o.password),
				},
				Action: p.asking(true, []string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						return p.addUser(ctx, n, args[0], &o)
					}),
			},
			p.inviteCommand(),
			{
				Name: "list", Usage: "list the users",
				Action: p.asking(false, nil,
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
							return []string{fmt.Sprint(u.ID), u.Username, names(u.Groups), strings.Join(notes, ", ")}, nil
						})
					}),
			},
			{
				Name: "passwd", Usage: "give a user a new password, which ends the user's sessions", ArgsUsage: "NAME",
				Description: "nightjar user passwd astro",
				Flags:       []cli.Flag{passwordFlag(&given)},
				Action: p.asking(false, []string{"NAME"},
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
				Name: "remove", Usage: "take a user away, with the tokens; what the user made stays", ArgsUsage: "NAME",
				Description: "nightjar user remove astro",
				Action: p.asking(false, []string{"NAME"},
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
	// member is the action of join and leave.
	member := func(act func(ctx context.Context, n *client.Client, g *named, u *user) error) cli.ActionFunc {
		return p.asking(false, []string{"GROUP", "USER"},
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
		Name: "group", Usage: "groups of users, with which targets are shared",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "add a group; one that is there already is left as it is", ArgsUsage: "NAME",
				Description: "nightjar group add Observers",
				Action: p.asking(true, []string{"NAME"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						return addGroup(ctx, n, args[0])
					}),
			},
			{
				Name: "list", Usage: "list the groups",
				Action: p.asking(false, nil,
					func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
						header := []string{"ID", "NAME", "MEMBERS"}
						return printList(ctx, p, n, "/api/groups/?all=true", nil, header, func(g *named) ([]string, error) {
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
				Name: "join", Usage: "put a user into a group", ArgsUsage: "GROUP USER",
				Description: "nightjar group join Observers astro",
				Action: member(func(ctx context.Context, n *client.Client, g *named, u *user) error {
					return n.Call(ctx, http.MethodPost, fmt.Sprintf("/api/groups/%d/members/?all=true", g.ID),
						map[string]string{"username": u.Username}, nil)
				}),
			},
			{
				Name: "leave", Usage: "take a user out of a group", ArgsUsage: "GROUP USER",
				Description: "nightjar group leave Observers astro",
				Action: member(func(ctx context.Context, n *client.Client, g *named, u *user) error {
					return n.Call(ctx, http.MethodDelete,
						fmt.Sprintf("/api/groups/%d/members/%d/?all=true", g.ID, u.ID), nil, nil)
				}),
			},
			{
				Name: "remove", Usage: "take a group away, with what was granted to it", ArgsUsage: "NAME",
				Description: "nightjar group remove Observers",
				Action: p.asking(false, []string{"NAME"},
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

// addGroup makes a group unless it is there.
func addGroup(ctx context.Context, n *client.Client, name string) error {
	_, err := find[named](ctx, n, "/api/groups/?all=true", "name", name)
	if err == errNone {
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
