package cli

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

// Each of these flags is bound to a variable, whose value is the default. Backquotes in a usage
// give the name of the flag's value.

func textFlag(p *string, name, usage string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Usage: usage, Value: *p, Destination: p}
}

// parsedFlag is a textFlag whose values parse must take.
func parsedFlag[T any](p *string, name, usage string, parse func(string) (T, error)) cli.Flag {
	f := textFlag(p, name, usage)
	f.Action = func(c *cli.Context, s string) error {
		_, err := parse(s)
		return ofNamed(c, name, err)
	}
	return f
}

func boolFlag(p *bool, name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, Value: *p, Destination: p}
}

// listFlag may be given several times.
func listFlag(p *[]string, name, usage string) cli.Flag {
	return parsedListFlag(p, name, usage, func(s string) (string, error) { return s, nil })
}

// parsedListFlag is a listFlag each of whose values is read by parse.
func parsedListFlag[T any](p *[]T, name, usage string, parse func(string) (T, error)) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, Action: func(c *cli.Context, list []string) error {
		for _, s := range list {
			v, err := parse(s)
			if err != nil {
				return ofNamed(c, name, err)
			}
			*p = append(*p, v)
		}
		return nil
	}}
}

// numberFlag takes numbers from 1 on.
func numberFlag(p *int, name, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, Usage: usage, Value: *p, Destination: p, Action: func(c *cli.Context, n int) error {
		if n < 1 {
			return usageError(c, "--%s: it must be a number from 1 on", name)
		}
		return nil
	}}
}

func timeFlag(p *time.Duration, name, usage string) *cli.DurationFlag {
	return &cli.DurationFlag{Name: name, Usage: usage, Value: *p, Destination: p}
}

// waitFlag takes times of a second or more.
func waitFlag(p *time.Duration, name, usage string) cli.Flag {
	f := timeFlag(p, name, usage)
	f.Action = func(c *cli.Context, d time.Duration) error {
		if d < time.Second {
			return usageError(c, "--%s: it must be a second or more, such as 30s or 5m", name)
		}
		return nil
	}
	return f
}

// sizeFlag takes numbers of bytes from least on.
func sizeFlag(p *int64, least int64, name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, Value: sizeText(*p), Action: func(c *cli.Context, s string) error {
		n, err := parseSize(s)
		if err == nil && n < least {
			err = fmt.Errorf("it must be %d bytes or more", least)
		}
		*p = n
		return ofNamed(c, name, err)
	}}
}

// query is made of the flags that narrow a list down.
type query struct {
	url.Values
	flags map[string]string // by parameter
}

func newQuery() *query { return &query{url.Values{}, map[string]string{}} }

// flag gives a parameter of the query, if it is not empty.
func (q *query) flag(name, parameter, usage string) cli.Flag {
	q.flags[parameter] = name
	return &cli.StringFlag{Name: name, Usage: usage, Action: func(_ *cli.Context, s string) error {
		if s != "" {
			q.Set(parameter, s)
		}
		return nil
	}}
}

// explained names the flag instead of the parameter that an error is about.
func (q *query) explained(c *cli.Context, err error) error {
	if refused := new(client.Refusal); errors.As(err, &refused) {
		if flag := q.flags[refused.Problems[0].Field]; flag != "" {
			return ofNamed(c, flag, bare(refused, refused.Problems[0].Field))
		}
	}
	return err
}

// ofNamed is the error for a flag's value, nil for none.
func ofNamed(c *cli.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	return usageError(c, "--%s: %v", name, err)
}

// parseSize reads a number of bytes: 5000, 64K, 64M, 8G or 1T, which may be written as 64MiB.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "KMGTiB")
	n, err := strconv.ParseInt(number, 10, 64)
	power := map[string]uint{"": 0, "B": 0, "K": 10, "KiB": 10, "M": 20, "MiB": 20, "G": 30, "GiB": 30,
		"T": 40, "TiB": 40}
	shift, known := power[s[len(number):]]
	if err != nil || !known || n < 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is no size such as 64M or 8G", s)
	}
	return n << shift, nil
}

// sizeText writes a number of bytes as parseSize reads it.
func sizeText(n int64) string {
	units := []string{"", "K", "M", "G", "T"}
	i := 0
	for i < len(units)-1 && n >= 1024 && n%1024 == 0 {
		n, i = n/1024, i+1
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// grouped puts flags under a heading of their own.
func grouped(heading string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			f.Category = heading
		case *cli.StringSliceFlag:
			f.Category = heading
		case *cli.BoolFlag:
			f.Category = heading
		case *cli.IntFlag:
			f.Category = heading
		case *cli.DurationFlag:
			f.Category = heading
		}
	}
	return flags
}

func (p *program) asFlag() cli.Flag {
	return textFlag(&p.as, "as", "on behalf of `USER`, with what that user may see and do")
}
