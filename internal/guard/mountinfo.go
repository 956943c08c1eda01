package guard

import (
	"errors"
	"fmt"
	"strings"
)

// errMountinfo is the reason when a line of mountinfo is not what proc(5) describes.
var errMountinfo = errors.New("malformed mountinfo")

// mount is what the guard needs of one line of /proc/self/mountinfo.
type mount struct {
	root  string // the directory of the file system that is mounted
	point string // where, relative to the process's root
	kind  string // file system type
}

// parseMounts reads /proc/<pid>/mountinfo (proc(5)):
// id parent major:minor root point options [tag…] - type source superoptions.
func parseMounts(text string) ([]mount, error) {
	var out []mount
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		left, right, ok := strings.Cut(line, " - ")
		fields, tail := strings.Split(left, " "), strings.Split(right, " ")
		if !ok || len(fields) < 6 || len(tail) < 3 {
			return nil, fmt.Errorf("%w: %q", errMountinfo, line)
		}
		root, err1 := unescapeOctal(fields[3])
		point, err2 := unescapeOctal(fields[4])
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		out = append(out, mount{root: root, point: point, kind: tail[0]})
	}
	return out, nil
}

// unescapeOctal undoes the kernel's \ooo for space, tab, newline and backslash.
func unescapeOctal(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 >= len(s) {
			return "", fmt.Errorf("%w: short escape in %q", errMountinfo, s)
		}
		v := 0
		for _, c := range []byte(s[i+1 : i+4]) {
			if c < '0' || c > '7' {
				return "", fmt.Errorf("%w: escape in %q", errMountinfo, s)
			}
			v = v<<3 | int(c-'0')
		}
		if v > 0xff {
			return "", fmt.Errorf("%w: escape in %q", errMountinfo, s)
		}
		b.WriteByte(byte(v))
		i += 3
	}
	return b.String(), nil
}

// escapeOctal is the kernel's mangle() for mountinfo, the inverse of unescapeOctal on what the kernel prints.
func escapeOctal(s string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(s)
}

// unifiedPath finds the process's own directory in the cgroup v2 tree, wherever that is mounted, from the texts of
// /proc/self/mountinfo and /proc/self/cgroup. ok is false when there is no v2 tree or it does not show that directory.
func unifiedPath(mounts []mount, self string) (path string, ok bool) {
	own, found := "", false
	for line := range strings.Lines(self) {
		if p, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); is {
			own, found = p, true
		}
	}
	if !found || !strings.HasPrefix(own, "/") || strings.Contains(own, "/..") {
		return "", false
	}
	for _, m := range mounts {
		if m.kind != "cgroup2" {
			continue
		}
		rel, under := own, true
		if m.root != "/" {
			rel, under = strings.CutPrefix(own, m.root)
			under = under && (rel == "" || rel[0] == '/')
		}
		if under {
			return strings.TrimSuffix(m.point+"/"+strings.TrimPrefix(rel, "/"), "/"), true
		}
	}
	return "", false
}
