// Package demo fills an archive with invented targets, through the REST API. Their light curves,
// spectra and images follow simple models of such objects, and are the same every time.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Client is a client of the archive to fill. It must be allowed to do everything.
type Client interface {
	// Call sends in as JSON and decodes the answer into out. Either may be nil.
	Call(ctx context.Context, method, path string, in, out any) error
	// Upload posts a file and form fields to the data products. The caller closes the body of the
	// response.
	Upload(ctx context.Context, name string, content io.Reader, fields map[string]string) (*http.Response, error)
}

// target is one target of the demo.
type target struct {
	name, kind string
	aliases    []string
	ra, dec    float64
	access     string
	tags       map[string]string
	elements   map[string]any // of a comet
	// mag returns the magnitude in a band; day counts from the first night.
	mag func(band string, day float64) float64
	// spectra are the days with a spectrum; spectrum returns the relative flux at a wavelength in
	// angstroms.
	spectra  []float64
	spectrum func(day, wavelength float64) float64
	fits     bool // spectra are FITS files
	// alert is the day after which the target was observed as often as possible; 0 for a target
	// that is observed in every clear night.
	alert float64
	// scene returns the counts of an image besides those of the target and the stars; x and y are
	// pixels from the centre. pictured is the day of the image.
	scene    func(x, y float64) float64
	pictured float64

	id uint64 // in the file
}

const (
	firstNight = 60_310.0 // MJD, 2024-01-01
	unixEpoch  = 40_587   // MJD
	nights     = 120
	usualLimit = 20.6 // magnitude in g, in a usual night
	timeOfDay  = 0.3  // of spectra and images, in days
)

// bands are the bands with their limits relative to that in g.
var bands = []struct {
	name  string
	depth float64
}{{"g", 0}, {"r", -0.2}, {"i", -0.7}}

func targets() []target {
	return []target{
		{name: "NJ24aab", aliases: []string{"Demo SN 1", "NJDEMO24a"}, ra: 210.9107, dec: 54.3117, access: "OPEN",
			tags: map[string]string{"classification": "SN Ia", "redshift": "0.0112"},
			mag:  supernova(22, 14.2, 15), spectra: []float64{14, 23, 40, 62}, spectrum: typeIa(22,
				0.0112), scene: host, pictured: 34},
		{name: "NJ24acf", aliases: []string{"Demo SN 2"}, ra: 47.0021, dec: -21.7744, access: "OPEN",
			tags: map[string]string{"classification": "SN IIP", "redshift": "0.0063"},
			mag:  plateau(15, 15.6, 95), spectra: []float64{20, 55, 90}, spectrum: hydrogen(15, 0.0063), fits: true},
		{name: "NJ24adk", aliases: []string{"Demo TDE"}, ra: 187.4462, dec: 8.0003, access: "PUBLIC",
			tags: map[string]string{"classification": "TDE candidate", "redshift": "0.061"},
			mag:  tidal(30, 17.1), spectra: []float64{42, 70}, spectrum: tidalSpectrum},
		{name: "NJ24aem", aliases: []string{"Demo afterglow"}, ra: 312.5871, dec: 12.1176, access: "PRIVATE",
			tags: map[string]string{"classification": "afterglow"},
			mag:  afterglow(32.4, 15.8), alert: 32.4},
		{name: "NJ24afp", aliases: []string{"Demo nova Cyg"}, ra: 305.8778, dec: 37.6112, access: "OPEN",
			tags: map[string]string{"classification": "classical nova"},
			mag:  nova(18, 8.9), spectra: []float64{21, 33}, spectrum: novaSpectrum, fits: true},
		{name: "NJ-V 18 Gem", aliases: []string{"Demo dwarf nova"}, ra: 101.2871, dec: 22.0811, access: "PUBLIC",
			tags: map[string]string{"classification": "dwarf nova"},
			mag:  dwarfNova(13.2, 17.4)},
		{name: "NJ-V 7 Vir", aliases: []string{"Demo RR Lyrae"}, ra: 218.0431, dec: 2.3051, access: "OPEN",
			tags: map[string]string{"classification": "RR Lyrae", "period_days": "0.5642"},
			mag:  pulsator(0.5642, 15.1, 0.9)},
		{name: "NJ-V 1 Dor", aliases: []string{"Demo Cepheid"}, ra: 82.7716, dec: -69.1083, access: "OPEN",
			tags: map[string]string{"classification": "classical Cepheid", "period_days": "7.21"},
			mag:  pulsator(7.21, 14.3, 0.7)},
		{name: "NJ-V 12 Cyg", aliases: []string{"Demo eclipsing binary"}, ra: 293.5501, dec: 44.0112, access: "PUBLIC",
			tags: map[string]string{"classification": "eclipsing binary", "period_days": "2.7386"},
			mag:  eclipsing(2.7386, 13.4)},
		{name: "NJ24bqz", aliases: []string{"Demo microlens"}, ra: 268.9904, dec: -29.4417, access: "PRIVATE",
			tags: map[string]string{"classification": "microlensing event"},
			mag:  microlens(58, 21, 0.12, 17.9)},
		{name: "NJ J1229+0203", aliases: []string{"Demo quasar"}, ra: 187.2779, dec: 2.0524, access: "OPEN",
			tags: map[string]string{"classification": "quasar", "redshift": "0.158"},
			mag:  quasar(12.9), spectra: []float64{10, 80}, spectrum: quasarSpectrum, fits: true},
		{name: "NJ-C 1", aliases: []string{"Demo comet"}, kind: "NON_SIDEREAL", access: "OPEN",
			tags: map[string]string{"classification": "long-period comet"},
			elements: map[string]any{"scheme": "MPC_COMET", "epoch_of_elements": 60310.0, "perihdist": 0.871,
				"eccentricity": 1.0003, "inclination": 103.66, "lng_asc_node": 21.559,
				"arg_of_perihelion": 308.491, "epoch_of_perihelion": 60410.25},
			mag:   func(band string, day float64) float64 { return 13.8 - 3.6*day/nights + colour(band, 0.5) },
			scene: coma, pictured: 96},
	}
}

