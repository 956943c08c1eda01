package officer

const (
	// MaxFile bounds every file that is read here: a request for a statement that
	// is logged in parts, in base64.
	MaxFile = 12 << 20
	// maxSet bounds one --set value.
	maxSet = 4096
)
