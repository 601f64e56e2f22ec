// Package scheduler is a server of the durable task protocol: it keeps
// orchestrations in one directory and hands their work to workers. Clients and
// workers of any durable task SDK can use it unchanged.
//
// A [Server] is a value; several can run in one process. Whoever is in the same
// process reaches it through [Server.Conn] without a socket.
//
// What a caller was told is on disk: every answer waits for the sync of what it
// speaks of, and work is handed out only after that.
package scheduler
