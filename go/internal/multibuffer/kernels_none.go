//go:build !cgo || !(amd64 || arm64)

package multibuffer

func present() features { return 0 }

// NewHasher returns an error: that of [Check], or [ErrNone].
func NewHasher() (Hasher, error) {
	if err := Check(); err != nil {
		return Hasher{}, err
	}
	return Hasher{}, ErrNone
}

// Width returns 0: there are no kernels.
func (a *Algorithm) Width() int { return 0 }
