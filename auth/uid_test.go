package auth

import (
	"testing"

	"nightjar/kv"
)

// TestUIDs finds a record of each kind by its uid until it is deleted.
func TestUIDs(t *testing.T) {
	f := setup(t)
	var last UserInfo
	for _, name := range []string{"ada", "ben"} {
		last = f.user(name, false, name+"s")
		if _, err := f.CreateToken(t.Context(), f.owner, NewToken{User: last.ID, Name: "notebook"}); err != nil {
			t.Fatal(err)
		}
	}
	var gone *User
	err := f.db.View(func(tx *kv.Tx) (err error) {
		findUIDs(t, tx, users, func(r *User) [16]byte { return r.UID })
		findUIDs(t, tx, groups, func(r *Group) [16]byte { return r.UID })
		findUIDs(t, tx, tokens, func(r *Token) [16]byte { return r.UID })
		gone, err = users.Get(tx, last.ID)
		return err
	})
	if err == nil {
		err = f.DeleteUser(t.Context(), f.owner, last.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	err = f.db.View(func(tx *kv.Tx) error {
		if id, ok, err := users.ByUID(tx, gone.UID); ok || err != nil {
			t.Errorf("the uid of a deleted user leads to %d, %v", id, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// findUIDs finds all rows of a table, at least two, by their uids.
func findUIDs[T any](t *testing.T, tx *kv.Tx, table *kv.Table[T], uid func(*T) [16]byte) {
	t.Helper()
	n := 0
	for id, err := range table.All(tx).Each() {
		if err != nil {
			t.Fatal(err)
		}
		rec, err := table.Get(tx, id)
		if err != nil {
			t.Fatal(err)
		}
		if found, ok, err := table.ByUID(tx, uid(rec)); !ok || err != nil || found != id {
			t.Errorf("the uid of %s %d leads to %d, %v, %v", table.Name(), id, found, ok, err)
		}
		n++
	}
	if n < 2 {
		t.Errorf("only %d rows of table %s", n, table.Name())
	}
}
