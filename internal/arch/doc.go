// Package arch holds the house in order: layers.txt says who may import whom, and the tests here read every
// file of the repository and fail on what breaks a rule. Its one rule: it reads the files itself (so that the
// test cache notices a change) and has no exception that is not written beside the rule.
package arch
