package clearance

// MaxD bounds d, and with it what a verifier is made to fold: a part of 2^22
// labels (blacklist.MaxPartLabels) has d = 22.
const MaxD = 22

// maxOrigin bounds a log's name in bytes, as package log does.
const maxOrigin = 255
