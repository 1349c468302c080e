package torture

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A Node is a server on a file, in a process of its own.
type Node struct {
	URL      string
	Password string        // of admin, for a new file
	Opened   time.Duration // from the start of the process until it serves
	cmd      *exec.Cmd
	output   *outputTail
	ended    chan struct{} // closed when the process has ended
	err      error         // of the process
}

// startWithin is how long a server may take to start.
const startWithin = 2 * time.Minute

// Start runs nightjar serve on a file, on a free port, and waits until it serves. program is the
// command line of nightjar; programs that run it come first.
func Start(ctx context.Context, program []string, file string, flags ...string) (*Node, error) {
	args := append(program[1:len(program):len(program)], "--db", file, "serve", "--listen", "127.0.0.1:0")
	n := &Node{cmd: exec.Command(program[0], append(args, flags...)...), output: new(outputTail),
		ended: make(chan struct{})}
	n.cmd.Stderr = n.output
	n.cmd.WaitDelay = time.Second
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	n.cmd.Stdout = w
	began := time.Now()
	err = n.cmd.Start()
	w.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	go func() {
		n.err = n.cmd.Wait()
		close(n.ended)
	}()
	serves := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if password, ok := strings.CutPrefix(lines.Text(), "admin password: "); ok {
				n.Password = password
			}
			if url, ok := strings.CutPrefix(lines.Text(), "sign in: "); ok {
				n.URL, n.Opened = strings.TrimSuffix(url, "/"), time.Since(began)
				serves <- true
			}
		}
		serves <- false
		io.Copy(io.Discard, out)
		out.Close()
	}()
	select {
	case ok := <-serves:
		if ok {
			return n, nil
		}
		err = errors.New("the server ended before it was ready")
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-time.After(startWithin):
		err = fmt.Errorf("the server is not ready after %v", startWithin)
	}
	n.Kill()
	return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(n.output.String()))
}

// Kill kills the process, with SIGKILL where there are signals, and waits for its end.
func (n *Node) Kill() {
	n.cmd.Process.Kill()
	<-n.ended
}

// Stop asks the process to end, and waits for its end.
func (n *Node) Stop() error {
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil {
		n.Kill()
		return err
	}
	<-n.ended
	if n.err != nil {
		return fmt.Errorf("%w: %s", n.err, strings.TrimSpace(n.output.String()))
	}
	return nil
}

// PID is the process id.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Said returns the end of the server's standard error.
func (n *Node) Said() string { return n.output.String() }

// Client returns a new client of the node, with connections of its own.
func (n *Node) Client(token string) *Client {
	return &Client{HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, URL: n.URL, Token: token}
}

// outputTail keeps the last 256 KiB written to it, enough for a Go crash report.
type outputTail struct {
	mu sync.Mutex
	b  []byte
}

func (t *outputTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - 256<<10; n > 0 {
		t.b = bytes.Clone(t.b[n:])
	}
	return len(p), nil
}

func (t *outputTail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
