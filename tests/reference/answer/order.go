package main

import (
	"sort"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/testing"
)

// sortLists makes the client list nodes and pods as a real API server does, by
// their keys in etcd, where the fake one lists in the random order of a map. The
// scheduler sees it: an image has the size that the first node reports, and
// victims that are alike go in the order in which they came to their node.
func sortLists(client *fake.Clientset) {
	client.PrependReactor("list", "nodes", func(action testing.Action) (bool, runtime.Object, error) {
		found, err := client.Tracker().List(action.GetResource(), v1.SchemeGroupVersion.WithKind("Node"), "")
		if list, ok := found.(*v1.NodeList); ok {
			sort.Slice(list.Items, func(i, j int) bool { return list.Items[i].Name < list.Items[j].Name })
		}
		return true, found, err
	})
	client.PrependReactor("list", "pods", func(action testing.Action) (bool, runtime.Object, error) {
		found, err := client.Tracker().List(action.GetResource(), v1.SchemeGroupVersion.WithKind("Pod"), action.GetNamespace())
		if list, ok := found.(*v1.PodList); ok {
			key := func(i int) string { return list.Items[i].Namespace + "/" + list.Items[i].Name }
			sort.Slice(list.Items, func(i, j int) bool { return key(i) < key(j) })
		}
		return true, found, err
	})
}
