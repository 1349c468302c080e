package api

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
)

// Answers carry an ETag, with which a client can ask again and be told that nothing has changed. It
// is a weak one, since the same answer may be compressed or not.
//
// What a route answers that is cacheable depends on what was asked, by whom, and on the data file,
// and each change of the file that it shows is in the log. Its tag is made of these, so that "not
// modified" costs no query: the head of the log is read before the data are, and an answer that is
// newer than its tag is merely asked for again. The tag of other answers is a hash of them.

// cacheTag is the tag of what a cacheable route answers now.
func (r *request) cacheTag() string {
	head := r.api.archive.Head()
	h := fnv.New128a()
	for _, part := range []string{r.URL.RequestURI(), r.base(), r.api.o.Version, r.api.start} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	var b [18]byte
	binary.BigEndian.PutUint64(b[:], r.viewer.ID)
	binary.BigEndian.PutUint64(b[8:], head.Seq)
	b[16] = byte(r.indent) << 1
	if r.html {
		b[16] |= 1
	}
	if r.viewer.Everything() {
		b[17] = 1
	}
	h.Write(b[:])
	// The viewer and the policy were read before the head: after a change of the viewer's groups or
	// of the policy the tag is another one.
	p := r.access.Policy()
	fmt.Fprintf(h, "%s\x00%s\x00", p.Mode, p.Strategy)
	for _, g := range r.viewer.Groups {
		h.Write(binary.BigEndian.AppendUint64(nil, g))
	}
	h.Write(head.Hash[:])
	return weakTag(h.Sum(nil))
}

func weakTag(sum []byte) string { return `W/"` + hex.EncodeToString(sum[:12]) + `"` }

// hashTag is the tag of a body.
func hashTag(body []byte) string {
	sum := sha256.Sum256(body)
	return weakTag(sum[:12])
}

// isFresh says whether the client has what a tag stands for.
func isFresh(r *http.Request, tag string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for _, have := range strings.Split(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if have = strings.TrimSpace(have); have != "" &&
			strings.TrimPrefix(have, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
