package archive

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// Every record is bounded, so that no request can fill the disk or the memory, or make a key longer
// than the 32,768 bytes that package kv allows. docs/run/security.md has the same list of limits,
// and TestLimitsPage compares the two.

// Limits of texts, in characters.
const (
	MaxName          = 100 // of a target, and of an alias
	MaxExtraKey      = 200
	MaxListName      = 200
	MaxType          = 100 // of datums
	MaxSource        = 100
	MaxLocation      = 200
	MaxProductID     = 255
	MaxFileName      = 100
	MaxFacility      = 50
	MaxObservationID = 255
	MaxStatus        = 200
	maxTOMName       = 100
)

// Limits in bytes.
const (
	MaxTarget     = 64 << 10 // of a target's record, with its aliases, tags, lists and grants
	MaxExtraValue = 4 << 10
	MaxExtraData  = 64 << 10 // of a product
	MaxParameters = 64 << 10 // of an observation, without blanks
	// of a datum, without blanks: it fits into a body of 8 MiB, and its exported line into the 16
	// MiB that an import takes
	MaxValue       = 7 << 20
	maxExtraFields = 64 << 10
	maxDataType    = 50 // of a data type in the settings
)

// Limits of numbers.
const (
	MaxAliases   = 1000
	MaxExtras    = 1000
	MaxLists     = 1000
	MaxGroups    = 1000 // with which a record is shared
	maxDataTypes = 64   // a type's code is a byte and never used again
)

// A Limit is a row of the list of limits.
type Limit struct {
	Of   string
	Most string
	Told string // the answer beyond the limit, besides the field's name
}

const (
	saysCharacters = "Ensure this field has no more than %d characters."
	saysBytes      = "Ensure this field has no more than %d bytes."
	saysElements   = "Ensure this field has no more than %d elements."
	saysTarget     = "A target takes at most %d bytes in all, with its aliases, tags, lists and groups; this one " +
		"would take %d."
)

// Limits lists all limits of what is stored.
var Limits = func() []Limit {
	characters := func(of string, n int) Limit {
		return Limit{of, fmt.Sprintf("%d characters", n), fmt.Sprintf(saysCharacters, n)}
	}
	bytes := func(of string, n int) Limit {
		return Limit{of, fmt.Sprintf("%d bytes", n), fmt.Sprintf(saysBytes, n)}
	}
	elements := func(of string, n int) Limit {
		return Limit{of, fmt.Sprint(n), fmt.Sprintf(saysElements, n)}
	}
	return []Limit{
		{"a target in all", fmt.Sprintf("%d bytes", MaxTarget),
			"A target takes at most … bytes in all, with its aliases, tags, lists and groups; this one would take …."},
		characters("name and alias of a target", MaxName),
		elements("aliases of a target", MaxAliases),
		elements("tags of a target", MaxExtras),
		characters("key of a tag", MaxExtraKey),
		bytes("value of a tag", MaxExtraValue),
		elements("lists of a target", MaxLists),
		characters("name of a list of targets", MaxListName),
		elements("groups of a target, product, datum or observation", MaxGroups),
		bytes("value of a datum, without blanks", MaxValue),
		characters("source_name of a datum", MaxSource),
		characters("source_location of a datum", MaxLocation),
		characters("product_id of a product", MaxProductID),
		{"name of a product's file", fmt.Sprintf("%d characters", MaxFileName),
			"Ensure this filename has at most … characters (it has …)."},
		bytes("extra_data of a product", MaxExtraData),
		characters("facility of an observation", MaxFacility),
		characters("observation_id of an observation", MaxObservationID),
		characters("status of an observation", MaxStatus),
		bytes("observing_parameters of an observation, without blanks", MaxParameters),
		characters("name of a user", auth.MaxUserName),
		{"password", fmt.Sprintf("%d bytes", auth.MaxPassword),
			"Ensure this field has no more than 1024 bytes in UTF-8."},
		elements("groups of a user", auth.MaxUserGroups),
		characters("name of a group", auth.MaxGroupName),
		characters("name of a token", auth.MaxTokenName),
		{"tokens by token-auth, and sessions, of a user", fmt.Sprintf("%d of each", auth.MaxMinted),
			"the least recently used ends"},
		{"setting data_product_types", fmt.Sprintf("%d types of %d characters", maxDataTypes, maxDataType),
			"what it must be"},
		{"data types that a file ever had", "255", "no number is left for the type"},
		{"setting extra_fields", fmt.Sprintf("%d bytes", maxExtraFields), "what it must be"},
		{"setting tom_name", fmt.Sprintf("%d characters", maxTOMName), "what it must be"},
		{"user name, address and action in the log", fmt.Sprintf("%d bytes", kv.MaxAuthorText),
			"nothing: it is cut, and ends with …"},
	}
}()

