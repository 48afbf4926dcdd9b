package main

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
)

// preemptor dry-runs the default preemption for one pod that fits nowhere.
type preemptor struct {
	ctx          context.Context
	profile      framework.Framework
	pod          *v1.Pod
	pdbs         []*policyv1.PodDisruptionBudget
	state        fwk.CycleState
	nodeToStatus *framework.NodeToStatus
	snapshot     *internalcache.Snapshot
	nodes        int
}

func newPreemptor(ctx context.Context, profile framework.Framework, pod *v1.Pod, pdbs []*policyv1.PodDisruptionBudget,
	state fwk.CycleState, nodeToStatus *framework.NodeToStatus, snapshot *internalcache.Snapshot, nodes int) *preemptor {
	return &preemptor{ctx, profile, pod, pdbs, state, nodeToStatus, snapshot, nodes}
}

// run dry-runs on every node that a removal can help, lets the plugin choose
// among the candidates, and returns the message of the plugin's status: empty
// where it nominates a node.
func (p *preemptor) run(step *Step, nominatedNodeStatus *fwk.Status) string {
	args := &config.DefaultPreemptionArgs{MinCandidateNodesPercentage: 100, MinCandidateNodesAbsolute: 100000}
	plugin, err := defaultpreemption.New(p.ctx, args, p.profile, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	if err != nil {
		step.Error = "preemption: " + err.Error()
		return ""
	}
	if ok, msg := plugin.PodEligibleToPreemptOthers(p.ctx, p.pod, nominatedNodeStatus); !ok {
		return msg
	}
	potential, err := p.nodeToStatus.NodesForStatusCode(p.snapshot.NodeInfos(), fwk.Unschedulable)
	if err != nil {
		return err.Error()
	}
	if len(potential) == 0 {
		return p.helpless(framework.NewDefaultNodeToStatus())
	}
	candidates, statuses, err := plugin.Evaluator.DryRunPreemption(p.ctx, p.state, p.pod, potential, p.pdbs, 0, int32(len(potential)))
	if err != nil {
		step.Error = "dry run: " + err.Error()
		return ""
	}
	step.Preemption = map[string]*Victims{}
	for _, c := range candidates {
		v := &Victims{PDBViolations: c.Victims().NumPDBViolations, Pods: []string{}}
		for _, victim := range c.Victims().Pods {
			v.Pods = append(v.Pods, victim.Namespace+"/"+victim.Name)
		}
		step.Preemption[c.Name()] = v
	}
	if len(candidates) == 0 {
		return p.helpless(statuses)
	}
	step.Nominated = plugin.Evaluator.SelectCandidate(p.ctx, candidates).Name()
	return ""
}

// helpless is what preemption says where it found no candidate.
func (p *preemptor) helpless(statuses *framework.NodeToStatus) string {
	statuses.SetAbsentNodesStatus(fwk.NewStatus(fwk.UnschedulableAndUnresolvable, "Preemption is not helpful for scheduling"))
	err := &framework.FitError{Pod: p.pod, NumAllNodes: p.nodes, Diagnosis: framework.Diagnosis{NodeToStatus: statuses}}
	return err.Error()
}

// fail does what the scheduler does for a pod that fits nowhere: the PostFilter
// plugins of its profile, then the sentence for its condition. A plugin that
// failed with an error has no sentence here; the scheduler draws one of several.
func fail(step *Step, p *preemptor) {
	if p.nodes == 0 {
		step.Message = "no nodes available to schedule pods"
		return
	}
	if step.PreFilter != nil && step.PreFilter.Code == fwk.Error.String() {
		step.Message = step.PreFilter.Reasons[0]
		return
	}
	for _, v := range step.Rejected {
		if v.Code == fwk.Error.String() {
			return
		}
	}
	fit := &framework.FitError{Pod: p.pod, NumAllNodes: p.nodes, Diagnosis: framework.Diagnosis{NodeToStatus: p.nodeToStatus}}
	if step.PreFilter != nil {
		fit.Diagnosis.PreFilterMsg = p.nodeToStatus.AbsentNodesStatus().Message()
	}
	fit.Diagnosis.PostFilterMsg = p.postFilter(step)
	step.Message = fit.Error()
}

// postFilter is RunPostFilterPlugins without its side effects.
func (p *preemptor) postFilter(step *Step) string {
	var reasons []string
	for _, plugin := range p.profile.ListPlugins().PostFilter.Enabled {
		switch plugin.Name {
		case names.DynamicResources:
			// Its state is missing where an earlier PreFilter plugin ended the
			// cycle; that is an error, and ends PostFilter too.
			if _, err := p.state.Read(fwk.StateKey(names.DynamicResources)); err != nil {
				return err.Error()
			}
			reasons = append(reasons, "no new claims to deallocate")
		case names.DefaultPreemption:
			msg := p.run(step, p.nodeToStatus.Get(p.pod.Status.NominatedNodeName))
			if step.Error != "" || step.Nominated != "" {
				return ""
			}
			reasons = append(reasons, "preemption: "+msg)
		default:
			step.Error = fmt.Sprintf("no rule for PostFilter plugin %s", plugin.Name)
		}
	}
	return fwk.NewStatus(fwk.Unschedulable, reasons...).Message()
}
