package auth

import (
	"fmt"
	"slices"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// Visibility says who sees a target besides those with a grant to view it.
type Visibility string

// The values of Visibility, as a TOM names them.
const (
	VisibleToAll      Visibility = "OPEN"    // anyone
	VisibleToSignedIn Visibility = "PUBLIC"  // anyone who is signed in
	VisibleToGranted  Visibility = "PRIVATE" // no others
)

// A Grantee is a user, a group or a class of viewers to whom an object may be visible. Its numbers
// are stored in sets and never change their meaning.
type Grantee uint64

const (
	granteeAnyone = iota
	granteeSignedIn
	granteeUser
	granteeGroup
)

// Anyone is the grantee of objects that all viewers see, SignedIn that of objects that all
// signed-in viewers see.
const (
	Anyone   Grantee = granteeAnyone
	SignedIn Grantee = granteeSignedIn
)

// UserGrantee returns the grantee of one user, GroupGrantee that of the members of a group.
func UserGrantee(id uint64) Grantee  { return Grantee(id<<2 | granteeUser) }
func GroupGrantee(id uint64) Grantee { return Grantee(id<<2 | granteeGroup) }

// User returns the id of a user's grantee, Group that of a group's.
func (g Grantee) User() (id uint64, ok bool)  { return uint64(g >> 2), g&3 == granteeUser }
func (g Grantee) Group() (id uint64, ok bool) { return uint64(g >> 2), g&3 == granteeGroup }

// A Right is a set of bits, which are stored.
type Right uint64

// The rights.
const (
	View      Right = 1
	Change    Right = 2
	Delete    Right = 4
	AllRights Right = View | Change | Delete
)

// WithView adds View to rights that are not empty: nobody can change or delete what they cannot
// see.
func (r Right) WithView() Right {
	if r != 0 {
		r |= View
	}
	return r
}

// A Grant gives rights to a user or a group. View is one of them.
type Grant struct {
	kv.Unknown
	To    Grantee `kv:"1"`
	Right Right   `kv:"2"`
}

// An ACL says who may do what with a target.
type ACL struct {
	Visibility Visibility
	Grants     []Grant
}

// Seers lists the grantees who see the object.
func (o ACL) Seers() []Grantee {
	var list []Grantee
	switch o.Visibility {
	case VisibleToAll:
		list = append(list, Anyone)
	case VisibleToSignedIn:
		list = append(list, SignedIn)
	}
	for _, g := range o.Grants {
		if g.Right&View != 0 && !slices.Contains(list, g.To) {
			list = append(list, g.To)
		}
	}
	return list
}

// Give grants rights to a grantee.
func (o *ACL) Give(to Grantee, r Right) {
	for i := range o.Grants {
		if o.Grants[i].To == to {
			o.Grants[i].Right |= r
			return
		}
	}
	o.Grants = append(o.Grants, Grant{To: to, Right: r})
}

// Set makes the rights of a grantee exactly r. An existing grant keeps its place in the order.
func (o *ACL) Set(to Grantee, r Right) {
	for i := range o.Grants {
		if o.Grants[i].To == to {
			o.Grants[i].Right = r
			return
		}
	}
	o.Give(to, r)
}

// Of returns the rights that were granted to a grantee, 0 for none.
func (o ACL) Of(to Grantee) (r Right) {
	for _, g := range o.Grants {
		if g.To == to {
			r |= g.Right
		}
	}
	return r
}

// Groups lists the groups with a grant, in the order of the grants.
func (o ACL) Groups() []uint64 {
	var ids []uint64
	for _, g := range o.Grants {
		if id, ok := g.To.Group(); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Mode says what decides who sees the records of a target.
type Mode string

// The modes: a TOM's TARGET_PERMISSIONS_ONLY = True and False.
const (
	ModeTargets Mode = "targets"
	ModeObjects Mode = "objects"
)

// Strategy says what guests may do.
type Strategy string

// The strategies: a TOM's READ_ONLY and LOCKED.
const (
	ReadOnly Strategy = "read-only"
	Locked   Strategy = "locked"
)

// Policy holds the rules of a node.
type Policy struct {
	Mode     Mode
	Strategy Strategy
}

// ParseMode parses a mode as written on the command line and in the settings.
func ParseMode(s string) (Mode, error) {
	if m := Mode(s); m == ModeTargets || m == ModeObjects {
		return m, nil
	}
	return "", fmt.Errorf("%q is neither %q nor %q", s, ModeTargets, ModeObjects)
}

// ParseStrategy parses a strategy.
func ParseStrategy(s string) (Strategy, error) {
	if m := Strategy(s); m == ReadOnly || m == Locked {
		return m, nil
	}
	return "", fmt.Errorf("%q is neither %q nor %q", s, ReadOnly, Locked)
}

// A Viewer is the user, or guest, on whose behalf a request is made. The zero Viewer is a guest.
type Viewer struct {
	ID        uint64 // of the user; 0 for a guest and for the owner of the file
	Name      string
	Superuser bool
	Owner     bool // the owner of the file, at the command line
	Groups    []uint64
	Token     uint64 // the token that was used, 0 for none
	Session   bool   // the token is that of a session, from a cookie
	ReadOnly  bool   // the token may not write
	Addr      string // the address of the client
	Action    string // the request, for the log

	// password is the stored form of the password that the viewer gave, "" for none. The viewer
	// ends when the user's password changes (see Auth.Current).
	password string
}

// FileOwner returns the viewer of the command line on the file itself.
func FileOwner() Viewer { return Viewer{Name: "owner", Owner: true, Superuser: true} }

// Guest reports whether nobody is signed in.
func (v Viewer) Guest() bool { return v.ID == 0 && !v.Owner }

// Everything reports whether the viewer sees and may do everything.
func (v Viewer) Everything() bool { return v.Superuser || v.Owner }

// Grantees lists the grantees that the viewer is or belongs to, Anyone first. It does not matter
// for viewers who see everything.
func (v Viewer) Grantees() []Grantee {
	list := []Grantee{Anyone}
	if v.Guest() {
		return list
	}
	list = append(list, SignedIn, UserGrantee(v.ID))
	for _, g := range v.Groups {
		list = append(list, GroupGrantee(g))
	}
	return list
}

// Is reports whether the viewer is, or belongs to, a grantee.
func (v Viewer) Is(g Grantee) bool {
	if id, ok := g.User(); ok {
		return !v.Guest() && !v.Owner && id == v.ID
	}
	if id, ok := g.Group(); ok {
		return slices.Contains(v.Groups, id)
	}
	return g == Anyone || g == SignedIn && !v.Guest()
}

// MayWrite refuses guests and read-only tokens.
func (p Policy) MayWrite(v Viewer) error {
	switch {
	case v.Guest():
		return problem.ErrNotSignedIn
	case v.ReadOnly:
		return ErrReadOnlyToken
	}
	return nil
}

// Admits reports whether the viewer may see anything.
func (p Policy) Admits(v Viewer) bool { return !v.Guest() || p.Strategy != Locked }

// Sees reports whether the viewer sees a target.
func (p Policy) Sees(v Viewer, target ACL) bool {
	if v.Everything() {
		return true
	}
	return p.Admits(v) && slices.ContainsFunc(target.Seers(), v.Is)
}

// SeesHeld reports whether the viewer sees a record of a target with some holders: in mode targets
// if they see the target, in mode objects if they are among the holders, whether or not they see
// the target.
func (p Policy) SeesHeld(v Viewer, target ACL, holders []Grantee) bool {
	if p.Mode == ModeTargets || v.Everything() {
		return p.Sees(v, target)
	}
	return p.Admits(v) && slices.ContainsFunc(holders, v.Is)
}

// May reports whether the viewer may change or delete a target, or add records to it (Change). It
// does not check whether the viewer sees it.
func (p Policy) May(v Viewer, r Right, target ACL) bool {
	if p.MayWrite(v) != nil {
		return false
	}
	return v.Holds(r, target)
}

// Holds reports whether the viewer has a right on a target, even with a read-only token.
func (v Viewer) Holds(r Right, target ACL) bool {
	return v.Everything() ||
		slices.ContainsFunc(target.Grants, func(g Grant) bool { return g.Right&r == r && v.Is(g.To) })
}

// Rights returns the rights that the viewer was granted on a target, even with a read-only token.
func (v Viewer) Rights(target ACL) (r Right) {
	for _, one := range []Right{View, Change, Delete} {
		if v.Holds(one, target) {
			r |= one
		}
	}
	return r
}

// MayDeleteHeld reports whether the viewer may delete a visible record of a target: in mode targets
// if they may change the target; in mode objects if they created the record, or hold it through a
// group and see the target.
func (p Policy) MayDeleteHeld(v Viewer, target ACL, holders []Grantee) bool {
	if p.MayWrite(v) != nil {
		return false
	}
	if v.Everything() {
		return true
	}
	if p.Mode == ModeTargets {
		return p.May(v, Change, target)
	}
	sees := p.Sees(v, target)
	return slices.ContainsFunc(holders, func(g Grantee) bool {
		_, creator := g.User()
		return v.Is(g) && (creator || sees)
	})
}

// MayCancel reports whether the viewer may cancel a visible observation of a target: if they
// recorded it, or may delete such a record.
func (p Policy) MayCancel(v Viewer, target ACL, holders []Grantee) bool {
	own := func(g Grantee) bool { _, user := g.User(); return user && v.Is(g) }
	return p.MayWrite(v) == nil && slices.ContainsFunc(holders, own) || p.MayDeleteHeld(v, target, holders)
}

// MayName reports whether the viewer may see a group and grant rights to it: superusers all groups,
// others their own.
func (v Viewer) MayName(group uint64) bool { return v.Everything() || slices.Contains(v.Groups, group) }
