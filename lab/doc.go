// Package lab records failing calls between real elements and has sipcause judge the recordings: Kamailio as
// proxy and registrar, SIPp and baresip as ends, a B2BUA of sipgo (internal/testkit/b2bua), nftables as the
// network, tcpdump as the witness. Its one rule: what a
// scene's label says follows from how the scene is played, never from what sipcause said of it.
//
// # Scenes
//
// A scene (scenes_test.go) says who stands where, who calls, which status codes must then be in the capture, and
// the truth of it. Each theme has a file scenes_<theme>_test.go with a function that returns its list, named in
// scenes (lab_test.go). Everything that fails is made from a scene that works, by one change:
//
//	answered.but("busy", "the callee is busy", func(s *scene) {
//		s.ends[0] = reject(callee, "486", "Busy Here", "")
//	}, "486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee})
//
// so the scene before but is its healthy twin, and differs in the fault alone. What a twin needs to be like the
// failing scene (a header that is harmless with another callee) is given to both: s.with(name, change).but(…).
// Healthy scenes of one name must be one scene: twins are found by their names.
// A kind of element that scene does not have yet is a field of scene, copied in clone and started in play.
//
// Ends are files of sipp/, or steps in Go (script_test.go). The network (network_test.go) loses, rejects or
// translates packets by rules of nftables, and media (media_test.go) is RTP sent beside the signalling.
//
// Phones (phone_test.go) are baresip, told what to do by deeds; the label is about the last call or registration of
// the one named in by, whose Call-ID is read from the capture. Keys for TLS are made for each play (keys_test.go).
//
// A scene whose label sipcause contradicts says so (contradicted), and fails once sipcause agrees.
//
// # Playing
//
// Every scene has a network namespace to itself, so all of them use the same documentation addresses, run at
// the same time, and no packet leaves; what is recorded has no names but the lab's. The tests play all scenes
// and all twins and compare what sipcause says. "make record" plays them too, each failing scene with a twin
// of its own, asks sipcause nothing, and writes testdata/lab/<name>.pcap.gz, <name>-healthy.pcap.gz and the
// labels, accuracy/labels/lab.tsv; "go test ./lab -record -run TestRecordings/busy" renews some.
//
// There are only tests here; recordings and logs of a run stay in build/lab.
package lab
