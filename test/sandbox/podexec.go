package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd/api"
)

// exec starts pilot-discovery for a pod: with its arguments and env, the token of its service account, and its
// Secret volumes below the working directory, where istiod looks for ./etc/cacerts.
func (k *kubelet) exec(ctx context.Context, pod *corev1.Pod) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, kubeletTimeout)
	defer cancel()
	c := discoveryContainer(pod)
	find := k.lookup(ctx, pod.Namespace)
	env, err := resolveEnv(pod, c, find)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(k.dir, string(pod.UID))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := mountSecrets(dir, pod, c, find); err != nil {
		return nil, err
	}
	kubeconfig, err := k.serviceAccountKubeconfig(ctx, dir, pod)
	if err != nil {
		return nil, err
	}
	env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+dir, "KUBECONFIG="+kubeconfig)
	return k.group.start(command{
		name: "istiod of pod " + pod.Namespace + "/" + pod.Name, bin: k.bin,
		args: append(append([]string{}, c.Args...), "--kubeconfig="+kubeconfig, "--ctrlz_port=0"),
		env:  env, dir: dir, logPath: k.logPath(pod),
	})
}

// serviceAccountKubeconfig writes a kubeconfig with a token of the pod's service account, bound to the pod, so that
// istiod may do what its RBAC lets it do.
func (k *kubelet) serviceAccountKubeconfig(ctx context.Context, dir string, pod *corev1.Pod) (string, error) {
	seconds := int64(48 * 3600)
	token, err := k.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{
			ExpirationSeconds: &seconds,
			BoundObjectRef:    &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of service account %s: %w", pod.Spec.ServiceAccountName, err)
	}
	path := filepath.Join(dir, "kubeconfig")
	return path, writeKubeconfig(path, kubeconfigFor(k.serverURL, k.caPEM, &api.AuthInfo{Token: token.Status.Token}))
}

func (k *kubelet) lookup(ctx context.Context, namespace string) lookup {
	return func(kind, name string) (map[string]string, bool, error) {
		data := map[string]string{}
		var err error
		if kind == "ConfigMap" {
			var cm *corev1.ConfigMap
			if cm, err = k.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
				return cm.Data, true, nil
			}
		} else {
			var secret *corev1.Secret
			if secret, err = k.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
				for key, value := range secret.Data {
					data[key] = string(value)
				}
				return data, true, nil
			}
		}
		if apierrors.IsNotFound(err) {
			return nil, false, nil
		}
		return nil, false, err
	}
}

// mountSecrets writes the Secret volumes of a container below dir.
func mountSecrets(dir string, pod *corev1.Pod, c *corev1.Container, find lookup) error {
	for _, v := range pod.Spec.Volumes {
		if v.Secret == nil {
			continue
		}
		data, found, err := find("Secret", v.Secret.SecretName)
		if err != nil {
			return err
		}
		if !found {
			if v.Secret.Optional == nil || !*v.Secret.Optional {
				return fmt.Errorf("secret %q not found", v.Secret.SecretName)
			}
			continue
		}
		for _, m := range c.VolumeMounts {
			if m.Name != v.Name {
				continue
			}
			if err := writeFiles(filepath.Join(dir, m.MountPath), data); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeFiles(dir string, data map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range data {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}
