package ui

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

const patience = testenv.Patience

// browser is a headless Chromium, driven over a pipe with the DevTools protocol.
type browser struct {
	in     io.Writer
	mu     sync.Mutex
	last   int
	wait   map[int]chan reply
	events map[string]func(method string, params json.RawMessage) // by session
}

type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// chromium is the browser that all tests share. Each page has its own cookies and storage.
var chromium struct {
	sync.Once
	*browser
	stop func()
	err  error
}

// startBrowser returns the browser and makes the test parallel, each test in its own window. It
// skips the test if there is no Chromium.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	t.Parallel()
	program := testenv.Need(t, "chromium", "chromium-browser", "google-chrome", "chrome")
	chromium.Do(func() { chromium.browser, chromium.stop, chromium.err = launch(program) })
	if chromium.err != nil {
		t.Fatal(chromium.err)
	}
	return chromium.browser
}

func launch(program string) (b *browser, stop func(), err error) {
	theirs1, ours1, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	ours2, theirs2, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	home, err := os.MkdirTemp("", "nightjar-browser")
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run",
		"--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--force-color-profile=srgb", "--hide-scrollbars",
		"--user-data-dir="+home, "about:blank")
	cmd.ExtraFiles = []*os.File{theirs1, theirs2} // 3 to read from, 4 to write to
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	theirs1.Close()
	theirs2.Close()
	b = &browser{in: ours1, wait: map[int]chan reply{}, events: map[string]func(string, json.RawMessage){}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.read(ours2)
	}()
	return b, func() {
		cmd.Process.Kill()
		cmd.Wait()
		ours1.Close()
		<-done
		ours2.Close()
		for range 20 { // its child processes may still write there
			if os.RemoveAll(home) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}, nil
}

// read reads messages from the browser until it exits.
func (b *browser) read(from io.Reader) {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			for id, c := range b.wait {
				close(c)
				delete(b.wait, id)
			}
			b.wait = nil
			b.mu.Unlock()
			return
		}
		var m struct {
			ID        int
			Method    string
			SessionID string
			Params    json.RawMessage
			reply
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		c, event := b.wait[m.ID], b.events[m.SessionID]
		delete(b.wait, m.ID)
		b.mu.Unlock()
		switch {
		case c != nil:
			c <- m.reply
		case event != nil && m.Method != "":
			event(m.Method, m.Params)
		}
	}
}

