package durablevet

import (
	"go/ast"
	"go/token"
	"strings"
)

const ignoreWord = "//durable:ignore"

// ignores are the lines that somebody has answered for.
type ignores struct {
	lines  map[string]map[int]bool // by file
	ranges [][2]token.Pos          // whole functions
}

// readIgnores finds the comments that ask for silence. One at the end of a line is
// about that line, one alone about the next, one above a function about all of it.
func (u *unit) readIgnores() {
	u.ignores.lines = make(map[string]map[int]bool)
	for _, file := range u.files {
		var found []*ast.Comment
		for _, group := range file.Comments {
			for _, c := range group.List {
				if rest, ok := strings.CutPrefix(c.Text, ignoreWord); ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
					reason, _, _ := strings.Cut(rest, "//")
					if strings.TrimSpace(reason) == "" {
						u.reasonMissing(c)
						continue
					}
					found = append(found, c)
				}
			}
		}
		if len(found) > 0 {
			u.ignoreIn(file, found)
		}
	}
}

func (u *unit) reasonMissing(c *ast.Comment) {
	if u.ours {
		u.pass.Reportf(c.Pos(), "%s without a reason hides nothing; write why it does no harm: %s REASON", ignoreWord, ignoreWord)
	}
}

func (u *unit) ignoreIn(file *ast.File, comments []*ast.Comment) {
	name := u.pass.Fset.Position(file.FileStart).Filename
	lines := u.ignores.lines[name]
	if lines == nil {
		lines = make(map[int]bool)
		u.ignores.lines[name] = lines
	}
	withCode := make(map[int]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case nil, *ast.Comment, *ast.CommentGroup:
			return false
		case *ast.BlockStmt:
			withCode[u.line(n.Rbrace)] = true
		case *ast.FuncDecl:
			u.ignoreFunc(n)
		}
		withCode[u.line(n.Pos())] = true
		withCode[u.line(n.End()-1)] = true
		return true
	})
	for _, c := range comments {
		line := u.line(c.Pos())
		lines[line] = true
		if !withCode[line] {
			lines[line+1] = true
		}
	}
}

func (u *unit) ignoreFunc(d *ast.FuncDecl) {
	if d.Doc == nil {
		return
	}
	for _, c := range d.Doc.List {
		if reason, ok := strings.CutPrefix(c.Text, ignoreWord+" "); ok && strings.TrimSpace(reason) != "" {
			u.ignores.ranges = append(u.ignores.ranges, [2]token.Pos{d.Pos(), d.End()})
		}
	}
}

func (u *unit) line(pos token.Pos) int { return u.pass.Fset.Position(pos).Line }

// ignored reports whether somebody has answered for a place.
func (u *unit) ignored(pos token.Pos) bool {
	for _, r := range u.ignores.ranges {
		if r[0] <= pos && pos < r[1] {
			return true
		}
	}
	if len(u.ignores.lines) == 0 {
		return false
	}
	p := u.pass.Fset.Position(pos)
	return u.ignores.lines[p.Filename][p.Line]
}
