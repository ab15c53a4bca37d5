package diagnose

import "sipcause/internal/call"

// sendFailedWords are what SIP servers write when the operating system or a connection refused to send.
var sendFailedWords = []string{"error on sending to next hop", "send failed", "sending failed", "failed to send", "unable to send", "no socket"}

// transportSendFailed: 477 (Kamailio and OpenSIPS: sending to the next hop failed), or words that say so.
func transportSendFailed(x *Case) *report {
	d := x.DecidingRef()
	if !d.Valid() || x.Sighting(d).Status < 400 {
		return nil
	}
	by477 := x.Sighting(d).Status == 477 || x.Code == 477
	if !by477 && !x.Says(sendFailedWords...) {
		return nil
	}
	confidence := 0.8
	if by477 {
		confidence = 0.95
	}
	txn, ok := x.DecidingTxn()
	if !ok {
		return nil
	}
	server := x.Txn(txn).Server
	return x.report("transport.send-failed", confidence, "%s could not send the request on: it answered %s by itself, so its own socket, connection or route to the next hop failed.", server, x.answer()).
		do("Read the log of %s at that time: it names the destination and the error (dead TCP or WebSocket connection, no route, no listening socket of that transport or family).", server).
		do("If the callee registered over TCP, TLS or WebSocket, its connection is gone: it must register again; let the server drop bindings whose connection closes.").
		see(d, "%d made by %s", x.Sighting(d).Status, server).
		suspect(server, call.RoleProxy)
}
