package dts_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

var cart = dts.EntityID{Name: "Cart", Key: "Ana"}

func TestEntityIDIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]dts.EntityID{
		"@cart@Ana":   {Name: "cart", Key: "Ana"},
		"@CART@":      {Name: "cart"},
		"@cart@a@b/ä": {Name: "cart", Key: "a@b/ä"},
	} {
		got, err := dts.ParseEntityID(text)
		if err != nil || got != want {
			t.Errorf("ParseEntityID(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := dts.ParseEntityID(got.String()); again != got || err != nil {
			t.Errorf("%+v is written as %q and read as %+v, %v", got, got, again, err)
		}
	}
	for _, text := range []string{"", "cart", "@cart", "@@key", "cart@key", "@cart@" + strings.Repeat("k", 95)} {
		if got, err := dts.ParseEntityID(text); err == nil {
			t.Errorf("ParseEntityID(%q) = %+v, want an error", text, got)
		}
	}
}

func TestEntityRequestsAreWrittenAsTheProtocolHasThem(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		call  func(context.Context, *dts.Client) error
		reply proto.Message
		want  proto.Message
	}{
		{
			"signal",
			func(ctx context.Context, c *dts.Client) error { return c.Signal(ctx, cart, "add", []byte("1")) },
			&dtspb.SignalEntityResponse{},
			&dtspb.SignalEntityRequest{InstanceId: "@cart@Ana", Name: "add", Input: wrapperspb.String("1")},
		},
		{
			"signal for later, without a payload",
			func(ctx context.Context, c *dts.Client) error {
				return c.Signal(ctx, cart, "clear", nil, dts.SignalAt(noon))
			},
			&dtspb.SignalEntityResponse{},
			&dtspb.SignalEntityRequest{InstanceId: "@cart@Ana", Name: "clear", ScheduledTime: timestamppb.New(noon)},
		},
		{
			"query with everything",
			func(ctx context.Context, c *dts.Client) error {
				_, next, err := c.EntityPage(ctx, dts.EntityQuery{
					Name: "Cart", KeyPrefix: "A", ModifiedFrom: noon, ModifiedTo: noon.Add(time.Hour), PageSize: 7, State: true, Stateless: true,
				}, "t1")
				if next != "t2" {
					return fmt.Errorf("next is %q, want t2", next)
				}
				return err
			},
			&dtspb.QueryEntitiesResponse{ContinuationToken: wrapperspb.String("t2")},
			&dtspb.QueryEntitiesRequest{Query: &dtspb.EntityQuery{
				InstanceIdStartsWith: wrapperspb.String("@cart@A"), LastModifiedFrom: timestamppb.New(noon), LastModifiedTo: timestamppb.New(noon.Add(time.Hour)),
				IncludeState: true, IncludeTransient: true, PageSize: wrapperspb.Int32(7), ContinuationToken: wrapperspb.String("t1"),
			}},
		},
		{
			"query of everything",
			func(ctx context.Context, c *dts.Client) error {
				_, _, err := c.EntityPage(ctx, dts.EntityQuery{}, "")
				return err
			},
			&dtspb.QueryEntitiesResponse{},
			&dtspb.QueryEntitiesRequest{Query: &dtspb.EntityQuery{PageSize: wrapperspb.Int32(100)}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := exchange(t, tc.reply, func(c *dts.Client) {
				if err := tc.call(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
			diff := cmp.Diff(tc.want, got, protocmp.Transform(), protocmp.IgnoreFields(&dtspb.SignalEntityRequest{}, "requestTime", "requestId"))
			if diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachSignalHasAGUIDOfItsOwn(t *testing.T) {
	t.Parallel()
	guid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	seen := make(map[string]bool)
	for range 3 {
		sent := exchange(t, &dtspb.SignalEntityResponse{}, func(c *dts.Client) {
			if err := c.Signal(t.Context(), cart, "add", nil); err != nil {
				t.Error(err)
			}
		}).(*dtspb.SignalEntityRequest)
		if id := sent.GetRequestId(); !guid.MatchString(id) || seen[id] {
			t.Errorf("request id is %q, want a GUID that is new", id)
		}
		seen[sent.GetRequestId()] = true
		if sent.GetRequestTime() == nil {
			t.Error("the request has no time")
		}
	}
}

func TestEntityIsReadWhole(t *testing.T) {
	t.Parallel()
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		if r := req.(*dtspb.GetEntityRequest); r.GetInstanceId() != "@cart@Ana" || !r.GetIncludeState() {
			t.Errorf("request is %v, want the state of @cart@Ana", r)
		}
		return &dtspb.GetEntityResponse{Exists: true, Entity: &dtspb.EntityMetadata{
			InstanceId: "@cart@Ana", LastModifiedTime: &timestamppb.Timestamp{Seconds: 3}, BacklogQueueSize: 4,
			LockedBy: wrapperspb.String("o-7"), SerializedState: wrapperspb.String(`{"n":1}`),
		}}, nil
	})
	got, err := c.Entity(t.Context(), cart)
	if err != nil {
		t.Fatal(err)
	}
	want := &dts.Entity{
		ID: dts.EntityID{Name: "cart", Key: "Ana"}, Modified: time.Unix(3, 0).UTC(), Backlog: 4, LockedBy: "o-7", State: []byte(`{"n":1}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entity (-want +got):\n%s", diff)
	}
}

func TestEntityWithoutStateIsNotFound(t *testing.T) {
	t.Parallel()
	exchange(t, &dtspb.GetEntityResponse{}, func(c *dts.Client) {
		_, err := c.Entity(t.Context(), cart)
		if want := `get entity "@cart@Ana": not found`; !errors.Is(err, dts.ErrNotFound) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestEntitiesFollowsPagesToTheFirstError(t *testing.T) {
	t.Parallel()
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		switch token := req.(*dtspb.QueryEntitiesRequest).GetQuery().GetContinuationToken().GetValue(); token {
		case "":
			return &dtspb.QueryEntitiesResponse{
				Entities: []*dtspb.EntityMetadata{{InstanceId: "@a@1"}, {InstanceId: "@a@2"}}, ContinuationToken: wrapperspb.String("t1"),
			}, nil
		case "t1":
			return &dtspb.QueryEntitiesResponse{Entities: []*dtspb.EntityMetadata{{InstanceId: "@b@"}}, ContinuationToken: wrapperspb.String("t2")}, nil
		default:
			return nil, status.Error(codes.InvalidArgument, "bad token")
		}
	})
	var got []string
	for e, err := range c.Entities(t.Context(), dts.EntityQuery{}) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, e.ID.String())
	}
	if diff := cmp.Diff([]string{"@a@1", "@a@2", "@b@", "query entities: invalid: bad token"}, got); diff != "" {
		t.Errorf("sequence (-want +got):\n%s", diff)
	}
	for range c.Entities(t.Context(), dts.EntityQuery{}) {
		break
	}
}

func TestEntityRequestsThatMakeNoSenseAreNotSent(t *testing.T) {
	t.Parallel()
	c := serve(t, func(_ context.Context, method string, _ proto.Message) (proto.Message, error) {
		t.Errorf("%s was called", method)
		return nil, status.Error(codes.Internal, "")
	})
	ctx := t.Context()
	_, noName := c.Entity(ctx, dts.EntityID{Key: "k"})
	_, _, noPrefix := c.EntityPage(ctx, dts.EntityQuery{KeyPrefix: "k"}, "")
	_, _, badName := c.EntityPage(ctx, dts.EntityQuery{Name: "a@b"}, "")
	_, _, badSize := c.EntityPage(ctx, dts.EntityQuery{PageSize: -1}, "")
	for want, err := range map[string]error{
		"the entity has no name":    noName,
		`"a@b", contains @`:         c.Signal(ctx, dts.EntityID{Name: "a@b"}, "op", nil),
		"has 101 characters":        c.Signal(ctx, dts.EntityID{Name: "cart", Key: strings.Repeat("k", 95)}, "op", nil),
		"payload has 1048577 bytes": c.Signal(ctx, cart, "op", make([]byte, 1<<20+1)),
		"KeyPrefix needs a Name":    noPrefix,
		"contains @":                badName,
		"page size -1":              badSize,
	} {
		if !errors.Is(err, dts.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want ErrInvalid with %q", err, want)
		}
	}
}
