package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"nightjar/api/wire"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// mediaType returns the media type of the body, "" when the header is missing.
func (r *request) mediaType() (media string, params map[string]string) {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return "", nil
	}
	media, params, err := mime.ParseMediaType(given)
	if err != nil {
		media = strings.ToLower(strings.TrimSpace(strings.Split(given, ";")[0]))
	}
	return media, params
}

// input reads the body as an object.
func (r *request) input() (wire.Input, error) {
	in, list, err := r.inputs()
	if err == nil && list != nil {
		return wire.Input{}, problem.Invalid("", wire.MsgNotObject, "list")
	}
	return in, err
}

// inputs reads the body as an object or as a list; list is nil for an object.
func (r *request) inputs() (in wire.Input, list []wire.Value, err error) {
	v, in, err := r.body()
	if err != nil || v == nil {
		return in, nil, err
	}
	if in, ok := v.Object(); ok {
		return in, nil, nil
	}
	if items, ok := v.Items(); ok {
		return wire.Input{}, append([]wire.Value{}, items...), nil
	}
	if v.Null() {
		return wire.Input{}, nil, problem.Invalid("", wire.MsgNoData)
	}
	if n, yes := v.TooManyParts(); yes && v.Kind() == '[' && r.route.acceptsList {
		return wire.Input{}, nil,
			problem.Invalid("", "A list may hold %d datums; this one has %d. Send more as lines of JSON, with "+
				"content type %s.", wire.MaxParts, n, typeNDJSON)
	}
	return wire.Input{}, nil, problem.Invalid("", "%s", v.WhyNotObject())
}

// body reads the body: a JSON value, or nil and the input that a form or an empty body is.
func (r *request) body() (*wire.Value, wire.Input, error) {
	media, params := r.mediaType()
	if media == "" {
		media = typeJSON
	}
	if r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
		return nil, wire.Input{Form: url.Values{}}, nil
	}
	if !slices.Contains(r.route.parses, media) {
		return nil, wire.Input{}, r.unsupported()
	}
	most := r.api.o.MaxBody
	if r.route.maxBody > 0 {
		most = min(most, r.route.maxBody)
	}
	if r.ContentLength > most {
		return nil, wire.Input{}, tooLong(most)
	}
	if most > smallBody && (r.ContentLength < 0 || r.ContentLength > smallBody) && !r.isLocal() {
		done, err := r.takeUploadSlot(false)
		if err != nil {
			return nil, wire.Input{}, err
		}
		r.freeSlot = done
	}
	body := http.MaxBytesReader(r.w, r.Body, most)
	length := r.ContentLength
	if length < 0 {
		length = most
	}
	switch media {
	case typeMultipart:
		form, err := r.readForm(body, params)
		return nil, wire.Input{Form: form}, err
	case typeForm:
		text, err := r.readAll(body, length)
		if err != nil {
			return nil, wire.Input{}, err
		}
		if bytes.Count(text, []byte("&")) >= maxFields {
			return nil, wire.Input{}, errManyFields
		}
		return nil, wire.Input{Form: wire.ParseForm(string(text))}, nil
	}
	j, err := r.readJSON(body, length)
	if err != nil || j == nil {
		return nil, wire.Input{Form: url.Values{}}, err
	}
	v := wire.FromJSON(j)
	return &v, wire.Input{}, nil
}

// readJSON reads a JSON body; it returns nil when the body is empty.
func (r *request) readJSON(body io.Reader, length int64) (jsontext.Value, error) {
	text, err := r.readAll(body, length)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	if why := r.checkParts(text); why != "" {
		return nil, &httpError{status: http.StatusBadRequest, detail: "JSON parse error - " + why}
	}
	j, err := jsontext.Parse(text)
	if err != nil {
		return nil, &httpError{status: http.StatusBadRequest, detail: "JSON parse error - " + jsontext.Reason(err)}
	}
	return j, nil
}

// maxFields is how many fields a form may have. A field takes more bytes in memory than in the
// body.
const maxFields = 10_000

