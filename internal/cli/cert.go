package cli

import (
	"context"
	"net/http"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

func (p *program) certCommand() *cli.Command {
	return &cli.Command{
		Name: "cert", Usage: "print the certificate that serve --lan made, for clients that are to trust it",
		Description: "nightjar cert > nightjar.pem",
		Action: p.asking(false, nil, func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
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
