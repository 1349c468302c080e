package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"nightjar/internal/client"

	"github.com/urfave/cli/v2"
)

// logEntry is what one request changed.
type logEntry struct {
	Sequence uint64 `json:"sequence"`
	Time     string `json:"time"`
	User     string `json:"user"`
	Address  string `json:"address"`
	Action   string `json:"action"`
	Changes  []struct {
		Table     string   `json:"table"`
		Operation string   `json:"operation"`
		Count     int      `json:"count"`
		IDs       []uint64 `json:"ids"`
	} `json:"changes"`
	Settings []struct {
		Name   string `json:"name"`
		Before string `json:"before"`
	} `json:"settings"`
}

// changes says in a few words what an entry changed.
func (e *logEntry) changes() string {
	var parts []string
	for _, c := range e.Changes {
		if c.Count == 1 && len(c.IDs) == 1 {
			parts = append(parts, fmt.Sprintf("%s %s %d", c.Table, c.Operation, c.IDs[0]))
		} else {
			parts = append(parts, fmt.Sprintf("%s %s: %d", c.Table, c.Operation, c.Count))
		}
	}
	for _, s := range e.Settings {
		parts = append(parts, "setting "+s.Name)
	}
	return strings.Join(parts, ", ")
}

func (p *program) logCommand() *cli.Command {
	filters := []cli.Flag{
		&cli.StringFlag{Name: "user", Usage: "by this `USER`; owner is whoever used the command line"},
		&cli.StringFlag{Name: "address", Usage: "from this `ADDRESS`"},
		&cli.StringFlag{Name: "action", Usage: "whose action has this `PART`, such as DELETE"},
		&cli.StringFlag{Name: "table", Usage: "that changed rows of `TABLE`, such as targets"},
		&cli.StringFlag{Name: "id", Usage: "that changed the row of the table with this `ID`"},
		&cli.StringFlag{Name: "since", Usage: "at this `TIME` or later, UTC"},
		&cli.StringFlag{Name: "until", Usage: "at this `TIME` or before, UTC"},
	}
	return &cli.Command{
		Name: "log", Usage: "print who changed what, newest first",
		Description: "nightjar log --user astro --since 2026-01-01T00:00:00Z\n" +
			"nightjar log --table targets --id 7",
		Flags: append(filters[:len(filters):len(filters)], &cli.IntFlag{Name: "limit", Usage: "at most this `NUMBER` of entries", Value: 50}),
		Action: p.asking(false, nil, func(ctx context.Context, c *cli.Context, n *client.Client, _ []string) error {
			if c.Int("limit") < 1 {
				return usageError(c, "--limit: it must be a number from 1 on")
			}
			query := url.Values{"limit": {strconv.Itoa(c.Int("limit"))}}
			given := map[string]string{}
			for _, f := range filters {
				if name := f.Names()[0]; c.IsSet(name) {
					query.Set(name, c.String(name))
					given[name] = name
				}
			}
			var page struct {
				Count   int        `json:"count"`
				Results []logEntry `json:"results"`
			}
			if err := n.Call(ctx, http.MethodGet, "/api/log/?"+query.Encode(), nil, &page); err != nil {
				return ofFlag(c, err, given)
			}
			rows := [][]string{{"ENTRY", "TIME", "USER", "ADDRESS", "ACTION", "CHANGES"}}
			for _, e := range page.Results {
				rows = append(rows, []string{fmt.Sprint(e.Sequence), e.Time, e.User, e.Address, e.Action, e.changes()})
			}
			if more := page.Count - len(page.Results); more > 0 {
				p.note("%d of %d entries; --limit shows more", len(page.Results), page.Count)
			}
			return p.table(rows)
		}),
	}
}
