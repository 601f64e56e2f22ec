package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// refreshEvery is how often the script renews a page that may change.
const refreshEvery = 2 * time.Second

// frame is what every page has around its content.
type frame struct {
	Title   string
	Hub     address // empty outside a hub
	Several bool    // there are other hubs
	Section string  // of the navigation: instances, entities
	Notice  string  // of what was just done
	Refresh int64   // milliseconds until the page is worth another look; 0 is never
}

// frame begins a page of the hub.
func (v *visit) frame(section string) frame {
	return frame{Hub: v.hub, Several: len(v.dashboard.hubs.Names()) > 1, Section: section}
}

// show answers with a page of the hub.
func (v *visit) show(status int, name string, page any) {
	v.dashboard.show(v.w, v.r, status, name, page)
}

type pages map[string]*template.Template

// parsePages reads the templates: each page is one, with the layout around it.
func parsePages() pages {
	all, err := fs.Glob(files, "page/*.html")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	funcs := template.FuncMap{
		"visible": visible, "readable": readable, "moment": moment, "stamp": stamp, "brief": brief, "lower": strings.ToLower, "isEntity": isEntity,
		"size": size, "work": work,
	}
	layout := template.Must(template.New("layout.html").Funcs(funcs).ParseFS(files, "page/layout.html", "page/part.html"))
	made := make(pages)
	for _, file := range all {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name != "layout" && name != "part" {
			made[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, file))
		}
	}
	return made
}

// show answers with a page. It is written as a whole or not at all.
func (d *dashboard) show(w http.ResponseWriter, r *http.Request, status int, name string, page any) {
	var text bytes.Buffer
	if err := d.pages[name].Execute(&text, page); err != nil {
		d.log.Error("a page of the dashboard could not be written", "page", name, "error", err)
		http.Error(w, "internal error: the page could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text.Bytes())
	}
}

// serveStatic answers with the style, the script or the icon. Browsers keep them
// and ask whether they have changed.
func serveStatic(w http.ResponseWriter, r *http.Request) {
	name := "static/" + r.PathValue("file")
	text, err := files.ReadFile(name)
	if err != nil {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	sum := sha256.Sum256(text)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}
