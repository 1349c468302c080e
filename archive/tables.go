package archive

import (
	"encoding/binary"
	"fmt"

	"nightjar/auth"
	"nightjar/index"
	"nightjar/kv"
)

// The numbers of tables, unique kinds, orders, series and dimensions are part of the file format. A
// number is never reused.
const (
	kindTargetName = 10
	kindAlias      = 11
	kindAliasID    = 12
	kindExtraID    = 13
	kindListName   = 14
	kindProductID  = 15
	kindPath       = 16

	orderCone    = 1 // of targets: zone of declination, right ascension
	orderNamed   = 2 // of targets: log sequence of the last change of names
	orderFolded  = 3 // of targets: each folded name
	orderProduct = 4 // of products: folded product id and path
	orderChanged = 5 // of targets: time of the last change

	seriesLight   = 1 // a target's light curve
	seriesUndated = 2 // a target's datums without a time of their own, all at time 0

	dimTarget      = 1
	dimProduct     = 2  // of datums: each of its products
	dimType        = 3  // of datums: code of the data type; of targets: 1 sidereal, 2 not
	dimUpload      = 4  // of datums
	dimSeer        = 5  // who sees the target
	dimHolder      = 6  // who holds it, in mode objects
	dimShared      = 7  // of datums: 1 when it has several sources (products and owners)
	dimObservation = 8  // of products
	dimList        = 9  // of targets
	dimLater       = 10 // of datums: its products except the first
	dimDay         = 11 // of datums: the day of its time, see dayOf
	dimDays        = 12 // of datums: the 64 days of its time
	dimStatus      = 130
	dimFacility    = 131
	dimSource      = 132 // of datums
	dimKey         = 133 // of targets: keys and values of extras
	dimValue       = 134
	dimProductType = 135

	codeDataType = 1 // the kind of codes of data types
)

// Verify checks that the records exist to which a record refers (Refs), except for creators (of
// lists, products, observations and uploads) and the owners of a datum with their groups. Those ids
// stay when the user or group is deleted, and then mean nobody, since ids are never reused.

var targets = kv.NewTable(kv.Spec[Target]{
	Name: "target", No: 4, Codec: kv.Fields[Target](),
	Unique: []byte{kindTargetName, kindAlias, kindAliasID, kindExtraID},
	Orders: []byte{orderCone, orderNamed, orderFolded, orderChanged},
	Dims:   []byte{dimType, dimSeer, dimList, dimKey, dimValue},
	Keys:   targetKeys,
	Inherits: func(t *Target) []kv.Member {
		var m []kv.Member
		for _, g := range t.Object().Seers() {
			m = append(m, kv.Member{Dim: dimSeer, Value: kv.Int(uint64(g))})
		}
		return m
	},
	Refs: func(t *Target, refer kv.Refer) {
		for _, l := range t.Lists {
			refer(lists, l)
		}
		for _, g := range t.Grants {
			auth.ReferTo(g.To, refer)
		}
	},
	UID: func(t *Target) [16]byte { return t.UID },
	Placeholder: func(id uint64, uid [16]byte) *Target { // visible to nobody, since the grants are lost
		return &Target{Name: fmt.Sprintf("lost target %d", id), Type: Sidereal,
			Visibility: auth.VisibleToGranted, UID: uid}
	},
})

var lists = kv.NewTable(kv.Spec[List]{
	Name: "list", No: 7, Codec: kv.Fields[List](),
	Unique: []byte{kindListName},
	Keys:   func(k *kv.Keys, _ uint64, l *List) { k.Unique(kindListName, l.Name) },
	UID:    func(l *List) [16]byte { return l.UID },
})

var products = kv.NewTable(kv.Spec[Product]{
	Name: "product", No: 8, Codec: kv.Fields[Product](),
	Unique: []byte{kindProductID, kindPath},
	Orders: []byte{orderProduct},
	Dims:   []byte{dimTarget, dimSeer, dimHolder, dimObservation, dimFacility, dimProductType},
	Keys:   productKeys,
	Inherits: func(p *Product) []kv.Member {
		var m []kv.Member
		for _, g := range p.Holders() {
			m = append(m, kv.Member{Dim: dimHolder, Value: kv.Int(uint64(g))})
		}
		return m
	},
	Parents: []kv.Parent{{Table: targets, Dim: dimTarget}},
	Refs: func(p *Product, refer kv.Refer) {
		refer(targets, p.Target)
		refer(observations, p.Observation)
		auth.ReferToGroups(p.Groups, refer)
	},
	UID:   func(p *Product) [16]byte { return p.UID },
	Blobs: func(p *Product) []uint64 { return []uint64{p.Blob} },
})

var datums = kv.NewTable(kv.Spec[Datum]{
	Name: "datum", No: 9, Codec: datumCodec{}, Bulk: true,
	Series: []byte{seriesLight, seriesUndated},
	Dims: []byte{dimTarget, dimProduct, dimType, dimUpload, dimSeer, dimHolder, dimShared, dimLater,
		dimDay, dimDays, dimSource},
	Keys:    datumKeys,
	Parents: []kv.Parent{{Table: targets, Dim: dimTarget}, {Table: products, Dim: dimProduct, Many: true}},
	Refs: func(d *Datum, refer kv.Refer) {
		refer(targets, d.Target)
		for _, p := range d.Products {
			refer(products, p)
		}
		refer(uploads, d.Upload)
	},
	Ident: func(tx *kv.Tx, d *Datum) []byte { return d.identity(tx) },
})

