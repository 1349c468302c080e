package bounded

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"time"
)

// Budget is what reading a file may still cost. All readers of the file share it. A nil Budget has
// no limits.
type Budget struct {
	Ctx     context.Context
	purpose string // "a preview" or "a header"; "" for reading data, which pays only for unpacking
	bytes   int64  // left
	pixels  int64  // left
	calls   int    // of Err
	start   time.Duration
}

var errLookTime = errors.New("ingest: a preview or a header took too long")

// Metered returns the file with a budget. purpose is "a preview" or "a header", "" for reading
// data. The caller must call the returned function when it is done, from the same goroutine: a
// preview or a header has a thread of its own, whose CPU time is measured.
func (f File) Metered(ctx context.Context, purpose string) (File, context.CancelFunc) {
	f.Budget = &Budget{Ctx: ctx, purpose: purpose, bytes: math.MaxInt64, pixels: math.MaxInt64}
	if purpose == "" {
		f.Content = meteredContent{f.Content, f.Budget}
		return f, func() {}
	}
	f.Budget.bytes, f.Budget.pixels = lookBytes, PreviewPixels+PreviewPixels/2 // the last row of tiles is extra
	var cancel context.CancelFunc
	f.Budget.Ctx, cancel = context.WithTimeoutCause(ctx, lookWait, errLookTime)
	runtime.LockOSThread()
	f.Budget.start = threadTime()
	f.Content = meteredContent{f.Content, f.Budget}
	return f, func() { cancel(); runtime.UnlockOSThread() }
}

// Err returns an error if the work must stop: the context has ended, or a preview or header takes
// too long.
func (w *Budget) Err() error {
	switch {
	case w == nil:
		return nil
	case w.Ctx.Err() != nil && errors.Is(context.Cause(w.Ctx), errLookTime):
		return w.TooMuch(lookWait.String())
	case w.Ctx.Err() != nil:
		return w.Ctx.Err()
	}
	if w.calls++; w.purpose != "" && w.calls%8 == 0 && threadTime()-w.start > lookTime {
		return w.TooMuch(lookTime.String() + " of a core")
	}
	return nil
}

// TooMuch returns the refusal of a file that costs more than most.
func (w *Budget) TooMuch(most string) error {
	if w == nil || w.purpose == "" {
		return Refuse(Problem{Reason: "too much to unpack: the parts of the gzip file that belong together are far " +
			"from each other; upload it unpacked"})
	}
	return Refuse(Problem{Reason: "too much to unpack for " + w.purpose + ": it takes more than " + most +
		", the most that is allowed"})
}

// Unpack charges n unpacked bytes.
func (w *Budget) Unpack(n int) error {
	if w == nil {
		return nil
	}
	if w.bytes -= int64(n); w.bytes < 0 {
		return w.TooMuch(bytesText(lookBytes))
	}
	return w.Err()
}

// Decode charges n pixels.
func (w *Budget) Decode(n int64) error {
	if w == nil {
		return nil
	}
	if w.pixels -= n; w.pixels < 0 {
		return w.TooMuch(Count(PreviewPixels) + " pixels")
	}
	return w.Err()
}

// meteredContent charges a budget for what is read.
type meteredContent struct {
	io.ReaderAt
	work *Budget
}

func (c meteredContent) ReadAt(p []byte, offset int64) (int, error) {
	if c.work.purpose != "" {
		if err := c.work.Unpack(len(p)); err != nil {
			return 0, err
		}
	} else if err := c.work.Err(); err != nil {
		return 0, err
	}
	return c.ReaderAt.ReadAt(p, offset)
}