// call calls a method of the browser and waits for the reply.
func (b *browser) call(session, method string, params, out any) error {
	c := make(chan reply, 1)
	b.mu.Lock()
	if b.wait == nil {
		b.mu.Unlock()
		return errors.New("the browser has ended")
	}
	b.last++
	id := b.last
	b.wait[id] = c
	m := map[string]any{"id": id, "method": method, "params": params}
	if params == nil {
		m["params"] = struct{}{}
	}
	if session != "" {
		m["sessionId"] = session
	}
	text, err := json.Marshal(m)
	if err == nil {
		_, err = b.in.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r, ok := <-c:
		switch {
		case !ok:
			return errors.New("the browser has ended")
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case out != nil:
			return json.Unmarshal(r.Result, out)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer", method)
	}
}

// page is one window, with its own cookies.
type page struct {
	*browser
	t       *testing.T
	session string
	base    string // of the node, without a slash at the end

	choosers chan json.RawMessage // the parameters of Page.fileChooserOpened

	told  sync.Mutex
	wrong []string // errors of scripts and of the security policy, and requests to other sites
}

// newPage opens a window on a node.
func (b *browser) newPage(t *testing.T, base string) *page {
	t.Helper()
	p := &page{browser: b, t: t, base: base, choosers: make(chan json.RawMessage, 1)}
	var context struct{ BrowserContextID string }
	p.do("Target.createBrowserContext", nil, &context)
	t.Cleanup(func() {
		b.mu.Lock()
		delete(b.events, p.session)
		b.mu.Unlock()
		b.call("", "Target.disposeBrowserContext", map[string]any{"browserContextId": context.BrowserContextID}, nil)
	})
	var target struct{ TargetID string }
	p.do("Target.createTarget",
		map[string]any{"url": "about:blank", "browserContextId": context.BrowserContextID}, &target)
	var attached struct{ SessionID string }
	p.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	b.mu.Lock()
	b.events[p.session] = p.event
	b.mu.Unlock()
	// Without this only one window has the focus, and the others cannot use the clipboard.
	p.do("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.do(domain+".enable", nil, nil)
	}
	// a click can miss a moving element
	p.do("Emulation.setEmulatedMedia",
		map[string]any{"features": []any{map[string]any{"name": "prefers-reduced-motion", "value": "reduce"}}}, nil)
	p.do("Browser.grantPermissions",
		map[string]any{"browserContextId": context.BrowserContextID,
			"permissions": []string{"clipboardReadWrite", "clipboardSanitizedWrite"}}, nil)
	return p
}

func (p *page) do(method string, params, out any) {
	p.t.Helper()
	if err := p.call(p.session, method, params, out); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) event(method string, params json.RawMessage) {
	if method == "Page.fileChooserOpened" {
		p.choosers <- params
		return
	}
	var e struct {
		Type  string
		Args  []struct{ Value, Description any }
		Entry struct{ Source, Level, Text, URL string }
		// of exceptions
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
		Request struct{ URL string }
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	text := ""
	switch method {
	case "Runtime.exceptionThrown":
		text = e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description
	case "Runtime.consoleAPICalled":
		if e.Type == "error" || e.Type == "assert" {
			text = fmt.Sprint("console: ", e.Args)
		}
	case "Log.entryAdded":
		if e.Entry.Level == "error" {
			text = e.Entry.Source + ": " + e.Entry.Text + " " + e.Entry.URL
		}
	case "Network.requestWillBeSent":
		u := e.Request.URL
		if !strings.HasPrefix(u, p.base+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") &&
			u != "about:blank" {
			text = "a request to another site: " + u
		}
	}
	if text != "" {
		p.told.Lock()
		p.wrong = append(p.wrong, text)
		p.told.Unlock()
	}
}

// clean fails the test if the page had errors. allowed lists parts of the errors that the test
// provokes.
func (p *page) clean(allowed ...string) {
	p.t.Helper()
	p.told.Lock()
	defer p.told.Unlock()
next:
	for _, text := range p.wrong {
		for _, a := range allowed {
			if strings.Contains(text, a) {
				continue next
			}
		}
		p.t.Error(text)
	}
	p.wrong = nil
}

// eval runs a script in the page, awaits it, and stores its value in out.
func (p *page) eval(script string, out any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.call(p.session, "Runtime.evaluate",
		map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	switch {
	case err != nil:
		return err
	case r.ExceptionDetails != nil:
		return errors.New(r.ExceptionDetails.Text + " " + r.ExceptionDetails.Exception.Description)
	case out != nil && r.Result.Value != nil:
		return json.Unmarshal(r.Result.Value, out)
	}
	return nil
}

// run runs statements in the page. In them $ is document.querySelector.
func (p *page) run(script string) {
	p.t.Helper()
	if err := p.eval("(async () => { const $ = (s) => document.querySelector(s); "+script+" })()", nil); err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
}

// wait waits until an expression is true.
func (p *page) wait(expression string) {
	p.t.Helper()
	script := "(() => { const $ = (s) => document.querySelector(s), $$ = (s) => [...document.querySelectorAll(s)]; " +
		"try { return Boolean(" + expression + ") } catch { return false } })()"
	for end := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
		var yes bool
		if p.eval(script, &yes) == nil && yes {
			return
		}
		if time.Now().After(end) {
			var seen string
			p.eval("document.body.innerText.slice(0, 2000)", &seen)
			p.t.Fatalf("timed out waiting for %s; the page shows:\n%s", expression, seen)
		}
	}
}

// text returns the text of an element.
func (p *page) text(selector string) string {
	p.t.Helper()
	var s string
	if err := p.eval("document.querySelector("+quote(selector)+").innerText", &s); err != nil {
		p.t.Fatalf("%s: %v", selector, err)
	}
	return s
}

// open goes to a path and waits for the page.
func (p *page) open(path string) {
	p.t.Helper()
	p.do("Page.navigate", map[string]any{"url": p.base + path}, nil)
	p.wait("document.documentElement.dataset.shown === 'true' && location.href.startsWith(" +
		quote(p.base+strings.SplitN(path, "?", 2)[0]) + ")")
}

// entry returns the id of an entry of the window's history, by steps from the current one.
func (p *page) entry(by int) int {
	p.t.Helper()
	var h struct {
		CurrentIndex int
		Entries      []struct{ ID int }
	}
	if p.do("Page.getNavigationHistory", nil, &h); h.CurrentIndex+by < 0 {
		p.t.Fatalf("history has no page %d before entry %d", -by, h.CurrentIndex)
	}
	return h.Entries[h.CurrentIndex+by].ID
}

// click clicks into the middle of an element, as a person would.
func (p *page) click(selector string) {
	p.t.Helper()
	p.wait("$(" + quote(selector) + ") && !$(" + quote(selector) + ").disabled")
	var at struct{ X, Y float64 }
	// a page that just got new content moves its elements: a click there would miss
	err := p.eval("(async () => { const place = () => { const e = document.querySelector("+quote(selector)+"); "+
		"e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect(); return {x: b.x + b.width / 2, "+
		"y: b.y + b.height / 2} }; let was, at = place(); do { was = at; await new Promise((r) => setTimeout(r, 25)); "+
		"at = place() } while (at.x !== was.x || at.y !== was.y); return at })()", &at)
	if err != nil {
		p.t.Fatalf("%s: %v", selector, err)
	}
	for _, kind := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		p.do("Input.dispatchMouseEvent",
			map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// enter types a text into a field, replacing its content.
func (p *page) enter(selector, text string) {
	p.t.Helper()
	p.wait("$(" + quote(selector) + ")")
	p.run("const e = $(" + quote(selector) + "); e.focus(); e.select?.();")
	p.do("Input.insertText", map[string]any{"text": text}, nil)
}

// key presses a named key, such as Escape, or a letter.
func (p *page) key(name string) {
	p.t.Helper()
	down := map[string]any{"type": "keyDown", "key": name}
	// the browser needs the codes for its own actions
	if code := map[string]int{"Enter": 13, "Escape": 27}[name]; code != 0 {
		down["windowsVirtualKeyCode"], down["text"] = code, map[string]string{"Enter": "\r"}[name]
	}
	if len(name) == 1 {
		down["text"] = name
	}
	p.do("Input.dispatchKeyEvent", down, nil)
	p.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name}, nil)
}

// size sets the size of the window in pixels.
func (p *page) size(width, height int) {
	p.t.Helper()
	p.do("Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
}

// picture returns the whole page as PNG.
func (p *page) picture() []byte {
	p.t.Helper()
	var m struct {
		CSSContentSize struct{ Width, Height float64 }
	}
	p.do("Page.getLayoutMetrics", nil, &m)
	var picture struct{ Data string }
	p.do("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": m.CSSContentSize.Width,
			"height": min(m.CSSContentSize.Height, 4000), "scale": 1}}, &picture)
	b, err := base64.StdEncoding.DecodeString(picture.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// node is a running nightjar with the demo in it.
type node struct{ base, password string }

// built is the program, built once for all tests.
var built struct {
	sync.Once
	folder string
	err    error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if chromium.stop != nil {
		chromium.stop()
	}
	if demo.stop != nil {
		demo.stop()
	}
	if built.folder != "" {
		os.RemoveAll(built.folder)
	}
	os.Exit(status)
}

func build() {
	if built.folder, built.err = os.MkdirTemp("", "nightjar-pages"); built.err != nil {
		return
	}
	built.err = testenv.Build(filepath.Join(built.folder, "nightjar"))
}

// demo is the node with the demo that is shared by tests that change nothing.
var demo struct {
	sync.Once
	node
	stop func()
	err  error
}

// sharedNode returns the node that tests share. A test that changes something starts its own.
func sharedNode(t *testing.T) node {
	t.Helper()
	if built.Do(build); built.err != nil {
		t.Fatal(built.err)
	}
	demo.Do(func() { demo.node, demo.stop, demo.err = runNode(built.folder, "--demo") })
	if demo.err != nil {
		t.Fatal(demo.err)
	}
	return demo.node
}

// startNode serves a demo until the test ends, with additional flags.
func startNode(t *testing.T, flags ...string) node {
	t.Helper()
	return serve(t, append([]string{"--demo"}, flags...)...)
}

// serve serves a new file until the test ends, with additional flags.
func serve(t *testing.T, flags ...string) node {
	t.Helper()
	if built.Do(build); built.err != nil {
		t.Fatal(built.err)
	}
	n, stop, err := runNode(t.TempDir(), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return n
}

// runNode serves a new file in a folder.
func runNode(folder string, flags ...string) (n node, stop func(), err error) {
	cmd := exec.Command(filepath.Join(built.folder, "nightjar"),
		append([]string{"--db", filepath.Join(folder, "n.db"), "serve", "--listen", "127.0.0.1:0"}, flags...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return n, nil, err
	}
	if err := cmd.Start(); err != nil {
		return n, nil, err
	}
	stop = func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if s, ok := strings.CutPrefix(lines.Text(), "admin password: "); ok {
			n.password = s
		}
		if s, ok := strings.CutPrefix(lines.Text(), "sign in: "); ok {
			n.base = strings.TrimSuffix(s, "/")
			go io.Copy(io.Discard, out)
			return n, stop, nil
		}
	}
	stop()
	return n, nil, errors.New("the node did not start")
}

// signIn signs in through the page.
func (p *page) signIn(n node) {
	p.t.Helper()
	p.open("/accounts/login/")
	p.enter("input[name=username]", "admin")
	p.enter("input[name=password]", n.password)
	p.click("#sign-in button")
	p.wait("$('#who')?.textContent === 'admin'")
}
