package job

const (
	pieceSize = 16 << 10

	// spareSize is more than most records take. One that takes more than is left makes its piece grow.
	spareSize = 512
)

// spare holds pieces for the next records, 4 MB: memory that is new costs more than what is written to
// it.
var spare = make(chan *[pieceSize]byte, 256)

// pieces are records, in pieces that stay where they are while there come more.
type pieces struct {
	all  [][]byte
	size int // of all together
}

// append appends what takes about size bytes.
func (p *pieces) append(size int, record func([]byte) []byte) {
	last := len(p.all) - 1
	if last < 0 || cap(p.all[last])-len(p.all[last]) < size {
		p.all = append(p.all, newPiece()[:0])
		last++
	}
	before := len(p.all[last])
	p.all[last] = record(p.all[last])
	p.size += len(p.all[last]) - before
}

func newPiece() *[pieceSize]byte {
	select {
	case piece := <-spare:
		return piece
	default:
		return new([pieceSize]byte)
	}
}

// move appends all records to dst, and gives their memory back.
func (p *pieces) move(dst []byte) []byte {
	for _, piece := range p.all {
		dst = append(dst, piece...)
		if cap(piece) == pieceSize {
			select {
			case spare <- (*[pieceSize]byte)(piece[:pieceSize]):
			default:
			}
		}
	}
	*p = pieces{}
	return dst
}
