package docs

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
)

// storageFile is a closed archive with records of every kind, and its answers from before.
type storageFile struct {
	path     string
	stat     *archive.Stat
	secret   string // of a token
	targets  map[uint64]archive.Target
	data     map[uint64]archive.Datum
	types    map[uint64]string // of data
	products map[uint64]archive.Product
	files    map[string][]byte // by path
	obs      archive.Observation
}

// makeStorage makes the file through package archive.
func makeStorage(t *testing.T) *storageFile {
	t.Helper()
	ctx := t.Context()
	f := &storageFile{path: filepath.Join(t.TempDir(), "nightjar.db"), targets: map[uint64]archive.Target{},
		data:  map[uint64]archive.Datum{},
		types: map[uint64]string{}, products: map[uint64]archive.Product{}, files: map[string][]byte{}}
	a, err := archive.Open(f.path, archive.Options{NoSync: true})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	owner := auth.FileOwner()
	name, password := "astro", "long enough"
	g, err := a.Auth().CreateGroup(ctx, owner, "Observers")
	must(err)
	u, err := a.Auth().CreateUser(ctx, owner,
		auth.UserChange{Name: &name, Password: &password, Groups: &[]auth.GroupRef{{ID: g.ID}}})
	must(err)
	token, err := a.Auth().CreateToken(ctx, owner, auth.NewToken{User: u.ID, Name: "notebook"})
	must(err)
	f.secret = token.Secret
	v, err := a.Auth().As(name)
	must(err)
	v.Action, v.Addr = "TEST", "127.0.0.1"
	s := a.For(v)

	number := archive.Some[float64]
	first, err := s.CreateTarget(ctx,
		&archive.TargetInput{Name: archive.Some("SN 2023ixf"), Type: archive.Some(archive.Sidereal),
			Visibility: archive.Some("OPEN"),
			Numbers:    map[string]archive.Opt[float64]{"ra": number(210.91), "dec": number(54.31), "pm_ra": number(0)},
			Aliases: []archive.AliasInput{{Name: "ZTF23aaklqou"},
				{Name: "Gaia23bmb"}}, Extras: []archive.ExtraInput{{Key: "host", Value: "M 101"}},
			Lists: []archive.ListInput{{Name: "Supernovae"}}, Groups: []auth.GroupRef{{ID: g.ID}}})
	must(err)
	second, err := s.CreateTarget(ctx,
		&archive.TargetInput{Name: archive.Some("C/2019 Y4"), Type: archive.Some(archive.NonSidereal),
			Visibility: archive.Some("PUBLIC"), Scheme: archive.Some("MPC_COMET"),
			Numbers: map[string]archive.Opt[float64]{"epoch_of_elements": number(58983), "inclination": number(45.38),
				"lng_asc_node":      number(120.57),
				"arg_of_perihelion": number(177.41), "eccentricity": number(0.9992), "perihdist": number(0.2528),
				"epoch_of_perihelion": number(59000.02)}})
	must(err)
	third, err := s.CreateTarget(ctx,
		&archive.TargetInput{Name: archive.Some("to be deleted"), Type: archive.Some(archive.Sidereal),
			Numbers: map[string]archive.Opt[float64]{"ra": number(1), "dec": number(2)}})
	must(err)
	start := int64(-1e15)
	obs, err := s.AddObservation(ctx,
		&archive.ObservationInput{Target: first.ID, Facility: "LCO", ObservationID: "77", Status: "COMPLETED",
			Parameters: []byte(`{"exposures": 3}`), ScheduledStart: &start, Groups: []auth.GroupRef{{ID: g.ID}}})
	must(err)
	f.obs = *obs

	upload := func(in archive.ProductInput, content string) uint64 {
		t.Helper()
		file, err := s.BeginUpload(ctx)
		must(err)
		_, err = io.WriteString(file, content)
		must(err)
		made, _, err := s.Upload(ctx, &in, file)
		must(err)
		p := made[0]
		f.files[p.Path] = []byte(content)
		return p.ID
	}
	rows := "time,filter,magnitude\n55959.07,r,15.582\n55960.07,V,15.676\n-40000,r,1e1\n"
	upload(archive.ProductInput{Target: first.ID, Type: "photometry", FileName: "a.csv", ProductID: "id/1",
		Observation: obs.ID, Groups: []auth.GroupRef{{ID: g.ID}}}, rows)
	upload(archive.ProductInput{Target: first.ID, Type: "photometry", FileName: "again.csv"}, rows)
	upload(archive.ProductInput{Target: first.ID, Type: "image_file", FileName: "m101.png"},
		strings.Repeat("a picture ", 15_000))
	var spectrum strings.Builder
	spectrum.WriteString("wavelength,flux\n")
	for i := range 300 {
		fmt.Fprintf(&spectrum, "%d,%d.5\n", 4000+i, i)
	}
	upload(archive.ProductInput{Target: second.ID, Type: "spectroscopy", FileName: "s.csv"}, spectrum.String())
	gone := upload(archive.ProductInput{Target: first.ID, Type: "fits_file", FileName: "gone.fits"}, "x")

	// Sets in all their forms: bits for A, lists for B and C, a run for all.
	i := 0
	_, err = s.AddDatums(ctx, false, func() (archive.DatumInput, int, error) {
		if i == 9000 {
			return archive.DatumInput{}, 0, io.EOF
		}
		i++
		return archive.DatumInput{Target: first.ID, Type: "photometry",
			Source: []string{"A", "B", "A", "C", "A", "B", "A", "B"}[i%8], Location: "somewhere",
			Time: int64(i) * 6e7, Timed: true, Value: fmt.Appendf(nil,
				`{"n": %d, "\u00e9": [true, false, null, 12345678901234567890, 1.50, "x"]}`, i)}, i, nil
	})
	must(err)
	single := func(second int64, groups ...auth.GroupRef) uint64 {
		t.Helper()
		d, _, err := s.AddDatum(ctx,
			&archive.DatumInput{Target: uint64(second%2 + 1), Type: "photometry", Source: "by hand", Time: second * 1e6,
				Timed: true, Value: []byte(`{"magnitude":17.25}`), Groups: groups})
		must(err)
		return d.ID
	}
	must(s.DeleteDatum(ctx, single(1)))
	must(s.DeleteProduct(ctx, gone))
	must(s.DeleteTarget(ctx, third.ID))
	_, err = s.ChangeTarget(ctx, second.ID, &archive.TargetInput{Name: archive.Some("C/2019 Y4 (ATLAS)")}, false)
	must(err)
	_, err = a.For(owner).SetSetting(ctx, "tom_name", "Observatory")
	must(err)
	_, err = a.For(owner).SetSetting(ctx, "tom_name", "Our Observatory")
	must(err)
	single(2) // these stay in the tail
	single(3, auth.GroupRef{ID: g.ID})
	f.ask(t, a)
	must(a.Close())
	return f
}

