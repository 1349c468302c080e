package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// standardTypes lists a TOM's data types, in the order of their codes.
var standardTypes = []string{"photometry", "fits_file", "spectroscopy", "image_file"}

// astrometry is a type of datums in TOM Toolkit 3, but not of data products.
const astrometry = "astrometry"

// A Setting is an option of the node. It is stored in the file, and changes are logged.
type Setting struct {
	Name  string
	Help  string
	Value string // the current value
	// Default is the value in a new file.
	Default string
}

type settingSpec struct {
	name, help, standard string
	check                func(string) error
}

var settingSpecs = []settingSpec{
	{auth.SettingMode, "What decides who sees datums, products and observations: targets, or objects (creator and " +
		"named groups).", string(auth.ModeTargets),
		func(s string) error { _, err := auth.ParseMode(s); return err }},
	{auth.SettingStrategy, "What guests may do: read-only (read open targets) or locked (nothing).",
		string(auth.ReadOnly),
		func(s string) error { _, err := auth.ParseStrategy(s); return err }},
	{"target_default_permission", "The visibility of a new target that gives none: PRIVATE, PUBLIC or OPEN.",
		string(auth.VisibleToGranted), checkVisibility},
	{"tom_name", "The node's name, shown on its pages.", "Nightjar", checkShort},
	{settingTypes, "The types of data products and datums, separated by commas; they must include a " +
		"TOM's four. Unless this is set, datums can also be astrometry.",
		strings.Join(standardTypes, ","), checkTypes},
	{settingLogKeep, "How long log entries are kept: forever, or a number of hours, days, weeks, months or " +
		"years, such as 12h, 90d, 12w, 6m or 1y.", keepForever, checkKeep},
	{"extra_fields", "The tags that forms propose for targets: a JSON list of objects with name and type " +
		"(number, string, boolean or datetime).", "[]", checkExtraFields},
}

func checkVisibility(s string) error {
	switch auth.Visibility(s) {
	case auth.VisibleToAll, auth.VisibleToSignedIn, auth.VisibleToGranted:
		return nil
	}
	return errors.New("it must be PRIVATE, PUBLIC or OPEN")
}

func checkShort(s string) error {
	if strings.TrimSpace(s) == "" || utf8.RuneCountInString(s) > maxTOMName {
		return fmt.Errorf("it must have 1 to %d characters", maxTOMName)
	}
	return nil
}

func checkTypes(s string) error {
	list := strings.Split(s, ",")
	for i, t := range list {
		ok := t != "" && len(t) <= maxDataType && t != AutoType
		for _, r := range t {
			ok = ok && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_')
		}
		if !ok || slices.Contains(list[:i], t) {
			return errors.New("it must be a list of different names of lower case letters, digits and underscores")
		}
	}
	for _, t := range standardTypes {
		if !slices.Contains(list, t) {
			return errors.New(t + " must be in the list")
		}
	}
	if len(list) > maxDataTypes {
		return fmt.Errorf("it must have at most %d types", maxDataTypes)
	}
	return nil
}

func checkExtraFields(s string) error {
	if len(s) > maxExtraFields {
		return fmt.Errorf("it must have at most %d bytes", maxExtraFields)
	}
	var fields []struct {
		Name    string `json:"name"`
		Type    string `json:"type"`
		Default any    `json:"default"`
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	if err := d.Decode(&fields); err != nil || d.More() {
		return errors.New("it must be a JSON list of objects with name and type")
	}
	for _, f := range fields {
		if f.Name == "" || utf8.RuneCountInString(f.Name) > MaxExtraKey ||
			!slices.Contains([]string{"number", "string", "boolean", "datetime"}, f.Type) {
			return errors.New("each field needs a name, and one of the types number, string, boolean and datetime")
		}
	}
	return nil
}

// Settings lists all settings. Superusers only.
func (s *Session) Settings() (list []Setting, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		if err := s.superuser(); err != nil {
			return err
		}
		for _, spec := range settingSpecs {
			value, err := setting(tx, spec.name)
			if err != nil {
				return err
			}
			list = append(list, Setting{spec.name, spec.help, value, spec.standard})
		}
		return nil
	})
	return list, err
}

// refuse tells a guest to sign in, and others that they are not allowed.
func (s *Session) refuse() error {
	if s.v.Guest() {
		return problem.ErrNotSignedIn
	}
	return problem.ErrForbidden
}

// Setting reads one setting. Superusers only. Error: NotFound.
func (s *Session) Setting(name string) (Setting, error) {
	list, err := s.Settings()
	if err != nil {
		return Setting{}, err
	}
	for _, x := range list {
		if x.Name == name {
			return x, nil
		}
	}
	return Setting{}, problem.Missing("Setting")
}

