// Package scaler answers the questions of KEDA about the backlog of task hubs:
// is there work at all, how much of each kind, and how much does one replica
// take. It is an external scaler, a gRPC service that a ScaledObject names.
//
//	KEDA ── GetMetricSpec ──▶ what the metadata says; nobody else is asked
//	     ── GetMetrics ─────▶ ┐
//	     ── IsActive ───────▶ ├ what the newest poll of the hub has found
//	     ◀─ StreamIsActive ── ┘
//	                                         ▲ once a second while in use
//	                                      Source ── the hub's scheduler
//
// KEDA sets no deadline on its calls, and a few slow answers hold up every
// autoscaler of a cluster. So no call waits for a scheduler: one poller for each
// hub keeps the newest backlog in memory for all who ask. A scheduler that does
// not answer is passed over for 30 seconds; then the calls fail and say why. They
// never answer zero for what they do not know, which would stop workers that are
// busy.
//
// Nothing in here scales by itself, and two scalers need not know of each other.
package scaler
