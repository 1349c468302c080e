package archive

import (
	"fmt"

	"nightjar/auth"
	"nightjar/kv"
)

// Target is an object on the sky, or a body that moves. Angles are in degrees, ICRS; the other
// units are those of the TOM Toolkit's fields of the same names. An unknown number is nil.
type Target struct {
	kv.Unknown
	ID         uint64          // not stored: the record's key
	Name       string          `kv:"1"`
	Type       string          `kv:"2"` // Sidereal or NonSidereal
	Created    int64           `kv:"3"` // microseconds since 1970, as all times of records
	Modified   int64           `kv:"4"`
	Visibility auth.Visibility `kv:"5"`

	RA               *float64 `kv:"10"`
	Dec              *float64 `kv:"11"`
	Epoch            *float64 `kv:"12"` // Julian year
	Parallax         *float64 `kv:"13"` // milliarcseconds
	PmRA             *float64 `kv:"14"` // milliarcseconds a year
	PmDec            *float64 `kv:"15"`
	GalacticLng      *float64 `kv:"16"`
	GalacticLat      *float64 `kv:"17"`
	Distance         *float64 `kv:"18"` // parsecs
	DistanceErr      *float64 `kv:"19"`
	Scheme           string   `kv:"20"` // of orbital elements
	EpochOfElements  *float64 `kv:"21"` // MJD
	MeanAnomaly      *float64 `kv:"22"`
	ArgOfPerihelion  *float64 `kv:"23"`
	Eccentricity     *float64 `kv:"24"`
	LngAscNode       *float64 `kv:"25"`
	Inclination      *float64 `kv:"26"`
	MeanDailyMotion  *float64 `kv:"27"` // degrees a day
	SemimajorAxis    *float64 `kv:"28"` // astronomical units
	EpochOfPerihel   *float64 `kv:"29"` // MJD
	EphemerisPeriod  *float64 `kv:"30"` // days
	EphemerisPeriodE *float64 `kv:"31"`
	EphemerisEpoch   *float64 `kv:"32"` // MJD
	EphemerisEpochE  *float64 `kv:"33"`
	Perihdist        *float64 `kv:"34"` // astronomical units
	AbsMag           *float64 `kv:"35"`
	Slope            *float64 `kv:"36"`

	Aliases []Alias      `kv:"40"`
	Extras  []Extra      `kv:"41"`
	Lists   []uint64     `kv:"42"`
	Grants  []auth.Grant `kv:"43"`
	UID     [16]byte     `kv:"44"`
	Named   uint64       `kv:"45"` // the sequence of the log entry in which its names changed last
}

// Alias is another name of a target. Its id is for the API.
type Alias struct {
	kv.Unknown
	ID   uint64 `kv:"1"`
	Name string `kv:"2"`
}

// Extra is a tag of a target: a key with a value.
type Extra struct {
	kv.Unknown
	ID    uint64 `kv:"1"`
	Key   string `kv:"2"`
	Value string `kv:"3"`
}

// The types of targets.
const (
	Sidereal    = "SIDEREAL"
	NonSidereal = "NON_SIDEREAL"
)

// Schemes lists the schemes of orbital elements.
var Schemes = []string{"MPC_MINOR_PLANET", "MPC_COMET", "JPL_MAJOR_PLANET"}

// A Number is a numeric field of a target, with its name in the API.
type Number struct {
	Name string
	Of   func(*Target) **float64
}

// A Range bounds a number: at least Least, and at most Most, or less than Most if Open.
type Range struct {
	Least, Most float64
	Open        bool
}

// Ranges lists the bounded numbers of a target, in degrees.
var Ranges = map[string]Range{"ra": {0, 360, true}, "dec": {-90, 90, false}}

// outside says what is wrong with a value, "" for nothing.
func (r Range) outside(f float64) string {
	switch {
	case f >= r.Least && (f < r.Most || f == r.Most && !r.Open):
		return ""
	case r.Open:
		return fmt.Sprintf("Ensure this value is at least %g and less than %g.", r.Least, r.Most)
	}
	return fmt.Sprintf("Ensure this value is between %g and %g.", r.Least, r.Most)
}

