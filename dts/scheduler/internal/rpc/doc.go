// Package rpc maps the gRPC services of the protocol to commands of a hub and
// back. It checks what a caller sent and decides nothing.
package rpc
