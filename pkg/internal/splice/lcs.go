package splice

// common returns the longest list of pairs of equal elements of a and b that
// are in the same order in both. For lists too long for that it returns a
// list that need not be the longest.
func common(a, b []string) [][2]int {
	var pairs [][2]int
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		pairs = append(pairs, [2]int{start, start})
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA--
		endB--
	}
	middle := longest
	if (endA-start)*(endB-start) > maxCells {
		middle = greedy
	}
	for _, p := range middle(a[start:endA], b[start:endB]) {
		pairs = append(pairs, [2]int{start + p[0], start + p[1]})
	}
	for i := endA; i < len(a); i++ {
		pairs = append(pairs, [2]int{i, endB + i - endA})
	}
	return pairs
}

// maxCells bounds the table that longest fills.
const maxCells = 1 << 20

// longest is the textbook longest common subsequence.
func longest(a, b []string) [][2]int {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	width := len(b) + 1
	table := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			best := max(table[(i+1)*width+j], table[i*width+j+1])
			if a[i] == b[j] {
				best = table[(i+1)*width+j+1] + 1
			}
			table[i*width+j] = best
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i++
			j++
		case table[(i+1)*width+j] > table[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// greedy pairs each element of b with the next equal one of a.
func greedy(a, b []string) [][2]int {
	places := map[string][]int{}
	for i, s := range a {
		places[s] = append(places[s], i)
	}
	var pairs [][2]int
	next := 0
	for j, s := range b {
		list := places[s]
		for len(list) > 0 && list[0] < next {
			list = list[1:]
		}
		places[s] = list
		if len(list) > 0 {
			pairs = append(pairs, [2]int{list[0], j})
			next = list[0] + 1
		}
	}
	return pairs
}
