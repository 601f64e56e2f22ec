package dts_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// tokens is a source that counts how often it was asked.
type tokens struct {
	asked int
	give  func(n int) (dts.Token, error)
}

func (s *tokens) Token(context.Context) (dts.Token, error) {
	s.asked++
	return s.give(s.asked)
}

func TestEveryCallCarriesTheMetadata(t *testing.T) {
	t.Parallel()
	var seen []metadata.MD
	c := serve(t, func(ctx context.Context, method string, _ proto.Message) (proto.Message, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		seen = append(seen, md)
		if strings.HasSuffix(method, "/StreamInstanceHistory") {
			return chunks{}, nil
		}
		return &dtspb.RaiseEventResponse{}, nil
	}, dts.WithTokenSource(&tokens{give: func(int) (dts.Token, error) {
		return dts.Token{Value: "t0ken", Expires: time.Now().Add(time.Hour)}, nil
	}}))

	if err := c.Raise(t.Context(), "o-7", "approved", nil); err != nil {
		t.Fatal(err)
	}
	for _, err := range c.History(t.Context(), "o-7") {
		t.Fatal(err)
	}
	if len(seen) != 2 {
		t.Fatalf("server saw %d calls, want 2", len(seen))
	}
	for _, md := range seen {
		if diff := cmp.Diff([]string{"blue"}, md.Get("taskhub")); diff != "" {
			t.Errorf("taskhub (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"Bearer t0ken"}, md.Get("authorization")); diff != "" {
			t.Errorf("authorization (-want +got):\n%s", diff)
		}
		agent := md.Get("x-user-agent")
		if len(agent) != 1 || !strings.HasPrefix(agent[0], "funchost-go/") || !strings.HasSuffix(agent[0], " (Client)") {
			t.Errorf("x-user-agent is %q", agent)
		}
	}
}

func TestStubsOnConnAddTheirOwnMetadataAndCannotLeaveTheHub(t *testing.T) {
	t.Parallel()
	var got metadata.MD
	c := serve(t, func(ctx context.Context, _ string, _ proto.Message) (proto.Message, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return &emptypb.Empty{}, nil
	}, dts.WithUserAgent("mine"))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "workerid", "w1", "x-user-agent", "a worker", "taskhub", "red", "authorization", "x")
	if _, err := dtsgrpc.NewTaskHubSidecarServiceClient(c.Conn()).Hello(ctx, &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"workerid": "w1", "x-user-agent": "a worker", "taskhub": "blue"} {
		if diff := cmp.Diff([]string{want}, got.Get(key)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	if c.Hub() != "blue" {
		t.Errorf("Hub() = %q, want blue", c.Hub())
	}
}

func TestTokenIsKeptUntilFiveMinutesBeforeItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		source := &tokens{give: func(n int) (dts.Token, error) {
			if n > 2 {
				return dts.Token{}, errors.New("identity service is away")
			}
			return dts.Token{Value: strings.Repeat("x", n), Expires: time.Now().Add(time.Hour)}, nil
		}}
		c := serve(t, func(ctx context.Context, _ string, _ proto.Message) (proto.Message, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			sent = append(sent, md.Get("authorization")...)
			return &dtspb.RaiseEventResponse{}, nil
		}, dts.WithTokenSource(source))
		raise := func() error { return c.Raise(t.Context(), "o-7", "e", nil) }

		var errs []error
		for _, wait := range []time.Duration{
			0,
			54 * time.Minute, // the first is still good
			2 * time.Minute,  // under five minutes left: the second
			56 * time.Minute, // no third, and the second holds for four minutes more
			4 * time.Minute,  // now it does not
		} {
			time.Sleep(wait)
			errs = append(errs, raise())
		}
		if diff := cmp.Diff([]string{"Bearer x", "Bearer x", "Bearer xx", "Bearer xx"}, sent); diff != "" {
			t.Errorf("tokens on the wire (-want +got):\n%s", diff)
		}
		if err := errors.Join(errs[:4]...); err != nil {
			t.Errorf("calls with a good token: %v", err)
		}
		if err := errs[4]; status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "identity service is away") {
			t.Errorf("without a token: got %v, want Unauthenticated with the reason", err)
		}
		if source.asked != 4 {
			t.Errorf("source was asked %d times, want 4", source.asked)
		}
	})
}

func TestCallerCanLeaveWhileATokenIsFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := serve(t, func(context.Context, string, proto.Message) (proto.Message, error) {
			return &dtspb.RaiseEventResponse{}, nil
		}, dts.WithTokenSource(&tokens{give: func(int) (dts.Token, error) {
			<-release
			return dts.Token{Value: "late", Expires: time.Now().Add(time.Hour)}, nil
		}}))
		first := make(chan error, 1)
		go func() { first <- c.Raise(t.Context(), "o-7", "e", nil) }()
		synctest.Wait() // the first call holds the source

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Raise(ctx, "o-7", "e", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("second call: got %v, want the deadline of its context", err)
		}
		close(release)
		if err := <-first; err != nil {
			t.Errorf("first call: %v", err)
		}
	})
}

func TestDialRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	source := dts.WithTokenSource(&tokens{})
	for _, tc := range []struct {
		name string
		cs   dts.ConnectionString
		opts []dts.Option
		want string
	}{
		{"an authentication without a source", dts.ConnectionString{Endpoint: "h", Authentication: dts.AuthAzureCLI}, nil, "Authentication=AzureCLI needs tokens"},
		{"a token in plaintext", dts.ConnectionString{Endpoint: "http://h", Authentication: dts.AuthAzureCLI}, []dts.Option{source}, "in plaintext"},
		{"a token in plaintext without authentication", dts.ConnectionString{Endpoint: "http://h", Authentication: dts.AuthNone}, []dts.Option{source}, "in plaintext"},
		{"a zero connection string", dts.ConnectionString{}, nil, "Authentication is missing"},
		{"no endpoint", dts.ConnectionString{Authentication: dts.AuthNone}, nil, "Endpoint is missing"},
		{"a made-up authentication", dts.ConnectionString{Endpoint: "h", Authentication: "Password"}, nil, `"Password" is not supported`},
		{"a hub that no header can carry", dts.ConnectionString{Endpoint: "h", Authentication: dts.AuthNone, TaskHub: "a\nb"}, nil, "printable ASCII"},
		{"a nil converter", dts.ConnectionString{Endpoint: "h", Authentication: dts.AuthNone}, []dts.Option{dts.WithConverter(nil)}, "WithConverter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := dts.Dial(tc.cs, tc.opts...)
			if !errors.Is(err, dts.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want ErrInvalid with %q", err, tc.want)
			}
		})
	}
}

