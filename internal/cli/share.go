package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
	"nightjar/internal/problem"
)

// rightNames are the rights on a target that a group can have.
var rightNames = []string{"view", "change", "delete"}

// shared is a group with its rights on a target.
type shared struct {
	named
	View   bool `json:"view"`
	Change bool `json:"change"`
	Delete bool `json:"delete"`
}

func (s shared) rights() (list []string) {
	for i, has := range []bool{s.View, s.Change, s.Delete} {
		if has {
			list = append(list, rightNames[i])
		}
	}
	return list
}

// sharedNames lists groups with their rights.
func sharedNames(groups []shared) string {
	list := make([]string, len(groups))
	for i, g := range groups {
		list[i] = fmt.Sprintf("%s (%s)", g.Name, strings.Join(g.rights(), ", "))
	}
	return strings.Join(list, ", ")
}

func canFlag(p *[]string, usage string) cli.Flag {
	return parsedListFlag(p, "can", usage, func(s string) (string, error) {
		s = strings.ToLower(strings.TrimSpace(s))
		if !slices.Contains(rightNames, s) {
			return "", fmt.Errorf("%q is not one of %s", s, strings.Join(rightNames, ", "))
		}
		return s, nil
	})
}

// rightsBody returns rights as the API takes them. View is always one of them.
func rightsBody(can []string) map[string]any {
	body := map[string]any{"view": true}
	for _, name := range can {
		body[name] = true
	}
	return body
}

func sharePath(t *target, g *named) string {
	return fmt.Sprintf("%sgroups/%d/", targetPath(t.ID), g.ID)
}

// shareTarget makes the rights of a group on a target exactly those of --can, and prints them. It
// says so if the group has lost rights.
func (p *program) shareTarget(ctx context.Context, n *client.Client, t *target, g *named, can []string) error {
	var before, now shared
	err := n.Call(ctx, http.MethodGet, sharePath(t, g), nil, &before)
	if isMissing(err) {
		err = nil
	}
	if err == nil {
		err = n.Call(ctx, http.MethodPut, sharePath(t, g), rightsBody(can), &now)
	}
	if err != nil {
		return err
	}
	p.say("%s may %s %s", printable(g.Name), enumerate(now.rights()), printable(t.Name))
	lost := slices.DeleteFunc(before.rights(), func(s string) bool { return slices.Contains(now.rights(), s) })
	if len(lost) > 0 {
		p.say("%s may no longer %s %s", printable(g.Name), enumerate(lost), printable(t.Name))
	}
	return nil
}

// isMissing reports whether an error says that the node does not have what was asked for.
func isMissing(err error) bool {
	var refused *client.Refusal
	return errors.As(err, &refused) && refused.Status == http.StatusNotFound
}

// enumerate joins words as in "view, change and delete".
func enumerate(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// confirmRemoval asks on a terminal whether a target is to be deleted, and says what goes with it.
// Elsewhere it does not ask.
func (p *program) confirmRemoval(ctx context.Context, n *client.Client, t *target) error {
	if _, ok := terminal(p.in); !ok {
		return nil
	}
	products := 0
	err := client.Each(ctx, n, "/api/dataproducts/", url.Values{"target_name": {t.Name}, "fields": {"id,target"}},
		func(v *struct {
			Target uint64 `json:"target"`
		}) error {
			if v.Target == t.ID {
				products++
			}
			return nil
		})
	if err != nil {
		return err
	}
	datums, err := count(ctx, n, "/api/reduceddatums/", "target__id", t.ID)
	if err != nil {
		return err
	}
	records, err := count(ctx, n, "/api/observations/", "target_id", t.ID)
	if err != nil {
		return err
	}
	var with []string
	for _, part := range []struct {
		n    int
		noun string
	}{{products, "data product"}, {datums, "datum"}, {records, "observation record"}} {
		if part.n > 0 {
			with = append(with, problem.Plural(part.n, part.noun))
		}
	}
	if with == nil {
		with = []string{"nothing on it"}
	}
	p.note("This deletes the target %s with %s. It cannot be undone.", printable(t.Name), enumerate(with))
	yes, err := p.asks(ctx, "Delete it?")
	if err == nil && !yes {
		err = errors.New("nothing was deleted")
	}
	return err
}

// count returns the number of rows of a list with a filter by id.
func count(ctx context.Context, n *client.Client, path, filter string, id uint64) (int, error) {
	var page struct {
		Count int `json:"count"`
	}
	q := url.Values{filter: {strconv.FormatUint(id, 10)}, "limit": {"1"}}
	err := n.Call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page)
	return page.Count, err
}