// tooManyElements adds a problem when a list of the input has more than most items.
func tooManyElements(p *problem.List, field string, n, most int) {
	if n > most && !p.Within(field) {
		p.Add(field, saysElements, most)
	}
}

// tooManyBytes adds a problem when a field has more than most bytes.
func tooManyBytes(p *problem.List, path string, n, most int) {
	if n > most && !p.Has(path) {
		p.Add(path, saysBytes, most)
	}
}

// tooManyCharacters adds a problem when a field has more than most characters.
func tooManyCharacters(p *problem.List, path, text string, most int) {
	if len(text) > most && utf8.RuneCountInString(text) > most && !p.Has(path) {
		p.Add(path, saysCharacters, most)
	}
}

// checkLimits adds problems for what is too large in an input for a target, and returns how many
// problems p then has.
func (in *TargetInput) checkLimits(p *problem.List) int {
	tooManyElements(p, "aliases", len(in.Aliases), MaxAliases)
	tooManyElements(p, "targetextra_set", len(in.Extras), MaxExtras)
	tooManyElements(p, "target_lists", len(in.Lists), MaxLists)
	tooManyElements(p, "groups", len(in.Groups), MaxGroups)
	tooManyCharacters(p, "name", in.Name.Value, MaxName)
	for i, a := range in.Aliases {
		tooManyCharacters(p, pathOf("aliases", i, "name"), a.Name, MaxName)
	}
	for i, e := range in.Extras {
		tooManyCharacters(p, pathOf("targetextra_set", i, "key"), e.Key, MaxExtraKey)
		tooManyBytes(p, pathOf("targetextra_set", i, "value"), len(e.Value), MaxExtraValue)
	}
	return len(p.All())
}

// checkSize adds problems for a target that would have too many parts, or be too large.
func (pl *targetPlan) checkSize(p *problem.List, maker uint64) {
	t := *pl.t
	t.Aliases, t.Extras, t.Lists = slices.Clone(t.Aliases), slices.Clone(t.Extras), slices.Clone(t.Lists)
	for i := range t.Aliases {
		t.Aliases[i].ID = max(t.Aliases[i].ID, kv.MaxID) // new ones have none yet
	}
	for i := range t.Extras {
		t.Extras[i].ID = max(t.Extras[i].ID, kv.MaxID)
	}
	for _, l := range pl.in.Lists {
		if l.Name != "" || !slices.Contains(t.Lists, l.ID) {
			t.Lists = append(t.Lists, kv.MaxID)
		}
	}
	o := auth.ACL{Grants: slices.Clone(t.Grants)}
	if t.ID == 0 {
		o.Give(auth.UserGrantee(maker), auth.AllRights)
	}
	for i, g := range pl.groups {
		if g.ID == 0 {
			g.ID = kv.MaxID - uint64(i) // a new group
		}
		o.Give(auth.GroupGrantee(g.ID), auth.AllRights)
	}
	t.Grants = o.Grants
	t.Created, t.Modified, t.Named, t.UID = -1<<62, -1<<62, kv.MaxID, [16]byte{1}
	tooManyElements(p, "aliases", len(t.Aliases), MaxAliases)
	tooManyElements(p, "targetextra_set", len(t.Extras), MaxExtras)
	tooManyElements(p, "target_lists", len(t.Lists), MaxLists)
	tooManyElements(p, "groups", len(o.Groups()), MaxGroups)
	if n := targets.Size(&t); n > MaxTarget && p.Err() == nil {
		p.Add("", saysTarget, MaxTarget, n)
	}
}
