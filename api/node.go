package api

import (
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

var settingFields = []wire.Field{
	{Name: "name", Label: "Name", Kind: wire.Text, ReadOnly: true},
	{Name: "value", Label: "Value", Kind: wire.Text, Required: true, Verbatim: true},
}

var verifyFields = []wire.Field{
	{Name: "head", Label: "Head", Kind: wire.Text, Blank: true,
		Help: "An earlier head of the log, as stat and backup print it. Verify also checks that the log has only " +
			"grown since then."},
	{Name: "repair", Label: "Repair", Kind: wire.Boolean,
		Help: "First remove references to records that do not exist, and records that are useless without them."},
}

var verifyFilters = []wire.Filter{{Name: "progress", Kind: wire.Boolean,
	Help: "Answer with a stream of JSON lines: the progress, and at the end the result."}}

var pathFields = []wire.Field{{Name: "path", Label: "Path", Kind: wire.Text, Required: true, Verbatim: true,
	Help: "The path of the copy on the node."}}

var (
	settingsSpec   = spec{lists: true}
	settingSpec    = spec{fields: settingFields, mayAct: isSuperuser}
	backupSpec     = spec{fields: pathFields, mayAct: func(r *request) bool { return r.viewer.Owner }}
	backupFileSpec = spec{oneForm: true, guarded: true}
	verifySpec     = spec{fields: verifyFields, mayAct: isSuperuser, filters: verifyFilters}
)

func writeSetting(w *wire.Writer, s *archive.Setting) {
	w.Object(func() {
		w.TextMember("name", s.Name)
		w.TextMember("value", s.Value)
		w.TextMember("default", s.Default)
		w.TextMember("help_text", s.Help)
	})
}

func listSettings(r *request) (*answer, error) {
	return shortList(r, func(p archive.Page) ([]archive.Setting, int, error) {
		list, err := r.access.Settings()
		return pageOf(list, p), len(list), err
	}, writeSetting)
}

func getSetting(r *request) (*answer, error) {
	s, err := r.access.Setting(r.params.ByName("id"))
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusOK, func(w *wire.Writer) { writeSetting(w, &s) })
}

func setSetting(r *request) (*answer, error) {
	if _, err := r.access.Setting(r.params.ByName("id")); err != nil {
		return nil, err
	}
	rec, err := r.record(settingFields, false)
	if err != nil {
		return nil, err
	}
	s, err := r.access.SetSetting(r.Context(), r.params.ByName("id"), rec.Get("value").Text)
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusOK, func(w *wire.Writer) { writeSetting(w, &s) })
}

// getNode describes the state of the node.
func getNode(r *request) (*answer, error) {
	st, err := r.access.Stat()
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK, func(w *wire.Writer) {
		w.TextMember("node", st.Node)
		w.TextMember("name", st.Name)
		w.TextMember("version", r.api.o.Version)
		w.TextMember("url", r.api.o.URL)
		w.TextMember("fingerprint", r.api.o.Fingerprint)
		w.IntMember("format", int64(st.Formatted))
		w.TextMember("path", st.Path)
		w.IntMember("size", st.Size)
		w.IntMember("free", st.Free)
		w.Key("disk_free")
		if st.DiskFree < 0 {
			w.Null()
		} else {
			w.Raw(strconv.AppendInt(nil, st.DiskFree, 10))
		}
		w.TextMember("head", st.Head)
		w.IntMember("sequence", int64(st.Seq))
		w.TextMember("permissions", st.Mode)
		w.TextMember("auth_strategy", st.Strategy)
		w.BoolMember("read_only", st.ReadOnly)
		w.TextMember("failed", st.Failed)
		r.api.writeBackups(w, true)
		w.Key("index")
		w.Object(func() {
			w.IntMember("sequence", int64(st.Index.Seq))
			w.IntMember("rebuilt", int64(st.Index.Rebuilt))
			w.TextMember("why_not", st.Index.Why)
		})
		w.Key("counts")
		w.Object(func() {
			for _, name := range []string{"targets", "lists", "dataproducts", "reduceddatums",
				"observations", "uploads"} {
				w.IntMember(name, int64(st.Counts[name]))
			}
		})
	})
}

// getCertificate returns the node's certificate, which is in the file.
func getCertificate(r *request) (*answer, error) {
	text, err := r.access.Certificate()
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the certificate in the file is not PEM")
	}
	return r.object(http.StatusOK, func(w *wire.Writer) {
		w.TextMember("certificate", text)
		w.TextMember("fingerprint", Fingerprint(block.Bytes))
	})
}

// Fingerprint returns the SHA-256 of a certificate in the notation of browsers.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// backup writes a copy to a path on the node. Only the owner of the file may name paths.
func backup(r *request) (*answer, error) {
	if !r.viewer.Owner {
		return nil, problem.ErrForbidden
	}
	rec, err := r.record(pathFields, false)
	if err != nil {
		return nil, err
	}
	head, err := r.access.Backup(r.Context(), rec.Get("path").Text)
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.TextMember("path", rec.Get("path").Text)
		w.TextMember("head", head)
	})
}

