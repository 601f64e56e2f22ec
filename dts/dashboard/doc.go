// Package dashboard shows task hubs in a browser: their orchestrations with
// history and timeline, their entities, and what waits. It is served from
// templates and needs nothing but a client, so it works against any scheduler.
//
//	browser ---> guard ---> route ---> page of a hub ---> dts.Client
//	              |
//	              +- the Host that was asked for, where a form comes from,
//	                 and what the browser may do with the answer
//
// Reading works without a script; a small module refreshes what is shown. GET
// changes nothing. What changes something is a POST that a page has asked to
// confirm, and the guard refuses it when another site sends it.
//
// There is no login: whoever reaches the listener may do everything. Serve it on
// a loopback address.
package dashboard
