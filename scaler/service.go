package scaler

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	es "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
)

// Keys of log records.
const (
	keyScaledObject = "scaledobject"
	keyHub          = "hub"
	keyError        = "error"
)

// streamLife is about how long a stream lasts. Its end costs KEDA two seconds of
// push, and lets it find other replicas of the scaler.
const streamLife = 10 * time.Minute

// service answers KEDA.
type service struct {
	es.UnimplementedExternalScalerServer
	pollers    *pollers
	log        *slog.Logger
	stopping   <-chan struct{}
	complaints *complaints
}

// IsActive says whether the hub needs a replica at all.
func (s *service) IsActive(ctx context.Context, ref *es.ScaledObjectRef) (*es.IsActiveResponse, error) {
	r, err := s.rule(ref)
	if err != nil {
		return nil, err
	}
	b, err := s.pollers.backlog(ctx, r.target)
	if err != nil {
		return nil, err
	}
	return &es.IsActiveResponse{Result: r.active(b)}, nil
}

// GetMetricSpec depends on the metadata alone: KEDA's fallback does not start
// when this call fails.
func (s *service) GetMetricSpec(_ context.Context, ref *es.ScaledObjectRef) (*es.GetMetricSpecResponse, error) {
	r, err := s.rule(ref)
	if err != nil {
		return nil, err
	}
	return specs(r), nil
}

// specs has one metric for each kind of work. The autoscaler takes the largest
// of the replica counts that they ask for.
func specs(r rule) *es.GetMetricSpecResponse {
	answer := &es.GetMetricSpecResponse{}
	for _, d := range r.demands {
		answer.MetricSpecs = append(answer.MetricSpecs, &es.MetricSpec{
			MetricName: d.metric, TargetSize: d.perReplica, TargetSizeFloat: float64(d.perReplica),
		})
	}
	return answer
}

// GetMetrics answers exactly one value: an autoscaler adds up what it gets.
func (s *service) GetMetrics(ctx context.Context, req *es.GetMetricsRequest) (*es.GetMetricsResponse, error) {
	r, err := s.rule(req.GetScaledObjectRef())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(r.demands, func(d demand) bool { return d.metric == req.GetMetricName() })
	if at < 0 {
		var has []string
		for _, d := range r.demands {
			has = append(has, d.metric)
		}
		return nil, status.Errorf(codes.InvalidArgument, "no metric %q for this trigger, it has %s",
			req.GetMetricName(), strings.Join(has, ", "))
	}
	b, err := s.pollers.backlog(ctx, r.target)
	if err != nil {
		return nil, err
	}
	n := r.value(r.demands[at], b)
	return &es.GetMetricsResponse{MetricValues: []*es.MetricValue{
		{MetricName: req.GetMetricName(), MetricValue: n, MetricValueFloat: float64(n)},
	}}, nil
}

// StreamIsActive sends true when work comes to a hub that had none. It never
// sends false, and ends without an error: every broken stream makes KEDA wait
// longer before the next.
func (s *service) StreamIsActive(ref *es.ScaledObjectRef, stream grpc.ServerStreamingServer[es.IsActiveResponse]) error {
	r, err := s.rule(ref)
	if err != nil {
		return err
	}
	poller, release, err := s.pollers.watch(r.target)
	if err != nil {
		return err
	}
	defer release()
	over := time.NewTimer(about(streamLife, 0.2))
	defer over.Stop()
	push := pusher{rule: r}
	for {
		now := time.Now()
		seen, changed := poller.view()
		if b, err := seen.read(r.target, now); err == nil && push.due(b, now) {
			if err := stream.Send(&es.IsActiveResponse{Result: true}); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-over.C:
			return nil
		case <-s.stopping:
			return nil
		case <-stream.Context().Done():
			return nil
		}
	}
}

// repeatAfter is about how long a push may have no effect. KEDA drops one when
// an API call of its own fails, and does not try again.
const repeatAfter = 10 * time.Second

// pusher decides when to send true. Each one makes KEDA write to the API server
// and starts the cooldown anew, so there are as few as possible.
type pusher struct {
	rule   rule
	active bool
	repeat time.Time // not before
}

func (p *pusher) due(b dts.Backlog, now time.Time) bool {
	was := p.active
	p.active = p.rule.active(b)
	lost := p.rule.waiting(b) && b.Workers == 0 && !now.Before(p.repeat)
	if !p.active || was && !lost {
		return false
	}
	p.repeat = now.Add(about(repeatAfter, 0.2))
	return true
}

// StreamMetricSpec sends what GetMetricSpec answers, once: it cannot change
// while the metadata stay. KEDA then does not ask for it before each poll.
func (s *service) StreamMetricSpec(ref *es.ScaledObjectRef, stream grpc.ServerStreamingServer[es.GetMetricSpecResponse]) error {
	r, err := s.rule(ref)
	if err != nil {
		return err
	}
	if err := stream.Send(specs(r)); err != nil {
		return err
	}
	over := time.NewTimer(about(streamLife, 0.2))
	defer over.Stop()
	select {
	case <-over.C:
	case <-s.stopping:
	case <-stream.Context().Done():
	}
	return nil
}

// rule reads the metadata. KEDA shows nobody why GetMetricSpec failed, so the
// reason is logged here, once for each object and reason.
func (s *service) rule(ref *es.ScaledObjectRef) (rule, error) {
	r, err := readRule(ref.GetScalerMetadata())
	if err == nil {
		return r, nil
	}
	who := ref.GetNamespace() + "/" + ref.GetName()
	if s.complaints.isNew(who, err.Error()) {
		s.log.Warn("a ScaledObject has metadata that do not work", keyScaledObject, who, keyError, err)
	}
	return rule{}, status.Error(codes.InvalidArgument, err.Error())
}

// complaints remembers what was logged about whom. It forgets everything when it
// has maxComplaints, so that it stays small.
type complaints struct {
	mu   sync.Mutex
	last map[string]string
}

const maxComplaints = 1024

func newComplaints() *complaints { return &complaints{last: make(map[string]string)} }

func (c *complaints) isNew(who, text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last[who] == text {
		return false
	}
	if len(c.last) >= maxComplaints {
		clear(c.last)
	}
	c.last[who] = text
	return true
}

// about is d, more or less by a random part of it: what many do for the same
// reason should not happen at the same moment.
func about(d time.Duration, part float64) time.Duration {
	return time.Duration(float64(d) * (1 + part*(2*rand.Float64()-1)))
}
