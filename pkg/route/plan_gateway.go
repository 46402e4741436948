package route

import "github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"

// gatewayPlan refuses: plans are made of Istio's objects alone.
func gatewayPlan(_ *mesh.Snapshot, v *View, _ Intent) (*Plan, error) {
	return nil, &RefusedError{
		Why:     "service " + v.Service.Name + " is routed by Gateway API, and kubectl mesh changes Istio's objects only",
		Instead: "change its routes with kubectl, or use --api istio",
	}
}
