// Command oracle asks the real kube-scheduler framework what it decides.
//
// It reads one JSON scenario a line on standard input and writes one JSON
// answer a line on standard output. For every pending pod, in the scenario's
// order, it runs PreEnqueue, PreFilter, Filter on every node, PreScore, Score
// and, where no node is feasible, the preemption dry run. In a scenario with
// "assume": true each placed pod is then assumed on its node (the
// lexicographically smallest name among the highest totals), so that the next
// one sees it.
//
// In a scenario with "extended": true the failure is told as the scheduler
// itself would: PostFilter runs only where the profile has it, and "message" is
// the sentence of the pod's condition.
//
// Answers come in the order of the scenarios, each flushed as soon as it is
// there; -parallel answers that many scenarios at once.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"time"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	corev1defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/scheduler"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// Scenario is one cluster state, and the pods to place in it.
type Scenario struct {
	ID     string `json:"id"`
	Config string `json:"config,omitempty"`
	Assume bool   `json:"assume,omitempty"`
	// Extended asks for what the recorded format leaves out.
	Extended bool              `json:"extended,omitempty"`
	Objects  []json.RawMessage `json:"objects"`
	Pending  []json.RawMessage `json:"pending"`
}

// Verdict is a framework status that is not a success.
type Verdict struct {
	Code    string   `json:"code"`
	Plugin  string   `json:"plugin,omitempty"`
	Reasons []string `json:"reasons"`
}

// Victims is one node's preemption dry run.
type Victims struct {
	Pods          []string `json:"pods"`
	PDBViolations int64    `json:"pdbViolations"`
}

// Step is what the framework answers for one pending pod.
type Step struct {
	Pod        string                      `json:"pod"`
	PreEnqueue *Verdict                    `json:"preEnqueue,omitempty"`
	PreFilter  *Verdict                    `json:"preFilter,omitempty"`
	OnlyNodes  []string                    `json:"preFilterNodes,omitempty"`
	Rejected   map[string]*Verdict         `json:"rejected,omitempty"`
	Scores     map[string]map[string]int64 `json:"scores,omitempty"`
	Totals     map[string]int64            `json:"totals,omitempty"`
	Best       []string                    `json:"best,omitempty"`
	Chosen     string                      `json:"chosen,omitempty"`
	Preemption map[string]*Victims         `json:"preemption,omitempty"`
	Nominated  string                      `json:"nominated,omitempty"`
	Message    string                      `json:"message,omitempty"`
	Error      string                      `json:"error,omitempty"`
}

// Answer is one scenario's steps.
type Answer struct {
	ID    string `json:"id"`
	Steps []Step `json:"steps"`
	Error string `json:"error,omitempty"`
}

func verdict(s *fwk.Status) *Verdict {
	r := s.Reasons()
	if s.AsError() != nil && len(r) == 0 {
		r = []string{s.AsError().Error()}
	}
	return &Verdict{Code: s.Code().String(), Plugin: s.Plugin(), Reasons: r}
}

func decode(raw json.RawMessage) (runtime.Object, error) {
	obj, _, err := scheme.Codecs.UniversalDeserializer().Decode(raw, nil, nil)
	if err != nil {
		return nil, err
	}
	if pod, ok := obj.(*v1.Pod); ok {
		corev1defaults.SetObjectDefaults_Pod(pod)
		// An API server stores quantities in their canonical form. It matters:
		// the sums of component-helpers grow a quantity that was parsed from
		// "0.5Gi" in place, each time they are asked.
		stored, err := json.Marshal(pod)
		if err != nil {
			return nil, err
		}
		obj, _, err = scheme.Codecs.UniversalDeserializer().Decode(stored, nil, nil)
		return obj, err
	}
	return obj, nil
}

