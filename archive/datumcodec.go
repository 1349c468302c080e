package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"nightjar/ingest"
	"nightjar/internal/jsontext"
	"nightjar/kv"
)

// datumCodec stores a datum in few bytes, since there are millions of them:
//
//	flags 1        bit 0: has a location; bit 1: has an upload; bits 2-3: 0, 1 or (2) several
//	               products; bits 4-5: no owner, (1) one without groups, (2) several or with
//	               groups; bit 6: has further fields
//	data type 1    its code
//	time 8         microseconds since 1970, little-endian
//	target         uvarint
//	source         length as uvarint, bytes
//	[location]     the same
//	[upload]       uvarint
//	[products]     [count as uvarint,] ids as uvarints
//	[owners]       [count,] for each: user [, number of groups, groups], all uvarints
//	[further]      length as uvarint, fields that a later program wrote, as kv.Fields writes them
//	value          the rest, as JSON
//
// The value of a decoded datum refers to the stored bytes. Decode reuses the lists of the datum it
// decodes into and, if the datum has known texts, takes its texts from them.
type datumCodec struct{}

func (datumCodec) Append(b []byte, d *Datum) []byte {
	var flags byte
	if d.Location != "" {
		flags |= 1
	}
	if d.Upload != 0 {
		flags |= 2
	}
	flags |= byte(min(len(d.Products), 2)) << 2
	switch {
	case len(d.Owners) == 1 && len(d.Owners[0].Groups) == 0:
		flags |= 1 << 4
	case len(d.Owners) > 0:
		flags |= 2 << 4
	}
	if d.further != "" {
		flags |= 1 << 6
	}
	b = append(b, flags, d.Code)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.Time))
	b = binary.AppendUvarint(b, d.Target)
	b = appendText(b, d.Source)
	if d.Location != "" {
		b = appendText(b, d.Location)
	}
	if d.Upload != 0 {
		b = binary.AppendUvarint(b, d.Upload)
	}
	if len(d.Products) > 1 {
		b = binary.AppendUvarint(b, uint64(len(d.Products)))
	}
	for _, p := range d.Products {
		b = binary.AppendUvarint(b, p)
	}
	if flags>>4&3 == 1 {
		b = binary.AppendUvarint(b, d.Owners[0].User)
	}
	if flags>>4&3 == 2 {
		b = binary.AppendUvarint(b, uint64(len(d.Owners)))
		for _, o := range d.Owners {
			b = binary.AppendUvarint(b, o.User)
			b = binary.AppendUvarint(b, uint64(len(o.Groups)))
			for _, g := range o.Groups {
				b = binary.AppendUvarint(b, g)
			}
		}
	}
	if d.further != "" {
		b = appendText(b, d.further)
	}
	return append(b, d.Value...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var (
	errDatum     = errors.New("a datum ends too early")
	errDatumForm = errors.New("a datum has an unknown form")
)

// datumReader reads the parts of a datum; after a failure all parts are zero.
type datumReader struct {
	b     []byte
	bad   bool
	known *knownTexts
}

func (r *datumReader) uvarint() uint64 {
	n, l := binary.Uvarint(r.b)
	if l <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[l:]
	return n
}

// count reads how many items follow, each of at least one byte.
func (r *datumReader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *datumReader) text() string {
	n := r.count()
	s := r.known.text(r.b[:n])
	r.b = r.b[n:]
	return s
}

// knownTexts gives equal texts the same memory: the datums of a list have few sources.
type knownTexts struct{ of map[string]string }

// maxKnownTexts bounds how many texts are kept.
const maxKnownTexts = 100

func (k *knownTexts) text(b []byte) string {
	if k == nil {
		return string(b)
	}
	if s, ok := k.of[string(b)]; ok {
		return s
	}
	if k.of == nil {
		k.of = map[string]string{}
	}
	s := string(b)
	if len(k.of) < maxKnownTexts {
		k.of[s] = s
	}
	return s
}

func (r *datumReader) ids(dst []uint64, n int) []uint64 {
	dst = slices.Grow(dst, n)
	for range n {
		dst = append(dst, r.uvarint())
	}
	return dst
}

func (datumCodec) Decode(b []byte, d *Datum) error {
	if len(b) < 10 {
		return errDatum
	}
	flags := b[0]
	if flags>>7 != 0 {
		return errDatumForm
	}
	*d = Datum{Code: b[1], Time: int64(binary.LittleEndian.Uint64(b[2:])), Products: d.Products[:0],
		Owners: d.Owners[:0], known: d.known}
	r := datumReader{b: b[10:], known: d.known}
	d.Target = r.uvarint()
	d.Source = r.text()
	if flags&1 != 0 {
		d.Location = r.text()
	}
	if flags&2 != 0 {
		d.Upload = r.uvarint()
	}
	switch flags >> 2 & 3 {
	case 1:
		d.Products = r.ids(d.Products, 1)
	case 2:
		d.Products = r.ids(d.Products, r.count())
	}
	switch flags >> 4 & 3 {
	case 1:
		d.Owners = append(d.Owners, Owner{User: r.uvarint()})
	case 2:
		for range r.count() {
			o := Owner{User: r.uvarint()}
			if n := r.count(); n > 0 {
				o.Groups = r.ids(nil, n)
			}
			d.Owners = append(d.Owners, o)
		}
	}
	if flags>>6&1 != 0 {
		d.further = r.text()
	}
	if r.bad {
		return errDatum
	}
	d.Value = r.b
	return nil
}

// contentKey identifies a datum of its target in any file: the first 16 bytes of the SHA-256 of the
// name of its type, its time (0 if undated) and the identity form of its value.
func (d *Datum) contentKey(dataType string) (key [16]byte) {
	form, isUndated := d.identityForm()
	time := d.Time
	if isUndated {
		time = 0
	}
	h := sha256.New()
	head := appendText(make([]byte, 0, 64), dataType)
	h.Write(binary.BigEndian.AppendUint64(head, uint64(time)))
	h.Write(form)
	copy(key[:], h.Sum(head[:0]))
	return key
}

// identity is what the log keeps of a deleted datum: the uid of its target, zeros if unknown, and
// its content key. It is nil when a damaged file has lost the datum's type.
func (d *Datum) identity(tx *kv.Tx) []byte {
	dataType, err := tx.CodeText(codeDataType, d.Code)
	if err != nil {
		return nil
	}
	var target [16]byte
	if t, err := targets.Get(tx, d.Target); err == nil {
		target = t.UID
	}
	key := d.contentKey(dataType)
	return append(target[:], key[:]...)
}

// seriesPosition returns the hash that orders equal times in a series: the first 4 bytes of the
// SHA-256 of the identity form, computed once. undated means that the time is only that of the
// upload.
func (d *Datum) seriesPosition() (hash uint32, undated bool) {
	form, undated := d.identityForm()
	if d.hash == 0 {
		h := sha256.Sum256(form)
		d.hash = binary.BigEndian.Uint32(h[:])
	}
	return d.hash, undated
}

// identityForm returns the canonical form of what distinguishes the datum from others of its
// target, type and time; of an undated one, from others of its target and type.
func (d *Datum) identityForm() (form []byte, undated bool) {
	if d.form == nil {
		d.form, d.undated = identityForm(d.scratch[:0], d.Value)
		d.scratch = d.form
	}
	return d.form, d.undated
}

// identityForm appends the identity form of a value to dst.
func identityForm(dst, value []byte) (form []byte, undated bool) {
	if len(value) > 0 && value[0] == '{' && bytes.Contains(value, []byte(ingest.TimeOrigin)) {
		members, _ := jsontext.SplitObject(nil, value)
		if slices.ContainsFunc(members, func(m jsontext.RawMember) bool {
			return string(m.Key) == ingest.TimeOrigin && string(m.Value) == `"upload"`
		}) {
			form := append(dst, 'u')
			for _, key := range []string{"flux", "wavelength"} {
				for _, m := range members {
					if string(m.Key) == key {
						form, _ = jsontext.AppendCanonical(append(form, key[0]), m.Value)
					}
				}
			}
			return form, true
		}
	}
	form, _ = jsontext.AppendCanonical(slices.Grow(dst, len(value)+32), value)
	return form, false
}