var observations = kv.NewTable(kv.Spec[Observation]{
	Name: "observation", No: 10, Codec: kv.Fields[Observation](),
	Dims: []byte{dimTarget, dimSeer, dimHolder, dimStatus, dimFacility},
	Keys: func(k *kv.Keys, _ uint64, o *Observation) {
		k.Member(dimTarget, kv.Int(o.Target))
		k.Member(dimFacility, kv.Text(o.Facility))
		k.Member(dimStatus, kv.Text(o.Status))
		for _, g := range holders(o.Creator, o.Groups) {
			k.Member(dimHolder, kv.Int(uint64(g)))
		}
	},
	Parents: []kv.Parent{{Table: targets, Dim: dimTarget}},
	Refs: func(o *Observation, refer kv.Refer) {
		refer(targets, o.Target)
		auth.ReferToGroups(o.Groups, refer)
	},
	UID: func(o *Observation) [16]byte { return o.UID },
})

var uploads = kv.NewTable(kv.Spec[Upload]{
	Name: "upload", No: 11, Codec: kv.Fields[Upload](),
	UID: func(u *Upload) [16]byte { return u.UID },
})

// tables lists the tables of the file, for kv.Open.
func tables() []kv.AnyTable {
	return append(auth.Tables(), targets, lists, products, datums, observations, uploads, works)
}

// targetKeys adds the keys by which a target is found.
func targetKeys(k *kv.Keys, id uint64, t *Target) {
	k.Unique(kindTargetName, t.Name)
	for _, a := range t.Aliases {
		k.Unique(kindAlias, a.Name)
		k.Unique(kindAliasID, idText(a.ID))
	}
	for _, e := range t.Extras {
		k.Unique(kindExtraID, idText(e.ID))
		k.Member(dimKey, kv.Text(e.Key))
		k.Member(dimValue, kv.Text(e.Value))
	}
	for _, l := range t.Lists {
		k.Member(dimList, kv.Int(l))
	}
	for _, g := range t.Object().Seers() {
		k.Member(dimSeer, kv.Int(uint64(g)))
	}
	k.Member(dimType, kv.Int(typeCode(t.Type)))
	if t.RA != nil && t.Dec != nil {
		k.Order(orderCone, 0, conePlace(*t.RA, *t.Dec))
	}
	k.Order(orderNamed, 0, binary.BigEndian.AppendUint64(nil, t.Named))
	k.Order(orderChanged, 0, binary.BigEndian.AppendUint64(nil, uint64(t.Modified)^1<<63)) // before 1970 comes first
	foldedPlaces(k, orderFolded, t.Names())
}

// foldedPlaces adds a record to an order at each of its folded names, for the scan.
func foldedPlaces(k *kv.Keys, order byte, names []string) {
	seen := map[string]bool{}
	for _, n := range names {
		if f := index.Fold(n); !seen[f] {
			seen[f] = true
			k.Order(order, 0, append([]byte(f), 0))
		}
	}
}

// folded returns the name of a place in such an order.
func folded(sortKey []byte) []byte { return sortKey[:len(sortKey)-1] }

func typeCode(t string) uint64 {
	if t == Sidereal {
		return 1
	}
	return 2
}

// idText writes an id as the text of a unique key.
func idText(id uint64) string { return string(binary.BigEndian.AppendUint64(nil, id)) }

func productKeys(k *kv.Keys, id uint64, p *Product) {
	names := []string{p.Path}
	if p.ProductID != "" {
		k.Unique(kindProductID, p.ProductID)
		names = append(names, p.ProductID)
	}
	k.Unique(kindPath, p.Path)
	k.Member(dimTarget, kv.Int(p.Target))
	k.Member(dimProductType, kv.Text(p.Type))
	if p.Observation != 0 {
		k.Member(dimObservation, kv.Int(p.Observation))
		k.Member(dimFacility, kv.Text(p.Facility))
	}
	for _, g := range p.Holders() {
		k.Member(dimHolder, kv.Int(uint64(g)))
	}
	foldedPlaces(k, orderProduct, names)
}

// datumKeys adds the keys by which a datum is found.
func datumKeys(k *kv.Keys, id uint64, d *Datum) {
	hash, isUndated := d.seriesPosition()
	k.Series(lightCurve(d.Target, d.Code), d.Time, hash)
	if isUndated {
		k.Series(undated(d.Target, d.Code), 0, hash)
	}
	k.Member(dimTarget, kv.Int(d.Target))
	k.Member(dimType, kv.Int(uint64(d.Code)))
	k.Member(dimDay, kv.Int(dayOf(d.Time)))
	k.Member(dimDays, kv.Int(dayOf(d.Time)>>dayBits))
	k.Member(dimSource, kv.Text(d.Source))
	for i, p := range d.Products {
		k.Member(dimProduct, kv.Int(p))
		if i > 0 {
			k.Member(dimLater, kv.Int(p))
		}
	}
	if d.Upload != 0 {
		k.Member(dimUpload, kv.Int(d.Upload))
	}
	for _, o := range d.Owners {
		for _, g := range holders(o.User, o.Groups) {
			k.Member(dimHolder, kv.Int(uint64(g)))
		}
	}
	if len(d.Products)+len(d.Owners) > 1 {
		k.Member(dimShared, kv.Int(1))
	}
}

func lightCurve(target uint64, code byte) kv.Series {
	return kv.Series{Kind: seriesLight, Group: uint32(target), Type: code}
}

func undated(target uint64, code byte) kv.Series {
	return kv.Series{Kind: seriesUndated, Group: uint32(target), Type: code}
}
