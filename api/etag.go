package api

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strings"

	"nightjar/archive"
)

// Answers carry an ETag, with which a client can ask whether anything has changed. The tag is weak,
// since the same answer may be compressed or not.
//
// The answer of a cacheable route depends on the request, the viewer and the data file, and every
// change of the file that the answer shows is in the log. So its tag is a hash of these, as of the
// transaction that reads the list, and finding that nothing has changed needs no query. What
// confirms a tag reads its state in a transaction, too. A client that has seen a change, in
// whatever answer, is thus never told afterwards that an answer from before the change is still
// current. (DB.Head would not do: a commit can be read a moment before its writer notes it.)
//
// The tag of any other answer, such as that of one record, is a hash of its body, so it stays the
// same while others write elsewhere. With If-Match, a client changes or deletes the record only if
// it is still as it was read.

// stateTag returns the tag of an answer of a cacheable route.
func (r *request) stateTag(s *archive.State) string {
	h := fnv.New128a()
	for _, part := range []string{r.URL.RequestURI(), r.base(), r.api.o.Version, r.api.startID} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	var b [18]byte
	binary.BigEndian.PutUint64(b[:], s.Viewer.ID)
	binary.BigEndian.PutUint64(b[8:], s.Head.Seq)
	b[16] = byte(r.indent) << 1
	if r.html {
		b[16] |= 1
	}
	if s.Viewer.Everything() {
		b[17] = 1
	}
	h.Write(b[:])
	fmt.Fprintf(h, "%s\x00%s\x00", s.Policy.Mode, s.Policy.Strategy)
	for _, g := range s.Viewer.Groups {
		h.Write(binary.BigEndian.AppendUint64(nil, g))
	}
	h.Write(s.Head.Hash[:])
	return weakTag(h.Sum(nil))
}

func weakTag(sum []byte) string { return `W/"` + hex.EncodeToString(sum[:12]) + `"` }

// hashTag returns the tag of a body.
func hashTag(body []byte) string {
	sum := sha256.Sum256(body)
	return weakTag(sum[:12])
}

// bodyTag returns the tag of an answer with a body that is not indented yet.
func (r *request) bodyTag(body []byte) string {
	tag := hashTag(body)
	if r.indent > 0 {
		tag = fmt.Sprintf(`%s-%d"`, strings.TrimSuffix(tag, `"`), r.indent)
	}
	return tag
}

// isFresh reports whether the client has the answer with this tag.
func isFresh(r *http.Request, tag string) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && hasTag(r.Header.Values("If-None-Match"), tag)
}

// hasTag reports whether a header names a tag, weak or not.
func hasTag(header []string, tag string) bool {
	for have := range strings.SplitSeq(strings.Join(header, ","), ",") {
		if strings.TrimPrefix(strings.TrimSpace(have), "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

var errChanged = &httpError{status: http.StatusPreconditionFailed,
	detail: "This has changed since the answer with the ETag in If-Match: nothing was stored. Read it again."}

// checkUnchanged refuses a write with If-Match to what has changed since the answer that the header
// names. That is the answer to GET without query parameters. Errors: errChanged; those of GET.
func (r *request) checkUnchanged() error {
	have := r.Header.Values("If-Match")
	get := r.route.handle[GET]
	if len(have) == 0 || get == nil || r.route.lists {
		return nil
	}
	state, err := r.access.State()
	if err != nil {
		return err
	}
	req, u := *r.Request, *r.URL
	u.RawQuery, req.Method, req.URL = "", GET, &u
	read := &request{Request: &req, api: r.api, route: r.route, w: discarded{}, params: r.params, query: url.Values{},
		site: r.site, viewer: r.viewer, access: r.access}
	defer read.endLong()
	tag := read.stateTag(&state) // of an answer that is too long to be hashed
	a, err := get(read)
	if err != nil {
		return err
	}
	if !a.sent {
		tag = hashTag(a.body)
	}
	if !hasTag(have, tag) && !hasTag(have, "*") {
		return errChanged
	}
	if r.route.only != nil {
		r.access, err = r.route.only(r, func(body []byte) error {
			if !hasTag(have, hashTag(body)) && !hasTag(have, "*") {
				return errChanged
			}
			return nil
		})
	}
	return err
}

// discarded is the writer of an answer that nobody gets.
type discarded struct{}

func (discarded) Header() http.Header         { return http.Header{} }
func (discarded) Write(b []byte) (int, error) { return len(b), nil }
func (discarded) WriteHeader(int)             {}
