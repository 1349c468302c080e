package archive

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// TestNameSearchOrder: the results of a search by name are ordered by name, for few and many
// results, for each viewer, and across pages.
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
					// names in another order than ids, and aliases in a third one; every fourth
					// target matches by its alias only
					name := fmt.Sprintf("SN %05d%s", i*7919%10007, user)
					in := &TargetInput{Type: Some(Sidereal),
						Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(2.0)}}
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
				if got := f.targets(user,
					TargetFilter{Names: []string{"nothing", "SN"}, Order: "-name"}); !slices.Equal(got, reversed) {
					t.Errorf("%s, descending: %.300q", user, got)
				}
				var paged []string
				for offset := 0; offset < len(want); offset += 3 {
					rows, count, err := Collect(func(out Out[TargetView]) error {
						return f.as(user).Targets(t.Context(), TargetFilter{Names: []string{"sn"}},
							Page{Offset: offset, Limit: 3}, out)
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
			// other lists are ordered by id
			if got := f.targets("astro", TargetFilter{}); len(got) != n+1 || got[n] != "M 31" ||
				slices.IsSorted(got[:n]) {
				t.Errorf("without a search: %.300q", got)
			}
		})
	}
}

// TestTargetOrders compares the pages of lists in each order with those of a sorted slice, for
// viewers of all and some targets, also where many were changed at the same time.
func TestTargetOrders(t *testing.T) {
	for _, n := range []int{20, fewNames + 300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			clock := time.Unix(1.8e9, 0)
			f := open(t, Options{Now: func() time.Time { return clock }})
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for _, user := range []string{"astro", "bob"} {
				i := 0
				_, err := f.as(user).AddTargets(t.Context(), func() (*TargetInput, int, error) {
					if i++; i > n {
						return nil, 0, io.EOF
					}
					return &TargetInput{Name: Some(fmt.Sprintf("%d %s", i*7919%10007, user)), Type: Some(Sidereal),
						Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(2.0)}}, i, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				clock = clock.Add(time.Second)
			}
			for range 60 {
				id := 1 + random.Uint64N(2*uint64(n))
				_, err := f.as("admin").ChangeTarget(t.Context(), id,
					&TargetInput{Numbers: map[string]Opt[float64]{"ra": Some(random.Float64())}}, false)
				if random.IntN(8) == 0 {
					err = f.as("admin").DeleteTarget(t.Context(), id)
				}
				if err != nil && !refusedAs(err, problem.NotFound) {
					t.Fatal(err)
				}
				clock = clock.Add(time.Duration(random.IntN(2)) * time.Second)
			}
			for _, user := range []string{"admin", "bob"} {
				var all []*TargetView
				_, _, err := Collect(func(out Out[TargetView]) error {
					out.Row = func(v *TargetView) error { own := *v; all = append(all, &own); return nil }
					return f.as(user).Targets(t.Context(), TargetFilter{}, Page{Limit: 1 << 30}, out)
				})
				if err != nil {
					t.Fatal(err)
				}
				for order, compare := range map[string]func(a, b *TargetView) int{
					"name": func(a, b *TargetView) int { return strings.Compare(a.Name, b.Name) },
					"modified": func(a, b *TargetView) int {
						return cmp.Or(cmp.Compare(a.Modified, b.Modified), cmp.Compare(a.ID, b.ID))
					},
				} {
					slices.SortFunc(all, compare)
					want := make([]uint64, len(all))
					for i, v := range all {
						want[i] = v.ID
					}
					for _, sign := range []string{"", "-"} {
						for range 30 {
							page := Page{Offset: random.IntN(len(want) + 20), Limit: 1 + random.IntN(50)}
							var got []uint64
							_, count, err := Collect(func(out Out[TargetView]) error {
								out.Row = func(v *TargetView) error { got = append(got, v.ID); return nil }
								return f.as(user).Targets(t.Context(), TargetFilter{Order: sign + order}, page, out)
							})
							if err != nil {
								t.Fatal(err)
							}
							if part := cut(want, kv.Page{Offset: page.Offset, Limit: page.Limit}); count != len(want) ||
								!slices.Equal(got, part) {
								t.Fatalf("%s by %s%s, %+v: %d rows, not %d; %v, not %v", user, sign, order, page, count,
									len(want), got, part)
							}
						}
						slices.Reverse(want)
					}
				}
			}
		})
	}
}

// BenchmarkTargetOrders reads pages of 100, with their count, of 100,000 targets.
func BenchmarkTargetOrders(b *testing.B) {
	_, all, half := benchArchive(b, 0, 100_000)
	for _, v := range []struct {
		name string
		s    *Session
	}{{"all", all}, {"half", half}} {
		for _, order := range []string{"modified", "-modified", "name", "-name"} {
			for _, offset := range []int{0, 25_000} {
				b.Run(fmt.Sprintf("%s/%s/offset=%d", v.name, order, offset), func(b *testing.B) {
					out := Out[TargetView]{Begin: func(Extent) error { return nil },
						Row: func(*TargetView) error { return nil }, Flush: func() error { return nil }}
					for b.Loop() {
						if err := v.s.Targets(b.Context(), TargetFilter{Order: order}, Page{Offset: offset, Limit: 100},
							out); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
