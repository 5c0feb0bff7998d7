package verify

// Claims about one file are joined if at most windowEntries entries lie between them, with at most windowBytes
// bytes of names and digests.
const (
	windowEntries = 64 << 10
	windowBytes   = 8 << 20
)

// At most maxClaims claims are joined, with at most maxBytes bytes of names that differ.
const (
	maxClaims = 256
	maxBytes  = 64 << 10
)

// perClaim is how many bytes of memory a claim takes besides names and digests, about.
const perClaim = 256

// claims is what is claimed of one file.
type claims struct {
	first claim
	more  []claim
	bytes int // of the names and digests in more
}

func (c *claims) len() int { return 1 + len(c.more) }

func (c *claims) isFull() bool { return c.len() == maxClaims || c.bytes > maxBytes }

// memory is how many bytes they take, about.
func (c *claims) memory() int { return c.len()*perClaim + c.first.size() + c.bytes }

// add adds a claim about the same file, and returns how many bytes that takes.
func (c *claims) add(more claim) int {
	size := len(more.entry.Digest)
	if more.entry.Name == c.first.entry.Name && more.name == c.first.name {
		more.entry.Name, more.name, more.slashed = c.first.entry.Name, c.first.name, c.first.slashed // kept once
	} else {
		size += more.size()
	}
	c.more = append(c.more, more)
	c.bytes += size
	return size
}

// coalescer joins claims about one file. Claims that follow one another are always joined; with wide,
// others too while they are in the window.
type coalescer struct {
	wide bool
	emit func(*claims) // valid until it returns

	last    claims // if there is one, and it is not in pending
	hasLast bool
	pending map[string]*claims
	queue   []waiting // in the order in which they came
	entries int
	bytes   int
}

type waiting struct {
	key    string
	claims *claims
}

func (c *coalescer) add(next claim) {
	if c.wide {
		c.join(next)
		return
	}
	if c.hasLast {
		if next.follows(&c.last.first) && !c.last.isFull() {
			c.last.add(next)
			return
		}
		c.emit(&c.last)
	}
	c.last.first, c.last.more, c.last.bytes, c.hasLast = next, nil, 0, true
}

func (c *coalescer) join(next claim) {
	if c.pending == nil {
		c.pending = map[string]*claims{}
	}
	key := next.key()
	if joined := c.pending[key]; joined != nil && !joined.isFull() {
		c.bytes += joined.add(next)
	} else { // older claims of that key may still be in the queue
		joined = &claims{first: next}
		c.pending[key] = joined
		c.queue = append(c.queue, waiting{key, joined})
		c.bytes += next.size()
	}
	c.entries++
	for c.entries > windowEntries || c.bytes > windowBytes {
		c.shift()
	}
}

// shift emits what has waited longest.
func (c *coalescer) shift() {
	first := c.queue[0]
	c.queue[0] = waiting{} // for the garbage collector
	c.queue = c.queue[1:]
	if c.pending[first.key] == first.claims {
		delete(c.pending, first.key)
	}
	c.entries -= first.claims.len()
	c.bytes -= first.claims.first.size() + first.claims.bytes
	c.emit(first.claims)
}

// flush emits all that is left.
func (c *coalescer) flush() {
	for len(c.queue) > 0 {
		c.shift()
	}
	if c.hasLast {
		c.emit(&c.last)
		c.last, c.hasLast = claims{}, false
	}
}
