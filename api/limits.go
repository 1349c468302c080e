package api

import (
	"context"
	"sync"
	"time"

	"nightjar/internal/problem"
)

// Limits bound what the requests of one user can take from a node. 0 means the default, which the
// comments give. The owner of the file is bound only by MaxBody, BodyStall, SendStall, and MaxLine,
// which is at least 64 MiB for them.
type Limits struct {
	// MaxBody is the largest body in bytes, other than a file or a stream of rows: 8 MiB.
	MaxBody int64
	// MaxLine is the longest line of a stream of rows in bytes: 16 MiB.
	MaxLine int64
	// BodyMemory bounds the memory in bytes for all bodies and lines that are being read, and for
	// what is made of them: about four bytes for each that was sent. Default: 64 MiB. One user has
	// half, or what the largest body or line takes. Others wait for UploadWait.
	BodyMemory int64
	// MaxUpload is the largest file or stream of rows in bytes: 8 GiB.
	MaxUpload int64
	// Uploads is how many files, streams and other bodies of more than smallBody can be received at
	// once, and UserUploads how many of them from one user: 16 and 8. Others wait for UploadWait, a
	// minute, and are then asked to try again later.
	Uploads, UserUploads int
	UploadWait           time.Duration
	// BodyStall is how long a body may pause: 30 seconds.
	BodyStall time.Duration
	// BodyRate is how many bytes a second must arrive over any RateOver that the node waits for a
	// body: 1 KiB and 30 seconds. So a body takes at most its size divided by BodyRate, plus
	// RateOver.
	BodyRate int64
	RateOver time.Duration
	// SendStall is how long a client may take for the next 16 KiB of an answer: five minutes.
	SendStall time.Duration
}

func (l Limits) orDefaults() Limits {
	size := func(n *int64, standard int64) {
		if *n == 0 {
			*n = standard
		}
	}
	size(&l.MaxBody, 8<<20)
	size(&l.MaxLine, 16<<20)
	size(&l.BodyMemory, 64<<20)
	size(&l.BodyRate, 1<<10)
	size(&l.MaxUpload, 8<<30)
	l.BodyMemory = max(l.BodyMemory, l.userMemory())
	if l.Uploads == 0 {
		l.Uploads = 16
	}
	if l.UserUploads == 0 {
		l.UserUploads = 8
	}
	wait := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	wait(&l.UploadWait, time.Minute)
	wait(&l.BodyStall, 30*time.Second)
	wait(&l.RateOver, 30*time.Second)
	wait(&l.SendStall, 5*time.Minute)
	return l
}

// userMemory is the part of BodyMemory that one user can have. The fields of a form take twice
// their length while they are read.
func (l *Limits) userMemory() int64 {
	return max(l.BodyMemory/2, byteWeight*max(2*l.MaxBody, l.MaxLine)+byteWeight*lineBuffer)
}

// smallBody is the largest body, in bytes, that needs no upload slot unless it is a file or a
// stream. It is in memory two or three times over while it is read.
const smallBody = 1 << 20

// The memory for bodies is bounded by construction. Each body, and each long line of a stream,
// reserves a share of Limits.BodyMemory before it grows, and returns it when the request is
// answered or the line is read. The share covers everything that is made of the body: about four
// times its length (as sent, without blanks, as compared with others, and as written), and more if
// it has many small parts. Bodies of up to longText have memory of their own, smallMemory, so that
// large bodies do not keep anybody from posting a point.

// Weights in bytes of memory: of a byte that was sent, of a JSON value, and of a member of an
// object that is searched.
const (
	byteWeight   = 4
	valueWeight  = 16
	memberWeight = 150
)

// lineBuffer is the longest line of a stream, in bytes, that reserves no memory.
const lineBuffer = 64 << 10

// sender is a user, or all guests at one address.
type sender struct {
	user uint64
	addr string // of a guest
}

// shares counts how much of a bounded resource is in use, in all and by sender.
type shares struct {
	mu   sync.Mutex
	all  int64
	of   map[sender]int64
	free chan struct{} // closed when a share is returned; nil when nobody waits
}

// take takes n shares for a sender. It allows all senders together up to most shares, and one
// sender up to each. It waits for the shares up to wait, and then returns refusal.
func (s *shares) take(ctx context.Context, who sender, n, most, each int64, wait time.Duration,
	refusal *problem.Error) error {
	free := s.try(who, n, most, each)
	if free == nil {
		return nil
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	for free != nil {
		select {
		case <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late.C:
			return refusal
		}
		free = s.try(who, n, most, each)
	}
	return nil
}

// try takes n shares and returns nil, or returns a channel that is closed when trying again makes
// sense.
func (s *shares) try(who sender, n, most, each int64) (free chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all+n <= most && s.of[who]+n <= each {
		if s.of == nil {
			s.of = map[sender]int64{}
		}
		s.all += n
		s.of[who] += n
		return nil
	}
	if s.free == nil {
		s.free = make(chan struct{})
	}
	return s.free
}

func (s *shares) give(who sender, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all -= n
	if s.of[who] -= n; s.of[who] == 0 {
		delete(s.of, who)
	}
	if s.free != nil {
		close(s.free)
		s.free = nil
	}
}

var (
	errManyUploads = &problem.Error{Kind: problem.TooMany, Message: "Too many uploads at once. Try again later.",
		RetryAfter: 10 * time.Second}
	errMuchMemory = &problem.Error{Kind: problem.TooMany, Message: "Too many large bodies at once. Try again later.",
		RetryAfter: 10 * time.Second}
)

// uploadSlots counts the uploads and large bodies in progress, by sender.
type uploadSlots struct{ shares }

// acquire waits until an upload may begin. It allows up to all uploads at once, and up to each of
// one sender. The caller calls done at the end of the upload.
func (t *uploadSlots) acquire(ctx context.Context, who sender, all, each int,
	wait time.Duration) (done func(), err error) {
	if err := t.shares.take(ctx, who, 1, int64(all), int64(each), wait, errManyUploads); err != nil {
		return nil, err
	}
	return func() { t.give(who, 1) }, nil
}

// maxStreams is how many streams of events can be open at once, and ownStreams how many of one
// user, or of the guests at one address.
const (
	maxStreams = 256
	ownStreams = maxStreams / 4
)

// streamLimit counts the open streams of events, so that no client can take all of them.
type streamLimit struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}
