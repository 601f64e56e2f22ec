// Program changes a setting that an orchestrator of another package reads.
package main // want `readsSetting: variable settings.Least, which is changed at admin/admin.go:[0-9]+, read at global/global.go`

import (
	_ "github.com/funchost/funchost/framework/durablevet/testdata/planted/global"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/global/admin"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/global/settings"
)

func main() {
	settings.Most = 3 // want `readsSetting: variable settings.Most, which is changed at main.go:[0-9]+, read at global/global.go`
	admin.Lower()
}
