package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sipcause/internal/record"
)

// maxProblemsShown is how many problems of one file Check writes.
const maxProblemsShown = 5

// Check reads every file of a store that no program has open, and decodes what they hold. It returns a report for
// people, a line for each file, and whether all is well; an error when it could not be done.
func Check(dir string) (report string, ok bool, err error) {
	codec, err := newCodec()
	if err != nil {
		return "", false, err
	}
	s := &Store{dir: dir, codec: codec}
	c, err := newWriter(filepath.Join(dir, catalogName), false, "pragma locking_mode=exclusive", "pragma busy_timeout=200")
	if err != nil {
		return "", false, fmt.Errorf("check %s: %w", dir, err)
	}
	defer c.close()
	var b strings.Builder
	ok = true
	line := func(name string, problems []string, what string) {
		if len(problems) == 0 {
			fmt.Fprintf(&b, "%s: ok, %s\n", name, what)
			return
		}
		ok = false
		for _, p := range problems {
			fmt.Fprintf(&b, "%s: %s\n", name, p)
		}
	}
	line(catalogName, integrity(c.conn), "catalogue")
	for k := range kinds {
		entries, err := os.ReadDir(filepath.Join(dir, kindFacts[k].dir))
		if err != nil {
			return "", false, fmt.Errorf("check: %w", err)
		}
		for _, e := range entries {
			name := filepath.Join(kindFacts[k].dir, e.Name())
			switch {
			case strings.HasSuffix(name, badSuffix):
				line(name, []string{"was damaged and set aside earlier"}, "")
			case strings.HasSuffix(name, ".sqlite"):
				problems, what := s.checkFile(k, filepath.Join(dir, name))
				line(name, problems, what)
			}
		}
	}
	return b.String(), ok, nil
}

// checkFile returns what is wrong with a file, else what it holds.
func (s *Store) checkFile(k kind, path string) (problems []string, what string) {
	db, err := openFile(path, live, false, nil) // it may have a log that was not closed
	if err != nil {
		return []string{err.Error()}, ""
	}
	defer db.Close()
	version, err := versionOf(db)
	if err != nil {
		return []string{err.Error()}, ""
	}
	views, err := layouts[k].reads(version)
	if err != nil {
		return []string{err.Error()}, ""
	}
	if problems = integrity(db); len(problems) > 0 {
		return problems, ""
	}
	if views != nil {
		return nil, "of the version before"
	}
	i, err := readInfo[k](db)
	if err == nil {
		err = s.decodeAll(k, db)
	}
	if err != nil {
		return []string{err.Error()}, ""
	}
	return nil, fmt.Sprintf("%d %s", i.rows, [kinds]string{"messages", "final cases", "cells"}[k])
}

// integrity returns what SQLite finds wrong.
func integrity(db querier) (problems []string) {
	rows, err := db.QueryContext(bg, fmt.Sprintf("pragma integrity_check(%d)", maxProblemsShown))
	if err != nil {
		return []string{err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var said string
		if err := rows.Scan(&said); err != nil {
			return append(problems, err.Error())
		}
		if said != "ok" {
			problems = append(problems, said)
		}
	}
	if err := rows.Err(); err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}

// decodeAll reads what SQLite knows nothing of.
func (s *Store) decodeAll(k kind, db querier) error {
	switch k {
	case messages:
		rows, err := db.QueryContext(bg, "select head, data from block")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if _, _, err := s.codec.scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	case cases:
		return eachBody(db, func(body []byte) error {
			var c record.Case
			return s.decodeCase(body, &c)
		}, "select body from row union all select body from open")
	}
	return eachBody(db, func(sums []byte) error { return eachSum(sums, func(int16, int64) {}) }, "select sums from cell")
}
