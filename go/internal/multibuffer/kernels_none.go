//go:build !cgo || !(amd64 || arm64)

package multibuffer

func present() features { return 0 }

// Width returns 0: there is no kernel.
func (a *Algorithm) Width() int { return 0 }
