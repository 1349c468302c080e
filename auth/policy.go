package auth

import (
	"fmt"
	"slices"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// Visibility says who sees a target beside those to whom view was granted.
type Visibility string

// The values of Visibility, as a TOM names them.
const (
	VisibleToAll      Visibility = "OPEN"    // anyone
	VisibleToSignedIn Visibility = "PUBLIC"  // anyone who is signed in
	VisibleToGranted  Visibility = "PRIVATE" // nobody else
)

// A Grantee is somebody in whose list an object may stand. It is stored in sets: its numbers never
// change their meaning.
type Grantee uint64

const (
	granteeAnyone = iota
	granteeSignedIn
	granteeUser
	granteeGroup
)

// Anyone and SignedIn are the grantees of objects that are open to all, or to all who are signed
// in.
const (
	Anyone   Grantee = granteeAnyone
	SignedIn Grantee = granteeSignedIn
)

// UserGrantee and GroupGrantee are one user, and the members of one group.
func UserGrantee(id uint64) Grantee  { return Grantee(id<<2 | granteeUser) }
func GroupGrantee(id uint64) Grantee { return Grantee(id<<2 | granteeGroup) }

// User is the user's id, if it is one; Group the group's.
func (g Grantee) User() (id uint64, ok bool)  { return uint64(g >> 2), g&3 == granteeUser }
func (g Grantee) Group() (id uint64, ok bool) { return uint64(g >> 2), g&3 == granteeGroup }

// A Right is something that may be granted on an object. Rights are bits and are stored.
type Right uint64

// The rights.
const (
	View      Right = 1
	Change    Right = 2
	Delete    Right = 4
	AllRights Right = View | Change | Delete
)

// A Grant gives rights to a user or a group.
type Grant struct {
	kv.Unknown
	To    Grantee `kv:"1"`
	Right Right   `kv:"2"`
}

// An ACL is who may do what with a target.
type ACL struct {
	Visibility Visibility
	Grants     []Grant
}

// Seers are the grantees in whose lists the object stands.
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

// Give adds rights for a grantee.
func (o *ACL) Give(to Grantee, r Right) {
	for i := range o.Grants {
		if o.Grants[i].To == to {
			o.Grants[i].Right |= r
			return
		}
	}
	o.Grants = append(o.Grants, Grant{To: to, Right: r})
}

// Groups are the groups to which something was granted, in the order in which that was done.
func (o ACL) Groups() []uint64 {
	var ids []uint64
	for _, g := range o.Grants {
		if id, ok := g.To.Group(); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Mode says what the visibility of data follows.
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

// Policy is the rules of a node.
type Policy struct {
	Mode     Mode
	Strategy Strategy
}

// ParseMode and ParseStrategy read a mode and a strategy as they are written on the command line
// and in the settings.
func ParseMode(s string) (Mode, error) {
	if m := Mode(s); m == ModeTargets || m == ModeObjects {
		return m, nil
	}
	return "", fmt.Errorf("%q is neither %q nor %q", s, ModeTargets, ModeObjects)
}

// ParseStrategy reads a strategy.
func ParseStrategy(s string) (Strategy, error) {
	if m := Strategy(s); m == ReadOnly || m == Locked {
		return m, nil
	}
	return "", fmt.Errorf("%q is neither %q nor %q", s, ReadOnly, Locked)
}

// A Viewer is on whose behalf something is asked. The zero Viewer is a guest.
type Viewer struct {
	ID        uint64 // the user's; 0 for a guest and for the owner of the file
	Name      string
	Superuser bool
	Owner     bool // the owner of the file, at the command line
	Groups    []uint64
	Token     uint64 // the token that was used, 0 for none
	Session   bool   // the token is a session's, from a cookie
	ReadOnly  bool   // the token may not write
	Addr      string // the address that asks
	Action    string // what is being asked, for the log

	// password is the stored form of the password that was given, "" when there was none: when the
	// user has another one, the viewer has ended (see Auth.Current).
	password string
}

// FileOwner is who sits at the command line.
func FileOwner() Viewer { return Viewer{Name: "owner", Owner: true, Superuser: true} }

// Guest says whether nobody is signed in.
func (v Viewer) Guest() bool { return v.ID == 0 && !v.Owner }

// Everything says whether the viewer sees and may do everything.
func (v Viewer) Everything() bool { return v.Superuser || v.Owner }

// Grantees are those in whose lists the viewer may look, Anyone first; of no use for viewers who
// see everything.
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

// Is says whether the viewer is, or belongs to, a grantee.
func (v Viewer) Is(g Grantee) bool {
	if id, ok := g.User(); ok {
		return !v.Guest() && !v.Owner && id == v.ID
	}
	if id, ok := g.Group(); ok {
		return slices.Contains(v.Groups, id)
	}
	return g == Anyone || g == SignedIn && !v.Guest()
}

// MayWrite refuses those who write nothing at all: guests, and tokens that only read.
func (p Policy) MayWrite(v Viewer) error {
	switch {
	case v.Guest():
		return problem.ErrNotSignedIn
	case v.ReadOnly:
		return ErrReadOnlyToken
	}
	return nil
}

// Admits says whether the viewer may ask anything at all.
func (p Policy) Admits(v Viewer) bool { return !v.Guest() || p.Strategy != Locked }

// Sees says whether the viewer sees a target.
func (p Policy) Sees(v Viewer, target ACL) bool {
	if v.Everything() {
		return true
	}
	return p.Admits(v) && slices.ContainsFunc(target.Seers(), v.Is)
}

// SeesHeld says whether the viewer sees what hangs on a target and is held by some.
func (p Policy) SeesHeld(v Viewer, target ACL, holders []Grantee) bool {
	if !p.Sees(v, target) {
		return false
	}
	return p.Mode == ModeTargets || v.Everything() || slices.ContainsFunc(holders, v.Is)
}

// May says whether the viewer may change or delete a target, or add data to it (Change). It says
// nothing about seeing it.
func (p Policy) May(v Viewer, r Right, target ACL) bool {
	if p.MayWrite(v) != nil {
		return false
	}
	return v.Holds(r, target)
}

// Holds says whether the viewer was granted a right on a target, though perhaps with a token that
// only reads.
func (v Viewer) Holds(r Right, target ACL) bool {
	return v.Everything() ||
		slices.ContainsFunc(target.Grants, func(g Grant) bool { return g.Right&r == r && v.Is(g.To) })
}

// MayDeleteHeld says whether the viewer, who sees it, may delete what hangs on a target: in mode
// targets who may change the target, in mode objects who holds it.
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
	return slices.ContainsFunc(holders, v.Is)
}

// MayName refuses groups that the viewer may not give rights to: those that are not his own.
func (v Viewer) MayName(group uint64) bool { return v.Everything() || slices.Contains(v.Groups, group) }
