package engine

import (
	"iter"
	"math/rand/v2"
	"strconv"
)

// pick takes one word at random.
func pick(words []string) string { return words[rand.IntN(len(words))] }

// digits are five random ones.
func digits() iter.Seq[string] {
	return func(yield func(string) bool) {
		for range 5 {
			if !yield(strconv.Itoa(rand.IntN(10))) {
				return
			}
		}
	}
}

// Generated names are an adjective and the surname of somebody who made
// networks what they are.
var (
	adjectives = []string{
		"able", "agile", "amber", "ample", "artful", "bold", "brave", "bright", "brisk", "calm",
		"candid", "careful", "cheerful", "civil", "clear", "clever", "cosy", "crisp", "curious", "daring",
		"deft", "eager", "early", "earnest", "easy", "fair", "famous", "fast", "fearless", "fine",
		"fluent", "fond", "frank", "fresh", "gentle", "glad", "golden", "graceful", "handy", "happy",
		"hardy", "helpful", "honest", "humble", "jolly", "keen", "kind", "lively", "lucid", "lucky",
		"mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "open", "patient", "placid",
		"polite", "proud", "quick", "quiet", "ready", "robust", "serene", "sharp", "silent", "sincere",
		"smart", "solid", "steady", "sturdy", "subtle", "sunny", "swift", "tidy", "trusty", "vivid",
		"warm", "wise", "witty", "zesty",
	}
	surnames = []string{
		"albitz", "allman", "baran", "bellovin", "berners", "boggs", "borman", "bradner", "braden", "butler",
		"cailliau", "carpenter", "case", "cerf", "cheriton", "clark", "cohen", "crocker", "crowcroft", "davies",
		"deering", "diffie", "dijkstra", "estrin", "feinler", "floyd", "fuller", "gettys", "hamming", "hellman",
		"hinden", "hopper", "huitema", "jacobson", "kahn", "karn", "kent", "kirstein", "kleinrock", "kuznetsov",
		"lamarr", "lamport", "leffler", "licklider", "lynch", "mcpherson", "metcalfe", "mills", "mockapetris", "moy",
		"nagle", "narten", "neumann", "partridge", "paxson", "perlman", "pike", "postel", "pouzin", "rekhter",
		"reynolds", "ritchie", "roberts", "rose", "russell", "saltzer", "schulzrinne", "shannon", "shenker", "stevens",
		"tanenbaum", "taylor", "thompson", "tomlinson", "torvalds", "turing", "vixie", "welte", "wing", "zimmermann",
	}
)
