package torture

import (
	"crypto/sha256"
	"sync"
	"time"
)

// A Ledger is what was asked of a node and what it acknowledged, with the times of both. It may be
// used by several goroutines.
type Ledger struct {
	mu    sync.Mutex
	items []*item
}

type kind int

const (
	aTarget kind = iota
	aDatum
	aProduct
	aStream
	aUser
	anObservation
	kinds // how many there are
)

// An item is something that a Load made: a target, a datum of its own, a data product with its
// data, what a stream of lines brought, a user, or an observation.
type item struct {
	kind  kind
	id    uint64   // once it is known
	round int      // of the load that made it
	names []naming // of a target or user: what it was, the first when it was made
	value string   // of a datum: its value as it was sent; of an observation its parameters
	// name is of a datum its mark, of a product its product id, of a stream its source, of an
	// observation its id.
	name  string
	rows  int         // of a product or stream: data
	shape string      // of a target or user, when it was made
	of    *item       // of a stream: its target
	is    targetShape // of a target of any size: what the last change makes of it
	sum   [sha256.Size]byte
	made  change
	gone  change
	sure  bool // what it is was compared after the last change, and is known
}

// A change is a request that writes.
type change struct {
	begun, done time.Time // done is zero if there was no answer
	refused     bool      // there was an answer, and it was no
}

// naming is a change of a target or user: its name, and the rest of what is compared, in words.
type naming struct {
	name, shape string
	change
}

// A Moment is a time that is known to lie between two others.
type Moment struct{ From, To time.Time }

// At is a moment that is known exactly.
func At(t time.Time) Moment { return Moment{t, t} }

// certainty is what the ledger can say of something.
type certainty int

const (
	no certainty = iota
	maybe
	yes
)

// by says whether a change had been made at a moment. One without an answer may have been or not.
func (c change) by(at Moment) certainty {
	switch {
	case c.refused || c.begun.IsZero() || c.begun.After(at.To):
		return no
	case c.done.IsZero() || c.done.After(at.From):
		return maybe
	}
	return yes
}

// there says whether an item is there at a time.
func (it *item) there(at Moment) certainty {
	if made := it.made.by(at); made != yes {
		return made
	}
	switch it.gone.by(at) {
	case yes:
		return no
	case maybe:
		return maybe
	}
	return yes
}

// called lists what a target or user may be at a time.
func (it *item) called(at Moment) (may []naming) {
	for _, n := range it.names {
		switch n.by(at) {
		case yes:
			may = []naming{n}
		case maybe:
			may = append(may, n)
		}
	}
	return may
}

// begin notes that an item is about to be made.
func (l *Ledger) begin(it *item) *item {
	l.mu.Lock()
	defer l.mu.Unlock()
	it.made.begun = time.Now()
	if it.kind == aTarget || it.kind == aUser {
		it.names = []naming{{it.name, it.shape, it.made}}
	}
	l.items = append(l.items, it)
	return it
}

// note changes what is known of an item.
func (l *Ledger) note(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

// before lists what earlier rounds left of a kind.
func (l *Ledger) before(round int, k kind) (list []*item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := At(time.Now())
	for _, it := range l.items {
		if it.kind == k && it.round < round && it.there(now) == yes {
			list = append(list, it)
		}
	}
	return list
}

// settle makes what was found of an item what it is from now on.
func (it *item) settle(there bool, found naming, at Moment) {
	it.sure = true
	if it.there(at) == maybe {
		if c := it.made.by(at); c == maybe {
			it.made.done, it.made.refused = at.To, !there
		} else {
			it.gone.done, it.gone.refused = at.To, there
		}
	}
	if there && it.names != nil {
		it.names = []naming{{found.name, found.shape, change{begun: it.made.begun, done: it.made.begun}}}
	}
}

// Count says how many writes were acknowledged in a round, and how many had no answer.
func (l *Ledger) Count(round int) (acknowledged, unanswered int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := func(c change) {
		switch {
		case c.begun.IsZero() || c.refused:
		case c.done.IsZero():
			unanswered++
		default:
			acknowledged++
		}
	}
	for _, it := range l.items {
		if it.round != round {
			continue
		}
		count(it.made)
		count(it.gone)
		for i := 1; i < len(it.names); i++ {
			count(it.names[i].change)
		}
	}
	return acknowledged, unanswered
}
