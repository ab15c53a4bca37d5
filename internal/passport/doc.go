// Package passport reads what signs a call: the Identity header fields of a request and the PASSporTs in them (RFC 8224,
// RFC 8225, SHAKEN: RFC 8588, div: RFC 8946), and says what of them does not fit the request, the time or the
// certificate. Its one rule: lenient in reading, exact in telling; pure functions, and no certificate is ever fetched.
//
// Signatures are checked with crypto/ecdsa and certificates with crypto/x509. There is no library of JOSE here: a
// PASSporT is a JWS of one algorithm, ES256, whose signing input stands in the header field as it was signed, so a
// library would only add the algorithms that must not be taken (RFC 8225 §4.2).
package passport
