// Package record holds the generated messages that the scheduler keeps on disk
// beside history events.
package record
