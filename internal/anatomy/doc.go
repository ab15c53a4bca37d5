// Package anatomy says what a call was made of: the branches of its forks, its offers and answers, its rounds of
// authentication. Its one rule: pure functions of a call, which add nothing that its messages do not say; what they
// return aliases the call and is valid as long as it is.
package anatomy
