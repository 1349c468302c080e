package archive

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"nightjar/kv"
)

// TestLimitsPage compares the list of limits with the table in docs/run/security.md.
func TestLimitsPage(t *testing.T) {
	text, err := os.ReadFile("../docs/run/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), "### Limits of what is stored\n")
	if part, _, _ = strings.Cut(part, "\n## "); !found {
		t.Fatal("there is no such part")
	}
	there := map[string]bool{}
	for line := range strings.Lines(part) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| of") {
			there[strings.TrimSpace(line)] = true
		}
	}
	for _, l := range Limits {
		row := fmt.Sprintf("| %s | %s | %s |", l.Of, l.Most, l.Told)
		if !there[row] {
			t.Errorf("the page lacks: %s", row)
		}
		delete(there, row)
	}
	for row := range there {
		t.Errorf("in the page but not in the source: %s", row)
	}
}

// TestKeysFit writes the longest allowed texts, in letters of most bytes, into every field that is
// part of a key: no key comes near the longest possible one.
func TestKeysFit(t *testing.T) {
	f := open(t, Options{})
	wide := func(n int) string { return strings.Repeat("\ufdfa", n) } // 3 bytes, and folded into 18 letters
	in := &TargetInput{Name: Some(wide(MaxName)), Type: Some(Sidereal),
		Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(1.0)},
		Aliases: []AliasInput{{Name: wide(MaxName - 1)}}, Extras: []ExtraInput{{Key: wide(MaxExtraKey),
			Value: strings.Repeat("\x00", MaxExtraValue)}}, Lists: []ListInput{{Name: wide(MaxListName)}}}
	v, err := f.as("astro").CreateTarget(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.as("astro").AddObservation(t.Context(),
		&ObservationInput{Target: v.ID, Facility: wide(MaxFacility), ObservationID: wide(MaxObservationID),
			Status: wide(MaxStatus), Parameters: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.as("astro").AddDatum(t.Context(),
		&DatumInput{Target: v.ID, Type: "photometry", Source: wide(MaxSource), Location: wide(MaxLocation),
			Value: []byte(`1`)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.uploadAs("astro",
		&ProductInput{Target: v.ID, Type: "fits_file", FileName: wide(MaxFileName),
			ProductID: wide(MaxProductID)}, "x"); err != nil {
		t.Fatal(err)
	}
	file, err := bbolt.Open(f.backup(), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	err = file.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, _ []byte) error {
				if len(k) > bbolt.MaxKeySize/2 {
					t.Errorf("a key of %d bytes: %q", len(k), k[:40])
				}
				return nil
			})
		})
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLargeSpectrum refuses a file with a spectrum that is larger than a value may be, and says
// which and why.
func TestLargeSpectrum(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T")
	var b strings.Builder
	b.WriteString("wavelength,flux\n")
	for i := range 330_000 {
		fmt.Fprintf(&b, "%d.%06d,%d.123456789\n", 3000+i/1000, i%1000*1000+1, i)
	}
	_, _, err := f.uploadAs("astro", &ProductInput{Target: id, Type: "spectroscopy", FileName: "long.csv"}, b.String())
	refused := new(ProcessingError)
	if !errors.As(err, &refused) || len(refused.Report.Errors) != 1 || refused.Report.Errors[0].File != "long.csv" ||
		!strings.Contains(refused.Report.Errors[0].Reason, "bytes; at most 7340032 are stored") {
		t.Errorf("%v", err)
	}
	if ids := f.data("admin", DatumFilter{}); len(ids) != 0 {
		t.Errorf("%d datums were stored", len(ids))
	}
}

// TestLargestTarget changes one number of a target of the maximum size many times: the log does not
// keep the target each time.
func TestLargestTarget(t *testing.T) {
	f := open(t, Options{})
	in := &TargetInput{Name: Some("large"), Type: Some(Sidereal),
		Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(1.0)}}
	for i := range 15 {
		in.Extras = append(in.Extras,
			ExtraInput{Key: fmt.Sprint("k", i), Value: strings.Repeat(fmt.Sprint(i), MaxExtraValue)[:MaxExtraValue]})
	}
	in.Extras = append(in.Extras, ExtraInput{Key: "last", Value: strings.Repeat("x", 3500)})
	v, err := f.as("astro").CreateTarget(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int64{}
	measure := func() {
		if err := f.db.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		size, _, err := f.db.Size()
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, size)
	}
	measure()
	for i := range 40 {
		if _, err := f.as("astro").ChangeTarget(t.Context(), v.ID,
			&TargetInput{Numbers: map[string]Opt[float64]{"ra": Some(float64(i) + 2)}}, false); err != nil {
			t.Fatal(err)
		}
	}
	used, _, err := f.db.Size()
	if err != nil {
		t.Fatal(err)
	}
	measure()
	t.Logf("a target of %d bytes; the file had %d bytes, after 40 changes %d, compacted %d", targets.Size(v.Target),
		sizes[0], used, sizes[1])
	if grown := sizes[1] - sizes[0]; grown > 40*1000 {
		t.Errorf("the file grew by %d bytes", grown)
	}
	if err := f.db.View(func(tx *kv.Tx) error {
		for i := range 40 {
			old, err := targets.Before(tx, f.Head().Seq-uint64(i), v.ID)
			if err != nil || *old.RA != float64(40-i) || len(old.Extras) != 16 {
				t.Errorf("%d changes ago: %v, %v", i, old, err)
			}
			if i == 39 {
				break
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
