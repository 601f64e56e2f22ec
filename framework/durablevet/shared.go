package durablevet

import (
	"cmp"
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// placedRead is a read, in an orchestrator of this package, of a variable that
// another package may change.
type placedRead struct {
	globalRead

	pos token.Pos
}

// noteReads keeps the reads of exported variables, which packages that are looked at
// later may change.
func (r *reporter) noteReads(n *node, chain []string) {
	for _, a := range n.reads {
		if _, written := r.writes[a.v]; written || !a.v.Exported() || !r.isOurs(a.v.Pkg()) {
			continue // no other can write it, or it is reported already
		}
		if s := r.foreignSummary(edge{foreign: a.v}); a.v.Pkg() != r.pass.Pkg && s != nil && s.Written != "" {
			continue
		}
		r.reads = append(r.reads, placedRead{globalRead{keyOf(a.v), strings.Join(chain, " -> "), foreignName(a.v), r.at(a.pos)}, a.pos})
	}
}

// reportShared brings together who reads a variable and who changes it, when one of
// them does not know the other, and hands on what is open.
func (r *reporter) reportShared() {
	var all shared
	for _, p := range r.pass.Pkg.Imports() {
		var s shared
		if r.isOurs(p) && r.pass.ImportPackageFact(p, &s) {
			all.Reads = append(all.Reads, s.Reads...)
			all.Writes = append(all.Writes, s.Writes...)
		}
	}
	known := all.Writes
	for v, pos := range r.writes {
		if v.Pkg() == r.pass.Pkg && !v.Exported() {
			continue
		}
		w := globalWrite{Key: keyOf(v), Where: r.at(pos)}
		for _, read := range all.Reads {
			if read.Key == w.Key {
				r.sharedMistake(pos, read, r.here(pos))
				w.Told = append(w.Told, read.Where)
			}
		}
		all.Writes = append(all.Writes, w)
	}
	for _, read := range r.reads {
		i := slices.IndexFunc(known, func(w globalWrite) bool { return w.Key == read.Key })
		if i < 0 {
			all.Reads = append(all.Reads, read.globalRead)
			continue
		}
		r.sharedMistake(read.pos, read.globalRead, known[i].Where)
	}
	all.sort()
	switch {
	case r.pass.Pkg.Name() == "main":
		r.reportStrangers(&all)
	case len(all.Reads)+len(all.Writes) > 0:
		r.pass.ExportPackageFact(&all)
	}
}

// sort brings a fact into the form that is the same for the same contents.
func (s *shared) sort() {
	slices.SortFunc(s.Reads, func(a, b globalRead) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Where, b.Where), cmp.Compare(a.Chain, b.Chain))
	})
	s.Reads = slices.CompactFunc(s.Reads, func(a, b globalRead) bool { return a.Key == b.Key && a.Where == b.Where })
	for i := range s.Writes {
		slices.Sort(s.Writes[i].Told)
	}
	slices.SortFunc(s.Writes, func(a, b globalWrite) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Where, b.Where), slices.Compare(a.Told, b.Told))
	})
	s.Writes = slices.CompactFunc(s.Writes, func(a, b globalWrite) bool { return a.Key == b.Key && a.Where == b.Where })
}

// reportStrangers reports, for a program, variables whose readers and writers do not
// know of each other.
func (r *reporter) reportStrangers(all *shared) {
	for _, w := range all.Writes {
		for _, read := range all.Reads {
			if w.Key == read.Key && !slices.Contains(w.Told, read.Where) && len(r.files) > 0 {
				r.sharedMistake(r.files[0].Name.Pos(), read, w.Where)
			}
		}
	}
}

func (r *reporter) sharedMistake(pos token.Pos, read globalRead, changed string) {
	t := &trace{Kind: kindGlobal, What: "variable " + read.What, Why: "it is changed at " + changed, Where: read.Where}
	if !r.ignored(pos) {
		r.found = append(r.found, analysis.Diagnostic{Pos: pos, Message: t.text([]string{read.Chain})})
	}
}
