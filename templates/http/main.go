// Command http signs people up: an HTTP route starts an orchestration, another
// shows how far it is.
package main

import (
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/templates/http/signup"
	"github.com/funchost/funchost/triggers"
)

func main() { framework.Main(newApp()) }

// newApp puts the app together. Its test uses it, too.
func newApp() *framework.App {
	return framework.New("sign-ups").
		Add(signup.Functions()...).
		On(
			triggers.HTTP("POST /api/signups", signup.SignUp),
			triggers.HTTPFunc("GET /api/signups/{id}", signup.Show),
		)
}
