package store

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// ErrHubGone is what a commit ends with that is about a hub that was deleted.
var ErrHubGone = errors.New("task hub was deleted")

// Hub returns the hub with the name, made if create and it is not there.
func (s *Store) Hub(name string, create bool, now time.Time) (*record.Hub, error) {
	k := idKey(nil, 0, kindHub, name)
	hub := &record.Hub{}
	if ok, err := s.get(k, hub); ok || err != nil || !create {
		if !ok {
			return nil, err
		}
		return hub, err
	}
	hubs, err := s.Hubs()
	if err != nil {
		return nil, err
	}
	last, err := s.number(newKey(nil, 0, kindLastHub))
	if err != nil {
		return nil, err
	}
	hub.Created, hub.Number = now.UnixNano(), uint32(last)
	for _, h := range hubs {
		hub.Number = max(hub.GetNumber(), h.GetNumber())
	}
	hub.Number++
	v, err := proto.Marshal(hub)
	if err != nil {
		return nil, err
	}
	b := s.db.NewBatch()
	return hub, s.submit(0, b, b.Set(k, v, nil), nil).Wait(context.Background())
}

// Hubs returns the hubs by name.
func (s *Store) Hubs() (map[string]*record.Hub, error) {
	hubs := make(map[string]*record.Hub)
	prefix := newKey(nil, 0, kindHub)
	err := s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		h := &record.Hub{}
		if err := proto.Unmarshal(v, h); err != nil {
			return false, damaged(k, err)
		}
		hubs[string(k[len(prefix):])] = h
		return true, nil
	})
	return hubs, err
}

// DeleteHub removes the hub with the name and all its rows. Commits about it fail
// from now on, and its number is never given to another hub.
func (s *Store) DeleteHub(ctx context.Context, name string) error {
	hub, err := s.Hub(name, false, time.Time{})
	if hub == nil || err != nil {
		return err
	}
	last := newKey(nil, 0, kindLastHub)
	n, err := s.number(last)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.dropped == nil {
		s.dropped = make(map[uint32]bool)
	}
	s.dropped[hub.GetNumber()] = true
	s.mu.Unlock()
	b := s.db.NewBatch()
	rows := key(nil).u32(hub.GetNumber())
	err = errors.Join(
		b.DeleteRange(rows, after(rows), nil),
		b.Delete(idKey(nil, 0, kindHub, name), nil),
		b.Set(last, binary.BigEndian.AppendUint64(nil, max(n, uint64(hub.GetNumber()))), nil),
	)
	return s.submit(0, b, err, nil).Wait(ctx)
}
