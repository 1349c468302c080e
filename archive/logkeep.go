package archive

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"nightjar/kv"
)

// settingLogKeep is how long the entries of the log are kept.
const settingLogKeep = "log_keep"

// keepForever is the value of log_keep with which nothing is dropped.
const keepForever = "forever"

// keepUnits are the units of log_keep, of fixed lengths.
var keepUnits = map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	'm': 30 * 24 * time.Hour, 'y': 365 * 24 * time.Hour}

// parseKeep reads a value of log_keep: "forever", for which the time is 0, or a number of hours,
// days, weeks, months of 30 or years of 365 days, such as 90d.
func parseKeep(s string) (time.Duration, error) {
	if s == keepForever {
		return 0, nil
	}
	if n := len(s) - 1; n > 0 && n <= 4 && s[0] >= '1' && s[0] <= '9' {
		count, err := strconv.Atoi(s[:n])
		if unit := keepUnits[s[n]]; err == nil && unit > 0 && time.Duration(count) <= 100*keepUnits['y']/unit {
			return time.Duration(count) * unit, nil
		}
	}
	return 0, errors.New("it must be forever, or a number of hours, days, weeks, months (of 30 days) or years (of " +
		"365 days) up to 100 years, such as 12h, 90d, 12w, 6m or 1y")
}

func checkKeep(s string) error {
	_, err := parseKeep(s)
	return err
}

// trimLog drops the entries of the log that are older than log_keep says, on behalf of an author,
// and gives the last of them, 0 for none.
func (a *Archive) trimLog(ctx context.Context, author kv.Author) (last uint64, err error) {
	var value string
	err = a.db.View(func(tx *kv.Tx) error { value, err = setting(tx, settingLogKeep); return err })
	if err != nil {
		return 0, err
	}
	keep, err := parseKeep(value)
	if err != nil || keep == 0 {
		return 0, err
	}
	author.Action += " (" + settingLogKeep + " " + value + ")"
	return a.db.TrimLog(ctx, author, a.o.Now().Add(-keep))
}

// logKeeper trims the log in the background: soon after the start, once a day, and when log_keep is
// changed.
type logKeeper struct {
	changed chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
}

const (
	firstTrim = time.Minute
	nextTrim  = 24 * time.Hour
)

// keepLog begins it, in an archive that is there to stay.
func (a *Archive) keepLog() *logKeeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &logKeeper{changed: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	if a.o.ReadOnly || a.o.NoIndex {
		close(k.done)
		return k
	}
	go func() {
		defer close(k.done)
		wait := firstTrim
		for {
			select {
			case <-k.changed:
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			wait = nextTrim
			last, err := a.trimLog(ctx, kv.Author{Action: "trim"})
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				a.o.Logf("the oldest entries of the log could not be dropped: %v", err)
			case last > 0:
				a.o.Logf("log entries up to %d were dropped, as log_keep says", last)
			}
		}
	}()
	return k
}

// kick has the log trimmed soon.
func (k *logKeeper) kick() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (k *logKeeper) close() {
	k.stop()
	<-k.done
}

// TrimLog drops the entries of the log that are older than the setting log_keep says, and gives the
// last of them, 0 for none. Superusers only.
func (s *Session) TrimLog(ctx context.Context) (last uint64, err error) {
	if err := s.stillSuperuser(); err != nil {
		return 0, err
	}
	if err := s.p.MayWrite(s.v); err != nil {
		return 0, err
	}
	if last, err = s.a.trimLog(ctx, s.v.Author()); err != nil {
		return last, fmt.Errorf("dropping old log entries: %w", err)
	}
	return last, nil
}
