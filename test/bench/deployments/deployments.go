// Package deployments writes manifests to measure with.
package deployments

import (
	"bytes"
	"fmt"
)

// Text is a file with so many Deployments, no two of them alike, as people
// keep them: comments, probes, environment, resources, a second container in
// every fourth.
func Text(count int) []byte {
	var b bytes.Buffer
	for i := range count {
		name, team, minor := fmt.Sprintf("shop-%04d", i), fmt.Sprintf("team-%02d", i%40), i%17
		fmt.Fprintf(&b, `---
# %[1]s belongs to %[2]s.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: %[2]s
  labels:
    app.kubernetes.io/name: %[1]s
    app.kubernetes.io/version: "1.%[3]d"
    app.kubernetes.io/part-of: shop
    app.kubernetes.io/managed-by: Helm
spec:
  replicas: %[4]d
  selector:
    matchLabels:
      app.kubernetes.io/name: %[1]s
  template:
    metadata:
      labels:
        app.kubernetes.io/name: %[1]s
        app.kubernetes.io/version: "1.%[3]d"
        app.kubernetes.io/part-of: shop
      annotations:
        checksum/config: sha-%056[5]x
    spec:
      serviceAccountName: %[1]s
      containers:
      - name: app
        image: registry.example.org/shop/%[1]s:1.%[3]d # pinned
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: LOG_LEVEL
          value: info
        - name: UPSTREAM
          value: http://shop-%04[6]d.%[2]s:8080/api
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef:
              name: %[1]s
              key: password
        readinessProbe:
          httpGet:
            path: /ready
            port: http
          periodSeconds: 5
        livenessProbe:
          httpGet:
            path: /live
            port: http
          initialDelaySeconds: 10
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
          limits:
            memory: 256Mi
        volumeMounts:
        - name: config
          mountPath: /etc/shop
`, name, team, minor, 1+i%3, i*2654435761, i*7%count)
		if i%4 == 0 {
			b.WriteString(`      # keeps what is asked for often
      - name: cache
        image: registry.example.org/redis:7.2
        args: ["--maxmemory", "64mb"]
        readinessProbe:
          tcpSocket:
            port: 6379
        resources:
          requests: {cpu: 20m, memory: 64Mi}
`)
		}
		fmt.Fprintf(&b, "      volumes:\n      - name: config\n        configMap:\n          name: %s\n", name)
	}
	return b.Bytes()
}
