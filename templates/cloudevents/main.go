// Command cloudevents looks after pictures: events about them start
// orchestrations.
package main

import (
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/templates/cloudevents/picture"
	"github.com/funchost/funchost/triggers"
)

func main() { framework.Main(newApp()) }

// newApp puts the app together. Its test uses it, too.
func newApp() *framework.App {
	return framework.New("pictures").
		Add(picture.Functions()...).
		On(triggers.CloudEvents("/events",
			triggers.Match(picture.Prepare, triggers.Type("com.example.picture.uploaded")),
			triggers.Match(picture.Forget, triggers.Type("com.example.picture.deleted")),
		))
}
