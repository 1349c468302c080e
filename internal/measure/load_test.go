package measure

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// load is the result of sending the same request repeatedly.
type load struct {
	median, p99 time.Duration
	rate        float64 // requests a second
}

// ask requests a URL over several connections for some time, each request following the previous
// answer.
func ask(t testing.TB, url, authorization string, connections int, duration time.Duration) load {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n", r.URL.RequestURI(),
		r.URL.Host, authorization)
	once(t, r.URL.Host, request, 1) // the answer must be good
	if _, err := exec.LookPath("wrk"); err == nil {
		return wrk(t, url, authorization, connections, duration)
	}
	return repeat(t, r.URL.Host, connections, duration, func(int) []byte { return request })
}

var wrkFigures = regexp.MustCompile(
	`50%\s+([0-9.]+)(us|ms|s)\s[\s\S]*99%\s+([0-9.]+)(us|ms|s)\s[\s\S]*Requests/sec:\s+([0-9.]+)`)

func wrk(t testing.TB, url, authorization string, connections int, duration time.Duration) load {
	t.Helper()
	out, err := exec.Command("wrk", "-t1", "-c"+strconv.Itoa(connections),
		fmt.Sprintf("-d%ds", max(1,
			int(duration.Seconds()))), "--latency", "-H", "Authorization: "+authorization, url).Output()
	m := wrkFigures.FindSubmatch(out)
	if err != nil || m == nil || bytes.Contains(out, []byte("Non-2xx")) {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	at := func(n, unit []byte) time.Duration {
		d, err := time.ParseDuration(string(n) + string(unit))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	rate, _ := strconv.ParseFloat(string(m[5]), 64)
	return load{at(m[1], m[2]), at(m[3], m[4]), rate}
}

// repeat sends requests over several connections for some time; next makes request n, counted over
// all connections.
func repeat(t testing.TB, host string, connections int, duration time.Duration, next func(n int) []byte) load {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	n := 0
	began := time.Now()
	for range connections {
		wg.Go(func() {
			c, err := dial(host)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			var times []time.Duration
			for time.Since(began) < duration {
				mu.Lock()
				n++
				request := next(n)
				mu.Unlock()
				start := time.Now()
				if err := c.do(request); err != nil {
					t.Error(err)
					return
				}
				times = append(times, time.Since(start))
			}
			mu.Lock()
			all = append(all, times...)
			mu.Unlock()
		})
	}
	wg.Wait()
	rate := float64(len(all)) / time.Since(began).Seconds()
	slices.Sort(all)
	return load{percentile(all, 0.5), percentile(all, 0.99), rate}
}

// once sends a request several times over one connection.
func once(t testing.TB, host string, request []byte, times int) {
	t.Helper()
	c, err := dial(host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range times {
		if err := c.do(request); err != nil {
			t.Fatal(err)
		}
	}
}

// conn is a connection of a minimal client, since the client shares the processors with the server.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func dial(host string) (*conn, error) {
	c, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// do sends a request and reads its answer, which must have a status of success.
func (c *conn) do(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	good := bytes.HasPrefix(line, []byte("HTTP/1.1 2"))
	status := string(line)
	length := 0
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
		}
	}
	if !good {
		text := make([]byte, min(length, 300))
		io.ReadFull(c.r, text)
		return fmt.Errorf("%s: %s", status, text)
	}
	_, err = c.r.Discard(length)
	return err
}
