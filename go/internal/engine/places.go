package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// places is where a manifest is written, and of what.
type places struct {
	base   string   // the folder that names are relative to: absolute, without links
	starts []string // files and folders in it, sorted, none in another; "." for all of it
	output string   // the manifest, absolute; "" if it goes to the caller
	shown  string   // the manifest as the request says it
	single string   // the folder as the request says it, if that is base
}

// show says where the file called name is.
func (p *places) show(name string) string {
	if p.single != "" {
		return filepath.Join(p.single, name)
	}
	return filepath.Join(p.base, name)
}

// places finds out what the paths of a request mean.
func (r *CreateRequest) places(format *manifest.Format, algorithms []*digest.Algorithm) (p places, err error) {
	real := make([]string, len(r.Paths))
	folders := make([]bool, len(r.Paths))
	for i, path := range r.Paths {
		if real[i], folders[i], err = r.locate(path); err != nil {
			return p, err
		}
	}
	if err := r.setOutput(&p, folders, format, algorithms); err != nil {
		return p, err
	}
	if err := r.setBase(&p, real, folders, format); err != nil {
		return p, err
	}
	for i, path := range real {
		name, inside := within(p.base, path)
		if !inside {
			return p, fmt.Errorf("%w: %s is not in %s, the folder that names are relative to", ErrUsage, r.Paths[i], p.base)
		}
		p.starts = append(p.starts, name)
	}
	p.starts = sorted(p.starts, folders)
	if len(real) == 1 && real[0] == p.base {
		p.single = r.Paths[0]
	}
	return p, nil
}

// setOutput finds out where the manifest is to be.
func (r *CreateRequest) setOutput(p *places, folders []bool, format *manifest.Format, algorithms []*digest.Algorithm) error {
	switch {
	case r.Hand:
		return nil
	case r.Output != "":
		p.shown = r.Output
	case len(r.Paths) != 1:
		return fmt.Errorf("%w: of several paths, the manifest has to be named", ErrUsage)
	case format.Base != "":
		return fmt.Errorf("%w: a manifest of format %s has to be named", ErrUsage, format.Name)
	case folders[0]:
		p.shown = filepath.Join(r.Paths[0], defaultName(format, algorithms))
	default:
		p.shown = r.Paths[0] + "." + extension(format, algorithms)
	}
	path, err := absolute(r.Dir, p.shown)
	if err != nil {
		return err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return atPath(p.shown, err)
	}
	p.output = filepath.Join(dir, filepath.Base(path))
	return nil
}

// setBase finds out which folder names are relative to: the manifest's own if all is in it,
// otherwise, of one path, the one that is
// listed, or that of the file.
func (r *CreateRequest) setBase(p *places, real []string, folders []bool, format *manifest.Format) error {
	if r.RelativeTo != "" {
		base, folder, err := r.locate(r.RelativeTo)
		if err == nil && !folder {
			err = fmt.Errorf("%w: %s is not a folder", ErrUsage, r.RelativeTo)
		}
		p.base = base
		return err
	}
	if p.output != "" {
		p.base = filepath.Dir(p.output)
	} else if len(real) == 1 && folders[0] {
		p.base = real[0]
	} else {
		var err error
		if p.base, _, err = r.locate("."); err != nil {
			return err
		}
	}
	p.base = baseOf(format, p.base)
	if len(real) != 1 {
		return nil
	}
	if _, inside := within(p.base, real[0]); inside {
		return nil
	}
	p.base = real[0]
	if !folders[0] {
		p.base = filepath.Dir(p.base)
	}
	return nil
}

// locate finds where path is, and whether it is a folder. A folder is told by its place without
// links, as a file is by that of its folder.
func (r *CreateRequest) locate(path string) (real string, folder bool, err error) {
	full, err := absolute(r.Dir, path)
	if err != nil {
		return "", false, err
	}
	info, err := os.Stat(full)
	if err != nil {
		return "", false, atPath(path, err)
	}
	if folder = info.IsDir(); folder {
		real, err = filepath.EvalSymlinks(full)
	} else if real, err = filepath.EvalSymlinks(filepath.Dir(full)); err == nil {
		real = filepath.Join(real, filepath.Base(full))
	}
	if err != nil {
		return "", false, atPath(path, err)
	}
	return real, folder, nil
}

// within returns the name of path in the folder base, if it is there.
func within(base, path string) (name string, inside bool) {
	name, err := filepath.Rel(base, path)
	if err != nil || name == ".." || strings.HasPrefix(name, ".."+string(os.PathSeparator)) {
		return "", false
	}
	return filepath.ToSlash(name), true
}

// sorted returns the names in the order of the files that they stand for, without those that lie in
// a folder among them.
func sorted(names []string, folders []bool) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = name
		if folders[i] {
			keys[i] += "/"
		}
	}
	slices.Sort(keys)
	var kept []string
	last := "\x00"
	for _, key := range keys {
		if key == "./" {
			return []string{"."}
		}
		if key == last || strings.HasSuffix(last, "/") && strings.HasPrefix(key, last) {
			continue
		}
		last = key
		kept = append(kept, strings.TrimSuffix(key, "/"))
	}
	return kept
}

// defaultName is how a manifest in a folder is called.
func defaultName(format *manifest.Format, algorithms []*digest.Algorithm) string {
	switch first := algorithms[0].Name; {
	case format.Name == "sfv":
		return "checksums.sfv"
	case format.Name == "hashdeep":
		return "hashdeep.txt"
	case format.Name == "bagit":
		return "manifest-" + first + ".txt"
	case len(algorithms) > 1:
		return "CHECKSUMS"
	default:
		return strings.ToUpper(short(first)) + "SUMS"
	}
}

// extension is what is put behind a file's name for its manifest's.
func extension(format *manifest.Format, algorithms []*digest.Algorithm) string {
	switch {
	case format.Name == "sfv", format.Name == "hashdeep":
		return format.Name
	case len(algorithms) > 1:
		return "checksums"
	}
	return short(algorithms[0].Name)
}

// short is what the tools for two algorithms call these: b2sum, b3sum.
func short(name string) string {
	switch name {
	case "blake2b":
		return "b2"
	case "blake3":
		return "b3"
	}
	return name
}

// baseOf is the folder that the names in a manifest of that format in dir start from.
func baseOf(format *manifest.Format, dir string) string {
	if format.Base == "/" {
		return filepath.VolumeName(dir) + string(os.PathSeparator)
	}
	return filepath.Join(dir, format.Base)
}
