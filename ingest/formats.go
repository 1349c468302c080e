package ingest

import (
	"bytes"
	"strings"

	"nightjar/ingest/fits"
	"nightjar/ingest/table"
	"nightjar/ingest/table/fixed"
)

// FormatInfo describes a file format.
type FormatInfo struct {
	DataType string // photometry or spectroscopy
	Name     string
	// How the format is recognised; which columns are read as what; units; times; what is refused.
	RecognisedBy, Roles, Units, Time, Refused string
}

// Formats lists all formats in the order in which they are tried: those of photometry with the
// known tables, which may come in any format that holds a table, then those of spectroscopy.
func Formats() []FormatInfo {
	var out []FormatInfo
	add := func(dataType, name string, a about) {
		out = append(out, FormatInfo{DataType: dataType, Name: name, RecognisedBy: a.by, Roles: a.roles, Units: a.units,
			Time: a.time, Refused: a.refused})
	}
	for _, f := range photometryFormats() {
		add("photometry", f.name, f.about)
	}
	add("photometry", exported.name, exported.about)
	for i := range dialects {
		d := &dialects[i]
		a := d.about
		a.by = "a table of any format above with the columns " + strings.Join(d.needs, ", ") + a.by
		add("photometry", d.name, a)
	}
	for _, f := range spectroscopyFormats() {
		add("spectroscopy", f.name, f.about)
	}
	return out
}

// Texts that several formats share.
const (
	byNames = "by the names of columns, else by UCD"
	anyTime = "MJD, JD, HJD, BJD, BTJD, BKJD, Unix seconds, ISO 8601 and its variants; " +
		"scales UTC, TAI, TT, TDB, TCB, GPS"
	noTimeText = "no column of times; no magnitude, limit or flux; a cell that is not a number; " +
		"two columns of one role"
	headerDate = "MJD-OBS, MJD, JD, MJD-AVG, DATE-AVG, UTMIDDLE, DATE-OBS (with UT), MJD-BEG, DATE-BEG, " +
		"OBS-DATE, AVE-MJD, EXPSTART, by TIMESYS; else the file's name"
)