var errManyFields = &httpError{status: http.StatusBadRequest,
	detail: fmt.Sprintf("A form may have %d fields.", maxFields)}

func (r *request) unsupported() error {
	return &httpError{status: http.StatusUnsupportedMediaType,
		detail: `Unsupported media type "` + r.Header.Get("Content-Type") + `" in request.`}
}

// readForm reads a multipart form without files.
func (r *request) readForm(body io.Reader, params map[string]string) (url.Values, error) {
	parts, err := multipartReader(body, params)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	var text []byte
	for n := 0; ; n++ {
		part, err := parts.next()
		if errors.Is(err, io.EOF) {
			return form, nil
		}
		if n == maxFields {
			return nil, errManyFields
		}
		if err != nil {
			if len(form) == 0 && errors.Is(err, io.ErrUnexpectedEOF) {
				return form, nil // no part at all
			}
			return nil, multipartError(err)
		}
		if text, err = r.readInto(text[:0], part, r.api.o.MaxBody); err == nil {
			err = r.reserve(byteWeight * int64(len(text)))
		}
		if err != nil {
			return nil, multipartError(err)
		}
		form.Add(part.FormName(), string(text))
	}
}

// formParts reads the parts of a form and bounds their headers.
type formParts struct {
	*multipart.Reader
	header *partHeader
}

// next returns the next part. The previous one must have been read to its end.
func (f *formParts) next() (*multipart.Part, error) {
	f.header.left = maxPartHeader
	part, err := f.NextRawPart()
	f.header.left = -1
	return part, err
}

func multipartReader(body io.Reader, params map[string]string) (*formParts, error) {
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > 200 {
		return nil, &httpError{status: http.StatusBadRequest,
			detail: "Multipart form parse error - Invalid boundary in multipart: None"}
	}
	h := &partHeader{Reader: body}
	return &formParts{multipart.NewReader(h, boundary), h}, nil
}

func multipartError(err error) error {
	var tooLarge *http.MaxBytesError
	var refused *problem.Error
	if errors.As(err, &tooLarge) || errors.As(err, &refused) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return &httpError{status: http.StatusBadRequest, detail: "Multipart form parse error - " + err.Error()}
}

// tooLong refuses a body of more than most bytes.
func tooLong(most int64) error { return &http.MaxBytesError{Limit: most} }

// errNothingToAddTo refuses datums and files from a user who cannot add data to any target.
var errNothingToAddTo = &problem.Error{Kind: problem.Forbidden,
	Message: "You may not add data to any target."}

// strangerSlots is how many uploads and large bodies can be received at once from users who cannot
// add data to any target, one from each. Other users have slots of their own.
const strangerSlots = 4

// takeUploadSlot takes the slot of an upload or a large body. If the body has data (datums or a
// file) and the user cannot add data to any target, it is refused before it is read. A small body
// is read all the same: the answer can then say what is wrong with it.
func (r *request) takeUploadSlot(data bool) (done func(), err error) {
	l := &r.api.o.Limits
	may, err := r.access.MayAddSomewhere()
	switch {
	case err != nil:
		return nil, err
	case may:
		return r.api.uploads.acquire(r.Context(), r.sender(), l.Uploads, l.UserUploads, l.UploadWait)
	case data && (r.ContentLength < 0 || r.ContentLength > smallBody):
		return nil, errNothingToAddTo
	}
	return r.api.strangers.acquire(r.Context(), r.sender(), strangerSlots, 1, l.UploadWait)
}

// uploading returns a handler that waits for an upload slot, and then has h read a file or a stream
// of up to MaxUpload bytes.
func uploading(h handler, targets bool) handler {
	return func(r *request) (*answer, error) {
		if r.isLocal() {
			return h(r)
		}
		most := r.api.o.MaxUpload
		if r.ContentLength > most {
			return nil, tooLong(most)
		}
		done, err := r.takeUploadSlot(!targets)
		if err != nil {
			return nil, err
		}
		defer done()
		r.Body = http.MaxBytesReader(r.w, r.Body, most)
		return h(r)
	}
}
