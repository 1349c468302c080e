package archive

import (
	"testing"

	"go.etcd.io/bbolt"
)

// TestLostCode opens a file that lacks the code of a configured data type, as a salvaged one may:
// the type is given another, and datums of it can be added.
func TestLostCode(t *testing.T) {
	f := open(t, Options{})
	target := f.target("astro", "M 31")
	if _, err := f.as("admin").SetSetting(t.Context(), "data_product_types",
		"photometry,fits_file,spectroscopy,image_file,polarimetry"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := bbolt.Open(f.path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	lost := append([]byte("code/"), codeDataType)
	lost = append(lost, "polarimetry"...)
	err = file.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		if meta.Get(lost) == nil {
			t.Error("the type has no code")
		}
		return meta.Delete(lost)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	v, _, err := f.as("astro").AddDatum(t.Context(),
		&DatumInput{Target: target, Type: "polarimetry", Time: 1e6, Timed: true, Value: []byte(`{"p": 1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if v.Type != "polarimetry" {
		t.Errorf("a datum of type %q", v.Type)
	}
}
