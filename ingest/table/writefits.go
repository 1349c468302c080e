package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// In FITS, header and data fill blocks, and the cards of a header have 80 characters.
const (
	blockSize = 2880
	cardSize  = 80
)

// fitsForm writes a FITS file with one binary table. Texts have columns of their greatest width,
// numbers are float64 and integers int64. A missing number is NaN, a missing integer TNULL and a
// missing text blank. Texts are UTF-8, which astropy.table reads.
type fitsForm struct {
	rows   int64
	widths []int
	size   int64
}

// noWhole is the stored integer that means no value.
const noWhole = math.MinInt64

func (f *fitsForm) head(dst []byte, h Head) ([]byte, error) {
	columns := h.Columns
	if len(columns) > 999 {
		return nil, fmt.Errorf("ingest: a FITS table has at most 999 columns, not %d", len(columns))
	}
	dst = appendCards(dst, "SIMPLE  =                    T / FITS standard 4.0", "BITPIX  =                    8",
		"NAXIS   =                    0", "EXTEND  =                    T")
	for _, c := range columns {
		width := 8
		if c.Kind == Text {
			width = max(c.Width, 1)
		}
		f.widths = append(f.widths, width)
		f.size += int64(width)
	}
	cards := []string{"XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
		fmt.Sprintf("NAXIS1  = %20d", f.size),
		fmt.Sprintf("NAXIS2  = %20d",
			f.rows), "PCOUNT  =                    0", "GCOUNT  =                    1",
		fmt.Sprintf("TFIELDS = %20d", len(columns)),
		"TIMESYS = 'UTC     '"}
	for _, k := range h.Keywords {
		cards = append(cards, textCards(k.Name, k.Value)...)
	}
	for i, c := range columns {
		n := strconv.Itoa(i + 1)
		form := [...]string{strconv.Itoa(f.widths[i]) + "A", "D", "K"}[c.Kind]
		cards = append(cards, textCards("TTYPE"+n, c.Name)...)
		cards = append(cards, textCards("TFORM"+n, form)...)
		if c.Unit != "" {
			cards = append(cards, textCards("TUNIT"+n, c.Unit)...)
		}
		if c.UCD != "" {
			cards = append(cards, textCards("TUCD"+n, c.UCD)...)
		}
		if c.Description != "" {
			cards = append(cards, textCards("TCOMM"+n, c.Description)...)
		}
		if c.Kind == Whole {
			cards = append(cards, fmt.Sprintf("%-8s= %20d", "TNULL"+n, int64(noWhole)))
		}
	}
	return appendCards(dst, cards...), nil
}

func (f *fitsForm) row(dst []byte, columns []Column, cells []string) ([]byte, error) {
	for i, c := range columns {
		cell := cells[i]
		switch c.Kind {
		case Text:
			if len(cell) > f.widths[i] {
				return dst, fmt.Errorf("ingest: a text of %d bytes in column %q of %d", len(cell),
					problem.Clip(c.Name), f.widths[i])
			}
			dst = append(dst, cell...)
			dst = append(dst, make([]byte, f.widths[i]-len(cell))...)
		case Number:
			v := math.NaN()
			if d, ok := instant.ParseDecimal([]byte(cell)); ok {
				v, _ = d.Float()
			} else if cell != "" {
				return dst, fmt.Errorf("ingest: %q in column %q is not a number", problem.Clip(cell),
					problem.Clip(c.Name))
			}
			dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
		case Whole:
			v := int64(noWhole)
			if cell != "" {
				var err error
				if v, err = strconv.ParseInt(cell, 10, 64); err != nil {
					return dst, fmt.Errorf("ingest: column %q: %w", problem.Clip(c.Name), err)
				}
			}
			dst = binary.BigEndian.AppendUint64(dst, uint64(v))
		}
	}
	return dst, nil
}

func (f *fitsForm) foot(dst []byte, rows int64) ([]byte, error) {
	if rows != f.rows {
		return dst, fmt.Errorf("ingest: %d rows written where %d were announced", rows, f.rows)
	}
	if odd := f.size * rows % blockSize; odd > 0 {
		dst = append(dst, make([]byte, blockSize-odd)...)
	}
	return dst, nil
}

// appendCards writes a header: cards of 80 characters, END, and blanks up to the end of the block.
func appendCards(dst []byte, cards ...string) []byte {
	start := len(dst)
	for _, c := range append(slices.Clone(cards), "END") {
		dst = append(dst, c...)
		dst = append(dst, bytes.Repeat([]byte{' '}, cardSize-len(c))...)
	}
	for (len(dst)-start)%blockSize != 0 {
		dst = append(dst, ' ')
	}
	return dst
}

// textCards writes a keyword with a text, in CONTINUE cards if it is long. Characters that are not
// printable ASCII become question marks.
func textCards(key, text string) []string {
	text = strings.ReplaceAll(bounded.ASCII(text), "'", "''")
	var cards []string
	lead := fmt.Sprintf("%-8s= ", key)
	for {
		const room = cardSize - 10 - 3 // without the quotes and an &
		if len(text) <= room {
			return append(cards, fmt.Sprintf("%s'%-8s'", lead, text))
		}
		cut := room
		for text[cut-1] == '\'' { // not within a doubled quote
			cut--
		}
		cards = append(cards, lead+"'"+text[:cut]+"&'")
		text, lead = text[cut:], "CONTINUE  "
	}
}
