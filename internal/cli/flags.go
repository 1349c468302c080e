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

// Each flag is bound to a variable, whose value is the default. Backquotes in a usage mark the name
// of the flag's value.

func textFlag(p *string, name, usage string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Usage: usage, Value: *p, Destination: p}
}

// parsedFlag is a textFlag that refuses values for which parse fails.
func parsedFlag[T any](p *string, name, usage string, parse func(string) (T, error)) cli.Flag {
	f := textFlag(p, name, usage)
	f.Action = func(c *cli.Context, s string) error {
		_, err := parse(s)
		return flagError(c, name, err)
	}
	return f
}

func boolFlag(p *bool, name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, Value: *p, Destination: p}
}

// listFlag is a flag that may be given several times. A value may contain commas, as names do.
func listFlag(p *[]string, name, usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage,
		Action: func(_ *cli.Context, list []string) error { *p = append(*p, list...); return nil }}
}

// parsedListFlag is a flag that may be given several times, or with several values separated by
// commas. It reads each value with parse.
func parsedListFlag[T any](p *[]T, name, usage string, parse func(string) (T, error)) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, Action: func(c *cli.Context, list []string) error {
		for _, s := range strings.Split(strings.Join(list, ","), ",") {
			v, err := parse(s)
			if err != nil {
				return flagError(c, name, err)
			}
			*p = append(*p, v)
		}
		return nil
	}}
}

// numberFlag is a flag for a number of 1 or more.
func numberFlag(p *int, name, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, Usage: usage, Value: *p, Destination: p, Action: func(c *cli.Context, n int) error {
		if n < 1 {
			return usageError(c, "--%s must be 1 or more", name)
		}
		return nil
	}}
}

func timeFlag(p *time.Duration, name, usage string) *cli.DurationFlag {
	return &cli.DurationFlag{Name: name, Usage: usage, Value: *p, Destination: p}
}

// waitFlag is a flag for a time of a second or more.
func waitFlag(p *time.Duration, name, usage string) cli.Flag {
	f := timeFlag(p, name, usage)
	f.Action = func(c *cli.Context, d time.Duration) error {
		if d < time.Second {
			return usageError(c, "--%s must be a second or more, such as 30s or 5m", name)
		}
		return nil
	}
	return f
}

// sizeFlag is a flag for a number of bytes, least or more.
func sizeFlag(p *int64, least int64, name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, Value: sizeText(*p), Action: func(c *cli.Context, s string) error {
		n, err := parseSize(s)
		if err == nil && n < least {
			err = fmt.Errorf("it must be %d bytes or more", least)
		}
		*p = n
		return flagError(c, name, err)
	}}
}

// query holds query parameters that are set by flags.
type query struct {
	url.Values
	flags map[string]string // names of flags by parameter
}

func newQuery() *query { return &query{url.Values{}, map[string]string{}} }

// flag returns a flag that sets a parameter, unless its value is empty.
func (q *query) flag(name, parameter, usage string) cli.Flag {
	q.flags[parameter] = name
	return &cli.StringFlag{Name: name, Usage: usage, Action: func(_ *cli.Context, s string) error {
		if s != "" {
			q.Set(parameter, s)
		}
		return nil
	}}
}

// nameFlag makes an error about a parameter name the flag.
func (q *query) nameFlag(c *cli.Context, err error) error {
	if refused := new(client.Refusal); errors.As(err, &refused) {
		if flag := q.flags[refused.Problems[0].Field]; flag != "" {
			return flagError(c, flag, withoutField(refused, refused.Problems[0].Field))
		}
	}
	return err
}

// flagError returns a usage error that names the flag, or nil if err is nil.
func flagError(c *cli.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	return usageError(c, "--%s: %v", name, err)
}

// parseSize reads a number of bytes: 5000, 64K, 64M, 8G or 1T. It also reads 64MiB and so on.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "KMGTiB")
	n, err := strconv.ParseInt(number, 10, 64)
	power := map[string]uint{"": 0, "B": 0, "K": 10, "KiB": 10, "M": 20, "MiB": 20, "G": 30, "GiB": 30,
		"T": 40, "TiB": 40}
	shift, known := power[s[len(number):]]
	if err != nil || !known || n < 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is not a size: write 64M or 8G", s)
	}
	return n << shift, nil
}

// sizeText formats a number of bytes for parseSize.
func sizeText(n int64) string {
	units := []string{"", "K", "M", "G", "T"}
	i := 0
	for i < len(units)-1 && n >= 1024 && n%1024 == 0 {
		n, i = n/1024, i+1
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// grouped lists flags under a heading of their own in the help.
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
	return textFlag(&p.as, "as", "act as `USER`, with the permissions of that user")
}