// ask keeps the archive's answers.
func (f *storageFile) ask(t *testing.T, a *archive.Archive) {
	t.Helper()
	s, ctx, all := a.For(auth.FileOwner()), context.Background(), archive.Page{Limit: 1 << 30}
	var err error
	if f.stat, err = s.Stat(); err != nil {
		t.Fatal(err)
	}
	nothing := func(archive.Extent) error { return nil }
	flush := func() error { return nil }
	err = s.Targets(ctx, archive.TargetFilter{}, all, archive.Out[archive.TargetView]{Begin: nothing, Flush: flush,
		Row: func(v *archive.TargetView) error { f.targets[v.ID] = *v.Target; return nil }})
	if err == nil {
		err = s.Datums(ctx, archive.DatumFilter{}, all, archive.Out[archive.DatumView]{Begin: nothing, Flush: flush,
			Row: func(v *archive.DatumView) error {
				d := *v.Datum
				d.Value, d.Products, d.Owners = bytes.Clone(d.Value), slices.Clone(d.Products), slices.Clone(d.Owners)
				f.data[v.ID], f.types[v.ID] = d, v.Type
				return nil
			}})
	}
	if err == nil {
		err = s.Products(ctx, archive.ProductFilter{}, all, archive.ProductOut{Begin: nothing, Flush: flush, End: flush,
			Product: func(v *archive.ProductView) error { f.products[v.ID] = *v.Product; return nil }})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tableNumbers are the numbers of the tables in the page's headings.
var tableNumbers = map[string]byte{"user": 1, "group": 2, "token": 3, "target": 4, "list": 7, "product": 8, "datum": 9,
	"observation": 10, "upload": 11}

// storageReader reads a file by docs/build/storage.md.
type storageReader struct {
	*testing.T
	page    storagePage
	bolt    *boltFile
	raw     map[string]map[uint64][]byte // records by table and id, as bytes
	records map[string]map[uint64]rawRecord
	data    map[uint64]rawDatum
	seen    map[string]bool // the page's kinds that occur in the file
}

// open checks and removes the CRC of a value.
func (r *storageReader) open(what string, covers, value []byte) []byte {
	r.Helper()
	n := len(value) - 4
	table := crc32.MakeTable(crc32.Castagnoli)
	if n < 0 || crc32.Update(crc32.Checksum(covers, table), table, value[:n]) != u32(value, n) {
		r.Fatalf("%s %x: the CRC is wrong", what, covers)
	}
	return value[:n]
}

type rawDatum struct {
	code             byte
	time             int64
	target, upload   uint64
	source, location string
	products         []uint64
	owners           []archive.Owner
	value            []byte
}

// TestStorage reads a file as docs/build/storage.md describes it and compares it with the archive's
// answers.
func TestStorage(t *testing.T) {
	f := makeStorage(t)
	r := &storageReader{T: t, page: readStoragePage(t), bolt: readBolt(t, f.path), raw: map[string]map[uint64][]byte{},
		records: map[string]map[uint64]rawRecord{}, data: map[uint64]rawDatum{}, seen: map[string]bool{}}
	r.readRecords()
	r.meta(f)
	r.sameRecords(f)
	r.blobs(f)
	r.log(f)
	r.unique()
	r.order()
	r.series()
	r.sets()
	if !maps.Equal(r.seen, r.page.kinds) {
		t.Errorf("the file has %v, the page lists %v", slices.Sorted(maps.Keys(r.seen)),
			slices.Sorted(maps.Keys(r.page.kinds)))
	}
}

func (r *storageReader) meta(f *storageFile) {
	meta := r.bolt.buckets["meta"]
	get := func(key string) []byte {
		r.Helper()
		return r.open("meta", []byte(key), meta.get(key))
	}
	if v := get("format"); binary.BigEndian.Uint32(v) != 4 || f.stat.Formatted != 4 {
		r.Errorf("format %x", v)
	}
	no := get("node")
	if id := ulid(get("node/" + string(no))); id != f.stat.Node {
		r.Errorf("node %s, not %s", id, f.stat.Node)
	}
	if v := get("setting/tom_name"); string(v) != "Our Observatory" {
		r.Errorf("tom_name %q", v)
	}
	if v := get("count/alias"); binary.BigEndian.Uint64(v) != 2 {
		r.Errorf("count/alias %x", v)
	}
	families := map[string]bool{}
	defer func() { r.sameFamilies(families) }()
	for _, p := range meta.pairs {
		r.open("meta", p.key, p.value)
		name, _, _ := strings.Cut(string(p.key), "/")
		if !slices.Contains([]string{"format", "created", "node", "setting", "code", "count", "tail", "family"}, name) {
			r.Errorf("meta %q in a file at rest", p.key)
		}
		if name == "family" {
			rest := p.key[len("family/"):]
			if len(rest) != 3 || rest[0] < 1 || rest[0] > 4 || rest[0] < 4 && rest[1] != 0 {
				r.Errorf("family %x", rest)
			}
			if v := r.open("meta", p.key, p.value); binary.BigEndian.Uint64(v) != 1<<64-1 {
				r.Errorf("family %x is true up to %x", rest, v)
			}
			families[string(rest)] = true
		}
	}
}

// sameFamilies checks that every derived key belongs to a listed family.
func (r *storageReader) sameFamilies(families map[string]bool) {
	for class, name := range []string{"unique", "order", "series", "set"} {
		for _, p := range r.bolt.buckets[name].pairs {
			family := string([]byte{byte(class + 1), 0, p.key[0]})
			if name == "set" {
				family = string([]byte{4, p.key[0], p.key[1]})
			}
			if !families[family] {
				r.Errorf("%s %x is of family %x, which is not listed", name, p.key, family)
			}
		}
	}
}
