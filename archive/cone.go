package archive

import (
	"encoding/binary"
	"math"
	"slices"

	"nightjar/kv"
	"nightjar/sky"
)

// Targets stand in the order of cones by the zone of their declination, each zoneHeight degrees
// high, and then by right ascension.
const zoneHeight = 0.5

func zone(dec float64) uint16 {
	return uint16(math.Floor((min(max(dec, -90), 90) + 90) / zoneHeight))
}

// conePlace is zone 2 bytes and right ascension 8 bytes; a float64 that is not negative sorts as
// its bits do.
func conePlace(ra, dec float64) []byte {
	b := binary.BigEndian.AppendUint16(nil, zone(dec))
	return binary.BigEndian.AppendUint64(b, math.Float64bits(math.Abs(ra)))
}

// targetsIn returns the targets in the cone, ascending.
func targetsIn(tx *kv.Tx, c sky.Cone) ([]uint64, error) {
	var found []uint64
	for z := zone(c.Dec - c.Radius); z <= zone(c.Dec+c.Radius); z++ {
		for _, span := range c.Spans() {
			from := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, z), math.Float64bits(span[0]))
			to := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, z), math.Float64bits(span[1])+1)
			for _, id := range tx.Range(orderCone, 0, from, to) {
				t, err := targets.Get(tx, id)
				if err != nil {
					return nil, err
				}
				if t.RA != nil && t.Dec != nil && c.Holds(*t.RA, *t.Dec) {
					found = append(found, id)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
