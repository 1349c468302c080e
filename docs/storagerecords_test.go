package docs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"nightjar/archive"
)

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
		r.Errorf("%d records are large, %d are in the bucket", large, len(r.bolt.buckets["large"].pairs))
	}
}

// readRawDatum reads a datum as the page's table describes it.
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
