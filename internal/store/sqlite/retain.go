package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// Retain implements store.Store. For bytes the kind goes first that has most above its share (see kindFacts); the
// partition that is written goes by age only, when all of it is too old.
func (s *Store) Retain(ctx context.Context, policy store.Policy, now time.Time) (freed store.Freed, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return freed, store.ErrClosed
	}
	s.sweep()
	for k, age := range [kinds]time.Duration{messages: policy.Messages, cases: policy.Cases, rollups: policy.Rollups} {
		if age > 0 {
			if err := s.retainAge(ctx, kind(k), wire.Time(now.Add(-age).UnixNano()), now, &freed); err != nil {
				return freed, s.full(err)
			}
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return freed, err
		}
		total, by := s.sizes()
		free, _ := room(s.dir)
		if (policy.MaxBytes <= 0 || total <= policy.MaxBytes) && (policy.MinFree <= 0 || free >= policy.MinFree) {
			return freed, nil
		}
		p := s.victim(by, max(policy.MaxBytes, 0), total)
		if p == nil {
			return freed, nil // what is written must stay
		}
		if err := s.drop(p, &freed); err != nil {
			return freed, s.full(err)
		}
	}
}

// retainAge drops the partitions whose last batch came before the cutoff.
func (s *Store) retainAge(ctx context.Context, k kind, cutoff wire.Time, now time.Time, freed *store.Freed) error {
	for _, p := range slices.Clone(s.parts[k]) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.tmax == 0 || p.tmax >= cutoff {
			continue
		}
		if p == s.last(k) {
			if k == rollups && s.unapplied != nil {
				continue
			}
			if _, err := s.roll(k, wire.Time(now.UnixNano())); err != nil {
				return err
			}
		}
		if err := s.drop(p, freed); err != nil {
			return err
		}
	}
	if k == cases && s.w[cases] != nil {
		return s.dropStale(cutoff)
	}
	return nil
}

// dropStale drops the cases that never got a final revision and began before the cutoff: nobody speaks of them any more.
func (s *Store) dropStale(cutoff wire.Time) error {
	w := s.w[cases]
	var n uint64
	if _, err := w.row("select count(*) from open where began < ?", []any{int64(cutoff)}, []any{&n}); err != nil || n == 0 {
		return err
	}
	return w.txThen(func() error {
		if err := w.exec("delete from open_call where n in (select n from open where began < ?)", int64(cutoff)); err != nil {
			return err
		}
		return w.exec("delete from open where began < ?", int64(cutoff))
	}, func(commit func() error) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := commit(); err != nil {
			return err
		}
		s.open -= n
		return nil
	})
}

// sizes returns the bytes of all, and of each kind.
func (s *Store) sizes() (total int64, by [kinds]int64) {
	for k := range kinds {
		for _, p := range s.parts[k] {
			by[k] += p.size()
		}
		total += by[k]
	}
	return total, by
}

// victim chooses the partition that goes next: nil when there are none but those that are written.
func (s *Store) victim(by [kinds]int64, budget, total int64) *partition {
	if budget == 0 {
		budget = total
	}
	var best *partition
	var most float64
	for k := range kinds {
		for _, p := range s.parts[k] {
			if p == s.last(k) && s.w[k] != nil {
				continue
			}
			above := float64(by[k]) - kindFacts[k].share*float64(budget)
			if best == nil || above > most {
				best, most = p, above
			}
			break
		}
	}
	return best
}

// drop unlinks a partition. Who reads it at the moment reads on.
func (s *Store) drop(p *partition, freed *store.Freed) error {
	if p.kind == rollups {
		if err := s.catalog.set("applied", int64(s.lastSeq(rollups))); err != nil {
			return err
		}
	}
	size := sizeOf(p.path)
	p.dropped.Store(true)
	s.withdraw(p)
	s.sealing = slices.DeleteFunc(s.sealing, func(x sealing) bool {
		if x.p == p {
			x.w.close()
		}
		return x.p == p
	})
	if err := remove(p.path); err != nil {
		return fmt.Errorf("drop %s/%s: %w", kindFacts[p.kind].dir, p.id, err)
	}
	freed.Partitions++
	freed.Bytes += size
	return s.catalog.drop(p.kind, p.id)
}
