package archive

import (
	"io"
	"testing"

	"nightjar/kv"
)

// TestUIDs finds a record of each kind by its uid until it is deleted. The fixture checks at its
// end that the keys follow from the records.
func TestUIDs(t *testing.T) {
	f := open(t, Options{})
	s, ctx := f.as("admin"), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var gone *TargetView
	for _, name := range []string{"first", "second"} {
		v, err := s.CreateTarget(ctx, &TargetInput{Name: Some(name), Type: Some(Sidereal),
			Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(2.0)}, Lists: []ListInput{{Name: name}}})
		must(err)
		_, err = s.AddObservation(ctx, &ObservationInput{Target: v.ID, Facility: "LCO", ObservationID: name,
			Status: "COMPLETED", Parameters: []byte("{}")})
		must(err)
		_, _, err = f.upload("admin", v.ID, name+".csv", lightCurveCSV)
		must(err)
		sent := false
		_, err = s.AddDatums(ctx, false, func() (DatumInput, int, error) {
			if sent {
				return DatumInput{}, 0, io.EOF
			}
			sent = true
			return DatumInput{Target: v.ID, Type: "photometry", Timed: true, Value: []byte(`{"magnitude":1}`)}, 1, nil
		})
		must(err)
		gone = v
	}
	must(f.db.View(func(tx *kv.Tx) error {
		findUIDs(t, tx, targets, func(r *Target) [16]byte { return r.UID })
		findUIDs(t, tx, lists, func(r *List) [16]byte { return r.UID })
		findUIDs(t, tx, products, func(r *Product) [16]byte { return r.UID })
		findUIDs(t, tx, observations, func(r *Observation) [16]byte { return r.UID })
		findUIDs(t, tx, uploads, func(r *Upload) [16]byte { return r.UID })
		return nil
	}))
	must(s.DeleteTarget(ctx, gone.ID))
	must(f.db.View(func(tx *kv.Tx) error {
		if id, ok, err := targets.ByUID(tx, gone.UID); ok || err != nil {
			t.Errorf("the uid of a deleted target leads to %d, %v", id, err)
		}
		return nil
	}))
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
