package docs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/index"
)

// storageFile is an archive with something of everything, closed, and what it answered before.
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

// makeStorage makes the file through the archive's door.
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
				"arg_of_perihelion": number(177.41), "eccentricity": number(0.9992), "perihdist": number(0.2528), "epoch_of_perihelion": number(59000.02)}})
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

// ask keeps what the archive answers.
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

// tableNumbers are those of the page's headings.
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
	seen    map[string]bool // what occurred of the page's kinds
}

// open takes the CRC off a value.
func (r *storageReader) open(what string, covers, value []byte) []byte {
	r.Helper()
	n := len(value) - 4
	table := crc32.MakeTable(crc32.Castagnoli)
	if n < 0 || crc32.Update(crc32.Checksum(covers, table), table, value[:n]) != u32(value, n) {
		r.Fatalf("%s %x: the CRC is wrong", what, covers)
	}
	return value[:n]
}

func (r *storageReader) readRecords() {
	large := 0
	for name, no := range tableNumbers {
		r.raw[name], r.records[name] = map[uint64][]byte{}, map[uint64]rawRecord{}
		for _, p := range r.bolt.buckets[name].pairs {
			id := binary.BigEndian.Uint64(p.key)
			covers := append([]byte{no}, p.key...)
			b := r.open(name, covers, p.value)
			switch b[0] {
			case 0:
				b = b[1:]
			case 1:
				large++
				value := r.bolt.buckets["large"].get(string(covers))
				if len(b) != 5 || !bytes.Equal(b[1:], value[len(value)-4:]) {
					r.Errorf("%s %d: the record says that the CRC of its large value is %x, and it is %x", name, id,
						b[1:], value[len(value)-4:])
				}
				b = r.open("large", covers, value)
			}
			if id == 0 || id > r.bolt.buckets[name].sequence {
				r.Errorf("%s %d is beyond the sequence", name, id)
			}
			if r.raw[name][id] = b; name == "datum" {
				r.data[id] = readRawDatum(b)
			} else {
				r.records[name][id] = r.page.decode(r.T, name, b)
			}
		}
	}
	if large == 0 || large != len(r.bolt.buckets["large"].pairs) {
		r.Errorf("%d records are large, %d stand in the bucket", large, len(r.bolt.buckets["large"].pairs))
	}
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

// readRawDatum reads a datum as the page's table says.
func readRawDatum(b []byte) (d rawDatum) {
	flags := b[0]
	d.code, d.time = b[1], int64(binary.LittleEndian.Uint64(b[2:]))
	b = b[10:]
	number := func() uint64 {
		n, l := binary.Uvarint(b)
		b = b[l:]
		return n
	}
	text := func() string {
		n := number()
		s := string(b[:n])
		b = b[n:]
		return s
	}
	d.target, d.source = number(), text()
	if flags&1 != 0 {
		d.location = text()
	}
	if flags&2 != 0 {
		d.upload = number()
	}
	n := uint64(flags >> 2 & 3)
	if n == 2 {
		n = number()
	}
	for range n {
		d.products = append(d.products, number())
	}
	switch flags >> 4 & 3 {
	case 1:
		d.owners = []archive.Owner{{User: number()}}
	case 2:
		for range number() {
			o := archive.Owner{User: number()}
			for range number() {
				o.Groups = append(o.Groups, number())
			}
			d.owners = append(d.owners, o)
		}
	}
	d.value = b
	return d
}

// TestStorage reads a file by docs/build/storage.md alone and compares it with what the archive
// answered.
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
		t.Errorf("%v occur, the page tells of %v", slices.Sorted(maps.Keys(r.seen)),
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

// sameFamilies looks whether all that is derived is of a family that is listed.
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

// ulid is the text form of an identity: 26 digits of base 32.
func ulid(id []byte) string {
	s := strings.Map(func(c rune) rune {
		return rune("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[strings.IndexRune("0123456789abcdefghijklmnopqrstuv", c)])
	}, new(big.Int).SetBytes(id).Text(32))
	return strings.Repeat("0", 26-len(s)) + s
}

func (r *storageReader) sameRecords(f *storageFile) {
	for table, name := range map[string]string{"targets": "target", "lists": "list", "dataproducts": "product",
		"reduceddatums": "datum", "observations": "observation", "uploads": "upload"} {
		if n := len(r.raw[name]); n == 0 || n != f.stat.Counts[table] {
			r.Errorf("%d records of table %s, not %d", n, name, f.stat.Counts[table])
		}
	}
	codes := map[byte]string{}
	for _, p := range r.bolt.buckets["meta"].pairs {
		if text, ok := strings.CutPrefix(string(p.key), "code/\x01"); ok {
			codes[p.value[0]] = text
		}
	}
	for id, d := range f.data {
		got := r.data[id]
		if got.target != d.Target || codes[got.code] != f.types[id] || got.time != d.Time || got.source != d.Source ||
			got.location != d.Location ||
			got.upload != d.Upload || !slices.Equal(got.products, d.Products) ||
			fmt.Sprint(got.owners) != fmt.Sprint(d.Owners) || !bytes.Equal(got.value, d.Value) {
			r.Errorf("datum %d: %+v, not %+v", id, got, d)
		}
	}
	for id, want := range f.targets {
		got := r.records["target"][id]
		var aliases []archive.Alias
		for _, a := range every[rawRecord](got, "Aliases") {
			aliases = append(aliases, archive.Alias{ID: only[uint64](a, "ID"), Name: only[string](a, "Name")})
		}
		if only[string](got, "Name") != want.Name || only[string](got, "Type") != want.Type ||
			only[string](got, "Visibility") != string(want.Visibility) ||
			!slices.Equal(aliases, want.Aliases) || (want.RA != nil) != (len(got["RA"]) == 1) || want.RA != nil &&
			only[float64](got, "RA") != *want.RA ||
			(want.PmRA != nil) != (len(got["PmRA"]) == 1) || !bytes.Equal(only[[]byte](got, "UID"), want.UID[:]) ||
			only[int64](got, "Created") != want.Created {
			r.Errorf("target %d: %v, not %+v", id, got, want)
		}
	}
	o := r.records["observation"][f.obs.ID]
	if only[string](o, "Facility") != "LCO" || string(only[[]byte](o, "Parameters")) != `{"exposures":3}` ||
		only[int64](o, "ScheduledStart") != -1e15 || len(o["ScheduledEnd"]) != 0 {
		r.Errorf("observation: %v", o)
	}
	sum := sha256.Sum256([]byte(f.secret))
	if k := r.records["token"][1]; !bytes.Equal(only[[]byte](k, "Hash"), sum[:]) {
		r.Errorf("token: %v", k)
	}
	if u := r.records["user"][1]; !strings.HasPrefix(only[string](u, "Password"), "$argon2id$v=19$m=19456,t=2,p=1$") {
		r.Errorf("user: %v", u)
	}
}

func (r *storageReader) blobs(f *storageFile) {
	bucket := r.bolt.buckets["blob"]
	for id, p := range f.products {
		rec := r.records["product"][id]
		blob := only[uint64](rec, "Blob")
		var content []byte
		for chunk := uint32(0); ; chunk++ {
			key := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64([]byte("c"), blob), chunk)
			v := bucket.get(string(key))
			if v == nil {
				break
			}
			if v = r.open("blob", key, v); len(content)%65536 != 0 {
				r.Errorf("blob %d: a short chunk before chunk %d", blob, chunk)
			}
			content = append(content, v...)
		}
		sum := sha256.Sum256(content)
		if !bytes.Equal(content, f.files[p.Path]) || only[string](rec, "Path") != p.Path ||
			only[uint64](rec, "Size") != uint64(len(content)) ||
			!bytes.Equal(only[[]byte](rec, "SHA"), sum[:]) {
			r.Errorf("product %d: %d bytes, %v", id, len(content), rec)
		}
		hash := append([]byte("h"), sum[:]...)
		if v := r.open("blob", hash, bucket.get(string(hash))); binary.BigEndian.Uint64(v) != blob {
			r.Errorf("the hash of blob %d leads to %x", blob, v)
		}
		key := binary.BigEndian.AppendUint64([]byte("i"), blob)
		info := r.page.decode(r.T, "Blob", r.open("blob", key, bucket.get(string(key))))
		uses := 0
		for _, other := range f.products {
			if other.Blob == blob {
				uses++
			}
		}
		if only[uint64](info, "Size") != uint64(len(content)) || only[uint64](info, "Uses") != uint64(uses) ||
			!bytes.Equal(only[[]byte](info, "SHA"), sum[:]) {
			r.Errorf("blob %d: %v", blob, info)
		}
	}
}

// runs reads ids as runs.
func runs(b []byte) (ids []uint64) {
	last := uint64(0)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		length, m := binary.Uvarint(b[n:])
		b = b[n+m:]
		for id := last + gap; id <= last+gap+length; id++ {
			ids = append(ids, id)
		}
		last += gap + length
	}
	return ids
}

// log walks the chain forward and then back, and compares what each entry wrote with what was
// there.
func (r *storageReader) log(f *storageFile) {
	prev := make([]byte, 32)
	var entries []rawRecord
	for i, p := range r.bolt.buckets["log"].pairs {
		if binary.BigEndian.Uint64(p.key) != uint64(i+1) {
			r.Fatalf("log entry %x follows %d", p.key, i)
		}
		b := r.open("log", p.key, p.value)
		e := r.page.decode(r.T, "Entry", b)
		if !bytes.Equal(only[[]byte](e, "Prev"), prev) {
			r.Errorf("log entry %d does not follow", i+1)
		}
		sum := sha256.Sum256(b)
		prev = sum[:]
		entries = append(entries, e)
	}
	if head := fmt.Sprintf("%d-%s", len(entries), hex.EncodeToString(prev)); head != f.stat.Head {
		r.Errorf("head %s, not %s", head, f.stat.Head)
	}
	last := entries[len(entries)-1]
	if only[string](last, "Name") != "astro" || only[string](last, "Action") != "TEST" ||
		only[string](last, "Addr") != "127.0.0.1" || only[uint64](last, "User") != 1 {
		r.Errorf("the last entry: %v", last)
	}
	now := map[byte]map[uint64][]byte{} // records as they were, nil for none
	for name, no := range tableNumbers {
		now[no] = maps.Clone(r.raw[name])
	}
	lost := map[uint64]bool{} // data of which nobody knows any more what they were
	checked, settings, idents, deltas := 0, 0, 0, 0
	for _, e := range slices.Backward(entries) {
		if r.wrote(e, now, lost) {
			checked++
		}
		for _, s := range every[rawRecord](e, "Settings") {
			settings += len(only[string](s, "Old"))
		}
		for _, c := range every[rawRecord](e, "Changes") {
			table, op := byte(only[uint64](c, "Table")), only[uint64](c, "Op")
			for _, id := range runs(only[[]byte](c, "Runs")) {
				if table == 9 && op != 1 {
					lost[id] = true
				}
				if op == 1 {
					delete(now[table], id)
				}
			}
		}
		for _, o := range slices.Backward(every[rawRecord](e, "Old")) {
			rows, id := now[byte(only[uint64](o, "Table"))], only[uint64](o, "ID")
			if delta := only[[]byte](o, "Delta"); delta != nil {
				deltas++
				rows[id] = r.older(rows[id], delta)
			} else {
				rows[id] = only[[]byte](o, "Record")
			}
		}
		for _, g := range every[rawRecord](e, "Gone") {
			idents++
			if table := only[uint64](g, "Table"); table == 4 {
				uid := r.page.decode(r.T, "target", now[4][only[uint64](g, "ID")])
				if !bytes.Equal(only[[]byte](uid, "UID"), only[[]byte](g, "Ident")) {
					r.Errorf("the ident of a deleted target: %v", g)
				}
			} else if table == 9 { // the only datum that was deleted
				target := only[[]byte](r.records["target"][2], "UID")
				key := contentKey("photometry", 1e6, []byte(`{"magnitude":17.25}`))
				if !bytes.Equal(only[[]byte](g, "Ident"), slices.Concat(target, key)) {
					r.Errorf("the ident of a deleted datum: %v", g)
				}
			}
		}
	}
	if settings != len("Observatory") || idents < 3 || deltas == 0 {
		r.Errorf("old settings of %d bytes, %d idents, %d differences", settings, idents, deltas)
	}
	for name, no := range tableNumbers {
		if len(now[no]) != 0 {
			r.Errorf("before the first entry there were records of %s: %v", name, slices.Collect(maps.Keys(now[no])))
		}
	}
	if checked < len(entries)-5 {
		r.Errorf("only %d of %d entries could be compared with what they wrote", checked, len(entries))
	}
}

// older makes an old record of the one that was put in its place.
func (r *storageReader) older(newer, delta []byte) (old []byte) {
	length, n := binary.Uvarint(delta)
	crc, steps := u32(delta, n), delta[n+4:]
	for len(steps) > 0 {
		head, n := binary.Uvarint(steps)
		steps = steps[n:]
		if head%2 == 0 {
			old = append(old, steps[:head/2]...)
			steps = steps[head/2:]
			continue
		}
		place, n := binary.Uvarint(steps)
		steps = steps[n:]
		old = append(old, newer[place:place+head/2]...)
	}
	if uint64(len(old)) != length || crc32.Checksum(old, crc32.MakeTable(crc32.Castagnoli)) != crc {
		r.Errorf("a difference of %d bytes makes a record of %d, not of %d", len(delta), len(old), length)
	}
	return old
}

// wrote compares an entry's hash with the records that it wrote, as they were behind it; false when
// they are not known any more.
func (r *storageReader) wrote(e rawRecord, now map[byte]map[uint64][]byte, lost map[uint64]bool) bool {
	rows := map[byte][]uint64{}
	for _, c := range every[rawRecord](e, "Changes") {
		if only[uint64](c, "Op") != 3 {
			table := byte(only[uint64](c, "Table"))
			rows[table] = append(rows[table], runs(only[[]byte](c, "Runs"))...)
		}
	}
	all, some := sha256.New(), false
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		slices.Sort(rows[table])
		h, any := sha256.New(), false
		for _, id := range slices.Compact(rows[table]) {
			if table == 9 && lost[id] {
				return false
			}
			if rec, ok := now[table][id]; ok {
				any = true
				h.Write(binary.BigEndian.AppendUint64(nil, id))
				h.Write(rec)
			}
		}
		if any {
			some = true
			all.Write(h.Sum([]byte{table}))
		}
	}
	var want []byte
	if some {
		want = all.Sum(nil)
	}
	if !bytes.Equal(only[[]byte](e, "Written"), want) {
		r.Errorf("entry %q wrote something else", only[string](e, "Action"))
	}
	return true
}

