package ingest

import (
	"errors"
	"math"
	"strconv"

	"nightjar/ingest/bounded"
)

// fitsHDU is one header and data unit of a FITS file.
type fitsHDU struct {
	*fitsHeader
	kind   string // "IMAGE" for the primary HDU too, else as XTENSION says
	bitpix int
	axes   []int64
	start  int64  // offset of the header
	data   int64  // offset of the data
	size   int64  // of the data in bytes, without the padding; known to lie within the file
	packed error  // why a compressed image cannot be read; kind is then COMPRESSED
	tiles  *tiles // of an image that is compressed; kind, bitpix and axes are then those of the image
}

// fitsFile reads the HDUs of a FITS file one after the other. It keeps none and reads no data.
type fitsFile struct {
	file   bounded.File
	hdu    int
	offset int64
	end    int64 // of the data of the HDU before
	cards  int   // of all headers so far
	// cardsText, when it is not nil, has the cards of the last header as they are in the file,
	// without END.
	cardsText []byte
}

// next reads the next HDU's header; nil at the end of the file. Bytes behind the last HDU that are no extension are special
// records, which the standard allows and nobody reads.
func (r *fitsFile) next() (*fitsHDU, error) {
	size, err := r.file.SizeUpTo(r.offset + 1)
	if err != nil {
		return nil, err
	}
	if size < r.end {
		return nil, bounded.Refuse(bounded.Problem{HDU: r.hdu, Reason: "the file ends within the data"})
	}
	if r.offset >= r.file.Size || r.hdu == bounded.MaxFITSHDUs {
		return nil, nil
	}
	if r.hdu > 0 {
		start := make([]byte, min(9, r.file.Size-r.offset))
		if err := bounded.ReadFull(r.file, start, r.offset); err != nil {
			return nil, err
		}
		if string(start) != "XTENSION=" {
			return nil, nil
		}
	}
	r.hdu++
	header, data, err := readFITSHeader(r.file, r.hdu, r.offset, r.keep)
	if err != nil {
		return nil, err
	}
	if r.cards += len(header.cards); r.cards > bounded.MaxFileCards {
		return nil, header.refuse("", "the headers of the file have more than "+strconv.Itoa(bounded.MaxFileCards)+" cards")
	}
	h := &fitsHDU{fitsHeader: header, kind: "IMAGE", start: r.offset, data: data}
	if err := h.shape(); err != nil {
		return nil, err
	}
	if h.size > r.file.Size-data {
		if err := r.file.TooLong(); err != nil {
			return nil, err
		}
		return nil, h.refuse("", "the file ends within the data: "+strconv.FormatInt(r.file.Size-data, 10)+" of "+
			strconv.FormatInt(h.size, 10)+" bytes are there")
	}
	padded := (h.size + fitsBlock - 1) / fitsBlock * fitsBlock // the size is below the file's, so this cannot overflow
	r.offset, r.end = data+padded, data+h.size
	var refused *bounded.Refusal
	if err := h.unzip(r.file); errors.As(err, &refused) {
		h.kind, h.packed = "COMPRESSED", err // others of the file may be readable
	} else if err != nil {
		return nil, err
	}
	return h, nil
}

// keep is given each block of a header.
func (r *fitsFile) keep(offset int64, cards []byte) {
	if r.cardsText == nil {
		return
	}
	if offset == r.offset {
		r.cardsText = r.cardsText[:0]
	}
	r.cardsText = append(r.cardsText, cards...)
}

// shape reads the keywords that every HDU must have and computes the size of the data from them.
func (h *fitsHDU) shape() error {
	first, firstValue := "SIMPLE", "T"
	if h.hdu > 1 {
		first = "XTENSION"
		h.kind, _ = h.text(first)
		firstValue = h.kind
	}
	if value, _ := h.text(first); len(h.cards) == 0 || h.cards[0].key != first || value != firstValue || value == "" {
		return h.refuse(first, "not standard FITS")
	}
	bitpix, _, err := h.integer("BITPIX")
	if err != nil {
		return err
	}
	switch bitpix {
	case 8, 16, 32, 64, -32, -64:
		h.bitpix = int(bitpix)
	default:
		return h.refuse("BITPIX", "must be 8, 16, 32, 64, -32 or -64")
	}
	naxis, there, err := h.integer("NAXIS")
	if err != nil {
		return err
	}
	if !there || naxis < 0 || naxis > bounded.MaxFITSAxes {
		return h.refuse("NAXIS", "must be from 0 to 999")
	}
	for i := int64(1); i <= naxis; i++ {
		key := "NAXIS" + strconv.FormatInt(i, 10)
		n, there, err := h.integer(key)
		if err != nil {
			return err
		}
		if !there || n < 0 {
			return h.refuse(key, "must be 0 or more")
		}
		h.axes = append(h.axes, n)
	}
	return h.computeSize()
}

// computeSize is |BITPIX|/8 * GCOUNT * (PCOUNT + NAXIS1 * NAXIS2 * ...), refused when it does not fit an int64. Random
// groups have NAXIS1 = 0, which is then left out of the product.
func (h *fitsHDU) computeSize() error {
	if len(h.axes) == 0 {
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
		return h.refuse("PCOUNT", "PCOUNT must be 0 or more and GCOUNT 1 or more")
	}
	axes := h.axes
	if group, _ := h.text("GROUPS"); group == "T" && axes[0] == 0 {
		axes = axes[1:]
	}
	product := int64(1)
	for _, n := range axes {
		if product = bounded.Multiply(product, n); product < 0 {
			return h.refuse("NAXIS", "the axes multiply to more than a file can hold")
		}
	}
	if product > math.MaxInt64-groups {
		return h.refuse("PCOUNT", "the data are more than a file can hold")
	}
	size := bounded.Multiply(bounded.Multiply(product+groups, groupCount), int64(max(h.bitpix, -h.bitpix)/8))
	if size < 0 {
		return h.refuse("NAXIS", "the axes multiply to more than a file can hold")
	}
	h.size = size
	return nil
}
