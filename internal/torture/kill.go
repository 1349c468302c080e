package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Kill describes how servers are killed.
type Kill struct {
	Program []string // nightjar, after the programs that run it
	Dir     string   // an empty folder on the disk to test
	Rounds  int      // 0: until the context ends
	// Each server is killed after a random time between From and To.
	From, To time.Duration
	// Least is the number of writes that a server acknowledges before it is killed, even on a slow
	// machine. Run fails if that takes two minutes longer than To.
	Least int
	Load  Load
	Seed  uint64
	// Said is called after each round, unless it is nil.
	Said func(Round)
}

// leastWithin is the time, after To, for the Least writes of a round.
const leastWithin = 2 * time.Minute

// A Round describes one server.
type Round struct {
	Number       int
	After        time.Duration // when it was killed
	Acknowledged int           // writes
	Open         int           // writes without an answer
	Opened       time.Duration // how long the next server took to start
	Problems     []string
}

// Run starts a server on a new file, lets clients write to it, and kills it. Then it verifies the
// file and compares the next server with what the clients remember. There is at least one round.
// After the last one Run stops the server cleanly and compares everything once more. Run ends after
// the first round with a problem. An error means that a step was impossible.
func (k Kill) Run(ctx context.Context) (rounds []Round, err error) {
	random := rand.New(rand.NewPCG(k.Seed, 1))
	file := filepath.Join(k.Dir, "torture.db")
	ledger, token := new(Ledger), ""
	// finish the last round when the time is over
	steady := context.WithoutCancel(ctx)
	node, err := Start(steady, k.Program, file)
	if err != nil {
		return nil, err
	}
	defer func() { node.Kill() }()
	first := node.Client("")
	if err := first.SignIn(steady, "admin", node.Password); err != nil {
		return nil, err
	}
	token = first.Token
	for n := 1; (n == 1 || ctx.Err() == nil) && (k.Rounds == 0 || n <= k.Rounds); n++ {
		r := Round{Number: n, After: k.From + time.Duration(random.Int64N(int64(k.To-k.From)+1))}
		load := make(chan error, 1)
		go func() { load <- k.Load.Run(steady, node.Client(token), ledger, n) }()
		began := time.Now()
		for wait := r.After; ; wait = 5 * time.Millisecond {
			select {
			case <-time.After(wait):
			case err := <-load:
				return rounds, errors.Join(errors.New("the clients ended before the server was killed"), err)
			}
			acknowledged, _ := ledger.Count(n)
			if acknowledged >= k.Least {
				break
			}
			if time.Since(began) > k.To+leastWithin {
				return rounds, fmt.Errorf("round %d: only %d of %d writes were acknowledged after %v",
					n, acknowledged, k.Least, time.Since(began).Round(time.Second))
			}
		}
		r.After = time.Since(began)
		node.Kill()
		if err := <-load; err != nil {
			return rounds, err
		}
		r.Acknowledged, r.Open = ledger.Count(n)
		if r.Problems, err = k.verify(steady, file); err != nil {
			return rounds, err
		}
		next, err := Start(steady, k.Program, file)
		if err != nil {
			return rounds, fmt.Errorf("after round %d, in which the server was killed after %v: %w", n, r.After, err)
		}
		node = next
		r.Opened = node.Opened
		problems, err := k.compare(steady, node.Client(token), ledger, false)
		r.Problems = append(r.Problems, problems...)
		if err != nil {
			return rounds, err
		}
		rounds = append(rounds, r)
		if k.Said != nil {
			k.Said(r)
		}
		if len(r.Problems) > 0 {
			return rounds, nil
		}
	}
	last := &rounds[len(rounds)-1]
	problems, err := k.compare(steady, node.Client(token), ledger, true)
	if err == nil {
		err = node.Stop()
	}
	last.Problems = append(last.Problems, problems...)
	if err == nil {
		problems, err = k.verify(steady, file)
		last.Problems = append(last.Problems, problems...)
	}
	return rounds, err
}

// verify runs the program's verify on the file.
func (k Kill) verify(ctx context.Context, file string) (problems []string, err error) {
	cmd := exec.CommandContext(ctx, k.Program[0],
		append(k.Program[1:len(k.Program):len(k.Program)], "--db", file, "verify")...)
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
	}
	return nil, err
}

// compare compares the node with the ledger twice: at once, when names may have to be found by a
// scan, and when the index has caught up.
func (k Kill) compare(ctx context.Context, node *Client, ledger *Ledger, all bool) (problems []string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, errors.New("no result after ten minutes"))
	defer cancel()
	problems, err = ledger.Check(ctx, node, At(time.Now()), all, true)
	select { // an idle node purges deleted rows and writes the free list
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	if err == nil {
		err = AwaitIndex(ctx, node)
	}
	if err != nil {
		return problems, fmt.Errorf("comparing: %w", err)
	}
	again, err := ledger.Names(ctx, node)
	return append(problems, again...), err
}

// Names compares only the names, which are now found by the index.
func (l *Ledger) Names(ctx context.Context, node *Client) (problems []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := At(time.Now())
	c := &checker{ctx: ctx, node: node, at: now, all: true, targets: map[string]*record{}}
	rounds := map[int]bool{}
	for _, it := range l.items {
		if it.kind == aTarget && !rounds[it.round] {
			rounds[it.round] = true
			if err := c.readTargets(it.round); err != nil {
				return nil, err
			}
		}
	}
	want := 0
	for _, it := range l.items {
		if it.kind != aTarget {
			continue
		}
		certain, found := it.exists(now), naming{name: it.name}
		if there := c.record(c.targets, "target", it, certain, &found); there != (certain == yes) {
			c.problem("by the index, target %q exists: %v", found.name, there)
		}
		if certain == yes {
			want++
		}
	}
	if len(c.targets) != want {
		c.problem("by the index there are %d targets, not %d", len(c.targets), want)
	}
	return c.problems, nil
}
