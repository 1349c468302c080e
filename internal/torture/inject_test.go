package torture_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// injected are the system calls that fail, and their errors.
var injected = []struct {
	calls  string
	errors []string
}{
	{"pwrite64", []string{"EIO", "ENOSPC", "EDQUOT"}},
	{"fdatasync,fsync", []string{"EIO", "ENOSPC", "EDQUOT"}},
	{"ftruncate,fallocate", []string{"EIO", "ENOSPC", "EDQUOT"}},
	{"rename,renameat,renameat2,link,linkat", []string{"EIO", "ENOSPC", "EDQUOT"}},
	{"unlink,unlinkat", []string{"EIO"}},
}

// TestInjectedErrors lets system calls fail at random while a node works. No acknowledged write is
// lost, no other write remains in part, the answers name the cause, and a restart recovers.
func TestInjectedErrors(t *testing.T) {
	parallel(t)
	strace := testenv.Need(t, "strace")
	dir := t.TempDir()
	file := filepath.Join(dir, "test.db")
	n := serve(t, file, "")
	ledger := new(torture.Ledger)
	random := rand.New(rand.NewPCG(8, 8))
	hits, met, refusals := 0, map[string]int{}, map[string]int{}
	rounds := testenv.Choose(len(injected), 240)
	for round := 1; round <= rounds; round++ {
		calls := injected[round%len(injected)]
		kind := calls.errors[random.IntN(len(calls.errors))]
		when := "1" // counted per thread
		if first := random.IntN(10); first > 6 && round%len(injected) < 2 {
			when = fmt.Sprint(first - 5)
		}
		if random.IntN(2) == 0 {
			when += "+" // and all later calls
		}
		log := filepath.Join(dir, "strace.log")
		detach, err := inject(strace, log, n.PID(), calls.calls, kind, when)
		if err != nil {
			t.Skipf("strace is not allowed here (%v): errors of system calls are not tested", err)
		}
		name := fmt.Sprintf("round %d, %s of %s, call %s", round, kind, calls.calls, when)
		answers := work(t, n, ledger, round, random)
		detach()
		said, err := os.ReadFile(log)
		check(t, err)
		hit := bytes.Contains(said, []byte("(INJECTED)"))
		if hit {
			met[calls.calls]++
			hits++
		}
		// a failed sync is a failure, whatever its error
		noRoom := (kind == "ENOSPC" || kind == "EDQUOT") && !strings.Contains(calls.calls, "sync")
		for _, a := range answers {
			if a.err == nil {
				continue
			}
			refused := new(torture.Refused)
			switch {
			case !errors.As(a.err, &refused):
				t.Errorf("%s: %s: %v", name, a.what, a.err)
				continue
			case !hit:
				t.Errorf("%s: no call failed, but %s: %v", name, a.what, a.err)
			case refused.Status/100 != 5:
				t.Errorf("%s: %s is the system's fault, not the client's: %v", name, a.what, a.err)
			case refused.Status == http.StatusInternalServerError && noRoom:
				t.Errorf("%s: %s: %v; it should be 507", name, a.what, a.err)
			}
			refusals[fmt.Sprintf("%s: %d", kind, refused.Status)]++
		}
		time.Sleep(100 * time.Millisecond)
		if random.IntN(2) == 0 {
			n.Kill()
		} else if err := n.Stop(); err != nil && !hit {
			t.Errorf("%s: stopping: %v", name, err)
		}
		if out, err := run(t, "--db", file, "verify"); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		n = serve(t, file, n.admin.Token)
		problems, err := ledger.Check(t.Context(), n.admin, torture.At(time.Now()), true, true)
		check(t, err)
		for _, p := range problems {
			t.Errorf("%s: %s", name, p)
		}
		all, err := os.ReadDir(dir)
		check(t, err)
		for _, f := range all {
			switch strings.TrimPrefix(f.Name(), "test.db") {
			case "", ".index", ".session", ".sock", ".lock", "strace.log":
			default:
				if strings.Contains(f.Name(), ".copy.part") && strings.HasPrefix(calls.calls, "unlink") {
					os.Remove(filepath.Join(dir, f.Name())) // it could not be removed, and the command reported it
					continue
				}
				t.Errorf("%s: left behind: %s", name, f.Name())
			}
		}
	}
	t.Logf("%d of %d rounds met a call: %v; refusals: %v", hits, rounds, met, refusals)
	if hits < rounds/2 {
		t.Errorf("only %d of %d rounds met a call", hits, rounds)
	}
	n.stop()
	must(t, "--db", file, "verify")
}

// inject lets system calls of a process fail until detach is called.
func inject(strace, log string, pid int, calls, kind, when string) (detach func(), err error) {
	var said bytes.Buffer
	cmd := exec.Command(strace, "-f", "-q", "-o", log, "-e", "trace="+calls, "-e",
		fmt.Sprintf("inject=%s:error=%s:when=%s", calls, kind, when), "-p", fmt.Sprint(pid))
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			return nil, fmt.Errorf("%.200s", said.String())
		default:
		}
		if traced(pid) {
			break
		}
		if time.Since(began) > testenv.Patience {
			cmd.Process.Kill()
			return nil, errors.New("strace does not attach to the process")
		}
	}
	return func() {
		cmd.Process.Signal(os.Interrupt)
		<-ended
	}, nil
}

// traced reports whether all threads of a process are traced.
func traced(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, path := range threads {
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte("TracerPid:\t0\n")) {
			return false
		}
	}
	return true
}

// answered is the result of a request.
type answered struct {
	what string
	err  error
}

// work makes a node do everything that writes, two things at a time.
func work(t *testing.T, n *node, ledger *torture.Ledger, round int, random *rand.Rand) (list []answered) {
	var mu sync.Mutex
	note := func(what string, err error) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, answered{what, err})
	}
	load := func(l torture.Load, round int, what string) {
		note(what, l.Run(t.Context(), n.Client(n.admin.Token), ledger, round))
	}
	backup := n.file + ".copy"
	all := []func(){
		func() { load(torture.Load{Posters: 3, Steps: 25}, 2*round, "posting") },
		func() {
			load(torture.Load{Rows: []int{300, 2000}, Files: []int{9 << 20}, Steps: 3}, 2*round+1, "uploading")
		},
		func() { note("compact", n.admin.Call(t.Context(), http.MethodPost, "/api/node/compact/", nil, nil)) },
		func() {
			out, err := run(t, "--db", n.file, "backup", backup)
			if err != nil {
				status := http.StatusInternalServerError
				if strings.Contains(out, "free space") || strings.Contains(out, "no space") ||
					strings.Contains(out, "quota") {
					status = http.StatusInsufficientStorage
				}
				err = &torture.Refused{Status: status, Body: out}
			}
			note("backup", err)
			os.Remove(backup)
		},
	}
	// two at once, then the others
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var both sync.WaitGroup
	both.Go(all[0])
	both.Go(all[1])
	both.Wait()
	all[2]()
	all[3]()
	return list
}
