package code_test

import (
	"fmt"

	"sipcause/code"
)

func ExampleLookup() {
	e, _ := code.Lookup(486)
	fmt.Println(e.Phrase, "-", e.Ref())
	fmt.Println("again:", e.Retry)
	fmt.Println(e.Caller)
	// Output:
	// Busy Here - RFC 3261 §21.4.24
	// again: later, or elsewhere
	// The line is busy; please try again later.
}

func ExampleMisuse() {
	if s, bad := code.Misuse("INVITE", 202); bad {
		fmt.Println(s)
	}
	// Output:
	// 202 answers SUBSCRIBE, REFER and MESSAGE only, and is deprecated by RFC 6665; a request that takes long gets a provisional response.
}

func ExampleQ850Cause_Agrees() {
	full, _ := code.Q850(34)
	fmt.Println(full.Name, full.Agrees(503), full.Agrees(480))
	// Output:
	// No circuit/channel available true false
}
