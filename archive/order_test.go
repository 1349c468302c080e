package archive

import (
	"fmt"
	"io"
	"slices"
	"testing"
)

// TestNameSearchOrder lists what a search by name finds in the order of names, few or many, whoever searches, and page by page.
func TestNameSearchOrder(t *testing.T) {
	for _, n := range []int{7, fewNames + 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := open(t, Options{})
			var mine, all []string
			for _, user := range []string{"astro", "bob"} {
				i := 0
				_, err := f.as(user).AddTargets(t.Context(), func() (*TargetInput, int, error) {
					if i == n {
						return nil, 0, io.EOF
					}
					// names that do not come in their order; aliases in yet another one; every fourth does not match by its name but by its alias
					name := fmt.Sprintf("SN %05d%s", i*7919%10007, user)
					in := &TargetInput{Type: Some(Sidereal), Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(2.0)}}
					if i%4 == 3 {
						name = fmt.Sprintf("at %05d%s", i*7919%10007, user)
						in.Aliases = []AliasInput{{Name: fmt.Sprintf("sn alias %d%s", n-i, user)}}
					}
					in.Name = Some(name)
					if all = append(all, name); user == "astro" {
						mine = append(mine, name)
					}
					i++
					return in, i, nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			f.target("astro", "M 31")
			slices.Sort(mine)
			slices.Sort(all)
			f.waitIndexed()
			for user, want := range map[string][]string{"astro": mine, "admin": all} {
				if got := f.targets(user, TargetFilter{Names: []string{"sN "}}); !slices.Equal(got, want) {
					t.Errorf("%s finds %d targets, or not in their order: %.300q", user, len(got), got)
				}
				reversed := slices.Clone(want)
				slices.Reverse(reversed)
				if got := f.targets(user, TargetFilter{Names: []string{"nothing", "SN"}, Order: "-name"}); !slices.Equal(got, reversed) {
					t.Errorf("%s, descending: %.300q", user, got)
				}
				var paged []string
				for offset := 0; offset < len(want); offset += 3 {
					rows, count, err := Collect(func(out Out[TargetView]) error {
						return f.as(user).Targets(t.Context(), TargetFilter{Names: []string{"sn"}}, Page{Offset: offset, Limit: 3}, out)
					})
					if err != nil || count != len(want) {
						t.Fatal(count, err)
					}
					for _, r := range rows {
						paged = append(paged, r.Name)
					}
					if offset > 60 {
						break
					}
				}
				if !slices.Equal(paged, want[:len(paged)]) || len(paged) < 7 {
					t.Errorf("%s, page by page: %q", user, paged)
				}
			}
			// other lists go by id
			if got := f.targets("astro", TargetFilter{}); len(got) != n+1 || got[n] != "M 31" || slices.IsSorted(got[:n]) {
				t.Errorf("without a search: %.300q", got)
			}
		})
	}
}
