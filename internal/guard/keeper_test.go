package guard

func keeperMain(args []string) int { return 99 }
