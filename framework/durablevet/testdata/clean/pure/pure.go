// Package pure calculates with the standard library.
package pure

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

var page = template.Must(template.New("page").Parse("{{.}}"))

func run(ctx *durable.Context, in string) (string, error) {
	u, err := url.Parse(in)
	if err != nil || net.ParseIP(u.Hostname()) == nil {
		return "", fmt.Errorf("%q: %w", in, err)
	}
	data, err := json.Marshal(map[string]int{"a": 1})
	if err != nil && errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, string(data)); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b.Bytes())
	text, err := io.ReadAll(strings.NewReader(base64.StdEncoding.EncodeToString(sum[:])))
	n := new(big.Int).SetBytes(text)
	seed, _ := strconv.ParseUint(ctx.NewID()[:8], 16, 64)
	lucky := rand.New(rand.NewPCG(seed, 1)).IntN(6)
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, lucky)
	return filepath.Join(n.String(), day.Format(time.RFC3339), http.StatusText(http.StatusOK)), err
}
