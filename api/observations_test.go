package api

import (
	"strings"
	"testing"

	"nightjar/auth"
)

// TestOwnObservations: users who see a target can record observations of it and cancel their own.
// To cancel those of others they must be allowed to delete records of the target.
func TestOwnObservations(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	seen := n.ask("astro", "POST", "/api/targets/", jsonText(`{"name": "seen", "type": "SIDEREAL", "ra": 5, "dec": 5, `+
		`"permissions": "PUBLIC", "groups": [{"name": "Observers"}]}`)).want(t, 201).id(t)
	hidden := n.target("astro", "hidden")
	observe := func(target, more string) raw {
		return jsonText(`{"target_id": ` + target + `, "facility": "F", "observation_type": "x", ` +
			`"observing_parameters": {"exposures": 3}` + more + `}`)
	}
	record := func(user, more string) string {
		t.Helper()
		r := n.ask(user, "POST", "/api/observations/", observe(seen, more)).want(t, 201)
		_, id, _ := strings.Cut(string(r.body), `"id":`)
		id, _, _ = strings.Cut(id, ",")
		return "/api/observations/" + id + "/"
	}
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		n.mode(mode, auth.ReadOnly)
		bobs, astros := record("bob", ""), record("astro", "")
		others := map[auth.Mode]int{auth.ModeTargets: 403, auth.ModeObjects: 404}[mode] // eve only sees the target
		cancel := func(name, user, path string, status int) scenario {
			return scenario{name: string(mode) + ": " + name, as: user, method: "PATCH", path: path + "cancel/",
				body: jsonText(`{}`), status: status}
		}
		n.play(t, []scenario{
			{name: "a hidden target", as: "bob", method: "POST", path: "/api/observations/", body: observe(hidden, ""),
				status: 400, has: []string{`"target_id":["Invalid pk`}},
			{name: "no datum by seeing alone", as: "bob", method: "POST", path: "/api/reduceddatums/", status: 400,
				body: jsonText(`{"target": ` + seen + `, "data_type": "photometry", "value": {"a": 1}}`),
				has:  []string{"You may see this target, but not change it."}},
			cancel("a stranger", "eve", bobs, others), cancel("another's", "bob", astros, others),
			cancel("one's own", "bob", bobs, 200), cancel("a superuser", "admin", astros, 200),
			{name: "is cancelled", as: "bob", method: "GET", path: bobs, status: 200,
				has: []string{`"status":"CANCELED"`}},
		})
		if mode == auth.ModeTargets {
			n.play(t, []scenario{cancel("by the right to change", "carol", bobs, 200)})
		} else {
			shared := record("astro", `, "groups": [{"name": "Observers"}]`)
			n.play(t, []scenario{cancel("by its group", "carol", shared, 200),
				cancel("not one of it", "bob", shared, 404)})
		}
	}
}