// canonicalForm makes the canonical form of the values that this test uses.
func canonicalForm(value []byte) []byte {
	var out []byte
	text := func(s string) { out = append(binary.AppendUvarint(append(out, '"'), uint64(len(s))), s...) }
	var form func(v any)
	form = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			out = binary.AppendUvarint(append(out, '{'), uint64(len(v)))
			for _, k := range slices.Sorted(maps.Keys(v)) {
				text(k)
				form(v[k])
			}
		case []any:
			out = append(out, '[')
			for _, x := range v {
				form(x)
			}
			out = append(out, ']')
		case string:
			text(v)
		case bool:
			out = append(out, map[bool]byte{true: 't', false: 'F'}[v])
		case nil:
			out = append(out, 'n')
		case jsonNumber:
			whole, ok := new(big.Int).SetString(string(v), 10)
			if ok && whole.CmpAbs(big.NewInt(1<<53)) > 0 {
				out = append(binary.AppendUvarint(append(out, 'i'), uint64(len(v))), v...)
				return
			}
			x, _ := v.Float64()
			out = binary.BigEndian.AppendUint64(append(out, 'f'), math.Float64bits(x+0)) // never minus zero
		}
	}
	v := parseJSON(value)
	if isUndated(v) {
		o := v.(map[string]any)
		out = append(out, 'u')
		for _, key := range []string{"flux", "wavelength"} {
			if x, ok := o[key]; ok {
				out = append(out, key[0])
				form(x)
			}
		}
		return out
	}
	form(v)
	return out
}

