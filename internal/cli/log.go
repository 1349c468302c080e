package cli

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

// logEntry describes what one request changed.
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

// changes summarises what an entry changed.
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
	q, limit := newQuery(), 50
	return &cli.Command{
		Name: "log", Usage: "print who changed what, newest first",
		Description: "nightjar log --user astro --since 2026-01-01T00:00:00Z\n" +
			"nightjar log --table targets --id 7",
		Flags: []cli.Flag{
			q.flag("user", "user", "only changes by this `USER`; owner is the command line"),
			q.flag("address", "address", "only changes from this `ADDRESS`"),
			q.flag("action", "action", "only actions with `PART` in them, such as DELETE"),
			q.flag("table", "table", "only changes of `TABLE`, such as targets"),
			q.flag("id", "id", "only changes of the record with this `ID` in the table"),
			q.flag("since", "since", "only changes at `TIME` or later, UTC"),
			q.flag("until", "until", "only changes at `TIME` or before, UTC"),
			numberFlag(&limit, "limit", "print at most `NUMBER` entries"),
		},
		Action: p.asClient(nil, func(ctx context.Context, c *cli.Context, n *client.Client, _ []string) error {
			q.Set("limit", strconv.Itoa(limit))
			var page struct {
				Count   int        `json:"count"`
				Results []logEntry `json:"results"`
			}
			if err := n.Call(ctx, http.MethodGet, "/api/log/?"+q.Encode(), nil, &page); err != nil {
				return q.nameFlag(c, err)
			}
			rows := [][]string{{"ENTRY", "TIME", "USER", "ADDRESS", "ACTION", "CHANGES"}}
			for _, e := range page.Results {
				rows = append(rows, []string{fmt.Sprint(e.Sequence), e.Time, e.User, e.Address, e.Action, e.changes()})
			}
			if more := page.Count - len(page.Results); more > 0 {
				p.note("showing %d of %d entries; --limit shows more", len(page.Results), page.Count)
			}
			return p.table(rows)
		}),
	}
}
