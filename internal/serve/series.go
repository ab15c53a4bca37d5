package serve

import (
	"context"

	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// Series evaluates measures over time (view.Observer).
func (s *Server) Series(ctx context.Context, q view.SeriesQuery) ([]view.Series, error) {
	return nil, nil
}

// Routes lists the routes (view.Observer).
func (s *Server) Routes(ctx context.Context, from, until wire.Time) ([]view.RouteState, error) {
	return nil, nil
}
