package guard

// The guard's helpers are the same binary under another argv[0]. Unlike an environment variable, that is not inherited
// by the command.
const (
	argvReaper = "haltlog-guard-reaper"
	argvInit   = "haltlog-guard-init"
)

// Main must be called first thing in main of every binary that runs guards (and in TestMain), with os.Args. When the
// process was started as a guard's helper it does that work and returns the exit code and true; then main must exit.
func Main(args []string) (code int, helper bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch args[0] {
	case argvInit:
		return initMain(), true
	case argvReaper:
		return reaperMain(args[1:]), true
	default:
		return 0, false
	}
}
