package bounded

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"time"
)

// Budget is what reading one file may still cost. All readers of the file share it. A nil *work
// bounds nothing.
type Budget struct {
	Ctx     context.Context
	purpose string // "a preview" or "a header"; "" for the reading of data, which pays for unpacking alone
	bytes   int64  // left
	pixels  int64  // left
	calls   int    // of err
	start   time.Duration
}

var errLookTime = errors.New("ingest: a look into a file took too long")

// Metered lets a file be read within bounds. The caller calls the function that is returned in the
// end, from the goroutine that made the call: that of a look has a thread for itself until then,
// whose time is measured.
func (f File) Metered(ctx context.Context, look string) (File, context.CancelFunc) {
	f.Budget = &Budget{Ctx: ctx, purpose: look, bytes: math.MaxInt64, pixels: math.MaxInt64}
	if look == "" {
		f.Content = meteredContent{f.Content, f.Budget}
		return f, func() {}
	}
	f.Budget.bytes, f.Budget.pixels = lookBytes, PreviewPixels+PreviewPixels/2 // the last row of tiles comes on top
	var cancel context.CancelFunc
	f.Budget.Ctx, cancel = context.WithTimeoutCause(ctx, lookWait, errLookTime)
	runtime.LockOSThread()
	f.Budget.start = threadTime()
	f.Content = meteredContent{f.Content, f.Budget}
	return f, func() { cancel(); runtime.UnlockOSThread() }
}

// Err is not nil when the work is to stop: the caller is gone, or a look takes too long.
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

// TooMuch refuses a file that costs more than it may.
func (w *Budget) TooMuch(most string) error {
	if w == nil || w.purpose == "" {
		return Refuse(Problem{Reason: "too much to unpack: the parts of the gzip file that belong together are far " +
			"from each other; upload it unpacked"})
	}
	return Refuse(Problem{Reason: "too much to unpack for " + w.purpose + ": it takes more than " + most +
		", the most that is allowed"})
}

// Unpack pays for n unpacked bytes.
func (w *Budget) Unpack(n int) error {
	if w == nil {
		return nil
	}
	if w.bytes -= int64(n); w.bytes < 0 {
		return w.TooMuch(bytesText(lookBytes))
	}
	return w.Err()
}

// Decode pays for n pixels.
func (w *Budget) Decode(n int64) error {
	if w == nil {
		return nil
	}
	if w.pixels -= n; w.pixels < 0 {
		return w.TooMuch(Count(PreviewPixels) + " pixels")
	}
	return w.Err()
}

// meteredContent is the content of a file that is read within bounds.
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
