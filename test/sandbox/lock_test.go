package sandbox

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASecondBuilderWaitsForTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := tryLock(path)
	require.NoError(t, err)
	_, err = tryLock(path)
	require.ErrorIs(t, err, errLocked)

	waits := 0
	unlockSecond, err := lockFile(t.Context(), path, func() { waits++; unlock() })
	require.NoError(t, err)
	require.Equal(t, 1, waits)

	ctx, cancel := context.WithCancel(t.Context())
	_, err = lockFile(ctx, path, cancel)
	require.ErrorIs(t, err, context.Canceled)
	unlockSecond()
}
