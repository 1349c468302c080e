package cli

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/api"
	"nightjar/auth"
)

// limitFlags bound what those who ask can take of the node.
func limitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "max-body",
			Usage: "`SIZE` of a body that is neither a file nor a stream of data", Value: "8M"},
		&cli.StringFlag{Name: "max-line", Usage: "`SIZE` of a line of a stream of data", Value: "16M"},
		&cli.StringFlag{Name: "body-memory",
			Usage: "`SIZE` of the memory for all bodies and lines that are being read, about four bytes for each byte that is sent; others wait a minute", Value: "64M"},
		&cli.StringFlag{Name: "max-upload", Usage: "`SIZE` of a file, or of a stream of data", Value: "8G"},
		&cli.IntFlag{Name: "max-uploads", Usage: "`NUMBER` of files, streams and other bodies of more than 1 MiB taken in at once, of which one user may send half; others wait a minute", Value: 16},
		&cli.StringFlag{Name: "max-header", Usage: "`SIZE` of a request's header", Value: "64K"},
		&cli.DurationFlag{Name: "header-timeout", Usage: "`TIME` in which a header must come", Value: 10 * time.Second},
		&cli.DurationFlag{Name: "body-timeout", Usage: "refuse a body of which nothing comes for `TIME`",
			Value: 30 * time.Second},
		&cli.StringFlag{Name: "min-body-rate",
			Usage: "refuse a body that brings less than `SIZE` a second, over any 30 seconds that the node waits for it", Value: "1K"},
		&cli.DurationFlag{Name: "send-timeout",
			Usage: "close a connection that takes less than 16 KiB of an answer in `TIME`", Value: 5 * time.Minute},
		&cli.DurationFlag{Name: "idle-timeout", Usage: "`TIME` for which a connection may stay without a request", Value: 2 * time.Minute},
		&cli.IntFlag{Name: "max-failed-logins", Usage: "`NUMBER` of times that an account's password may be wrong from one address within five minutes; fifteen times that whatever the account", Value: auth.FailedLogins},
	}
}

// limits are what limitFlags say beside api.Limits.
type limits struct {
	header       int
	begin, idle  time.Duration
	failedLogins int
}

// readLimits reads the limitFlags.
func readLimits(c *cli.Context, o *api.Limits) (l limits, err error) {
	size := func(name string, least int64) int64 {
		n, failed := parseSize(c.String(name))
		if failed == nil && n < least {
			failed = fmt.Errorf("it must be %d bytes or more", least)
		}
		if failed != nil && err == nil {
			err = usageError(c, "--%s: %v", name, failed)
		}
		return n
	}
	number := func(name string) int {
		n := c.Int(name)
		if n < 1 && err == nil {
			err = usageError(c, "--%s: it must be a number from 1 on", name)
		}
		return n
	}
	wait := func(name string) time.Duration {
		d := c.Duration(name)
		if d < time.Second && err == nil {
			err = usageError(c, "--%s: it must be a second or more, such as 30s or 5m", name)
		}
		return d
	}
	o.MaxBody, o.MaxUpload, o.MaxLine = size("max-body", 1024), size("max-upload", 1024), size("max-line", 1024)
	o.BodyMemory, o.BodyRate = size("body-memory", 1<<20), size("min-body-rate", 1)
	o.Uploads = number("max-uploads")
	o.UserUploads = (o.Uploads + 1) / 2
	o.BodyStall, o.SendStall = wait("body-timeout"), wait("send-timeout")
	l = limits{header: int(min(size("max-header", 4096), math.MaxInt32)), begin: wait("header-timeout"), idle: wait("idle-timeout"), failedLogins: number("max-failed-logins")}
	return l, err
}

// bound puts the limits on what the network asks.
func (l limits) bound(s *http.Server) *http.Server {
	s.ReadHeaderTimeout, s.IdleTimeout, s.MaxHeaderBytes = l.begin, l.idle, l.header
	return s
}

// parseSize reads a number of bytes: 5000, 64K, 64M, 8G or 1T, which may be written as 64MiB.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "KMGTiB")
	n, err := strconv.ParseInt(number, 10, 64)
	power := map[string]uint{"": 0, "B": 0, "K": 10, "KiB": 10, "M": 20, "MiB": 20, "G": 30, "GiB": 30, "T": 40, "TiB": 40}
	shift, known := power[s[len(number):]]
	if err != nil || !known || n < 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is no size such as 64M or 8G", s)
	}
	return n << shift, nil
}