// Fill fills an archive, and returns how many targets it added. It does not change an archive that
// has targets; there is their number.
func Fill(ctx context.Context, c Client) (made, there int, err error) {
	var page struct{ Count int }
	if err := c.Call(ctx, http.MethodGet, "/api/targets/?limit=1", nil, &page); err != nil || page.Count > 0 {
		return 0, page.Count, err
	}
	list := targets()
	for i := range list {
		t := &list[i]
		if err := t.add(ctx, c, rand.New(rand.NewPCG(2024, uint64(i)))); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	for i := range list { // images come last, so that lists show them first
		t := &list[i]
		if t.scene == nil {
			continue
		}
		if err := t.upload(ctx, c, "r.fits", "fits_file", 0,
			t.picture(rand.New(rand.NewPCG(2025, uint64(i))))); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return len(list), 0, nil
}

// add adds the target, its light curve, and its spectra with their observation records.
func (t *target) add(ctx context.Context, c Client, r *rand.Rand) error {
	in := map[string]any{"name": t.name, "type": "SIDEREAL", "permissions": t.access}
	if t.kind != "" {
		in["type"] = t.kind
		maps.Copy(in, t.elements)
	} else {
		in["ra"], in["dec"], in["epoch"] = t.ra, t.dec, 2000.0
	}
	if t.access == "PRIVATE" {
		in["groups"] = []map[string]string{{"name": "Transients"}}
	}
	var aliases, tags []map[string]string
	for _, a := range t.aliases {
		aliases = append(aliases, map[string]string{"name": a})
	}
	for _, k := range slices.Sorted(maps.Keys(t.tags)) {
		tags = append(tags, map[string]string{"key": k, "value": t.tags[k]})
	}
	in["aliases"], in["targetextra_set"], in["target_lists"] = aliases, tags, []map[string]string{{"name": "Demo"}}
	var made struct {
		ID uint64 `json:"id"`
	}
	if err := c.Call(ctx, http.MethodPost, "/api/targets/", in, &made); err != nil {
		return err
	}
	t.id = made.ID
	if err := t.upload(ctx, c, "phot.csv", "photometry", 0, t.lightCurve(r)); err != nil {
		return err
	}
	for _, day := range t.spectra {
		record, err := t.observe(ctx, c, day)
		if err != nil {
			return err
		}
		ending, content := "csv", t.spectrumText
		if t.fits {
			ending, content = "fits", t.spectrumFITS
		}
		if err := t.upload(ctx, c, fmt.Sprintf("%03.0f.%s", day, ending), "spectroscopy", record,
			content(day, r)); err != nil {
			return err
		}
	}
	return nil
}

// observe adds the observation record of a spectrum, and returns its id.
func (t *target) observe(ctx context.Context, c Client, day float64) (uint64, error) {
	const exposure = 40 * time.Minute
	start := time.UnixMicro((int64(math.Round(1e5*(firstNight+day+timeOfDay))) - unixEpoch*1e5) * 864_000).UTC()
	var made []struct{ ID uint64 } // a TOM may make several
	err := c.Call(ctx, http.MethodPost, "/api/observations/", map[string]any{
		"target_id": t.id, "facility": "Mirador", "observation_type": "SPECTRA", "status": "COMPLETED",
		"observation_id": fmt.Sprintf("MIR-%s-%d", start.Format("20060102"), t.id),
		"observing_parameters": map[string]any{"telescope": "2.2m", "instrument": "long-slit spectrograph",
			"exposures": 2, "exposure_time": exposure.Seconds() / 2},
		"scheduled_start": start.Format(time.RFC3339), "scheduled_end": start.Add(exposure).Format(time.RFC3339),
	}, &made)
	if err != nil || len(made) == 0 {
		return 0, err
	}
	return made[0].ID, nil
}

// upload uploads a file of the target. record is the id of the observation record, 0 for none.
func (t *target) upload(ctx context.Context, c Client, name, kind string, record uint64, content []byte) error {
	name = strings.ToLower(strings.NewReplacer(" ", "", "/", "", "+", "p").Replace(t.name)) + "_" + name
	fields := map[string]string{"target": fmt.Sprint(t.id), "data_product_type": kind}
	if record != 0 {
		fields["observation_record"] = fmt.Sprint(record)
	}
	w, err := c.Upload(ctx, name, bytes.NewReader(content), fields)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = io.Copy(io.Discard, w.Body)
	return errors.Join(err, w.Body.Close())
}
