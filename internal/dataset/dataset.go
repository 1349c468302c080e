// Package dataset makes the input of all measurements of speed: targets, reduced datums and an
// upload, the same on every machine, from integer arithmetic alone. It is for benchmarks and tests;
// the program does not contain it.
//
// Target i (1 to T) is called Target-00001 and so on and has two aliases and a position on the sky.
// The group "readers" may see it when i is even. Datum k (0 to N-1) belongs to target 1 + k mod T.
// It is photometry, of five sources and five filters; every tenth is a limit, every hundredth has
// the type spectroscopy. Times ascend by about 300 s from 2010 on. In a new file target i has the
// id i, and datum k the id k + 1.
package dataset

import (
	"bufio"
	"io"
	"strconv"
	"time"
)

// Sources are the source names of the datums.
var Sources = []string{"ZTF", "ATLAS", "Gaia", "LCO", "PanSTARRS"}

const bands = "grizo"

// start is the time of the first datum, 2010-01-01, in seconds since 1970.
const start = 1262304000

// mix is number i of a stream of pseudo-random numbers.
func mix(stream, i uint64) uint64 {
	z := 20240601 + stream*0x9E3779B97F4A7C15 + i*0xD1B54A32D192ED03
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// A Target is a target of the dataset.
type Target struct {
	Name    string
	RA, Dec float64 // degrees
	Aliases [2]string
	Shared  bool // with the group readers
}

// TargetAt returns target i, from 1 on.
func TargetAt(i int) Target {
	n := uint64(i)
	num := fiveDigits(i)
	return Target{
		Name:    "Target-" + num,
		RA:      float64(mix(1, n)%360000000) / 1e6,
		Dec:     float64(int64(mix(2, n)%180000000)-90000000) / 1e6,
		Aliases: [2]string{"AT" + strconv.Itoa(2018+i%7) + num, "Gaia" + strconv.Itoa(18+i%7) + "x" + num},
		Shared:  i%2 == 0,
	}
}

func fiveDigits(i int) string {
	s := strconv.Itoa(i)
	for len(s) < 5 {
		s = "0" + s
	}
	return s
}

// A Datum is a reduced datum without its value.
type Datum struct {
	Target int
	Type   string
	Source string
	Time   int64 // seconds since 1970
}

// DatumAt returns datum k, from 0 on, of an archive with this many targets.
func DatumAt(k, targets int) Datum {
	d := Datum{Target: 1 + k%targets, Type: "photometry", Source: Sources[mix(3, uint64(k))%5],
		Time: start + 300*int64(k) + int64(mix(4, uint64(k))%300)}
	if k%100 == 99 {
		d.Type = "spectroscopy"
	}
	return d
}

// AppendValue appends the value of datum k as JSON.
func AppendValue(b []byte, k int) []byte {
	n := uint64(k)
	b = append(b, `{"filter":"`...)
	b = append(b, bands[mix(5, n)%5])
	if mix(8, n)%10 == 0 {
		b = appendThousandth(append(b, `","limit":`...), 18000+mix(9, n)%3000)
		return append(b, '}')
	}
	b = appendThousandth(append(b, `","magnitude":`...), 14000+mix(6, n)%8000)
	b = appendThousandth(append(b, `,"error":`...), 1+mix(7, n)%300)
	return append(b, '}')
}

// appendThousandth appends n/1000 in the fewest digits, with at least one after the point.
func appendThousandth(b []byte, n uint64) []byte {
	b = appendFixed(b, n)
	for end := len(b); b[end-1] == '0' && b[end-2] != '.'; end = len(b) {
		b = b[:end-1]
	}
	return b
}

// appendFixed appends n/1000 with three digits after the point.
func appendFixed(b []byte, n uint64) []byte {
	b = append(strconv.AppendUint(b, n/1000, 10), '.')
	return append(b, byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
}

// AppendDatum appends datum k as a line of JSON, as clients post it.
func AppendDatum(b []byte, k, targets int) []byte {
	d := DatumAt(k, targets)
	b = strconv.AppendInt(append(b, `{"target":`...), int64(d.Target), 10)
	b = append(append(b, `,"data_type":"`...), d.Type...)
	b = append(append(b, `","source_name":"`...), d.Source...)
	b = time.Unix(d.Time, 0).UTC().AppendFormat(append(b, `","timestamp":"`...), "2006-01-02T15:04:05Z")
	b = AppendValue(append(b, `","value":`...), k)
	return append(b, '}', '\n')
}

// WriteDatums writes datums first to first+n-1 as lines of JSON. If order is not nil, line k has
// datum order(k).
func WriteDatums(w io.Writer, first, n, targets int, order func(k int) int) error {
	out := bufio.NewWriterSize(w, 1<<16)
	var line []byte
	for k := first; k < first+n; k++ {
		at := k
		if order != nil {
			at = order(k)
		}
		line = AppendDatum(line[:0], at, targets)
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteTargets writes targets 1 to n as CSV, as a TOM exports them.
func WriteTargets(w io.Writer, n int) error {
	out := bufio.NewWriterSize(w, 1<<16)
	line := []byte("name,type,ra,dec,name2,name3,groups\n")
	for i := 1; ; i++ {
		if _, err := out.Write(line); err != nil {
			return err
		}
		if i > n {
			return out.Flush()
		}
		t := TargetAt(i)
		line = append(append(line[:0], t.Name...), ",SIDEREAL,"...)
		line = append(appendFloat(line, t.RA), ',')
		line = append(appendFloat(line, t.Dec), ',')
		line = append(append(append(append(line, t.Aliases[0]...), ','), t.Aliases[1]...), ',')
		if t.Shared {
			line = append(line, "readers"...)
		}
		line = append(line, '\n')
	}
}

// appendFloat appends a number in the fewest digits, with at least one after the point.
func appendFloat(b []byte, f float64) []byte {
	if f == float64(int64(f)) {
		return strconv.AppendFloat(b, f, 'f', 1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// WriteUpload writes rows offset to offset+rows-1 of a table of photometry as CSV, to be uploaded
// as a data product.
func WriteUpload(w io.Writer, rows, offset int) error {
	out := bufio.NewWriterSize(w, 1<<16)
	line := []byte("time,filter,magnitude,error\n")
	for j := offset; ; j++ {
		if _, err := out.Write(line); err != nil {
			return err
		}
		if j >= offset+rows {
			return out.Flush()
		}
		n := uint64(j)
		line = append(appendFixed(line[:0], 50000000+n), ',', bands[mix(15, n)%5], ',')
		line = append(appendFixed(line, 14000+mix(16, n)%8000), ',')
		line = append(appendFixed(line, 1+mix(17, n)%300), '\n')
	}
}
