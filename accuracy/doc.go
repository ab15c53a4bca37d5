// Package accuracy measures the diagnosis: captures, text traces and flows whose truth is known, against what
// sipcause says of them. Its one rule: a label follows from the messages, never from what sipcause said of
// them; and what the unread third gets wrong is not looked at before the rules are frozen (docs/accuracy.md).
//
// There are only tests here. Labels are in labels, one table per origin of the files; flows of RFC 3665, 5359
// and 5407 in flows; other files are elsewhere in the repository, or in ../shared/corpora.
package accuracy
