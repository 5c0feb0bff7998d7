package verify

import (
	"context"

	"checksig/internal/layout"
	"checksig/internal/lookahead"
	"checksig/internal/manifest"
)

const (
	// bagsAtOnce is how many bags are checked at once; for each, several folders may be read.
	bagsAtOnce = 8

	// maxRemarks is how many remarks about a bag are kept until its turn.
	maxRemarks = 100
)

// checkStructures checks the rules of structures, and of bags those of several at once where the storage is slow.
func (r *run) checkStructures() {
	ctx, structures := r.group.Context(), r.discovery.structures
	for _, s := range structures {
		if profiled, is := s.Layout.(layout.Profiled); is {
			profiled.SetProfile(r.request.BagProfile)
		}
	}
	ahead := lookahead.New(ctx, len(structures), fastManifest, func(i int) ([]remark, bool) {
		if structures[i].kind != layout.BagIt {
			return nil, false // it may need much memory
		}
		return r.remarksOn(ctx, structures[i])
	})
	ahead.Limit(bagsAtOnce)
	defer ahead.End()
	for i, s := range structures {
		report := r.reportOf(s)
		remarks, err := ahead.Get(i, func() ([]remark, error) {
			s.Check(ctx, r.discovery.at(s.folder), report)
			return nil, nil
		})
		if err != nil {
			return // the group ended
		}
		for _, m := range remarks {
			if m.isNote {
				report.Note(m.file, m.line, m.text)
			} else {
				report.Problem(m.file, m.line, m.text)
			}
		}
	}
}

// remark is a problem of a structure, or a note.
type remark struct {
	file   string
	line   int64
	text   string
	isNote bool
}

// remarksOn checks a structure, and returns what is to be reported about it; ok is false if that is too much.
func (r *run) remarksOn(parent context.Context, s *structure) (all []remark, ok bool) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	ok = true
	add := func(isNote bool) func(string, int64, string) {
		return func(file string, line int64, text string) {
			if len(all) == maxRemarks {
				ok = false
				cancel()
				return
			}
			all = append(all, remark{file, line, text, isNote})
		}
	}
	s.Check(ctx, r.discovery.at(s.folder), layout.Report{Problem: add(false), Note: add(true)})
	return all, ok && parent.Err() == nil
}

// reportOf returns what takes the remarks about a structure.
func (r *run) reportOf(s *structure) layout.Report {
	return layout.Report{
		Problem: func(file string, line int64, problem string) {
			r.record.badLine(r.manifestOf(s, file), &manifest.LineError{Line: line, Cause: problem, Code: manifest.BrokenRule})
		},
		Note: func(file string, line int64, note string) { r.record.note(r.manifestOf(s, file), line, note) },
	}
}
