package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

func (p *program) inviteCommand() *cli.Command {
	var o tokenOptions
	var groups []string
	return &cli.Command{
		Name: "invite", Usage: "add a user who comes in with a token alone, and print what to send them", ArgsUsage: "NAME",
		Description: "nightjar user invite carol --group Observers --read-only --expires 90d",
		Flags: append([]cli.Flag{groupFlag(&groups,
			"put the user into `GROUP`; may be given several times")}, o.flags()...),
		Action: p.asking(true, []string{"NAME"},
			func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
				in, err := o.token(c, args[0], "invitation")
				if err != nil {
					return err
				}
				return p.invite(ctx, n, args[0], groups, in)
			}),
	}
}

// invite makes a user without a password and a token of theirs, or neither.
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
		p.note("no server runs on this file: the URL is that of a plain nightjar serve")
		node.URL = "http://127.0.0.1:8000"
	case err == nil && isHere(at.Hostname()):
		p.note("this URL is for this machine alone: serve --lan lets others in")
	}
	p.say("URL: %s/", node.URL)
	p.say("token: %s", t.Token)
	if node.Fingerprint != "" {
		p.say("certificate, SHA-256: %s", node.Fingerprint)
	}
	p.say("\n%s", snippet(node.URL, t.Token, own.Certificate))
	return nil
}

func isHere(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// snippet is a beginning in Python, which keeps the token out of the list of processes.
func snippet(base, token, certificate string) string {
	var b strings.Builder
	b.WriteString("import requests\n\nnode = requests.Session()\nnode.headers[\"Authorization\"] = \"Token " + token +
		"\"\n")
	if certificate != "" {
		b.WriteString("with open(\"nightjar.pem\", \"w\") as file:\n    file.write(\"\"\"" + certificate +
			"\"\"\")\nnode.verify = \"nightjar.pem\"\nnode.trust_env = False  # whose certificates would count instead\n")
	}
	b.WriteString("print(node.get(\"" + base + "/api/targets/\").json()[\"count\"])")
	return b.String()
}
