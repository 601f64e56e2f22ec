package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// insecurePublic is the flag without which no server of ours listens where
// strangers could reach it.
type insecurePublic bool

func (p *insecurePublic) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar((*bool)(p), "insecure-public", false,
		"allow addresses that other machines can reach, without encryption or authentication")
}

// mainListener checks the address that callers use. Lacks says what would keep no
// stranger out, and with says which flags would.
func (p *insecurePublic) mainListener(address, lacks, with string) error {
	private, err := isLoopback(address)
	if err != nil || private || bool(*p) || lacks == "" {
		return err
	}
	return fmt.Errorf("listen on %s: other machines could reach it, and it has %s\n"+
		"  use %s, or a loopback address such as 127.0.0.1:8080,\n"+
		"  or add --insecure-public if the network is yours alone", address, lacks, with)
}

// sideListener checks an address that has no encryption and no authentication,
// whatever the flags, or is none.
func (p *insecurePublic) sideListener(address, flag, shows string) error {
	if address == none {
		return nil
	}
	private, err := isLoopback(address)
	if err != nil || private || bool(*p) {
		return err
	}
	return fmt.Errorf("listen on %s: other machines could reach it, and it shows %s without encryption and authentication\n"+
		"  use a loopback address or none with %s, or add --insecure-public if the network is yours alone", address, shows, flag)
}

// lacking says what keeps strangers from being kept out.
func lacking(encrypts, asks bool) string {
	switch {
	case encrypts && asks:
		return ""
	case encrypts:
		return "no authentication"
	case asks:
		return "no encryption"
	default:
		return "no encryption and no authentication"
	}
}