func solve(sc *Scenario) (ans Answer) {
	ans.ID = sc.ID
	defer func() {
		if r := recover(); r != nil {
			ans.Error = fmt.Sprintf("panic: %v", r)
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	logger := klog.FromContext(ctx)

	var objs []runtime.Object
	var pdbs []*policyv1.PodDisruptionBudget
	for _, raw := range sc.Objects {
		obj, err := decode(raw)
		if err != nil {
			ans.Error = err.Error() + ": " + string(raw)
			return
		}
		if pdb, ok := obj.(*policyv1.PodDisruptionBudget); ok {
			pdbs = append(pdbs, pdb)
		}
		objs = append(objs, obj)
	}
	client := fake.NewSimpleClientset(objs...)
	sortLists(client)
	informers := scheduler.NewInformerFactory(client, 0)

	opts := []scheduler.Option{}
	if sc.Config != "" {
		f, err := os.CreateTemp("", "kubeschedulerconfig-*.yaml")
		if err != nil {
			ans.Error = err.Error()
			return
		}
		defer os.Remove(f.Name())
		f.WriteString(sc.Config)
		f.Close()
		cfg, err := options.LoadConfigFromFile(logger, f.Name())
		if err != nil {
			ans.Error = "config: " + err.Error()
			return
		}
		opts = append(opts, scheduler.WithProfiles(cfg.Profiles...))
	}
	recorder := events.NewFakeRecorder(1000)
	sched, err := scheduler.New(ctx, client, informers, nil,
		func(string) events.EventRecorderLogger { return &nopRecorder{recorder} }, opts...)
	if err != nil {
		ans.Error = "new: " + err.Error()
		return
	}
	informers.Start(ctx.Done())
	informers.WaitForCacheSync(ctx.Done())
	if err := sched.WaitForHandlersSync(ctx); err != nil {
		ans.Error = err.Error()
		return
	}

	for _, raw := range sc.Pending {
		obj, err := decode(raw)
		if err != nil {
			ans.Error = err.Error()
			return
		}
		pod := obj.(*v1.Pod)
		ans.Steps = append(ans.Steps, place(ctx, sched, pod, pdbs, sc))
	}
	return
}

func place(ctx context.Context, sched *scheduler.Scheduler, pod *v1.Pod, pdbs []*policyv1.PodDisruptionBudget, sc *Scenario) (step Step) {
	logger := klog.FromContext(ctx)
	step.Pod = pod.Namespace + "/" + pod.Name
	profile, ok := sched.Profiles[pod.Spec.SchedulerName]
	if !ok {
		step.Error = "no profile " + pod.Spec.SchedulerName
		return
	}
	for _, pl := range profile.PreEnqueuePlugins() {
		if s := pl.PreEnqueue(ctx, pod); !s.IsSuccess() {
			step.PreEnqueue = verdict(s)
			step.PreEnqueue.Plugin = pl.Name()
			return
		}
	}
	snapshot := profile.SnapshotSharedLister().(*internalcache.Snapshot)
	if err := sched.Cache.UpdateSnapshot(logger, snapshot); err != nil {
		step.Error = err.Error()
		return
	}
	nodes, err := snapshot.NodeInfos().List()
	if err != nil {
		step.Error = err.Error()
		return
	}

	state := framework.NewCycleState()
	pre, status, preFilterPlugins := profile.RunPreFilterPlugins(ctx, state, pod)
	nodeToStatus := framework.NewDefaultNodeToStatus()
	var feasible []fwk.NodeInfo
	if !status.IsSuccess() {
		step.PreFilter = verdict(status)
		nodeToStatus.SetAbsentNodesStatus(status)
	} else {
		step.Rejected = map[string]*Verdict{}
		if name := pod.Status.NominatedNodeName; name != "" {
			if n, err := snapshot.NodeInfos().Get(name); err == nil && (pre.AllNodes() || pre.NodeNames.Has(name)) {
				if profile.RunFilterPluginsWithNominatedPods(ctx, state, pod, n).IsSuccess() {
					nodes = []fwk.NodeInfo{n} // tried first, and good enough
				}
			}
		}
		for _, n := range nodes {
			name := n.Node().Name
			if !pre.AllNodes() && !pre.NodeNames.Has(name) {
				continue
			}
			s := profile.RunFilterPluginsWithNominatedPods(ctx, state, pod, n)
			if s.IsSuccess() {
				feasible = append(feasible, n)
				continue
			}
			nodeToStatus.Set(name, s)
			step.Rejected[name] = verdict(s)
		}
		if !pre.AllNodes() {
			nodeToStatus.SetAbsentNodesStatus(fwk.NewStatus(fwk.UnschedulableAndUnresolvable,
				fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", sets.List(preFilterPlugins))))
			step.OnlyNodes = pre.NodeNames.UnsortedList()
			sort.Strings(step.OnlyNodes)
		}
	}

	if len(feasible) > 0 {
		if s := profile.RunPreScorePlugins(ctx, state, pod, feasible); !s.IsSuccess() {
			step.Error = "prescore: " + s.Message()
			return
		}
		scores, s := profile.RunScorePlugins(ctx, state, pod, feasible)
		if !s.IsSuccess() {
			step.Error = "score: " + s.Message()
			return
		}
		step.Scores = map[string]map[string]int64{}
		step.Totals = map[string]int64{}
		best := int64(-1 << 62)
		for _, ns := range scores {
			row := map[string]int64{}
			for _, ps := range ns.Scores {
				row[ps.Name] = ps.Score
			}
			step.Scores[ns.Name] = row
			step.Totals[ns.Name] = ns.TotalScore
			if ns.TotalScore > best {
				best = ns.TotalScore
			}
		}
		for name, total := range step.Totals {
			if total == best {
				step.Best = append(step.Best, name)
			}
		}
		sort.Strings(step.Best)
		step.Chosen = step.Best[0]
		if sc.Assume {
			placed := pod.DeepCopy()
			placed.Spec.NodeName = step.Chosen
			if err := sched.Cache.AssumePod(logger, placed); err != nil {
				step.Error = "assume: " + err.Error()
			}
		}
		return
	}

	preempt := newPreemptor(ctx, profile, pod, pdbs, state, nodeToStatus, snapshot, len(nodes))
	if sc.Extended {
		fail(&step, preempt)
	} else {
		preempt.run(&step, nil)
	}
	return
}

type nopRecorder struct{ *events.FakeRecorder }

func (n *nopRecorder) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...interface{}) {
}
func (n *nopRecorder) WithLogger(klog.Logger) events.EventRecorderLogger { return n }

func main() {
	klog.InitFlags(nil)
	flag.Set("logtostderr", "true")
	flag.Set("stderrthreshold", "FATAL")
	flag.Set("v", "0")
	parallel := flag.Int("parallel", 1, "scenarios answered at once")
	flag.Parse()
	klog.SetOutput(devnull{})
	flag.Set("logtostderr", "false")
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	start, count := time.Now(), 0
	queue := make(chan chan Answer, *parallel) // answers in the order of their questions
	done := make(chan struct{})
	go func() {
		defer close(done)
		out := bufio.NewWriter(os.Stdout)
		enc := json.NewEncoder(out)
		for answer := range queue {
			enc.Encode(<-answer)
			out.Flush()
		}
	}()
	busy := make(chan struct{}, *parallel)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			answer := make(chan Answer, 1)
			busy <- struct{}{}
			queue <- answer
			go func() {
				answer <- read(line)
				<-busy
			}()
			count++
		}
		if err != nil {
			break
		}
	}
	close(queue)
	<-done
	fmt.Fprintf(os.Stderr, "%d scenarios in %v\n", count, time.Since(start))
}

// read answers one line.
func read(line []byte) Answer {
	var sc Scenario
	if err := json.Unmarshal(line, &sc); err != nil {
		return Answer{Error: err.Error()}
	}
	return solve(&sc)
}

type devnull struct{}

func (devnull) Write(p []byte) (int, error) { return len(p), nil }
