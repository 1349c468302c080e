package archive

import (
	"encoding/binary"

	"nightjar/index"
	"nightjar/kv"
)

// targetKeys says by what a target is found.
func targetKeys(k *kv.Keys, id uint64, t *Target) {
	k.UID(t.UID)
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

// foldedPlaces puts a record into an order under each of its names in folded form, for the scan.
func foldedPlaces(k *kv.Keys, order byte, names []string) {
	seen := map[string]bool{}
	for _, n := range names {
		if f := index.Fold(n); !seen[f] {
			seen[f] = true
			k.Order(order, 0, append([]byte(f), 0))
		}
	}
}

// folded is the name that a place in such an order stands for.
func folded(sort []byte) []byte { return sort[:len(sort)-1] }

func typeCode(t string) uint64 {
	if t == Sidereal {
		return 1
	}
	return 2
}

// idText is an id as the text of a unique key.
func idText(id uint64) string { return string(binary.BigEndian.AppendUint64(nil, id)) }

func productKeys(k *kv.Keys, id uint64, p *Product) {
	k.UID(p.UID)
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

// datumKeys says by what a datum is found.
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
