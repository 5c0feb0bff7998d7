package manifest

// LooksLikeDigest is looksLikeDigest, for the tests.
var LooksLikeDigest = looksLikeDigest
