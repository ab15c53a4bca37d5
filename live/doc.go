// Package live tests the running server with real peers: Kamailio with siptrace mirrors the calls that SIPp makes
// through it as HEP, over UDP and TCP, sngrep sends what it captures, and sipcause captures from an interface itself.
// What the server's API then says is compared with what `sipcause analyze` says of tcpdump's file of the same traffic.
// Other tests give up privileges, read the configuration again, and stop the server in the middle of a call.
//
// The test binary runs itself again in a process namespace of its own, so that whatever it started ends with it, and
// each test makes two network namespaces with a cable between: no packet leaves, and nothing stays behind. SIPp's
// scenarios and what all proxies share are the lab's. Logs and captures of a run stay in build/live.
//
// There are only tests here.
package live