func isUndated(value any) bool {
	o, ok := value.(map[string]any)
	return ok && o["time_origin"] == "upload"
}

// contentKey makes the content key of a datum.
func contentKey(dataType string, time int64, value []byte) []byte {
	if isUndated(parseJSON(value)) {
		time = 0
	}
	b := append(binary.AppendUvarint(nil, uint64(len(dataType))), dataType...)
	b = append(binary.BigEndian.AppendUint64(b, uint64(time)), canonicalForm(value)...)
	sum := sha256.Sum256(b)
	return sum[:16]
}

func (r *storageReader) unique() {
	want := map[string]uint64{}
	for table, no := range tableNumbers {
		for id, rec := range r.records[table] {
			want[string([]byte{128 + no})+string(only[[]byte](rec, "UID"))] = id
		}
	}
	for id, u := range r.records["user"] {
		want["\x01"+only[string](u, "Name")] = id
	}
	for id, g := range r.records["group"] {
		want["\x02"+only[string](g, "Name")] = id
	}
	for id, k := range r.records["token"] {
		want["\x03"+string(only[[]byte](k, "Hash"))] = id
	}
	number := func(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
	for id, t := range r.records["target"] {
		want["\x0a"+only[string](t, "Name")] = id
		for _, a := range every[rawRecord](t, "Aliases") {
			want["\x0b"+only[string](a, "Name")] = id
			want["\x0c"+number(only[uint64](a, "ID"))] = id
		}
		for _, e := range every[rawRecord](t, "Extras") {
			want["\x0d"+number(only[uint64](e, "ID"))] = id
		}
	}
	for id, l := range r.records["list"] {
		want["\x0e"+only[string](l, "Name")] = id
	}
	for id, p := range r.records["product"] {
		if text := only[string](p, "ProductID"); text != "" {
			want["\x0f"+text] = id
		}
		want["\x10"+only[string](p, "Path")] = id
	}
	got := map[string]uint64{}
	for _, p := range r.bolt.buckets["unique"].pairs {
		got[string(p.key)] = id5(r.open("unique", p.key, p.value))
		r.seen[fmt.Sprintf("unique %d", p.key[0])] = true
	}
	if !maps.Equal(got, want) {
		r.Errorf("unique: %v, not %v", got, want)
	}
}

func id5(b []byte) uint64 { return binary.BigEndian.Uint64(append([]byte{0, 0, 0}, b...)) }

func (r *storageReader) order() {
	want := map[string]bool{}
	put := func(kind byte, sort []byte, id uint64) {
		r.seen[fmt.Sprintf("order %d", kind)] = true
		key := append([]byte{kind, 0, 0, 0, 0}, sort...)
		want[string(append(key, binary.BigEndian.AppendUint64(nil, id)[3:]...))] = true
	}
	for id, t := range r.records["target"] {
		if len(t["RA"])+len(t["Dec"]) == 2 {
			zone := binary.BigEndian.AppendUint16(nil, uint16(math.Floor((only[float64](t, "Dec")+90)/0.5)))
			put(1, binary.BigEndian.AppendUint64(zone, math.Float64bits(only[float64](t, "RA"))), id)
		}
		put(2, binary.BigEndian.AppendUint64(nil, only[uint64](t, "Named")), id)
		put(5, binary.BigEndian.AppendUint64(nil, uint64(only[int64](t, "Modified"))^1<<63), id)
		put(3, []byte(index.Fold(only[string](t, "Name"))+"\x00"), id)
		for _, a := range every[rawRecord](t, "Aliases") {
			put(3, []byte(index.Fold(only[string](a, "Name"))+"\x00"), id)
		}
	}
	for id, p := range r.records["product"] {
		put(4, []byte(index.Fold(only[string](p, "Path"))+"\x00"), id)
		if text := only[string](p, "ProductID"); text != "" {
			put(4, []byte(index.Fold(text)+"\x00"), id)
		}
	}
	got := map[string]bool{}
	for _, p := range r.bolt.buckets["order"].pairs {
		got[string(p.key)] = true
		if len(p.value) != 0 {
			r.Errorf("order %x has a value", p.key)
		}
	}
	if !maps.Equal(got, want) {
		r.Errorf("order: %x, not %x", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func (r *storageReader) series() {
	type place struct {
		series string // kind, group, type
		time   int64
		hash   uint32
		id     uint64
	}
	compare := func(a, b place) int {
		return cmp.Or(strings.Compare(a.series, b.series), cmp.Compare(a.time, b.time), cmp.Compare(a.hash, b.hash),
			cmp.Compare(a.id, b.id))
	}
	var want, got []place
	undated := 0
	mark := binary.BigEndian.Uint64(r.open("meta", []byte("tail/\x09"), r.bolt.buckets["meta"].get("tail/\x09")))
	if last := slices.Max(slices.Collect(maps.Keys(r.data))); mark >= last {
		r.Errorf("the fold mark is %d, the last datum %d: nothing is in the tail", mark, last)
	}
	for id, d := range r.data {
		if id > mark {
			continue
		}
		sum := sha256.Sum256(canonicalForm(d.value))
		tail := string(append(binary.BigEndian.AppendUint32(nil, uint32(d.target)), d.code))
		p := place{"\x01" + tail, d.time, binary.BigEndian.Uint32(sum[:]), id}
		want = append(want, p)
		if bytes.Contains(d.value, []byte(`"time_origin":"upload"`)) {
			undated++
			p.series, p.time = "\x02"+tail, 0
			want = append(want, p)
		}
	}
	slices.SortFunc(want, compare)
	for _, pair := range r.bolt.buckets["series"].pairs {
		b := r.open("series", pair.key, pair.value)
		k := pair.key
		p := place{string(k[:6]), int64(binary.BigEndian.Uint64(k[6:]) ^ 1<<63),
			binary.BigEndian.Uint32(k[14:]), id5(k[18:])}
		got = append(got, p)
		n := 1
		for ; len(b) > 0; n++ {
			dt, l := binary.Uvarint(b)
			did, m := binary.Varint(b[l+4:])
			p.time, p.hash, p.id = p.time+int64(dt), u32(b, l), uint64(int64(p.id)+did)
			got = append(got, p)
			b = b[l+4+m:]
		}
		if n > 48 {
			r.Errorf("%d data in a value of a series", n)
		}
	}
	if undated != 1 || !slices.Equal(got, want) {
		r.Errorf("series: %d places, %d follow from the records", len(got), len(want))
	}
}
