package mask

// none is no side.
const none = int32(-1)

// sideOrder is a sequence of sides that can be searched, a treap: a binary tree in the order of the sequence, in which
// parents have the greater weight. Weights are pseudo-random, so its depth is O(log n).
type sideOrder struct {
	root  int32
	first int32
	nodes []sideNode // by side
}

type sideNode struct {
	left, right, parent int32
	prev, next          int32
	weight              uint32
}

func (o *sideOrder) init(n int) {
	o.root, o.first = none, none
	o.nodes = make([]sideNode, n)
}

func (o *sideOrder) next(a int32) int32     { return o.nodes[a].next }
func (o *sideOrder) previous(a int32) int32 { return o.nodes[a].prev }

// insert puts a side after another, or first.
func (o *sideOrder) insert(after, side int32) {
	n := &o.nodes[side]
	*n = sideNode{left: none, right: none, parent: none, prev: after, next: o.first, weight: uint32(side+1) * 2654435769} // Knuth's multiplicative hash
	n.weight ^= n.weight >> 15
	if after == none {
		o.first = side
	} else {
		n.next = o.nodes[after].next
		o.nodes[after].next = side
	}
	if n.next != none {
		o.nodes[n.next].prev = side
	}
	switch {
	case o.root == none:
		o.root = side
	case after != none && o.nodes[after].right == none:
		o.nodes[after].right, n.parent = side, after
	default: // the next has nothing to its left
		o.nodes[n.next].left, n.parent = side, n.next
	}
	for n.parent != none && o.nodes[n.parent].weight < n.weight {
		o.raise(side)
	}
}

// raise turns a node and its parent about, so that the node is above.
func (o *sideOrder) raise(side int32) {
	n := &o.nodes[side]
	above := n.parent
	p := &o.nodes[above]
	if p.left == side {
		p.left, n.right = n.right, above
		if p.left != none {
			o.nodes[p.left].parent = above
		}
	} else {
		p.right, n.left = n.left, above
		if p.right != none {
			o.nodes[p.right].parent = above
		}
	}
	o.hang(p.parent, above, side)
	p.parent = side
}

// hang puts a node where another was below a parent.
func (o *sideOrder) hang(parent, old, side int32) {
	switch {
	case parent == none:
		o.root = side
	case o.nodes[parent].left == old:
		o.nodes[parent].left = side
	default:
		o.nodes[parent].right = side
	}
	if side != none {
		o.nodes[side].parent = parent
	}
}

// remove takes a side out.
func (o *sideOrder) remove(side int32) {
	n := &o.nodes[side]
	for n.left != none && n.right != none {
		if o.nodes[n.left].weight > o.nodes[n.right].weight {
			o.raise(n.left)
		} else {
			o.raise(n.right)
		}
	}
	o.hang(n.parent, side, max(n.left, n.right)) // none is below every side
	o.link(n.prev, n.next)
}

func (o *sideOrder) link(a, b int32) {
	if a == none {
		o.first = b
	} else {
		o.nodes[a].next = b
	}
	if b != none {
		o.nodes[b].prev = a
	}
}

// replace puts a side in the place of another.
func (o *sideOrder) replace(old, side int32) {
	o.nodes[side] = o.nodes[old]
	n := &o.nodes[side]
	o.hang(n.parent, old, side)
	for _, child := range [2]int32{n.left, n.right} {
		if child != none {
			o.nodes[child].parent = side
		}
	}
	o.link(n.prev, side)
	o.link(side, n.next)
}