// photometryFormats lists the formats of photometry, the most specific first.
func photometryFormats() []format {
	return []format{
		{name: "FITS table", recognise: fits.IsFITS, read: readFITSPhotometry, about: about{
			by:    "`SIMPLE  =` and a BINTABLE or TABLE extension",
			roles: byNames + "; arrays and bits left out",
			units: "TUNITn; kept",
			time: anyTime + "; TIMESYS, TIMEREF, MJDREF, BJDREF, TCTYPn, TRPOSn; " +
				"times in two numbers, as astropy writes them",
			refused: "a description that does not fit the file; " + noTimeText}},
		{name: "VOTable", recognise: table.IsVOTable, read: readVOPhotometry, about: about{
			by:      "`<VOTABLE`; TABLEDATA, BINARY or BINARY2",
			roles:   byNames,
			units:   "the FIELD's; kept",
			time:    anyTime + "; TIMESYS of the FIELD",
			refused: "rows in another file; FITS inside; " + noTimeText}},
		{name: "ECSV", recognise: table.IsECSV, read: photometryOf(ecsvGrid), about: about{
			by:      "`# %ECSV`",
			roles:   byNames,
			units:   "the header's; kept",
			time:    anyTime + "; format and scale of astropy's Time columns",
			refused: "names that differ from the header's; " + noTimeText}},
		{name: "IPAC table", recognise: fixed.IsIPAC, read: photometryOf(fixedGrid(fixed.ReadIPAC)), about: about{
			by:      "lines that begin with `\\`, then header lines of names, types, units and nulls between `|`",
			roles:   byNames,
			units:   "the header's; kept",
			time:    anyTime,
			refused: "a value under a bar; bars that are not below each other; " + noTimeText}},
		{name: "MRT (CDS, AAS)", recognise: fixed.IsMRT, read: photometryOf(fixedGrid(fixed.ReadMRT)), about: about{
			by:      "`Byte-by-byte Description`, with the rows in the same file",
			roles:   byNames + "; e_NAME: its error; l_NAME: whether it is a limit",
			units:   "the description's; kept",
			time:    anyTime,
			refused: "a value outside of its column; several tables; " + noTimeText}},
		{name: "RDB", recognise: table.IsRDB, read: photometryOf(rdbGrid), about: about{
			by:      "tabs; below the names a line of types, such as `10N` and `5S`",
			roles:   byNames,
			units:   "in brackets after the name; kept",
			time:    anyTime,
			refused: "rows of another length; " + noTimeText}},
		{name: "JSON", recognise: isJSON, read: photometryOf(jsonGrid), about: about{
			by: "an object or a list of JSON; NaN and Infinity are missing values",
			roles: "a list of records: photometry, or detections and non_detections, or candidates, or, of an " +
				"alert, candidate and prv_candidates, or diaSource and prvDiaSources, or diaSourcesList, or the only " +
				"one; " + byNames,
			units: "none",
			time:  anyTime,
			refused: "several lists of records with other names; a member twice in a record; " +
				"more than one JSON value; " + noTimeText}},
		{name: "AAVSO exoplanet report", recognise: isExoplanetReport, read: readExoplanetReport, about: about{
			by: "`#TYPE=EXOPLANET`",
			roles: "DIFF: flux, relative, with relative_flux, or differential_magnitude, by #MEASUREMENT_TYPE; " +
				"ERR: flux_error or error; #FILTER: filter; OBSCODE: source; EXOPLANET_NAME or STAR_NAME: object; " +
				"DETREND_1 and so on are kept",
			units: "none, or mag",
			time:  "DATE by #DATE_TYPE: JD_UTC, HJD_UTC, BJD_UTC, BJD_TT, BJD_TDB",
			refused: "another date or measurement; a parameter that changes within the file; rows longer than the " +
				"first"}},
		{name: "AAVSO", recognise: isAAVSO, read: photometryOf(aavsoGrid), about: about{
			by: "`#TYPE=EXTENDED` or `#TYPE=VISUAL`",
			roles: "MAG: magnitude, with < limit, with MTYPE DIF differential_magnitude; MERR: error; " +
				"FILT: filter; OBSCODE: source; NAME: object",
			units:   "mag",
			time:    "DATE by #DATE: JD, HJD, EXCEL; parameters may change within the file",
			refused: "another delimiter or date; rows longer than the format"}},
		{name: "SNANA", recognise: isSNANA, read: photometryOf(snanaGrid), about: about{
			by: "`VARLIST:` and `OBS:` lines",
			roles: "FLUXCAL: flux, and magnitude or limit by its zero point 27.5; FLT or BAND: filter; " +
				"SURVEY: source; SNID: object",
			units:   "FLUXCAL's own",
			time:    "MJD",
			refused: "rows that lack more than columns at their end that are not needed"}},
		{name: "Gaia Alerts", recognise: isGaiaAlert, read: photometryOf(gaiaGrid), about: about{
			by:      "`#Date,JD(TCB),averagemag` below the alert's name",
			roles:   "averagemag: magnitude; filter G, telescope and source Gaia",
			units:   "mag",
			time:    "JD in TCB, converted",
			refused: "rows of another length; null and untrusted rows are left out"}},
		{name: "ADES PSV", recognise: isADES, read: photometryOf(adesGrid), about: about{
			by: "`# version=` and a header line with obsTime, separated by |",
			roles: "mag: magnitude; rmsMag: error; band: filter; stn: telescope; " +
				"permID, provID or trkSub: object",
			units:   "mag",
			time:    "ISO 8601, UTC",
			refused: "rows longer than their header; rows without a magnitude and deprecated ones are left out"}},
		{name: "ADES XML", recognise: isADESXML, read: photometryOf(adesXMLGrid), about: about{
			by: "`<ades`, in XML; the elements optical, offset, occultation and radar",
			roles: "mag: magnitude; rmsMag: error; band: filter; stn: telescope; " +
				"permID, provID or trkSub: object",
			units: "mag",
			time:  "obsTime, ISO 8601, UTC",
			refused: "a member twice in an observation; observations without a magnitude and deprecated ones are " +
				"left out"}},
		{name: "MPC 80-column", recognise: isMPC, read: photometryOf(mpcGrid), about: about{
			by:      "lines of 80 characters with a date in columns 16 to 32",
			roles:   "columns 66-70: magnitude; 71: filter; 78-80: telescope; 1-12: object",
			units:   "mag",
			time:    "year, month and day with a fraction, UTC",
			refused: "lines of another length; rows without a magnitude are left out"}},
		{name: "delimited text", recognise: isText, read: photometryOf(textGrid), about: about{
			by: "text; comma, tab, semicolon, pipe or blanks, or columns under a ruler; a header line, also as a " +
				"comment or below a preface; sncosmo's `@key value`; the `#Name :` lines of SALT2",
			roles:   byNames + "; a column for each band, such as `g, gerr, r, rerr`: a point for each",
			units:   "in brackets after the name, or in a line below the header; kept",
			time:    anyTime,
			refused: "rows that are not UTF-8; rows of another length; " + noTimeText}},
	}
}

