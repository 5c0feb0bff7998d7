package job

import (
	"sync"

	"checksig/internal/wire"
)

// queries are what a job has asked its caller, and what waits for the answers.
type queries struct {
	mu       sync.Mutex
	next     uint32
	awaiting map[uint32]func(*wire.Answer) // by the numbers of queries
}

// ask sends a query to the caller. take is called with the answer, once at most, and must not wait.
func (j *Job) ask(q *wire.Query, take func(*wire.Answer)) {
	j.queries.add(q, take)
	j.appendQuery(q)
}

// Answer passes on the caller's answer to a query of the job; see package wire. One that nobody waits for is dropped.
// It keeps the data, and never waits.
func (j *Job) Answer(id uint32, answer *wire.Answer) {
	if take := j.queries.take(id); take != nil {
		take(answer)
	}
}

// add gives q a number.
func (s *queries) add(q *wire.Query, take func(*wire.Answer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.awaiting == nil {
		s.awaiting = map[uint32]func(*wire.Answer){}
	}
	s.next++
	q.ID = s.next
	s.awaiting[q.ID] = take
}

// take removes a query, and returns what waits for its answer; nil if nothing does.
func (s *queries) take(id uint32) func(*wire.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	take := s.awaiting[id]
	delete(s.awaiting, id)
	return take
}