// SetSetting changes a setting. Superusers only. Errors: NotFound; *problem.List.
func (s *Session) SetSetting(ctx context.Context, name, value string) (Setting, error) {
	if _, err := s.Setting(name); err != nil {
		return Setting{}, err
	}
	for _, spec := range settingSpecs {
		if spec.name != name {
			continue
		}
		if err := spec.check(value); err != nil {
			return Setting{}, problem.Invalid("value", "%s: %v.", name, err)
		}
	}
	update := s.update
	if name == settingLogKeep {
		update = s.free // it frees space on a full disk
	}
	err := update(ctx, func(s *Session, tx *kv.WriteTx) error {
		if err := s.superuser(); err != nil {
			return err
		}
		if name == settingTypes {
			for _, t := range strings.Split(value, ",") {
				if _, err := tx.GiveCode(codeDataType, t); err != nil {
					return err
				}
			}
		}
		return tx.SetSetting(name, value)
	})
	if err == nil {
		err = s.a.auth.LoadPolicy()
	}
	if name == settingLogKeep {
		s.a.keeper.kick()
	}
	if err != nil {
		return Setting{}, err
	}
	return s.Setting(name)
}

// settingTypes has the types of data products and datums.
const settingTypes = "data_product_types"

// setting returns the value of a setting, or its default.
func setting(tx *kv.Tx, name string) (string, error) {
	value, ok, err := tx.Setting(name)
	if err == nil && !ok {
		for _, spec := range settingSpecs {
			if spec.name == name {
				value = spec.standard
			}
		}
	}
	return value, err
}

// FirstSettings stores the permissions mode and strategy at the first start of a node; "" means the
// default. It refuses other values than those already stored, and names the command that changes
// them.
func (a *Archive) FirstSettings(ctx context.Context, wanted map[string]string) error {
	owner := a.For(auth.FileOwner())
	for _, name := range []string{auth.SettingMode, auth.SettingStrategy} {
		var stored string
		var known bool
		err := a.db.View(func(tx *kv.Tx) (err error) { stored, known, err = tx.Setting(name); return err })
		if err != nil {
			return err
		}
		want := wanted[name]
		switch {
		case known && want != "" && want != stored:
			return problem.Invalid("",
				"the file has %s = %s, not %s; to change it: nightjar settings set %s %s", name, stored,
				want, name, want)
		case known:
		case want == "":
			value, err := owner.Setting(name)
			if err != nil {
				return err
			}
			want = value.Value
			fallthrough
		default:
			if _, err := owner.SetSetting(ctx, name, want); err != nil {
				return err
			}
		}
	}
	return nil
}

// defaultVisibility returns the visibility of a new target that gives none.
func defaultVisibility(tx *kv.Tx) (auth.Visibility, error) {
	v, err := setting(tx, "target_default_permission")
	return auth.Visibility(v), err
}

// Name returns the name of the node.
func (a *Archive) Name() (name string, err error) {
	err = a.db.View(func(tx *kv.Tx) error { name, err = setting(tx, "tom_name"); return err })
	return name, err
}

// DataTypes lists the types that datums can have.
func (a *Archive) DataTypes() (list []string, err error) {
	err = a.db.View(func(tx *kv.Tx) error { list, err = dataTypes(tx); return err })
	return list, err
}

// productTypes lists the types that data products can have.
func productTypes(tx *kv.Tx) ([]string, error) {
	v, err := setting(tx, settingTypes)
	return strings.Split(v, ","), err
}

// dataTypes lists the types that datums can have: those of data products, and astrometry unless the
// types are set.
func dataTypes(tx *kv.Tx) ([]string, error) {
	list, err := productTypes(tx)
	if err == nil {
		var set bool
		if _, set, err = tx.Setting(settingTypes); !set {
			list = append(list, astrometry)
		}
	}
	return list, err
}

// typeCache caches the names of data types by their codes. A code never changes its meaning.
type typeCache struct {
	mu sync.RWMutex
	of [256]string
}

func (c *typeCache) name(tx *kv.Tx, code byte) (string, error) {
	c.mu.RLock()
	name := c.of[code]
	c.mu.RUnlock()
	if name != "" {
		return name, nil
	}
	name, err := tx.CodeText(codeDataType, code)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	c.of[code] = name
	c.mu.Unlock()
	return name, nil
}

// The certificate of a node on a local network, and its key, are stored as settings that the
// settings API does not show.
const (
	settingCertificate = "tls_certificate"
	settingKey         = "tls_key"
)

// Certificate returns the node's own certificate and its key, both PEM; "" for none. It is for the
// program that serves the file.
func (a *Archive) Certificate() (certificate, key string, err error) {
	err = a.db.View(func(tx *kv.Tx) error {
		if certificate, _, err = tx.Setting(settingCertificate); err == nil {
			key, _, err = tx.Setting(settingKey)
		}
		return err
	})
	return certificate, key, err
}

// SetCertificate stores the node's certificate and its key.
func (a *Archive) SetCertificate(ctx context.Context, certificate, key string) error {
	author := auth.FileOwner().Author()
	author.Action = "new certificate"
	return a.db.Update(ctx, author, func(tx *kv.WriteTx) error {
		if err := tx.SetSetting(settingCertificate, certificate); err != nil {
			return err
		}
		return tx.SetSetting(settingKey, key)
	})
}

// Certificate returns the node's own certificate, PEM. Superusers only. Error: NotFound when there
// is none.
func (s *Session) Certificate() (string, error) {
	if err := s.superuser(); err != nil {
		return "", err
	}
	certificate, _, err := s.a.Certificate()
	if err == nil && certificate == "" {
		err = &problem.Error{Kind: problem.NotFound,
			Message: "This node has no certificate of its own: serve --lan makes one."}
	}
	return certificate, err
}
