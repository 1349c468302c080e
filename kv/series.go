package kv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"slices"

	"go.etcd.io/bbolt"
)

// A Series is a list of rows in the order of their times, such as the light curve of one target in
// one data type.
//
// Up to maxPoints rows of a series are stored as one value, since a key for each row would take
// four times the space. The key is kind 1, group 4, type 1 and then time 8, hash 4 and id 5 of the
// first row, big-endian, the time with its sign bit flipped. The value holds for each further row
// the difference of the times as uvarint, the hash as 4 bytes little-endian and the difference of
// the ids as varint; then the CRC-32C.
type Series struct {
	Kind  byte
	Group uint32
	Type  byte
}

const (
	seriesLen = 6
	pointLen  = 8 + 4 + idLen
	maxPoints = 48 // some 600 bytes: several values fit a page, and one is cheap to rewrite
)

// A Point is a row of a series. Time is in microseconds since 1970.
type Point struct {
	Time int64
	Hash uint32
	ID   uint64
}

func comparePoints(a, b Point) int {
	if a.Time != b.Time {
		return cmp.Compare(a.Time, b.Time)
	}
	if a.Hash != b.Hash {
		return cmp.Compare(a.Hash, b.Hash)
	}
	return cmp.Compare(a.ID, b.ID)
}

type seriesKey struct {
	series Series
	time   int64
	hash   uint32
}

func (s Series) prefix(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint32(append(dst, s.Kind), s.Group), s.Type)
}

func (s Series) key(dst []byte, p Point) []byte {
	dst = s.prefix(dst)
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Time)^1<<63)
	dst = binary.BigEndian.AppendUint32(dst, p.Hash)
	return appendID(dst, p.ID)
}

func pointOfKey(k []byte) Point {
	k = k[seriesLen:]
	return Point{int64(binary.BigEndian.Uint64(k) ^ 1<<63), binary.BigEndian.Uint32(k[8:]), readID(k[12:])}
}

func seriesOfKey(k []byte) Series { return Series{k[0], binary.BigEndian.Uint32(k[1:]), k[5]} }

// readPoints appends the rows of one stored value to dst.
func readPoints(dst []Point, k, v []byte) ([]Point, error) {
	if len(k) != seriesLen+pointLen {
		return nil, damaged("series key", errShort)
	}
	b, err := checkCRC(k, v)
	if err != nil {
		return nil, damaged("series", err)
	}
	p := pointOfKey(k)
	dst = append(dst, p)
	for len(b) > 0 {
		dt, n := binary.Uvarint(b)
		if n <= 0 || len(b) < n+5 {
			return nil, damaged("series", errShort)
		}
		did, m := binary.Varint(b[n+4:])
		if m <= 0 {
			return nil, damaged("series", errShort)
		}
		p = Point{p.Time + int64(dt), binary.LittleEndian.Uint32(b[n:]), uint64(int64(p.ID) + did)}
		dst = append(dst, p)
		b = b[n+4+m:]
	}
	return dst, nil
}

func appendPoints(dst []byte, points []Point) []byte {
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		dst = binary.AppendUvarint(dst, uint64(b.Time-a.Time))
		dst = binary.LittleEndian.AppendUint32(dst, b.Hash)
		dst = binary.AppendVarint(dst, int64(b.ID)-int64(a.ID))
	}
	return dst
}

// seekSeries moves c to the stored value that contains p, or into which p would go: the last one
// that does not begin after p, or else the first of the series; nil when the series is empty.
func seekSeries(c *bbolt.Cursor, s Series, p Point) (k, v []byte) {
	var buf [seriesLen + pointLen]byte
	want := s.key(buf[:0], p)
	k, v = c.Seek(want)
	if k != nil && bytes.Equal(k, want) {
		return k, v
	}
	if k == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	if k != nil && bytes.HasPrefix(k, want[:seriesLen]) {
		return k, v
	}
	k, v = c.Seek(want[:seriesLen])
	if k != nil && bytes.HasPrefix(k, want[:seriesLen]) {
		return k, v
	}
	return nil, nil
}

// Find returns the rows of a series that have this time and hash, pending ones included
// (Table.Pending tells which).
func (t *Table[T]) Find(tx *Tx, s Series, time int64, hash uint32) ([]uint64, error) {
	var ids []uint64
	if tx.batch != nil {
		beyond, err := tx.batch.series.isLater(tx, s, time)
		if err != nil {
			return nil, err
		}
		if beyond {
			return t.findNew(tx, seriesKey{s, time, hash}, nil)
		}
	}
	var buf [maxPoints]Point
	c := tx.seriesCursor()
	for k, v := seekSeries(c, s, Point{time, hash, 0}); k != nil && seriesOfKey(k) == s; k, v = c.Next() {
		if p := pointOfKey(k); p.Time > time || p.Time == time && p.Hash > hash {
			break
		}
		points, err := readPoints(buf[:0], k, v)
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			if p.Time == time && p.Hash == hash {
				ids = append(ids, p.ID)
			}
		}
	}
	return t.findNew(tx, seriesKey{s, time, hash}, ids)
}

