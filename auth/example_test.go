package auth_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"nightjar/auth"
	"nightjar/kv"
)

// A token is shown once. It acts for its user, with fewer rights if it may only read.
func ExampleAuth_WithToken() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := kv.Open(filepath.Join(dir, "node.db"), auth.Tables(), kv.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	a, err := auth.New(db, auth.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, name := context.Background(), "astro"
	user, err := a.CreateUser(ctx, auth.FileOwner(), auth.UserChange{Name: &name})
	if err != nil {
		log.Fatal(err)
	}
	token, err := a.CreateToken(ctx, auth.FileOwner(), auth.NewToken{User: user.ID, Name: "plots", ReadOnly: true})
	if err != nil {
		log.Fatal(err)
	}
	v, err := a.WithToken(token.Secret, "127.0.0.1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Name, v.ReadOnly, a.Policy().MayWrite(v) != nil)
	// Output: astro true true
}

// All rules are functions of a viewer and an object.
func ExamplePolicy_May() {
	policy := auth.Policy{Mode: auth.ModeTargets, Strategy: auth.ReadOnly}
	target := auth.ACL{Visibility: auth.VisibleToGranted}
	target.Give(auth.GroupGrantee(7), auth.View)
	carol := auth.Viewer{ID: 3, Name: "carol", Groups: []uint64{7}}
	guest := auth.Viewer{}
	fmt.Println(policy.Sees(carol, target), policy.May(carol, auth.Change, target), policy.Sees(guest, target))
	// Output: true false false
}
