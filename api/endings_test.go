package api

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"nightjar/auth"
)

// TestEndings: a change that ends a credential ends it at once, even if it was cached, and ends no
// other.
func TestEndings(t *testing.T) {
	t.Parallel()
	ways := []string{"basic", "session", "minted", "named", "read only"}
	for name, c := range map[string]struct {
		do   func(n *node, id string, ways map[string][2]string)
		left string // the credentials that still work
	}{
		"nothing": {func(*node, string, map[string][2]string) {},
			"basic session minted named read only"},
		"a new password, with a token": {func(n *node, id string, w map[string][2]string) {
			n.newPassword("carol", id, w["named"])
		}, "named read only"},
		"a new password, in the session": {func(n *node, id string, w map[string][2]string) {
			n.newPassword("carol", id, w["session"])
		}, "session named read only"},
		"a new password, by a superuser": {func(n *node, id string, w map[string][2]string) {
			n.newPassword("", id, [2]string{"Authorization", "Token " + n.tokens["admin"]})
		}, "named read only"},
		"another name": {func(n *node, id string, w map[string][2]string) { n.change(id, `{"username": "karla"}`) },
			"session minted named read only"},
		"the user is deleted": {func(n *node, id string, w map[string][2]string) {
			n.ask("admin", "DELETE", "/api/users/"+id+"/", nil).want(n.t, 204)
		}, ""},
		"the user is deleted and created again": {func(n *node, id string, w map[string][2]string) {
			n.ask("admin", "DELETE", "/api/users/"+id+"/", nil).want(n.t, 204)
			n.ask("admin", "POST", "/api/users/",
				map[string]any{"username": "carol", "password": password("carol"),
					"groups": []any{map[string]string{"name": "Observers"}}}).want(n.t, 201)
		}, "basic"},
		"signing out": {func(n *node, id string, w map[string][2]string) {
			n.ask("", "DELETE", "/api/session/", nil, w["session"][0], w["session"][1]).want(n.t, 204)
		}, "basic minted named read only"},
		"a token is revoked": {func(n *node, id string, w map[string][2]string) {
			for _, r := range n.ask("carol", "GET", "/api/tokens/", nil).rows(n.t) {
				if r["read_only"] == true {
					n.ask("carol", "DELETE", fmt.Sprintf("/api/tokens/%v/", r["id"]), nil).want(n.t, 204)
				}
			}
		}, "basic session minted named"},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, Options{})
			n.target("astro", "M 31", "Observers")
			id := fmt.Sprint(n.ask("carol", "GET", "/api/users/", nil).rows(t)[0]["id"])
			credentials := url.Values{"username": {"carol"}, "password": {password("carol")}}
			cookie, _, _ := strings.Cut(n.ask("", "POST", "/api/session/", credentials).want(t,
				201).header.Get("Set-Cookie"), ";")
			minted := n.ask("", "POST", "/api/token-auth/", credentials).want(t, 200).json(t)["token"]
			reads := n.ask("carol", "POST", "/api/tokens/", jsonText(`{"read_only": true}`)).want(t,
				201).json(t)["token"]
			header := map[string][2]string{
				"basic": {"Authorization",
					"Basic " + base64.StdEncoding.EncodeToString([]byte("carol:"+password("carol")))},
				"session":   {"Cookie", cookie},
				"minted":    {"Authorization", fmt.Sprint("Token ", minted)},
				"named":     {"Authorization", "Token " + n.tokens["carol"]},
				"read only": {"Authorization", fmt.Sprint("Bearer ", reads)},
			}
			sees := func(way string) bool {
				return n.ask("", "GET", "/api/targets/1/", nil, header[way][0], header[way][1]).status == 200
			}
			for _, way := range ways {
				if !sees(way) {
					t.Fatalf("%s does not work at first", way)
				}
			}
			c.do(n, id, header)
			for _, way := range ways {
				if got, want := sees(way), strings.Contains(c.left, way); got != want {
					t.Errorf("%s works: %v, want %v", way, got, want)
				}
			}
			// leaving the group takes effect with every credential
			if strings.Contains(c.left, "basic") && name == "nothing" {
				n.change(id, `{"groups": []}`)
				for _, way := range ways {
					if sees(way) {
						t.Errorf("%s still sees the target of the group", way)
					}
				}
			}
		})
	}
}