// findNew corrects the stored ids of a key by what the tail holds and by what is not written yet.
func (t *Table[T]) findNew(tx *Tx, key seriesKey, ids []uint64) ([]uint64, error) {
	tail, err := tx.tail(t.def)
	if err != nil {
		return nil, err
	}
	for _, p := range tail.points(key.series, tx.table(t.def).Sequence()) {
		if p.Time == key.time && p.Hash == key.hash {
			ids = append(ids, p.ID)
		}
	}
	if tx.batch != nil {
		ids = tx.batch.series.amend(key, ids)
	}
	return ids, nil
}

// seriesCursor returns the transaction's cursor over all series.
func (tx *Tx) seriesCursor() *bbolt.Cursor {
	t := tx.tools()
	if t.series == nil {
		t.series = tx.bucket(bucketSeries).Cursor()
	}
	return t.series
}

// isLater says whether a time is later than all stored times of a series, as that of a new point
// mostly is. Where times come in another order, it soon stops checking.
func (c *seriesChanges) isLater(tx *Tx, s Series, time int64) (bool, error) {
	last, ok := c.ends[s]
	if !ok {
		if c.within > 100+c.after {
			return false, nil
		}
		last = math.MinInt64
		var buf [maxPoints]Point
		cur := tx.seriesCursor()
		if k, v := seekSeries(cur, s, Point{math.MaxInt64, math.MaxUint32, MaxID}); k != nil {
			points, err := readPoints(buf[:0], k, v)
			if err != nil {
				return false, err
			}
			last = points[len(points)-1].Time
		}
		if c.ends == nil {
			c.ends = map[Series]int64{}
		}
		c.ends[s] = last
	}
	if time > last {
		c.after++
		return true, nil
	}
	c.within++
	return false, nil
}

// Series yields the rows of a series from time from up to, but excluding, time to, in order,
// without pending rows. It must not be used while the transaction writes.
func (t *Table[T]) Series(tx *Tx, s Series, from, to int64) iter.Seq[Point] {
	return func(yield func(Point) bool) {
		fresh, err := t.seriesTail(tx, s)
		if err != nil {
			tx.fail(err)
			return
		}
		// give yields a stored row, and before it the rows of the tail that precede it.
		give := func(p Point) bool {
			for len(fresh) > 0 && comparePoints(fresh[0], p) < 0 {
				f := fresh[0]
				fresh = fresh[1:]
				if f.Time >= from && (f.Time >= to || !yield(f)) {
					return false
				}
			}
			return p.Time < to && yield(p)
		}
		var buf [maxPoints]Point
		c := tx.bucket(bucketSeries).Cursor()
		for k, v := seekSeries(c, s, Point{Time: from}); k != nil && seriesOfKey(k) == s; k, v = c.Next() {
			points, err := readPoints(buf[:0], k, v)
			if err != nil {
				tx.fail(err)
				return
			}
			for _, p := range points {
				if p.Time < from || tx.staged(t.def, p.ID) {
					continue
				}
				if !give(p) {
					return
				}
			}
		}
		// a point after all others, which is itself never before to
		give(Point{Time: math.MaxInt64, Hash: math.MaxUint32, ID: math.MaxUint64})
	}
}

// seriesTail returns the rows of a series that are in the tail, in order. In a writing transaction
// it folds the tail and returns none.
func (t *Table[T]) seriesTail(tx *Tx, s Series) ([]Point, error) {
	if tx.batch != nil {
		if err := tx.foldTail(t.def); err != nil {
			return nil, err
		}
		return nil, tx.batch.flushSeries(tx.bolt)
	}
	tail, err := tx.tail(t.def)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(slices.Values(tail.points(s, tx.table(t.def).Sequence())), comparePoints), nil
}

// seriesChanges gathers what a transaction does to series; flushSeries writes each changed value
// once.
type seriesChanges struct {
	ids   map[seriesKey]pointChanges
	store bool // there are changes besides those that come with rows of a tail
	// ends is the last stored time of a series, once it was looked up; after and within count the
	// times later than it, and the others.
	ends          map[Series]int64
	after, within int
}

// pointChanges are the changes of one key; mostly there is one.
type pointChanges struct {
	first pointChange
	more  []pointChange
}

func (c *pointChanges) find(id uint64) *pointChange {
	if c.first.id == id {
		return &c.first
	}
	for i := range c.more {
		if c.more[i].id == id {
			return &c.more[i]
		}
	}
	return nil
}

// all yields the changes; there are none while the first has no id.
func (c *pointChanges) all() iter.Seq[pointChange] {
	return func(yield func(pointChange) bool) {
		if c.first.id == 0 || !yield(c.first) {
			return
		}
		for _, p := range c.more {
			if !yield(p) {
				return
			}
		}
	}
}

type pointChange struct {
	id     uint64
	remove bool
	tail   bool // it comes with a row of the tail, and is stored only when that is folded
}

func (c *seriesChanges) add(k seriesKey, id uint64)    { c.note(k, pointChange{id: id}) }
func (c *seriesChanges) tail(k seriesKey, id uint64)   { c.note(k, pointChange{id: id, tail: true}) }
func (c *seriesChanges) remove(k seriesKey, id uint64) { c.note(k, pointChange{id: id, remove: true}) }

