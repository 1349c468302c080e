package fits

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
)

// HDU is one header and data unit of a FITS file.
type HDU struct {
	*Header
	Kind   string // "IMAGE" also for the primary HDU, otherwise XTENSION
	Bitpix int
	Axes   []int64
	start  int64  // offset of the header
	data   int64  // offset of the data
	Size   int64  // of the data in bytes, without the padding; it is within the file
	Packed error  // why a compressed image cannot be read; Kind is then COMPRESSED
	tiles  *tiles // set if the image is compressed; Kind, Bitpix and Axes are then those of the image
}

// Reader reads the HDUs of a FITS file one after the other. It keeps none and reads no data.
type Reader struct {
	File   bounded.File
	hdu    int
	offset int64
	end    int64 // of the data of the previous HDU
	cards  int   // of all headers so far
	// cardsText, if it is not nil, receives the cards of the last header as they are in the file,
	// without END.
	cardsText []byte
}

// Next reads the header of the next HDU; nil at the end of the file. Bytes after the last HDU that
// are not an extension are special records, which the standard allows and which are ignored.
func (r *Reader) Next() (*HDU, error) {
	size, err := r.File.SizeUpTo(r.offset + 1)
	if err != nil {
		return nil, err
	}
	if size < r.end {
		return nil, bounded.Refuse(bounded.Problem{HDU: r.hdu, Reason: "the file ends within the data"})
	}
	if r.offset >= r.File.Size || r.hdu == bounded.MaxFITSHDUs {
		return nil, nil
	}
	if r.hdu > 0 {
		start := make([]byte, min(9, r.File.Size-r.offset))
		if err := bounded.ReadFull(r.File, start, r.offset); err != nil {
			return nil, err
		}
		if string(start) != "XTENSION=" && !IsFITS(start) { // IsFITS: one file behind another, as cat joins them
			return nil, nil
		}
	}
	r.hdu++
	header, data, err := ReadHeader(r.File, r.hdu, r.offset, r.keep)
	if err != nil {
		return nil, err
	}
	if r.cards += len(header.cards); r.cards > bounded.MaxFileCards {
		return nil, header.Refuse("",
			"the headers of the file have more than "+strconv.Itoa(bounded.MaxFileCards)+" cards")
	}
	h := &HDU{Header: header, Kind: "IMAGE", start: r.offset, data: data}
	if err := h.shape(); err != nil {
		return nil, err
	}
	if h.Size > r.File.Size-data {
		if err := r.File.TooLong(); err != nil {
			return nil, err
		}
		return nil, h.Refuse("", "the file ends within the data: "+strconv.FormatInt(r.File.Size-data, 10)+" of "+
			strconv.FormatInt(h.Size, 10)+" bytes are there")
	}
	padded := (h.Size + BlockSize - 1) / BlockSize * BlockSize // no overflow: the size is below the file's
	r.offset, r.end = data+padded, data+h.Size
	var refused *bounded.Refusal
	if err := h.unzip(r.File); errors.As(err, &refused) {
		h.Kind, h.Packed = "COMPRESSED", err // other HDUs may be readable
	} else if err != nil {
		return nil, err
	}
	return h, nil
}

// keep receives each block of a header.
func (r *Reader) keep(offset int64, cards []byte) {
	if r.cardsText == nil {
		return
	}
	if offset == r.offset {
		r.cardsText = r.cardsText[:0]
	}
	r.cardsText = append(r.cardsText, cards...)
}

// shape reads the mandatory keywords and computes the size of the data.
func (h *HDU) shape() error {
	first, firstValue := "SIMPLE", "T"
	if joined := len(h.cards) > 0 && h.cards[0].key == first; h.Number > 1 && !joined {
		first = "XTENSION"
		h.Kind, _ = h.Text(first)
		firstValue = h.Kind
	}
	if value, _ := h.Text(first); len(h.cards) == 0 || h.cards[0].key != first || value != firstValue || value == "" {
		return h.Refuse(first, "not standard FITS")
	}
	bitpix, _, err := h.integer("BITPIX")
	if err != nil {
		return err
	}
	switch bitpix {
	case 8, 16, 32, 64, -32, -64:
		h.Bitpix = int(bitpix)
	default:
		return h.Refuse("BITPIX", "must be 8, 16, 32, 64, -32 or -64")
	}
	naxis, there, err := h.integer("NAXIS")
	if err != nil {
		return err
	}
	if !there || naxis < 0 || naxis > bounded.MaxFITSAxes {
		return h.Refuse("NAXIS", "must be from 0 to 999")
	}
	for i := int64(1); i <= naxis; i++ {
		key := "NAXIS" + strconv.FormatInt(i, 10)
		n, there, err := h.integer(key)
		if err != nil {
			return err
		}
		if !there || n < 0 {
			return h.Refuse(key, "must be 0 or more")
		}
		h.Axes = append(h.Axes, n)
	}
	return h.computeSize()
}

// computeSize computes |BITPIX|/8 * GCOUNT * (PCOUNT + NAXIS1 * NAXIS2 * ...) and refuses what does
// not fit an int64. Random groups have NAXIS1 = 0, which is not multiplied.
func (h *HDU) computeSize() error {
	if len(h.Axes) == 0 {
		return nil
	}
	groups, _, err := h.integer("PCOUNT")
	if err != nil {
		return err
	}
	groupCount, there, err := h.integer("GCOUNT")
	if err != nil {
		return err
	}
	if !there {
		groupCount = 1
	}
	if groups < 0 || groupCount < 1 {
		return h.Refuse("PCOUNT", "PCOUNT must be 0 or more and GCOUNT 1 or more")
	}
	axes := h.Axes
	if group, _ := h.Text("GROUPS"); group == "T" && axes[0] == 0 {
		axes = axes[1:]
	}
	product := int64(1)
	for _, n := range axes {
		if product = bounded.Multiply(product, n); product < 0 {
			return h.Refuse("NAXIS", "the axes multiply to more than a file can hold")
		}
	}
	if product > math.MaxInt64-groups {
		return h.Refuse("PCOUNT", "the data are more than a file can hold")
	}
	size := bounded.Multiply(bounded.Multiply(product+groups, groupCount), int64(max(h.Bitpix, -h.Bitpix)/8))
	if size < 0 {
		return h.Refuse("NAXIS", "the axes multiply to more than a file can hold")
	}
	h.Size = size
	return nil
}

// Getter returns a function that looks a keyword up in the header of the HDU and then in the
// primary one, with dashes or underscores.
func (h *HDU) Getter(primary *HDU) func(string) (string, bool) {
	return func(key string) (string, bool) {
		for _, header := range []*HDU{h, primary} {
			for _, spelling := range []string{key, strings.ReplaceAll(key, "-", "_")} {
				if text, ok := header.Text(spelling); ok {
					return text, true
				}
			}
		}
		return "", false
	}
}

// IsFITS reports whether the file begins as FITS does.
func IsFITS(head []byte) bool { return bytes.HasPrefix(head, []byte("SIMPLE  =")) }