// newPassword changes a user's password and sends the current one; the header says who asks.
func (n *node) newPassword(user, id string, as [2]string) {
	n.t.Helper()
	n.ask("", "PATCH", "/api/users/"+id+"/",
		map[string]string{"password": "quite-another-1",
			"current_password": password("carol")}, as[0], as[1]).want(n.t, 200)
}

// change changes a user, as a superuser.
func (n *node) change(id, body string) {
	n.t.Helper()
	n.ask("admin", "PATCH", "/api/users/"+id+"/", jsonText(body)).want(n.t, 200)
}

// TestStreamsEnd: a client that loses the right to see a target while it watches gets the event
// "gone", and nothing after that.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	var soon time.Time
	for name, c := range map[string]struct {
		as string // whose token: carol's, one that expires, or none
		do func(n *node, id string)
	}{
		"the grant is withdrawn": {"carol",
			func(n *node, id string) { n.ask("astro", "DELETE", "/api/targets/1/groups/2/", nil).want(n.t, 204) }},
		"leaving the group": {"carol", func(n *node, id string) { n.change(id, `{"groups": []}`) }},
		"the group is deleted": {"carol",
			func(n *node, id string) { n.ask("admin", "DELETE", "/api/groups/2/?all=true", nil).want(n.t, 204) }},
		"the user is deleted": {"carol",
			func(n *node, id string) { n.ask("admin", "DELETE", "/api/users/"+id+"/", nil).want(n.t, 204) }},
		"the token is revoked": {"carol", func(n *node, id string) {
			for _, r := range n.ask("carol", "GET", "/api/tokens/", nil).rows(n.t) {
				n.ask("admin", "DELETE", fmt.Sprintf("/api/tokens/%v/", r["id"]), nil).want(n.t, 204)
			}
		}},
		"the token expires": {"soon", func(n *node, id string) { time.Sleep(time.Until(soon)) }},
		"the target is deleted": {"carol",
			func(n *node, id string) { n.ask("astro", "DELETE", "/api/targets/1/", nil).want(n.t, 204) }},
		"the node is locked": {"", func(n *node, id string) { n.mode(auth.ModeTargets, auth.Locked) }},
		"the target is closed to guests": {"", func(n *node, id string) {
			n.ask("astro", "PATCH", "/api/targets/1/", jsonText(`{"permissions": "PRIVATE"}`)).want(n.t, 200)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, Options{})
			target := n.target("astro", "M 31", "Observers")
			if c.as == "" {
				n.ask("astro", "PATCH", "/api/targets/1/", jsonText(`{"permissions": "OPEN"}`)).want(t, 200)
			}
			id := fmt.Sprint(n.ask("carol", "GET", "/api/users/", nil).rows(t)[0]["id"])
			soon = time.Now().Add(2 * time.Second).UTC()
			n.tokens["soon"] = fmt.Sprint(n.ask("carol", "POST", "/api/tokens/",
				map[string]string{"expires": soon.Format(time.RFC3339Nano)}).want(t, 201).json(t)["token"])
			next := n.events(t, c.as, target)
			if event, _ := next(); event != "change" {
				t.Fatalf("the first event is %q", event)
			}
			c.do(n, id)
			// later changes are not sent
			n.ask("admin", "POST", "/api/reduceddatums/",
				jsonText(`{"target": 1, "data_type": "photometry", "timestamp": "2026-01-01T00:00:00Z", `+
					`"value": {"a": 1}}`))
			if event, data := next(); event != "gone" || data != "{}" {
				t.Errorf("event %q with %s", event, data)
			}
			if event, _ := next(); event != "" {
				t.Errorf("event %q after the end", event)
			}
		})
	}
}
