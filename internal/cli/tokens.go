package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

type token struct {
	ID       uint64  `json:"id"`
	Name     string  `json:"name"`
	Kind     string  `json:"kind"`
	Username string  `json:"username"`
	ReadOnly bool    `json:"read_only"`
	Expires  *string `json:"expires"`
	LastUsed string  `json:"last_used"`
	Token    string  `json:"token"`
}

func (p *program) tokenCommand() *cli.Command {
	var o tokenOptions
	var name string
	return &cli.Command{
		Name: "token", Usage: "manage API tokens, which programs use instead of passwords",
		Subcommands: []*cli.Command{
			{
				Name: "create", Usage: "create a token for a user and print it; it is shown only once",
				ArgsUsage: "USER",
				Description: "nightjar token create astro --name laptop\n" +
					"nightjar token create astro --read-only --expires 90d\n" +
					"TOKEN=$(nightjar token create astro)   standard output has only the token",
				Flags: append([]cli.Flag{textFlag(&name, "name", "`PURPOSE` of the token")}, o.flags()...),
				Action: p.asClient([]string{"USER"},
					func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
						in, err := o.token(c, args[0], name)
						if err != nil {
							return err
						}
						if _, err := findUser(ctx, n, args[0]); err != nil {
							return err
						}
						var t token
						err = n.Call(ctx, http.MethodPost, "/api/tokens/", in, &t)
						if err == nil {
							p.note("token %d of %s (shown only now):", t.ID, t.Username)
							p.say("%s", t.Token)
						}
						return err
					}),
			},
			{
				Name: "list", Usage: "list the tokens, without their secrets",
				Action: p.asClient(nil,
					func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
						header := []string{"ID", "USER", "NAME", "KIND", "EXPIRES", "LAST USED", "SCOPE"}
						return printList(ctx, p, n, "/api/tokens/", nil, header, func(t *token) ([]string, error) {
							expires, scope := "never", "all"
							if t.Expires != nil {
								expires = *t.Expires
							}
							if t.ReadOnly {
								scope = "read only"
							}
							return []string{fmt.Sprint(t.ID), t.Username, t.Name, t.Kind, expires,
								t.LastUsed, scope}, nil
						})
					}),
			},
			{
				Name: "revoke", Usage: "revoke a token", ArgsUsage: "ID",
				Description: "nightjar token revoke 3   as token list numbers it",
				Action: p.asClient([]string{"ID"},
					func(ctx context.Context, _ *cli.Context, n *client.Client, args []string) error {
						err := n.Call(ctx, http.MethodDelete, "/api/tokens/"+url.PathEscape(args[0])+"/", nil, nil)
						return orNotFound(err, "there is no token %s (see: nightjar token list)", args[0])
					}),
			},
		},
	}
}

// tokenOptions are the flags of a new token.
type tokenOptions struct {
	readOnly bool
	expires  string
}

func (o *tokenOptions) flags() []cli.Flag {
	return []cli.Flag{
		boolFlag(&o.readOnly, "read-only", "the token can only read"),
		textFlag(&o.expires, "expires",
			"`WHEN` the token expires: after 30d or 12h, or on a date (2027-01-31, UTC); default: never"),
	}
}

// token returns the request to create a token.
func (o *tokenOptions) token(c *cli.Context, user, name string) (map[string]any, error) {
	in := map[string]any{"username": user, "name": name, "read_only": o.readOnly}
	if s := o.expires; s != "" {
		t, err := parseExpiry(s, time.Now())
		if err != nil {
			return nil, usageError(c, "%v", err)
		}
		in["expires"] = t.UTC().Format(time.RFC3339)
	}
	return in, nil
}

// parseExpiry reads a future time: a number of days or hours from now, or a date.
func parseExpiry(s string, now time.Time) (time.Time, error) {
	var n int
	var unit string
	if _, err := fmt.Sscanf(s, "%d%s", &n, &unit); err == nil && n > 0 && n < 100_000 {
		switch unit {
		case "d":
			return now.AddDate(0, 0, n), nil
		case "h":
			return now.Add(time.Duration(n) * time.Hour), nil
		}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			if !t.After(now) {
				return t, fmt.Errorf("%s is in the past", s)
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write 30d, 12h or 2027-01-31", s)
}

func (p *program) inviteCommand() *cli.Command {
	var o tokenOptions
	var groups []string
	return &cli.Command{
		Name: "invite", Usage: "add a user who has a token instead of a password, and print what to send them",
		ArgsUsage:   "NAME",
		Description: "nightjar user invite carol --group Observers --read-only --expires 90d",
		Flags: append([]cli.Flag{groupFlag(&groups,
			"add the user to `GROUP`; may be repeated")}, o.flags()...),
		Action: p.asClient([]string{"NAME"},
			func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
				in, err := o.token(c, args[0], "invitation")
				if err != nil {
					return err
				}
				return p.invite(ctx, n, args[0], groups, in)
			}),
	}
}

// invite creates a user without a password, and a token for them. If it fails, neither exists.
func (p *program) invite(ctx context.Context, n *client.Client, name string, groupNames []string,
	in map[string]any) error {
	groups, err := findGroups(ctx, n, groupNames)
	if err != nil {
		return err
	}
	var node struct{ URL, Fingerprint string }
	if err := n.Call(ctx, http.MethodGet, "/api/node/", nil, &node); err != nil {
		return err
	}
	var own struct{ Certificate string }
	if node.Fingerprint != "" {
		if err := n.Call(ctx, http.MethodGet, "/api/node/certificate/", nil, &own); err != nil {
			return err
		}
	}
	var u user
	if err := n.Call(ctx, http.MethodPost, "/api/users/",
		map[string]any{"username": name, "password": nil, "groups": groups}, &u); err != nil {
		return err
	}
	var t token
	if err := n.Call(ctx, http.MethodPost, "/api/tokens/", in, &t); err != nil {
		return errors.Join(err, n.Call(context.WithoutCancel(ctx), http.MethodDelete,
			fmt.Sprintf("/api/users/%d/", u.ID), nil, nil))
	}
	switch at, err := url.Parse(node.URL); {
	case node.URL == "":
		p.note("no server runs on this file: the URL is the default of nightjar serve")
		node.URL = "http://127.0.0.1:8000"
	case err == nil && isLoopback(at.Hostname()):
		p.note("this URL works only on this machine: use serve --lan for others")
	}
	p.say("URL: %s/", node.URL)
	p.say("token: %s", t.Token)
	if node.Fingerprint != "" {
		p.say("certificate, SHA-256: %s", node.Fingerprint)
	}
	p.say("\n%s", snippet(node.URL, t.Token, own.Certificate))
	return nil
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// snippet returns a Python script to start with. It keeps the token out of the list of processes.
func snippet(base, token, certificate string) string {
	var b strings.Builder
	b.WriteString("import requests\n\nnode = requests.Session()\nnode.headers[\"Authorization\"] = \"Token " + token +
		"\"\n")
	if certificate != "" {
		b.WriteString("with open(\"nightjar.pem\", \"w\") as file:\n    file.write(\"\"\"" + certificate +
			"\"\"\")\nnode.verify = \"nightjar.pem\"\n" +
			"node.trust_env = False  # or the certificates of the environment would replace it\n")
	}
	b.WriteString("print(node.get(\"" + base + "/api/targets/\").json()[\"count\"])")
	return b.String()
}