// spectroscopyFormats lists the formats of spectroscopy, the most specific first.
func spectroscopyFormats() []format {
	return []format{
		{name: "FITS image", recognise: fits.IsFITS, read: readFITSSpectrum, about: about{
			by: "`SIMPLE  =`; a table with wavelength and flux (SDSS, ESO SDP, HST and JWST x1d, generic), " +
				"rows or arrays; else an image with a wavelength scale (linear, logarithmic, CD matrix, " +
				"IRAF bands, .fz), its error or wavelengths in HDUs of their own; an echelle spectrum (MULTISPEC, " +
				"linear, logarithmic or nonlinear): each order is a spectrum",
			roles: "by UCD, by name (wavelength, loglam, flux, error, ivar, var), by unit; a pixel of wavelength 0 " +
				"or NaN is left out",
			units: "TUNITn, BUNIT, CUNIT1, IRAF's WAT1, words of CTYPE1 (Wavelength [nm]), XUNITS and YUNITS; kept",
			time:  headerDate,
			refused: "an image of spectra of several objects, as of fibres; a scale that is not of wavelengths, as " +
				"of pixels; PLIO and HCOMPRESS"}},
		{name: "VOTable", recognise: table.IsVOTable, read: readVOSpectrum, about: about{
			by:      "`<VOTABLE`",
			roles:   "by UCD, by name, by unit",
			units:   "the FIELD's; kept",
			time:    headerDate + ", as PARAM or INFO",
			refused: "no wavelength or no flux"}},
		{name: "ECSV", recognise: table.IsECSV, read: spectrumOf(ecsvGrid), about: about{
			by:      "`# %ECSV`",
			roles:   "by name, by unit",
			units:   "the header's; kept",
			time:    headerDate + ", in meta",
			refused: "no wavelength or no flux"}},
		{name: "IPAC table", recognise: fixed.IsIPAC, read: spectrumOf(fixedGrid(fixed.ReadIPAC)), about: about{
			by:      "lines that begin with `\\`, then header lines of names, types, units and nulls between `|`",
			roles:   "by name, by unit",
			units:   "the header's; kept",
			time:    headerDate,
			refused: "a value under a bar; bars that are not below each other; no wavelength or no flux"}},
		{name: "MRT (CDS, AAS)", recognise: fixed.IsMRT, read: spectrumOf(fixedGrid(fixed.ReadMRT)), about: about{
			by:      "`Byte-by-byte Description`, with the rows in the same file",
			roles:   "by name, by unit",
			units:   "the description's; kept",
			time:    headerDate,
			refused: "a value outside of its column; several tables; no wavelength or no flux"}},
		{name: "RDB", recognise: table.IsRDB, read: spectrumOf(rdbGrid), about: about{
			by:      "tabs; below the names a line of types, such as `10N` and `5S`",
			roles:   "by name, by unit",
			units:   "in brackets after the name; kept",
			time:    headerDate,
			refused: "rows of another length; no wavelength or no flux"}},
		{name: "Open Supernova Catalog", recognise: isJSON, read: readJSONSpectra, about: about{
			by:    "JSON with a list spectra",
			roles: "data: wavelength, flux and maybe its error; each of the list is a spectrum",
			units: "u_wavelengths, u_fluxes; kept",
			time:  "time, by u_time: MJD, JD",
			refused: "other JSON; pixels of another length; spectra of the host galaxy, of models, " +
				"and those that were deredshifted or dereddened, are left out"}},
		{name: "spectrum text", recognise: isText, read: readTextSpectrum, about: about{
			by: "text with columns of wavelength and flux, also under a ruler or below a preface; " +
				"two to four columns of numbers without a header",
			roles: "by name; without names wavelength, flux, error; a column that tells several spectra apart, as " +
				"spectrum_id, order or mjd; a pixel of wavelength 0 or NaN is left out",
			units: "in brackets after the name, in a comment below the names, or under a keyword in a comment; kept",
			time:  headerDate + ", in comments as `key: value` or `KEY = value / comment`",
			refused: "an invalid wavelength; rows of another length; wavelengths that start again without a column " +
				"that tells the spectra apart"}},
	}
}

// foreignFormat recognises, by its first bytes, a file that must not be read as plain text, and
// says why; it returns "" for any other. Tables of special formats are among them, because as plain
// columns they would be stored wrongly (the unit in an ECSV header would be overlooked).
func foreignFormat(head []byte) string {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.start)) {
			return s.reason
		}
	}
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	text = bytes.TrimLeft(text, " \t\r\n")
	for _, s := range textSignatures {
		if len(text) >= len(s.start) && bytes.EqualFold(text[:len(s.start)], []byte(s.start)) {
			return s.reason
		}
	}
	return ""
}

type signature struct{ start, reason string }

var signatures = []signature{
	{"SIMPLE  =", "not text: a FITS file"},
	{"\x89PNG", "not text: a PNG image"},
	{"\xff\xd8\xff", "not text: a JPEG image"},
	{"GIF8", "not text: a GIF image"},
	{"%PDF", "not text: a PDF document"},
	{"\x89HDF", "not text: an HDF5 file"},
	{"PK\x03\x04", "not text: a ZIP archive or spreadsheet; save the table as CSV"},
	{"\x1f\x8b", "not text: compressed with gzip twice"},
	{"BZh", "not text: compressed with bzip2, which is not read; unpack it first"},
	{"\xfd7zXZ", "not text: compressed with xz, which is not read; unpack it first"},
	{"\xff\xfe", "not UTF-8: UTF-16, save the file as UTF-8"},
	{"\xfe\xff", "not UTF-8: UTF-16, save the file as UTF-8"},
}

var textSignatures = []signature{
	{"<?xml", "an XML document that is not a VOTable"},
	{"<VOTABLE", "a VOTable"},
	{"<!DOCTYPE", "a web page, not a table"},
	{"<html", "a web page, not a table"},
	{"{", "a JSON document, not a table"},
	{"[", "a JSON document, not a table"},
}

// isText reports whether the readers of text may try the file.
func isText(head []byte) bool { return foreignFormat(head) == "" }
