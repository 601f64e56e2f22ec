package durablevet

import "slices"

// summary is what is known of a function or a package variable wherever its package
// is imported.
type summary struct {
	Traces  []*trace
	Acts    bool // a function: does what must keep its order
	Mutates bool // a method: changes its receiver

	Written string // a variable: where it is changed after the program has begun
	Handle  string // a variable that is a handle: what an app must have
	Code    string // and where its function is bound
}

// AFact makes summary a fact.
func (*summary) AFact() {}

// trace is a mistake, or the use of a handle, at the end of a way that leads to it.
type trace struct {
	Kind   kind
	What   string
	Why    string
	WayOut string
	Where  string
	Chain  []string // names of what leads there, beginning with whose summary it is in
	Deep   bool     // it lies in a module that others have written
	Later  bool     // of an initial value: not now, but when it is called

	Handle string   // of kindUses and kindOffers
	Code   string   // where that handle has its function
	Uses   []*trace // of kindOffers: what the function of the handle uses

	key string // tells mistakes apart, within one run
}

// shared is what packages know of variables that one of them declares, another reads
// in an orchestrator and a third one changes. The package that sees them all reports
// it, and that may be the program.
type shared struct {
	Reads  []globalRead // sorted, since facts are compared byte by byte
	Writes []globalWrite
}

type globalRead struct {
	Key                string // of the variable
	Chain, What, Where string
}

type globalWrite struct {
	Key   string
	Where string
	Told  []string // the reads that have been reported with it, by their places
}

// AFact makes shared a fact.
func (*shared) AFact() {}

// foreignSummary is what is known of something in another package.
func (u *unit) foreignSummary(e edge) *summary {
	if e.foreign == nil || e.foreign.Pkg() == nil {
		return nil
	}
	var s summary
	if !u.pass.ImportObjectFact(e.foreign, &s) {
		return nil
	}
	return &s
}

// exportFacts hands on what others need to know of this package.
func (u *unit) exportFacts() {
	for f, n := range u.funcs {
		u.export(f, &summary{Traces: n.traces, Acts: n.acts, Mutates: n.mutates})
	}
	if !u.ours {
		return
	}
	for _, name := range u.pass.Pkg.Scope().Names() {
		v := packageVar(u.pass.Pkg, name)
		if v == nil {
			continue
		}
		s := &summary{}
		if n := u.vars[v]; n != nil {
			s.Traces = slices.Concat(n.traces, u.usesOf(v))
		}
		if pos, ok := u.writes[v]; ok {
			s.Written = u.at(pos)
		}
		if u.handles[v] != nil {
			s.Handle, s.Code = u.handleOf(v)
		}
		u.export(v, s)
	}
}

func (s *summary) empty() bool {
	return len(s.Traces) == 0 && !s.Acts && !s.Mutates && s.Written == "" && s.Handle == ""
}
