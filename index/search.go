package index

import (
	"context"
	"errors"
	"slices"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	indexapi "github.com/blevesearch/bleve_index_api"
)

// Contains returns the ids, ascending, of the targets with a name that may contain text, in any
// case. No such target of the state Mark is missing, but there may be others, so the caller checks
// each.
//
// If the index cannot answer, ok is false, and the caller scans. This happens if text is shorter
// than three runes, if there are more than max candidates, if the index is empty, being filled,
// broken or closed, or if ctx has ended. Contains needs memory of up to about 300 bytes times max.
func (x *Index) Contains(ctx context.Context, text string, max int) (ids []uint64, ok bool) {
	return x.propose(ctx, gramQuery(text), max)
}

// Simplified returns the ids, ascending, of the targets with a name that may have the same
// simplified form as text. ids and ok are as for [Index.Contains], but text may be short: only a
// text with an empty simplified form is not answered. The caller checks that Simplify(name) is
// Simplify(text).
func (x *Index) Simplified(ctx context.Context, text string) (ids []uint64, ok bool) {
	simple := Simplify(text)
	if simple == "" {
		return nil, false
	}
	return x.propose(ctx, termQuery(simpleName, simple), maxSimplified)
}

// maxSimplified is the max of Simplified.
const maxSimplified = 50_000

// gramQuery returns the query for the targets that have all grams of the fold of text, or nil if it
// has none. Text of users is only looked up as whole terms. It must never reach Bleve's wildcard or
// regular expression queries, which cannot escape it and take seconds.
func gramQuery(text string) query.Query {
	var all []query.Query
	for _, gram := range queryGrams(Fold(text)) {
		all = append(all, termQuery(nameGrams, gram))
	}
	if len(all) == 0 {
		return nil
	}
	return query.NewConjunctionQuery(all)
}

// termQuery returns the query for the documents that have the term in the field.
func termQuery(field, term string) query.Query {
	q := query.NewTermQuery(term)
	q.SetField(field)
	return q
}

// errTooMany ends a search that has found more than max candidates.
var errTooMany = errors.New("more candidates than asked for")

// propose returns the ids, ascending, of all targets that q finds. ok is false if there are more
// than max or the search failed.
func (x *Index) propose(ctx context.Context, q query.Query, max int) (ids []uint64, ok bool) {
	if q == nil || max < 1 {
		return nil, false
	}
	ok = x.search(ctx, func(ctx context.Context, b indexapi.IndexReader) (err error) {
		ids, err = find(ctx, b, q, max)
		return err
	})
	return ids, ok
}

// find returns the ids, ascending, of the targets that q finds in b, or errTooMany if there are
// more than max. It looks ids up only after counting, because that costs more than all the rest.
// (Bleve's collectors do more than this, or stop without returning what they have found.)
func find(ctx context.Context, b indexapi.IndexReader, q query.Query, max int) (ids []uint64, err error) {
	hits, err := q.Searcher(ctx, b, nil, search.SearcherOptions{Score: bleve.ScoreNone})
	if err != nil {
		return nil, err
	}
	defer hits.Close()
	sc := &search.SearchContext{
		DocumentMatchPool: search.NewDocumentMatchPool(hits.DocumentMatchPoolSize()+1, 0),
		IndexReader:       b,
	}
	for {
		if len(ids)%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		hit, err := hits.Next(sc)
		if err != nil {
			return nil, err
		}
		if hit == nil {
			break
		}
		if len(ids) == max {
			return nil, errTooMany
		}
		ids = append(ids, hit.IndexInternalID.Value())
		sc.DocumentMatchPool.Put(hit)
	}
	var number indexapi.IndexInternalID
	for i, n := range ids {
		number = indexapi.NewIndexInternalID(number, n)
		document, err := b.ExternalID(number)
		if err != nil {
			return nil, err
		}
		if ids[i], err = documentTarget(document); err != nil {
			return nil, err
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// search runs f with a reader of the current documents, and reports whether it succeeded. Close and
// Reset cancel f's context and wait for f. An error that is neither errTooMany nor the context's
// means damage, and breaks the index.
func (x *Index) search(ctx context.Context, f func(context.Context, indexapi.IndexReader) error) bool {
	x.mu.RLock()
	e := x.live
	if x.broken != nil || x.mark == (Mark{}) {
		x.mu.RUnlock()
		return false
	}
	e.running.Add(1)
	x.mu.RUnlock()
	defer e.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.searches, cancel)()

	err := safely(func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := e.reader()
		if err != nil {
			return err
		}
		defer b.Close()
		return f(ctx, b)
	})
	if err != nil && err != errTooMany && ctx.Err() == nil {
		x.breakWith(e, err)
	}
	return err == nil
}
