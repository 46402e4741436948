package sandbox

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Access is one right of a user: an existing ClusterRole or rules of its own, in one namespace or everywhere.
type Access struct {
	Namespace   string // empty: the whole cluster
	ClusterRole string // such as "view"; empty: Rules
	Rules       []rbacv1.PolicyRule
}

// User makes a user with these rights and returns the path of a kubeconfig for it. Roles and bindings are named
// after the user. Without any access the user may do what every authenticated user may.
func (s *Sandbox) User(ctx context.Context, name string, access ...Access) (string, error) {
	subject := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
	return s.subject(ctx, name, nil, subject, access)
}

// UserInGroup is User with the rights given to a group, of which the user is a member.
func (s *Sandbox) UserInGroup(ctx context.Context, name, group string, access ...Access) (string, error) {
	subject := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: group}
	return s.subject(ctx, name, []string{group}, subject, access)
}

func (s *Sandbox) subject(ctx context.Context, name string, groups []string, subject rbacv1.Subject, access []Access) (string, error) {
	for i, a := range access {
		if err := s.grant(ctx, fmt.Sprintf("%s-%d", subject.Name, i), subject, a); err != nil {
			return "", fmt.Errorf("access of %s: %w", subject.Name, err)
		}
	}
	auth, err := s.ca.certUser(name, groups...)
	if err != nil {
		return "", err
	}
	path := s.file("kubeconfig." + name)
	config := kubeconfigFor(s.APIServerURL(), s.ca.pem, auth)
	if len(access) > 0 && access[0].Namespace != "" {
		config.Contexts[contextName].Namespace = access[0].Namespace
	}
	return path, writeKubeconfig(path, config)
}

// grant writes the role, if it has rules of its own, and the binding, in the place of what had that name before.
func (s *Sandbox) grant(ctx context.Context, name string, subject rbacv1.Subject, a Access) error {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: a.ClusterRole}
	meta := metav1.ObjectMeta{Name: name, Namespace: a.Namespace}
	rbac := s.client.RbacV1()
	if a.ClusterRole == "" {
		ref.Name = name
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: a.Rules}
		if err := replace(ctx, rbac.ClusterRoles(), role); err != nil {
			return err
		}
	}
	subjects := []rbacv1.Subject{subject}
	if a.Namespace == "" {
		return replace(ctx, rbac.ClusterRoleBindings(), &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects})
	}
	return replace(ctx, rbac.RoleBindings(a.Namespace), &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects})
}

// writer is the part of a typed client that replace needs.
type writer[T metav1.Object] interface {
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

// replace creates obj after deleting what had its name: the role of a binding cannot be changed.
func replace[T metav1.Object](ctx context.Context, client writer[T], obj T) error {
	if err := client.Delete(ctx, obj.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	_, err := client.Create(ctx, obj, metav1.CreateOptions{})
	return err
}
