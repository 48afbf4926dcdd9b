// Podresources answers how much pods ask for in each of the ways kube-scheduler counts: a Pod a line in
// (defaulted here), and out, a line each, {requests, nonzero, filter, fit, balanced}: cpu in millicores.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
	corev1defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/util"
)

type out struct {
	Requests map[string]int64 `json:"requests"`
	Nonzero  []int64          `json:"nonzero"`
	Filter   map[string]int64 `json:"filter"`
	Fit      map[string]int64 `json:"fit"`
	Balanced map[string]int64 `json:"balanced"`
}

func conv(rl v1.ResourceList) map[string]int64 {
	r := map[string]int64{}
	for k, q := range rl {
		if k == v1.ResourceCPU {
			r[string(k)] = q.MilliValue()
		} else {
			r[string(k)] = q.Value()
		}
	}
	return r
}

func res(r *framework.Resource) map[string]int64 {
	m := map[string]int64{}
	for k, v := range r.ScalarResources {
		m[string(k)] = v
	}
	m["cpu"], m["memory"], m["ephemeral-storage"] = r.MilliCPU, r.Memory, r.EphemeralStorage
	return m
}

func main() {
	sc := bufio.NewScanner(os.Stdin)
	sc.Buffer(make([]byte, 1<<20), 1<<26)
	enc := json.NewEncoder(os.Stdout)
	for sc.Scan() {
		var pod v1.Pod
		if err := json.Unmarshal(sc.Bytes(), &pod); err != nil {
			panic(err)
		}
		corev1defaults.SetObjectDefaults_Pod(&pod)
		pi, err := framework.NewPodInfo(&pod)
		if err != nil {
			panic(err)
		}
		cr := pi.CalculateResource()
		var f framework.Resource
		f.SetMaxResource(resourcehelper.PodRequests(&pod, resourcehelper.PodResourcesOptions{}))
		defaults := v1.ResourceList{
			v1.ResourceCPU:    *resource.NewMilliQuantity(util.DefaultMilliCPURequest, resource.DecimalSI),
			v1.ResourceMemory: *resource.NewQuantity(util.DefaultMemoryRequest, resource.DecimalSI),
		}
		o := out{
			Requests: res(cr.Resource.(*framework.Resource)),
			Nonzero:  []int64{cr.Non0CPU, cr.Non0Mem},
			Filter:   res(&f),
			Fit: conv(resourcehelper.PodRequests(&pod, resourcehelper.PodResourcesOptions{
				SkipPodLevelResources: true, NonMissingContainerRequests: defaults})),
			Balanced: conv(resourcehelper.PodRequests(&pod, resourcehelper.PodResourcesOptions{
				UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true})),
		}
		enc.Encode(o)
	}
}
