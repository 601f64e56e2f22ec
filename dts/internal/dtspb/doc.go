// Package dtspb holds the generated messages of the durable task protocol.
//
// Names, numbers and types are those of the protocol; the .proto files beside
// this one are ours and have a package of their own, so that this copy can live
// in one program with another one. `make generate` makes the Go code anew.
package dtspb