// downloadBackup sends a verified copy of the whole file.
func downloadBackup(r *request) (*answer, error) {
	c, err := r.access.Snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	now := r.api.archive.Now().UTC()
	h := r.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="nightjar-`+now.Format(backupStamp)+`.db"`)
	h.Set("Cache-Control", "no-store")
	h.Set("Nightjar-Head", c.Head)
	http.ServeContent(r.w, r.Request, "", now, c)
	return &answer{sent: true}, nil
}

const backupStamp = "20060102-150405"

// writeBackups describes the automatic copies. Only a superuser sees paths and causes (inside).
func (api *API) writeBackups(w *wire.Writer, inside bool) {
	if api.o.Backups == nil {
		return
	}
	st := api.o.Backups()
	w.Key("backup")
	w.Object(func() {
		w.Key("age_seconds")
		if st.Path == "" {
			w.Null()
		} else {
			w.Raw(strconv.AppendInt(nil, int64(api.archive.Now().Sub(st.Time).Seconds()), 10))
		}
		w.BoolMember("failed", st.Failed != "")
		if inside {
			w.TextMember("path", st.Path)
			w.TextMember("why", st.Failed)
		}
	})
}

func verify(r *request) (*answer, error) {
	rec, err := r.record(verifyFields, true)
	if err != nil {
		return nil, err
	}
	o := archive.VerifyOptions{Since: rec.Get("head").Text}
	var repair *archive.Repair
	if rec.Get("repair").Bool {
		if repair, err = r.access.Repair(r.Context()); err != nil {
			return nil, err
		}
	}
	if !r.flag("progress") {
		report, err := r.access.Verify(r.Context(), o)
		if err != nil {
			return nil, err
		}
		return r.object(http.StatusOK, func(w *wire.Writer) { writeVerification(w, report, repair) })
	}
	return r.streamed(typeNDJSON, func(s *stream) error {
		o.Progress = func(done, total int) {
			s.line(func(w *wire.Writer) {
				w.IntMember("done", int64(done))
				w.IntMember("total", int64(total))
			})
			s.send()
			http.NewResponseController(r.w).Flush()
		}
		report, err := r.access.Verify(r.Context(), o)
		if err != nil {
			return err
		}
		s.line(func(w *wire.Writer) { writeVerification(w, report, repair) })
		return nil
	})
}

func writeVerification(w *wire.Writer, v *archive.VerifyReport, repair *archive.Repair) {
	w.BoolMember("good", v.Err() == nil)
	w.IntMember("records", int64(v.Records))
	w.IntMember("blobs", int64(v.Blobs))
	w.IntMember("log_entries", int64(v.Entries))
	w.TextMember("head", v.Head.String())
	w.Key("problems")
	w.List(func() {
		for _, p := range v.Problems {
			w.Text(p)
		}
	})
	w.IntMember("more_problems", int64(v.More))
	w.TextMember("other_log", v.Other)
	w.IntMember("dangling", int64(v.Dangling))
	if repair == nil {
		return
	}
	w.Key("repaired")
	w.List(func() {
		for _, line := range repair.Done {
			w.Text(line)
		}
	})
	w.IntMember("more_repaired", int64(repair.More))
}

func compact(r *request) (*answer, error) {
	before, after, err := r.access.Compact(r.Context())
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK, func(w *wire.Writer) {
		w.IntMember("before", before)
		w.IntMember("after", after)
	})
}

func reindex(r *request) (*answer, error) {
	if err := r.access.Reindex(); err != nil {
		return nil, err
	}
	return r.object(http.StatusAccepted, func(w *wire.Writer) {
		w.TextMember("message", "The index is being rebuilt. Searches work meanwhile.")
	})
}

// serveHealth says whether the node is ready, and why not. A node whose last backup failed answers
// 200, since it serves its clients, but is not "ok".
func (api *API) serveHealth(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	status, text, why := http.StatusOK, "ok", ""
	if api.o.Backups != nil && api.o.Backups().Failed != "" {
		text, why = "backup failed", "The last automatic backup failed: nightjar stat says why."
	}
	err := api.archive.Ready()
	if err != nil {
		status, text, why = http.StatusServiceUnavailable, "not ready", whyNotReady(err)
	}
	api.noteHealth(err)
	var out wire.Writer
	out.Object(func() {
		out.TextMember("status", text)
		if why != "" {
			out.TextMember("why", why)
		}
		api.writeBackups(&out, false)
	})
	w.Header().Set("Content-Type", typeJSON)
	w.WriteHeader(status)
	w.Write(out.Buf)
}

// noteHealth logs a change of the node's state. Not each check is logged, since monitors call
// /healthz all the time.
func (api *API) noteHealth(err error) {
	now := ""
	if err != nil {
		now = whyNotReady(err)
	}
	before, _ := api.health.Swap(now).(string)
	switch {
	case before == now:
	case err != nil:
		api.o.Log.Error("not ready", "error", err)
	default:
		api.o.Log.Info("ready again")
	}
}