func TestDialDoesNoIOAndClosesTwice(t *testing.T) {
	t.Parallel()
	c, err := dts.Dial(dts.ConnectionString{Endpoint: "https://scheduler.invalid", Authentication: dts.AuthAzureCLI}, dts.WithTokenSource(&tokens{}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Hub() != "default" {
		t.Errorf("hub is %q, want default", c.Hub())
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func TestErrorsHaveTheirMeaningAndSayWhatWasTried(t *testing.T) {
	t.Parallel()
	all := []error{
		dts.ErrNotFound, dts.ErrExists, dts.ErrInvalid, dts.ErrUnavailable, dts.ErrUnimplemented, dts.ErrConflict,
		context.Canceled, context.DeadlineExceeded,
	}
	for _, tc := range []struct {
		code codes.Code
		want error
		text string
	}{
		{codes.NotFound, dts.ErrNotFound, `suspend instance "o-7": not found: detail`},
		{codes.AlreadyExists, dts.ErrExists, `suspend instance "o-7": already exists: detail`},
		{codes.InvalidArgument, dts.ErrInvalid, `suspend instance "o-7": invalid: detail`},
		{codes.Unavailable, dts.ErrUnavailable, `suspend instance "o-7": scheduler unavailable: detail`},
		{codes.Unimplemented, dts.ErrUnimplemented, `suspend instance "o-7": not implemented by this scheduler: detail`},
		{codes.FailedPrecondition, dts.ErrConflict, `suspend instance "o-7": not possible in this state: detail`},
		{codes.Aborted, dts.ErrConflict, `suspend instance "o-7": not possible in this state: detail`},
		{codes.Canceled, context.Canceled, `suspend instance "o-7": context canceled: detail`},
		{codes.DeadlineExceeded, context.DeadlineExceeded, `suspend instance "o-7": context deadline exceeded: detail`},
		{codes.ResourceExhausted, nil, `suspend instance "o-7": detail (ResourceExhausted)`},
		{codes.Internal, nil, `suspend instance "o-7": detail (Internal)`},
	} {
		t.Run(tc.code.String(), func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(context.Context, string, proto.Message) (proto.Message, error) {
				return nil, status.Error(tc.code, "detail")
			})
			err := c.Suspend(t.Context(), "o-7", "")
			for _, kind := range all {
				if got := errors.Is(err, kind); got != (kind == tc.want) { //nolint:errorlint // two sentinels of one list
					t.Errorf("errors.Is(%v, %v) = %t", err, kind, got)
				}
			}
			if err.Error() != tc.text {
				t.Errorf("text is %q, want %q", err, tc.text)
			}
			if status.Code(err) != tc.code {
				t.Errorf("code is %v, want %v", status.Code(err), tc.code)
			}
		})
	}
}

func TestEndedContextIsToldAsSuch(t *testing.T) {
	t.Parallel()
	c := serve(t, func(ctx context.Context, _ string, _ proto.Message) (proto.Message, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Instance(ctx, "o-7"); !errors.Is(err, context.Canceled) {
		t.Errorf("get: got %v, want context.Canceled", err)
	}
	if _, err := c.Wait(ctx, "o-7"); !errors.Is(err, context.Canceled) {
		t.Errorf("wait: got %v, want context.Canceled", err)
	}
	var errs []error
	for _, err := range c.History(ctx, "o-7") {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("history: got %v, want one context.Canceled", errs)
	}
}

func TestBadRequestsAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	c := serve(t, func(_ context.Context, method string, _ proto.Message) (proto.Message, error) {
		t.Errorf("%s reached the server", method)
		return nil, status.Error(codes.Internal, "")
	})
	ctx := t.Context()
	long := strings.Repeat("é", 101)
	big := make([]byte, 1<<20+1)
	one := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"start without a name":        one(c.Start(ctx, dts.StartRequest{})),
		"start with a long id":        one(c.Start(ctx, dts.StartRequest{Name: "n", ID: long})),
		"start with a big input":      one(c.Start(ctx, dts.StartRequest{Name: "n", Input: big})),
		"start with binary input":     one(c.Start(ctx, dts.StartRequest{Name: "n", Input: []byte{0xff}})),
		"start with a made-up status": one(c.Start(ctx, dts.StartRequest{Name: "n", ID: "o-7", Reuse: &dts.ReusePolicy{Replaceable: []dts.Status{42}}})),
		"get without an id":           one(c.Instance(ctx, "")),
		"wait for a long id":          one(c.Wait(ctx, long)),
		"wait for start of no id":     one(c.WaitStarted(ctx, "")),
		"raise without a name":        c.Raise(ctx, "o-7", "", nil),
		"raise with a big payload":    c.Raise(ctx, "o-7", "e", big),
		"terminate with a big reason": c.Terminate(ctx, "o-7", string(big)),
		"terminate with a big output": c.Terminate(ctx, "o-7", "", dts.Output(big)),
		"suspend without an id":       c.Suspend(ctx, "", ""),
		"resume with a binary reason": c.Resume(ctx, "o-7", "\xff"),
		"rewind without an id":        c.Rewind(ctx, "", ""),
		"terminate no id now":         one(c.TerminateNow(ctx, "", "a", "")),
		"terminate now, big reason":   one(c.TerminateNow(ctx, string(big), "a")),
		"purge without an id":         one(c.Purge(ctx, "")),
		"purge everything":            one(c.PurgeAll(ctx, dts.Query{PageSize: 5, Payloads: true})),
		"purge a made-up status":      one(c.PurgeAll(ctx, dts.Query{Status: []dts.Status{42}})),
	} {
		if !errors.Is(err, dts.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	for _, err := range c.Ended(ctx, dts.EndedQuery{PageSize: -1}) {
		if !errors.Is(err, dts.ErrInvalid) {
			t.Errorf("a negative page size of ended ones: got %v, want ErrInvalid", err)
		}
	}
	for _, err := range c.Instances(ctx, dts.Query{PageSize: -1}) {
		if !errors.Is(err, dts.ErrInvalid) {
			t.Errorf("a negative page size: got %v, want ErrInvalid", err)
		}
	}
	for _, err := range c.History(ctx, "") {
		if !errors.Is(err, dts.ErrInvalid) {
			t.Errorf("history without an id: got %v, want ErrInvalid", err)
		}
	}
	if _, err := c.Instance(ctx, long); !strings.Contains(err.Error(), "101 characters, the limit is 100") {
		t.Errorf("a long id: got %v, want both numbers", err)
	}
}

func TestStatusNamesAreRead(t *testing.T) {
	t.Parallel()
	var terminal []string
	for s := dts.StatusPending; s <= dts.StatusContinuedAsNew; s++ {
		got, err := dts.ParseStatus(strings.ToUpper(s.String()))
		if err != nil || got != s {
			t.Errorf("ParseStatus(%q) = %v, %v", s, got, err)
		}
		if s.Terminal() {
			terminal = append(terminal, s.String())
		}
	}
	if want := []string{"Completed", "Failed", "Terminated", "Canceled"}; !slices.Equal(terminal, want) {
		t.Errorf("terminal are %v, want %v", terminal, want)
	}
	if _, err := dts.ParseStatus("Done"); !errors.Is(err, dts.ErrInvalid) || !strings.Contains(err.Error(), "Pending, Running") {
		t.Errorf("ParseStatus(Done): got %v, want ErrInvalid with the names", err)
	}
	if got := dts.Status(0).String(); got != "Status(0)" {
		t.Errorf("the zero status prints as %q", got)
	}
}

func TestDefaultConverterWritesPlainJSON(t *testing.T) {
	t.Parallel()
	c := serve(t, nil).Converter()
	got, err := c.Marshal(map[string]any{"text": "<a & b>"})
	if err != nil || string(got) != `{"text":"<a & b>"}` {
		t.Errorf("Marshal = %s, %v", got, err)
	}
	if _, err := c.Marshal(func() {}); err == nil {
		t.Error("Marshal of a function: no error")
	}
	n := 7
	if err := c.Unmarshal(nil, &n); err != nil || n != 7 {
		t.Errorf("Unmarshal of no payload: n = %d, %v; want it untouched", n, err)
	}
	if err := c.Unmarshal([]byte(`"x"`), &n); err == nil || !strings.Contains(err.Error(), "*int") {
		t.Errorf("Unmarshal of a wrong type: got %v, want an error that names the type", err)
	}
}
