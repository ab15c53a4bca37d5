package decode

// list is a queue threaded through its elements, so that joining and leaving neither allocate nor search.
// An element is in at most one list per node it has.
type list[T any] struct {
	head, tail *node[T]
	n          int
}

type node[T any] struct {
	prev, next *node[T]
	in         *list[T]
	owner      *T
}

// push puts n at the end, taking it out of where it was.
func (l *list[T]) push(n *node[T], owner *T) {
	n.leave()
	n.in, n.owner, n.prev = l, owner, l.tail
	if l.tail != nil {
		l.tail.next = n
	} else {
		l.head = n
	}
	l.tail = n
	l.n++
}

// leave takes n out of its list, if it is in one.
func (n *node[T]) leave() {
	l := n.in
	if l == nil {
		return
	}
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.head = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.tail = n.prev
	}
	n.prev, n.next, n.in, n.owner = nil, nil, nil, nil
	l.n--
}