func (c *seriesChanges) note(k seriesKey, p pointChange) {
	c.store = c.store || !p.tail
	if c.ids == nil {
		c.ids = map[seriesKey]pointChanges{}
	}
	list := c.ids[k]
	if old := list.find(p.id); old != nil {
		*old = p
	} else if list.first.id == 0 {
		list.first = p
	} else {
		list.more = append(list.more, p)
	}
	c.ids[k] = list
}

// amend corrects ids that were read from the file by what is not written yet.
func (c *seriesChanges) amend(k seriesKey, ids []uint64) []uint64 {
	changes := c.ids[k]
	for p := range changes.all() {
		i := slices.Index(ids, p.id)
		if p.remove && i >= 0 {
			ids = slices.Delete(ids, i, i+1)
		} else if !p.remove && i < 0 {
			ids = append(ids, p.id)
		}
	}
	return ids
}

type seriesChange struct {
	seriesKey
	pointChange
}

func (c *seriesChange) point() Point { return Point{c.time, c.hash, c.id} }

// ordinal returns a number that sorts series as their keys do.
func (s Series) ordinal() uint64 { return uint64(s.Kind)<<40 | uint64(s.Group)<<8 | uint64(s.Type) }

func compareSeriesChanges(a, b seriesChange) int {
	if x, y := a.series.ordinal(), b.series.ordinal(); x != y {
		return cmp.Compare(x, y)
	}
	return comparePoints(a.point(), b.point())
}

// flushSeries writes the gathered changes, except those that come with rows of a tail.
func (b *batch) flushSeries(bt *bbolt.Tx) error {
	if !b.series.store {
		return nil
	}
	return b.shared("series", func() error { return b.writeSeries(bt) })
}

func (b *batch) writeSeries(bt *bbolt.Tx) error {
	list := make([]seriesChange, 0, len(b.series.ids))
	var left seriesChanges
	for k, changes := range b.series.ids {
		for p := range changes.all() {
			if p.tail {
				left.note(k, p)
			} else {
				list = append(list, seriesChange{k, p})
			}
		}
	}
	slices.SortFunc(list, compareSeriesChanges)
	bucket := bt.Bucket(bucketNames[bucketSeries])
	appends, pieces := 0, 0
	var buffer mergeBuffer
	for len(list) > 0 {
		n, appended, err := buffer.mergeSeries(bucket, list)
		if err != nil {
			return err
		}
		pieces++
		if appended {
			appends++
		}
		list = list[n:]
	}
	if bucket.FillPercent = fillRandom; 2*appends >= pieces {
		bucket.FillPercent = fillAppend
	}
	b.series = left
	return nil
}

// mergeBuffer is memory in which one value after the other is merged.
type mergeBuffer struct{ stored, merged []Point }

// mergeSeries writes the changes at the head of list that belong to the same stored value. It says
// how many they were, and whether all of them follow the stored points.
func (r *mergeBuffer) mergeSeries(bucket *bbolt.Bucket, list []seriesChange) (n int, appended bool, err error) {
	s := list[0].series
	c := bucket.Cursor()
	k, v := seekSeries(c, s, list[0].point())
	var points []Point
	limit := false
	var next Point
	if k != nil {
		k = slices.Clone(k)
		if points, err = readPoints(r.stored[:0], k, v); err != nil {
			return 0, false, err
		}
		r.stored = points
		if nk, _ := c.Next(); nk != nil && seriesOfKey(nk) == s {
			limit, next = true, pointOfKey(nk)
		}
	}
	for n < len(list) && list[n].series == s && (!limit || comparePoints(list[n].point(), next) < 0) {
		n++
	}
	appended = len(points) == 0 || comparePoints(points[len(points)-1], list[0].point()) < 0
	points = mergePoints(r.merged[:0], points, list[:n])
	r.merged = points
	if k != nil && (len(points) == 0 || pointOfKey(k) != points[0]) {
		if err := bucket.Delete(k); err != nil {
			return 0, false, err
		}
	}
	size := maxPoints
	if !appended && len(points) > maxPoints {
		parts := (len(points) + maxPoints - 1) / maxPoints
		size = (len(points) + parts - 1) / parts
	}
	for len(points) > 0 {
		part := points[:min(size, len(points))]
		points = points[len(part):]
		key := s.key(nil, part[0])
		if err := bucket.Put(key, withCRC(key, appendPoints(make([]byte, 0, 13*len(part)+crcLen), part))); err != nil {
			return 0, false, err
		}
	}
	return n, appended, nil
}

// mergePoints appends to out the points, in order, with changes, in order, applied to them.
func mergePoints(out, points []Point, changes []seriesChange) []Point {
	for _, c := range changes {
		p := c.point()
		for len(points) > 0 && comparePoints(points[0], p) < 0 {
			out, points = append(out, points[0]), points[1:]
		}
		if len(points) > 0 && points[0] == p {
			points = points[1:]
		}
		if !c.remove {
			out = append(out, p)
		}
	}
	return append(out, points...)
}
