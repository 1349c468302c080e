package torture

import (
	"crypto/sha256"
	"sync"
	"time"
)

// A Ledger records the writes sent to a node and those it acknowledged, with the times of both. It
// may be used by several goroutines.
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
	kinds // their number
)

// An item is something that a Load created: a target, a single datum, a data product with its
// datums, the datums of a stream of lines, a user, or an observation.
type item struct {
	kind  kind
	id    uint64   // 0 until it is known
	round int      // of the load that created it
	names []naming // of a target or user: all it has been, from its creation on
	value string   // of a datum: its value as sent; of an observation: its parameters
	// name is the mark of a datum, the product id of a product, the source of a stream, or the id
	// of an observation.
	name  string
	rows  int         // of a product or stream: its datums
	shape string      // of a target or user, when it was created
	of    *item       // of a stream: its target
	is    targetShape // of a target of any size: its state after the last change
	sum   [sha256.Size]byte
	made  change
	gone  change
	known bool // compared since the last change
}

// A change is a request that writes.
type change struct {
	begun, done time.Time // done is zero without an answer
	refused     bool      // the answer was a refusal
}

// naming is a change of a target or user: the name, and as text everything else that is compared.
type naming struct {
	name, shape string
	change
}

// A Moment is a time known to be between two others.
type Moment struct{ From, To time.Time }

// At returns a moment that is known exactly.
func At(t time.Time) Moment { return Moment{t, t} }

// certainty is what the ledger knows of a statement.
type certainty int

const (
	no certainty = iota
	maybe
	yes
)

// by reports whether a change had been made at a moment. Without an answer it is maybe.
func (c change) by(at Moment) certainty {
	switch {
	case c.refused || c.begun.IsZero() || c.begun.After(at.To):
		return no
	case c.done.IsZero() || c.done.After(at.From):
		return maybe
	}
	return yes
}

// exists reports whether an item exists at a moment.
func (it *item) exists(at Moment) certainty {
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

// called lists what a target or user may be at a moment.
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

// begin notes that an item is about to be created.
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

// note runs fn, which changes items.
func (l *Ledger) note(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

// before lists the items of a kind that earlier rounds left.
func (l *Ledger) before(round int, k kind) (list []*item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := At(time.Now())
	for _, it := range l.items {
		if it.kind == k && it.round < round && it.exists(now) == yes {
			list = append(list, it)
		}
	}
	return list
}

// resolve takes what was found of an item as the truth from now on.
func (it *item) resolve(there bool, found naming, at Moment) {
	it.known = true
	if it.exists(at) == maybe {
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

// Count returns how many writes of a round were acknowledged, and how many had no answer.
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
