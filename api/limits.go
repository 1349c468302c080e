package api

import (
	"context"
	"sync"
	"time"

	"nightjar/internal/problem"
)

// Limits bound what the requests of a user can take from a node. 0 means the default, which the
// comments name. The owner of the file is bound by MaxBody alone.
type Limits struct {
	// MaxBody is how many bytes a body may have that is not a file or a stream of data: 8 MiB.
	MaxBody int64
	// MaxLine is how many bytes a line of a stream of data may have: 16 MiB.
	MaxLine int64
	// BodyMemory is how many bytes of memory may be taken by all bodies and lines that are being
	// read, and by what is made of them, about four bytes for one that was sent: 64 MiB. One user
	// has half, or what the largest body or line takes. Others wait for UploadWait.
	BodyMemory int64
	// MaxUpload is how many bytes a file, or a stream of data, may have: 8 GiB.
	MaxUpload int64
	// Uploads is how many files, streams and other bodies of more than smallBody are taken in at
	// once, and UserUploads how many of one user: 16 and 8. Others wait for UploadWait, a minute,
	// and are then told to come again.
	Uploads, UserUploads int
	UploadWait           time.Duration
	// BodyStall is how long a body may bring nothing: 30 seconds.
	BodyStall time.Duration
	// BodyRate is how many bytes a second a body must bring over any RateOver that the node waits
	// for it: 1 KiB and 30 seconds. So a body takes at most its size divided by that, and RateOver.
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

// userMemory is how much of BodyMemory one user has. The fields of a form take twice their length
// while they are read.
func (l *Limits) userMemory() int64 {
	return max(l.BodyMemory/2, byteWeight*max(2*l.MaxBody, l.MaxLine)+byteWeight*lineBuffer)
}

// smallBody is up to how many bytes a body that is neither a file nor a stream takes none of the
// places for uploads. It is in memory, two or three times over, while it is read.
const smallBody = 1 << 20

// What bodies take of the node's memory is bounded by construction. Each body, and each long line
// of a stream, takes a share of Limits.BodyMemory as it grows, before its memory is made, and gives
// it back when the request is answered, or the line is read. The share is what is made of it in the
// end: about four times its length (as it was sent, without blanks, as it is compared with others,
// and as it is written), and more for many small parts. Bodies of up to longText have a room of
// their own, smallMemory, so that large ones keep nobody from posting a point.

// The weights of what is in memory, in bytes: of a byte that was sent, of a value of JSON, and of a
// member of an object that is looked through.
const (
	byteWeight   = 4
	valueWeight  = 16
	memberWeight = 150
)

// lineBuffer is up to how many bytes a line of a stream takes no share of the memory of bodies.
const lineBuffer = 64 << 10

// sender is a user, or all guests at one address.
type sender struct {
	user uint64
	addr string // of a guest
}

// shares counts how much of a bounded resource is taken, in all and by each sender.
type shares struct {
	mu   sync.Mutex
	all  int64
	of   map[sender]int64
	free chan struct{} // closed when some was given back; nil when nobody waits
}

// take takes n shares for a sender. All senders together have at most most, and one has at most
// each. It waits up to wait for them, and then returns refusal.
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

// try takes n shares, or gives what is closed when trying again makes sense.
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

// uploadSlots counts the uploads and large bodies that are being sent, by sender.
type uploadSlots struct{ shares }

// acquire waits until an upload may begin: there are all at once at most, and each of one sender.
// The caller calls done when it has ended.
func (t *uploadSlots) acquire(ctx context.Context, who sender, all, each int,
	wait time.Duration) (done func(), err error) {
	if err := t.shares.take(ctx, who, 1, int64(all), int64(each), wait, errManyUploads); err != nil {
		return nil, err
	}
	return func() { t.give(who, 1) }, nil
}

// maxStreams is how many streams of events there may be at a time, and ownStreams how many of one user,
// or of the guests at one address.
const (
	maxStreams = 256
	ownStreams = maxStreams / 4
)

// streamLimit counts the streams, so that nobody takes them from all others.
type streamLimit struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}