// Numbers lists the numbers of a target in the order of a TOM's answers, in which the scheme
// follows distance_err.
var Numbers = []Number{
	{"ra", func(t *Target) **float64 { return &t.RA }},
	{"dec", func(t *Target) **float64 { return &t.Dec }},
	{"epoch", func(t *Target) **float64 { return &t.Epoch }},
	{"parallax", func(t *Target) **float64 { return &t.Parallax }},
	{"pm_ra", func(t *Target) **float64 { return &t.PmRA }},
	{"pm_dec", func(t *Target) **float64 { return &t.PmDec }},
	{"galactic_lng", func(t *Target) **float64 { return &t.GalacticLng }},
	{"galactic_lat", func(t *Target) **float64 { return &t.GalacticLat }},
	{"distance", func(t *Target) **float64 { return &t.Distance }},
	{"distance_err", func(t *Target) **float64 { return &t.DistanceErr }},
	{"epoch_of_elements", func(t *Target) **float64 { return &t.EpochOfElements }},
	{"mean_anomaly", func(t *Target) **float64 { return &t.MeanAnomaly }},
	{"arg_of_perihelion", func(t *Target) **float64 { return &t.ArgOfPerihelion }},
	{"eccentricity", func(t *Target) **float64 { return &t.Eccentricity }},
	{"lng_asc_node", func(t *Target) **float64 { return &t.LngAscNode }},
	{"inclination", func(t *Target) **float64 { return &t.Inclination }},
	{"mean_daily_motion", func(t *Target) **float64 { return &t.MeanDailyMotion }},
	{"semimajor_axis", func(t *Target) **float64 { return &t.SemimajorAxis }},
	{"epoch_of_perihelion", func(t *Target) **float64 { return &t.EpochOfPerihel }},
	{"ephemeris_period", func(t *Target) **float64 { return &t.EphemerisPeriod }},
	{"ephemeris_period_err", func(t *Target) **float64 { return &t.EphemerisPeriodE }},
	{"ephemeris_epoch", func(t *Target) **float64 { return &t.EphemerisEpoch }},
	{"ephemeris_epoch_err", func(t *Target) **float64 { return &t.EphemerisEpochE }},
	{"perihdist", func(t *Target) **float64 { return &t.Perihdist }},
	{"abs_mag", func(t *Target) **float64 { return &t.AbsMag }},
	{"slope", func(t *Target) **float64 { return &t.Slope }},
}

// number finds a number by its name.
func (t *Target) number(name string) **float64 {
	for _, n := range Numbers {
		if n.Name == name {
			return n.Of(t)
		}
	}
	panic("archive: a target has no number " + name)
}

// Object returns who may do what with the target.
func (t *Target) Object() auth.ACL { return auth.ACL{Visibility: t.Visibility, Grants: t.Grants} }

// Names lists the name and the aliases.
func (t *Target) Names() []string {
	names := make([]string, 0, 1+len(t.Aliases))
	names = append(names, t.Name)
	for _, a := range t.Aliases {
		names = append(names, a.Name)
	}
	return names
}

// List is a named list of targets.
type List struct {
	kv.Unknown
	ID      uint64
	Name    string   `kv:"1"`
	Created int64    `kv:"2"`
	Creator uint64   `kv:"3"`
	UID     [16]byte `kv:"4"`
}

// Product is a data product: an uploaded file of a target.
type Product struct {
	kv.Unknown
	ID          uint64
	ProductID   string   `kv:"1"` // "" for none
	Target      uint64   `kv:"2"`
	Observation uint64   `kv:"3"` // 0 for none
	Path        string   `kv:"4"` // below /data/: target/facility/file, unique
	Blob        uint64   `kv:"5"`
	Size        uint64   `kv:"6"`
	SHA         [32]byte `kv:"7"`
	ContentType string   `kv:"8"`
	ExtraData   string   `kv:"9"`
	Type        string   `kv:"10"`
	Facility    string   `kv:"11"` // of the observation
	Creator     uint64   `kv:"12"`
	Groups      []uint64 `kv:"13"`
	Created     int64    `kv:"14"`
	Modified    int64    `kv:"15"`
	UID         [16]byte `kv:"16"`
}

// Holders lists who holds the product, in mode objects.
func (p *Product) Holders() []auth.Grantee { return holders(p.Creator, p.Groups) }

func holders(creator uint64, groups []uint64) []auth.Grantee {
	var list []auth.Grantee
	if creator != 0 {
		list = append(list, auth.UserGrantee(creator))
	}
	for _, g := range groups {
		list = append(list, auth.GroupGrantee(g))
	}
	return list
}

// Datum is a reduced datum: one point of a light curve, one spectrum.
type Datum struct {
	ID       uint64
	Target   uint64
	Code     byte   // of its data type, see kv.WriteTx.GiveCode
	Time     int64  // microseconds of UTC since 1970, days of 86,400 s
	Source   string // source_name
	Location string // source_location
	Value    []byte // JSON as it was sent, without insignificant white space
	Upload   uint64 // the bulk write that added it, 0 for none
	Products []uint64
	// Owners are the users who posted the datum without a product, with the groups they named.
	Owners []Owner

	further string      // fields of a later program, see datumCodec
	known   *knownTexts // for Decode
	form    []byte      // of identityForm
	scratch []byte      // memory for form
	undated bool
	hash    uint32 // of seriesPosition
}

// Owner is a user who posted a datum without a product.
type Owner struct {
	User   uint64
	Groups []uint64
}

// Observation is the record of a planned or finished observation.
type Observation struct {
	kv.Unknown
	ID             uint64
	Target         uint64   `kv:"1"`
	Creator        uint64   `kv:"2"`
	Facility       string   `kv:"3"`
	ObservationID  string   `kv:"4"`
	Status         string   `kv:"5"`
	Parameters     []byte   `kv:"6"` // a JSON object as it was sent
	ScheduledStart *int64   `kv:"7"` // microseconds since 1970
	ScheduledEnd   *int64   `kv:"8"`
	Created        int64    `kv:"9"`
	Modified       int64    `kv:"10"`
	Groups         []uint64 `kv:"11"`
	UID            [16]byte `kv:"12"`
}

// Upload is a bulk write of datums without a file.
type Upload struct {
	kv.Unknown
	ID      uint64
	Creator uint64   `kv:"1"`
	Created int64    `kv:"2"`
	Rows    uint64   `kv:"3"` // how many rows were sent
	UID     [16]byte `kv:"4"`
}
