// Package lab records failing calls between real elements and has sipcause judge the recordings: Kamailio as
// proxy and registrar, SIPp as both ends, tcpdump as the witness. Its one rule: what a scene's label says
// (scenes_test.go) follows from how the scene is played, never from what sipcause said of it.
//
// Every scene has a network namespace to itself, so all of them use the same documentation addresses, run at
// the same time, and no packet leaves. There are only tests here; recordings and logs stay in build/lab.
package lab
