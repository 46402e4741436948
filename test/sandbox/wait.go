package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// poll asks until done says yes, ctx ends, limit passes or done gives an error that is not to be waited out.
// The error then says what was waited for and what was seen last.
func poll(ctx context.Context, what string, limit, every time.Duration, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	var last error
	for {
		ok, err := done(ctx)
		if ok {
			return nil
		}
		var final finalError
		if errors.As(err, &final) {
			return fmt.Errorf("%s: %w", what, final.error)
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			if last == nil {
				return fmt.Errorf("%s: %w", what, context.Cause(ctx))
			}
			return fmt.Errorf("%s: %w; last: %w", what, context.Cause(ctx), last)
		case <-time.After(every):
		}
	}
}

// finalError ends poll at once.
type finalError struct{ error }
