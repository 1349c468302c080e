package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/internal/problem"
	"nightjar/internal/torture"
)

func (p *program) tortureCommand() *cli.Command {
	long, dir := time.Minute, "."
	return &cli.Command{
		Name: "torture", Usage: "test this machine and its disk: kill servers while they write to a new file, and " +
			"look for lost writes",
		Description: "nightjar torture --for 10m --dir /mnt/stick",
		Flags: []cli.Flag{
			timeFlag(&long, "for", "run for `TIME`, such as 1m or 12h"),
			textFlag(&dir, "dir", "`FOLDER` on the disk to test; the file is created in it, and deleted at the end"),
		},
		Action: func(c *cli.Context) error { return p.torture(c, long, dir) },
	}
}

// torture kills servers for a while, and reports what it found.
func (p *program) torture(c *cli.Context, long time.Duration, on string) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	if long <= 0 {
		return usageError(c, "--for must be more than 0, not %v", long)
	}
	dir, err := os.MkdirTemp(on, ".nightjar-torture-")
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			os.RemoveAll(dir)
		}
	}()
	p.say("for %v, 4 clients post datums, 1 uploads files and 1 writes records of all sizes; the server is killed "+
		"again and again, and every acknowledged write is checked", long)
	ctx, cancel := context.WithTimeout(c.Context, long)
	defer cancel()
	k := torture.Kill{Program: []string{p.self}, Dir: dir, From: 100 * time.Millisecond, To: 3 * time.Second,
		Load: torture.Usual(), Seed: rand.Uint64(),
		Said: func(r torture.Round) {
			p.say("round %d: killed after %v; %s acknowledged, %d unanswered; verified; served again after %v",
				r.Number, r.After.Round(time.Millisecond), problem.Plural(r.Acknowledged, "write"), r.Open,
				r.Opened.Round(time.Millisecond))
		}}
	rounds, err := k.Run(ctx)
	problems, acknowledged := 0, 0
	var opened []time.Duration
	for _, r := range rounds {
		acknowledged, opened = acknowledged+r.Acknowledged, append(opened, r.Opened)
		for _, text := range r.Problems {
			problems++
			p.say("round %d: %s", r.Number, printable(text))
		}
	}
	switch {
	case c.Context.Err() != nil:
		return context.Cause(c.Context)
	case problems > 0:
		keep = true
		return errors.Join(fmt.Errorf("this machine loses or damages data: %s; the file is in %s",
			problem.Plural(problems, "problem"), dir), err)
	case err != nil:
		keep = true
		return fmt.Errorf("%w; the file is in %s", err, dir)
	}
	slices.Sort(opened)
	p.say("%s killed, %s acknowledged, no acknowledged write was lost; the slowest start took %v",
		problem.Plural(len(rounds), "server"), problem.Plural(acknowledged, "write"),
		opened[len(opened)-1].Round(time.Millisecond))
	return nil
}
