package wire

// CancelEvent is the event that asks an orchestration to end by itself. The protocol
// has no word for that, but every client can raise an event. Its payload is the
// reason as JSON text, or nothing.
const CancelEvent = "funchost.cancel"
